"""Threads that do not begin."""

from __future__ import annotations

import threading

import pytest

from trainer import threads
from trainer.threads import start_thread


def test_a_thread_is_started() -> None:
    ran = threading.Event()
    thread = start_thread(ran.set, "test")
    assert ran.wait(30)
    thread.join(30)
    assert not thread.is_alive() and thread.daemon


def test_nobody_waits_for_ever_for_a_thread_that_does_not_begin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "START_SECONDS", 0.01)
    monkeypatch.setattr(threading.Thread, "_bootstrap", lambda _thread: None)
    with pytest.raises(MemoryError):
        start_thread(print, "test")
