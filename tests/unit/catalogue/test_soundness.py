"""Damage to the catalogue that nothing else notices: found, and mended from the journal."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from paper_library import fill
from stored_annotations import annotations_in, marks_in, rebuilt

from lmpt_desktop.catalogue import (
    Catalogue,
    CatalogueError,
    Change,
    backups,
    journal_replay,
    opening,
)
from lmpt_desktop.catalogue.soundness import Soundness
from lmpt_desktop.domain.records import Source, Verdict

IMAGES, CLASSES = 300, 20
VERDICT_TABLES = ("annotations", "declared_absent", "reviewed")


@pytest.fixture(autouse=True)
def checked_a_moment_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing disk changes neither size nor date, and the check at the start is not repeated."""
    monkeypatch.setattr(opening, "_unchanged_since_check", lambda _path: True)


@pytest.fixture
def library(made: Path, tmp_path: Path) -> Path:
    """A library of a test's own; see :func:`made`."""
    return Path(shutil.copytree(made, tmp_path / "library"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Verdicts of several kinds on many images, some of them undone, done again and taken over."""
    folder = tmp_path_factory.mktemp("soundness") / "library"
    random_ = np.random.default_rng(0)
    with Catalogue.open(folder) as catalogue:
        ids = fill(catalogue, folder / "photos", IMAGES, [f"c{i}" for i in range(CLASSES)])
        classes = np.array([entry.id for entry in catalogue.classes.all()])
        annotations = catalogue.annotations
        for _ in range(8):
            annotations.apply_arrays(
                random_.choice(ids, 300),
                random_.choice(classes, 300),
                random_.integers(-1, 2, 300).astype(np.int8),
            )
        reviewed = annotations.set_reviewed(ids[:150], True)
        annotations.apply([Change(ids[3], int(classes[4]), Verdict.PRESENT)])
        annotations.undo(annotations.undo(reviewed))
        annotations.set_reviewed(ids[100:200], True)
        annotations.apply([Change(ids[1], int(classes[0]), Verdict.ABSENT)], Source.IMPORT)
    return folder


def stored(catalogue: Catalogue) -> set[tuple]:
    return annotations_in(catalogue) | marks_in(catalogue)


def undo_all(catalogue: Catalogue) -> tuple[set[tuple], list[int]]:
    """What is left when every change is undone, and what each left alone."""
    annotations = catalogue.annotations
    done = reversed(annotations.history())
    skipped = [annotations.undo(item.id).skipped for item in done]
    return stored(catalogue), skipped


def alter(library: Path, *statements: str) -> None:
    """Change the file behind the app's back."""
    with closing(sqlite3.connect(library / opening.CATALOGUE_NAME)) as db, db:
        for statement in statements:
            db.execute(statement)


def pages_of(library: Path, name: str) -> tuple[int, list[int]]:
    """The page size, and the pages of a table or index, its root first."""
    with closing(sqlite3.connect(library / opening.CATALOGUE_NAME)) as db:
        size = db.execute("PRAGMA page_size").fetchone()[0]
        sql = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        root = db.execute(sql, (name,)).fetchone()[0]
    data = (library / opening.CATALOGUE_NAME).read_bytes()
    start = (root - 1) * size
    pages = [root]
    if data[start] in (2, 5):  # an interior page: its cells begin with the child's number
        cells = int.from_bytes(data[start + 3 : start + 5], "big")
        for cell in range(cells):
            at = start + 12 + 2 * cell
            offset = start + int.from_bytes(data[at : at + 2], "big")
            pages.append(int.from_bytes(data[offset : offset + 4], "big"))
        pages.append(int.from_bytes(data[start + 8 : start + 12], "big"))
    return size, pages


def overwrite(library: Path, page: int, size: int, offset: int, new: bytes) -> None:
    with (library / opening.CATALOGUE_NAME).open("r+b") as file:
        file.seek((page - 1) * size + offset)
        file.write(new)


def test_a_library_in_use_is_sound(library: Path) -> None:
    with Catalogue.open(library) as catalogue:
        assert catalogue.check_soundness() == Soundness()
        assert catalogue.check_soundness().sound


def test_parts_of_a_library_are_compared_one_by_one(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_replay, "CELLS", 17 * CLASSES)
    alter(library, "UPDATE annotations SET verdict = 1 - verdict WHERE image_id % 7 = 0")
    with Catalogue.open(library) as catalogue:
        found = catalogue.check_soundness()
        assert found.changed == found.differing > 20
        catalogue.repair(found)
        assert catalogue.check_soundness() == Soundness()
        assert stored(catalogue) == rebuilt(catalogue)


def test_a_check_can_be_stopped(library: Path) -> None:
    alter(library, "DELETE FROM annotations")
    with Catalogue.open(library) as catalogue:
        found = catalogue.check_soundness(lambda: True)
        assert not found.complete and not found.can_be_repaired


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("DELETE FROM annotations WHERE image_id < 50", "lost"),
        ("UPDATE annotations SET verdict = 1 - verdict WHERE image_id < 50", "changed"),
        ("UPDATE annotations SET at = at + 1 WHERE image_id < 50", "changed"),
        ("UPDATE annotations SET source = 'machine' WHERE image_id < 50", "changed"),
        ("UPDATE annotations SET source = 'nonsense' WHERE image_id < 50", "changed"),
        ("DELETE FROM declared_absent WHERE image_id < 50", "lost"),
        ("UPDATE declared_absent SET besides = '1,2,3,4,5,6' WHERE image_id < 50", "lost"),
        ("UPDATE declared_absent SET at = at + 1 WHERE image_id < 50", "changed"),
        (
            "INSERT OR IGNORE INTO annotations SELECT id, 7, 1, 5, 'user' FROM images "
            "WHERE id > 250",
            "added",
        ),
        ("UPDATE annotations SET image_id = 9999 WHERE image_id = 7", "added"),
        ("DELETE FROM reviewed WHERE image_id < 50", "marks"),
        ("UPDATE reviewed SET at = at + 1", "marks"),
    ],
)
def test_verdicts_that_the_journal_does_not_know_are_mended(
    library: Path, made: Path, tmp_path: Path, statement: str, kind: str
) -> None:
    with Catalogue.open(library) as catalogue:
        before = stored(catalogue)
    alter(library, statement)
    with Catalogue.open(library) as catalogue:
        found = catalogue.check_soundness()
        assert getattr(found, kind) > 0 and found.images > 0
        assert not found.sound and found.can_be_repaired
        assert found.damaged_tables == found.damaged_indexes == () and not found.contradictions
        copy = catalogue.repair(found)
        assert copy in backups.existing(library, "repair")
        assert catalogue.check_soundness() == Soundness()
        assert stored(catalogue) == before == rebuilt(catalogue)
        mended = undo_all(catalogue)
        assert catalogue.check_soundness() == Soundness()
    with Catalogue.open(Path(shutil.copytree(made, tmp_path / "unharmed"))) as unharmed:
        assert undo_all(unharmed) == mended


