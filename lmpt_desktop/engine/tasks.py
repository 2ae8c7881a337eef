"""Background threads of a session: one for tasks on request, one for periodic tasks (Qt-free)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial

from trainer.threads import TRIES, start_thread, until_done

log = logging.getLogger(__name__)


class Worker:
    """Runs named tasks in order of when they are due; a name waits at most once.

    A task with a ``spacing`` runs at once, and again that many seconds later at the earliest,
    so that a stream of requests (features arriving) is served at intervals.
    """

    def __init__(self, name: str, on_error: Callable[[Exception], None]) -> None:
        self._on_error = on_error
        self._tasks: dict[str, tuple[float, Callable[[], None]]] = {}
        self._ended: dict[str, float] = {}
        self._running = False
        self._closed = False
        self._changed = threading.Condition()
        self._thread = start_thread(self._loop, name)

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
            problem: BaseException | None = None
            try:
                task()
            except BaseException as error:
                problem = error
            if problem is not None:
                until_done(partial(self._tell, problem), TRIES)
            with self._changed:
                self._running = False
                if name in self._ended:
                    self._ended[name] = time.monotonic()
                self._changed.notify_all()

    def _tell(self, error: BaseException) -> None:
        log.error("background work failed", exc_info=error)
        self._on_error(error if isinstance(error, Exception) else RuntimeError(repr(error)))

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


class PeriodicTasks:
    """Calls each task at its own interval, one after another, on one thread."""

    def __init__(self, tasks: Mapping[Callable[[], None], float]) -> None:
        """``tasks``: seconds between two calls of each; the first call comes at once.  A task
        that raises is logged, and called again when it is due.
        """
        self._tasks = dict(tasks)
        self._closed = threading.Event()
        self._thread = start_thread(self._loop, "periodic tasks")

    def close(self) -> None:
        """End the thread; waits for a task that runs."""
        self._closed.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout=10)

    def _loop(self) -> None:
        due = dict.fromkeys(self._tasks, time.monotonic())
        while not self._closed.is_set():
            for task, seconds in self._tasks.items():
                if time.monotonic() >= due[task] and not self._closed.is_set():
                    try:
                        task()
                    except MemoryError:
                        pass  # logging it would take some, too
                    except BaseException:
                        log.exception("a periodic task failed")
                    due[task] = time.monotonic() + seconds
            self._closed.wait(max(0.01, min(due.values()) - time.monotonic()))
