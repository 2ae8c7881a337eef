"""Which copies are kept, and what counts as a complete catalogue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmpt_desktop.catalogue import Catalogue, Change, backups
from lmpt_desktop.catalogue.backups import BackupCopy, kept
from lmpt_desktop.catalogue.contents import read_contents
from lmpt_desktop.catalogue.opening import CATALOGUE_NAME
from lmpt_desktop.domain.records import ScannedFile

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def _copies(dates: list[datetime]) -> list[BackupCopy]:
    return [
        BackupCopy(Path(f"{number}.sqlite"), backups.DAILY, made, number)
        for number, made in enumerate(dates, 1)
    ]


def _simulate(dates: list[datetime], annotations: list[int]) -> list[BackupCopy]:
    """Copies left when each is made in turn and others are dropped."""
    there: list[tuple[BackupCopy, int]] = []
    for copy, count in zip(_copies(dates), annotations, strict=True):
        there.append((copy, count))
        keep = kept([item for item, _ in there], [number for _, number in there])
        there = [item for item in there if item[0] in keep]
    return [copy for copy, _ in there]


def test_copies_of_two_years_thin_out_by_day_week_and_month() -> None:
    days = 730
    left = _simulate([START + timedelta(days) for days in range(days)], [100] * days)
    ages = [days - copy.number for copy in left]
    assert ages[-7:] == list(range(6, -1, -1))
    assert len(left) <= 7 + 8 + 12
    assert sum(age <= 60 for age in ages) >= 7 + 6
    assert max(ages) >= 320
    months = {(copy.made.year, copy.made.month) for copy in left}
    assert len(months) == 12


def test_an_emptied_library_does_not_push_its_last_full_copy_out() -> None:
    dates = [START + timedelta(days) for days in range(500)]
    left = _simulate(dates, [5000] * 100 + [0] * 400)
    assert 100 in [copy.number for copy in left]


def test_a_copy_with_fewer_annotations_is_replaced_once_they_are_there_again() -> None:
    dates = [START + timedelta(days) for days in range(800)]
    left = _simulate(dates, [5000] * 10 + [10] * 10 + [6000] * 780)
    assert not {copy.number for copy in left} & set(range(1, 21))


@given(
    st.lists(
        st.tuples(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)), st.integers(0, 10_000)),
        min_size=1,
        max_size=60,
    )
)
def test_whatever_the_clock_and_the_user_do(made: list[tuple[datetime, int]]) -> None:
    dates = [when.replace(tzinfo=UTC) for when, _count in made]
    counts = [count for _when, count in made]
    left = _simulate(dates, counts)
    numbers = [copy.number for copy in left]
    assert numbers[-1] == len(made)
    assert set(range(max(1, len(made) - backups.KEEP + 1), len(made) + 1)) <= set(numbers)
    # No annotation count was ever reached that no copy stands for any longer.
    most = max(counts)
    assert max(counts[number - 1] for number in numbers) == most


def _annotated(library: Path, count: int) -> None:
    with Catalogue.open(library) as catalogue:
        folder = catalogue.folders.add(library.parent)
        ids = catalogue.images.upsert(
            folder.id, [ScannedFile(path=f"{i}.jpg", size=1, mtime_ns=1) for i in range(count)]
        )
        entry = catalogue.classes.add("dog")
        catalogue.annotations.apply([Change(image, entry.id, 1) for image in ids])
        catalogue.annotations.set_reviewed(ids[:1], True)


def test_on_disk_the_last_full_copy_stays_whatever_follows(library: Path) -> None:
    _annotated(library, 30)
    full = backups.back_up(library / CATALOGUE_NAME, backups.DAILY)
    assert read_contents(full).annotations == 30
    assert read_contents(full).reviewed == 1
    with Catalogue.open(library) as catalogue:
        catalogue.annotations.undo(catalogue.annotations.history(9)[0].id)
        catalogue.annotations.undo(catalogue.annotations.history(9)[0].id)
    for _ in range(3 * backups.KEEP):
        backups.back_up(library / CATALOGUE_NAME, backups.DAILY)
    assert read_contents(backups.existing(library)[-1]).annotations == 0
    assert full.exists()
    assert len(backups.existing(library, backups.DAILY)) == backups.KEEP + 1


def test_a_damaged_copy_stands_for_no_other(library: Path) -> None:
    _annotated(library, 3)
    good = backups.back_up(library / CATALOGUE_NAME, backups.DAILY)
    for number in range(20):
        bad = library / backups.FOLDER / f"daily-20991231T000000000000-{900 + number:06d}.sqlite"
        bad.write_bytes(b"nothing")
    backups.prune(library, backups.DAILY)
    assert good.exists()


def test_a_copy_before_a_migration_is_not_pruned_by_daily_ones(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _annotated(library, 3)
    before = backups.back_up(library / CATALOGUE_NAME, backups.MIGRATION)
    day = [START]
    monkeypatch.setattr(backups, "_now", lambda: day[0])
    for _ in range(30):
        backups.back_up(library / CATALOGUE_NAME, backups.DAILY)
        day[0] += timedelta(days=20)
    assert before.exists()


def test_no_copy_is_made_of_a_catalogue_that_is_gone(library: Path) -> None:
    with pytest.raises(FileNotFoundError):
        backups.back_up(library / CATALOGUE_NAME, backups.DAILY)
    assert not library.exists()


def test_numbers_rise_over_all_kinds(library: Path) -> None:
    _annotated(library, 1)
    path = library / CATALOGUE_NAME
    kinds = [backups.DAILY, backups.MIGRATION, backups.RESTORE, backups.DAILY]
    made: list[Path] = [backups.back_up(path, kind) for kind in kinds]
    assert [copy.path for copy in backups.copies(library)][-4:] == made


@pytest.mark.parametrize("count", [0, 1, 7])
def test_contents_count_what_the_catalogue_counts(library: Path, count: int) -> None:
    _annotated(library, count + 1)
    with Catalogue.open(library) as catalogue:
        catalogue.classes.add("cat")
        images = catalogue.images.table().ids
        catalogue.annotations.set_reviewed(images, True)
        classes = [entry.id for entry in catalogue.classes.all()]
        expected = int((catalogue.annotations.matrix(images, classes) >= 0).sum())
    copy = backups.back_up(library / CATALOGUE_NAME, backups.DAILY)
    assert read_contents(copy).annotations == expected
    assert read_contents(copy).photos == count + 1