MIDDLE = """(SELECT min(j.id) FROM journal AS j JOIN journal AS k ON k.image_id = j.image_id
    AND k.id > j.id AND k.class_id = j.class_id WHERE j.after_verdict IS NOT NULL)"""
LAST = "(SELECT max(id) FROM journal WHERE class_id IS NOT NULL)"
REVIEW = "(SELECT max(id) FROM journal WHERE class_set_id IS NOT NULL)"
JOURNAL_DAMAGE = {
    "a flipped verdict": "UPDATE journal SET after_verdict = 1 - after_verdict "
    f"WHERE id = {MIDDLE}",
    "no verdict at all": f"UPDATE journal SET after_verdict = 77 WHERE id = {MIDDLE}",
    "a missing row": f"DELETE FROM journal WHERE id = {MIDDLE}",
    "a missing review": "DELETE FROM journal WHERE id = (SELECT min(id) FROM journal "
    "WHERE class_set_id IS NOT NULL)",
    "a doubled row": "INSERT INTO journal SELECT (SELECT max(id) + 1 FROM journal), batch_id, "
    "image_id, class_id, before_verdict, before_at, before_source, after_verdict, after_at, "
    f"after_source, class_set_id, besides, declared_at FROM journal WHERE id = {LAST}",
    "another image": f"UPDATE journal SET image_id = image_id % 200 + 50 WHERE id = {MIDDLE}",
    "an image that there is not": f"UPDATE journal SET image_id = 99999 WHERE id = {MIDDLE}",
    "an unknown source": f"UPDATE journal SET after_source = 'x' WHERE id = {MIDDLE}",
    "no class set": f"UPDATE journal SET class_set_id = 777 WHERE id = {REVIEW}",
    "classes that are no numbers": f"UPDATE journal SET besides = 'a,b' WHERE id = {REVIEW}",
    "the time of a batch": "UPDATE batches SET at = at + 1 WHERE action = 'reviewed'",
    "text that is none": "UPDATE journal SET after_source = CAST(x'ff80' AS TEXT) "
    f"WHERE id = {MIDDLE}",
}


