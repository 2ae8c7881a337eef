"""Which images the grid shows, and in what order, evaluated over arrays (Qt-free)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.predictions import assigned_classes
from lmpt_desktop.domain.records import ImageState
from lmpt_desktop.domain.snapshot import Snapshot
from trainer.bands import Band

BLOCK_ROWS = 8192
"""Rows processed together, where temporary arrays would otherwise be as large as the scores."""


class Status(StrEnum):
    """A condition on a class of an image (with ``Filter.class_id``) or on any class of it."""

    PREDICTED = "predicted"
    PRESENT = "present"
    ABSENT = "absent"
    UNKNOWN = "unknown"
    CORRECTED = "corrected"


@dataclass(frozen=True)
class Filter:
    """All conditions must hold; the default keeps every image.

    Attributes:
        class_id: look at this class only; alone, it keeps images that have the class, see
            :func:`lmpt_desktop.domain.predictions.assigned_classes`.
        band: look at the classes of this band only (the same rule).
        status: the condition on those classes; an image passes if any of them meets it.
        unreviewed: images not yet reviewed.
        edited: images whose picture was edited after it was annotated, and not looked at since.
        state: images in this state; None for all.
        folder_id: images of this folder.
        below: with ``folder_id``, images in this sub-folder (relative to it) and deeper.
        text: part of the file name, ignoring case.
        image_ids: these images only.
    """

    class_id: int | None = None
    band: Band | None = None
    status: Status | None = None
    unreviewed: bool = False
    edited: bool = False
    state: ImageState | None = None
    folder_id: int | None = None
    below: PurePath | None = None
    text: str = ""
    image_ids: frozenset[int] | None = None


class SortKey(StrEnum):
    """What the grid is ordered by."""

    ADDED = "added"
    NAME = "name"
    DATE = "date"
    SCORE = "score"
    """Of ``Sort.class_id``; without one, of each image's highest-scoring class."""
    UNCERTAINTY = "uncertainty"
    """Closest to a threshold first."""
    TAIL_FIRST = "tail first"
    """Images that have a tail class first, highest score first."""


@dataclass(frozen=True)
class Sort:
    """``descending`` reverses the key's natural order (dates: oldest first; scores: highest
    first; names: A to Z)."""

    key: SortKey = SortKey.ADDED
    class_id: int | None = None
    descending: bool = False


def select(snapshot: Snapshot, requested: Filter, order: Sort) -> NDArray[np.int64]:
    """Rows of the snapshot that pass ``requested``, in ``order``: (n,) int64.

    A class id that is not (or no longer) in the vocabulary matches nothing.
    """
    rows = np.flatnonzero(_image_mask(snapshot, requested))
    columns = _columns(snapshot, requested)
    if requested.class_id is not None or requested.band is not None or requested.status is not None:
        rows = rows[_class_mask(snapshot, requested.status, rows, columns)]
    if requested.text:
        text = requested.text.casefold()
        names = snapshot.names
        keep = [text in names[row].rsplit("/", 1)[-1].casefold() for row in rows.tolist()]
        rows = rows[np.array(keep, dtype=np.bool_)]
    return _sorted(snapshot, rows, order)


def _image_mask(snapshot: Snapshot, requested: Filter) -> NDArray[np.bool_]:
    mask = np.ones(len(snapshot.image_ids), np.bool_)
    if requested.unreviewed:
        mask &= ~snapshot.reviewed
    if requested.edited:
        mask &= snapshot.images.edited
    if requested.state is not None:
        mask &= snapshot.states == requested.state
    if requested.folder_id is not None:
        mask &= snapshot.folder_ids == requested.folder_id
        if requested.below is not None and requested.below.parts:
            prefix = requested.below.as_posix() + "/"
            rows = np.flatnonzero(mask)
            names = snapshot.names
            mask[rows] = [names[row].startswith(prefix) for row in rows.tolist()]
    if requested.image_ids is not None:
        mask &= np.isin(snapshot.image_ids, np.fromiter(requested.image_ids, np.int64))
    return mask


