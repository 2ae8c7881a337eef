"""Files that are written completely or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def atomic_write(path: Path) -> Iterator[TextIO]:
    """A UTF-8 text file that replaces ``path`` when the block ends, unless it raises.

    Raises:
        OSError: if the file cannot be written; what was at ``path`` is still there then.
    """
    with (
        _replacement(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        yield file


def atomic_write_bytes(path: Path, data: bytes) -> None:
    """Replace ``path`` by a file of ``data``.

    Raises:
        OSError: if the file cannot be written; what was at ``path`` is still there then.
    """
    with _replacement(path) as temporary:
        temporary.write_bytes(data)


@contextmanager
def _replacement(path: Path) -> Iterator[Path]:
    """An empty file beside ``path`` that takes its place when the block ends."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files that only their owner may read.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
