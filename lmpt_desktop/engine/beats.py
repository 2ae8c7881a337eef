"""One background thread that looks at something every few seconds (Qt-free)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)


class Beats:
    """Calls each task at its own interval, one after another, on one thread."""

    def __init__(self, tasks: Mapping[Callable[[], None], float]) -> None:
        """``tasks``: seconds between two calls of each; the first call comes at once.  A task
        that raises is noted in the log and called again at its next turn.
        """
        self._tasks = dict(tasks)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="beats", daemon=True)
        self._thread.start()

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
                    except Exception:
                        log.exception("a regular look failed")
                    due[task] = time.monotonic() + seconds
            self._closed.wait(max(0.01, min(due.values()) - time.monotonic()))
