"""A file that is read only within bounds, whatever its header announces (imports no torch)."""

from __future__ import annotations

import os
from typing import BinaryIO

READ_BYTES = 128 << 20
"""At once: decoders of AVIF, HEIF and WebP read the whole file, and some headers name a length."""
OPENING_BYTES = 128 << 20
"""Altogether until the photo is open: metadata may be repeated without end."""


class TooLongError(Exception):
    """More of a file was to be read than a photo needs."""


class BoundedReader:
    """What Pillow uses of a file: ``read``, ``seek``, ``tell``, ``fileno``.

    Args:
        file: open, seekable.
        size: its length in bytes.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self._left: int | None = OPENING_BYTES

    def opened(self) -> None:
        """The photo is open: from now on only a single read is bounded."""
        self._left = None

    def read(self, count: int | None = -1, /) -> bytes:
        """As of a file.

        Raises:
            TooLongError: if it is more than a bound.
        """
        # Called some fifty times for each file of a scan: no calls of Python's own.
        left = self._size - self._file.tell()
        left = max(left, 0)
        asked = left if count is None or not 0 <= count <= left else count
        if asked > READ_BYTES:
            raise TooLongError
        if self._left is not None:
            self._left -= asked
            if self._left < 0:
                raise TooLongError
        return self._file.read(asked)

    def readline(self, limit: int = -1, /) -> bytes:
        """As of a file, but no more than a bound."""
        return self._file.readline(READ_BYTES if limit < 0 else min(limit, READ_BYTES))

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def fileno(self) -> int:
        return self._file.fileno()

    def flush(self) -> None:
        """Nothing is written."""

    def close(self) -> None:
        """Whoever opened the file closes it."""
