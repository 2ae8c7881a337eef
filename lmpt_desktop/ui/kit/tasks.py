"""Run a function off the window's thread and get its answer back on it.

Python's own thread pool is used, and one dispatcher that is never destroyed: a ``QRunnable``
or a signal's sender may otherwise be deleted on the window's thread, which has its answer,
while the worker is still on its way out of it.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Generic, TypeVar

from PySide6.QtCore import QObject, Qt, Signal, Slot

logger = logging.getLogger(__name__)

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
    return ThreadPoolExecutor(THREADS, thread_name_prefix="ui background")


def prepare() -> None:
    """Make the calling thread the one that :func:`call_soon` speaks of (first call only)."""
    _dispatcher()


def call_soon(function: Callable[[], object]) -> None:
    """Call ``function`` on the window's thread; may be asked from any thread."""
    _dispatcher().called.emit(function)


class Task(Generic[ResultT]):
    """A function call on a pool thread; its callbacks run on the window's thread."""

    def __init__(
        self,
        function: Callable[[], ResultT],
        on_done: Callable[[ResultT], object],
        on_error: Callable[[Exception], object] | None,
    ) -> None:
        self._function = function
        self._on_done = on_done
        self._on_error = on_error
        self._cancelled = False

    def cancel(self) -> None:
        """Call nobody back; a function that has not begun does not begin."""
        self._cancelled = True

    def run(self) -> None:
        """Called on a pool thread."""
        if self._cancelled:
            return
        try:
            result = self._function()
        except Exception as error:  # handed to the caller, who knows what it means
            call_soon(functools.partial(self._failed, error))
        else:
            call_soon(functools.partial(self._finished, result))

    def _finished(self, result: ResultT) -> None:
        if not self._cancelled:
            self._on_done(result)

    def _failed(self, error: Exception) -> None:
        if self._cancelled:
            return
        if self._on_error is None:
            logger.error("background task failed", exc_info=error)
        else:
            self._on_error(error)


def start(
    function: Callable[[], ResultT],
    on_done: Callable[[ResultT], object],
    on_error: Callable[[Exception], object] | None = None,
    pool: Executor | None = None,
) -> Task[ResultT]:
    """Call ``function`` on a pool thread, then ``on_done(result)`` or ``on_error(error)`` here.

    Call it on the window's thread.  Without ``on_error`` a failure is logged.
    """
    prepare()
    task = Task(function, on_done, on_error)
    (pool or _threads()).submit(task.run)
    return task
