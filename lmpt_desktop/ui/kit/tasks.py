"""Run a function off the window's thread and get its answer back on it.

This is the one way to leave the window's thread.  Python's own thread pool is used, and one
dispatcher that is never destroyed: a ``QRunnable`` or a signal's sender may otherwise be deleted
on the window's thread, which has its answer, while the worker is still on its way out of it.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Generic, TypeVar

from PySide6.QtCore import QObject, Qt, Signal, Slot
from shiboken6 import isValid

log = logging.getLogger(__name__)

THREADS = 4

ResultT = TypeVar("ResultT")


class _Dispatcher(QObject):
    called = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.called.connect(self._call, Qt.ConnectionType.QueuedConnection)

    @Slot(object)
    def _call(self, function: Callable[[], object]) -> None:
        function()


@functools.cache
def _dispatcher() -> _Dispatcher:
    return _Dispatcher()


@functools.cache
def _threads() -> Executor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="ui task")


def prepare() -> None:
    """Make the calling thread the one that :func:`call_soon` calls on (first call only)."""
    _dispatcher()


def call_soon(function: Callable[[], object]) -> None:
    """Call ``function`` on the window's thread; may be asked from any thread."""
    _dispatcher().called.emit(function)


class Task(Generic[ResultT]):
    """One call of ``work`` on a pool thread, begun at once; make it on the window's thread.

    ``done(result)`` or ``failed(error)`` follows on the window's thread, unless the task was
    cancelled or its ``owner`` deleted by then.  Without ``failed`` an error is logged.  Without
    an owner the callbacks are always called: only for work that must be reported, such as the
    closing of a library.
    """

    def __init__(
        self,
        work: Callable[[], ResultT],
        done: Callable[[ResultT], object] | None = None,
        failed: Callable[[Exception], object] | None = None,
        *,
        owner: QObject | None,
        pool: Executor | None = None,
    ) -> None:
        prepare()
        self._work = work
        self._done = done
        self._failed = failed
        self._owner = owner
        self._cancelled = False
        (pool or _threads()).submit(self._run)

    def cancel(self) -> None:
        """Drop the callbacks; work that has not begun does not begin."""
        self._cancelled = True

    def _run(self) -> None:
        if self._cancelled:
            return
        try:
            result = self._work()
        except Exception as error:  # handed to the caller, who knows what it means
            call_soon(functools.partial(self._finish, None, error))
        else:
            call_soon(functools.partial(self._finish, result, None))

    def _finish(self, result: ResultT | None, error: Exception | None) -> None:
        if self._cancelled or (self._owner is not None and not isValid(self._owner)):
            return
        if error is None:
            if self._done is not None:
                self._done(result)  # pyright: ignore[reportArgumentType]
        elif self._failed is not None:
            self._failed(error)
        else:
            log.error("background work failed", exc_info=error)


class LatestRequest(Generic[ResultT]):
    """Work that is asked for again and again, of which only the latest answer counts.

    With ``overlap`` a new request begins at once and the answer of the one before it is dropped.
    Without it one request runs at a time: its answer is delivered, then the latest of those that
    came meanwhile begins.
    """

    def __init__(
        self,
        done: Callable[[ResultT], object],
        failed: Callable[[Exception], object] | None = None,
        *,
        owner: QObject,
        overlap: bool = True,
        pool: Executor | None = None,
    ) -> None:
        self._done = done
        self._failed = failed
        self._owner = owner
        self._overlap = overlap
        self._pool = pool
        self._task: Task[ResultT] | None = None
        self._next: Callable[[], ResultT] | None = None

    @property
    def busy(self) -> bool:
        """Whether an answer is still to come; in ``done``, whether a later one is."""
        return self._task is not None or self._next is not None

    def ask(self, work: Callable[[], ResultT]) -> None:
        """Call ``work`` on a pool thread, now or when the running request is answered."""
        if self._task is not None:
            if not self._overlap:
                self._next = work
                return
            self._task.cancel()
        self._next = None  # asked within ``done``: what waited is no longer the latest
        self._task = Task(work, self._answered, self._refused, owner=self._owner, pool=self._pool)

    def cancel(self) -> None:
        """Drop the request that runs and the one that waits."""
        self._next = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _answered(self, result: ResultT) -> None:
        self._task = None
        self._done(result)
        self._go_on()

    def _refused(self, error: Exception) -> None:
        self._task = None
        if self._failed is not None:
            self._failed(error)
        else:
            log.error("background work failed", exc_info=error)
        self._go_on()

    def _go_on(self) -> None:
        if self._next is not None and self._task is None:
            work, self._next = self._next, None
            self.ask(work)
