"""Which classes an image has: from its annotations, its scores and the thresholds.

Every other part of the app asks these functions, so that the grid, the filters, the exports and
``lmpt-desktop tag`` give one answer.  They work on any slice of the library's arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FEW_SCORES = 1 << 16
"""Up to this many scores are looked at together, rather than class by class."""


def predicted_classes(
    scores: NDArray[np.float32], thresholds: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Whether each score reaches the threshold of its class; NaN (no score yet) never does.

    Args:
        scores: (..., C) float32 in [0, 1].
        thresholds: (C,) float32, or any shape that broadcasts to that of the scores.
    """
    with np.errstate(invalid="ignore"):
        return scores >= thresholds


def assigned_classes(
    annotations: NDArray[np.int8], predicted: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Whether an image has each class: it is annotated present, or predicted and not annotated
    absent.

    Args:
        annotations: int8, 1 present, 0 absent, -1 unknown.
        predicted: bool of the same shape, see :func:`predicted_classes`.
    """
    return (annotations == 1) | (predicted & (annotations != 0))


def corrected_classes(
    annotations: NDArray[np.int8], scores: NDArray[np.float32], thresholds: NDArray[Any]
) -> NDArray[np.bool_]:
    """Whether the annotation of each class contradicts its prediction.

    Without an annotation or a score there is nothing to contradict.

    Args:
        annotations: (..., C) int8, 1 present, 0 absent, -1 unknown.
        scores: float32 of the same shape, NaN if there is none.
        thresholds: (C,) float32, or the shape of the scores.
    """
    predicted = predicted_classes(scores, thresholds)
    return (annotations >= 0) & ~np.isnan(scores) & ((annotations == 1) != predicted)


def is_unscored(scores: NDArray[np.float32]) -> bool:
    """Whether these are one NaN, broadcast (:func:`.snapshot.no_scores`): nothing is predicted
    yet."""
    return scores.size > 1 and not any(scores.strides)


def has_scores(scores: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(n,) whether each row of (n, C) scores has one at all: the model has seen the image.

    A class whose name is not encoded yet has no score anywhere, so one NaN says nothing.
    """
    if scores.size <= FEW_SCORES:  # a card's, say, where a step for each class would take longer
        return np.any(~np.isnan(scores), axis=1)
    found = np.zeros(len(scores), np.bool_)
    rest = np.arange(len(scores))
    # Nearly always the first column decides; further ones are read only where it is NaN.
    for column in range(scores.shape[1]):
        known = ~np.isnan(scores[rest, column])
        found[rest[known]] = True
        rest = rest[~known]
        if not len(rest) or not any(scores.strides):
            break
    return found
