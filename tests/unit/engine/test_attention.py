"""Background work makes way for what is looked at, and never stands still."""

from __future__ import annotations

import threading

from lmpt_desktop.engine.attention import Attention

WAIT = 10.0


def test_nothing_is_waited_for_while_nothing_is_wanted() -> None:
    attention = Attention()
    assert not attention.wanted
    attention.make_way(threading.TIMEOUT_MAX)


def test_who_makes_way_goes_on_when_the_last_picture_is_there() -> None:
    attention = Attention()
    passed = threading.Event()

    def work() -> None:
        attention.make_way(threading.TIMEOUT_MAX)
        passed.set()

    thread = threading.Thread(target=work, daemon=True)
    with attention:
        with attention:
            thread.start()
        assert attention.wanted, "the outer one is still being made"
        assert not passed.is_set()
    assert passed.wait(WAIT)
    assert not attention.wanted


def test_who_makes_way_goes_on_all_the_same_after_a_moment() -> None:
    attention = Attention()
    with attention:
        attention.make_way(0.001)
        assert attention.wanted


def test_a_picture_that_fails_is_not_wanted_for_ever() -> None:
    attention = Attention()
    try:
        with attention:
            raise ValueError
    except ValueError:
        pass
    assert not attention.wanted


def test_what_is_expected_is_wanted_until_it_is_there() -> None:
    attention = Attention()
    attention.expect(threading.TIMEOUT_MAX)
    assert attention.wanted
    attention.met()
    assert not attention.wanted


def test_what_never_comes_is_expected_for_a_time_only() -> None:
    attention = Attention()
    attention.expect(0.0)
    assert not attention.wanted
