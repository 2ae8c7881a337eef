"""Files whose content is not on this disk but in a cloud or on tape.

Reading one fetches it, so the scan does not.  Windows and macOS mark such files.  Linux has no
mark; there, a file with a size that occupies no space on its disk counts as one (archives that
move files to tape show them like this, and a sparse file without data is no photo either), unless
its file system does not report occupied space.
"""

from __future__ import annotations

import logging
import os
import stat
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

_RECALL_ON_OPEN = 0x00040000
_RECALL_ON_DATA_ACCESS = 0x00400000
_WINDOWS_MARKS = stat.FILE_ATTRIBUTE_OFFLINE | _RECALL_ON_OPEN | _RECALL_ON_DATA_ACCESS
_MAC_DATALESS = 0x40000000
_INLINE_BYTES = 4096
"""Smaller files may be stored in the file system's own tables, where they occupy no blocks."""

_NO_BLOCK_COUNTS = ("fuse", "9p", "nfs", "cifs", "smb", "vboxsf", "prl_fs", "davfs", "afs", "ceph")
"""Prefixes of file systems that may report no blocks for files with content."""


def is_placeholder(status: os.stat_result) -> bool:
    """Whether reading the file would fetch it from elsewhere, judging by ``status``."""
    marks: Any = status
    if attributes := getattr(marks, "st_file_attributes", 0):
        return bool(attributes & _WINDOWS_MARKS)
    if getattr(marks, "st_flags", 0) & _MAC_DATALESS:
        return True
    if status.st_size < _INLINE_BYTES or getattr(marks, "st_blocks", 1) != 0:
        return False
    return sys.platform.startswith("linux") and not file_system(status.st_dev).startswith(
        _NO_BLOCK_COUNTS
    )


@lru_cache(maxsize=64)
def file_system(device: int) -> str:
    """Type of the file system with this device number ("ext4"); "" if unknown."""
    if sys.platform == "win32":
        return ""
    requested = f"{os.major(device)}:{os.minor(device)}"
    try:
        text = Path("/proc/self/mountinfo").read_text(errors="replace")
    except OSError:
        return ""
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) > 2 and fields[2] == requested and after:
            return after.split()[0]
    return ""
