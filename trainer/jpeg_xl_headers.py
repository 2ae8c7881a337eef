"""What a JPEG XL file says before its pixels, read without a decoder (ISO/IEC 18181-1 and -2;
imports no torch).

Size, turning and colours are in the first bits of the codestream.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from trainer.bounded_reader import BoundedReader

CODESTREAM = b"\xff\x0a"
CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
_HEAD_BYTES = 4096
"""Of the codestream; names of extra channels may be long."""
_MAX_BOXES = 1 << 12
_MAX_METADATA = 16 << 20
_MAX_CHANNELS = 64

_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_SIZE = ((0, 9, 1), (0, 13, 1), (0, 18, 1), (0, 30, 1))
_ENUM = ((0, 0, 0), (1, 0, 0), (2, 4, 0), (18, 6, 0))


class DamagedHeaderError(Exception):
    """No JPEG XL, or cut short, or not as the standard says."""


@dataclass(frozen=True)
class Colours:
    """How numbers are colours; of a file with an ICC profile only whether it is grey.

    Attributes:
        icc: whether the file has an ICC profile, which only a decoder could read.
        white, primaries: x and y, one after the other; () for sRGB's.
        transfer: code point of ITU-T H.273 (13: sRGB, 8: linear, 16: PQ, 18: HLG); 0 for ``gamma``.
        gamma: exponent of the encoding, such as 0.4545.
    """

    icc: bool = False
    white: tuple[float, ...] = ()
    primaries: tuple[float, ...] = ()
    transfer: int = 13
    gamma: float = 0.0

    @property
    def is_srgb(self) -> bool:
        return not (self.icc or self.white or self.primaries) and self.transfer == 13


@dataclass(frozen=True)
class Header:
    """``width``, ``height``: in pixels, before the photo is turned by ``orientation`` (EXIF's).

    Attributes:
        bits: of a value; ``floating``: whether they are floating-point numbers.
        grey: one channel of colour.
        channels: kinds of extra channels (0: alpha, 4: black of CMYK).
        premultiplied: whether colours are multiplied by alpha.
        xyb: whether the decoder computes colours (lossy files).
    """

    width: int
    height: int
    orientation: int = 1
    bits: int = 8
    floating: bool = False
    grey: bool = False
    channels: tuple[int, ...] = ()
    premultiplied: bool = False
    xyb: bool = True
    colours: Colours = field(default_factory=Colours)


class Box(NamedTuple):
    """Of the container: ``kind``, and where its content is."""

    kind: bytes
    start: int
    stop: int


def boxes(file: BinaryIO | BoundedReader, size: int) -> Iterator[Box]:
    """The boxes of a container; its codestream is in ``jxlc``, or in parts in ``jxlp``.

    Args:
        file: open, seekable; its position is not kept.
        size: its length in bytes.
    """
    place = 0
    for _ in range(_MAX_BOXES):
        if place + 8 > size:
            return
        file.seek(place)
        head = file.read(16)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        start = place + 8
        if length == 1:
            length, start = int.from_bytes(head[8:16], "big"), place + 16
        stop = size if not length else place + length
        if stop < start:
            return
        yield Box(kind, start, min(stop, size))
        place = stop


def read_header(file: BinaryIO | BoundedReader, size: int) -> Header:
    """Size, turning and colours.

    Raises:
        DamagedHeaderError: if there are none.
        OSError: if the file cannot be read.
    """
    file.seek(0)
    head = file.read(len(CONTAINER))
    if head[:2] == CODESTREAM:
        file.seek(0)
        return _parsed(file.read(_HEAD_BYTES))
    if head != CONTAINER:
        raise DamagedHeaderError
    start = b""
    for kind, first, last in boxes(file, size):
        skipped = {b"jxlc": 0, b"jxlp": 4}.get(kind)
        if skipped is not None and last - first > skipped:
            file.seek(first + skipped)
            start += file.read(min(_HEAD_BYTES, last - first - skipped))
            if len(start) >= _HEAD_BYTES or kind == b"jxlc":
                break
    if start[:2] != CODESTREAM:
        raise DamagedHeaderError
    return _parsed(start)


def metadata_box(file: BinaryIO | BoundedReader, size: int, kind: bytes) -> tuple[bytes, bool]:
    """Content of the first box ``kind`` ("Exif", "xml "), and whether that is packed by Brotli."""
    for name, first, last in boxes(file, size):
        if not 4 < last - first <= _MAX_METADATA:
            continue
        file.seek(first)
        if name == kind:
            return file.read(last - first), False
        if name == b"brob" and file.read(4) == kind:
            return file.read(last - first - 4), True
    return b"", False


# ------------------------------------------------------------------------------- bits


class _Bits:
    """Bits of bytes, the lowest first."""

    def __init__(self, data: bytes) -> None:
        self._left = int.from_bytes(data, "little")
        self._count = 8 * len(data)

    def take(self, count: int) -> int:
        self._count -= count
        if self._count < 0:
            raise DamagedHeaderError
        value = self._left & ((1 << count) - 1)
        self._left >>= count
        return value

    def flag(self) -> bool:
        return bool(self.take(1))

    def number(self, forms: tuple[tuple[int, int, int], ...]) -> int:
        """The standard's U32: one of four (added, bits, added)."""
        first, bits, second = forms[self.take(2)]
        return first + self.take(bits) + second

    def size(self) -> tuple[int, int]:
        """The standard's SizeHeader."""
        small = self.flag()
        height = 8 * (self.take(5) + 1) if small else self.number(_SIZE)
        if ratio := self.take(3):
            above, below = _RATIOS[ratio - 1]
            return height * above // below, height
        return 8 * (self.take(5) + 1) if small else self.number(_SIZE), height

    def depth(self) -> tuple[int, bool]:
        """Bits of a value, and whether they are of floating-point numbers."""
        if self.flag():
            bits = self.number(((32, 0, 0), (16, 0, 0), (24, 0, 0), (1, 6, 0)))
            self.take(4)
            return bits, True
        return self.number(((8, 0, 0), (10, 0, 0), (12, 0, 0), (1, 6, 0))), False

    def point(self) -> tuple[float, float]:
        """x and y of a colour."""
        forms = ((0, 19, 0), (0, 19, 1 << 19), (0, 20, 1 << 20), (0, 21, 1 << 21))
        packed = (self.number(forms), self.number(forms))
        x, y = ((value >> 1) ^ -(value & 1) for value in packed)
        return x / 1e6, y / 1e6


def _parsed(data: bytes) -> Header:
    """The standard's SizeHeader and ImageMetadata."""
    bits = _Bits(data[2:])
    width, height = bits.size()
    if bits.flag():
        return Header(width, height)
    orientation = 1
    if bits.flag():
        orientation = bits.take(3) + 1
        if bits.flag():
            bits.size()
        if bits.flag():
            _skip_preview(bits)
        if bits.flag():
            _skip_animation(bits)
    depth, floating = bits.depth()
    bits.flag()
    channels: list[int] = []
    premultiplied = False
    for _ in range(min(bits.number(((0, 0, 0), (1, 0, 0), (2, 4, 0), (1, 12, 0))), _MAX_CHANNELS)):
        kind, multiplied = _channel(bits)
        channels.append(kind)
        premultiplied |= multiplied
    xyb = bits.flag()
    grey, colours = _colours(bits)
    return Header(
        width,
        height,
        orientation,
        depth,
        floating,
        grey,
        tuple(channels),
        premultiplied,
        xyb,
        colours,
    )


def _skip_preview(bits: _Bits) -> None:
    eighths = bits.flag()
    forms = (
        ((16, 0, 0), (32, 0, 0), (1, 5, 0), (33, 9, 0))
        if eighths
        else ((1, 6, 0), (65, 8, 0), (321, 10, 0), (1345, 12, 0))
    )
    bits.number(forms)
    if not bits.take(3):
        bits.number(forms)


def _skip_animation(bits: _Bits) -> None:
    bits.number(((100, 0, 0), (1000, 0, 0), (1, 10, 0), (1, 30, 0)))
    bits.number(((1, 0, 0), (1001, 0, 0), (1, 8, 0), (1, 10, 0)))
    bits.number(((0, 0, 0), (0, 3, 0), (0, 16, 0), (0, 32, 0)))
    bits.flag()


def _channel(bits: _Bits) -> tuple[int, bool]:
    """Kind of an extra channel, and whether colours are multiplied by it."""
    if bits.flag():
        return 0, False
    kind = bits.number(_ENUM)
    bits.depth()
    bits.number(((0, 0, 0), (3, 0, 0), (4, 0, 0), (1, 3, 0)))
    bits.take(8 * bits.number(((0, 0, 0), (0, 4, 0), (16, 5, 0), (48, 10, 0))))
    multiplied = kind == 0 and bits.flag()
    if kind == 2:
        bits.take(64)
    elif kind == 5:
        bits.number(((1, 0, 0), (0, 2, 0), (3, 4, 0), (19, 8, 0)))
    return kind, multiplied


def _colours(bits: _Bits) -> tuple[bool, Colours]:
    """Whether there is one channel of colour, and how numbers are colours."""
    if bits.flag():
        return False, Colours()
    icc = bits.flag()
    space = bits.number(_ENUM)
    grey = space == 1
    if icc:
        return grey, Colours(icc=True)
    white: tuple[float, ...] = ()
    primaries: tuple[float, ...] = ()
    if space != 2:
        kind = bits.number(_ENUM)
        white = {10: (1 / 3, 1 / 3), 11: (0.314, 0.351)}.get(kind, ())
        white = bits.point() if kind == 2 else white
    if space == 0:
        kind = bits.number(_ENUM)
        primaries = {
            9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
            11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
        }.get(kind, ())
        if kind == 2:
            primaries = (*bits.point(), *bits.point(), *bits.point())
    if bits.flag():
        return grey, Colours(False, white, primaries, 0, bits.take(24) / 1e7)
    return grey, Colours(False, white, primaries, bits.number(_ENUM))


__all__ = ["Box", "Colours", "DamagedHeaderError", "Header", "boxes", "metadata_box", "read_header"]
