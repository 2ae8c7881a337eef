"""Tail first: questions whose answers help rare classes most, varied in class and look."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.inference.queues.contract import QueueArrays, QueueItem, QueueRequest
from lmpt_desktop.inference.queues.doubt import closeness, percent
from lmpt_desktop.inference.queues.entries import (
    Entries,
    Floats,
    Rows,
    asked_columns,
    best_of_each_class,
    rank_in_group,
)
from lmpt_desktop.inference.queues.features import Features
from lmpt_desktop.inference.queues.variety import varied
from lmpt_desktop.translation import _, ngettext

CANDIDATES = 24
"""Likeliest unanswered photos of every class that are considered."""
POOL = 4
"""Candidates for each question, between which variety may choose."""


def tail_first(
    arrays: QueueArrays, request: QueueRequest, rows: Rows, features: Features
) -> tuple[list[QueueItem], int]:
    """Rarity x uncertainty x room to learn, then variety."""
    columns = asked_columns(arrays, request)
    found = best_of_each_class(arrays, rows, columns, CANDIDATES)
    counts = np.asarray(arrays.bands.counts, np.float64)
    values = worth(arrays, found, counts)
    pool = np.argsort(-values, kind="stable")[: POOL * request.length]
    looks = features.of(arrays.image_ids[found.rows[pool]])
    chosen = varied(values[pool], found.columns[pool], found.rows[pool], looks, request.length)
    order = pool[chosen]
    columns_of = found.columns.tolist()
    estimated = arrays.bands.estimated
    items = [
        QueueItem(
            int(arrays.image_ids[found.rows[place]]),
            arrays.classes[columns_of[place]].id,
            float(values[place]),
            _reason(
                int(counts[columns_of[place]]),
                percent(float(found.values[place])),
                estimated,
            ),
        )
        for place in order.tolist()
    ]
    return items, found.possible


def worth(arrays: QueueArrays, found: Entries, counts: NDArray[np.float64]) -> Floats:
    """(m,) value of each candidate."""
    column = found.columns
    rarity = 1.0 / (1.0 + counts[column])
    doubt = closeness(found.values, arrays.thresholds[column])
    # A class's scores may all be low; being its likeliest photo is worth something anyway.
    standing = 1.0 / (1.0 + rank_in_group(column))
    return (rarity * (doubt + standing)).astype(np.float32)


def _reason(count: int, score: int, estimated: bool) -> str:
    if estimated:
        return _("Seems to be a rare class here, and the model says {score} %.").format(score=score)
    if not count:
        return _("No photo of this class yet, and the model says {score} %.").format(score=score)
    text = ngettext(
        "Only {count} photo of this class yet, and the model says {score} %.",
        "Only {count} photos of this class yet, and the model says {score} %.",
        count,
    )
    return text.format(count=count, score=score)
