"""Gives memory back to the system that the GNU C library keeps although nobody uses it.

Answers of searches, filters and verdicts take many MB for a moment, and what is freed between
blocks in use stays with the process.  Elsewhere (Windows, macOS, musl) nothing is done.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
import time
from collections.abc import Callable
from pathlib import Path

CHECK_SECONDS = 10.0
QUIET_SHARE = 0.05
"""Share of one processor below which the process does nothing to speak of."""
STATM = Path("/proc/self/statm")
WORTH_BYTES = 64 << 20
"""Growth of the resident memory from which it is worth while."""


class FreeMemory:
    """Looks now and then whether the process is quiet and has grown, and gives back what is free.

    That takes some 0.1 s per GB, on the thread that calls :meth:`check`; others that want memory
    may have to wait meanwhile, so it is not done while anything runs.
    """

    def __init__(
        self,
        give_back: Callable[[], object],
        resident: Callable[[], int],
        *,
        clock: Callable[[], float] = time.monotonic,
        processor_time: Callable[[], float] = time.process_time,
    ) -> None:
        self._give_back = give_back
        self._resident = resident
        self._clock = clock
        self._processor_time = processor_time
        self._at, self._used = clock(), processor_time()
        self._least = 0
        """The fewest resident bytes since memory was given back."""

    def check(self) -> None:
        """Call every :data:`CHECK_SECONDS`."""
        at, used = self._clock(), self._processor_time()
        quiet = used - self._used < QUIET_SHARE * (at - self._at)
        self._at, self._used = at, used
        if not quiet:
            return
        resident = self._resident()
        if resident - self._least >= WORTH_BYTES:
            self._give_back()
            self._least = self._resident()
        self._least = min(self._least, resident)


def free_memory() -> FreeMemory | None:
    """One for this process; None where the C library has no such function, or the kernel says
    nothing of memory, as in a chroot without /proc."""
    if sys.platform != "linux" or not STATM.exists():
        return None
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None:
        return None
    trim.argtypes, trim.restype = [ctypes.c_size_t], ctypes.c_int
    return FreeMemory(lambda: trim(0), _resident)


def _resident() -> int:
    """Bytes in memory of this process."""
    pages = STATM.read_text(encoding="ascii").split()[1]
    return int(pages) * mmap.PAGESIZE
