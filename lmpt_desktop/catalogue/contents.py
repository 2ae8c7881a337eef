"""What is in a catalogue file, a copy or a damaged one, without opening it as a library."""

from __future__ import annotations

import logging
import re
import sqlite3
import stat
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from lmpt_desktop.catalogue import schema
from lmpt_desktop.translation import _

log = logging.getLogger(__name__)

SMALLEST = 512
"""Bytes of the smallest database.  SQLite takes less for none, and deletes the log beside it."""
_REVISION = re.compile(r"\d{4}")
_OLDEST = frozenset({"folders", "images", "classes", "annotations", "batches", "journal"})
"""Tables of every version; a catalogue of the newest has all of :mod:`.schema`."""

# Classes that reviews declared absent: the members of their sets, without the classes besides.
_DECLARED = """
    SELECT coalesce(sum(s.members - CASE d.besides WHEN '' THEN 0
        ELSE length(d.besides) - length(replace(d.besides, ',', '')) + 1 END), 0)
    FROM declared_absent AS d JOIN (SELECT class_set_id, count(*) AS members
        FROM class_set_members GROUP BY class_set_id) AS s ON s.class_set_id = d.class_set_id
"""


@dataclass(frozen=True)
class CopyContents:
    """How much a catalogue holds.

    Attributes:
        revision: of its format.
        photos: images that are not superseded.
        annotations: verdicts on classes of images, those of reviews included.
        reviewed: images marked as reviewed.
        classes: of the vocabulary.
        batches: the number of the last change.
    """

    revision: str
    photos: int
    annotations: int
    reviewed: int
    classes: int
    batches: int


@contextmanager
def reading(path: Path, *, alone: bool = True) -> Iterator[sqlite3.Connection]:
    """A connection that changes nothing.

    ``alone``: nobody writes to the file, as to a copy; no lock is taken and no file made beside it.

    Raises:
        OSError: if it is not a file.
        sqlite3.Error: if it cannot be read.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(f"{path} is not a file")
    if status.st_size < SMALLEST:
        raise sqlite3.DatabaseError(_("it is empty"))
    option = "immutable=1" if alone else "mode=ro"
    uri = f"{path.absolute().as_uri()}?{option}"
    with closing(sqlite3.connect(uri, uri=True, timeout=5.0, isolation_level=None)) as connection:
        yield connection


def what_is_missing(connection: sqlite3.Connection) -> str:
    """Why a file is not a complete catalogue, as a part of a sentence; "" if it is one.

    That of a newer version of the app is complete as far as this one can tell.

    Raises:
        sqlite3.Error: if it cannot be read.
    """
    found = connection.execute(
        "SELECT m.name, p.name FROM sqlite_master AS m LEFT JOIN pragma_table_info(m.name) AS p "
        "WHERE m.type = 'table'"
    ).fetchall()
    columns: dict[str, set[str]] = {}
    for table, column in found:
        columns.setdefault(table, set()).add(column)
    if not columns:
        return _("it has no tables")
    if connection.execute("PRAGMA application_id").fetchone()[0] != schema.APPLICATION_ID:
        return _("it is a database, but not one of LMPT Desktop's")
    if "version_num" not in columns.get("alembic_version", ()):
        return _("its version is missing")
    versions = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    if len(versions) != 1 or not _REVISION.fullmatch(str(versions[0][0])):
        return _("its version is missing")
    gone = _incomplete_table(columns, newest=versions[0][0] == schema.HEAD)
    return _("the table “{name}” is not complete").format(name=gone) if gone else ""


def _incomplete_table(columns: Mapping[str, set[str]], *, newest: bool) -> str:
    if not newest:
        return min(_OLDEST - columns.keys(), default="")
    for table in schema.metadata.sorted_tables:
        if {column.name for column in table.columns} - columns.get(table.name, set()):
            return table.name
    return ""


def read_contents(path: Path) -> CopyContents:
    """Count what a copy holds.

    Raises:
        OSError, sqlite3.Error: if it cannot be read, or is not a complete catalogue.
    """
    with reading(path) as connection:
        if missing := what_is_missing(connection):
            raise sqlite3.DatabaseError(missing)
        return contents(connection)


def is_whole(path: Path) -> bool:
    """Whether a copy can be read completely, which takes a second for 400 MB."""
    try:
        with reading(path) as connection:
            return not (what_is_missing(connection) or unsound(connection))
    except (OSError, sqlite3.Error):
        return False


def unsound(connection: sqlite3.Connection) -> str:
    """That a file is damaged, as a part of a sentence; "" if it is not.  Reads all of it.

    Raises:
        sqlite3.Error: if it cannot be read.
    """
    verdict = str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
    if verdict == "ok":
        return ""
    log.info("not sound: %s", verdict)
    return _("it is damaged")


def contents(connection: sqlite3.Connection) -> CopyContents:
    """Count what a complete catalogue holds.

    Raises:
        sqlite3.Error: if it cannot be read.
    """

    def one(sql: str) -> int:
        return int(connection.execute(sql).fetchone()[0] or 0)

    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    images = {row[1] for row in connection.execute("PRAGMA table_info(images)")}
    shown = " WHERE superseded = 0" if "superseded" in images else ""
    declared = one(_DECLARED) if "declared_absent" in tables else 0
    return CopyContents(
        revision=str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]),
        photos=one(f"SELECT count(*) FROM images{shown}"),
        annotations=one("SELECT count(*) FROM annotations") + declared,
        reviewed=one("SELECT count(*) FROM reviewed") if "reviewed" in tables else 0,
        classes=one("SELECT count(*) FROM classes WHERE archived = 0"),
        batches=one("SELECT max(id) FROM batches"),
    )


def batches_made(path: Path) -> int:
    """The number of the last change in a catalogue or a copy, also while others write.

    Raises:
        sqlite3.Error: if it cannot be read.
    """
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=5.0)) as connection:
        found = connection.execute("SELECT max(id) FROM batches").fetchone()[0]
    return int(found or 0)
