"""Predictions that the user may accept all at once (Qt-free).

Accepting a prediction says that its class is present.  Only cells (an image and a class) of
which nothing was said are offered: an annotation is worth more than any score.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

BLOCK_ROWS = 8192
"""Rows looked at together, so that temporary arrays stay small."""
MOST = 500_000
"""More predictions than this are not accepted in one act: nobody has looked at them."""
_CLASS_BITS = 24
"""Class ids stay below 2^24, so a cell has a key of 64 bits."""


class ScoredLibrary(Protocol):
    """What is looked at: N images by rising id, C classes (see ``engine.views.Snapshot``)."""

    @property
    def image_ids(self) -> NDArray[np.int64]: ...
    @property
    def class_ids(self) -> NDArray[np.int64]: ...
    @property
    def scores(self) -> NDArray[np.float32]: ...
    @property
    def annotations(self) -> NDArray[np.int8]: ...


class Order(StrEnum):
    """How offered predictions are sorted."""

    SUREST = "surest"
    DOUBTFUL = "doubtful"
    """Lowest score first: where a look is most needed."""
    CLASS = "class"
    """By class in the vocabulary's order, surest first."""
    IMAGE = "image"
    """By image in the library's order."""


class TooManyError(ValueError):
    """More predictions than can be accepted at once; ``count`` says how many."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} predictions are more than {MOST}")
        self.count = count


@dataclass(frozen=True, eq=False)
class Offer:
    """Predictions that can be accepted, in the library's order.

    Attributes:
        image_ids, class_ids: (m,) int64, of each prediction.
        rows, columns: (m,) int64, its place in the library's arrays.
        scores: (m,) float32.
        open: (C,) int64, how many predictions of each class could be accepted, chosen or not.
        present, absent: (C,) int64, how many more reach the least score but are left alone,
            because the user has said present or absent already.
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
        """(m,) int64, one number for each (image, class), to know it again in another offer."""
        return cell_keys(self.image_ids, self.class_ids)

    def order(self, by: Order) -> NDArray[np.int64]:
        """(m,) int64 places in ``by``'s order; equals stay in the library's order."""
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
    library: ScoredLibrary,
    rows: NDArray[np.int64],
    chosen: NDArray[np.bool_],
    least: NDArray[np.float32],
) -> Offer:
    """The predictions of ``rows`` that reach ``least`` and of which nothing was said.

    Args:
        rows: (n,) places of images; sorted here.
        chosen: (C,) bool, the classes whose predictions are listed; the others are counted.
        least: (C,) float32, the lowest score of each class that counts as a prediction.

    Raises:
        TooManyError: if more than ``MOST`` would have to be listed.
    """
    rows = np.sort(rows)
    classes = len(library.class_ids)
    counts = np.zeros((3, classes), np.int64)  # unknown, absent, present
    found_rows: list[NDArray[np.int64]] = []
    found_columns: list[NDArray[np.int64]] = []
    listed = 0
    for start in range(0, len(rows) if classes else 0, BLOCK_ROWS):
        block = rows[start : start + BLOCK_ROWS]
        said = library.annotations[block]
        with np.errstate(invalid="ignore"):
            reached = library.scores[block] >= least
        for verdict in (-1, 0, 1):
            counts[verdict + 1] += np.count_nonzero(reached & (said == verdict), axis=0)
        inside, columns = np.nonzero(reached & (said == -1) & chosen)
        listed += len(inside)
        if listed <= MOST:
            found_rows.append(block[inside])
            found_columns.append(columns.astype(np.int64))
    if listed > MOST:
        raise TooManyError(listed)
    at = np.concatenate(found_rows) if found_rows else np.empty(0, np.int64)
    columns = np.concatenate(found_columns) if found_columns else np.empty(0, np.int64)
    return Offer(
        library.image_ids[at],
        library.class_ids[columns],
        at,
        columns,
        library.scores[at, columns],
        counts[0],
        counts[2],
        counts[1],
    )
