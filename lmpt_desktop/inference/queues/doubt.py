"""Questions from what the model says: where it wavers, and where it contradicts the user."""

from __future__ import annotations

import numpy as np

from lmpt_desktop.inference.queues.contract import QueueArrays, QueueItem, QueueRequest
from lmpt_desktop.inference.queues.entries import (
    Floats,
    Rows,
    asked_columns,
    best_entries,
)
from lmpt_desktop.inference.queues.usual import logits, usual_scores
from lmpt_desktop.translation import _

FIRM = 0.5
"""A contradiction counts from this share of the way between threshold and certainty."""
_EDGE = np.float32(1e-4)


def closeness(scores: Floats, thresholds: Floats) -> Floats:
    """How close the model is to changing its mind: 1 at the threshold, 0 at a score of 0 or 1.

    Args:
        scores: (..., c).
        thresholds: (c,).
    """
    at = np.clip(thresholds, _EDGE, 1 - _EDGE)
    below = scores * (1 / at)
    above = (1 - scores) * (1 / (1 - at))
    return np.minimum(below, above)


def uncertain(
    arrays: QueueArrays, request: QueueRequest, rows: Rows
) -> tuple[list[QueueItem], int]:
    """Unknown entries nearest to their threshold first."""
    columns = asked_columns(arrays, request)
    found = best_entries(arrays, rows, columns, closeness, request.length)
    items = [
        QueueItem(
            int(arrays.image_ids[row]),
            arrays.classes[column].id,
            value,
            _("The model says {score} %, and decides at {threshold} %.").format(
                score=percent(float(arrays.scores[row, column])),
                threshold=percent(float(arrays.thresholds[column])),
            ),
        )
        for row, column, value in found.listed()
    ]
    return items, found.possible


def disagreements(
    arrays: QueueArrays, request: QueueRequest, rows: Rows
) -> tuple[list[QueueItem], int]:
    """Annotated entries that the model firmly contradicts, the firmest first.

    A present photo with a low score is no contradiction where it is still above what the class
    usually gets: a rare class scores low wherever it is.  Nor is an absent one below that.
    """
    columns = asked_columns(arrays, request)
    inside = np.zeros(len(arrays.classes), np.bool_)
    inside[columns] = True
    # Row by row of what is annotated: that is little, however large the library.
    annotated = rows[(arrays.annotations[rows] >= 0).any(axis=1)]
    r, c = np.nonzero((arrays.annotations[annotated] >= 0) & inside)
    r = annotated[r]
    said, scores = arrays.annotations[r, c], arrays.scores[r, c]
    at = np.clip(arrays.thresholds[c], _EDGE, 1 - _EDGE)
    # Positive where the prediction contradicts what was said; 1 is certainty.
    against = np.where(said == 1, (at - scores) / at, (scores - at) / (1 - at))
    beyond = logits(scores) - usual_scores(arrays, rows).mean[c]
    firm = np.flatnonzero((against >= FIRM) & np.where(said == 1, beyond <= 0, beyond >= 0))
    order = firm[np.lexsort((c[firm], r[firm], -against[firm]))]
    items = [
        QueueItem(
            int(arrays.image_ids[r[place]]),
            arrays.classes[int(c[place])].id,
            float(against[place]),
            (
                _("Annotated as present, but the model says {score} %.")
                if said[place] == 1
                else _("Annotated as absent, but the model says {score} %.")
            ).format(score=percent(float(scores[place]))),
        )
        for place in order[: request.length].tolist()
    ]
    return items, len(firm)


def percent(score: float) -> int:
    """A score as the user reads it."""
    return round(100 * score)
