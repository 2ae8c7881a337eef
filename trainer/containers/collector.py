"""What a container's parser reads from and hands the picture to."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import BinaryIO

import xxhash

BLOCK_BYTES = 256 * 1024
"""Read at once, at most."""
_FIRST_BLOCK_BYTES = 64
_SPARE_BYTES = 1 << 20


class DamagedError(Exception):
    """The structure of a file is not what its container prescribes."""


class Collector:
    """Random access to a file, and the digests of what a parser finds in it.

    Everything read counts: after four times the file's size there is a :class:`DamagedError`, so
    that lengths and offsets that point at the same bytes again and again cost no time.

    Args:
        file: open, seekable.
        size: its length in bytes.
        kind: of the container; the same data in another container is another picture.

    Attributes:
        size: length of the file.
        picture: digest of the compressed picture.
        shown: digest of properties that change how the picture is shown.
    """

    def __init__(self, file: BinaryIO, size: int, kind: str) -> None:
        self.size = size
        self.picture = xxhash.xxh3_128(kind.encode() + b"\0")
        self.shown = xxhash.xxh3_128()
        self._file = file
        self._memory = file.getbuffer() if isinstance(file, io.BytesIO) else None
        self._left = 4 * size + _SPARE_BYTES

    def at(self, start: int, count: int) -> bytes:
        """``count`` bytes from ``start``.

        Raises:
            DamagedError: if the file does not have them.
        """
        return bytes(self._piece(start, count))

    def number(self, start: int, count: int) -> int:
        """A big-endian number of ``count`` bytes."""
        return int.from_bytes(self.at(start, count), "big")

    def growing_blocks(self, start: int) -> Iterator[tuple[int, bytes | memoryview]]:
        """(place, bytes) from ``start`` to the end, small blocks first: for what ends soon."""
        length = _FIRST_BLOCK_BYTES
        while start < self.size:
            block = self._piece(start, min(length, self.size - start))
            yield start, block
            start += len(block)
            length = min(2 * length, BLOCK_BYTES)

    def starts_with(self, start: int, beginning: re.Pattern[bytes]) -> bool:
        """Whether the bytes from ``start`` match; counts as the first of :meth:`growing_blocks`.

        Only of a file in memory; of others False.

        Raises:
            DamagedError: if more was read than a file needs.
        """
        if self._memory is None or beginning.match(self._memory, start) is None:
            return False
        self._piece(start, min(_FIRST_BLOCK_BYTES, self.size - start))
        return True

    def keep(self, data: bytes) -> None:
        """Add a part of known length to the picture, such as a header."""
        self.picture.update(len(data).to_bytes(8, "little") + data)

    def keep_range(self, start: int, stop: int) -> None:
        """Add bytes of the file to the picture; ranges in a row are one piece of data.

        Raises:
            DamagedError: if the file does not have them.
        """
        for block in self.blocks(start, stop):
            self.picture.update(block)

    def keep_part(self, kind: bytes, start: int, stop: int) -> None:
        """Add bytes of the file to the picture as a part of its own.

        Raises:
            DamagedError: if the file does not have them.
        """
        self.keep(kind + (stop - start).to_bytes(8, "little", signed=True))
        self.keep_range(start, stop)

    def show(self, data: bytes) -> None:
        """Add a property that changes how the picture is shown."""
        self.shown.update(len(data).to_bytes(8, "little") + data)

    def blocks(self, start: int, stop: int) -> Iterator[bytes | memoryview]:
        """The bytes from ``start`` to ``stop``, a block at a time.

        Raises:
            DamagedError: if the file does not have them.
        """
        if not 0 <= start <= stop <= self.size:
            raise DamagedError("beyond the end")
        while start < stop:
            block = self._piece(start, min(BLOCK_BYTES, stop - start))
            start += len(block)
            yield block

    def _piece(self, start: int, count: int) -> bytes | memoryview:
        if not 0 <= start <= start + count <= self.size:
            raise DamagedError("beyond the end")
        self._left -= count
        if self._left < 0:
            raise DamagedError("more parts than the file can hold")
        if self._memory is not None:
            data = self._memory[start : start + count]
        else:
            self._file.seek(start)
            data = self._file.read(count)
        if len(data) != count:
            raise DamagedError("cut short")
        return data
