"""Threads that read photos, begun while there is memory for them (Qt-free).

``concurrent.futures`` starts a thread when it is first needed.  With no memory left, Python waits
for ever for a thread that found none to begin with, and an executor whose thread ended never
answers.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from trainer.threads import start_thread

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

_RETRY_SECONDS = 0.1
_LOOK_SECONDS = 1.0


class ReadersEndedError(Exception):
    """The threads have ended, or :meth:`Readers.close` was called."""


class Readers(Generic[ItemT, ResultT]):
    """A fixed number of threads, which call one function."""

    def __init__(self, count: int) -> None:
        """Starts them, and returns when all have begun."""
        self._waiting: queue.SimpleQueue[tuple[_Work[ItemT, ResultT], int] | None]
        self._waiting = queue.SimpleQueue()
        self._threads = [start_thread(self._loop, f"inspect {number}") for number in range(count)]

    def map(self, function: Callable[[ItemT], ResultT], items: Sequence[ItemT]) -> list[ResultT]:
        """The results, in the order of ``items``.

        Raises:
            ReadersEndedError: if nobody is left to answer.
            BaseException: the first that ``function`` raised.
        """
        return self.begin(function, items)()

    def begin(
        self, function: Callable[[ItemT], ResultT], items: Sequence[ItemT]
    ) -> Callable[[], list[ResultT]]:
        """Begin, and go on meanwhile; what is returned waits for the results, as :meth:`map`."""
        work = _Work(function, items)
        for place in range(len(items)):
            self._waiting.put((work, place))

        def results() -> list[ResultT]:
            while not work.done.wait(_LOOK_SECONDS):
                if not any(thread.is_alive() for thread in self._threads):
                    raise ReadersEndedError
            if work.error is not None:
                raise work.error
            return [result for found in work.results for result in found]

        return results

    def close(self) -> None:
        """End the threads once what waits is done, without waiting for them."""
        for _ in self._threads:
            self._waiting.put(None)

    def __enter__(self) -> Readers[ItemT, ResultT]:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _loop(self) -> None:
        while True:
            try:
                found = self._waiting.get()
                if found is None:
                    return
            except MemoryError:
                time.sleep(_RETRY_SECONDS)
                continue
            work, place = found
            error: BaseException | None = None
            try:
                work.call(place)
            except BaseException as caught:
                error = caught
            work.answered(error)
            del found, work, error


class _Work(Generic[ItemT, ResultT]):
    def __init__(self, function: Callable[[ItemT], ResultT], items: Sequence[ItemT]) -> None:
        self._function = function
        self._items = items
        # Room for the answers, so that none is lost for want of memory.
        self.results: list[list[ResultT]] = [[] for _ in items]
        self.error: BaseException | None = None
        self.done = threading.Event()
        self._left = len(items)
        self._lock = threading.Lock()
        if not items:
            self.done.set()

    def call(self, place: int) -> None:
        self.results[place].append(self._function(self._items[place]))

    def answered(self, error: BaseException | None) -> None:
        """One answer less to wait for."""
        with self._lock:
            if self.error is None:
                self.error = error
            self._left -= 1
            last = self._left == 0
        while last:
            with contextlib.suppress(MemoryError):
                self.done.set()
                return
            time.sleep(_RETRY_SECONDS)
