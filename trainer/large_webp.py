"""WebP photos of many pixels, as a format of Pillow's (imports no torch).

Pillow's own reader is made for animations: it holds two canvases and a copy of the first frame, 17
bytes per pixel altogether.  A still picture, or a first frame, decoded by itself takes half of
that, and less where a smaller one is enough.  Small photos, and animations whose first frame does
not cover them, are left to Pillow.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from PIL import Image, ImageFile

from trainer.strips import LARGE_PIXELS, reduced_pixels

FORMAT = "LARGE_WEBP"

_LOSSY_BYTES, _ALPHA_BYTES, _LOSSLESS_BYTES = 0.5, 2.5, 5.0
"""Per pixel, of libwebp 1.6 beside the pixels it gives; measured: 0.1, 2.1 and 4.6."""
_MAX_CHUNKS = 1 << 10
_MAX_METADATA = 16 << 20
_HAS_ALPHA = 0x10
_FRAME_HEAD = 16
"""Bytes of an animation's frame before its chunks."""
_METADATA = {b"ICCP": "icc_profile", b"EXIF": "exif", b"XMP ": "xmp"}


@dataclass(frozen=True)
class _Header:
    width: int
    height: int
    alpha: bool
    lossless: bool
    metadata: dict[str, tuple[int, int]]
    """Where each block is, and its length."""
    frame: tuple[int, int] | None = None
    """The same of the chunks of an animation's first frame."""


class LargeWebpImageFile(ImageFile.ImageFile):
    """The first picture of a WebP of more than :data:`trainer.strips.LARGE_PIXELS`."""

    format = "WEBP"

    def _open(self) -> None:
        header = _large_picture(self._file)
        if header is None:
            raise SyntaxError("not a large WebP")
        self._header = header
        # A frame is copied once more, behind a header of its own.
        frame = header.frame
        self._length = 2 * frame[1] if frame else self._file.seek(0, io.SEEK_END)
        self._mode = "RGBA" if header.alpha else "RGB"
        self._size = (header.width, header.height)
        self._divisor = 1
        for name, (place, length) in header.metadata.items():
            self._file.seek(place)
            self.info[name] = self._file.read(length)

    def draft(
        self, mode: str | None, size: tuple[int, int] | None
    ) -> tuple[str, tuple[int, int, float, float]] | None:
        """Reduce while it is loaded; ``size`` is the least that is needed."""
        del mode
        if size is not None and self._im is None:
            self._divisor = max(1, min(self.size) // max(1, min(size)))
            width, height = self.size
            self._size = (-(-width // self._divisor), -(-height // self._divisor))
        return None

    def needed_bytes(self, at_least: int | None) -> float:
        """Memory that loading takes, with the picture, if it is drafted so."""
        header = self._header
        given, codec = 3.0, _LOSSLESS_BYTES if header.lossless else _LOSSY_BYTES
        if header.alpha:
            given, codec = 4.0, max(codec, _ALPHA_BYTES)
        divisor = 1 if at_least is None else max(1, min(self.size) // max(1, at_least))
        pixels = header.width * header.height
        made = 4.0 / divisor**2
        # A second picture is made of the first when its colours are converted, or it is turned.
        return self._length + pixels * max(given + max(codec, made), 2 * made)

    def load(self) -> Any:
        """Decode it; see Pillow's."""
        if self._im is None:
            import imagecodecs  # noqa: PLC0415 (slow to import, and only for pixels)

            pixels = imagecodecs.webp_decode(self._picture(), hasalpha=self._header.alpha)
            header = self._header
            channels = len(self.mode)
            if pixels.shape != (header.height, header.width, channels):
                raise SyntaxError("another size than its header says")
            made = reduced_pixels(
                memoryview(cast(bytes, pixels)).cast("B"),
                self.mode,
                (header.width, header.height),
                header.width * channels,
                self._divisor,
            )
            self.im, self._mode, self._size = made.im, made.mode, made.size
        return super().load()

    def _picture(self) -> bytes:
        """A file of the picture alone."""
        header = self._header
        if header.frame is None:
            self._file.seek(0)
            return self._file.read(self._length)
        place, length = header.frame
        self._file.seek(place)
        canvas = (header.width - 1).to_bytes(3, "little") + (header.height - 1).to_bytes(
            3, "little"
        )
        flags = bytes([_HAS_ALPHA if header.alpha else 0, 0, 0, 0])
        body = b"WEBPVP8X" + (10).to_bytes(4, "little") + flags + canvas + self._file.read(length)
        return b"RIFF" + len(body).to_bytes(4, "little") + body

    @property
    def _file(self) -> Any:
        assert self.fp is not None
        return self.fp


def is_large_webp(file: BinaryIO) -> bool:
    """Whether :class:`LargeWebpImageFile` opens it.

    Args:
        file: open, seekable; its position is kept.
    """
    place = file.tell()
    found = _large_picture(file)
    file.seek(place)
    return found is not None


def _large_picture(file: BinaryIO) -> _Header | None:
    """The header; None for every other file, and one whose sizes disagree."""
    file.seek(0)
    head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WEBP":
        return None
    canvas: tuple[int, int] | None = None
    picture: tuple[int, int] | None = None
    alpha = lossless = False
    metadata: dict[str, tuple[int, int]] = {}
    frame: tuple[int, int] | None = None
    place = 12
    for _ in range(_MAX_CHUNKS):
        file.seek(place)
        chunk = file.read(8 + _FRAME_HEAD)
        if len(chunk) < 8:
            break
        kind, length = chunk[:4], int.from_bytes(chunk[4:8], "little")
        body = chunk[8:].ljust(_FRAME_HEAD, b"\0")
        if kind == b"VP8X":
            canvas = (
                int.from_bytes(body[4:7], "little") + 1,
                int.from_bytes(body[7:10], "little") + 1,
            )
            alpha = bool(body[0] & _HAS_ALPHA)
        elif kind == b"ANMF" and frame is None and length > _FRAME_HEAD:
            size = tuple(int.from_bytes(body[at : at + 3], "little") + 1 for at in (6, 9))
            if any(body[:6]) or size != canvas:
                return None  # it does not cover the picture
            place += 8 + _FRAME_HEAD
            frame = place, length - _FRAME_HEAD
            continue
        elif kind == b"VP8 " and picture is None:
            picture = (
                int.from_bytes(body[6:8], "little") & 0x3FFF,
                int.from_bytes(body[8:10], "little") & 0x3FFF,
            )
        elif kind == b"VP8L" and picture is None:
            bits = int.from_bytes(body[1:5], "little")
            picture, lossless = ((bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1), True
            alpha = bool(bits >> 28 & 1)
        elif kind in _METADATA and length <= _MAX_METADATA:
            metadata[_METADATA[kind]] = (place + 8, length)
        place += 8 + length + length % 2
    if picture is None or canvas not in (None, picture):
        return None
    if picture[0] * picture[1] <= LARGE_PIXELS:
        return None
    return _Header(*picture, alpha, lossless, metadata, frame)


def _accept(prefix: bytes) -> bool:
    return prefix.startswith(b"RIFF") and prefix[8:12] == b"WEBP"


Image.register_open(FORMAT, LargeWebpImageFile, _accept)
