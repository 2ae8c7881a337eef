"""A random sample of whole images, to measure with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.inference.queues.contract import QueueArrays, QueueItem, QueueRequest
from lmpt_desktop.inference.queues.entries import Rows
from lmpt_desktop.translation import _


def random_sample(
    arrays: QueueArrays, request: QueueRequest, rows: Rows
) -> tuple[list[QueueItem], int]:
    """Images that have something left to answer, in an order drawn once for each seed.

    Every image has its place in that order by its id alone.  So answering some, or adding
    photos, does not draw anew, and whoever works from the front has a uniform sample.
    """
    if not len(arrays.classes):
        return [], 0
    rows = rows[~arrays.reviewed[rows]]
    open_ = np.zeros(len(rows), np.bool_)
    # Nearly always the first columns tell.
    left = np.arange(len(rows))
    for column in range(len(arrays.classes)):
        if not len(left):
            break
        at = rows[left]
        hit = (arrays.annotations[at, column] < 0) & ~np.isnan(arrays.scores[at, column])
        open_[left[hit]] = True
        left = left[~hit]
    rows = rows[open_]
    order = rows[np.argsort(drawn(arrays.image_ids[rows], request.seed), kind="stable")]
    items = [
        QueueItem(
            int(arrays.image_ids[row]),
            None,
            1.0 - place / max(len(order), 1),
            _("Drawn by chance. Answer it completely."),
        )
        for place, row in enumerate(order[: request.length].tolist())
    ]
    return items, len(order)


def drawn(ids: NDArray[np.int64], seed: int) -> NDArray[np.uint64]:
    """A number for every id that looks random and depends on the id and the seed alone
    (splitmix64, Steele et al. 2014).
    """
    with np.errstate(over="ignore"):
        z = ids.astype(np.uint64) + np.uint64(seed % (1 << 32) + 1) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))
