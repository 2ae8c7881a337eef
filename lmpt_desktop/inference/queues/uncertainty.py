"""Questions about the model's doubts: near its thresholds, and where it contradicts the user."""

from __future__ import annotations

import numpy as np

from lmpt_desktop.inference.queues.entries import Floats, best_entries
from lmpt_desktop.inference.queues.questions import Choice, QueueInputs, QueueItem
from lmpt_desktop.inference.queues.score_stats import logits, score_stats
from lmpt_desktop.translation import _

FIRM = 0.5
"""A contradiction is firm from this share of the way between threshold and certainty."""
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


def uncertain(inputs: QueueInputs) -> Choice:
    """Unknown entries nearest to their threshold first."""
    snapshot = inputs.snapshot
    found = best_entries(snapshot, inputs.rows, inputs.columns, closeness, inputs.length)
    items = (
        QueueItem(
            int(snapshot.image_ids[row]),
            snapshot.classes[column].id,
            value,
            _("The model says {score} %; the threshold is {threshold} %.").format(
                score=percent(float(snapshot.scores[row, column])),
                threshold=percent(float(snapshot.thresholds[column])),
            ),
        )
        for row, column, value in found.listed()
    )
    return Choice(tuple(items), found.possible)


def disagreements(inputs: QueueInputs) -> Choice:
    """Annotated entries that the model firmly contradicts, the firmest first.

    A present image with a low score is no contradiction if the score is still above the usual
    one of the class: a rare class scores low everywhere.  Nor is an absent one below it.
    """
    snapshot, rows = inputs.snapshot, inputs.rows
    requested = np.zeros(len(snapshot.classes), np.bool_)
    requested[inputs.columns] = True
    # Few rows are annotated, however large the library is.
    annotated = rows[(snapshot.annotations[rows] >= 0).any(axis=1)]
    r, c = np.nonzero((snapshot.annotations[annotated] >= 0) & requested)
    r = annotated[r]
    present, scores = snapshot.annotations[r, c] == 1, snapshot.scores[r, c]
    at = np.clip(snapshot.thresholds[c], _EDGE, 1 - _EDGE)
    # Positive where the prediction contradicts the annotation; 1 is certainty.
    against = np.where(present, (at - scores) / at, (scores - at) / (1 - at))
    beyond = logits(scores) - score_stats(snapshot, rows).mean[c]
    firm = np.flatnonzero((against >= FIRM) & np.where(present, beyond <= 0, beyond >= 0))
    order = firm[np.lexsort((c[firm], r[firm], -against[firm]))]
    items = (
        QueueItem(
            int(snapshot.image_ids[r[place]]),
            snapshot.classes[int(c[place])].id,
            float(against[place]),
            (
                _("Annotated as present, but the model says {score} %.")
                if present[place]
                else _("Annotated as absent, but the model says {score} %.")
            ).format(score=percent(float(scores[place]))),
        )
        for place in order[: inputs.length].tolist()
    )
    return Choice(tuple(items), len(firm))


def percent(score: float) -> int:
    """A score as the percentage that the user reads."""
    return round(100 * score)
