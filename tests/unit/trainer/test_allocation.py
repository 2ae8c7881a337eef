from __future__ import annotations

import ctypes
import platform
import subprocess
import sys

import pytest

from trainer import allocation

GLIBC = sys.platform.startswith("linux") and platform.libc_ver()[0] == "glibc"

FAULTS = """
import resource, sys
from trainer.allocation import keep_memory
import torch
if sys.argv[1] == "keep":
    assert keep_memory()
torch.set_num_threads(1)
def work():
    for _ in range(20):
        torch.ones(12_000_000)  # 48 MB
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(not GLIBC, reason="only the GNU C library gives large blocks back at once")
def test_blocks_of_a_batch_are_not_fetched_from_the_system_again() -> None:
    assert faults("keep") < faults("plain") / 10


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other:
        pass

    monkeypatch.setattr(ctypes, "CDLL", lambda _name: Other())
    assert not allocation.keep_memory()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not allocation.keep_memory()
