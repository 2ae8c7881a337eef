"""A PNG without its metadata, and the metadata apart, so that neither costs the other (no torch).

Pillow refuses a PNG for a long text or profile, for a short or damaged chunk beside the pixels, and
decodes the pixels to see what is said after them.  So it is handed a file of only what the pixels
need; the rest is read here, within bounds.
"""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from trainer.bounded_reader import BoundedReader
from trainer.matrix_profile import matrix_profile
from trainer.spliced_file import SplicedFile

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER, _PALETTE, _PIXELS, _END = b"IHDR", b"PLTE", b"IDAT", b"IEND"
_TRANSPARENCY, _EXIF = b"tRNS", b"eXIf"
_ENTRIES = {0: 2, 2: 6}
"""Bytes of transparency of grey and of colours; a palette has one for each of its colours."""
_MAX_CHUNKS = 1 << 18
_MAX_BYTES = 16 << 20
"""Of metadata, all chunks together, unpacked; what is more is left out."""
_XMP = "XML:com.adobe.xmp"
_NAME_BYTES = 80

_OWN_KEYS = frozenset(
    (
        *(
            "",
            "changed",
            "chromaticity",
            "default_image",
            "dpi",
            "duration",
            "exif",
            "gamma",
            "icc_profile",
        ),
        *(
            "interlace",
            "loop",
            "made_profile",
            "photoshop",
            "srgb",
            "transparency",
            "unsure_exif",
            "xmp",
        ),
    )
)
"""Keys of ``info`` that no text may take."""

Info = dict[str, Any]


class CleanPng(SplicedFile):
    """A PNG of nothing but what the pixels need, as a file that Pillow can read.

    Attributes:
        info: what the metadata says, with the keys that Pillow uses; "changed": year, month, day,
            hour, minute and second in UTC; "unsure_exif": EXIF whose sum is wrong; "made_profile":
            an ICC profile that does what gAMA and cHRM say, if they count.
    """

    def __init__(self, file: BinaryIO | BoundedReader, *, pixels: bool) -> None:
        """``file``: a PNG, open, seekable.  ``pixels``: False leaves those out, too.

        Raises:
            OSError: if it cannot be read.
        """
        super().__init__(file)
        self.info: Info = {}
        self._walk(pixels)

    # -------------------------------------------------------------------------- chunks

    def _walk(self, pixels: bool) -> None:
        file = self._file
        file.seek(8)
        self.add(_SIGNATURE)
        left = _MAX_BYTES
        colours, found, place = -1, False, 8
        for _ in range(_MAX_CHUNKS):
            file.seek(place)
            head = file.read(8)
            length, kind = int.from_bytes(head[:4], "big"), head[4:]
            if len(head) < 8 or kind == _END:
                break
            if kind in (_HEADER, _PALETTE):
                self.add((place, length + 12))
                colours = self._colours(place) if kind == _HEADER else colours
            elif kind == _PIXELS:
                found = True
                if pixels:
                    self.add((place, length + 12))
            elif kind in _READERS and length <= left:
                data = _checked(kind, file.read(length + 4))
                left -= len(data or b"")
                if data is not None and kind == _TRANSPARENCY:
                    if not found and len(data) >= _ENTRIES.get(colours, 1):
                        self.add(_chunk(kind, data))
                elif data is not None:
                    left -= self._read(kind, data, left)
                elif kind == _EXIF:
                    # For dates only: it does not turn the picture.
                    self.info.setdefault("unsure_exif", self._data(place, length))
            place += length + 12
        if not pixels:
            self.add(_chunk(_PIXELS, b""))
            self.add(_chunk(_END, b""))
        elif place < (size := file.seek(0, os.SEEK_END)):
            self.add((place, size - place))
        _make_profile(self.info)

    def _data(self, place: int, length: int) -> bytes:
        self._file.seek(place + 8)
        return self._file.read(length)

    def _colours(self, place: int) -> int:
        self._file.seek(place + 17)
        return int.from_bytes(self._file.read(1), "big")

    def _read(self, kind: bytes, data: bytes, left: int) -> int:
        """Bytes that what was unpacked takes."""
        with contextlib.suppress(ValueError, IndexError, struct.error, zlib.error, UnicodeError):
            said = _READERS[kind](data, max(0, left))
            for key, value in said.items():
                self.info.setdefault(key, value)
            return sum(len(value) for value in said.values() if isinstance(value, bytes | str))
        return 0


