"""Files that are written completely or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from lmpt_desktop.interchange.protected_files import is_photo_or_side_file
from lmpt_desktop.translation import _
from trainer.temporary_files import sweep, temporary_name


@contextmanager
def atomic_write(path: Path) -> Iterator[TextIO]:
    """A UTF-8 text file that replaces ``path`` when the block ends, unless it raises.

    Raises:
        OSError: if the file cannot be written, or a photo or its side file is there; what was at
            ``path`` is still there then.
    """
    if is_photo_or_side_file(path) and path.exists():
        reason = _("a photo or its side file is never replaced")
        raise PermissionError(errno.EPERM, reason, str(path))
    sweep(path.parent)
    with (
        _replacement(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        yield file


def atomic_write_bytes(
    path: Path,
    data: bytes,
    *,
    mode: int | None = None,
    last_look: Callable[[], None] | None = None,
) -> None:
    """Replace ``path`` by a file of ``data``.

    Args:
        path: the file.
        data: all of its bytes.
        mode: its permissions; None for those of a new file.
        last_look: called when all is written, right before the file takes its place; what it
            raises keeps what is at ``path``.

    Raises:
        OSError: if the file cannot be written; what was at ``path`` is still there then.
    """
    with _complete(path) as temporary:
        temporary.write_bytes(data)
        if mode is not None:
            temporary.chmod(mode)
        if last_look is not None:
            last_look()
        temporary.replace(path)


def create_bytes(path: Path, data: bytes) -> None:
    """Make a file of ``data`` where there is none.

    Raises:
        FileExistsError: if there is something by now; it is left alone.
        OSError: if the file cannot be written.
    """
    with _complete(path) as temporary:
        temporary.write_bytes(data)
        try:
            # Unlike a rename it fails if the name is taken.
            os.link(temporary, path)
        except FileExistsError:
            raise
        except OSError:
            # A disk without hard links (FAT, some shares).
            _create(path, data)


def _create(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        try:
            file.write(data)
            file.flush()
        except OSError:
            path.unlink(missing_ok=True)
            raise


@contextmanager
def _replacement(path: Path) -> Iterator[Path]:
    """An empty file beside ``path`` that takes its place when the block ends."""
    with _complete(path) as temporary:
        yield temporary
        temporary.replace(path)


@contextmanager
def _complete(path: Path) -> Iterator[Path]:
    """An empty file beside ``path``, gone after the block unless it was moved by then."""
    temporary = _new_file(path)
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _new_file(path: Path) -> Path:
    """An empty file beside ``path`` with the permissions of any new file, unlike mkstemp's.

    Asking for the umask would mean to change it, for all threads.
    """
    temporary = temporary_name(path)
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    return temporary
