"""Photos whose end is missing: what is there is shown, up to a bound (imports no torch).

A download that was broken off, or a card that was pulled out, leaves most of a photo.  Browsers
show it; Pillow refuses it for a missing byte.
"""

from __future__ import annotations

import os
from typing import BinaryIO, TypeGuard, cast

from PIL import Image, ImageFile

from trainer.photo_limits import in_scans, scans

MOST_MISSING = 0.5
"""A photo of which a larger share of rows is missing is refused."""

_JPEG_END = b"\xff\xd9"
_BY_ROWS = ("JPEG", "MPO", "PNG", "TIFF", "PPM")
"""Formats of which Pillow has decoded the rows that are there, from the top."""
_NOT_BY_ROWS = (("TIFF", "LAB"), ("PPM", "F"))
"""Pixels of Lab that were not decoded look like others, and those of floats come from below."""
_GREYS: dict[str, tuple[int, ...]] = {
    "L": (128,),
    "LA": (128, 255),
    "RGB": (128, 128, 128),
    "RGBA": (128, 128, 128, 255),
}
_STRIP_ROWS = 64


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
        by_rows &= (format_, image.mode) not in _NOT_BY_ROWS
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
