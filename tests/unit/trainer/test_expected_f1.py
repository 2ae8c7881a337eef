from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trainer.expected_f1 import THRESHOLD_RANGE, best_expected_f1, expected_thresholds


def sigmoid(x: NDArray[np.floating]) -> NDArray[np.floating]:
    return 1 / (1 + np.exp(-x))


def test_the_best_f1_of_scores_that_are_certain_is_one() -> None:
    scores = np.array([[1.0, 0.5], [0.0, 0.5], [0.0, 0.5]])
    np.testing.assert_allclose(best_expected_f1(scores), [1.0, 2 / 3])


def test_thresholds_stay_in_their_range() -> None:
    low, high = THRESHOLD_RANGE
    scores = np.stack([np.full(50, 1e-7), np.full(50, 1 - 1e-7)], axis=1)
    found = expected_thresholds(scores)
    assert (found >= low).all()
    assert (found <= high).all()


def test_thresholds_are_the_best_of_the_photos_they_promise() -> None:
    random = np.random.default_rng(1)
    scores = sigmoid(random.normal(-2.5, 2.0, (4000, 1))).astype(np.float32)
    present = random.random(scores.shape) < scores
    threshold = expected_thresholds(scores)[0]

    def f1(at: float) -> float:
        made = scores >= at
        return 2 * (made & present).sum() / (made.sum() + present.sum())

    best = max(f1(at) for at in np.linspace(0.02, 0.98, 97))
    assert f1(threshold) > best - 0.01
    assert threshold < 0.5
