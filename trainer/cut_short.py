"""Photos whose end is missing: what is there is shown, up to a bound (imports no torch).

A download that was broken off, or a card that was pulled out, leaves most of a photo.  Browsers
show it; Pillow refuses it for a missing byte.
"""

from __future__ import annotations

import os
from typing import BinaryIO, TypeGuard, cast

from PIL import Image, ImageFile

from trainer.bounded_reader import BoundedReader
from trainer.photo_limits import in_scans, scans

MOST_MISSING = 0.5
"""A photo of which a larger share of rows is missing is refused."""

_JPEG_END = b"\xff\xd9"
_JPEG_SCAN = 0xDA
_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))
_MAX_SEGMENTS = 1 << 16
_MAX_CHUNKS = 1 << 18
_FIRST_TAIL_BYTES, _TAIL_BYTES = 1 << 10, 1 << 20
_BY_ROWS = ("JPEG", "MPO", "PNG", "TIFF", "PPM")
"""Formats of which Pillow has decoded the rows that are there, from the top."""
_GREYS: dict[str, tuple[int, ...]] = {
    "L": (128,),
    "LA": (128, 255),
    "RGB": (128, 128, 128),
    "RGBA": (128, 128, 128, 255),
}
_STRIP_ROWS = 64


def is_cut_short(file: BinaryIO | BoundedReader) -> bool:
    """Whether the end of a photo is missing, as far as its container says where it ends.

    Of JPEG, PNG and WebP; nothing is decoded.

    Args:
        file: open, seekable; its position is not kept.

    Raises:
        OSError: if it cannot be read.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(12)
    if head[:3] == b"\xff\xd8\xff":
        return _has_no_end(file, size)
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return _has_no_last_chunk(file, size)
    if head[:4] == b"RIFF" and head[8:] == b"WEBP":
        return int.from_bytes(head[4:8], "little") + 8 > size
    return False


def load(image: Image.Image) -> None:
    """Decode an opened photo; rows that are missing at its end become grey.

    Raises:
        OSError, SyntaxError: if more than :data:`MOST_MISSING` of it is missing, or it is damaged
            otherwise.
        Exception: of any kind, as ``image.load`` does.
    """
    format_, size = image.format, image.size
    try:
        image.load()
    except (OSError, SyntaxError) as error:
        by_rows = format_ in _BY_ROWS and not image.info.get("interlace")
        from_system = getattr(error, "errno", None) is not None
        if from_system or not by_rows or not _has_begun(image):
            raise
        if format_ in ("JPEG", "MPO"):
            _load_jpeg(image, size)
            return
        image.tile = []
        first = _first_missing(image)
        if image.height - first > MOST_MISSING * image.height:
            raise
        if grey := _GREYS.get(image.mode):
            image.paste(grey, (0, first, image.width, image.height))


def _has_begun(image: Image.Image) -> TypeGuard[ImageFile.ImageFile]:
    """Whether some of its rows may have been decoded."""
    return isinstance(image, ImageFile.ImageFile) and getattr(image, "_im", None) is not None


def _load_jpeg(image: ImageFile.ImageFile, size: tuple[int, int]) -> None:
    """The decoder fills up what is missing once it is told that the file ends; ``size`` is that
    at which it decodes."""
    refused = OSError("image file is truncated")
    file = cast(BinaryIO, image.fp)
    if in_scans(image, file):
        # The first scan of a progressive JPEG is the whole photo, coarsely.
        whole = bool(image.info.get("progressive")) and scans(file) >= 2
        missing = 0.0 if whole else 1.0
    else:
        image.tile = []
        missing = 1 - _first_missing(image) / image.height
    if missing > MOST_MISSING:
        raise refused
    image.im = Image.new(image.mode, (1, 1)).im  # two would take twice the memory
    with Image.open(cast(BinaryIO, _Ended(file)), formats=("JPEG",)) as again:
        if again.size != size:
            again.draft(None, size)
        if again.size != size:
            raise refused
        again.load()
        image.tile = []
        image.im = again.im


def _first_missing(image: Image.Image) -> int:
    """Number of the row from which on nothing was decoded."""
    for bottom in range(image.height, 0, -_STRIP_ROWS):
        top = max(0, bottom - _STRIP_ROWS)
        strip = image.crop((0, top, image.width, bottom))
        # The fourth byte of a pixel that was decoded is not 0, even if it is black.
        data = strip.tobytes("raw", "RGBX") if image.mode == "RGB" else strip.tobytes()
        row_bytes = len(data) // (bottom - top)
        if kept := len(data.rstrip(b"\0")):
            return top + -(-kept // row_bytes)
    return 0


class _Ended:
    """A JPEG with an end mark behind its last byte."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = file.seek(0, os.SEEK_END)
        self._place = 0

    def read(self, count: int = -1, /) -> bytes:
        self._file.seek(min(self._place, self._size))
        left = max(0, self._size + len(_JPEG_END) - self._place)
        data = self._file.read(left if count < 0 else min(count, left))
        wanted = left if count < 0 else min(count, left)
        if len(data) < wanted:
            behind = self._place + len(data) - self._size
            data += _JPEG_END[behind : behind + wanted - len(data)]
        self._place += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {
            os.SEEK_SET: 0,
            os.SEEK_CUR: self._place,
            os.SEEK_END: self._size + len(_JPEG_END),
        }[whence]
        self._place = max(0, base + offset)
        return self._place

    def tell(self) -> int:
        return self._place

    def flush(self) -> None:
        """Nothing is written."""

    def close(self) -> None:
        """Whoever opened the file closes it."""


# ---------------------------------------------------------------------------- containers


def _has_no_end(file: BinaryIO | BoundedReader, size: int) -> bool:
    """Of a JPEG: within data, FF is never followed by D9; a thumbnail in the metadata has an end
    of its own."""
    place = 2
    for _ in range(_MAX_SEGMENTS):
        file.seek(place)
        head = file.read(4)
        if len(head) < 4:
            return True
        if head[0] != 0xFF or head[1] in (0x00, 0xFF):
            place += 1
        elif head[1] == _JPEG_SCAN:
            break
        elif head[1] in _ALONE:
            place += 2
        else:
            place += 2 + max(2, int.from_bytes(head[2:], "big"))
    end, last, length = size, b"", _FIRST_TAIL_BYTES
    while end > place:
        start = max(place, end - length)
        file.seek(start)
        block = file.read(end - start)
        # From the end, where it nearly always is.
        if (block + last).rfind(_JPEG_END) >= 0:
            return False
        last, end, length = block[:1], start, _TAIL_BYTES
    return True


def _has_no_last_chunk(file: BinaryIO | BoundedReader, size: int) -> bool:
    """Of a PNG; not known, and so not, if it has very many chunks."""
    place = 8
    for _ in range(_MAX_CHUNKS):
        if place + 12 > size:
            return True
        file.seek(place)
        head = file.read(8)
        if head[4:] == b"IEND":
            return False
        place += 12 + int.from_bytes(head[:4], "big")
    return False
