"""Which images the grid shows, and in what order, evaluated over arrays (Qt-free)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.counting import count_columns, row_blocks
from lmpt_desktop.domain.records import NO_DATE, ImageState, ImageTable
from lmpt_desktop.domain.search_text import folded
from lmpt_desktop.domain.snapshot import Snapshot
from trainer.bands import Band

BLOCK_ROWS = 8192
"""Rows processed together, where temporary arrays would otherwise be as large as the scores."""


SECONDS_PER_DAY = 86_400
RECENT_DAYS = 30
_EPOCH = date(1970, 1, 1)


class Status(StrEnum):
    """A condition on a class of an image: of ``Filter.classes``, else on any class of it."""

    PREDICTED = "predicted"
    PRESENT = "present"
    ABSENT = "absent"
    UNKNOWN = "unknown"
    CORRECTED = "corrected"


class Match(StrEnum):
    """How many of several classes an image must have."""

    ANY = "any"
    ALL = "all"


@dataclass(frozen=True)
class ClassCondition:
    """Images that have any, or all, of these classes; without ids, every image."""

    ids: tuple[int, ...] = ()
    match: Match = Match.ANY

    def __bool__(self) -> bool:
        return bool(self.ids)


class Period(StrEnum):
    """A time relative to today, so that a saved search moves on with the calendar."""

    RECENT = "last 30 days"
    THIS_YEAR = "this year"
    LAST_YEAR = "last year"


@dataclass(frozen=True)
class Dates:
    """Images of these days, both ends included; None leaves an end open.

    With ``period``, the ends are those of the period.
    """

    first: date | None = None
    last: date | None = None
    period: Period | None = None

    def __bool__(self) -> bool:
        return self != Dates()

    def days(self, today: date) -> tuple[date | None, date | None]:
        """The first and the last day."""
        match self.period:
            case Period.RECENT:
                return today - timedelta(days=RECENT_DAYS - 1), today
            case Period.THIS_YEAR:
                return date(today.year, 1, 1), date(today.year, 12, 31)
            case Period.LAST_YEAR:
                return date(today.year - 1, 1, 1), date(today.year - 1, 12, 31)
            case None:
                return self.first, self.last


@dataclass(frozen=True)
class Filter:
    """All conditions must hold; the default keeps every image.

    An image *has* a class as :func:`lmpt_desktop.domain.predictions.assigned_classes` says.  With
    ``status``, ``classes`` and ``band`` ask for classes that meet the status instead; ``without``
    does not.

    Attributes:
        classes: images that have any, or all, of some classes.
        without: images that have none of these classes.
        band: images that have a class of this band.
        status: the condition on ``classes`` and ``band``; alone, any class must meet it.
        unreviewed: images not yet reviewed.
        edited: images whose picture was edited after it was annotated, and not looked at since.
        state: images in this state; None for all.
        dates: images taken on certain days, see :attr:`Snapshot.dates`.
        folder_id: images of this folder.
        below: with ``folder_id``, images in this sub-folder (relative to it) and deeper.
        text: part of the file name, ignoring case.
        image_ids: these images only.
        camera: images that name this camera; "" for those that name none.
    """

    classes: ClassCondition = ClassCondition()
    without: tuple[int, ...] = ()
    band: Band | None = None
    status: Status | None = None
    unreviewed: bool = False
    edited: bool = False
    state: ImageState | None = None
    dates: Dates = Dates()
    folder_id: int | None = None
    below: PurePath | None = None
    text: str = ""
    image_ids: frozenset[int] | None = None
    camera: str | None = None

    @property
    def one_class(self) -> int | None:
        """The class in ``classes``, if it is the only one."""
        return self.classes.ids[0] if len(self.classes.ids) == 1 else None


class SortKey(StrEnum):
    """What the grid is ordered by."""

    ADDED = "added"
    NAME = "name"
    DATE = "date"
    CAMERA = "camera"
    """By name; images that name none come last."""
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


def select(
    snapshot: Snapshot, requested: Filter, order: Sort, today: date | None = None
) -> NDArray[np.int64]:
    """Rows of the snapshot that pass ``requested``, in ``order``: (n,) int64.

    A condition on a class that is not (or no longer) in the vocabulary matches nothing, and so
    does one on the absence of such a class: better no photo than all of them.

    Args:
        today: what periods are relative to; None for the current day.
    """
    mask = _image_mask(snapshot, requested)
    if requested.dates:
        mask &= _date_mask(snapshot, requested.dates.days(today or date.today()))
    rows = _of_classes(snapshot, requested, np.flatnonzero(mask))
    if requested.text:
        text = folded(requested.text)
        # Most names do not match at all, so only the others are taken apart.
        found = [
            row
            for row, name in zip(rows.tolist(), snapshot.names.at(rows), strict=True)
            if text in folded(name) and text in folded(name.rsplit("/", 1)[-1])
        ]
        rows = np.array(found, np.int64)
    return _sorted(snapshot, rows, order)


def cameras(snapshot: Snapshot) -> tuple[tuple[str, int], ...]:
    """The names of cameras and how many photos name each, by name; "" comes last."""
    numbers, counts = np.unique(snapshot.images.cameras, return_counts=True)
    found: Counter[str] = Counter()
    for camera, count in zip(numbers.tolist(), counts.tolist(), strict=True):
        found[snapshot.images.camera_names.get(camera, "")] += count
    return tuple(sorted(found.items(), key=lambda item: (not item[0], item[0].casefold())))


def has_class(snapshot: Snapshot) -> NDArray[np.int64]:
    """(C,) how many images have each class: those that a filter on that class shows."""
    counts = np.zeros(len(snapshot.class_ids), np.int64)
    for block in row_blocks(len(snapshot.image_ids)):
        counts += count_columns(snapshot.assigned_at(block))
    return counts


def years(snapshot: Snapshot) -> tuple[int, ...]:
    """The years of which there are photos, the last one first."""
    if not len(snapshot.dates):
        return ()
    found = np.unique(snapshot.dates.astype("datetime64[s]").astype("datetime64[Y]"))
    numbers = found.astype(np.int64) + _EPOCH.year
    return tuple(int(year) for year in numbers[::-1] if date.min.year <= year <= date.max.year)


def _image_mask(snapshot: Snapshot, requested: Filter) -> NDArray[np.bool_]:
    mask = np.ones(len(snapshot.image_ids), np.bool_)
    if requested.unreviewed:
        mask &= ~snapshot.reviewed
    if requested.edited:
        mask &= snapshot.images.edited
    if requested.state is not None:
        mask &= snapshot.states == requested.state
    if requested.camera is not None:
        mask &= _names_camera(snapshot.images, requested.camera)
    if requested.folder_id is not None:
        mask &= snapshot.folder_ids == requested.folder_id
        if requested.below is not None and requested.below.parts:
            prefix = requested.below.as_posix() + "/"
            rows = np.flatnonzero(mask)
            mask[rows] = [name.startswith(prefix) for name in snapshot.names.at(rows)]
    if requested.image_ids is not None:
        mask &= np.isin(snapshot.image_ids, np.fromiter(requested.image_ids, np.int64))
    return mask


def _names_camera(images: ImageTable, name: str) -> NDArray[np.bool_]:
    """(N,) whether an image names a camera, or, for "", none."""
    known = images.camera_names.items()
    numbers = [number for number, found in known if found and found == (name or found)]
    named = np.isin(images.cameras, numbers)
    return named if name else ~named


def _date_mask(snapshot: Snapshot, days: tuple[date | None, date | None]) -> NDArray[np.bool_]:
    """(N,) whether an image is of one of the days.

    A camera's clock has no zone, so its day is the one it shows; a file's date is an instant, and
    its day the one it had here.
    """
    first, last = days
    by_camera = snapshot.images.taken != NO_DATE
    dates = snapshot.dates
    mask = np.ones(len(dates), np.bool_)
    if first is not None:
        start = (first - _EPOCH).days
        mask &= dates >= np.where(by_camera, start * SECONDS_PER_DAY, midnight(start))
    if last is not None:
        end = (last - _EPOCH).days + 1
        mask &= dates < np.where(by_camera, end * SECONDS_PER_DAY, midnight(end))
    return mask


def midnight(days: int) -> int:
    """When a day begins here, in seconds since the epoch; ``days`` counts from 1970-01-01."""
    try:
        day = _EPOCH + timedelta(days=days)
        return int(datetime(day.year, day.month, day.day).astimezone().timestamp())
    except (OverflowError, OSError, ValueError):  # no calendar reaches so far
        return days * SECONDS_PER_DAY


def _of_classes(
    snapshot: Snapshot, requested: Filter, rows: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Those of ascending ``rows`` that meet the conditions on classes."""
    wanted, unwanted = requested.classes, requested.without
    status = requested.status
    if wanted:
        found = _columns(snapshot, wanted.ids)
        missing = len(found) < len(set(wanted.ids))
        if wanted.match is Match.ALL and missing:
            return rows[:0]
        rows = rows[_meets(snapshot, status, rows, found, wanted.match)]
    if requested.band is not None:
        of_band = np.array([band is requested.band for band in snapshot.bands.bands], np.bool_)
        rows = rows[_meets(snapshot, status, rows, np.flatnonzero(of_band))]
    if status is not None and not wanted and requested.band is None:
        rows = rows[_meets(snapshot, status, rows, np.arange(len(snapshot.class_ids)))]
    if unwanted:
        found = _columns(snapshot, unwanted)
        if len(found) < len(set(unwanted)):
            return rows[:0]
        rows = rows[~_meets(snapshot, None, rows, found)]
    return rows


