"""Thumbnails, packed into one SQLite file beside the catalogue.

Only a cache: a damaged one is deleted and rebuilt; with a full disk or without write access,
thumbnails are made but not stored.  It uses the driver directly: one table, two statements in the
path of every frame while scrolling.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from lmpt_desktop.private_files import create_private
from trainer.decoding import Wanted, shared_pool

log = logging.getLogger(__name__)

NAME = "thumbnails.sqlite"
CAP_BYTES = 512 * 1024 * 1024
"""JPEG bytes kept; the least recently used go first."""
_SLACK = 0.9
"""Trimmed to this share of the cap, so that trimming is rare."""
_UPDATE_EVERY = 256
"""Reads between two updates of what was used: a write per read would cost more than it saves."""
_SCHEMA = 2
"""Thumbnails of before were too coarse for large JPEGs, and without the gamma of PNG."""

_WITHOUT_SHARED_MEMORY = {
    sqlite3.SQLITE_IOERR_SHMMAP,
    sqlite3.SQLITE_IOERR_SHMOPEN,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_IOERR_SHMLOCK,
}
_WITHOUT_LOCKS = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_IOERR_LOCK,
    sqlite3.SQLITE_IOERR_RDLOCK,
}

_T = TypeVar("_T")


class ThumbnailStore:
    """Thumbnails by content and size; every method may be called from any thread.

    Args:
        library_folder: the library, which must exist; see docs/architecture.md.
        cap_bytes: how much to keep.
    """

    def __init__(self, library_folder: Path, *, cap_bytes: int = CAP_BYTES) -> None:
        self._path = library_folder / NAME
        self._cap = cap_bytes
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._used: set[tuple[str, int]] = set()
        self._bytes: int | None = None
        """Bytes kept; counted at the first addition, because that reads every row."""
        self._closed = False
        self._journal_mode = "WAL"

    def get(self, fingerprint: str, size: int) -> bytes | None:
        """The JPEG kept for this content, at most ``size`` pixels on its longer side."""
        key = (fingerprint, size)
        return self._tried(lambda connection: self._read(connection, key))

    def make(self, path: Path, fingerprint: str, size: int) -> bytes:
        """Make a thumbnail of the photo at ``path``, keep it, and return its JPEG bytes.

        Upright, sRGB, at most ``size`` pixels on its longer side.  Without a fingerprint
        it is not kept.

        Raises:
            UnreadablePhoto: if the photo cannot be decoded.
        """
        jpeg = make_jpeg(path, size)
        if fingerprint:
            self._tried(lambda connection: self._write(connection, (fingerprint, size), jpeg))
        return jpeg

    def close(self) -> None:
        """Close the file; afterwards nothing is stored or found."""
        with self._lock:
            self._closed = True
            if self._connection:
                with contextlib.suppress(sqlite3.Error):
                    self._update_used(self._connection)
                self._connection.close()
                self._connection = None

    # -------------------------------------------------------------------------- inside

    def _tried(self, work: Callable[[sqlite3.Connection], _T]) -> _T | None:
        """Run ``work``; a damaged file is replaced, after any other error there is no cache."""
        with self._lock:
            if self._closed:
                return None
            try:
                return work(self._open())
            except sqlite3.DatabaseError as error:
                code = getattr(error, "sqlite_errorcode", 0) & 0xFF
                unfit = code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or isinstance(
                    error, _OtherSchemaError
                )
                if unfit:
                    log.warning("the thumbnail cache is damaged (%s) and is replaced", error)
                    self._discard()
                elif not self._fell_back(error):
                    log.warning("the thumbnail cache failed: %s", error)
                    return None
            try:
                return work(self._open())
            except (sqlite3.Error, OSError) as error:
                log.warning("the thumbnail cache failed: %s", error)
                return None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            with contextlib.suppress(OSError):
                create_private(self._path)
            connection = sqlite3.connect(
                self._path, timeout=5.0, isolation_level=None, check_same_thread=False
            )
            try:
                _set_up(connection, self._journal_mode)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _fell_back(self, error: sqlite3.DatabaseError) -> bool:
        """Whether the file is to be opened in another way, on a disk without shared memory."""
        code = getattr(error, "sqlite_errorcode", 0)
        if self._connection is None and code in _WITHOUT_LOCKS:
            # Else every thumbnail would wait for a lock that is never granted.
            self._closed = True
        if code not in _WITHOUT_SHARED_MEMORY or self._journal_mode != "WAL":
            return False
        self._journal_mode = "TRUNCATE"
        return True

    def _discard(self) -> None:
        self._bytes = None
        if self._connection:
            self._connection.close()
            self._connection = None
        for suffix in ("", "-wal", "-shm", "-journal"):
            with contextlib.suppress(OSError):
                self._path.with_name(NAME + suffix).unlink(missing_ok=True)

    def _read(self, connection: sqlite3.Connection, key: tuple[str, int]) -> bytes | None:
        row = connection.execute(
            "SELECT jpeg FROM thumbnails WHERE fingerprint = ? AND size = ?", key
        ).fetchone()
        if row is None:
            return None
        self._used.add(key)
        if len(self._used) >= _UPDATE_EVERY:
            self._update_used(connection)
        return bytes(row[0])

    def _write(self, connection: sqlite3.Connection, key: tuple[str, int], jpeg: bytes) -> None:
        old = connection.execute(
            "SELECT length(jpeg) FROM thumbnails WHERE fingerprint = ? AND size = ?", key
        ).fetchone()
        connection.execute(
            "INSERT OR REPLACE INTO thumbnails (fingerprint, size, used, jpeg) VALUES (?, ?, ?, ?)",
            (*key, time.time_ns(), jpeg),
        )
        if self._bytes is None:
            kept = _total(connection)
        else:
            kept = self._bytes + len(jpeg) - (old[0] if old else 0)
        self._bytes = kept
        if kept > self._cap:
            self._trim(connection)

    def _update_used(self, connection: sqlite3.Connection) -> None:
        now = time.time_ns()
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany(
                "UPDATE thumbnails SET used = ? WHERE fingerprint = ? AND size = ?",
                [(now, *key) for key in self._used],
            )
        finally:
            connection.execute("COMMIT")
        self._used.clear()

    def _trim(self, connection: sqlite3.Connection) -> None:
        self._update_used(connection)
        # Used while the clock was wrong: else they would stay, and every new one would go.
        connection.execute("UPDATE thumbnails SET used = 0 WHERE used > ?", (time.time_ns(),))
        keep = int(self._cap * _SLACK)
        connection.execute(
            "DELETE FROM thumbnails WHERE rowid IN (SELECT rowid FROM ("
            "SELECT rowid, sum(length(jpeg)) OVER (ORDER BY used DESC, rowid DESC) AS total "
            "FROM thumbnails) WHERE total > ?)",
            (keep,),
        )
        connection.execute("PRAGMA incremental_vacuum")
        self._bytes = _total(connection)


class _OtherSchemaError(sqlite3.DatabaseError):
    """The file is sound but not the one this version makes."""


def _set_up(connection: sqlite3.Connection, journal_mode: str) -> None:
    """Settings and table."""
    if journal_mode != "WAL":
        # Taken alone, a file in WAL mode needs no shared memory, and can be brought out of it.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute(f"PRAGMA journal_mode = {journal_mode}")
    connection.execute("PRAGMA locking_mode = NORMAL")
    # A cache: what a power cut destroys is made again.
    connection.execute("PRAGMA synchronous = OFF")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS thumbnails (fingerprint TEXT NOT NULL, "
            "size INTEGER NOT NULL, used INTEGER NOT NULL, jpeg BLOB NOT NULL, "
            "UNIQUE (fingerprint, size))"
        )
        connection.execute(f"PRAGMA user_version = {_SCHEMA}")
    elif version != _SCHEMA:
        raise _OtherSchemaError(f"version {version}")


def _total(connection: sqlite3.Connection) -> int:
    return int(
        connection.execute("SELECT coalesce(sum(length(jpeg)), 0) FROM thumbnails").fetchone()[0]
    )


def make_jpeg(path: Path, size: int) -> bytes:
    """JPEG bytes of the photo at ``path``, its longer side at most ``size`` pixels.

    Decoded in a process of its own.

    Raises:
        UnreadablePhoto: if the photo cannot be decoded.
    """
    wanted = Wanted("JPEG", at_least=size, longer=True, size=(size, size))
    return shared_pool().decode(path, wanted).data
