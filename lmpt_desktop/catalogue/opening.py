"""Making a catalogue file ready for use.

In order: check that the file is ours and sound, or absent; check that it is not newer than this
app; migrate it, after a backup.  All under a lock, so that of two processes that start together
only one migrates.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from pathlib import Path

from sqlalchemy import Connection

from lmpt_desktop.catalogue import backups, schema
from lmpt_desktop.catalogue.errors import (
    CatalogueNewer,
    damaged,
    from_os,
    from_sqlite,
)
from lmpt_desktop.catalogue.locks import ProcessLock
from lmpt_desktop.catalogue.store import BUSY_SECONDS, Store
from lmpt_desktop.translation import _

log = logging.getLogger(__name__)

CATALOGUE_NAME = "catalogue.sqlite"
LOCK_NAME = "catalogue.lock"
OPENING_LOCK_NAME = "opening.lock"
SHUTDOWN_RECORD_NAME = "catalogue.sound"
"""Beside the catalogue after a clean shutdown: its size and time, and when it was checked."""
CHECK_EVERY_SECONDS = 24 * 3600.0


def prepare(library: Path) -> Path:
    """Make ``library``'s catalogue ready for use and return its path.

    Raises:
        CatalogueError: one of its subclasses, with a sentence for the user.
    """
    path = library / CATALOGUE_NAME
    try:
        library.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise from_os(error, path) from error
    with ProcessLock(library / OPENING_LOCK_NAME, wait_seconds=60.0):
        try:
            exists = path.exists() and path.stat().st_size > 0
        except OSError as error:
            raise from_os(error, path) from error
        if not exists and backups.existing(library):
            # An empty catalogue in its place would look as if all annotations were lost, and its
            # own daily copies would in time displace the backups that still have them.
            raise damaged(path, _("it is empty") if path.exists() else _("it is missing"))
        if exists:
            _set_foreign_log_aside(path)
        revision = _examine(path) if exists else None
        if revision != schema.HEAD:
            _migrate(path, revision)
    return path


def record_shutdown(path: Path) -> None:
    """Record size and time of the catalogue at a clean shutdown, so that the next start need
    not read the whole file to check it."""
    checked = _shutdown_record(path).get("checked", 0.0)
    try:
        status = path.stat()
        note = {"size": status.st_size, "mtime_ns": status.st_mtime_ns, "checked": checked}
        (path.parent / SHUTDOWN_RECORD_NAME).write_text(json.dumps(note), encoding="utf-8")
    except OSError:
        log.debug("no note beside %s", path, exc_info=True)


def _set_foreign_log_aside(path: Path) -> None:
    """Keep SQLite from playing another file's write-ahead log into this one.

    After a kill the log stays beside the catalogue.  A backup put in its place would then be
    mixed with that log, page by page.  The header of a catalogue in use (bytes 18 and 19) says
    that there is a log; that of a backup copy says that there is none.
    """
    foreign = path.with_name(f"{path.name}-wal")
    try:
        with path.open("rb") as file:
            header = file.read(20)
        if header[18:] != b"\x01\x01" or not foreign.exists():
            return
        kept = path.with_name(f"{path.name}-wal.{time.time_ns()}.old")
        foreign.rename(kept)
        path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
    except OSError as error:
        raise from_os(error, path) from error
    log.warning("a log that is not of %s was set aside as %s", path, kept.name)


def _examine(path: Path) -> str:
    """The revision of an existing catalogue, after checking that it is ours and sound."""
    try:
        # Without our settings: a file that is not ours, or newer, must not be touched.
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    except sqlite3.Error as error:
        raise from_sqlite(error, path) from error
    try:
        if connection.execute("PRAGMA application_id").fetchone()[0] != schema.APPLICATION_ID:
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if not tables:
                return ""  # created by a process that was killed before its first commit
            raise damaged(path, _("it is a database, but not one of LMPT Desktop's"))
        if not _unchanged_since_check(path):
            verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if verdict != "ok":
                raise damaged(path, str(verdict).splitlines()[0])
            _write_checked(path)
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(found[0]) if found else ""
    except sqlite3.OperationalError as error:
        if "no such table: alembic_version" in str(error):
            raise damaged(path, _("its version is missing")) from error
        raise from_sqlite(error, path) from error
    except sqlite3.Error as error:
        raise from_sqlite(error, path) from error
    finally:
        connection.close()


def _shutdown_record(path: Path) -> dict[str, float]:
    try:
        note = json.loads((path.parent / SHUTDOWN_RECORD_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def _unchanged_since_check(path: Path) -> bool:
    note = _shutdown_record(path)
    status = path.stat()
    recent = 0 <= time.time() - note.get("checked", 0.0) < CHECK_EVERY_SECONDS
    same = (note.get("size"), note.get("mtime_ns")) == (status.st_size, status.st_mtime_ns)
    return recent and same


def _write_checked(path: Path) -> None:
    try:
        (path.parent / SHUTDOWN_RECORD_NAME).write_text(
            json.dumps({"size": -1, "mtime_ns": -1, "checked": time.time()}), encoding="utf-8"
        )
    except OSError:
        log.debug("no note beside %s", path, exc_info=True)


def _migrate(path: Path, revision: str | None) -> None:
    """Run the migrations from ``revision`` (None or "": an empty file) in one transaction."""
    from lmpt_desktop.catalogue.migrations.run import known_revisions, upgrade  # noqa: PLC0415

    if revision and revision not in known_revisions():
        raise CatalogueNewer(
            _(
                "The catalogue {path} was written by a newer version of LMPT Desktop "
                "(its format is {revision}, this app knows up to {newest}). It was not "
                "touched. Install the newer version, or open another library."
            ).format(path=path, revision=revision, newest=schema.HEAD)
        )
    try:
        if revision:
            copy = backups.back_up(path, "migration")
            log.info("copied the catalogue to %s before migrating it", copy)
        store = Store(path)
        try:
            with store.write() as connection:
                upgrade(connection)
                _mark_ours(connection)
        finally:
            store.close()
        _write_checked(path)
    except sqlite3.Error as error:
        raise from_sqlite(error, path) from error
    except OSError as error:
        raise from_os(error, path) from error


def _mark_ours(connection: Connection) -> None:
    connection.exec_driver_sql(f"PRAGMA application_id = {schema.APPLICATION_ID}")


def mapped(error: OSError, library: Path) -> Exception:
    """The catalogue's error for one of the system's, about this library."""
    return from_os(error, library / CATALOGUE_NAME)