def clean_png(file: BinaryIO | BoundedReader, *, pixels: bool) -> CleanPng | None:
    """None if the file is no PNG; its position is not kept."""
    file.seek(0)
    return CleanPng(file, pixels=pixels) if file.read(8) == _SIGNATURE else None


def _chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def _checked(kind: bytes, rest: bytes) -> bytes | None:
    """Data of a chunk; None if its sum is wrong."""
    data, found = rest[:-4], rest[-4:]
    return data if zlib.crc32(kind + data) == int.from_bytes(found, "big") else None


def _unpacked(data: bytes, most: int) -> bytes:
    """Raises ValueError if it is more than ``most`` bytes, zlib.error if it is damaged."""
    unpacker = zlib.decompressobj()
    made = unpacker.decompress(data, most + 1)
    if len(made) > most:
        raise ValueError("too long")
    return made


# ---------------------------------------------------------------------------------- kinds


def _read_profile(data: bytes, left: int) -> Info:
    """Whatever its name and method are: there is only one method."""
    name = data[:_NAME_BYTES].partition(b"\0")[0]
    for start in (len(name) + 2, 1):
        with contextlib.suppress(ValueError, zlib.error):
            if profile := _unpacked(data[start:], left):
                return {"icc_profile": profile}
    return {}


def _read_text(data: bytes, left: int) -> Info:
    del left
    key, _, value = data.partition(b"\0")
    return _text(key, value)


def _read_packed_text(data: bytes, left: int) -> Info:
    key, _, value = data.partition(b"\0")
    return _text(key, _unpacked(value[1:], left))


def _text(key: bytes, value: bytes) -> Info:
    name = key.decode("latin-1")
    return {} if name in _OWN_KEYS else {name: value.decode("latin-1")}


def _read_international_text(data: bytes, left: int) -> Info:
    key, _, rest = data.partition(b"\0")
    packed = rest[:1] == b"\1"
    value = rest[2:].split(b"\0", 2)[2]
    if packed:
        value = _unpacked(value, left)
    name = key.decode("latin-1")
    if name == _XMP:
        return {"xmp": value, name: value.decode("utf-8", "replace")}
    return {} if name in _OWN_KEYS else {name: value.decode("utf-8")}


def _read_exif(data: bytes, left: int) -> Info:
    del left
    return {"exif": data if data.startswith(b"Exif\0\0") else b"Exif\0\0" + data}


def _read_gamma(data: bytes, left: int) -> Info:
    del left
    return {"gamma": int.from_bytes(data[:4], "big") / 100_000} if len(data) >= 4 else {}


def _read_chromaticity(data: bytes, left: int) -> Info:
    del left
    return {"chromaticity": tuple(value / 100_000 for value in struct.unpack(">8I", data[:32]))}


def _read_time(data: bytes, left: int) -> Info:
    del left
    return {"changed": struct.unpack(">HBBBBB", data)}


def _read_srgb(data: bytes, left: int) -> Info:
    del left
    return {"srgb": data[0]}


def _read_resolution(data: bytes, left: int) -> Info:
    del left
    across, down, unit = struct.unpack(">IIB", data[:9])
    return {"dpi": (across * 0.0254, down * 0.0254)} if unit == 1 else {}


_READERS: Mapping[bytes, Callable[[bytes, int], Info]] = {
    _TRANSPARENCY: lambda _data, _left: {},
    b"iCCP": _read_profile,
    b"tEXt": _read_text,
    b"zTXt": _read_packed_text,
    b"iTXt": _read_international_text,
    _EXIF: _read_exif,
    b"gAMA": _read_gamma,
    b"cHRM": _read_chromaticity,
    b"sRGB": _read_srgb,
    b"pHYs": _read_resolution,
    b"tIME": _read_time,
}
"""What a chunk says, from its data and the bytes that it may unpack to."""


def _make_profile(info: Info) -> None:
    """iCCP counts before sRGB, and that before gAMA and cHRM (PNG specification, 4.3)."""
    if "icc_profile" in info or "srgb" in info or "gamma" not in info:
        return
    if made := matrix_profile(info["gamma"], info.get("chromaticity")):
        info["made_profile"] = made


def described(image: Any, clean: CleanPng) -> None:
    """Give an image that Pillow opened from ``clean`` what its metadata says."""
    image.info = {**clean.info, **image.info}
    # Pillow would decode the pixels to look for EXIF behind them.
    if not image.info.keys() & {"exif", "Raw profile type exif"}:
        image.info["exif"] = b""
