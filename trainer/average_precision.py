"""Average precision of a class in numpy alone: a test holds that it is scikit-learn's.

For the window, which does not load scikit-learn, and for choosing among many candidates in
training; the figures that a run reports are scikit-learn's (:mod:`trainer.metrics`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def average_precision(
    scores: NDArray[np.floating[Any]], present: NDArray[np.bool_]
) -> float | None:
    """Of one class: the mean precision at every present image, with tied scores as one step.

    Args:
        scores: (n,) finite.
        present: (n,).

    Returns:
        None if there is no present or no absent image.
    """
    count = int(present.sum())
    if not count or count == len(present):
        return None
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], np.cumsum(present[order])
    # The last of every run of equal scores: where a threshold can be.
    ends = np.flatnonzero(np.append(np.diff(ranked) != 0, True))
    precision = hits[ends] / (ends + 1)
    gained = np.diff(hits[ends], prepend=0)
    return float((precision * gained).sum() / count)
