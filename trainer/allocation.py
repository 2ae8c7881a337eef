"""Keep the encoder's freed memory for its next batch (imports no torch).

A batch of 260-pixel photos has dozens of intermediate results of 50 MB each.  The C library gets
blocks of that size from the system and returns them at once, and the system zeroes every page
again: measured with Lite, a fifth of all processor time.
"""

from __future__ import annotations

import ctypes
import logging
import sys

log = logging.getLogger(__name__)

KEPT_BLOCK = 256 * 2**20
"""Blocks of up to this number of bytes come from memory that the process already has."""
KEPT_FREE = 512 * 2**20
"""Bytes of free memory to keep.  More is returned to the system, so that one enormous photo does
not occupy memory forever."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h of the GNU C library


def keep_memory() -> bool:
    """Make this process keep freed memory.  Only the GNU C library (most of Linux) needs it.

    Returns:
        whether it was possible.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    kept = mallopt(_M_TRIM_THRESHOLD, KEPT_FREE) and mallopt(_M_MMAP_THRESHOLD, KEPT_BLOCK)
    if not kept:
        log.info("the C library refused to keep freed memory")
    return bool(kept)
