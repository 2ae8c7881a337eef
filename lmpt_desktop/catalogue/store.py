"""The connection to the catalogue file: how it is opened, read and written.

One engine per catalogue; any thread may read or write.  SQLite allows one writer at a time,
so writers of this process queue on a lock (cheap, fair) and SQLite's busy timeout
matters only for other processes.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from lmpt_desktop.catalogue.changed_images import ChangedImages
from lmpt_desktop.catalogue.errors import busy, translated

BUSY_SECONDS = 15.0
"""How long a write waits for another process to finish its own."""


def now() -> int:
    """Microseconds since the epoch, UTC: the catalogue's clock."""
    return time.time_ns() // 1000


def as_datetime(microseconds: int) -> datetime:
    """A stored time as an aware datetime, UTC."""
    return datetime.fromtimestamp(microseconds / 1e6, UTC)


def connect(path: Path) -> sqlite3.Connection:
    """A connection with the settings everything here relies on.

    ``synchronous=FULL`` makes a commit in WAL mode reach the disk before it returns: an
    annotation outlives a power cut, not only a killed process.
    """
    connection = sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    for pragma in (
        "foreign_keys = ON",
        "journal_mode = WAL",
        "synchronous = FULL",
        "fullfsync = ON",  # macOS: fsync alone stops at the drive's own cache
        "cache_size = -16000",
        "temp_store = MEMORY",
    ):
        try:
            connection.execute(f"PRAGMA {pragma}")
        except sqlite3.Error:
            connection.close()
            raise
    return connection


class Store:
    """Transactions on one catalogue file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writing = threading.RLock()
        self._timeouts = threading.local()
        self._outer: Connection | None = None  # of the thread that holds the lock
        self.changed = ChangedImages()
        self._changing: set[int] = set()  # in the transaction that runs
        self._all_changed = False
        self._engine = create_engine(
            "sqlite://",
            creator=lambda: connect(path),
            poolclass=QueuePool,
            pool_size=4,
            max_overflow=60,
        )
        # Every write of this process goes through one connection, so that its data_version
        # counts the writes of other processes only.
        self._writer = create_engine(
            "sqlite://",
            creator=lambda: connect(path),
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
        with translated(self.path), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction: all of it is on disk when the block ends, or none of it.

        Nested in a transaction of the same thread, it is part of that one.
        """
        limited = hasattr(self._timeouts, "seconds")
        if not self._writing.acquire(timeout=self._seconds() if limited else -1):
            raise busy(self.path)
        try:
            if self._outer is not None:
                yield self._outer
                return
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

    def mark_changed(self, ids: Iterable[int]) -> None:
        """Within a write: note that these images have changed; see :attr:`changed`."""
        self._changing.update(ids)

    def mark_all_changed(self) -> None:
        """Within a write: note that any image may have changed."""
        self._all_changed = True

    def external_version(self) -> int:
        """A number that changes whenever another process writes; writes of this process do not
        change it (SQLite's ``data_version``).

        Waits while this process writes; otherwise it takes microseconds.
        """
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


def rows(connection: Connection, sql: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
    """Plain tuples straight from the driver: for reads of a whole library, where building a
    row object for each image would cost more than the query."""
    driver = connection.connection.driver_connection
    assert driver is not None
    return driver.execute(sql, parameters).fetchall()
