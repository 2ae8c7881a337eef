"""Whether files are gone, or only their disk.

A folder that does not exist was deleted or moved, or the disk it was on is not connected.  In the
second case nothing is known of its photos, and their annotations stay with them.
"""

from __future__ import annotations

import os
from pathlib import Path

from lmpt_desktop.domain.records import Folder


def is_reachable(folder: Folder) -> bool:
    """Whether a file of ``folder`` that is not found is really gone.

    Where a disk is not connected, the place where it was mounted is an empty folder of another file
    system, or does not exist, nor may the folders around it.
    """
    parent = folder.path.parent
    try:
        if folder.path.is_dir():
            same = folder.device is None or device_of(folder.path) in (None, folder.device)
            return same or _has_entries(folder.path)
        if folder.device is None:
            return parent.is_dir()
        return device_of(_nearest(parent)) == folder.device
    except (OSError, ValueError):
        return False


def device_of(path: Path) -> int | None:
    """Number of the file system that ``path`` is on; None if it cannot be found out.

    Limited to what the catalogue can store: Windows has numbers of 64 bits without a sign.
    """
    try:
        device = path.stat().st_dev
    except (OSError, ValueError):
        return None
    return device if device < 2**63 else None


def _has_entries(path: Path) -> bool:
    with os.scandir(path) as entries:
        return any(True for _entry in entries)


def _nearest(path: Path) -> Path:
    """The nearest existing folder, ``path`` or around it."""
    while not path.is_dir() and path != path.parent:
        path = path.parent
    return path
