"""Threads that begin, or say that they cannot (imports no torch)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

START_SECONDS = 10.0


class _Started(threading.Event):
    """What Python waits for when it starts a thread, which is for ever if the thread found no
    memory to begin."""

    def wait(self, timeout: float | None = None) -> bool:
        if timeout is not None:
            return super().wait(timeout)
        if not super().wait(START_SECONDS):
            raise MemoryError("a thread did not begin")
        return True


def start_thread(
    target: Callable[..., object], name: str, args: tuple[Any, ...] = ()
) -> threading.Thread:
    """Start a thread that does not keep the process alive.

    Raises:
        MemoryError: if there is none for it.
        RuntimeError: if the system allows no more threads.
    """
    thread = threading.Thread(target=target, name=name, args=args, daemon=True)
    # Where this attribute is no longer what is waited for, it waits as Python does.
    vars(thread)["_started"] = _Started()
    thread.start()
    return thread
