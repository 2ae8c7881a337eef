"""Work on one thread beside the caller's, each piece waited for where it is needed (no torch)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from trainer.threads import start_thread

Made = TypeVar("Made")


class Background:
    """Pieces of work, done one after another from :meth:`start` to :meth:`close`."""

    def __init__(self) -> None:
        self._pieces: list[Callable[[], None]] = []
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, make: Callable[[], Made]) -> Callable[[], Made]:
        """Have ``make`` called; what is returned waits for its result, or raises what it raised.

        Call before :meth:`start`, and wait only after it.
        """
        future: Future[Made] = Future()

        def work() -> None:
            try:
                future.set_result(make())
            except BaseException as error:
                future.set_exception(error)

        self._pieces.append(work)
        return future.result

    def start(self) -> None:
        """Begin; where there can be no other thread, do everything now."""
        try:
            self._thread = start_thread(self._run, "background")
        except (MemoryError, RuntimeError):
            self._run()

    @property
    def closed(self) -> bool:
        return self._closed.is_set()

    def close(self) -> None:
        """Begin no other piece, and wait for the one that is being done."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        for work in self._pieces:
            if self._closed.is_set():
                return
            work()
