"""Ends a process that takes too long for something (imports no torch)."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator

from trainer.threads import start_thread, until_done


class Deadline:
    """Watches one process.

    One thread watches all that it does, as a thread for each photo would cost about as much as a
    small photo.
    """

    def __init__(self, end: Callable[[], object]) -> None:
        """``end`` may raise OSError."""
        self._end = end
        self._changed = threading.Condition()
        self._running: tuple[float, threading.Event] | None = None
        """When it is to be over, and what is set if it is not."""
        self._wakes = math.inf
        """When the thread looks again, as far as it knows; before its start at once."""
        self._watching = self._closed = False

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[threading.Event]:
        """Within it the process is ended after ``seconds``, and the event set; one at a time.

        Raises:
            MemoryError, RuntimeError: if it cannot be watched.
        """
        if not self._watching:
            start_thread(lambda: until_done(self._watch), "deadline")
            self._watching = True
        passed = threading.Event()
        due = time.monotonic() + seconds
        with self._changed:
            self._running = due, passed
            if due < self._wakes:
                self._changed.notify()
        try:
            yield passed
        finally:
            # The thread is not woken: it will find nothing to do, or something later.
            with self._changed:
                self._running = None

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            while not self._closed:
                now, running = time.monotonic(), self._running
                if running is None:
                    self._wakes = math.inf
                    self._changed.wait()
                elif now < running[0]:
                    self._wakes = running[0]
                    self._changed.wait(running[0] - now)
                else:
                    self._running = None
                    running[1].set()
                    with contextlib.suppress(OSError):
                        self._end()
