"""How a cache beside the catalogue is written: whole, or not at all."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path

from trainer.temporary_files import temporary_name


@contextlib.contextmanager
def new_cache(path: Path) -> Iterator[io.BufferedRandom]:
    """An empty file that takes the place of ``path`` at the end of the block; what has its name is
    complete, also after the power has failed.

    Raises:
        OSError: if it cannot be written, or not take its place.
    """
    part = temporary_name(path)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(part, flags, 0o600), "r+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
