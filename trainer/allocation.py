"""How much freed memory the C library keeps (imports no torch).

The encoder keeps it for its next batch.  A batch of 260-pixel photos has dozens of intermediate
results of 50 MB each.  The C library gets blocks of that size from the system and returns them at
once, and the system zeroes every page again: measured with Lite, a fifth of all processor time.
"""

from __future__ import annotations

import ctypes
import logging
import sys
from collections.abc import Mapping
from enum import IntEnum

log = logging.getLogger(__name__)

KEPT_BLOCK = 256 * 2**20
"""Blocks of up to this number of bytes come from memory that the process already has."""
KEPT_FREE = 512 * 2**20
"""Bytes of free memory to keep.  More is returned to the system, so that one enormous photo does
not occupy memory forever."""


class Option(IntEnum):
    """Options of ``mallopt``, as in malloc.h of the GNU C library."""

    FREE_END = -1
    """M_TRIM_THRESHOLD: bytes that are kept free at the end of the first heap."""
    OWN_PAGES = -3
    """M_MMAP_THRESHOLD: bytes from which a block is outside the heaps."""
    HEAPS = -8
    """M_ARENA_MAX: the most heaps."""


def set_options(options: Mapping[Option, int]) -> bool:
    """Set options of this process's memory.  Only the GNU C library (most of Linux) has them.

    Returns:
        whether it was possible.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    refused = [option.name for option, value in options.items() if not mallopt(int(option), value)]
    if refused:
        log.info("the C library refused %s", refused)
    return not refused


def keep_memory() -> bool:
    """Make this process keep freed memory.

    Returns:
        whether it was possible.
    """
    return set_options({Option.FREE_END: KEPT_FREE, Option.OWN_PAGES: KEPT_BLOCK})
