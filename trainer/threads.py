"""Threads that begin, or say that they cannot (imports no torch).

``Thread.start`` waits until the thread has begun, which is for ever if it found no memory to begin.
"""

from __future__ import annotations

import _thread
import contextlib
import errno
import mmap
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

START_SECONDS = 10.0
"""A thread that has not begun by then is given up."""
ROOM = 1 << 20
"""Bytes that must be free for a thread to begin, besides its stack: Python's own, for its first
calls."""
RETRY_SECONDS = 0.25


def start_thread(target: Callable[[], object], name: str) -> threading.Thread:
    """Start a thread that does not keep the process alive.

    Raises:
        MemoryError: if there is none for it; ``target`` is not called then.
        RuntimeError: if the system allows no more threads.
    """
    beginning = _Beginning(target)
    thread = threading.Thread(target=beginning.run, name=name, daemon=True)
    _require_room()
    # Where it does not begin, this one waits for it, and not the caller.
    _thread.start_new_thread(beginning.start, (thread,))
    beginning.wait()
    return thread


def begun_pool(count: int, name: str) -> ThreadPoolExecutor:
    """An executor whose threads have all begun: whoever hands it something needs no new one."""
    pool = ThreadPoolExecutor(count, name)
    together = threading.Barrier(count + 1)
    for _ in range(count):
        pool.submit(together.wait, START_SECONDS)
    with contextlib.suppress(threading.BrokenBarrierError):
        together.wait(START_SECONDS)
    return pool


def no_memory() -> OSError:
    """The system's error for having no memory."""
    return OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))


def until_done(act: Callable[[], object]) -> None:
    """Call ``act``, and again for as long as there is no memory for it: for what somebody would
    otherwise wait for in vain."""
    while True:
        try:
            act()
        except MemoryError:
            time.sleep(RETRY_SECONDS)
        else:
            return


def _require_room() -> None:
    try:
        mmap.mmap(-1, ROOM).close()
    except OSError as error:
        raise MemoryError("no memory for a thread") from error


class _Beginning:
    """The beginning of one thread, as whoever starts it sees it."""

    def __init__(self, target: Callable[[], object]) -> None:
        self._target = target
        self._settled = threading.Event()
        self._lock = threading.Lock()
        self._begun = self._given_up = False
        self._error: BaseException = MemoryError("a thread did not begin")

    def start(self, thread: threading.Thread) -> None:
        """Start it; this does not return if it does not begin."""
        try:
            thread.start()
        except BaseException as error:
            self._error = error
            self._settled.set()

    def run(self) -> None:
        """What the thread does."""
        with self._lock:
            if self._given_up:
                return
            self._begun = True
        try:  # noqa: SIM105 - which would take memory, too
            self._settled.set()
        except MemoryError:
            pass  # it is seen to have begun a little later
        self._target()

    def wait(self) -> None:
        """Wait until it has begun, or cannot.

        Raises:
            MemoryError, RuntimeError: if it has not begun; it does nothing if it begins later.
        """
        self._settled.wait(START_SECONDS)
        with self._lock:
            if self._begun:
                return
            self._given_up = True
        raise self._error
