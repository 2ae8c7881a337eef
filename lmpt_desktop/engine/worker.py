"""One background thread for the session's own arithmetic and reading, one task at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)


class Worker:
    """Runs named tasks in order of when they are due; a name waits at most once.

    A task with a ``spacing`` runs at once, and then again that many seconds later at the
    earliest, so that a stream of requests (features arriving) is served in beats.
    """

    def __init__(self, name: str, on_error: Callable[[Exception], None]) -> None:
        self._on_error = on_error
        self._tasks: dict[str, tuple[float, Callable[[], None]]] = {}
        self._ended: dict[str, float] = {}
        self._running = False
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)
        self._thread.start()

    def post(self, name: str, task: Callable[[], None], spacing: float = 0.0) -> None:
        """Run ``task`` soon, but not within ``spacing`` seconds of the last one of its name."""
        with self._changed:
            if self._closed:
                return
            due = time.monotonic()
            if spacing:
                due = max(due, self._ended.setdefault(name, due - spacing) + spacing)
            if name in self._tasks:
                due = min(due, self._tasks[name][0])
            self._tasks[name] = (due, task)
            self._changed.notify_all()

    @property
    def idle(self) -> bool:
        """Nothing runs and nothing waits."""
        with self._changed:
            return not self._running and not self._tasks

    def close(self, timeout: float = 10.0) -> None:
        """Drop what waits; wait for what runs."""
        with self._changed:
            self._closed = True
            self._tasks.clear()
            self._changed.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout)

    def _loop(self) -> None:
        while (found := self._next()) is not None:
            name, task = found
            try:
                task()
            except Exception as error:
                log.exception("background work failed")
                self._on_error(error)
            with self._changed:
                self._running = False
                if name in self._ended:
                    self._ended[name] = time.monotonic()
                self._changed.notify_all()

    def _next(self) -> tuple[str, Callable[[], None]] | None:
        with self._changed:
            while not self._closed:
                if self._tasks:
                    name = min(self._tasks, key=lambda key: self._tasks[key][0])
                    due, task = self._tasks[name]
                    wait = due - time.monotonic()
                    if wait <= 0:
                        del self._tasks[name]
                        self._running = True
                        return name, task
                    self._changed.wait(wait)
                else:
                    self._changed.wait()
        return None
