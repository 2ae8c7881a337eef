"""A random sample of whole images, to measure with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.inference.queues.questions import Choice, QueueInputs, QueueItem
from lmpt_desktop.translation import _


def random_sample(inputs: QueueInputs) -> Choice:
    """Images that still have an unknown class, in a random order fixed by the seed.

    The place of an image in that order depends on its id alone.  So answering some images or
    adding others changes nothing about the rest, and the front of the queue is always a uniform
    sample.
    """
    snapshot, rows = inputs.snapshot, inputs.rows
    rows = rows[~snapshot.reviewed[rows]]
    unanswered = np.zeros(len(rows), np.bool_)
    # Nearly always the first columns decide.
    left = np.arange(len(rows))
    for column in range(len(snapshot.classes)):
        if not len(left):
            break
        at = rows[left]
        hit = (snapshot.annotations[at, column] < 0) & ~np.isnan(snapshot.scores[at, column])
        unanswered[left[hit]] = True
        left = left[~hit]
    rows = rows[unanswered]
    order = rows[np.argsort(random_keys(snapshot.image_ids[rows], inputs.seed), kind="stable")]
    items = (
        QueueItem(
            int(snapshot.image_ids[row]),
            None,
            1.0 - place / max(len(order), 1),
            _("Drawn at random. Answer it completely."),
        )
        for place, row in enumerate(order[: inputs.length].tolist())
    )
    return Choice(tuple(items), len(order))


def random_keys(ids: NDArray[np.int64], seed: int) -> NDArray[np.uint64]:
    """(n,) a pseudo-random number for every id, from the id and the seed alone (splitmix64,
    Steele et al. 2014).
    """
    with np.errstate(over="ignore"):
        z = ids.astype(np.uint64) + np.uint64(seed % (1 << 32) + 1) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))
