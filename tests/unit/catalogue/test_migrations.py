"""Migrations: they make the schema, keep a copy, and change everything or nothing."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from lmpt_desktop.catalogue import Catalogue, backups, opening, schema
from lmpt_desktop.catalogue.migrations import run


def test_the_migrations_make_exactly_the_tables_of_the_schema(catalogue: Catalogue) -> None:
    def words(sql: str) -> list[str]:
        # The order of a table's constraints does not matter, nor whether a foreign key is
        # declared with its column, as it has to be where the column was added later.
        sql = re.sub(r"FOREIGN KEY\(\w+\)", " ", sql)
        return sorted(sql.replace(",", " ").split())

    query = text(
        "SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'index') "
        "AND name NOT LIKE 'sqlite_%' AND name <> 'alembic_version'"
    )
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        schema.metadata.create_all(connection)
        declared = {name: words(sql) for name, sql in connection.execute(query)}
    engine.dispose()
    with catalogue._store.read() as connection:
        migrated = {name: words(sql) for name, sql in connection.execute(query)}
    assert migrated == declared


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
