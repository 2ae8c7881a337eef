from __future__ import annotations

import numpy as np

from lmpt_desktop.ui.grid.card_order import CardOrder

ORDER = CardOrder(np.array([2, 0, 1]), np.array([30, 10, 20]))


def test_positions_of_images_that_are_there_and_of_others() -> None:
    asked = np.array([10, 20, 30, 11, 0, -5, 31, 10**9])
    assert ORDER.positions(asked).tolist() == [1, 2, 0, -1, -1, -1, -1, -1]
    assert ORDER.positions(np.array([20, 30])).tolist() == [2, 0]
    assert ORDER.positions(np.array([20])).dtype == np.int64


def test_no_images_have_no_positions() -> None:
    none = np.empty(0, np.int64)
    assert ORDER.positions(none).tolist() == []
    assert CardOrder(none, none).positions(np.array([0, 7])).tolist() == [-1, -1]
