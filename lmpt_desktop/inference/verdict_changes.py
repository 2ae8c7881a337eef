"""What a verdict on many images at once would change, counted before it is done (Qt-free).

Verdicts are 1 present, 0 absent, -1 unknown, as in the catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.domain.snapshot import Snapshot

PRESENT, ABSENT, UNKNOWN = Verdict.PRESENT, Verdict.ABSENT, Verdict.UNKNOWN
_NEXT = {
    Verdict.UNKNOWN: Verdict.PRESENT,
    Verdict.PRESENT: Verdict.ABSENT,
    Verdict.ABSENT: Verdict.UNKNOWN,
}
BLOCK_ROWS = 8192
"""Rows processed together, so that temporary arrays stay small."""


@dataclass(frozen=True, eq=False)
class VerdictCounts:
    """How many of n images have each verdict, class by class.

    present, absent: (C,) int64.
    """

    images: int
    present: NDArray[np.int64]
    absent: NDArray[np.int64]

    def count(self, column: int, verdict: int) -> int:
        """How many of the images have ``verdict`` for a class."""
        present, absent = int(self.present[column]), int(self.absent[column])
        if verdict == UNKNOWN:
            return self.images - present - absent
        return present if verdict == PRESENT else absent

    def common(self, column: int) -> int | None:
        """The verdict that all images share, or None if they differ (or there are none)."""
        for verdict in (PRESENT, ABSENT, UNKNOWN):
            if self.images and self.count(column, verdict) == self.images:
                return verdict
        return None

    def changing(self, requested: Mapping[int, int]) -> int:
        """How many verdicts change if each column gets its verdict in ``requested``."""
        return sum(
            self.images - self.count(column, verdict) for column, verdict in requested.items()
        )


@dataclass(frozen=True, eq=False)
class Changes:
    """Verdicts to set, all different from those there now.

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
        """How many verdicts are reversed, present to absent or absent to present."""
        return int(np.count_nonzero((self.before != UNKNOWN) & (self.verdicts != UNKNOWN)))


def rows_of(snapshot: Snapshot, image_ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) int64 ascending rows of those images that are in the snapshot, each once."""
    rows = snapshot.rows(np.unique(image_ids))
    return rows[rows >= 0]


def count_verdicts(snapshot: Snapshot, image_ids: NDArray[np.int64]) -> VerdictCounts:
    """Count the verdicts of ``image_ids``."""
    rows = rows_of(snapshot, image_ids)
    present = np.zeros(len(snapshot.class_ids), np.int64)
    absent = np.zeros(len(snapshot.class_ids), np.int64)
    for start in range(0, len(rows), BLOCK_ROWS):
        block = snapshot.annotations[rows[start : start + BLOCK_ROWS]]
        present += np.count_nonzero(block == PRESENT, axis=0)
        absent += np.count_nonzero(block == ABSENT, axis=0)
    return VerdictCounts(len(rows), present, absent)


def changes(
    snapshot: Snapshot, image_ids: NDArray[np.int64], requested: Mapping[int, int]
) -> Changes:
    """The verdicts to set so that every image has those of ``requested`` (class id -> verdict).

    Images and classes that are not in the snapshot are ignored.
    """
    rows = rows_of(snapshot, image_ids)
    parts: list[tuple[NDArray[np.int64], int, int, NDArray[np.int8]]] = []
    for class_id, verdict in requested.items():
        column = snapshot.column_of.get(class_id)
        if column is None:
            continue
        before = snapshot.annotations[rows, column]
        differs = before != verdict
        parts.append((snapshot.image_ids[rows[differs]], class_id, verdict, before[differs]))
    if not parts:
        none = np.empty(0, np.int64)
        return Changes(none, none, np.empty(0, np.int8), np.empty(0, np.int8))
    return Changes(
        np.concatenate([ids for ids, *_ in parts]),
        np.concatenate([np.full(len(ids), class_id, np.int64) for ids, class_id, *_ in parts]),
        np.concatenate([np.full(len(ids), verdict, np.int8) for ids, _c, verdict, _b in parts]),
        np.concatenate([before for *_, before in parts]),
    )


def next_verdict(snapshot: Snapshot, image_ids: NDArray[np.int64], class_id: int) -> Verdict:
    """What a key makes of the verdict that all these images have: unknown becomes present, present
    absent, absent unknown; and present where they differ."""
    column = snapshot.column_of.get(class_id)
    rows = snapshot.rows(image_ids)
    if column is None or not len(rows := rows[rows >= 0]):
        return Verdict.PRESENT
    verdicts = snapshot.annotations[rows, column]
    if (verdicts != verdicts[0]).any():
        return Verdict.PRESENT
    return _NEXT[Verdict(int(verdicts[0]))]


def known_verdicts(snapshot: Snapshot, image_id: int) -> dict[int, int]:
    """Class id -> present or absent for one image; unknown classes are left out."""
    rows = rows_of(snapshot, np.array([image_id], np.int64))
    if not len(rows):
        return {}
    verdicts = snapshot.annotations[rows[0]]
    known = np.flatnonzero(verdicts != UNKNOWN)
    return {int(snapshot.class_ids[column]): int(verdicts[column]) for column in known}


def still_unknown(
    snapshot: Snapshot, image_ids: NDArray[np.int64], class_ids: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """(m,) bool: the image and the class are in the snapshot and not annotated."""
    if not len(snapshot.image_ids) or not len(snapshot.class_ids):
        return np.zeros(len(image_ids), np.bool_)
    rows = np.minimum(np.searchsorted(snapshot.image_ids, image_ids), len(snapshot.image_ids) - 1)
    by_id = np.argsort(snapshot.class_ids, kind="stable")
    place = np.searchsorted(snapshot.class_ids, class_ids, sorter=by_id)
    columns = by_id[np.minimum(place, len(by_id) - 1)]
    there = (snapshot.image_ids[rows] == image_ids) & (snapshot.class_ids[columns] == class_ids)
    return there & (snapshot.annotations[rows, columns] == UNKNOWN)
