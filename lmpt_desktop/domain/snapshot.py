"""The library at one moment, as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.bands import ClassBands, class_bands
from lmpt_desktop.domain.class_tally import ClassTally, StaleTally, class_tally
from lmpt_desktop.domain.natural_order import natural_ranks
from lmpt_desktop.domain.predictions import (
    assigned_classes,
    corrected_classes,
    has_scores,
    is_unscored,
    predicted_classes,
)
from lmpt_desktop.domain.records import NO_DATE, ClassEntry, ImageTable
from lmpt_desktop.domain.strictness import Strictness
from lmpt_desktop.domain.texts import Texts
from trainer.bands import BandLimits

Cells: TypeAlias = Any
"""An index of numpy's into an (N, C) matrix: rows, or rows and columns."""


def no_scores(images: int, classes: int) -> NDArray[np.float32]:
    """(N, C) NaN that take no memory: the scores before anything is predicted."""
    return np.broadcast_to(np.float32(np.nan), (images, classes))


def _rows(ids: NDArray[np.int64], requested: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) where each of ``requested`` is in ascending ``ids``; -1 where it is not."""
    if not len(ids):
        return np.full(len(requested), -1, np.int64)
    found = np.minimum(np.searchsorted(ids, requested), len(ids) - 1)
    found[ids[found] != requested] = -1
    return found


class _RowOf(Mapping[int, int]):
    """A dictionary from image ids to rows that holds nothing but the ids' array.

    A real one takes 100 ms to fill and 10 MB for 100,000 images.
    """

    def __init__(self, ids: NDArray[np.int64]) -> None:
        self._ids = ids

    def __getitem__(self, image_id: int) -> int:
        row = int(np.searchsorted(self._ids, image_id))
        if row == len(self._ids) or self._ids[row] != image_id:
            raise KeyError(image_id)
        return row

    def __iter__(self) -> Iterator[int]:
        return iter(self._ids.tolist())

    def __len__(self) -> int:
        return len(self._ids)


_NAME_RANKS: WeakKeyDictionary[ImageTable, NDArray[np.int64]] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The library at one moment; cheap to take, never changes.

    Rows are images by ascending id (so new ones come last), columns are classes in the
    vocabulary's order.  All arrays are read-only.

    Attributes:
        version: grows with every change; compare it to see whether anything has changed.
        images: one numpy column per property, N rows.
        classes: C entries.
        scores: (N, C) float32 in [0, 1]; NaN rows where there is no feature yet.
        thresholds: (C,) float32, at the library's strictness.
        trained: (C,) bool, whether the active prompt set learned the class (else zero-shot).
        annotations: (N, C) int8: 1 present, 0 absent, -1 unknown.
        reviewed: (N,) bool.
        limits: where the bands begin.
        strictness: how sure a prediction must be to count.
        own_thresholds: (C,) float32, those at strictness 0; ``thresholds`` if not given.
        stale_tallies: by name, what is known of :attr:`tally` and :attr:`own_tally` from a snapshot
            before, so that only what differs is counted.
    """

    version: int
    images: ImageTable
    classes: tuple[ClassEntry, ...]
    scores: NDArray[np.float32]
    thresholds: NDArray[np.float32]
    trained: NDArray[np.bool_]
    annotations: NDArray[np.int8]
    reviewed: NDArray[np.bool_]
    limits: BandLimits
    strictness: Strictness = field(default_factory=Strictness)
    own_thresholds: NDArray[np.float32] | None = None
    stale_tallies: dict[str, StaleTally] = field(init=False, repr=False, default_factory=dict)

    @cached_property
    def image_ids(self) -> NDArray[np.int64]:
        """(N,) int64, the id of every row."""
        return self.images.ids

    @property
    def folder_ids(self) -> NDArray[np.int64]:
        """(N,) int64."""
        return self.images.folder_ids

    @property
    def states(self) -> NDArray[np.int8]:
        """(N,) values of :class:`~lmpt_desktop.domain.records.ImageState`."""
        return self.images.states

    @property
    def names(self) -> Texts:
        """N relative paths with "/" between parts."""
        return self.images.names

    @property
    def name_ranks(self) -> NDArray[np.int64]:
        """(N,) the place of every name in natural order; kept per image table."""
        if self.images.name_ranks is not None:
            return self.images.name_ranks
        ranks = _NAME_RANKS.get(self.images)
        if ranks is None:
            ranks = _NAME_RANKS[self.images] = natural_ranks(self.images.names)
        return ranks

    @cached_property
    def dates(self) -> NDArray[np.int64]:
        """(N,) seconds since the epoch: when taken, else when the file last changed."""
        taken = self.images.taken
        return np.where(taken == NO_DATE, self.images.mtime // 1_000_000_000, taken)

    @cached_property
    def class_ids(self) -> NDArray[np.int64]:
        """(C,) int64, the id of every column."""
        return np.array([entry.id for entry in self.classes], dtype=np.int64)

    def rows(self, image_ids: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
        """(n,) int64, the row of each image id; -1 if there is none."""
        return _rows(self.image_ids, np.asarray(image_ids, np.int64))

    @property
    def row_of(self) -> Mapping[int, int]:
        """The row of an image id, looked up as needed; for many ids :meth:`rows` is faster."""
        return _RowOf(self.image_ids)

    @cached_property
    def column_of(self) -> dict[int, int]:
        """The column of a class id."""
        return {entry.id: column for column, entry in enumerate(self.classes)}

    @property
    def unscored(self) -> bool:
        """Whether there is no score at all (yet)."""
        return is_unscored(self.scores)

    @cached_property
    def scored(self) -> NDArray[np.bool_]:
        """(N,) bool: the model has seen the image."""
        return has_scores(self.scores)

    def predicted_at(self, cells: Cells) -> NDArray[np.bool_]:
        """Whether the score reaches the class's threshold in these cells of (N, C)."""
        if self.unscored:
            return np.broadcast_to(np.False_, self.scores.shape)[cells]
        return predicted_classes(self.scores[cells], self._thresholds_at(cells))

    def assigned_at(self, cells: Cells) -> NDArray[np.bool_]:
        """Whether the image has the class in these cells of (N, C), see
        :func:`.predictions.assigned_classes`."""
        return assigned_classes(self.annotations[cells], self.predicted_at(cells))

    def corrected_at(self, cells: Cells) -> NDArray[np.bool_]:
        """Whether the annotation contradicts the prediction in these cells of (N, C)."""
        if self.unscored:
            return np.broadcast_to(np.False_, self.scores.shape)[cells]
        return corrected_classes(
            self.annotations[cells], self.scores[cells], self._thresholds_at(cells)
        )

    # Not kept, as they are large: those who need few cells ask for these.

    @property
    def predicted(self) -> NDArray[np.bool_]:
        """(N, C) bool, see :meth:`predicted_at`; computed each time."""
        return self.predicted_at(...)

    @property
    def assigned(self) -> NDArray[np.bool_]:
        """(N, C) bool, see :meth:`assigned_at`; computed each time."""
        return self.assigned_at(...)

    @property
    def corrected(self) -> NDArray[np.bool_]:
        """(N, C) bool, see :meth:`corrected_at`; computed each time."""
        return self.corrected_at(...)

    def _thresholds_at(self, cells: Cells) -> NDArray[np.float32]:
        return np.broadcast_to(self.thresholds, self.scores.shape)[cells]

    @cached_property
    def tally(self) -> ClassTally:
        """How verdicts and predictions of each class meet."""
        return self._tally("tally", self.thresholds)

    @cached_property
    def own_tally(self) -> ClassTally:
        """The same at strictness 0."""
        return self.tally if self._at_own_thresholds else self._tally("own_tally", self._own)

    def _tally(self, name: str, thresholds: NDArray[np.float32]) -> ClassTally:
        counted = self.annotations, self.scores, thresholds, self.reviewed
        stale = self.stale_tallies.get(name)
        return class_tally(*counted) if stale is None else stale.renewed(*counted)

    def tally_of(self, rows: NDArray[np.int64]) -> ClassTally:
        """As :attr:`tally`, of the images in ``rows`` (n,) alone."""
        return self._tally_of(rows, self.thresholds)

    def own_tally_of(self, rows: NDArray[np.int64]) -> ClassTally:
        """As :attr:`own_tally`, of the images in ``rows`` (n,) alone."""
        return self._tally_of(rows, self._own)

    def _tally_of(self, rows: NDArray[np.int64], thresholds: NDArray[np.float32]) -> ClassTally:
        return class_tally(
            self.annotations[rows], self.scores[rows], thresholds, self.reviewed[rows]
        )

    @property
    def _own(self) -> NDArray[np.float32]:
        return self.thresholds if self.own_thresholds is None else self.own_thresholds

    @property
    def _at_own_thresholds(self) -> bool:
        return self._own is self.thresholds

    @cached_property
    def bands(self) -> ClassBands:
        """Bands by the estimated number of photos that have each class.

        How many have it does not depend on how sure the user wants predictions to be.
        """
        return class_bands(self.own_tally, self.limits)
