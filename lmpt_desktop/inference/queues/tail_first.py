"""Tail first: questions whose answers help rare classes most, varied in class and look.

A rare class lacks examples, and a retraining gains most from its first few (measured in
docs/adr/0009-review-queues.md).  So a question is worth

    rarity x uncertainty x room to learn

where rarity decreases with the class's present annotations, uncertainty is the chance that the
answer is yes, and room to learn decreases with the answers of no.  Scores alone estimate that
chance badly, because an untrained class may score high or low on every image.  Two comparisons do
better: with the image's other classes, and with the class's other images.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.inference.queues.entries import (
    BLOCK_ENTRIES,
    Entries,
    Floats,
    Rows,
    best_of_each_class,
)
from lmpt_desktop.inference.queues.questions import Choice, QueueInputs, QueueItem
from lmpt_desktop.inference.queues.score_stats import MAX_SCORE, MIN_SCORE, logits, score_stats
from lmpt_desktop.inference.queues.uncertainty import percent
from lmpt_desktop.translation import _, ngettext
from trainer.arrays import sigmoid

CANDIDATES = 24
"""Unknown entries of every class that are considered, most likely first."""
MAX_CANDIDATES = 12_000
"""Candidates in all, which leaves fewer per class where there are many classes."""
POOL = 4
"""Candidates for each question, from which the most varied are picked."""
SLOPE, OFFSET = 0.7, -1.9
"""Logistic fit of the chance of a yes to zero-shot predictions of Corel5k."""
RARITY_POWER = 1.0
MISSES_TO_HALVE = 8.0
"""Answers of no, per answer of yes, that halve the room to learn."""

ALIKE = 0.6
"""Cosine from which images are look-alikes, after subtracting the mean of all candidates."""

FloatArray = NDArray[np.float64]


def tail_first(inputs: QueueInputs) -> Choice:
    """Rarity x uncertainty x room to learn, then variety."""
    snapshot, length = inputs.snapshot, inputs.length
    per_class = int(np.clip(MAX_CANDIDATES // max(len(inputs.columns), 1), 4, CANDIDATES))
    found = best_of_each_class(snapshot, inputs.rows, inputs.columns, per_class)
    values = chance(snapshot, found, inputs.rows) * need(snapshot)[found.columns]
    pool = np.argsort(-values, kind="stable")[: POOL * length]
    features = inputs.features.of(snapshot.image_ids[found.rows[pool]])
    chosen = varied(values[pool], found.columns[pool], found.rows[pool], features, length)
    present = snapshot.bands.present
    items = (
        QueueItem(
            int(snapshot.image_ids[found.rows[place]]),
            snapshot.classes[int(found.columns[place])].id,
            float(values[place]),
            _reason(int(present[found.columns[place]]), percent(float(found.values[place]))),
        )
        for place in pool[chosen].tolist()
    )
    return Choice(tuple(items), found.possible)


def varied(
    values: NDArray[np.floating], columns: Rows, rows: Rows, features: Floats, limit: int
) -> NDArray[np.int64]:
    """Greedily pick the candidate with the highest remaining value.

    Each pick lowers the value of look-alikes, of the same class, and of other questions about
    the same image, which would otherwise be asked in a row.

    Args:
        values: (m,), not negative.
        columns, rows: (m,) class and image of each.
        features: (m, D) features, zero rows if there is none.
        limit: how many to pick.

    Returns:
        (<= limit,) places in picking order.
    """
    m = len(values)
    asked = np.zeros(m)
    centred = features - features.mean(axis=0, keepdims=True) if m else features
    centred = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-6)
    freshness = np.ones(m)
    nearest = np.full(m, -1.0, np.float32)
    taken = np.zeros(m, np.bool_)
    chosen: list[int] = []
    while len(chosen) < min(limit, m):
        worth = np.where(taken, -1.0, values * freshness / (1.0 + asked))
        best = int(np.argmax(worth))
        chosen.append(best)
        taken[best] = True
        asked[columns == columns[best]] += 1
        np.maximum(nearest, centred @ centred[best], out=nearest)
        nearest[rows == rows[best]] = 1.0
        freshness = np.clip((1.0 - nearest) / (1.0 - ALIKE), 0.02, 1.0)
    return np.array(chosen, np.int64)


def chance(snapshot: Snapshot, found: Entries, rows: Rows) -> FloatArray:
    """How likely the answer to each entry is yes, (m,).

    The class's share among all classes of the image (a softmax: an image that another class
    explains better seldom has this one), times how far the image's score stands out from those
    of all images (a class that scores high everywhere says nothing).

    Args:
        snapshot: the library.
        found: the entries.
        rows: images to compare with.
    """
    if not len(found.rows):
        return np.empty(0, np.float64)
    usual = score_stats(snapshot, rows)
    own = logits(found.values)
    out = (own - usual.mean[found.columns]) / usual.spread[found.columns]
    share = own - _log_total(snapshot, found.rows)
    return sigmoid(SLOPE * (share + out) + OFFSET)


def need(snapshot: Snapshot) -> FloatArray:
    """How much a yes would help each class, (C,): rarity times room to learn."""
    present = snapshot.bands.present.astype(np.float64)
    absent = (snapshot.annotations == 0).sum(axis=0)
    rarity = (1.0 + present) ** -RARITY_POWER
    room = MISSES_TO_HALVE / (MISSES_TO_HALVE + np.maximum(absent / (1.0 + present), 0.0))
    return rarity * room


def _log_total(snapshot: Snapshot, rows: Rows) -> FloatArray:
    """Logarithm of the odds of all classes together, (m,), of each row."""
    distinct, back = np.unique(rows, return_inverse=True)
    total = np.empty(len(distinct), np.float64)
    size = max(1, BLOCK_ENTRIES // max(snapshot.scores.shape[1], 1))
    for start in range(0, len(distinct), size):
        scores = np.clip(snapshot.scores[distinct[start : start + size]], MIN_SCORE, MAX_SCORE)
        total[start : start + size] = np.nansum(scores / (1 - scores), axis=1)
    return np.log(total)[back]


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
