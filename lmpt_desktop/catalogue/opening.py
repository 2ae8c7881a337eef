"""Making a catalogue file ready for use.

In order: check that the file is ours and sound, or absent; check that it is not newer than this
app; make it, or migrate it after a backup.  All under a lock, so that of two processes that start
together only one does.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sqlite3
import stat
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sqlalchemy import Connection

from lmpt_desktop.catalogue import backups, housekeeping, schema
from lmpt_desktop.catalogue.backups import CATALOGUE_NAME
from lmpt_desktop.catalogue.contents import SMALLEST, read_contents, what_is_missing
from lmpt_desktop.catalogue.disk_access import DiskAccess, probe
from lmpt_desktop.catalogue.errors import (
    NOT_FINISHED,
    NOT_MADE,
    NOT_MIGRATED,
    NOT_STEADY,
    CatalogueLocked,
    CatalogueNewer,
    CatalogueReadOnly,
    CatalogueUnwritable,
    damaged,
    from_os,
    from_sqlite,
    in_use_elsewhere,
    read_only,
)
from lmpt_desktop.catalogue.locks import ProcessLock
from lmpt_desktop.catalogue.store import BUSY_SECONDS, Store, connect_without_locks
from lmpt_desktop.private_files import create_private, make_private_folder
from lmpt_desktop.translation import _
from trainer import checked_json
from trainer.checked_json import Finite, JsonError, Limits
from trainer.temporary_files import temporary_name

log = logging.getLogger(__name__)

OPENING_LOCK_NAME = "opening.lock"
SHUTDOWN_RECORD_NAME = "catalogue.sound"
"""Beside the catalogue after a clean shutdown: its size and time, and when it was checked."""
CHECK_EVERY_SECONDS = 24 * 3600.0
FIRST_SECONDS = 1.0
"""How long the first attempt waits for another process: without locks it would wait in vain."""
ALONE_SECONDS = 5.0
"""How long to wait for others to be done with a catalogue that is brought out of WAL mode."""
_WAL_HEADER = b"\x02\x02"
_JOURNAL_HEADER = b"\x01\x01"
_UNFINISHED = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}


def prepare(library: Path) -> tuple[Path, DiskAccess]:
    """Make ``library``'s catalogue ready for use; return its path and how it is to be used.

    Raises:
        CatalogueError: one of its subclasses, with a sentence for the user.
    """
    path = library / CATALOGUE_NAME
    try:
        if not library.is_dir():
            make_private_folder(library)
    except OSError as error:
        raise from_os(error, path) from error
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(ProcessLock(library / OPENING_LOCK_NAME, wait_seconds=60.0))
            locks = True
        except CatalogueReadOnly:
            locks = False
        exists = _exists(path)
        header = _journal_header(path) if exists else b""
        access = _disk_access(path, header) if locks else DiskAccess.READING
        if not exists and access is DiskAccess.READING:
            raise read_only(path, NOT_MADE)
        _set_foreign_log_aside(path, header if exists else _JOURNAL_HEADER, access)
        revision: str | None = None
        if exists:
            access, revision = _examine_where_it_is(path, access)
        if revision and revision != schema.HEAD:
            _refuse_newer(path, revision)
        if exists and access is DiskAccess.LOCKS and header == _WAL_HEADER:
            leave_wal(path)
        if not revision:
            _create(path, access)
        elif revision != schema.HEAD:
            _migrate(path, revision, access)
        if access is not DiskAccess.READING:
            housekeeping.tighten(library)
    return path, access


def _exists(path: Path) -> bool:
    """Whether there is a catalogue that is not empty.

    An empty one in the place of one that was lost would look as if all annotations were, and its
    own daily copies would in time displace the backups that still have them.

    Raises:
        CatalogueDamaged: if there is none, but copies of one; or what is there is not a file.
    """
    copies = backups.any_copy(path.parent)
    try:
        status = path.stat()
    except FileNotFoundError:
        if copies:
            raise damaged(path, _("it is missing")) from None
        return False
    except OSError as error:
        raise from_os(error, path) from error
    if not stat.S_ISREG(status.st_mode):
        raise damaged(path, _("it is not a file"))
    empty = status.st_size < SMALLEST
    if empty and copies:
        raise damaged(path, _("it is empty"))
    return not empty


def _journal_header(path: Path) -> bytes:
    """Bytes 18 and 19: 2 in WAL mode, 1 with a rollback journal."""
    try:
        with path.open("rb") as file:
            return file.read(20)[18:]
    except OSError as error:
        raise from_os(error, path) from error


def _disk_access(path: Path, header: bytes) -> DiskAccess:
    """What the disk allows, as far as it must be known before the catalogue is opened."""
    if header == _WAL_HEADER:
        return DiskAccess.SHARED_MEMORY  # on nearly every disk; opening it tells for nothing
    # Bringing it into WAL mode would succeed on a disk without shared memory, and nothing after.
    return _probe(path)


def _probe(path: Path) -> DiskAccess:
    try:
        access = probe(path.parent)
    except sqlite3.Error as error:
        raise from_sqlite(error, path) from error
    except OSError as error:
        raise from_os(error, path) from error
    if access is not DiskAccess.SHARED_MEMORY:
        log.warning("the disk that holds %s allows only: %s", path, access.value)
    return access


def _examine_where_it_is(path: Path, access: DiskAccess) -> tuple[DiskAccess, str]:
    """Examine an existing catalogue; returns how it can be used and its revision."""
    if access is not DiskAccess.SHARED_MEMORY:
        return access, _examine(path, access)
    try:
        return access, _examine(path, access, timeout=FIRST_SECONDS)
    except (CatalogueLocked, CatalogueUnwritable, CatalogueReadOnly):
        # Busy or failing, or a disk without what WAL needs: the codes do not tell.
        access = _probe(path)
        return access, _examine(path, access)


def leave_wal(path: Path) -> None:
    """Bring a catalogue that is in WAL mode into that with a rollback journal.

    Taken alone, SQLite keeps the log's index in its own memory and needs no shared memory; what
    is in the log is merged into the file.
    """
    try:
        connection = _connect_alone(path)
        try:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA fullfsync = ON")
            connection.execute("PRAGMA journal_mode = TRUNCATE")
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise _not_alone(error, path) from error


def _connect_alone(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=ALONE_SECONDS, isolation_level=None)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    return connection


def _not_alone(error: sqlite3.Error, path: Path) -> Exception:
    busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
    return in_use_elsewhere(path) if busy else from_sqlite(error, path)


def record_shutdown(path: Path) -> None:
    """Record size and time of the catalogue at a clean shutdown, so that the next start need
    not read the whole file to check it."""
    try:
        status = path.stat()
    except OSError:
        log.debug("no note beside %s", path, exc_info=True)
        return
    note = replace(_shutdown_record(path), size=status.st_size, mtime_ns=status.st_mtime_ns)
    _write_shutdown_record(path, note)


def _set_foreign_log_aside(path: Path, header: bytes, access: DiskAccess) -> None:
    """Keep SQLite from playing another file's write-ahead log into this one.

    After a kill the log stays beside the catalogue.  A backup put in its place would then be
    mixed with that log, page by page.  The header of a catalogue in use says that there is a
    log; that of a backup copy says that there is none.
    """
    foreign = path.with_name(f"{path.name}-wal")
    try:
        if header != _JOURNAL_HEADER or not foreign.exists():
            return
        if access is DiskAccess.READING:
            raise read_only(path, NOT_FINISHED)
        kept = path.with_name(f"{path.name}-wal.{time.time_ns()}.old")
        foreign.rename(kept)
        path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
    except OSError as error:
        raise from_os(error, path) from error
    log.warning("a log that is not of %s was set aside as %s", path, kept.name)


def _examine(path: Path, access: DiskAccess, *, timeout: float = BUSY_SECONDS) -> str:
    """The revision of an existing catalogue, after checking that it is ours and sound."""
    alone = access is DiskAccess.LOCKS and _journal_header(path) == _WAL_HEADER
    try:
        if access is DiskAccess.READING:
            connection = connect_without_locks(path)
        elif alone:
            connection = _connect_alone(path)  # see leave_wal
        else:
            # Without our settings: a file that is not ours, or newer, must not be touched.
            connection = sqlite3.connect(path, timeout=timeout, isolation_level=None)
        with contextlib.closing(connection):
            return _checked_revision(connection, path, access)
    except sqlite3.Error as error:
        if access is DiskAccess.READING and error.sqlite_errorcode & 0xFF in _UNFINISHED:
            raise read_only(path, NOT_FINISHED) from error
        if alone:
            raise _not_alone(error, path) from error
        raise from_sqlite(error, path, locked=access is not DiskAccess.READING) from error


def _checked_revision(connection: sqlite3.Connection, path: Path, access: DiskAccess) -> str:
    missing = what_is_missing(connection)
    if missing:
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if not tables and not backups.any_copy(path.parent):
            return ""  # created by a process that was killed before its first commit
        raise damaged(path, missing)
    if not _unchanged_since_check(path):
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok" and access is DiskAccess.READING:
            raise read_only(path, NOT_STEADY)
        if verdict != "ok":
            log.warning("%s: %s", path, verdict)
            error = damaged(path, _("its pages are in disorder"))
            error.library = path.parent  # it may be repaired, also without a copy
            raise error
        if access is not DiskAccess.READING:
            _write_checked(path)
    return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])


@dataclass(frozen=True)
class ShutdownRecord:
    """What :data:`SHUTDOWN_RECORD_NAME` holds; ``checked`` in seconds since the epoch."""

    size: int = -1
    mtime_ns: int = -1
    checked: Finite = 0.0


def _shutdown_record(path: Path) -> ShutdownRecord:
    """What was noted; the defaults if nothing was, or anything else is there."""
    try:
        body = checked_json.read(path.parent / SHUTDOWN_RECORD_NAME, Limits(bytes=10_000))
        return checked_json.to_type(body, ShutdownRecord)
    except (OSError, JsonError):
        return ShutdownRecord()


def _write_shutdown_record(path: Path, note: ShutdownRecord) -> None:
    """Replace what is noted, whatever is there."""
    target = path.parent / SHUTDOWN_RECORD_NAME
    temporary = temporary_name(target)
    try:
        create_private(temporary)
        temporary.write_text(json.dumps(asdict(note)), encoding="utf-8")
        temporary.replace(target)
    except OSError:
        log.debug("no note beside %s", path, exc_info=True)
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _unchanged_since_check(path: Path) -> bool:
    note = _shutdown_record(path)
    status = path.stat()
    recent = 0 <= time.time() - note.checked < CHECK_EVERY_SECONDS
    same = (note.size, note.mtime_ns) == (status.st_size, status.st_mtime_ns)
    return recent and same


def _write_checked(path: Path) -> None:
    _write_shutdown_record(path, ShutdownRecord(checked=time.time()))


def _refuse_newer(path: Path, revision: str) -> None:
    from lmpt_desktop.catalogue.migrations.run import known_revisions  # noqa: PLC0415

    if revision in known_revisions():
        return
    if revision < schema.HEAD:
        raise damaged(path, _("its version is missing"))
    raise CatalogueNewer(
        _(
            "The catalogue {path} was written by a newer version of LMPT Desktop "
            "(its format is {revision}, this app knows up to {newest}). It was not "
            "touched. Install the newer version, or open another library."
        ).format(path=path, revision=revision, newest=schema.HEAD)
    )


def _create(path: Path, access: DiskAccess) -> None:
    """Make the catalogue, in one transaction; the file may be there, but empty."""
    if access is DiskAccess.READING:
        raise read_only(path, NOT_MIGRATED)
    try:
        create_private(path)
        _write_whole(path, access, schema.create)
    except sqlite3.Error as error:
        raise from_sqlite(error, path) from error
    except OSError as error:
        raise from_os(error, path) from error


def _migrate(path: Path, revision: str, access: DiskAccess) -> None:
    """Run the migrations from ``revision`` in one transaction."""
    from lmpt_desktop.catalogue.migrations.run import upgrade  # noqa: PLC0415

    if access is DiskAccess.READING:
        raise read_only(path, NOT_MIGRATED)
    try:
        copy = backups.back_up(path, backups.MIGRATION)
        _check_copy(copy, path)
        log.info("copied the catalogue to %s before migrating it", copy)
        _write_whole(path, access, upgrade)
    except sqlite3.Error as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:
            # It lacks what its version has, so that it is not what it says.
            log.warning("%s: %s", path, error)
            raise damaged(path, _("it lacks what its version has")) from error
        raise from_sqlite(error, path) from error
    except OSError as error:
        raise from_os(error, path) from error


def _write_whole(path: Path, access: DiskAccess, change: Callable[[Connection], None]) -> None:
    """Bring the catalogue to the newest version by ``change``: all of it, or nothing."""
    store = Store(path, access)
    try:
        with store.write() as connection:
            change(connection)
            _mark_ours(connection)
    finally:
        store.close()
    _write_checked(path)


def _check_copy(copy: Path, path: Path) -> None:
    """Make sure that there is a way back before a migration.

    Raises:
        CatalogueDamaged: if the copy is not there, or is not complete.
    """
    try:
        read_contents(copy)
    except (OSError, sqlite3.Error) as error:
        raise damaged(path, _("it could not be copied")) from error


def _mark_ours(connection: Connection) -> None:
    connection.exec_driver_sql(f"PRAGMA application_id = {schema.APPLICATION_ID}")


def mapped(error: OSError, library: Path) -> Exception:
    """The catalogue's error for one of the system's, about this library."""
    return from_os(error, library / CATALOGUE_NAME)
