"""Predictions that the user may accept all at once (Qt-free).

Accepting a prediction annotates its class as present.  Only unknown cells (an image and a class)
are offered: an annotation outweighs any score.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.predictions import predicted_classes
from lmpt_desktop.domain.snapshot import Snapshot

BLOCK_ROWS = 8192
"""Rows processed together, so that temporary arrays stay small."""
MAX_ACCEPTED = 500_000
"""The most predictions accepted in one step: more than that cannot be checked."""
_CLASS_BITS = 24
"""Class ids stay below 2^24, so a cell has a key of 64 bits."""


class Order(StrEnum):
    """How offered predictions are sorted."""

    SUREST = "surest"
    DOUBTFUL = "doubtful"
    """Lowest score first: those that most need checking."""
    CLASS = "class"
    """By class in the vocabulary's order, highest score first."""
    IMAGE = "image"
    """By image in the library's order."""


class TooManyError(ValueError):
    """More predictions than can be accepted at once; ``count`` says how many."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} predictions are more than {MAX_ACCEPTED}")
        self.count = count


@dataclass(frozen=True, eq=False)
class Offer:
    """Predictions that can be accepted, in the library's order.

    Attributes:
        image_ids, class_ids: (m,) int64, of each prediction.
        rows, columns: (m,) int64, its place in the library's arrays.
        scores: (m,) float32.
        open: (C,) int64, how many predictions of each class could be accepted, chosen or not.
        present, absent: (C,) int64, how many more reach the lowest score but are annotated
            already.
    """

    image_ids: NDArray[np.int64]
    class_ids: NDArray[np.int64]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    scores: NDArray[np.float32]
    open: NDArray[np.int64]
    present: NDArray[np.int64]
    absent: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def keys(self) -> NDArray[np.int64]:
        """(m,) int64, one number for each (image, class), to find it in another offer."""
        return cell_keys(self.image_ids, self.class_ids)

    def order(self, by: Order) -> NDArray[np.int64]:
        """(m,) int64 places in ``by``'s order; ties stay in the library's order."""
        match by:
            case Order.SUREST:
                return np.argsort(-self.scores, kind="stable")
            case Order.DOUBTFUL:
                return np.argsort(self.scores, kind="stable")
            case Order.CLASS:
                return np.lexsort((-self.scores, self.columns))
            case Order.IMAGE:
                return np.arange(len(self), dtype=np.int64)


def cell_keys(image_ids: NDArray[np.int64], class_ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """(m,) int64, different for different (image, class)."""
    return (image_ids << _CLASS_BITS) | class_ids


def offer(
    snapshot: Snapshot,
    rows: NDArray[np.int64],
    chosen: NDArray[np.bool_],
    least: NDArray[np.float32],
) -> Offer:
    """The predictions of ``rows`` that reach ``least`` and are not annotated.

    Args:
        rows: (n,) places of images; sorted here.
        chosen: (C,) bool, the classes whose predictions are listed; the others are counted.
        least: (C,) float32, the lowest score of each class that counts as a prediction.

    Raises:
        TooManyError: if more than ``MAX_ACCEPTED`` would have to be listed.
    """
    rows = np.sort(rows)
    classes = len(snapshot.class_ids)
    counts = np.zeros((3, classes), np.int64)  # unknown, absent, present
    found_rows: list[NDArray[np.int64]] = []
    found_columns: list[NDArray[np.int64]] = []
    listed = 0
    for start in range(0, len(rows) if classes else 0, BLOCK_ROWS):
        block = rows[start : start + BLOCK_ROWS]
        verdicts = snapshot.annotations[block]
        reached = predicted_classes(snapshot.scores[block], least)
        for verdict in (-1, 0, 1):
            counts[verdict + 1] += np.count_nonzero(reached & (verdicts == verdict), axis=0)
        inside, columns = np.nonzero(reached & (verdicts == -1) & chosen)
        listed += len(inside)
        if listed <= MAX_ACCEPTED:
            found_rows.append(block[inside])
            found_columns.append(columns.astype(np.int64))
    if listed > MAX_ACCEPTED:
        raise TooManyError(listed)
    at = np.concatenate(found_rows) if found_rows else np.empty(0, np.int64)
    columns = np.concatenate(found_columns) if found_columns else np.empty(0, np.int64)
    return Offer(
        snapshot.image_ids[at],
        snapshot.class_ids[columns],
        at,
        columns,
        snapshot.scores[at, columns],
        counts[0],
        counts[2],
        counts[1],
    )
