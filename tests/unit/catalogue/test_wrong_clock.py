"""Times stored while the clock was wrong block and delete nothing once it is right again."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from lmpt_desktop.catalogue import Catalogue, Change, annotations, backups
from lmpt_desktop.catalogue.opening import CATALOGUE_NAME, SHUTDOWN_RECORD_NAME
from lmpt_desktop.domain.records import ScannedFile

IN_2032 = 1_956_528_000_000_000
"""Microseconds since the epoch."""


def _stamped(library: Path, kind: str, days: int, year: int = 2032) -> list[Path]:
    """Copies whose names say that they were made in January of a year."""
    folder = library / backups.FOLDER
    folder.mkdir(exist_ok=True)
    copies = [
        folder / f"{kind}-{year}01{day:02d}T000000000000.sqlite" for day in range(1, days + 1)
    ]
    for copy in copies:
        copy.write_bytes((library / CATALOGUE_NAME).read_bytes())
    return copies


def _annotate(catalogue: Catalogue, number: int) -> None:
    folder = catalogue.folders.add(catalogue.library_folder.parent)
    ids = catalogue.images.upsert(
        folder.id, [ScannedFile(path=f"{number}.jpg", size=1, mtime_ns=1)]
    )
    catalogue.annotations.apply([Change(ids[0], catalogue.classes.all()[0].id, 1)])


@pytest.fixture
def closed(library: Path) -> Path:
    """A library that was never backed up."""
    Catalogue.open(library).close()
    for copy in backups.existing(library):
        copy.unlink()
    return library


def test_a_daily_copy_is_made_although_one_is_from_the_future(closed: Path) -> None:
    _stamped(closed, "daily", 1)
    assert backups.daily_due(closed)
    Catalogue.open(closed).close()
    Catalogue.open(closed).close()
    assert len(backups.existing(closed, "daily")) == 2
    assert not backups.daily_due(closed)


def _clock(monkeypatch: pytest.MonkeyPatch, *at: int) -> None:
    """Set the clock of the copies."""
    monkeypatch.setattr(backups, "_now", lambda: datetime(*at, tzinfo=UTC))


@pytest.mark.parametrize("kind", [backups.DAILY, backups.MIGRATION])
@pytest.mark.parametrize("wrong", [(1970, 1, 1), (2101, 5, 5)])
def test_the_copy_just_made_is_the_newest_whatever_the_clock_says(
    closed: Path, monkeypatch: pytest.MonkeyPatch, kind: str, wrong: tuple[int, ...]
) -> None:
    catalogue = closed / CATALOGUE_NAME
    made: list[Path] = []
    for day in range(1, 29):
        _clock(monkeypatch, *((2030, 1, day) if day % 9 else wrong))
        made.append(backups.back_up(catalogue, kind))
        assert backups.existing(closed, kind)[-1] == made[-1]
        assert all(copy.exists() for copy in made[-backups.KEEP :])


@pytest.mark.parametrize("wrong", [(1970, 1, 1), (2101, 5, 5)])
def test_a_clock_that_was_wrong_once_stops_no_daily_copies(
    closed: Path, monkeypatch: pytest.MonkeyPatch, wrong: tuple[int, ...]
) -> None:
    catalogue = closed / CATALOGUE_NAME
    backups.back_up(catalogue, backups.DAILY)
    assert not backups.daily_due(closed)
    _clock(monkeypatch, *wrong)
    assert backups.daily_due(closed)
    backups.back_up(catalogue, backups.DAILY)
    assert not backups.daily_due(closed)
    for day in (1, 2, 3):
        _clock(monkeypatch, 2030, 1, day)
        assert backups.daily_due(closed)
        backups.back_up(catalogue, backups.DAILY)
        assert not backups.daily_due(closed)


def test_a_clock_that_stands_still_stops_no_daily_copies(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a battery the clock begins anew whenever the computer does."""
    monkeypatch.setattr(backups, "BATCHES_BETWEEN", 3)
    _clock(monkeypatch, 1970, 1, 1)
    backups.back_up(closed / CATALOGUE_NAME, backups.DAILY)
    for number in range(3):
        assert not backups.daily_due(closed)
        with Catalogue.open(closed) as catalogue:
            catalogue.classes.add(f"class {number}")
            _annotate(catalogue, number)
    assert backups.daily_due(closed)


def test_a_copy_from_the_future_counts_as_one_day(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the place of one copy, not of all those of the years until then."""
    catalogue = closed / CATALOGUE_NAME
    for day in range(1, 21):
        _clock(monkeypatch, *((2030, 1, day) if day != 10 else (2101, 1, 1)))
        backups.back_up(catalogue, backups.DAILY)
    days = [copy.made.date() for copy in backups.copies(closed)]
    assert days[-7:] == [date(2030, 1, day) for day in range(14, 21)]


def test_copies_of_earlier_versions_come_before_numbered_ones(closed: Path) -> None:
    future = _stamped(closed, backups.DAILY, 3)
    past = _stamped(closed, backups.DAILY, 2, year=2020)
    made = backups.back_up(closed / CATALOGUE_NAME, backups.DAILY)
    assert backups.existing(closed) == [*future, *past, made]


def test_a_copy_that_the_user_has_named_is_not_deleted(closed: Path) -> None:
    own = closed / backups.FOLDER / "daily-before the holidays.sqlite"
    own.write_bytes(b"")
    for _ in range(backups.KEEP + 1):
        backups.back_up(closed / CATALOGUE_NAME, "daily")
    assert own.exists()
    assert len(backups.existing(closed, "daily")) == backups.KEEP + 1


def test_a_check_of_the_future_does_not_stand_for_one_today(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = closed / SHUTDOWN_RECORD_NAME
    note = json.loads(record.read_text(encoding="utf-8"))
    record.write_text(json.dumps(note | {"checked": IN_2032 / 1e6}), encoding="utf-8")
    Catalogue.open(closed).close()
    assert json.loads(record.read_text(encoding="utf-8"))["checked"] < IN_2032 / 1e6


def test_verdicts_after_a_version_from_the_future_are_new(
    catalogue: Catalogue,
    add_images: Callable[[int], list[int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = add_images(6)
    dog = catalogue.classes.add("dog").id

    def annotate(image: int, at: int | None = None) -> None:
        with monkeypatch.context() as patch:
            if at is not None:
                patch.setattr(annotations, "now", lambda: at)
            catalogue.annotations.apply([Change(image, dog, 1)])

    def new_since(at: int) -> int:
        return catalogue.annotations.since(at)[0].get(dog, 0)

    annotate(images[0])
    before = annotations.now()
    assert new_since(0) == 1
    assert new_since(before) == 0
    annotate(images[1], IN_2032)
    learned = IN_2032 + 10  # a version is trained in 2032
    assert new_since(learned) == 0
    annotate(images[2], IN_2032 + 20)
    assert new_since(learned) == 1
    # The clock is right again.
    annotate(images[3])
    annotate(images[4])
    assert new_since(learned) == 3
    again = annotations.now()  # another version has learned all of these
    assert new_since(again) == 0
    annotate(images[5])
    assert new_since(again) == 1
