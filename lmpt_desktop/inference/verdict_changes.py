"""What a verdict on many images at once would change, counted before it is done (Qt-free).

Verdicts are 1 present, 0 absent, -1 unknown, as in the catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

PRESENT, ABSENT, UNKNOWN = 1, 0, -1
BLOCK_ROWS = 8192
"""Rows looked at together, so that temporary arrays stay small."""


class AnnotatedLibrary(Protocol):
    """What is looked at: N images by rising id, C classes (see ``engine.views.Snapshot``)."""

    @property
    def image_ids(self) -> NDArray[np.int64]: ...
    @property
    def class_ids(self) -> NDArray[np.int64]: ...
    @property
    def annotations(self) -> NDArray[np.int8]: ...


@dataclass(frozen=True, eq=False)
class Holdings:
    """What is known of n images, class by class.

    present, absent: (C,) int64, in how many of the images.
    """

    images: int
    present: NDArray[np.int64]
    absent: NDArray[np.int64]

    def count(self, column: int, verdict: int) -> int:
        """In how many images ``verdict`` is what is known of a class."""
        present, absent = int(self.present[column]), int(self.absent[column])
        if verdict == UNKNOWN:
            return self.images - present - absent
        return present if verdict == PRESENT else absent

    def common(self, column: int) -> int | None:
        """The verdict all images have, or None where they differ (or there are none)."""
        for verdict in (PRESENT, ABSENT, UNKNOWN):
            if self.images and self.count(column, verdict) == self.images:
                return verdict
        return None

    def changing(self, wanted: Mapping[int, int]) -> int:
        """How many verdicts change if each column gets the verdict ``wanted`` names."""
        return sum(self.images - self.count(column, said) for column, said in wanted.items())


@dataclass(frozen=True, eq=False)
class Changes:
    """Verdicts to give that differ from what is there.

    image_ids, class_ids: (m,) int64; verdicts, before: (m,) int8.
    """

    image_ids: NDArray[np.int64]
    class_ids: NDArray[np.int64]
    verdicts: NDArray[np.int8]
    before: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.verdicts)

    @property
    def images(self) -> int:
        """How many images change."""
        return len(np.unique(self.image_ids))

    @property
    def classes(self) -> int:
        """How many classes change somewhere."""
        return len(np.unique(self.class_ids))

    @property
    def contradicting(self) -> int:
        """How many verdicts are turned into their opposite."""
        return int(np.count_nonzero((self.before != UNKNOWN) & (self.verdicts != UNKNOWN)))


def rows_of(library: AnnotatedLibrary, image_ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) int64 rows of the images that are (still) in the library, rising, each once."""
    if not len(library.image_ids):
        return np.empty(0, np.int64)
    wanted = np.unique(image_ids)
    rows = np.minimum(np.searchsorted(library.image_ids, wanted), len(library.image_ids) - 1)
    return rows[library.image_ids[rows] == wanted]


def holdings(library: AnnotatedLibrary, image_ids: NDArray[np.int64]) -> Holdings:
    """Count what is known of ``image_ids``."""
    rows = rows_of(library, image_ids)
    present = np.zeros(len(library.class_ids), np.int64)
    absent = np.zeros(len(library.class_ids), np.int64)
    for start in range(0, len(rows), BLOCK_ROWS):
        said = library.annotations[rows[start : start + BLOCK_ROWS]]
        present += np.count_nonzero(said == PRESENT, axis=0)
        absent += np.count_nonzero(said == ABSENT, axis=0)
    return Holdings(len(rows), present, absent)


def changes(
    library: AnnotatedLibrary, image_ids: NDArray[np.int64], wanted: Mapping[int, int]
) -> Changes:
    """The verdicts to give so that every image has those of ``wanted`` (class id -> verdict).

    Images and classes that are not in the library (any more) are passed over.
    """
    rows = rows_of(library, image_ids)
    column_of = {int(class_id): column for column, class_id in enumerate(library.class_ids)}
    parts: list[tuple[NDArray[np.int64], int, int, NDArray[np.int8]]] = []
    for class_id, verdict in wanted.items():
        column = column_of.get(class_id)
        if column is None:
            continue
        before = library.annotations[rows, column]
        differs = before != verdict
        parts.append((library.image_ids[rows[differs]], class_id, verdict, before[differs]))
    if not parts:
        none = np.empty(0, np.int64)
        return Changes(none, none, np.empty(0, np.int8), np.empty(0, np.int8))
    return Changes(
        np.concatenate([ids for ids, *_ in parts]),
        np.concatenate([np.full(len(ids), class_id, np.int64) for ids, class_id, *_ in parts]),
        np.concatenate([np.full(len(ids), verdict, np.int8) for ids, _c, verdict, _b in parts]),
        np.concatenate([before for *_, before in parts]),
    )


def known_verdicts(library: AnnotatedLibrary, image_id: int) -> dict[int, int]:
    """Class id -> present or absent, as said of one image; unknown ones are left out."""
    rows = rows_of(library, np.array([image_id], np.int64))
    if not len(rows):
        return {}
    said = library.annotations[rows[0]]
    known = np.flatnonzero(said != UNKNOWN)
    return {int(library.class_ids[column]): int(said[column]) for column in known}


def still_unknown(
    library: AnnotatedLibrary, image_ids: NDArray[np.int64], class_ids: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """(m,) bool: the image and the class are in the library and nothing was said of them."""
    if not len(library.image_ids) or not len(library.class_ids):
        return np.zeros(len(image_ids), np.bool_)
    rows = np.minimum(np.searchsorted(library.image_ids, image_ids), len(library.image_ids) - 1)
    by_id = np.argsort(library.class_ids, kind="stable")
    place = np.searchsorted(library.class_ids, class_ids, sorter=by_id)
    columns = by_id[np.minimum(place, len(by_id) - 1)]
    there = (library.image_ids[rows] == image_ids) & (library.class_ids[columns] == class_ids)
    return there & (library.annotations[rows, columns] == UNKNOWN)
