"""Threads that begin, or say that they cannot (imports no torch).

``Thread.start`` waits until the thread has begun, which is for ever if it found no memory to begin.
"""

from __future__ import annotations

import _thread
import contextlib
import errno
import logging
import mmap
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

log = logging.getLogger(__name__)

START_SECONDS = 10.0
"""A thread that has not begun by then is given up."""
ROOM = 1 << 20
"""Bytes that must be free for a thread to begin, besides its stack: Python's own, for its first
calls."""
RETRY_SECONDS = 0.25
TRIES = 20
"""Of what must not be tried for ever, because other work waits for it."""


def start_thread(target: Callable[[], object], name: str) -> threading.Thread:
    """Start a thread that does not keep the process alive.

    Raises:
        MemoryError: if there is none for it; ``target`` is not called then.
        RuntimeError: if the system allows no more threads.
    """
    beginning = _Beginning(target)
    thread = threading.Thread(target=beginning.run, name=name, daemon=True)
    require_room()
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


def side_by_side(acts: Sequence[Callable[[], object]], name: str) -> None:
    """Call each on a thread of its own, the first on the caller's, and wait for all; those for
    which no thread begins are called one after another.

    Raises:
        BaseException: what one of them raised, once all have ended.
    """
    problems: list[BaseException] = []
    left: list[Callable[[], object]] = []
    ended: list[threading.Lock] = []

    def call(act: Callable[[], object]) -> None:
        try:
            act()
        except BaseException as error:
            problems.append(error)

    for act in acts[1:]:
        end = threading.Lock()
        end.acquire()

        def run(act: Callable[[], object] = act, end: threading.Lock = end) -> None:
            try:
                call(act)
            finally:
                end.release()

        try:
            start_thread(run, name)
        except (MemoryError, RuntimeError):
            left.append(act)
        else:
            ended.append(end)
    for act in (*acts[:1], *left):
        call(act)
    for end in ended:
        end.acquire()
    if problems:
        raise problems[0]


def no_memory() -> OSError:
    """The system's error for having no memory."""
    return OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))


def until_done(act: Callable[[], object], tries: int | None = None) -> None:
    """Call ``act``, and again while there is no memory for it: for what somebody would otherwise
    wait for in vain, such as the end of background work.

    Whatever else it raises is logged, as there is nobody left to tell.

    Args:
        act: called at least once.
        tries: the most calls; None for as many as it takes.
    """
    count = 0
    while True:
        try:
            act()
        except MemoryError:
            count += 1
            if count == tries:
                return
            time.sleep(RETRY_SECONDS)
        except Exception:
            log.exception("the end of background work could not be told")
            return
        else:
            return


def require_room() -> None:
    """Check that a thread could begin now: for libraries that start threads of their own.

    Raises:
        MemoryError: if it could not.
    """
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
