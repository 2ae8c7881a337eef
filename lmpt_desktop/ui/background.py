"""Run a function off the window's thread and get its answer back on it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Generic, TypeVar

from PySide6.QtCore import QObject, QRunnable, Qt, QThreadPool, Signal

logger = logging.getLogger(__name__)

ResultT = TypeVar("ResultT")


class _Messenger(QObject):
    finished = Signal(object)
    failed = Signal(object)


class Task(QRunnable, Generic[ResultT]):
    """A function call on a pool thread; its callbacks run on the thread that made it."""

    def __init__(
        self,
        function: Callable[[], ResultT],
        on_done: Callable[[ResultT], object],
        on_error: Callable[[Exception], object] | None,
    ) -> None:
        super().__init__()
        self.setAutoDelete(False)
        self._function = function
        self._on_done = on_done
        self._on_error = on_error
        self._cancelled = False
        self._messenger = _Messenger()
        queued = Qt.ConnectionType.QueuedConnection
        self._messenger.finished.connect(self._finished, queued)
        self._messenger.failed.connect(self._failed, queued)

    def cancel(self) -> None:
        """Call nobody back; a function that has not begun does not begin."""
        self._cancelled = True

    def run(self) -> None:
        if self._cancelled:
            _running.discard(self)
            return
        try:
            result = self._function()
        except Exception as error:  # handed to the caller, who knows what it means
            self._messenger.failed.emit(error)
        else:
            self._messenger.finished.emit(result)

    def _finished(self, result: ResultT) -> None:
        _running.discard(self)
        if not self._cancelled:
            self._on_done(result)

    def _failed(self, error: Exception) -> None:
        _running.discard(self)
        if self._cancelled:
            return
        if self._on_error is None:
            logger.error("background task failed", exc_info=error)
        else:
            self._on_error(error)


# A QRunnable that nobody refers to would lose its messenger before the answer is delivered.
_running: set[Task] = set()


def start(
    function: Callable[[], ResultT],
    on_done: Callable[[ResultT], object],
    on_error: Callable[[Exception], object] | None = None,
    pool: QThreadPool | None = None,
) -> Task[ResultT]:
    """Call ``function`` on a pool thread, then ``on_done(result)`` or ``on_error(error)`` here.

    Without ``on_error`` a failure is logged.
    """
    task = Task(function, on_done, on_error)
    _running.add(task)
    (pool or QThreadPool.globalInstance()).start(task)
    return task
