"""How each class's photos lie among the others: what its next examples have to tell apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.counting import row_blocks
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.inference.queues.entries import rank_in_group
from lmpt_desktop.inference.queues.features import Features
from lmpt_desktop.inference.queues.score_stats import logits

SAMPLE = 2048
"""Photos that are compared with, evenly spaced, in a library of any size."""
PLACES = 6
"""Photos of a class that are looked at: its newest examples, and else its likeliest photos."""
MOST_PLACES = 3000
"""Of all classes together, which leaves fewer per class where there are many classes."""
NEAREST = 10
"""Photos of the sample around each of them."""
_BLOCK = 512

FloatArray = NDArray[np.float64]


def purity(snapshot: Snapshot, features: Features) -> FloatArray:
    """By how many standard deviations the photos that look most like a class's examples (or like
    its likeliest photos) stand out from all photos in their scores of it: low where they are mixed
    with photos of other classes, and where the model hardly knows the class.

    Looks at a sample, so that the time is bounded for any number of photos and of classes.

    Returns:
        (C,) float64; NaN where it is not known.
    """
    count = len(snapshot.classes)
    rows = np.flatnonzero(snapshot.scored)
    rows = rows[:: max(1, -(-len(rows) // SAMPLE))]
    rows = rows[features.places(snapshot.image_ids[rows]) >= 0]
    if len(rows) <= 1 or not count:
        return np.full(count, np.nan)
    standing = _standing(snapshot, rows)
    per_class = min(int(np.clip(MOST_PLACES // count, 2, PLACES)), len(rows))
    matrix = features.of(snapshot.image_ids[rows])
    mean = matrix.mean(axis=0)
    matrix = _unit(matrix - mean)
    likeliest = np.argpartition(-standing, per_class - 1, axis=0)[:per_class]
    place_rows, columns = _places(snapshot, features, rows[likeliest], per_class)
    own = _unit(features.of(snapshot.image_ids[place_rows]) - mean)
    around = np.empty(len(place_rows))
    nearest = min(NEAREST, len(rows) - 1)
    for start in range(0, len(own), _BLOCK):
        part = slice(start, start + _BLOCK)
        cosines = own[part] @ matrix.T
        cosines[place_rows[part, None] == rows] = -2.0  # a photo is not its own neighbour
        found = np.argpartition(-cosines, nearest - 1, axis=1)[:, :nearest]
        around[part] = standing[found, columns[part, None]].mean(axis=1)
    number = np.bincount(columns, minlength=count)
    return np.where(number > 0, np.bincount(columns, around, count) / np.maximum(number, 1), np.nan)


def _standing(snapshot: Snapshot, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """(s, C) how far each photo's score of each class is from that of all, in standard
    deviations of its logarithmic odds; NaN for classes without scores."""
    odds = logits(snapshot.scores[rows])
    return (odds - odds.mean(axis=0)) / np.maximum(odds.std(axis=0), 1e-3)


def _places(
    snapshot: Snapshot, features: Features, likeliest: NDArray[np.int64], per_class: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of the photos to look around, by class."""
    count = likeliest.shape[1]
    has = features.places(snapshot.image_ids) >= 0
    parts: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    lacking = np.full(count, per_class)
    for block in reversed(list(row_blocks(len(snapshot.annotations)))):
        if not lacking.any():
            break
        found, columns = np.nonzero(snapshot.annotations[block] == 1)
        order = np.lexsort((-found, columns))
        found, columns = found[order] + block.start, columns[order]
        found, columns = found[has[found]], columns[has[found]]
        kept = rank_in_group(columns) < lacking[columns]
        parts.append((found[kept], columns[kept]))
        lacking = lacking - np.bincount(columns[kept], minlength=count)
    found = np.concatenate([part[0] for part in parts])
    columns = np.concatenate([part[1] for part in parts])
    bare = np.flatnonzero(np.bincount(columns, minlength=count) == 0)
    rows = np.concatenate([found, likeliest[:, bare].T.ravel()])
    return rows, np.concatenate([columns, np.repeat(bare, len(likeliest))])


def _unit(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    return matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-6)
