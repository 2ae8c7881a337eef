from __future__ import annotations

import numpy as np

from lmpt_desktop.domain.natural_order import natural_ranks


def test_names_sort_as_people_do() -> None:
    names = ["img10", "IMG2", "img1", "b", "a9/x", "a10/x", "10", "9"]
    order = [names[i] for i in np.argsort(natural_ranks(names))]
    assert order == ["9", "10", "a9/x", "a10/x", "b", "img1", "IMG2", "img10"]
