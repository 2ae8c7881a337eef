"""Work beside the caller's."""

from __future__ import annotations

import threading

import pytest

from trainer import background as module
from trainer.background import Background


def test_pieces_are_done_in_order_while_the_caller_goes_on() -> None:
    begin, done = threading.Event(), []

    def first() -> int:
        begin.wait(10)
        done.append("first")
        return 1

    background = Background()
    one = background.add(first)
    two = background.add(lambda: done.append("second"))
    background.start()
    assert not done
    begin.set()
    assert one() == 1
    two()
    assert done == ["first", "second"]
    background.close()


def test_an_error_is_raised_where_the_result_is_wanted() -> None:
    background = Background()
    broken = background.add(lambda: 1 // 0)
    fine = background.add(lambda: 2)
    background.start()
    with pytest.raises(ZeroDivisionError):
        broken()
    assert fine() == 2
    background.close()


def test_closing_begins_nothing_more_and_waits_for_what_is_being_done() -> None:
    begun, go_on, done = threading.Event(), threading.Event(), []
    background = Background()

    def slow() -> None:
        begun.set()
        go_on.wait(10)
        done.append("slow")

    background.add(slow)
    background.add(lambda: done.append("never"))
    background.start()
    begun.wait(10)
    closing = threading.Thread(target=background.close)
    closing.start()
    while not background.closed:
        pass
    go_on.set()
    closing.join()
    assert done == ["slow"]


def test_without_another_thread_everything_is_done_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(module, "start_thread", refuse)
    background = Background()
    caller = background.add(threading.get_ident)
    background.start()
    assert caller() == threading.get_ident()
    background.close()