def _columns(snapshot: Snapshot, ids: Sequence[int]) -> NDArray[np.int64]:
    """(k,) ascending columns of those of the classes that there are."""
    column_of = snapshot.column_of
    return np.array(sorted({column_of[id_] for id_ in ids if id_ in column_of}), np.int64)


def _meets(
    snapshot: Snapshot,
    status: Status | None,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    match: Match = Match.ANY,
) -> NDArray[np.bool_]:
    """(len(rows),) whether any, or all, of ``columns`` meet ``status`` (None: the image has the
    class); rows are ascending."""
    result = np.zeros(len(rows), np.bool_)
    if not len(columns):
        return result
    reduce = np.any if match is Match.ANY else np.all
    for start in range(0, len(rows), BLOCK_ROWS):
        part = rows[start : start + BLOCK_ROWS]
        whole = part[-1] - part[0] == len(part) - 1
        block = slice(int(part[0]), int(part[-1]) + 1) if whole else part
        found = _cells(snapshot, status, block, columns)
        result[start : start + BLOCK_ROWS] = reduce(found, axis=1)
    return result


def _cells(
    snapshot: Snapshot,
    status: Status | None,
    block: slice | NDArray[np.int64],
    columns: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """(n, k) whether each class of ``columns`` meets ``status`` in each row of ``block``."""

    width = len(snapshot.class_ids)
    cells: Any = block
    if len(columns) < width:
        cells = (block, columns) if isinstance(block, slice) else (block[:, None], columns)
    match status:
        case None:
            return snapshot.assigned_at(cells)
        case Status.PREDICTED:
            return snapshot.predicted_at(cells)
        case Status.PRESENT:
            return snapshot.annotations[cells] == 1
        case Status.ABSENT:
            return snapshot.annotations[cells] == 0
        case Status.UNKNOWN:
            return snapshot.annotations[cells] == -1
        case Status.CORRECTED:
            return snapshot.corrected_at(cells)


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
        case SortKey.NAME | SortKey.DATE | SortKey.CAMERA:
            return _column(snapshot, order.key)[rows].astype(np.float64)
        case SortKey.SCORE:
            return -_blockwise(rows, lambda block: _highest(_scores(snapshot, block, order)))
        case SortKey.UNCERTAINTY:
            return _uncertainty(snapshot, rows, order)
        case SortKey.TAIL_FIRST:
            return _tail_keys(snapshot, rows)


def _column(snapshot: Snapshot, key: SortKey) -> NDArray[Any]:
    """(N,) of names, dates or cameras."""
    if key is SortKey.CAMERA:
        return _camera_ranks(snapshot.images)
    return snapshot.name_ranks if key is SortKey.NAME else snapshot.dates


def _camera_ranks(images: ImageTable) -> NDArray[np.float64]:
    """(N,) the place of each image's camera by name; NaN without one."""
    names = sorted(
        ((name, number) for number, name in images.camera_names.items() if name),
        key=lambda item: (item[0].casefold(), item),
    )
    numbers = np.array([number for _name, number in names], np.int64)
    if not len(numbers):
        return np.full(len(images), np.nan)
    order = np.argsort(numbers)
    place = np.minimum(np.searchsorted(numbers, images.cameras, sorter=order), len(numbers) - 1)
    rank = order[place]
    return np.where(numbers[rank] == images.cameras, rank, np.nan)


def _blockwise(
    rows: NDArray[np.int64], of: Callable[[NDArray[np.int64]], NDArray[np.float64]]
) -> NDArray[np.float64]:
    """(len(rows),) ``of`` each row, some at a time: no arrays as large as the scores."""
    result = np.empty(len(rows))
    for start in range(0, len(rows), BLOCK_ROWS):
        part = slice(start, start + BLOCK_ROWS)
        result[part] = of(rows[part])
    return result


def _scores(snapshot: Snapshot, rows: NDArray[np.int64], order: Sort) -> NDArray[np.float32]:
    """(n, C) scores of these rows, or (n, 1) or (n, 0) of the class in ``order``."""
    if order.class_id is None:
        return snapshot.scores[rows]
    return snapshot.scores[rows[:, None], _columns(snapshot, (order.class_id,))]


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
        threshold = snapshot.thresholds[_columns(snapshot, (order.class_id,))]
        return -_highest(-np.abs(_scores(snapshot, rows, order) - threshold))
    if not len(snapshot.class_ids):
        return np.full(len(rows), np.nan)

    def closest(block: NDArray[np.int64]) -> NDArray[np.float64]:
        distance = snapshot.scores[block] - snapshot.thresholds
        np.abs(distance, out=distance)
        np.copyto(distance, np.inf, where=snapshot.annotations[block] >= 0)
        return np.fmin.reduce(distance, axis=1).astype(np.float64)

    found = _blockwise(rows, closest)
    found[np.isinf(found)] = np.nan
    return found


def _tail_keys(snapshot: Snapshot, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Minus the best evidence for a tail class: 1 if annotated present, else the score."""
    tail = np.flatnonzero(snapshot.bands.is_tail())
    if not len(tail):
        return np.zeros(len(rows))

    def best(block: NDArray[np.int64]) -> NDArray[np.float64]:
        cells = np.ix_(block, tail)
        evidence = np.where(snapshot.assigned_at(cells), snapshot.scores[cells], 0.0)
        evidence = np.where(snapshot.annotations[cells] == 1, 1.0, evidence)
        return evidence.max(axis=1).astype(np.float64)

    return -_blockwise(rows, best)
