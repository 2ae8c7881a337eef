"""How the encoder's memory is kept between batches (imports no torch).

A batch of 260-pixel photos makes intermediate results of 50 MB each, dozens of times.  The C
library takes blocks of that size from the system and gives them back at once, and the system
fills every page with zeros again: measured with Lite, a fifth of all processor time.
"""

from __future__ import annotations

import ctypes
import logging
import sys

log = logging.getLogger(__name__)

KEPT_BLOCK = 256 * 2**20
"""Blocks up to this many bytes are taken from memory the process already has."""
KEPT_FREE = 512 * 2**20
"""So many bytes of free memory are kept; what is beyond goes back to the system, since one
enormous photo must not stay in memory for good."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h of the GNU C library


def keep_memory() -> bool:
    """Have this process keep freed memory for its next batch; whether that could be done.

    Only the GNU C library (most of Linux) needs it and knows how.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    kept = mallopt(_M_TRIM_THRESHOLD, KEPT_FREE) and mallopt(_M_MMAP_THRESHOLD, KEPT_BLOCK)
    if not kept:
        log.info("the C library does not let memory be kept")
    return bool(kept)
