"""Run functions off the window's thread and deliver their results on it.

This is the only way to leave the window's thread.  It uses Python's own thread pool and one
dispatcher that is never destroyed: a ``QRunnable`` or the sender of a signal could be deleted on
the window's thread, once it has the result, while the worker thread is still using it.

Work must not make or use objects of Qt, readers of pictures and sockets included: Qt would take
mutexes with Python's lock held, which the window's thread takes the other way round
(docs/adr/0033).
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Generic, TypeVar

from PySide6.QtCore import QObject, Qt, Signal, Slot
from shiboken6 import isValid

from trainer.threads import begun_pool, until_done

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
    return begun_pool(THREADS, "ui task")


def prepare() -> None:
    """Make the calling thread the one on which :func:`call_soon` calls (first call only)."""
    _dispatcher()


def call_soon(function: Callable[[], object]) -> None:
    """Call ``function`` on the window's thread; callable from any thread."""
    _dispatcher().called.emit(function)


class Task(Generic[ResultT]):
    """A call of ``work`` on a pool thread, started at once; create it on the window's thread.

    ``done(result)`` or ``failed(error)`` is then called on the window's thread, unless the task was
    cancelled or its ``owner`` deleted.  Without ``failed`` an error is logged.  Without an owner
    the callbacks are always called: only for work whose end must be known, such as closing a
    library.
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
        """Drop the callbacks; work that has not started does not start."""
        self._cancelled = True

    def _run(self) -> None:
        if self._cancelled:
            return
        result: ResultT | None = None
        problem: BaseException | None = None
        try:
            result = self._work()
        except BaseException as error:  # else the caller would wait for ever
            problem = error
        # Also without memory for it at this moment.
        until_done(functools.partial(self._answer, result, problem))

    def _answer(self, result: ResultT | None, error: BaseException | None) -> None:
        if not (error is None or isinstance(error, Exception)):
            other = RuntimeError(repr(error))
            other.__cause__ = error
            error = other
        call_soon(functools.partial(self._finish, result, error))

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
    """Repeated requests for work, of which only the latest result counts.

    With ``overlap`` a new request starts at once and the result of the previous one is dropped.
    Without it one request runs at a time: its result is delivered, then the latest of the requests
    made in the meantime starts.
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
        """Whether a result is still to come; in ``done``, whether a later one is."""
        return self._task is not None or self._next is not None

    def ask(self, work: Callable[[], ResultT]) -> None:
        """Call ``work`` on a pool thread, now or when the running request is done."""
        if self._task is not None:
            if not self._overlap:
                self._next = work
                return
            self._task.cancel()
        self._next = None  # called within ``done``: a waiting request is no longer the latest
        self._task = Task(
            work, self._answered, self._request_failed, owner=self._owner, pool=self._pool
        )

    def cancel(self) -> None:
        """Drop the running and the waiting request."""
        self._next = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _answered(self, result: ResultT) -> None:
        self._task = None
        self._done(result)
        self._start_next()

    def _request_failed(self, error: Exception) -> None:
        self._task = None
        if self._failed is not None:
            self._failed(error)
        else:
            log.error("background work failed", exc_info=error)
        self._start_next()

    def _start_next(self) -> None:
        if self._next is not None and self._task is None:
            work, self._next = self._next, None
            self.ask(work)
