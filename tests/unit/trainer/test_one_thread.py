"""Products on one thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from trainer import one_thread as module
from trainer.one_thread import one_thread


def _threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_products_inside_take_one_thread() -> None:
    with threadpool_limits(2, user_api="blas"):
        with one_thread():
            assert _threads() == {1}
            with one_thread():
                assert _threads() == {1}
            assert _threads() == {1}
        assert _threads() == {2}


def test_an_error_inside_ends_it() -> None:
    with threadpool_limits(2, user_api="blas"):
        with pytest.raises(ZeroDivisionError), one_thread():
            raise ZeroDivisionError
        assert _threads() == {2}


def test_another_thread_waits_until_this_one_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    class Controller:
        @contextmanager
        def limit(self, **_: object) -> Iterator[None]:
            name = threading.current_thread().name
            done.append(f"{name} in")
            yield
            done.append(f"{name} out")

    def other() -> None:
        with one_thread():
            pass

    monkeypatch.setattr(module, "_controller", Controller)
    thread = threading.Thread(target=other, name="other")
    own = threading.current_thread().name
    with one_thread():
        thread.start()
        thread.join(0.05)
        assert done == [f"{own} in"]
    thread.join()
    assert done == [f"{own} in", f"{own} out", "other in", "other out"]
