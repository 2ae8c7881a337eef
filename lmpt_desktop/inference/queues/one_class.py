"""Questions about one class: its most likely images, and those most like its examples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.inference.queues.entries import Floats, best_entries
from lmpt_desktop.inference.queues.questions import Choice, QueueInputs, QueueItem
from lmpt_desktop.inference.queues.uncertainty import percent
from lmpt_desktop.inference.search import top
from lmpt_desktop.translation import _

MAX_EXAMPLES = 32
"""Examples to compare with; more would take longer and look like one of these."""


def class_sweep(inputs: QueueInputs) -> Choice:
    """Unknown entries of the class, highest score first."""
    snapshot = inputs.snapshot
    found = best_entries(
        snapshot, inputs.rows, inputs.columns, lambda scores, _thresholds: scores, inputs.length
    )
    items = (
        QueueItem(
            int(snapshot.image_ids[row]),
            snapshot.classes[column].id,
            score,
            _("The model says {score} %.").format(score=percent(score)),
        )
        for row, column, score in found.listed()
    )
    return Choice(tuple(items), found.possible)


def more_like(inputs: QueueInputs) -> Choice:
    """Unknown entries of the class, most like one of its present images first."""
    snapshot, features, rows = inputs.snapshot, inputs.features, inputs.rows
    if not len(inputs.columns):
        return Choice()
    column = int(inputs.columns[0])
    entry = snapshot.classes[column]
    present = snapshot.image_ids[snapshot.annotations[:, column] == 1]
    examples = spread_out(features.of(present), MAX_EXAMPLES)
    if not len(examples):
        note = _("“{name}” has no example yet. Mark it present in a photo that is already encoded.")
        return Choice(note=note.format(name=entry.name))
    # An image without a score has nothing to show beside the question.
    unknown = snapshot.annotations[rows, column] < 0
    asked = rows[unknown & ~np.isnan(snapshot.scores[rows, column])]
    values = features.nearest(examples, snapshot.image_ids[asked])
    best = top(values, inputs.length)
    best = best[~np.isnan(values[best])]
    items = (
        QueueItem(
            int(snapshot.image_ids[asked[place]]),
            entry.id,
            float(values[place]),
            _("Similar to a photo with “{name}” ({alike} %).").format(
                name=entry.name, alike=percent(max(float(values[place]), 0.0))
            ),
        )
        for place in best.tolist()
    )
    return Choice(tuple(items), int((~np.isnan(values)).sum()))


def spread_out(features: Floats, limit: int) -> NDArray[np.float32]:
    """At most ``limit`` of (m, D) unit features, each as different as possible from those before
    it, so that every look of a class is represented.  Zero rows are left out.
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
