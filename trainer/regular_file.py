"""Open regular files and nothing else, whatever bears their name (imports no torch)."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

# Nonblocking: opening a pipe that nobody writes to would wait for ever.
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOINHERIT", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)


class NotAFileError(OSError):
    """A folder, pipe, socket or device: reading it could wait for ever, or never end."""


class BadNameError(OSError):
    """A name that no file can have (a NUL in it)."""


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading; links are followed.

    Returns at once, whatever is there, and whatever takes its place meanwhile.

    Raises:
        NotAFileError: if it is something else than a file.
        BadNameError: if the name cannot be one.
        OSError: if it cannot be opened for another reason.
    """
    try:
        status = path.stat()
    except ValueError as error:
        raise BadNameError(str(error)) from error
    # Asked before, because to open a device or the end of a pipe can have effects of its own.
    _require_regular(status, path)
    descriptor = os.open(path, _FLAGS)
    try:
        # Asked again, because another file may have taken its place.
        _require_regular(os.fstat(descriptor), path)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _require_regular(status: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise NotAFileError(f"not a file: {path!s}")
