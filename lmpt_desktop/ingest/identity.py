"""What a photo file is: the file, the picture in it, and how that is shown."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import BinaryIO

import xxhash

from lmpt_desktop.ingest.picture_hash import picture_data

IN_MEMORY_BYTES = 64 * 1024 * 1024
"""Files up to this size are read once, whole; from larger ones, parts are read again."""
_BLOCK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Identity:
    """Three levels of "the same"; each 32 hexadecimal digits, or "" for an empty file.

    Attributes:
        file_hash: of all bytes.
        picture_hash: of the compressed picture without metadata; the file's where there is none
            (see :mod:`.picture_hash`).
        rendering: of what changes how the picture is shown; "" where the file is the picture.
    """

    file_hash: str
    picture_hash: str
    rendering: str

    @property
    def fingerprint(self) -> str:
        """Of the picture as shown: names its thumbnail and its feature."""
        if not self.rendering:
            return self.picture_hash
        return xxhash.xxh3_128_hexdigest(f"{self.picture_hash} {self.rendering}".encode())


NO_CONTENT = Identity("", "", "")
"""Of an empty file, and of one that could not be read."""


def read_identity(
    file: BinaryIO, size: int, orientation: int = 1, icc_profile: bytes = b""
) -> Identity:
    """Read a file and say what it is, without decoding the picture.

    Args:
        file: open, seekable; its position is not kept.
        size: its length in bytes.
        orientation: EXIF's, 1 to 8.
        icc_profile: b"" if there is none.

    Raises:
        OSError: if the file cannot be read.
    """
    if not size:
        return NO_CONTENT
    file_hash = _file_hash(file, size)
    data = picture_data(file, size)
    if data is None:
        return Identity(file_hash, file_hash, "")
    shown = f"{orientation} {data.shown} ".encode() + icc_profile
    return Identity(file_hash, data.picture_hash, xxhash.xxh3_128_hexdigest(shown))


def in_memory(file: BinaryIO, size: int) -> BinaryIO:
    """The file's content in memory; ``file`` itself if it is large.

    Raises:
        OSError: if the file cannot be read.
    """
    file.seek(0)
    return io.BytesIO(file.read(size)) if size <= IN_MEMORY_BYTES else file


def _file_hash(file: BinaryIO, size: int) -> str:
    if isinstance(file, io.BytesIO):
        return xxhash.xxh3_128_hexdigest(file.getbuffer())
    digest = xxhash.xxh3_128()
    file.seek(0)
    # No further than its size, because a file may grow while it is read.
    while block := file.read(min(_BLOCK_BYTES, size)):
        digest.update(block)
        size -= len(block)
    return digest.hexdigest()
