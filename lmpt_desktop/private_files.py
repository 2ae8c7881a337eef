"""Files and folders that only their owner can read (POSIX; elsewhere nothing is changed)."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

FOLDER_MODE = 0o700
FILE_MODE = 0o600


def make_private(path: Path) -> None:
    """Take everyone else's rights to an existing file or folder of ours away.

    What is not there, is a link, or belongs to another user is left as it is.
    """
    if os.name == "nt":
        return
    with contextlib.suppress(OSError, NotImplementedError):
        status = path.lstat()
        folder = stat.S_ISDIR(status.st_mode)
        if not (folder or stat.S_ISREG(status.st_mode)) or status.st_uid != os.geteuid():
            return
        if status.st_mode & stat.S_ISVTX:
            return  # for all users, like /tmp
        if stat.S_IMODE(status.st_mode) & 0o077:
            path.chmod(stat.S_IMODE(status.st_mode) & 0o700)


def make_private_folder(folder: Path) -> None:
    """Make a folder that only its owner can use, unless it exists; then it is made private.

    Raises:
        OSError: if it cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    make_private(folder)


def make_private_folders(place: Path, *names: str) -> Path:
    """Make a folder in ``place``, which must exist, one in that, and so on; returns the last.

    Raises:
        OSError: if one cannot be made, or ``place`` is not there.
    """
    for name in names:
        place = place / name
        place.mkdir(exist_ok=True, mode=FOLDER_MODE)
        make_private(place)
    return place


def create_private(path: Path) -> None:
    """Make an empty file that only its owner can read, unless there is one; then it is made
    private.  SQLite gives its log and its shared memory the permissions of their database.

    Raises:
        OSError: if it cannot be made.
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE))
    make_private(path)
