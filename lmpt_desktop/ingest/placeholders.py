"""Files whose content is elsewhere: in a cloud, or on the tape behind a disk.

Reading one fetches it, so the scan does not.  Windows and macOS mark such files.  Elsewhere
there is no mark; there, a file of some size that takes no space on its disk is one (archives
that move files to tape show them so, and a file that is nothing but a hole is no photo either),
unless it lies on a file system that does not count space at all.
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
"""Smaller files may lie within the disk's own lists, which costs no space."""

_UNCOUNTED = ("fuse", "9p", "nfs", "cifs", "smb", "vboxsf", "prl_fs", "davfs", "afs", "ceph")
"""Beginnings of names of file systems that may report no space for files that take some."""


def is_placeholder(status: os.stat_result) -> bool:
    """Whether reading the file would fetch it from elsewhere; ``status`` is enough to tell."""
    marks: Any = status
    if attributes := getattr(marks, "st_file_attributes", 0):
        return bool(attributes & _WINDOWS_MARKS)
    if getattr(marks, "st_flags", 0) & _MAC_DATALESS:
        return True
    if status.st_size < _INLINE_BYTES or getattr(marks, "st_blocks", 1) != 0:
        return False
    return sys.platform.startswith("linux") and not _kind_of(status.st_dev).startswith(_UNCOUNTED)


@lru_cache(maxsize=64)
def _kind_of(device: int) -> str:
    """Name of the file system with this device number ("ext4"); "" if it is not known."""
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        text = Path("/proc/self/mountinfo").read_text(errors="replace")
    except OSError:
        return ""
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) > 2 and fields[2] == wanted and after:
            return after.split()[0]
    return ""
