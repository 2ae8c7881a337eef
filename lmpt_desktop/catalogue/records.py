"""What several modules of the catalogue share; records of one table are beside what reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Change(NamedTuple):
    """Set one class of one image to ``verdict``."""

    image_id: int
    class_id: int
    verdict: int


@dataclass(frozen=True, eq=False)
class Absences:
    """Classes that are absent, image by image.

    Attributes:
        image_ids: (m,) int64, each once.
        class_ids: (k,) int64.
        cells: (m, k) bool.
    """

    image_ids: NDArray[np.int64]
    class_ids: NDArray[np.int64]
    cells: NDArray[np.bool_]

    @classmethod
    def none(cls) -> Absences:
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 0), np.bool_))


def distinct(*ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """The ids in any of the arrays, ascending.  A table is far faster than sorting millions, and
    ids are small: they count up from 1."""
    largest = max((int(part.max()) for part in ids if len(part)), default=0)
    there = np.zeros(largest + 1, np.bool_)
    for part in ids:
        there[part] = True
    return np.flatnonzero(there)


def uniform(values: NDArray[np.integer]) -> int | None:
    """The value that all of ``values`` have, or None."""
    return int(values[0]) if len(values) and (values == values[0]).all() else None


@dataclass(frozen=True)
class AnnotationCount:
    """How often a class was annotated, over images of folders that are not hidden."""

    present: int = 0
    absent: int = 0


ImageIds = Sequence[int] | NDArray[np.int64]
