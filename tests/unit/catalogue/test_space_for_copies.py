"""How much space the copies of a catalogue may take, and which are deleted for it."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmpt_desktop.catalogue import Catalogue, Change, backups
from lmpt_desktop.catalogue.kept_copies import (
    CLEARLY_FEWER,
    BackupCopy,
    SoundCopy,
    beyond,
    needed,
)
from lmpt_desktop.catalogue.opening import CATALOGUE_NAME
from lmpt_desktop.domain.records import ScannedFile
from lmpt_desktop.settings import SPACE_FOR_COPIES

KINDS = (backups.DAILY, backups.MIGRATION, backups.RESTORE, backups.REPAIR)
DAY = datetime(2026, 1, 1, 12, tzinfo=UTC)

histories = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)),
        st.integers(1, 1000),
        st.integers(0, 50),
    ),
    max_size=30,
)
"""Kind, date by whatever clock, bytes and annotations of each copy, in the order of making."""
limits = st.integers(1, 20_000)


def _made(history: list[tuple[str, datetime, int, int]]) -> list[SoundCopy]:
    return [
        SoundCopy(BackupCopy(Path(f"{n}"), kind, made.replace(tzinfo=UTC), n), size, count)
        for n, (kind, made, size, count) in enumerate(history, 1)
    ]


def _daily(days: int, size: int = 1, count: int = 10) -> list[SoundCopy]:
    return _made([(backups.DAILY, DAY + timedelta(day), size, count) for day in range(days)])


def _after_each(history: list[tuple[str, datetime, int, int]], limit: int) -> list[SoundCopy]:
    """What is left when the copies are made in turn."""
    there: list[SoundCopy] = []
    for item in _made(history):
        there.append(item)
        deleted = beyond(there, limit)
        left = [other for other in there if other not in deleted]
        _check(there, left, limit)
        there = left
    return there


def _check(there: list[SoundCopy], left: list[SoundCopy], limit: int) -> None:
    assert left[-2:] == there[-2:]
    for kind in {item.copy.kind for item in there}:
        newest = [item for item in there if item.copy.kind == kind][-1]
        assert newest in left
    for item in there:
        newer = [other for other in left if other.copy.number >= item.copy.number]
        assert any(other.annotations >= CLEARLY_FEWER * item.annotations for other in newer)
    stay = needed(there)
    taken = sum(item.size for item in left)
    assert taken <= limit or {item.copy for item in left} == stay
    assert stay <= {item.copy for item in left}


@given(histories, limits)
def test_no_history_of_copies_breaks_a_rule(
    history: list[tuple[str, datetime, int, int]], limit: int
) -> None:
    left = _after_each(history, limit)
    if history:
        most = max(count for *_rest, count in history)
        assert max(item.annotations for item in left) == most


@given(histories, limits)
def test_no_more_is_deleted_than_has_to_be(
    history: list[tuple[str, datetime, int, int]], limit: int
) -> None:
    there = _made(history)
    deleted = beyond(there, limit)
    left = sum(item.size for item in there) - sum(item.size for item in deleted)
    assert not deleted or left + deleted[-1].size > limit


@given(histories)
def test_nothing_is_deleted_where_there_is_space(
    history: list[tuple[str, datetime, int, int]],
) -> None:
    there = _made(history)
    assert not beyond(there, sum(item.size for item in there))


def test_months_go_before_weeks_before_days_and_the_oldest_of_each_first() -> None:
    there = _daily(300)
    keep = backups.kept([item.copy for item in there], [item.annotations for item in there])
    there = [item for item in there if item.copy in keep]
    deleted = [item.copy.number for item in beyond(there, 2)]
    months, weeks, days = deleted[:9], deleted[9:15], deleted[15:]
    assert months == [31, 59, 90, 120, 151, 181, 212, 243, 273]
    assert weeks == list(range(weeks[0], weeks[0] + 6 * 7, 7)) and weeks[-1] < days[0]
    assert days == list(range(days[0], 299))


def test_a_slow_decline_leaves_the_fullest_copy() -> None:
    count, history = 1000.0, list[tuple[str, datetime, int, int]]()
    for day in range(60):
        history.append((backups.DAILY, DAY + timedelta(day), 10, round(count)))
        count *= 0.95
    left = _after_each(history, 1)
    assert [item.copy.number for item in left] == [1, 59, 60]
    # At once, there is one for each step that is clear.
    there = _made(history)
    assert 20 < len(needed(there)) < 40


def _annotated(library: Path, count: int) -> None:
    with Catalogue.open(library) as catalogue:
        folder = catalogue.folders.add(library.parent)
        files = [ScannedFile(path=f"{i}.jpg", size=1, mtime_ns=1) for i in range(count)]
        ids = catalogue.images.upsert(folder.id, files)
        entry = catalogue.classes.add("dog")
        catalogue.annotations.apply([Change(image, entry.id, 1) for image in ids])


@pytest.fixture
def small(library: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library with three copies, which may take no more than two and a half of them."""
    _annotated(library, 3)
    for path in backups.existing(library):  # made while it was opened
        path.unlink()
    newest = [_back_up(library) for _ in range(3)][-1]
    monkeypatch.setattr(backups, "GIGABYTE", newest.stat().st_size // 2)
    return library


def _back_up(library: Path, kind: str = backups.DAILY) -> Path:
    return backups.back_up(library / CATALOGUE_NAME, kind)


def test_with_each_copy_the_oldest_make_room_and_the_log_says_so(
    small: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second, third = backups.existing(small)
    caplog.set_level(logging.INFO)
    fourth = _back_up(small)
    assert backups.existing(small) == [third, fourth]
    for gone in (first, second):
        assert f"deleting the copy {gone.name}" in caplog.text
    assert backups.space_taken(small, backups.space_allowed(small)).next_deleted == ()


def test_a_copy_before_a_migration_stays_whatever_is_copied_after_it(small: Path) -> None:
    before = _back_up(small, backups.MIGRATION)
    newest = [_back_up(small) for _ in range(6)][-1]
    assert before.exists()
    assert len(backups.existing(small)) == 3
    assert backups.existing(small)[-1] == newest


def test_the_users_own_files_are_neither_deleted_nor_counted(small: Path) -> None:
    own = small / backups.FOLDER / "before the holidays.sqlite"
    own.write_bytes(bytes(10**6))
    newest = _back_up(small)
    assert own.exists()
    space = backups.space_taken(small, 0)
    assert (space.count, space.own, space.own_size) == (2, 1, 10**6)
    assert space.size == 2 * newest.stat().st_size


def test_a_damaged_newest_copy_is_never_what_the_others_are_deleted_for(small: Path) -> None:
    newest = backups.existing(small)[-1]
    with closing(sqlite3.connect(newest)) as db:
        db.execute("PRAGMA journal_mode = DELETE")
        page = db.execute("PRAGMA page_size").fetchone()[0]
        root = "SELECT rootpage FROM sqlite_master WHERE name = 'ix_images_fingerprint'"
        number = db.execute(root).fetchone()[0]
    with newest.open("r+b") as file:
        file.seek((number - 1) * page)
        file.write(bytes([0xEE]) * 60)
    assert backups.read_contents(newest).annotations == 3
    left = backups.space_taken(small, 1)
    assert len(left.next_deleted) == 0
    assert left.exceeded
    assert len(backups.existing(small)) == 3


def test_copies_that_cannot_be_read_push_no_other_out(small: Path) -> None:
    for number in range(5):
        bad = small / backups.FOLDER / f"daily-20260101T000000000000-{900 + number:06d}.sqlite"
        bad.write_bytes(bytes(10**6))
    good = backups.existing(small)[1:3]
    backups.make_room(small)
    assert len(backups.existing(small)) == 7
    assert set(good) < set(backups.existing(small))


@pytest.mark.parametrize(
    ("stored", "gigabytes"), [(None, 5), ("20", 20), ("0", 0), ("3", 5), ('"x"', 5), ("{", 5)]
)
def test_the_limit_is_the_librarys_setting(
    library: Path, stored: str | None, gigabytes: int
) -> None:
    Catalogue.open(library).close()
    if stored is not None:
        with closing(sqlite3.connect(library / CATALOGUE_NAME)) as db, db:
            db.execute("INSERT INTO settings VALUES (?, ?)", (SPACE_FOR_COPIES.key, stored))
    assert backups.space_allowed(library) == gigabytes * 10**9


def test_where_the_setting_cannot_be_read_nothing_is_deleted(small: Path) -> None:
    (small / CATALOGUE_NAME).unlink()
    backups.make_room(small)
    assert backups.space_allowed(small) == 0
    assert len(backups.existing(small)) == 3


def test_a_copy_that_cannot_be_deleted_does_not_stop_the_next(
    small: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "no")

    monkeypatch.setattr(backups, "_delete", refuse)
    assert _back_up(small).exists()
    assert "may take too much space" in caplog.text
