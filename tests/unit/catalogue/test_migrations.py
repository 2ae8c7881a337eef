"""Migrations: they make the schema, keep a copy, and change everything or nothing."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from paper_library import photo_file
from sqlalchemy import Connection, create_engine

from lmpt_desktop.catalogue import Catalogue, backups, opening, schema
from lmpt_desktop.catalogue.migrations import run
from lmpt_desktop.catalogue.records import Change
from lmpt_desktop.domain.photo_details import PhotoDetails


def test_a_new_catalogue_has_exactly_what_the_migrations_make(
    catalogue: Catalogue,
) -> None:
    def words(sql: str) -> list[str]:
        # The order of a table's constraints does not matter, nor whether a foreign key is
        # declared with its column, as it has to be where the column was added later.
        sql = re.sub(r"FOREIGN KEY\(\w+\)", " ", sql)
        # A column that was added later has its comma and bracket elsewhere.
        return sorted(sql.replace(",", " ").replace("(", " ( ").replace(")", " ) ").split())

    def made(connection: Connection) -> dict[str, dict[str, Any]]:
        parts = connection.exec_driver_sql(
            "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_auto%'"
        ).fetchall()
        tables = [name for kind, name, _, _ in parts if kind == "table"]

        def about(pragma: str, name: str) -> list[tuple[object, ...]]:
            return [tuple(row) for row in connection.exec_driver_sql(f"PRAGMA {pragma}({name})")]

        return {
            "parts": {name: (kind, table, words(sql or "")) for kind, name, table, sql in parts},
            "columns": {name: about("table_xinfo", name) for name in tables},
            # The first column numbers the keys in the order of their declaration.
            "keys": {
                name: sorted(key[1:] for key in about("foreign_key_list", name)) for name in tables
            },
            "rows": {
                name: [tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {name}")]
                for name in tables
            },
        }

    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        run.upgrade(connection)
        migrated = made(connection)
    engine.dispose()
    with catalogue._store.read() as connection:
        created = made(connection)
    assert created == migrated
    assert created["rows"]["alembic_version"] == [(schema.HEAD,)]
    assert {"journal_keeps_update", "journal_keeps_delete"} < created["parts"].keys()


def _as_of_0008(db: sqlite3.Connection) -> None:
    """Without what later migrations add."""
    for verb in ("insert", "update", "delete"):
        db.execute(f"DROP TRIGGER image_state_after_{verb}")
    db.execute("DROP TABLE image_state")
    db.execute("DROP TABLE conflicts")
    db.execute("DROP TABLE merges")
    db.execute("DROP TABLE companions")
    db.execute("DROP TABLE photo_details")
    db.execute("DROP TABLE cameras")
    db.execute("ALTER TABLE images DROP COLUMN camera_id")


def _make_older(library: Path) -> None:
    """Pretend that the catalogue is of a revision before the newest."""
    connection = sqlite3.connect(library / opening.CATALOGUE_NAME)
    connection.execute("UPDATE alembic_version SET version_num = '0000'")
    connection.commit()
    connection.close()


def test_a_copy_is_taken_before_a_migration(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Catalogue.open(library) as catalogue:
        catalogue.classes.add("dog")
    _make_older(library)
    monkeypatch.setattr(run, "known_revisions", lambda: {"0000", "0001"})
    seen: list[int] = []

    def upgrade(connection) -> None:
        seen.append(len(backups.existing(library, "migration")))
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")

    monkeypatch.setattr(run, "upgrade", upgrade)
    with Catalogue.open(library) as catalogue:
        assert [entry.name for entry in catalogue.classes.all()] == ["dog"]
    assert seen == [1]


def test_a_migration_that_fails_changes_nothing(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Catalogue.open(library) as catalogue:
        catalogue.classes.add("dog")
    _make_older(library)
    monkeypatch.setattr(run, "known_revisions", lambda: {"0000", "0001"})

    def upgrade(connection) -> None:
        connection.exec_driver_sql("CREATE TABLE half (id INTEGER)")
        connection.exec_driver_sql("DROP TABLE classes")
        raise RuntimeError("a bug in a migration")

    monkeypatch.setattr(run, "upgrade", upgrade)
    with pytest.raises(RuntimeError):
        Catalogue.open(library)
    connection = sqlite3.connect(library / opening.CATALOGUE_NAME)
    assert connection.execute("SELECT name FROM classes").fetchall() == [("dog",)]
    assert not connection.execute("SELECT * FROM sqlite_master WHERE name = 'half'").fetchall()
    connection.close()


def test_classes_and_versions_of_an_older_library_are_kept(library: Path) -> None:
    library.mkdir()
    path = library / opening.CATALOGUE_NAME
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        run.upgrade(connection, "0001")
        connection.exec_driver_sql(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        connection.exec_driver_sql(
            "INSERT INTO classes (name, name_key, position) VALUES ('dog', 'dog', 0)"
        )
        connection.exec_driver_sql(
            "INSERT INTO prompt_sets (folder, backbone, created_at) VALUES ('p/1', 'lite', 1)"
        )
    engine.dispose()
    with Catalogue.open(library) as catalogue:
        (dog,) = catalogue.classes.all()
        assert (dog.name, dog.aliases) == ("dog", ())
        (version,) = catalogue.prompt_sets.all()
        assert (version.name, version.note, version.data, version.class_ids) == ("", "", {}, {})
        catalogue.prompt_sets.rename(version.id, "  first   try ")
        assert catalogue.prompt_sets.get(version.id).name == "first try"
    assert len(backups.existing(library, "migration")) == 1


def test_a_vocabulary_that_was_changed_before_steps_were_kept_can_be_changed_and_undone(
    library: Path,
) -> None:
    """From 0005: a merge of that time stays hidden, what surrounds it can be undone."""
    with Catalogue.open(library) as catalogue:
        (image,) = catalogue.images.upsert(
            catalogue.folders.add(library / "photos").id, [photo_file("a.jpg")]
        )
        dog, puppy, cat = (catalogue.classes.add(name).id for name in ("dog", "puppy", "cat"))
        first = catalogue.annotations.apply([Change(image, puppy, 1)])
        catalogue.annotations.apply_arrays(
            np.array([image]), np.array([dog]), np.array([1]), label="Merge", action="vocabulary"
        )
        catalogue.classes.merge([puppy], dog)
        last = catalogue.annotations.apply([Change(image, cat, 0)])
    with contextlib.closing(sqlite3.connect(library / opening.CATALOGUE_NAME)) as db:
        _as_of_0008(db)
        db.execute("ALTER TABLE images DROP COLUMN damaged")
        db.execute("ALTER TABLE feature_chunks DROP COLUMN windows")
        db.execute("DROP TABLE vocabulary_steps")
        db.execute("UPDATE alembic_version SET version_num = '0005'")
        db.commit()
    with Catalogue.open(library) as catalogue:
        annotations = catalogue.annotations
        assert [item.id for item in annotations.history()] == [first.id, last.id]
        ids = [dog, puppy, cat]
        assert annotations.matrix([image], ids).tolist() == [[1, 1, 0]]
        before = catalogue.classes.all(archived=True)
        with catalogue.transaction():
            catalogue.classes.rename(dog, "hound")
            step = annotations.keep_step("Rename", before)
        assert step is not None
        annotations.toggle_undo(step)
        assert catalogue.classes.all(archived=True) == before
        annotations.toggle_undo(last)
        annotations.toggle_undo(first)
        assert annotations.matrix([image], ids).tolist() == [[1, -1, -1]]
        assert not any(item.done for item in annotations.history())
    assert list((library / "backups").iterdir())


def test_features_of_a_library_without_windows_are_kept(library: Path) -> None:
    """From 0006: they count, and windows can come beside them."""
    with Catalogue.open(library) as catalogue:
        (image,) = catalogue.images.upsert(
            catalogue.folders.add(library / "photos").id, [photo_file("a.jpg")]
        )
        catalogue.features.append("lite", [image], np.array([[0.5, 0.25]]))
    with contextlib.closing(sqlite3.connect(library / opening.CATALOGUE_NAME)) as db:
        _as_of_0008(db)
        db.execute("ALTER TABLE images DROP COLUMN damaged")
        db.execute("ALTER TABLE feature_chunks DROP COLUMN windows")
        db.execute("UPDATE alembic_version SET version_num = '0006'")
        db.commit()
    with Catalogue.open(library) as catalogue:
        features = catalogue.features
        assert features.load("lite")[1].tolist() == [[0.5, 0.25]]
        assert list(features.windows("lite")) == []
        assert features.missing("lite").tolist() == []
        assert features.without_windows("lite", 5).tolist() == [image]
        windows = np.arange(10, dtype=np.int8).reshape(1, 5, 2)
        features.append("lite", [image], np.array([[0.5, 0.25]]), windows)
        ((ids, found),) = features.windows("lite")
        assert ids.tolist() == [image]
        assert np.array_equal(found, windows)


def test_unreadable_photos_are_read_again_after_an_upgrade(library: Path) -> None:
    """From 0007: what could not be read then may be readable now."""
    with Catalogue.open(library) as catalogue:
        folder = catalogue.folders.add(library / "photos").id
        sound, cut = catalogue.images.upsert(folder, [photo_file("a.jpg"), photo_file("b.jpg")])
        catalogue.images.mark_unreadable(cut, "The file is cut short.")
        before = catalogue.images.known(folder)
    with contextlib.closing(sqlite3.connect(library / opening.CATALOGUE_NAME)) as db:
        _as_of_0008(db)
        db.execute("ALTER TABLE images DROP COLUMN damaged")
        db.execute("UPDATE alembic_version SET version_num = '0007'")
        db.commit()
    with Catalogue.open(library) as catalogue:
        after = catalogue.images.known(folder)
        assert after["a.jpg"].mtime_ns == before["a.jpg"].mtime_ns
        assert after["b.jpg"].mtime_ns != before["b.jpg"].mtime_ns
        assert not catalogue.images.table().damaged.any()
        catalogue.images.upsert(folder, [replace(photo_file("b.jpg"), damaged=True)])
        for table in (catalogue.images.table(), catalogue.images.table(ids=[sound, cut])):
            assert table.damaged.tolist() == [False, True]
            assert table.states.tolist() == [0, 0]
        catalogue.images.upsert(folder, [photo_file("b.jpg")])
        assert not catalogue.images.table().damaged.any()


def test_features_of_large_jpegs_are_made_again_after_an_upgrade(library: Path) -> None:
    """From 0007: they were of photos that had been reduced twice."""
    with Catalogue.open(library) as catalogue:
        folder = catalogue.folders.add(library / "photos").id
        ids = catalogue.images.upsert(
            folder,
            [
                replace(photo_file("small.jpg"), fingerprint="cd" * 16),
                replace(photo_file("large.JPG"), width=8000, height=6000, fingerprint="ab" * 16),
                replace(photo_file("large.png"), width=8000, height=6000, fingerprint="ef" * 16),
            ],
        )
        catalogue.features.append("lite", ids, np.eye(3))
        assert catalogue.features.missing("lite").tolist() == []
    with contextlib.closing(sqlite3.connect(library / opening.CATALOGUE_NAME)) as db:
        _as_of_0008(db)
        db.execute("ALTER TABLE images DROP COLUMN damaged")
        db.execute("UPDATE alembic_version SET version_num = '0007'")
        db.commit()
    with Catalogue.open(library) as catalogue:
        assert catalogue.features.missing("lite").tolist() == [ids[1]]


def test_details_of_an_older_library_are_unknown_until_they_are_read(library: Path) -> None:
    """From 0008: no file is opened by the upgrade; the photos there are to be read later."""
    with Catalogue.open(library) as catalogue:
        folder = catalogue.folders.add(library / "photos").id
        (image,) = catalogue.images.upsert(folder, [photo_file("a.jpg")])
    with contextlib.closing(sqlite3.connect(library / opening.CATALOGUE_NAME)) as db:
        _as_of_0008(db)
        db.execute("UPDATE alembic_version SET version_num = '0008'")
        db.commit()
    with Catalogue.open(library) as catalogue:
        assert catalogue.images.table().cameras.tolist() == [0]
        assert catalogue.photo_details.of([image]) == {}
        assert [file.id for file in catalogue.photo_details.unread(folder)] == [image]
        catalogue.photo_details.put({image: PhotoDetails(camera="Canon EOS 5D")})
        assert catalogue.photo_details.unread(folder) == []
