"""Threads that do not begin, and acts for which there is no memory at first."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import lmpt_desktop
import trainer
from trainer import threads
from trainer.threads import begun_pool, side_by_side, start_thread, until_done


def test_a_thread_is_started() -> None:
    ran = threading.Event()
    names: list[str] = []

    def act() -> None:
        names.append(threading.current_thread().name)
        ran.set()

    thread = start_thread(act, "a name")
    assert ran.wait(30)
    thread.join(30)
    assert not thread.is_alive() and thread.daemon and names == ["a name"]


def test_nobody_waits_for_ever_for_a_thread_that_does_not_begin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begin = threading.Event()
    calls: list[str] = []
    started: list[threading.Thread] = []
    plain = threading.Thread.start

    def wait(thread: threading.Thread) -> None:
        started.append(thread)
        begin.wait(30)
        plain(thread)

    monkeypatch.setattr(threads, "START_SECONDS", 0.01)
    monkeypatch.setattr(threading.Thread, "start", wait)
    with pytest.raises(MemoryError):
        start_thread(lambda: calls.append("too late"), "test")
    begin.set()
    while not started or started[0].ident is None:
        threading.Event().wait(0.001)
    started[0].join(30)
    assert calls == []


def test_a_thread_that_the_system_refuses_is_reported_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError, match="can't start"):
        start_thread(print, "test")


def test_without_room_none_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Any:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr("mmap.mmap", refuse)
    monkeypatch.setattr(threading.Thread, "start", lambda _thread: pytest.fail("started"))
    with pytest.raises(MemoryError):
        start_thread(print, "test")


def test_what_must_be_done_is_tried_until_there_is_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "RETRY_SECONDS", 0)
    left = [MemoryError(), MemoryError()]
    done: list[int] = []

    def act() -> None:
        if left:
            raise left.pop()
        done.append(1)

    until_done(act)
    assert done == [1]


def test_what_other_work_waits_for_is_not_tried_for_ever(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(threads, "RETRY_SECONDS", 0)
    calls: list[int] = []

    def act(error: type[Exception]) -> None:
        calls.append(1)
        raise error

    until_done(lambda: act(MemoryError), tries=3)
    assert len(calls) == 3
    until_done(lambda: act(ValueError))
    assert len(calls) == 4 and "could not be told" in caplog.text


def test_the_threads_of_a_pool_have_begun_before_they_are_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = begun_pool(3, "test")
    monkeypatch.setattr(threading.Thread, "start", lambda _thread: pytest.fail("started"))
    gate = threading.Barrier(3)
    answers = [pool.submit(gate.wait, 30) for _ in range(3)]
    assert {answer.result(30) for answer in answers} == {0, 1, 2}
    pool.shutdown()


def test_what_is_done_side_by_side_is_done_without_threads_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate = threading.Barrier(3)
    side_by_side([lambda: gate.wait(30)] * 3, "test")  # passes only if they run together
    side_by_side([], "test")
    done: list[int] = []

    def refuse(*_: object) -> Any:
        raise MemoryError

    monkeypatch.setattr(threads, "start_thread", refuse)
    side_by_side([lambda: done.append(1), lambda: done.append(2), lambda: done.append(3)], "test")
    assert done == [1, 2, 3]
    with pytest.raises(ZeroDivisionError):
        side_by_side([lambda: 1 // 0, lambda: done.append(4)], "test")
    assert done[-1] == 4


ALLOWED = {
    # Threads for the length of one photo that takes too long, and of one command that has no
    # window.
    "trainer/encode_step.py": ThreadPoolExecutor.__name__,
    # Runs on another computer by itself, before this package is there.
    "trainer/remote/install_there.py": "Thread, Thread",
    "trainer/photo_reader.py": ThreadPoolExecutor.__name__,
}


def test_no_other_part_starts_threads_by_itself() -> None:
    found: dict[str, str] = {}
    for package in (lmpt_desktop, trainer):
        root = Path(str(package.__file__)).parent
        for path in root.rglob("*.py"):
            calls = re.findall(
                r"\b(Thread|Timer|ThreadPoolExecutor)\(", path.read_text(encoding="utf-8")
            )
            if calls and path != Path(threads.__file__):
                found[path.relative_to(root.parent).as_posix()] = ", ".join(calls)
    assert found == ALLOWED
