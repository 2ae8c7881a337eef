"""The best thresholds that calibrated scores themselves promise (imports no torch).

The F1 of the k highest of calibrated scores p is expected to be 2 sum_k p / (k + sum p), and the
best threshold is half of the best F1 (Lipton et al., arXiv 1402.1892, theorem 1).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

THRESHOLD_RANGE = (0.01, 0.9)

Floats = NDArray[np.floating[Any]]


def expected_thresholds(scores: Floats) -> NDArray[np.float64]:
    """(C,) thresholds of calibrated scores (n, C), n of at least 1, with the best expected F1.

    Half-way, in log odds, between that of the class's own F1 and that of all entries together: a
    class's own would have a class whose scores hardly differ predicted in most images.
    """
    own, pooled = best_expected_f1(scores) / 2, best_expected_f1(scores.reshape(-1, 1)) / 2
    odds = np.sqrt(own / (1 - own) * (pooled / (1 - pooled)))
    return np.clip(odds / (1 + odds), *THRESHOLD_RANGE)


def best_expected_f1(scores: Floats) -> NDArray[np.float64]:
    """(C,) the highest expected F1 of calibrated scores (n, C), in [0, 1]."""
    ordered = -np.sort(-scores, axis=0)
    total = np.cumsum(ordered, axis=0, dtype=np.float64)
    chosen = np.arange(1, len(ordered) + 1)[:, None]
    return np.asarray((2 * total / (chosen + total[-1])).max(axis=0), np.float64)
