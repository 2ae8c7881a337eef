"""A process that cannot be served any longer is ended, and its end is told."""

from __future__ import annotations

import errno
import sys
import threading
from collections.abc import Callable

import psutil
import pytest

from lmpt_desktop.engine import child_process
from lmpt_desktop.engine.child_process import ChildProcess
from trainer import threads
from trainer.events import Message, Stop, to_line

Until = Callable[[Callable[[], object]], None]
SPEAKS = f"print({to_line(Stop())!r}, flush=True); import time; time.sleep(600)"
LISTENS = "import sys; sys.stdin.read()"


def _ignore(_message: Message) -> None:
    pass


def _python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("no")])
def test_a_message_that_cannot_be_received_ends_the_process(error: Exception, until: Until) -> None:
    ended: list[int] = []

    def fail(_message: Message) -> None:
        raise error

    ChildProcess(_python(SPEAKS), fail, ended.append)
    until(lambda: ended)
    assert ended == [-9]


def test_a_message_that_cannot_be_sent_ends_the_process(
    until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_message: Message) -> str:
        raise MemoryError

    ended: list[int] = []
    child = ChildProcess(_python(LISTENS), _ignore, ended.append)
    monkeypatch.setattr(child_process, "to_line", fail)
    child.send(Stop())
    until(lambda: ended)
    assert ended == [-9]


def test_the_end_is_told_again_until_there_is_memory(
    until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "RETRY_SECONDS", 0)
    left = [MemoryError(), MemoryError()]
    ended: list[int] = []

    def tell(code: int) -> None:
        if left:
            raise left.pop()
        ended.append(code)

    ChildProcess(_python(""), _ignore, tell)
    until(lambda: ended)
    assert ended == [0]


@pytest.mark.parametrize("begin", [0, 1, 2])
def test_a_process_that_no_thread_can_serve_is_not_left_behind(
    begin: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, calls = child_process.start_thread, list[str]()

    def start(target: Callable[[], object], name: str) -> threading.Thread:
        calls.append(name)
        if len(calls) > begin:
            raise MemoryError
        return plain(target, name)

    monkeypatch.setattr(child_process, "start_thread", start)
    before = set(psutil.Process().children())
    with pytest.raises(OSError) as raised:
        ChildProcess(_python(LISTENS), _ignore, lambda _code: pytest.fail("it was never there"))
    assert raised.value.errno == errno.ENOMEM
    assert len(calls) == begin + 1
    assert set(psutil.Process().children()) <= before
