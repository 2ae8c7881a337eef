"""Where a process writes its stacks if it crashes in C code (no torch).

The app and its trainer processes each open a file of their own, which stays empty; Python's
faulthandler writes into it when the system ends the process for a fault.  A file whose process is
gone tells, by whether it is empty, whether that crashed or was merely killed.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
from pathlib import Path
from typing import TextIO

FOLDER_VARIABLE = "LMPT_CRASH_FOLDER"
"""The app tells its trainer processes by this where to write."""
PATTERN = "crash-*-*.txt"
SEEN = ".seen"
MAX_SEEN = 5

_open: list[tuple[Path, TextIO]] = []


def watch(folder: Path, name: str) -> None:
    """Write stacks into a file in ``folder`` if this process crashes; without one if it cannot be
    made."""
    path = folder / f"crash-{name}-{os.getpid()}.txt"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError:
        return
    file = os.fdopen(descriptor, "w")
    faulthandler.enable(file)
    _open.append((path, file))


def watch_as_told(name: str) -> None:
    """The same in the folder that the parent has named, if it has."""
    if folder := os.environ.get(FOLDER_VARIABLE):
        watch(Path(folder), name)


def end() -> None:
    """Stop watching, and remove this process's file: it ends in order."""
    while _open:
        path, file = _open.pop()
        faulthandler.disable()
        file.close()
        with contextlib.suppress(OSError):
            path.unlink()


def new(folder: Path) -> list[Path]:
    """Files of processes that have crashed and were not marked by :func:`mark_seen`, the newest
    first.  Those of processes that were killed are removed."""
    found = []
    for path in folder.glob(PATTERN):
        with contextlib.suppress(OSError):
            if _runs(path):
                continue
            if path.stat().st_size:
                found.append(path)
            else:
                path.unlink()
    return _newest_first(found)


def seen(folder: Path) -> list[Path]:
    """Files that were marked, the newest first."""
    return _newest_first(list(folder.glob(PATTERN + SEEN)))


def mark_seen(folder: Path) -> list[Path]:
    """Not to offer a report of the same crash twice; only the newest few are kept.

    Returns:
        What :func:`new` found, under the names from before: a crash in the meantime is for the
        next call.
    """
    found = new(folder)
    for path in found:
        with contextlib.suppress(OSError):
            path.replace(path.with_name(path.name + SEEN))
    for path in seen(folder)[MAX_SEEN:]:
        with contextlib.suppress(OSError):
            path.unlink()
    return found


def _newest_first(paths: list[Path]) -> list[Path]:
    def age(path: Path) -> float:
        try:
            return -path.stat().st_mtime
        except OSError:
            return 0.0

    return sorted(paths, key=age)


def _runs(path: Path) -> bool:
    """Whether the process of a file still runs; also while another has its number."""
    number = path.name.removesuffix(SEEN).removesuffix(".txt").rpartition("-")[2]
    if not number.isdigit():
        return False
    import psutil  # noqa: PLC0415 - not needed to open a window

    return psutil.pid_exists(int(number))
