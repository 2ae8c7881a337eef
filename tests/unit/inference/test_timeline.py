"""Photos by day, month and year."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from snapshots import make_snapshot

from lmpt_desktop.domain.records import NO_DATE
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.inference.filters import Dates, Filter, Sort, select
from lmpt_desktop.inference.timeline import DayCounts, Period, Unit, day_counts, timeline

EPOCH = date(1970, 1, 1)


def photos(taken: list[int], changed: list[int] | None = None) -> Snapshot:
    """Photos taken, or changed, at these seconds since the epoch."""
    seconds = np.array(taken + [NO_DATE] * len(changed or ()), np.int64)
    made = make_snapshot(np.full((len(seconds), 1), -1), taken=seconds)
    mtime = np.array([0] * len(taken) + list(changed or ()), np.int64) * 1_000_000_000
    return replace(made, images=replace(made.images, mtime=mtime))


def at(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())


def counted(*days: str) -> DayCounts:
    return day_counts(photos([at(day) for day in days]))


def test_photos_are_counted_by_day() -> None:
    found = counted("2023-06-01T23:59:59", "2023-06-01", "2023-06-03")
    days = [EPOCH + timedelta(days=day) for day in found.days.tolist()]
    assert days == [date(2023, 6, 1), date(2023, 6, 3)]
    assert found.counts.tolist() == [2, 1]


def test_the_periods_are_as_short_as_there_is_room() -> None:
    days = counted("2021-12-31", "2022-01-01", "2022-03-05", "2022-03-31")
    shown = timeline(days, 100)
    assert (shown.unit, [period.count for period in shown.periods]) == (Unit.DAY, [1, 1, 1, 1])
    shown = timeline(days, 5)
    assert shown.unit is Unit.MONTH
    assert shown.periods == (
        Period(date(2021, 12, 1), date(2021, 12, 31), 1, 0),
        Period(date(2022, 1, 1), date(2022, 1, 31), 1, 1),
        Period(date(2022, 3, 1), date(2022, 3, 31), 2, 3),
    )
    shown = timeline(days, 2)
    assert (shown.unit, [period.count for period in shown.periods]) == (Unit.YEAR, [1, 3])
    assert shown.periods[1].last == date(2022, 12, 31)


def test_a_camera_whose_clock_was_not_set_takes_little_room() -> None:
    shown = timeline(counted("1970-01-01", "2023-05-01", "2023-06-01"), 20)
    assert shown.unit is Unit.MONTH
    assert [(period.slot, period.after_gap) for period in shown.periods] == [
        (0, False),
        (3, True),
        (4, False),
    ]
    assert shown.slots == 5


def test_a_library_without_photos_has_no_periods() -> None:
    assert timeline(day_counts(photos([])), 10).periods == ()


def test_months_end_where_they_end() -> None:
    days = counted("2024-02-10", "2023-12-01", "2022-11-01")
    ends = [period.last.day for period in timeline(days, 20).periods]
    assert ends == [30, 31, 29]


def test_days_are_counted_once_for_a_table() -> None:
    snapshot = photos([at("2023-06-01")])
    assert day_counts(snapshot) is day_counts(snapshot)


def test_dates_beyond_the_calendar_are_left_out() -> None:
    far = [NO_DATE + 1, 2**62, at("2023-06-01")]
    assert day_counts(photos(far, [9_000_000_000, 0])).counts.sum() == 3


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(time, "tzset"):
        pytest.skip("this system has one time zone for all programs")
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()


@pytest.mark.usefixtures("berlin")
@given(
    st.lists(st.integers(at("1990-01-01"), at("2040-01-01")), max_size=8),
    st.lists(st.integers(at("2023-03-24"), at("2023-03-28")), max_size=8),
)
def test_a_day_counts_the_photos_that_a_filter_on_it_shows(
    taken: list[int], changed: list[int]
) -> None:
    snapshot = photos(taken, changed)
    found = day_counts(snapshot)
    assert found.counts.sum() == len(taken) + len(changed)
    for number, count in zip(found.days.tolist(), found.counts.tolist(), strict=True):
        day = EPOCH + timedelta(days=number)
        assert len(select(snapshot, Filter(dates=Dates(day, day)), Sort())) == count
