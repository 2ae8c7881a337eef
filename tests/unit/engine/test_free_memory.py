from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lmpt_desktop.engine.free_memory import HEAPS, WORTH_BYTES, FreeMemory, free_memory


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


def test_who_never_pauses_gets_it_back_once_a_minute() -> None:
    process = Process()
    given = []
    for _ in range(18):
        given.append(process.check(busy=True))
        process.resident += WORTH_BYTES
    assert given == [0] * 5 + [1] * 6 + [2] * 6 + [3]
    assert process.check() == 4, "quiet"


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


THREADS_AND_HEAPS = """
import ctypes, sys, tempfile, threading
from pathlib import Path
from lmpt_desktop.engine.free_memory import keep_little

print(keep_little())
library = ctypes.CDLL(None)
library.malloc.restype = library.fopen.restype = ctypes.c_void_p
together = threading.Barrier(6)

def take():
    library.malloc(100)
    together.wait()

threads = [threading.Thread(target=take) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
name = Path(sys.argv[1])
file = ctypes.c_void_p(library.fopen(bytes(name), b"w"))
library.malloc_info(0, file)
library.fclose(file)
print(name.read_text().count("<heap nr"))

# By default, what comes and goes raises the size from which blocks have pages of their own.
library.free(ctypes.c_void_p(library.malloc(20 << 20)))
class Blocks(ctypes.Structure):
    _fields_ = [(f"field_{number}", ctypes.c_size_t) for number in range(10)]
library.mallinfo2.restype = Blocks
before = library.mallinfo2().field_4
library.malloc(5 << 20)
print(library.mallinfo2().field_4 - before >= 5 << 20)
"""


@pytest.mark.skipif(free_memory() is None, reason="this C library has no heaps of threads")
def test_many_threads_share_two_heaps_without_large_blocks(tmp_path: Path) -> None:
    if not hasattr(ctypes.CDLL(None), "mallinfo2"):
        pytest.skip("this C library does not say which blocks have pages of their own")
    ran = subprocess.run(
        [sys.executable, "-c", THREADS_AND_HEAPS, str(tmp_path / "heaps.xml")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.split() == ["True", str(HEAPS), "True"]
