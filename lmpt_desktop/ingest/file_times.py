"""Times of files, as the catalogue can keep them."""

from __future__ import annotations

import os
from pathlib import Path

_LOWEST, _HIGHEST = -(2**63), 2**63 - 1


def clamped(nanoseconds: int) -> int:
    """A time that fits into 64 bits: file systems know years beyond 2262, SQLite does not."""
    if _LOWEST <= nanoseconds <= _HIGHEST:
        return nanoseconds
    return _LOWEST if nanoseconds < 0 else _HIGHEST


def mtime_ns(status: os.stat_result) -> int:
    """When the content was last changed: nanoseconds since 1970."""
    return clamped(status.st_mtime_ns)


def ctime_ns(status: os.stat_result) -> int:
    """When content or attributes were last changed; 0 on Windows, where it is the creation."""
    return 0 if os.name == "nt" else clamped(status.st_ctime_ns)


def is_unchanged(path: Path, size: int, modified: int) -> bool:
    """Whether a file still has the size and time (ns) that a scan found.  True, too, if it is gone:
    then there is nothing else that it could be."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return True
    return (status.st_size, mtime_ns(status)) == (size, modified)
