"""The connection to the catalogue file: how it is opened, read and written.

One engine per catalogue; any thread may read or write.  SQLite allows one writer at a time,
so writers of this process queue on a lock (cheap, fair) and SQLite's busy timeout
matters only for other processes.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from lmpt_desktop.catalogue.changed_images import ChangedImages
from lmpt_desktop.catalogue.disk_access import DiskAccess
from lmpt_desktop.catalogue.errors import busy, from_os, library_gone, read_only, translated

_FETCHED = 4096
BUSY_SECONDS = 15.0
"""How long a write waits for another process to finish its own."""


def now() -> int:
    """Microseconds since the epoch, UTC: the catalogue's clock."""
    return time.time_ns() // 1000


def as_datetime(microseconds: int) -> datetime:
    """A stored time as an aware datetime, UTC."""
    return datetime.fromtimestamp(microseconds / 1e6, UTC)


_SETTINGS = (
    "synchronous = FULL",
    "fullfsync = ON",  # macOS: fsync alone stops at the drive's own cache
    "cache_size = -16000",
    "temp_store = MEMORY",
)


def connect(path: Path) -> sqlite3.Connection:
    """A connection with the settings everything here relies on.

    ``synchronous=FULL`` makes a commit in WAL mode reach the disk before it returns: an
    annotation outlives a power cut, not only a killed process.
    """
    return _connection(path, ("foreign_keys = ON", "journal_mode = WAL", *_SETTINGS))


def connect_without_shared_memory(path: Path) -> sqlite3.Connection:
    """The same for a disk that has locks only (:attr:`.DiskAccess.LOCKS`).

    A journal that is truncated is synchronised like a WAL; deleting it would be undone by a
    power cut, and the commit with it.
    """
    settings = (
        "foreign_keys = ON",
        "journal_mode = TRUNCATE",
        # Spilling would take the lock that keeps readers out long before the commit.
        "cache_spill = OFF",
        *_SETTINGS,
    )
    return _connection(path, settings)


def connect_without_locks(path: Path) -> sqlite3.Connection:
    """A connection that only reads, for a disk without locks (:attr:`.DiskAccess.READING`)."""
    # SQLite's own nolock=1 refuses a catalogue in WAL mode; this reads it, and in exclusive mode
    # the index of the log is kept in the memory of this process.
    vfs = "win32-none" if os.name == "nt" else "unix-none"
    name = f"{path.absolute().as_uri()}?mode=ro&vfs={vfs}"
    return _connection(name, ("locking_mode = EXCLUSIVE", "query_only = ON", *_SETTINGS), uri=True)


def _connection(
    name: Path | str, settings: Sequence[str], *, uri: bool = False
) -> sqlite3.Connection:
    connection = sqlite3.connect(
        name, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, uri=uri
    )
    for setting in settings:
        try:
            connection.execute(f"PRAGMA {setting}")
        except sqlite3.Error:
            connection.close()
            raise
    return connection


