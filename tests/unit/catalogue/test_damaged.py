"""Whatever is not a complete catalogue is not opened as one while there are copies."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from lmpt_desktop.catalogue import Catalogue, CatalogueDamaged, CatalogueNewer, backups, schema
from lmpt_desktop.catalogue.opening import CATALOGUE_NAME

Harm = Callable[[Path], None]


def _bytes(data: bytes) -> Harm:
    def harm(path: Path) -> None:
        path.write_bytes(data)

    return harm


def _sql(*statements: str) -> Harm:
    def harm(path: Path) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA foreign_keys = OFF")
            for statement in statements:
                connection.execute(statement)

    return harm


def _fresh(*statements: str) -> Harm:
    """Another database in its place."""

    def harm(path: Path) -> None:
        path.unlink()
        _sql(*statements)(path)

    return harm


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


OURS = f"PRAGMA application_id = {schema.APPLICATION_ID}"
HARMS: dict[str, Harm] = {
    "missing": Path.unlink,
    "no bytes": _bytes(b""),
    "one byte": _bytes(b"\x00"),
    "zeros": _bytes(bytes(8192)),
    "part of a header": _bytes(b"SQLite format 3\x00"),
    "no tables": _fresh("PRAGMA user_version = 1"),
    "no tables, ours": _fresh("PRAGMA user_version = 1", OURS),
    "version only": _fresh(OURS, "CREATE TABLE alembic_version (version_num)"),
    "version of nothing": _fresh(
        OURS,
        "CREATE TABLE alembic_version (version_num)",
        f"INSERT INTO alembic_version VALUES ('{schema.HEAD}')",
    ),
    "another program's": _fresh("CREATE TABLE recipes (id INTEGER)"),
    "no version": _sql("DELETE FROM alembic_version"),
    "two versions": _sql("INSERT INTO alembic_version VALUES ('0001')"),
    "version of text": _sql("UPDATE alembic_version SET version_num = 'head; --'"),
    "version of bytes": _sql("UPDATE alembic_version SET version_num = x'00ff'"),
    "version 0": _sql("UPDATE alembic_version SET version_num = '0000'"),
    "version empty": _sql("UPDATE alembic_version SET version_num = ''"),
    "no version table": _sql("DROP TABLE alembic_version"),
    "no annotations": _sql("DROP TABLE annotations"),
    "no settings": _sql("DROP TABLE settings"),
    "a column less": _sql("ALTER TABLE runs DROP COLUMN message"),
    "an older version's name": _sql("UPDATE alembic_version SET version_num = '0002'"),
    "a folder": _folder,
}
if hasattr(os, "mkfifo"):
    HARMS["a pipe"] = _pipe


@pytest.fixture
def closed(library: Path) -> Path:
    """A library with a class and a copy."""
    with Catalogue.open(library) as catalogue:
        catalogue.classes.add("dog")
    backups.back_up(library / CATALOGUE_NAME, backups.DAILY)
    return library


@pytest.mark.parametrize("harm", HARMS)
def test_no_harm_is_taken_for_a_new_library(closed: Path, harm: str) -> None:
    path = closed / CATALOGUE_NAME
    HARMS[harm](path)
    copies = backups.existing(closed)
    for _ in range(2):
        with pytest.raises(CatalogueDamaged, match="window, which offers to restore") as caught:
            Catalogue.open(closed)
        assert caught.value.library == closed
    # What is there is not touched, and no copy of it displaces a good one.
    assert set(copies) <= set(backups.existing(closed))
    assert all(
        read.name.startswith(backups.MIGRATION)
        for read in set(backups.existing(closed)) - set(copies)
    )


@pytest.mark.parametrize("harm", ["no version", "no annotations", "version of bytes"])
def test_without_copies_it_is_damaged_too(closed: Path, harm: str) -> None:
    HARMS[harm](closed / CATALOGUE_NAME)
    for copy in backups.existing(closed):
        copy.unlink()
    with pytest.raises(CatalogueDamaged, match="no backup copy yet") as caught:
        Catalogue.open(closed)
    assert caught.value.library is None


@pytest.mark.parametrize("harm", ["missing", "no bytes", "no tables"])
def test_a_library_that_was_never_more_than_empty_begins(library: Path, harm: str) -> None:
    Catalogue.open(library).close()
    for copy in backups.existing(library):
        copy.unlink()
    HARMS[harm](library / CATALOGUE_NAME)
    with Catalogue.open(library) as catalogue:
        assert catalogue.classes.all() == []


def test_a_copy_that_the_user_has_named_counts_as_a_copy(closed: Path) -> None:
    (first, *others) = backups.existing(closed)
    first.rename(first.with_name("mine.sqlite"))
    for other in others:
        other.unlink()
    (closed / CATALOGUE_NAME).unlink()
    with pytest.raises(CatalogueDamaged, match="1 backup cop"):
        Catalogue.open(closed)


def test_a_newer_version_is_not_damaged(closed: Path) -> None:
    _sql("UPDATE alembic_version SET version_num = '9999'", "DROP TABLE settings")(
        closed / CATALOGUE_NAME
    )
    with pytest.raises(CatalogueNewer):
        Catalogue.open(closed)


def test_a_migration_without_a_copy_does_not_begin(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = closed / CATALOGUE_NAME
    _sql("UPDATE alembic_version SET version_num = '0006'")(path)
    before = path.read_bytes()
    prune = backups.prune

    def lose(library: Path, kind: str) -> None:
        prune(library, kind)
        backups.existing(library, kind)[-1].unlink()

    monkeypatch.setattr(backups, "prune", lose)
    with pytest.raises(CatalogueDamaged, match="could not be copied"):
        Catalogue.open(closed)
    assert path.read_bytes() == before
