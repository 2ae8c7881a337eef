"""The header of a plain JPEG, read at once (imports no torch).

Pillow reads a header in some fifty pieces, each through a bounded reader, and keeps tables of
which nobody asks who only wants size and metadata.  Most photos of a library are plain: what is
read here is what Pillow says of them, and of all others it is asked itself.
"""

from __future__ import annotations

from typing import Any

from PIL import Image

from trainer.damaged_metadata import LEAST_BYTES

_MOST_SEGMENTS = 64
_MOST_PIXELS = 100_000_000
_FREE_BYTES = 128 << 20
"""Every photo may take so much memory."""
_PIXEL_BYTES = 13
"""That decoding takes at most, with colours converted and turned upright."""
_DRAFT_SCALES = (8, 4, 2)

_SCAN, _QUANTIZATION, _COMMENT = 0xDA, 0xDB, 0xFE
_SKIPPED = frozenset((0xC4, 0xDD, _COMMENT))
"""Tables and comments, of which Pillow checks nothing."""
_FRAMES = (0xC0, 0xC1)
"""Of pictures in one pass."""
_APPLICATION = range(0xE0, 0xF0)
_EXIF, _XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
_PROFILE, _ONLY_PART = b"ICC_PROFILE\0", b"\1\1"
_PICTURES, _RESOURCES = b"MPF\0", b"Photoshop 3.0\0"
_MODES = {1: "L", 3: "RGB", 4: "CMYK"}


class PlainJpeg(Image.Image):
    """Size, mode, format and ``info`` as of an opened photo; it cannot be decoded.

    Of ``info`` there are ``exif``, ``xmp`` and ``icc_profile``.
    """

    format = "JPEG"

    def __init__(self, size: tuple[int, int], mode: str, info: dict[Any, Any]) -> None:
        super().__init__()
        self._size = size
        self._mode = mode
        self.info = info


class _NotPlainError(Exception):
    """Pillow is to read it."""


def plain_jpeg(data: bytes, *, at_least: int) -> PlainJpeg | None:
    """The header of a JPEG whose first scan has all of its colours, and whose metadata is sound and
    of the usual kinds; None of other files.

    Args:
        data: the file.
        at_least: of its shorter side, see :func:`trainer.photo.read_photo`: a photo of which
            decoding could take more memory than every photo may use is not plain.
    """
    if not data.startswith(b"\xff\xd8\xff"):
        return None
    try:
        return _image(*_header(data), at_least)
    except _NotPlainError:
        return None


def _header(data: bytes) -> tuple[bytes, dict[Any, Any]]:
    """The frame, and what is in ``info``.

    Raises:
        _NotPlainError: if anything is odd.
    """
    info: dict[Any, Any] = {}
    frame = b""
    place = 2
    for _ in range(_MOST_SEGMENTS):
        head = data[place : place + 4]
        _require(len(head) == 4 and head[0] == 0xFF)
        marker, length = head[1], (head[2] << 8) + head[3]
        start, end = place + 4, place + 2 + length
        _require(length >= 2 and end <= len(data))
        if marker == _SCAN:
            _require(len(frame) > 5 and length > 2 and data[start] >= frame[5])
            return frame, info
        if marker in _APPLICATION:
            _take(marker, data[start:end], info, first=not frame)
        elif marker in _FRAMES:
            _require(not frame and end - start > 5)
            frame = data[start:end]
        elif marker == _QUANTIZATION:
            _require(_are_tables(data[start:end]))
        else:
            _require(marker in _SKIPPED)
        place = end
    raise _NotPlainError


def _require(usual: bool) -> None:
    if not usual:
        raise _NotPlainError


def _take(marker: int, segment: bytes, info: dict[Any, Any], *, first: bool) -> None:
    """Put what a segment of an application says into ``info``; ``first``: it is before the frame.

    Raises:
        _NotPlainError: if it is damaged, or not of a usual kind.
    """
    _require(len(segment) >= LEAST_BYTES.get((marker, segment[:4]), 0))
    if marker == 0xE1:
        if segment.startswith(_EXIF):
            _require("exif" not in info)
            info["exif"] = segment
        elif segment.startswith(_XMP):
            info["xmp"] = segment[len(_XMP) :]
    elif segment.startswith(_PROFILE) and marker == 0xE2:
        _require(first and "icc_profile" not in info and segment[12:14] == _ONLY_PART)
        info["icc_profile"] = segment[14:]
    else:
        _require(not segment.startswith((_PICTURES, _RESOURCES)))


def _are_tables(segment: bytes) -> bool:
    """Whether tables of quantization are complete; of others Pillow gives up the photo."""
    place = 0
    while place < len(segment):
        place += 129 if segment[place] >> 4 else 65
    return place == len(segment)


def _image(frame: bytes, info: dict[Any, Any], at_least: int) -> PlainJpeg:
    """The header of a picture.

    Raises:
        _NotPlainError: if it is too large, not of 8 bits, or its EXIF is damaged.
    """
    height, width = (int.from_bytes(frame[at : at + 2], "big") for at in (1, 3))
    mode = _MODES.get(frame[5], "")
    _require(bool(mode) and frame[0] == 8 and len(frame) == 6 + 3 * frame[5])
    pixels = width * height
    _require(0 < pixels <= _MOST_PIXELS)
    most = min(width, height) // at_least
    scale = next((scale for scale in _DRAFT_SCALES if scale <= most), 1)
    _require(_PIXEL_BYTES * pixels <= _FREE_BYTES * scale**2)
    image = PlainJpeg((width, height), mode, info)
    try:
        image.getexif()
    except Exception as error:  # Pillow raises nearly anything on damaged metadata
        raise _NotPlainError from error
    return image
