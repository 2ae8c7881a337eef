"""Picking one question after another, so that they differ in class and in look."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.inference.queues.entries import Floats, Rows

ALIKE = 0.6
"""Cosine, after what all candidates share is taken off, from which photos count as look-alikes."""


def varied(
    values: NDArray[np.floating], columns: Rows, rows: Rows, looks: Floats, limit: int
) -> NDArray[np.int64]:
    """Greedily pick the candidate of most remaining value.

    Each pick lessens the value of look-alikes, of the same class, and of other questions about
    the same image, which would otherwise be asked in a row.

    Args:
        values: (m,) not negative.
        columns, rows: (m,) class and image of each.
        looks: (m, D) features, zero where there is none.
        limit: how many to pick.

    Returns:
        (<= limit,) places in picking order.
    """
    m = len(values)
    asked = np.zeros(m)
    away = looks - looks.mean(axis=0, keepdims=True) if m else looks
    away = away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6)
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
        np.maximum(nearest, away @ away[best], out=nearest)
        nearest[rows == rows[best]] = 1.0
        freshness = np.clip((1.0 - nearest) / (1.0 - ALIKE), 0.02, 1.0)
    return np.array(chosen, np.int64)
