"""Threads that read photos, whatever happens to them."""

from __future__ import annotations

import threading

import pytest

from lmpt_desktop.ingest import readers as module
from lmpt_desktop.ingest.readers import Readers, ReadersEndedError


def test_results_are_in_the_order_of_the_items() -> None:
    together = threading.Barrier(3)

    def double(number: int) -> int:
        together.wait(30)  # three threads at a time
        return 2 * number

    with Readers[int, int](3) as readers:
        assert readers.map(double, [3, 1, 2]) == [6, 2, 4]
        assert readers.map(double, []) == []


@pytest.mark.parametrize("raised", [MemoryError(), SystemExit(3)])
def test_what_a_thread_raises_is_raised_and_the_thread_goes_on(raised: BaseException) -> None:
    def fails(number: int) -> int:
        if number == 2:
            raise raised
        return number

    with Readers[int, int](1) as readers:
        with pytest.raises(type(raised)):
            readers.map(fails, [1, 2, 3])
        assert readers.map(fails, [1, 3]) == [1, 3]


def test_nobody_waits_for_threads_that_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.01)
    readers = Readers[int, int](2)
    readers.close()
    for thread in readers._threads:
        thread.join(30)
    with pytest.raises(ReadersEndedError):
        readers.map(abs, [1])