def _columns(snapshot: Snapshot, requested: Filter) -> NDArray[np.int64]:
    mask = np.ones(len(snapshot.class_ids), np.bool_)
    if requested.class_id is not None:
        mask &= snapshot.class_ids == requested.class_id
    if requested.band is not None:
        mask &= np.array([band is requested.band for band in snapshot.bands.bands], np.bool_)
    return np.flatnonzero(mask)


def _class_mask(
    snapshot: Snapshot,
    status: Status | None,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """(len(rows),) whether any of ``columns`` meets ``status``."""
    cells = np.ix_(rows, columns)
    found: NDArray[np.bool_]
    match status:
        case None:
            found = assigned_classes(snapshot.annotations[cells], snapshot.predicted[cells])
        case Status.PREDICTED:
            found = snapshot.predicted[cells]
        case Status.PRESENT:
            found = snapshot.annotations[cells] == 1
        case Status.ABSENT:
            found = snapshot.annotations[cells] == 0
        case Status.UNKNOWN:
            found = snapshot.annotations[cells] == -1
        case Status.CORRECTED:
            found = snapshot.corrected[cells]
    return np.any(found, axis=1)


def _sorted(snapshot: Snapshot, rows: NDArray[np.int64], order: Sort) -> NDArray[np.int64]:
    keys = _keys(snapshot, rows, order)
    if order.descending:
        keys = -keys
    # numpy sorts NaN last, so images without a score come last in both directions
    return rows[np.argsort(keys, kind="stable")]


def _keys(snapshot: Snapshot, rows: NDArray[np.int64], order: Sort) -> NDArray[np.float64]:
    """(len(rows),) numbers that increase in the natural order; NaN comes last."""
    match order.key:
        case SortKey.ADDED:
            return rows.astype(np.float64)
        case SortKey.NAME:
            return snapshot.name_ranks[rows].astype(np.float64)
        case SortKey.DATE:
            return snapshot.dates[rows].astype(np.float64)
        case SortKey.SCORE:
            return -_highest(_score_columns(snapshot, order)[rows])
        case SortKey.UNCERTAINTY:
            return _uncertainty(snapshot, rows, order)
        case SortKey.TAIL_FIRST:
            return _tail_keys(snapshot, rows)


def _score_columns(snapshot: Snapshot, order: Sort) -> NDArray[np.float32]:
    if order.class_id is None:
        return snapshot.scores
    return snapshot.scores[:, snapshot.class_ids == order.class_id]


def _highest(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n,) maximum of each row, NaN if there is none."""
    if not scores.shape[1]:
        return np.full(len(scores), np.nan)
    # fmax ignores NaN, in one pass and without arrays as large as the scores.
    return np.fmax.reduce(scores, axis=1).astype(np.float64)


def _uncertainty(snapshot: Snapshot, rows: NDArray[np.int64], order: Sort) -> NDArray[np.float64]:
    """Distance of the closest score to its threshold; without a class in ``order``, over the
    classes that are not annotated."""
    if order.class_id is not None:
        column = snapshot.class_ids == order.class_id
        return -_highest(-np.abs(snapshot.scores[rows][:, column] - snapshot.thresholds[column]))
    closest = np.full(len(rows), np.nan)
    for start in range(0, len(rows) if len(snapshot.class_ids) else 0, BLOCK_ROWS):
        block = rows[start : start + BLOCK_ROWS]
        distance = np.abs(snapshot.scores[block] - snapshot.thresholds)
        distance[np.isnan(distance) | (snapshot.annotations[block] >= 0)] = np.inf
        closest[start : start + BLOCK_ROWS] = distance.min(axis=1)
    closest[np.isinf(closest)] = np.nan
    return closest


def _tail_keys(snapshot: Snapshot, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Minus the best evidence for a tail class: 1 if annotated present, else the score."""
    cells = np.ix_(rows, np.flatnonzero(snapshot.bands.is_tail()))
    annotations = snapshot.annotations[cells]
    assigned = assigned_classes(annotations, snapshot.predicted[cells])
    evidence = np.where(assigned, snapshot.scores[cells], 0.0)
    evidence = np.where(annotations == 1, 1.0, evidence)
    if not evidence.shape[1]:
        return np.zeros(len(rows))
    return -evidence.max(axis=1).astype(np.float64)
