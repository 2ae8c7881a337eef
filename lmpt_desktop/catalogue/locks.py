"""Locks between processes, which the system releases when a process dies.

A file with a process id would survive ``kill -9`` and lock its owner out.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from lmpt_desktop.catalogue.disk_access import locks_work, try_lock
from lmpt_desktop.catalogue.errors import CatalogueLocked, from_os, read_only
from lmpt_desktop.translation import _


class ProcessLock:
    """A lock on the file ``path``, held until :meth:`release`.

    Raises:
        CatalogueLocked: from the constructor, when another process holds it after
            ``wait_seconds``.
        CatalogueReadOnly: when the file system has no locks.
        CatalogueError: when the file cannot be made.
    """

    def __init__(self, path: Path, *, wait_seconds: float = 0.0) -> None:
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise from_os(error, path) from error
        deadline = time.monotonic() + wait_seconds
        refused = False
        while True:
            try:
                try_lock(self._descriptor)
                break
            except OSError as error:
                if not refused and not locks_work(path.parent):
                    os.close(self._descriptor)
                    raise read_only(path) from error
                refused = True
                if time.monotonic() < deadline:
                    time.sleep(0.02)
                    continue
                owner = self._owner()
                os.close(self._descriptor)
                raise CatalogueLocked(
                    _(
                        "The library {library} is already open in another window of the "
                        "app{owner}. Close that window first, or open another library."
                    ).format(library=path.parent, owner=owner)
                ) from error
        # Naming the owner is a courtesy; the lock works without it, as on a full disk.
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, 0)
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            os.write(self._descriptor, str(os.getpid()).encode())

    def _owner(self) -> str:
        try:
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            text = os.read(self._descriptor, 20).decode("ascii", "replace").strip()
        except OSError:
            return ""
        return _(" (process {number})").format(number=text) if text.isdigit() else ""

    def release(self) -> None:
        """Release the lock.  The file stays: deleting it would let two processes lock two files."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def is_held(path: Path) -> bool:
    """Whether another process certainly has the lock on the file ``path``.  It is only tried, and
    nothing is written, so that it also works where nothing may be."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return False
    try:
        try_lock(descriptor)
    except BlockingIOError:
        return True
    except OSError:
        return os.name == "nt"  # where a range that is locked is refused by another error
    finally:
        os.close(descriptor)
    return False
