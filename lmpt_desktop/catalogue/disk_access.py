"""What the disk that holds a library allows: shared memory, locks, or reading only.

Network shares and other unusual file systems lack one or both.  SQLite reports that with codes
that it also uses for a busy or failing disk, so a scratch database beside the catalogue, which
no one else knows, is asked instead (docs/adr/0013).
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from enum import Enum
from pathlib import Path

from trainer.temporary_files import temporary_name

LOCK_NAME = "catalogue.lock"
"""The file in a library's folder on which whoever has it open has a lock."""

if os.name == "nt":
    import msvcrt

    def _lock_range(descriptor: int) -> None:
        # Far behind the text, since Windows refuses to read a locked range.
        os.lseek(descriptor, 1 << 20, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def try_lock(descriptor: int) -> None:
        """Lock an open file for this process.

        Raises:
            OSError: if another process holds it, or the file system has no locks.
        """
        _lock_range(descriptor)
else:
    import fcntl

    def _lock_range(descriptor: int) -> None:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def try_lock(descriptor: int) -> None:
        """Lock an open file for this process.

        Raises:
            OSError: if another process holds it, or the file system has no locks.
        """
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:
            # Some shares know only the other kind, which is the one that SQLite uses.
            _lock_range(descriptor)


def may_be_held(path: Path) -> bool:
    """Whether another holder may have the lock on the file ``path``: also where the file system has
    no locks, or the file cannot be opened.  The lock is only tried, and nothing is written."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        try_lock(descriptor)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


class DiskAccess(Enum):
    """How a catalogue can be used where it is."""

    SHARED_MEMORY = "shared memory"
    """As on any disk of this computer: WAL; readers and a writer at the same time."""
    LOCKS = "locks"
    """No shared memory: a rollback journal; readers and writers wait for each other."""
    READING = "reading"
    """No locks: nothing may be written, because another program might write, too."""


NO_SHARED_MEMORY = {
    sqlite3.SQLITE_IOERR_SHMMAP,
    sqlite3.SQLITE_IOERR_SHMOPEN,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_IOERR_SHMLOCK,
}
"""Extended codes of SQLite's where the disk has no shared memory."""
NO_LOCKS = {
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_IOERR_LOCK,
    sqlite3.SQLITE_IOERR_RDLOCK,
    sqlite3.SQLITE_IOERR_UNLOCK,
    sqlite3.SQLITE_IOERR_CHECKRESERVEDLOCK,
}
"""The same where it has no locks; some disks say that with codes of other failures, too."""


def probe(folder: Path) -> DiskAccess:
    """Find out what the disk that holds ``folder`` allows, with scratch files in it.

    Raises:
        OSError: if nothing can be written there.
        sqlite3.Error: if the disk is full or fails for another reason than missing locks.
    """
    scratch = temporary_name(folder / "disk-check")
    scratch.mkdir(mode=0o700)
    try:
        try:
            if _write(scratch / "wal.sqlite", "wal"):
                return DiskAccess.SHARED_MEMORY
        except sqlite3.Error as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
                raise
        try:
            _write(scratch / "journal.sqlite", "truncate")
        except sqlite3.Error as error:
            if error.sqlite_errorcode in NO_LOCKS | {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_PERM}:
                return DiskAccess.READING
            raise
        return DiskAccess.LOCKS
    finally:
        with contextlib.suppress(OSError):
            for left in scratch.iterdir():
                left.unlink()
            scratch.rmdir()


def locks_work(folder: Path) -> bool:
    """Whether a new file in ``folder`` can be locked as SQLite locks its files; True where no file
    can be made, since that is another problem."""
    try:
        name = temporary_name(folder / "lock-check")
        descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError:
        return True
    try:
        _lock_range(descriptor)
    except OSError:
        return False
    finally:
        os.close(descriptor)
        with contextlib.suppress(OSError):
            name.unlink()
    return True


def _write(path: Path, journal_mode: str) -> bool:
    """Write a new database; returns whether it could be done in this journal mode."""
    connection = sqlite3.connect(path, timeout=0.0, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = OFF")
        mode = connection.execute(f"PRAGMA journal_mode = {journal_mode}").fetchone()[0]
        connection.execute("CREATE TABLE scratch (value)")
    finally:
        connection.close()
    return mode == journal_mode
