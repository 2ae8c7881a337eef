"""Questions about one class: its likeliest photos, and those most like its examples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.inference.queues.contract import QueueArrays, QueueItem, QueueRequest
from lmpt_desktop.inference.queues.doubt import percent
from lmpt_desktop.inference.queues.entries import Floats, Rows, asked_columns, best_entries
from lmpt_desktop.inference.queues.features import Features
from lmpt_desktop.inference.search import top
from lmpt_desktop.translation import _

MAX_EXAMPLES = 32
"""Examples that photos are compared with: more take longer and look like one of these."""


def class_sweep(
    arrays: QueueArrays, request: QueueRequest, rows: Rows
) -> tuple[list[QueueItem], int]:
    """Unknown entries of the class, highest score first."""
    columns = asked_columns(arrays, request)
    found = best_entries(arrays, rows, columns, lambda scores, _at: scores, request.length)
    items = [
        QueueItem(
            int(arrays.image_ids[row]),
            arrays.classes[column].id,
            score,
            _("The model says {score} %.").format(score=percent(score)),
        )
        for row, column, score in found.listed()
    ]
    return items, found.possible


def more_like(
    arrays: QueueArrays, request: QueueRequest, rows: Rows, features: Features
) -> tuple[list[QueueItem], int, str]:
    """Unknown entries of the class, most like one of its present photos first; and why there
    are none.
    """
    columns = asked_columns(arrays, request)
    if not len(columns):
        return [], 0, ""
    column = int(columns[0])
    entry = arrays.classes[column]
    positives = arrays.image_ids[arrays.annotations[:, column] == 1]
    examples = spread_out(features.of(positives), MAX_EXAMPLES)
    if not len(examples):
        note = _(
            "“{name}” has no example yet. Mark it present in a photo that the model has looked at."
        )
        return [], 0, note.format(name=entry.name)
    # A score, too, is asked for: without one there is nothing to show beside the question.
    asked = rows[(arrays.annotations[rows, column] < 0) & ~np.isnan(arrays.scores[rows, column])]
    values = features.nearest(examples, arrays.image_ids[asked])
    best = top(values, request.length)
    best = best[~np.isnan(values[best])]
    items = [
        QueueItem(
            int(arrays.image_ids[asked[place]]),
            entry.id,
            float(values[place]),
            _("Looks like a photo with “{name}” ({alike} % alike).").format(
                name=entry.name, alike=percent(max(float(values[place]), 0.0))
            ),
        )
        for place in best.tolist()
    ]
    return items, int((~np.isnan(values)).sum()), ""


def spread_out(features: Floats, limit: int) -> NDArray[np.float32]:
    """At most ``limit`` of (m, D) unit features, each as unlike those before as can be, so that
    a class that looks several ways is represented by all of them.  Zero rows are left out.
    """
    known = features[np.linalg.norm(features, axis=1) > 0.5]
    if len(known) <= limit:
        return known
    chosen = [int(np.argmax(known @ known.mean(axis=0)))]
    nearest = known @ known[chosen[0]]
    while len(chosen) < limit:
        chosen.append(int(np.argmin(nearest)))
        np.maximum(nearest, known @ known[chosen[-1]], out=nearest)
    return known[chosen]
