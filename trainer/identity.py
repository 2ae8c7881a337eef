"""What a photo file is: the file, the picture in it, and how that is shown (imports no torch)."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import BinaryIO

import xxhash
from PIL import Image

from trainer.photo import UnreadablePhoto, opened_photo, orientation
from trainer.picture_hash import picture_data

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


def how_shown(image: Image.Image) -> tuple[int, bytes]:
    """Orientation (EXIF's, 1 to 8) and colour profile (b"" if there is none) of an opened photo, as
    :func:`read_identity` takes them."""
    # Of a PNG the profile may have been made from gAMA and cHRM, which change how it is shown, too.
    profile = image.info.get("icc_profile") or image.info.get("made_profile")
    return orientation(image), profile if isinstance(profile, bytes) else b""


def photo_identity(file: BinaryIO, size: int) -> tuple[Identity, str]:
    """What an open file of this size is, and why it is no photo that can be opened ("" if it is);
    its pixels are not decoded.

    Raises:
        OSError: if the file cannot be read.
    """
    content = in_memory(file, size)
    turned, profile, reason = 1, b"", ""
    try:
        with opened_photo(content, pixels=False) as image:
            turned, profile = how_shown(image)
    except UnreadablePhoto as error:
        reason = error.reason
    return read_identity(content, size, turned, profile), reason


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
