from __future__ import annotations

import sys

import numpy as np
import pytest

from lmpt_desktop.engine.free_memory import WORTH_BYTES, FreeMemory, free_memory


class Process:
    """A process whose free memory is 3/4 of what it has grown by."""

    def __init__(self) -> None:
        self.resident, self.now, self.used, self.given_back = 10 * WORTH_BYTES, 0.0, 0.0, 0
        self.memory = FreeMemory(
            self._give_back,
            lambda: self.resident,
            clock=lambda: self.now,
            processor_time=lambda: self.used,
        )

    def _give_back(self) -> None:
        self.given_back += 1
        self.resident = int(self.resident * 0.25)

    def check(self, *, busy: bool = False) -> int:
        self.now += 10
        self.used += 3 if busy else 0.1
        self.memory.check()
        return self.given_back


def test_memory_is_given_back_when_the_process_has_grown_and_does_nothing() -> None:
    process = Process()
    assert process.check(busy=True) == 0
    assert process.check() == 1
    assert process.check() == 1, "it has not grown"
    process.resident += WORTH_BYTES - 1
    assert process.check() == 1, "not enough to look into"
    process.resident += 1
    assert process.check(busy=True) == 1
    assert process.check() == 2


def test_what_is_in_use_is_not_looked_into_again_and_again() -> None:
    process = Process()
    process.memory._give_back = lambda: None  # pyright: ignore[reportPrivateUsage]
    process.check()
    process.memory._give_back = process._give_back  # pyright: ignore[reportPrivateUsage]
    assert process.check() == process.check() == 0
    process.resident -= WORTH_BYTES  # a library was closed: what comes now is growth
    assert process.check() == 0
    process.resident += WORTH_BYTES
    assert process.check() == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only the GNU C library has malloc_trim")
def test_the_real_one_runs() -> None:
    memory = free_memory()
    if memory is None:
        pytest.skip("this C library has no malloc_trim")
    kept = np.ones(1000)
    memory._at, memory._used = -1e9, memory._used  # pyright: ignore[reportPrivateUsage]
    memory.check()
    assert memory._least > 0 and kept.all()  # pyright: ignore[reportPrivateUsage]
