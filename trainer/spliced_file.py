"""A file made of pieces of another and of bytes (imports no torch)."""

from __future__ import annotations

import bisect
import os
from typing import BinaryIO

from trainer.bounded_reader import BoundedReader


class SplicedFile:
    """What Pillow uses of a file: ``read``, ``seek``, ``tell``.

    Args:
        file: open, seekable; its position is not kept.
    """

    def __init__(self, file: BinaryIO | BoundedReader) -> None:
        self._file = file
        self._starts: list[int] = []
        self._pieces: list[bytes | tuple[int, int]] = []
        self._size = 0
        self._place = 0

    def add(self, piece: bytes | tuple[int, int]) -> None:
        """Append bytes, or (start, length) of the file."""
        self._starts.append(self._size)
        self._pieces.append(piece)
        self._size += len(piece) if isinstance(piece, bytes) else piece[1]

    def read(self, count: int | None = -1, /) -> bytes:
        """As of a file; where the other file ends too early, so does this one."""
        left = max(0, self._size - self._place)
        count = left if count is None or count < 0 else min(count, left)
        number = bisect.bisect_right(self._starts, self._place) - 1
        found: list[bytes] = []
        while count and number < len(self._pieces):
            piece = self._pieces[number]
            skipped = self._place - self._starts[number]
            if isinstance(piece, bytes):
                data = piece[skipped : skipped + count]
                whole = True
            else:
                self._file.seek(piece[0] + skipped)
                asked = min(count, piece[1] - skipped)
                data = self._file.read(asked)
                whole = len(data) == asked
            found.append(data)
            self._place += len(data)
            count -= len(data)
            number += 1
            if not whole:
                break
        return b"".join(found)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def tell(self) -> int:
        return self._place

    def flush(self) -> None:
        """Nothing is written."""

    def close(self) -> None:
        """Whoever opened the file closes it."""
