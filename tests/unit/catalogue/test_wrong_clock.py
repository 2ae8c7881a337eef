"""Times stored while the clock was wrong block and delete nothing once it is right again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lmpt_desktop.catalogue import Catalogue, Change, annotations, backups
from lmpt_desktop.catalogue.opening import CATALOGUE_NAME, SHUTDOWN_RECORD_NAME

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


@pytest.mark.parametrize("kind", ["daily", "migration"])
def test_copies_from_the_future_give_way_to_those_of_today(closed: Path, kind: str) -> None:
    future = _stamped(closed, kind, backups.KEEP)
    made = [backups.back_up(closed / CATALOGUE_NAME, kind) for _ in range(backups.KEEP - 1)]
    assert all(copy.exists() for copy in made)
    assert [copy for copy in future if copy.exists()] == future[-1:]
    made.append(backups.back_up(closed / CATALOGUE_NAME, kind))
    made.append(backups.back_up(closed / CATALOGUE_NAME, kind))
    assert backups.existing(closed, kind) == made[-backups.KEEP :]


def test_a_copy_made_while_the_clock_is_behind_is_kept(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a clock that has fallen back, the copies of all other days seem to be ahead."""
    _stamped(closed, "daily", backups.KEEP, year=2026)

    class Behind(backups.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2020, 1, 1, tzinfo=tz)

    monkeypatch.setattr(backups, "datetime", Behind)
    assert backups.daily_due(closed)
    copy = backups.back_up(closed / CATALOGUE_NAME, "daily")
    assert copy.exists()
    assert not backups.daily_due(closed)
    assert len(backups.existing(closed, "daily")) == backups.KEEP


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