def without_guards(library: Path, statement: str) -> None:
    alter(library, "DROP TRIGGER journal_keeps_update", "DROP TRIGGER journal_keeps_delete")
    with closing(sqlite3.connect(library / opening.CATALOGUE_NAME)) as db, db:
        db.execute(statement)
        for verb in ("UPDATE", "DELETE"):
            db.execute(
                f"CREATE TRIGGER journal_keeps_{verb.lower()} BEFORE {verb} ON journal "
                "BEGIN SELECT RAISE(ABORT, 'kept'); END"
            )


def assert_mended_from_the_verdicts(library: Path, before: set[tuple]) -> None:
    with Catalogue.open(library) as catalogue:
        found = catalogue.check_soundness()
        assert found.journal_damaged and found.can_be_repaired
        copy = catalogue.repair(found)
        assert copy.is_file()
        assert catalogue.check_soundness() == Soundness()
        assert stored(catalogue) == before
        # What is undamaged can be undone, and all goes on.
        images = catalogue.images.table().ids[:3].tolist()
        entry = catalogue.classes.all()[0].id
        made = catalogue.annotations.apply([Change(i, entry, Verdict.PRESENT) for i in images])
        catalogue.annotations.undo(made.id)
        assert stored(catalogue) == before
        undo_all(catalogue)
        assert catalogue.check_soundness() == Soundness()
    with closing(sqlite3.connect(library / opening.CATALOGUE_NAME)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        with pytest.raises(sqlite3.IntegrityError):
            db.execute("DELETE FROM journal")


@pytest.mark.parametrize("damage", JOURNAL_DAMAGE)
def test_a_journal_that_contradicts_itself_begins_anew(library: Path, damage: str) -> None:
    """The annotations are right, and stay as they are."""
    with Catalogue.open(library) as catalogue:
        before = stored(catalogue)
        count = len(rows_of(library, "SELECT id FROM journal"))
    without_guards(library, JOURNAL_DAMAGE[damage])
    assert_mended_from_the_verdicts(library, before)
    kept = rows_of(library, "SELECT id FROM journal WHERE batch_id IN "
                            "(SELECT id FROM batches WHERE action <> 'repaired')")  # fmt: skip
    if "batch" not in damage:
        assert len(kept) > 0.9 * count


def rows_of(library: Path, sql: str) -> list[tuple]:
    with closing(sqlite3.connect(library / opening.CATALOGUE_NAME)) as db:
        return db.execute(sql).fetchall()


@pytest.mark.parametrize("table", VERDICT_TABLES)
def test_damaged_pages_of_verdicts_are_made_again(library: Path, table: str) -> None:
    with Catalogue.open(library) as catalogue:
        before = stored(catalogue)
        size, pages = pages_of(library, table)
    with Catalogue.open(library) as catalogue:
        overwrite(library, pages[-1], size, 0, bytes([0xEE]) * 40)
    with Catalogue.open(library) as catalogue:
        found = catalogue.check_soundness()
        assert found.damaged_tables == (table,) and found.details
        assert found.can_be_repaired
        catalogue.repair(found)
        assert catalogue.check_soundness() == Soundness()
        assert stored(catalogue) == before
    with closing(sqlite3.connect(library / opening.CATALOGUE_NAME)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert not db.execute("SELECT 1 FROM sqlite_master WHERE name LIKE 'damaged%'").fetchall()


def test_an_index_that_is_not_as_its_table_is_made_again(library: Path) -> None:
    size, pages = pages_of(library, "ix_images_fingerprint")
    # A character of the key that is last in the page: keys lie at its end.
    overwrite(library, pages[-1], size, size - 10, b"z")
    with Catalogue.open(library) as catalogue:
        found = catalogue.check_soundness()
        assert found.damaged_indexes == ("ix_images_fingerprint",)
        assert found.damaged_tables == () and found.can_be_repaired
        catalogue.repair(found)
        assert catalogue.check_soundness() == Soundness()


def test_damaged_features_are_forgotten(library: Path) -> None:
    with Catalogue.open(library) as catalogue:
        vectors = np.random.default_rng(1).normal(size=(IMAGES, 64)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        catalogue.features.append("lite", list(range(1, IMAGES + 1)), vectors)
        before = stored(catalogue)
    size, pages = pages_of(library, "feature_chunks")
    overwrite(library, pages[-1], size, 0, bytes([0xEE]) * 40)
    with Catalogue.open(library) as catalogue:
        found = catalogue.check_soundness()
        assert found.damaged_tables == ("feature_chunks",) and found.can_be_repaired
        catalogue.repair(found)
        assert catalogue.check_soundness() == Soundness()
        assert stored(catalogue) == before
        assert len(catalogue.features.missing("lite")) == IMAGES


@pytest.mark.parametrize("page", [1, -1])
def test_damaged_pages_of_the_journal_are_made_again(library: Path, page: int) -> None:
    with Catalogue.open(library) as catalogue:
        before = stored(catalogue)
    size, pages = pages_of(library, "journal")
    overwrite(library, pages[page], size, 0, bytes([0xEE]) * 40)
    with Catalogue.open(library) as catalogue:
        found = catalogue.check_soundness()
        assert not found.journal_readable and "journal" in found.damaged_tables
        assert stored(catalogue) == before
    assert_mended_from_the_verdicts(library, before)


def test_nothing_is_mended_if_journal_and_verdicts_are_damaged(library: Path) -> None:
    for table in ("journal", "annotations"):
        size, pages = pages_of(library, table)
        overwrite(library, pages[-1], size, 0, bytes([0xEE]) * 40)
    with Catalogue.open(library) as catalogue:
        found = catalogue.check_soundness()
        assert not found.can_be_repaired
        with pytest.raises(ValueError, match="journal"):
            catalogue.repair(found)


FLIPPED = ("annotations", "declared_absent", "reviewed", "journal", "batches", "images")


@pytest.mark.parametrize("seed", range(24))
def test_no_flipped_byte_costs_a_verdict(library: Path, seed: int) -> None:
    """A byte of a page has another value: either all verdicts are as they were after a repair, or
    it is told that they cannot be repaired; and nothing sound is called damaged."""
    with Catalogue.open(library) as catalogue:
        before = stored(catalogue)
    chance = random.Random(seed)
    table = FLIPPED[seed % len(FLIPPED)]
    size, pages = pages_of(library, table)
    page = chance.choice(pages)
    data = (library / opening.CATALOGUE_NAME).read_bytes()
    offset = chance.randrange(size)
    old = data[(page - 1) * size + offset]
    overwrite(library, page, size, offset, bytes([old ^ (1 << chance.randrange(8))]))
    with Catalogue.open(library) as catalogue:
        try:
            found = catalogue.check_soundness()
        except CatalogueError:
            return  # told
        if found.sound or not found.can_be_repaired:
            # Unused room of a page, or a column that no verdict depends on; or it is told.
            assert not found.sound or _verdicts_or_none(catalogue) == before
            return
        catalogue.repair(found)
        assert catalogue.check_soundness() == Soundness()
        assert table == "journal" or stored(catalogue) == before


def _verdicts_or_none(catalogue: Catalogue) -> set[tuple] | None:
    try:
        return stored(catalogue)
    except sqlite3.DatabaseError:
        return None
