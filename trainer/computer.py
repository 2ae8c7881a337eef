"""What this computer has, as far as it is known without torch."""

from __future__ import annotations

import ctypes
import os
import sys
from dataclasses import dataclass
from pathlib import Path

AUTO = "auto"


@dataclass(frozen=True)
class Cpu:
    """Stands for ``torch.device("cpu")`` where torch is not loaded."""

    type: str = "cpu"


CPU = Cpu()


def cores() -> int:
    """Cores this process may use, including a container's limit if the system reports it."""
    if sys.platform == "linux":
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def may_have_gpu() -> bool:
    """Whether torch might find a GPU; False only where there is surely none that it can use."""
    if sys.platform == "darwin":
        return True
    if Path("/dev/kfd").exists():  # AMD's
        return True
    library = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(library)
        count = ctypes.c_int(0)
        if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
            return True  # torch says what is wrong with it
    except (OSError, AttributeError):
        return False
    return count.value > 0