class Store:
    """Transactions on one catalogue file.

    Where the disk has no shared memory a writer needs the file alone, so readers of this process
    queue on the writers' lock as well: waiting for each other there is fair, and a short
    :meth:`write_timeout` is kept.
    """

    def __init__(self, path: Path, access: DiskAccess = DiskAccess.SHARED_MEMORY) -> None:
        self.path = path
        self.access = access
        self._writing = threading.RLock()
        self._timeouts = threading.local()
        self._outer: Connection | None = None  # of the thread that holds the lock
        self.changed = ChangedImages()
        self._place: tuple[int, int] | None = None
        """Device and inode of the file; None until it was written to."""
        with suppress(OSError):
            status = path.stat()
            self._place = (status.st_dev, status.st_ino)
        self._changing: set[int] = set()  # in the transaction that runs
        self._all_changed = False
        self._engine = create_engine(
            "sqlite://",
            creator=self._connect,
            poolclass=QueuePool,
            pool_size=4,
            max_overflow=60,
        )
        # Every write of this process goes through one connection, so that its data_version
        # counts the writes of other processes only.
        self._writer = create_engine(
            "sqlite://",
            creator=self._connect,
            poolclass=QueuePool,
            pool_size=1,
            max_overflow=0,
        )
        _begin_with(self._engine, lambda: ("BEGIN",))
        # The driver's own BEGIN would be deferred, and a deferred transaction that turns into
        # a writer fails at once if another process has written in the meantime.
        _begin_with(
            self._writer,
            lambda: (f"PRAGMA busy_timeout = {self._seconds() * 1000:.0f}", "BEGIN IMMEDIATE"),
        )

    def _connect(self) -> sqlite3.Connection:
        if self._place is not None and not self.path.exists():
            raise library_gone(self.path)  # SQLite would make an empty one
        if self.access is DiskAccess.SHARED_MEMORY:
            return connect(self.path)
        if self.access is DiskAccess.LOCKS:
            return connect_without_shared_memory(self.path)
        return connect_without_locks(self.path)

    def _seconds(self) -> float:
        return getattr(self._timeouts, "seconds", BUSY_SECONDS)

    @contextmanager
    def write_timeout(self, seconds: float) -> Iterator[None]:
        """Within the block, writes of this thread wait at most this long for other writers;
        then they raise CatalogueLocked, with nothing changed.  For the window's thread."""
        before = getattr(self._timeouts, "seconds", None)
        self._timeouts.seconds = seconds
        try:
            yield
        finally:
            if before is None:
                del self._timeouts.seconds
            else:
                self._timeouts.seconds = before

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view, without what others write in the meantime."""
        locked = self.access is not DiskAccess.READING
        with (
            self.undisturbed(),
            translated(self.path, locked=locked),
            self._engine.connect() as connection,
        ):
            yield connection

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Within the block no other thread writes, where a reader would make its commit fail."""
        if self.access is not DiskAccess.LOCKS:
            yield
            return
        with self._writing:
            yield

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction: all of it is on disk when the block ends, or none of it.

        Nested in a transaction of the same thread, it is part of that one.

        Raises:
            CatalogueReadOnly: if the disk allows reading only.
        """
        if self.access is DiskAccess.READING:
            raise read_only(self.path)
        limited = hasattr(self._timeouts, "seconds")
        if not self._writing.acquire(timeout=self._seconds() if limited else -1):
            raise busy(self.path)
        try:
            if self._outer is not None:
                yield self._outer
                return
            self.require_place()
            with translated(self.path), self._writer.begin() as connection:
                self._outer = connection
                try:
                    yield connection
                finally:
                    self._outer = None
        finally:
            if self._outer is None and (self._changing or self._all_changed):
                # Only now can others read the change; a rollback does no harm here.
                self.changed.note(self._changing, everything=self._all_changed)
                self._changing, self._all_changed = set(), False
            self._writing.release()

    def require_place(self) -> None:
        """Make sure that the file that is open is still in its folder: what is written to a
        deleted file would seem saved, and be gone; what is written to a folder that was moved would
        be in a new one at the old place.

        Raises:
            CatalogueUnwritable: if it is not.
        """
        try:
            status = self.path.stat()
        except FileNotFoundError as error:
            if self._place is not None:
                raise library_gone(self.path) from error
            return  # it is being made
        except OSError as error:
            raise from_os(error, self.path) from error
        place = (status.st_dev, status.st_ino)
        if self._place is None:
            self._place = place
        elif self._place != place and os.name != "nt":
            raise library_gone(self.path)

    def mark_changed(self, ids: Iterable[int]) -> None:
        """Within a write: note that these images have changed; see :attr:`changed`."""
        self._changing.update(ids)

    def mark_all_changed(self) -> None:
        """Within a write: note that any image may have changed."""
        self._all_changed = True

    def external_version(self) -> int:
        """A number that changes whenever another process writes; writes of this process do not
        change it (SQLite's ``data_version``).

        Waits while this process writes; otherwise it takes microseconds.  Always 0 where the disk
        allows reading only: the library is shown as it was when it was opened.
        """
        if self.access is DiskAccess.READING:
            return 0
        with self._writing, translated(self.path), self._writer.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            return int(driver.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        """Close the file; SQLite merges the WAL back into it."""
        self._engine.dispose()
        self._writer.dispose()


def _begin_with(engine: Engine, statements: Callable[[], tuple[str, ...]]) -> None:
    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        for statement in statements():
            connection.exec_driver_sql(statement)


THESE = "IN (SELECT value FROM json_each(?))"
"""SQL for "is one of these ids", however many; its parameter is :func:`as_json` of them."""


def as_json(ids: Iterable[int] | NDArray[np.integer]) -> str:
    """The parameter of :data:`THESE`."""
    return json.dumps(np.asarray(ids if isinstance(ids, np.ndarray) else list(ids)).tolist())


def rows(connection: Connection, sql: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
    """Plain tuples straight from the driver: for reads of a whole library, where building a
    row object for each image would cost more than the query."""
    driver = connection.connection.driver_connection
    assert driver is not None
    return driver.execute(sql, parameters).fetchall()


def write_rows(
    connection: Connection, sql: str, values: Sequence[Mapping[str, Any] | tuple[Any, ...]]
) -> None:
    """Execute ``sql`` with each of ``values``, straight from the driver: for what a scan writes,
    where preparing each row would cost more than writing it."""
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.executemany(sql, values)


def each_row(connection: Connection, sql: str, parameters: Any = ()) -> Iterator[tuple[Any, ...]]:
    """As :func:`rows`, a few thousand at a time: for those that are not all needed at once."""
    driver = connection.connection.driver_connection
    assert driver is not None
    cursor = driver.execute(sql, parameters)
    while found := cursor.fetchmany(_FETCHED):
        yield from found
