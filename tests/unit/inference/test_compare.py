from __future__ import annotations

import numpy as np

from lmpt_desktop.inference.compare import compare

NAN = float("nan")


def test_changes_are_listed_by_how_far_the_margin_moved() -> None:
    old = np.array([[0.6, 0.4], [0.9, 0.1]], np.float32)
    new = np.array([[0.4, 0.9], [0.8, 0.2]], np.float32)
    half = np.full(2, 0.5, np.float32)
    changes = compare(old, half, new, half)
    assert changes.rows.tolist() == [0, 0]
    assert changes.columns.tolist() == [1, 0]
    assert changes.gained.tolist() == [True, False]
    assert changes.images == 1


def test_a_moved_threshold_alone_changes_predictions() -> None:
    scores = np.array([[0.4]], np.float32)
    changes = compare(scores, np.array([0.5], np.float32), scores, np.array([0.3], np.float32))
    assert changes.gained.tolist() == [True]


def test_unknown_scores_change_nothing() -> None:
    half = np.full(2, 0.5, np.float32)
    old = np.array([[NAN, 0.9]], np.float32)
    new = np.array([[0.9, NAN]], np.float32)
    assert len(compare(old, half, new, half).rows) == 0
