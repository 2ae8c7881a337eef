"""How many photos there are of each day, month or year (Qt-free).

A photo's day is the one that a filter on dates finds it under.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.records import NO_DATE, ImageTable
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.inference.filters import SECONDS_PER_DAY, midnight

_EPOCH = date(1970, 1, 1)
_FIRST, _LAST = (date.min - _EPOCH).days + 1, (date.max - _EPOCH).days - 1
_DAYS: WeakKeyDictionary[ImageTable, DayCounts] = WeakKeyDictionary()


class Unit(StrEnum):
    """How long the periods of a timeline are."""

    DAY = "day"
    MONTH = "month"
    YEAR = "year"


_LONGEST_GAP = {Unit.DAY: 13, Unit.MONTH: 11, Unit.YEAR: 4}
"""Periods without photos that are shown one by one."""
_GAP_SLOTS = 2
"""What a longer gap takes: enough for a mark."""
_LONGEST_SPAN_OF_DAYS = 400
"""Days from the first photo to the last, of a timeline of days."""
_NUMPY = {Unit.DAY: "datetime64[D]", Unit.MONTH: "datetime64[M]", Unit.YEAR: "datetime64[Y]"}


@dataclass(frozen=True, eq=False)
class DayCounts:
    """``days`` (d,) int64, ascending, counted from 1970-01-01; ``counts`` (d,) int64 photos."""

    days: NDArray[np.int64]
    counts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.days)


@dataclass(frozen=True)
class Period:
    """Photos from ``first`` to ``last`` day, both included; ``slot`` is its place from the left.

    ``after_gap``: many periods without photos are left out before it.
    """

    first: date
    last: date
    count: int
    slot: int
    after_gap: bool = False


@dataclass(frozen=True)
class Timeline:
    """``slots`` places from left to right, of which some are empty."""

    unit: Unit
    periods: tuple[Period, ...]
    slots: int


def day_counts(snapshot: Snapshot) -> DayCounts:
    """Photos by day; counted once for each table of images."""
    images = snapshot.images
    found = _DAYS.get(images)
    if found is None:
        found = _DAYS[images] = _counted(images)
    return found


def timeline(days: DayCounts, most: int) -> Timeline:
    """The finest timeline of at most ``most`` slots; years if none has so few."""
    span = int(days.days[-1] - days.days[0]) if len(days) else 0
    units = (Unit.DAY, Unit.MONTH) if span <= _LONGEST_SPAN_OF_DAYS else (Unit.MONTH,)
    for unit in units:
        found = _grouped(days, unit)
        if found.slots <= most:
            return found
    return _grouped(days, Unit.YEAR)


def _counted(images: ImageTable) -> DayCounts:
    by_camera = images.taken != NO_DATE
    taken = images.taken[by_camera] // SECONDS_PER_DAY
    changed = _local_days(images.mtime[~by_camera] // 1_000_000_000)
    days = np.concatenate([taken, changed])
    days = days[(days >= _FIRST) & (days <= _LAST)]
    if not len(days):
        return DayCounts(np.empty(0, np.int64), np.empty(0, np.int64))
    lowest, highest = int(days.min()), int(days.max())
    # Every date from year 1 to 9999 is a few million days.
    counts = np.bincount(days - lowest, minlength=highest - lowest + 1)
    there = np.flatnonzero(counts)
    return DayCounts(there + lowest, counts[there].astype(np.int64))


def _local_days(seconds: NDArray[np.int64]) -> NDArray[np.int64]:
    """The days here of these instants."""
    near = np.unique(seconds // SECONDS_PER_DAY)
    near = near[(near >= _FIRST) & (near <= _LAST)]
    if not len(near):
        return np.empty(0, np.int64)
    # Their days here are these or the ones beside them.
    days = np.unique(np.concatenate([near - 1, near, near + 1]))
    begins = np.array([midnight(day) for day in days.tolist()], np.int64)
    place = np.searchsorted(begins, seconds, side="right") - 1
    return days[place[place >= 0]]


def _grouped(days: DayCounts, unit: Unit) -> Timeline:
    if not len(days):
        return Timeline(unit, (), 0)
    stamps = days.days.astype("datetime64[D]").astype(_NUMPY[unit]).astype(np.int64)
    starts, first = np.unique(stamps, return_index=True)
    counts = np.add.reduceat(days.counts, first)
    steps = np.diff(starts, prepend=starts[:1])
    gap = steps - 1 > _LONGEST_GAP[unit]
    slots = np.cumsum(np.where(gap, _GAP_SLOTS + 1, steps))
    bounds = _BOUNDS[unit]
    periods = tuple(
        Period(*bounds(start), count, slot, bool(cut))
        for start, count, slot, cut in zip(
            starts.tolist(), counts.tolist(), slots.tolist(), gap.tolist(), strict=True
        )
    )
    return Timeline(unit, periods, int(slots[-1]) + 1)


def _day(number: int) -> tuple[date, date]:
    day = _EPOCH + timedelta(days=number)
    return day, day


def _month(number: int) -> tuple[date, date]:
    year, month = divmod(number, 12)
    first = date(_EPOCH.year + year, month + 1, 1)
    return first, date(first.year, month + 1, _days_in(first))


def _days_in(first: date) -> int:
    following = first.replace(day=28) + timedelta(days=4)
    return (following.replace(day=1) - timedelta(days=1)).day


def _year(number: int) -> tuple[date, date]:
    year = _EPOCH.year + number
    return date(year, 1, 1), date(year, 12, 31)


_BOUNDS: dict[Unit, Callable[[int], tuple[date, date]]] = {
    Unit.DAY: _day,
    Unit.MONTH: _month,
    Unit.YEAR: _year,
}
