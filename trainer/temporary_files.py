"""Names of files and folders that exist only while something is written (no torch).

One rule for all of them: ``.<name>.<host>-<process id>-<random>.lmpt-part``.  The name tells which
process made it, so that what a killed process left, and nothing else, can be removed by the next
one that writes there: :func:`sweep`.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import platform
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

log = logging.getLogger(__name__)

SUFFIX = ".lmpt-part"
REPLACED = "replaced"
"""In a temporary folder: what was where another folder goes.  :func:`sweep` leaves it alone."""
_MOST_NAME = 60
"""Characters of the target's name that are kept: names have at most 255 bytes."""
_NAME = re.compile(r"\..*\.([0-9a-f]{8})-(\d{1,10})-([0-9a-f]{12})\.lmpt-part", re.DOTALL)
_RUN = secrets.token_hex(3)
"""Begins the random part of names that this process makes: its number may have been used before."""


def _host() -> str:
    return hashlib.sha256(platform.node().encode("utf-8", "replace")).hexdigest()[:8]


def temporary_name(target: Path) -> Path:
    """A new name beside ``target`` for what is to take its place."""
    random = _RUN + secrets.token_hex(3)
    return target.with_name(f".{target.name[:_MOST_NAME]}.{_host()}-{os.getpid()}-{random}{SUFFIX}")


@contextlib.contextmanager
def temporary_folder(parent: Path, name: str) -> Iterator[Path]:
    """A new folder in ``parent``, removed with its contents after the block.

    Raises:
        OSError: if it cannot be made.
    """
    folder = temporary_name(parent / name)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def is_left_over(name: str) -> bool:
    """Whether a file or folder of this name was made by a process of ours that has ended.

    Those of another computer, which may be at work on the same share, are not.
    """
    found = _NAME.fullmatch(name)
    if found is None or found[1] != _host():
        return False
    process = int(found[2])
    if process == os.getpid():
        return not found[3].startswith(_RUN)
    import psutil  # noqa: PLC0415 - only where there is something left over

    return not psutil.pid_exists(process)


def sweep(*folders: Path) -> int:
    """Remove what ended processes have left in these folders, not in folders within them.

    Whatever cannot be listed or removed is left; links are not followed.

    Returns:
        How many files and folders were removed.
    """
    removed = 0
    for folder in folders:
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in list(entries):
                path = Path(entry.path)
                if is_left_over(entry.name) and not (path / REPLACED).exists() and remove(path):
                    removed += 1
    if removed:
        log.info("removed %d leftovers of ended processes", removed)
    return removed


def remove(path: Path) -> bool:
    """Remove a file or a whole folder; False, with a line in the log, where that fails."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError:
        log.info("could not remove %s", path, exc_info=True)
        return False
    return True
