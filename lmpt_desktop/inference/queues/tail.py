"""Tail first: questions whose answers help rare classes most, varied in class and look.

What a rare class lacks is examples, and a retraining makes much of its first few (measured in
docs/adr/0009-review-queues.md).  So a question is worth

    rarity x uncertainty x room to learn

where rarity falls with the class's present annotations, uncertainty is the chance that the answer
is the yes that nobody has given yet, and room falls with the questions asked about the class in
vain.  Scores alone estimate that chance badly, because a class that nobody has trained may score
high or low on every photo.  Two comparisons do better: with the photo's other classes, and with
the class's other photos.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.inference.queues.contract import QueueArrays, QueueItem, QueueRequest
from lmpt_desktop.inference.queues.doubt import percent
from lmpt_desktop.inference.queues.entries import (
    BLOCK_ENTRIES,
    Entries,
    Rows,
    asked_columns,
    best_of_each_class,
)
from lmpt_desktop.inference.queues.features import Features
from lmpt_desktop.inference.queues.usual import LEAST, MOST, logits, usual_scores
from lmpt_desktop.inference.queues.variety import varied
from lmpt_desktop.translation import _, ngettext

CANDIDATES = 24
"""Likeliest unanswered photos of every class that are considered,"""
MAX_CANDIDATES = 12_000
"""fewer where there are very many classes."""
POOL = 4
"""Candidates for each question, between which variety may choose."""
SLOPE, OFFSET = 0.7, -1.9
"""Of the chance of a yes, in logits: fitted to zero-shot predictions of Corel5k."""
RARITY_POWER = 1.0
VAIN = 8.0
"""Questions answered with no, beyond those with yes, that halve the room to learn."""

Doubles = NDArray[np.float64]


def tail_first(
    arrays: QueueArrays, request: QueueRequest, rows: Rows, features: Features
) -> tuple[list[QueueItem], int]:
    """Rarity x uncertainty x room to learn, then variety."""
    columns = asked_columns(arrays, request)
    each = int(np.clip(MAX_CANDIDATES // max(len(columns), 1), 4, CANDIDATES))
    found = best_of_each_class(arrays, rows, columns, each)
    values = chance(arrays, found, rows) * need(arrays)[found.columns]
    pool = np.argsort(-values, kind="stable")[: POOL * request.length]
    looks = features.of(arrays.image_ids[found.rows[pool]])
    chosen = varied(values[pool], found.columns[pool], found.rows[pool], looks, request.length)
    present = _present(arrays)
    items = [
        QueueItem(
            int(arrays.image_ids[found.rows[place]]),
            arrays.classes[int(found.columns[place])].id,
            float(values[place]),
            _reason(
                int(present[found.columns[place]]),
                percent(float(found.values[place])),
            ),
        )
        for place in pool[chosen].tolist()
    ]
    return items, found.possible


def chance(arrays: QueueArrays, found: Entries, rows: Rows) -> Doubles:
    """How likely each entry is to be a yes, (m,).

    The class's share among all classes of the photo (a softmax: what is better explained by
    another class is seldom this one), times how far the photo stands out among all photos by
    this class (what every photo is taken for says nothing).

    Args:
        arrays: the library.
        found: the entries.
        rows: photos to compare with.
    """
    if not len(found.rows):
        return np.empty(0, np.float64)
    usual = usual_scores(arrays, rows)
    own = logits(found.values)
    out = (own - usual.mean[found.columns]) / usual.spread[found.columns]
    share = own - _log_total(arrays, found.rows)
    return _sigmoid(SLOPE * (share + out) + OFFSET)


def need(arrays: QueueArrays) -> Doubles:
    """How much a yes would help each class, (C,): rarity times room to learn."""
    present = _present(arrays).astype(np.float64)
    absent = (arrays.annotations == 0).sum(axis=0)
    rarity = (1.0 + present) ** -RARITY_POWER
    room = VAIN / (VAIN + np.maximum(absent / (1.0 + present), 0.0))
    return rarity * room


def _present(arrays: QueueArrays) -> NDArray[np.int64]:
    return arrays.bands.present


def _log_total(arrays: QueueArrays, rows: Rows) -> Doubles:
    """Logarithm of the odds of all classes together, (m,), of each row."""
    distinct, back = np.unique(rows, return_inverse=True)
    total = np.empty(len(distinct), np.float64)
    size = max(1, BLOCK_ENTRIES // max(arrays.scores.shape[1], 1))
    for start in range(0, len(distinct), size):
        scores = np.clip(arrays.scores[distinct[start : start + size]], LEAST, MOST)
        total[start : start + size] = np.nansum(scores / (1 - scores), axis=1)
    return np.log(total)[back]


def _sigmoid(x: Doubles) -> Doubles:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def _reason(count: int, score: int) -> str:
    if not count:
        return _("No example of this class yet, and this photo stands out ({score} %).").format(
            score=score
        )
    text = ngettext(
        "Only {count} example of this class yet, and this photo stands out ({score} %).",
        "Only {count} examples of this class yet, and this photo stands out ({score} %).",
        count,
    )
    return text.format(count=count, score=score)
