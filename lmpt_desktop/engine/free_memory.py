"""Limits the unused memory that the GNU C library holds on to, and returns it to the system.

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

from trainer.allocation import Option, set_options

CHECK_SECONDS = 10.0
QUIET_SHARE = 0.05
"""Share of one processor below which the process does nothing to speak of."""
STATM = Path("/proc/self/statm")
BUSY_SECONDS = 60.0
"""How long it waits for a quiet moment at most."""
WORTH_BYTES = 64 << 20
"""Growth of the resident memory from which it is worth while."""
HEAPS = 2
"""By default there are eight for each processor."""
OWN_PAGES_BYTES = 4 << 20
"""Blocks from this size on are outside the heaps and go back to the system at once.  By default the
C library raises this to 32 MiB, as soon as it sees such blocks come and go.  New pages take time:
with 512 KiB, acts on 100,000 photos took a tenth more."""
FREE_END_BYTES = 32 << 20
"""What is kept free at the end of the first heap."""


def keep_little() -> bool:
    """Have this process keep little free memory; call it before threads are started.

    By default almost every thread has a heap of its own, and each keeps free about what it needed
    most at any time.  Threads that hold Python's lock seldom want memory at the same time.

    Returns:
        whether it was possible.
    """
    return set_options(
        {
            Option.HEAPS: HEAPS,
            Option.OWN_PAGES: OWN_PAGES_BYTES,
            Option.FREE_END: FREE_END_BYTES,
        }
    )


class FreeMemory:
    """Looks now and then whether the process is quiet and has grown, and gives back what is free.

    That takes some 0.1 s per GB, on the thread that calls :meth:`check`; others that want memory
    may have to wait meanwhile, so while anything runs it is seldom done.
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
        self._done = self._at
        """When memory was given back last."""
        self._least = 0
        """The fewest resident bytes since memory was given back."""

    def check(self) -> None:
        """Call every :data:`CHECK_SECONDS`."""
        at, used = self._clock(), self._processor_time()
        quiet = used - self._used < QUIET_SHARE * (at - self._at)
        self._at, self._used = at, used
        if not quiet and at - self._done < BUSY_SECONDS:
            return
        resident = self._resident()
        if resident - self._least >= WORTH_BYTES:
            self._give_back()
            self._least, self._done = self._resident(), at
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
