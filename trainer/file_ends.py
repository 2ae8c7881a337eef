"""Whether the end of a photo file is missing, by its structure (imports no torch).

A download that was broken off, or a card that was pulled out, leaves most of a photo, of which some
kinds are shown whole: the preview of a raw file, the first page or frame.  Nothing is decoded, and
only beginnings of chunks, boxes and directories are read.  What cannot be known is not missing.
"""

from __future__ import annotations

import contextlib
import os
import re
import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO

from trainer.bounded_reader import BoundedReader

_File = BinaryIO | BoundedReader

_JPEG_END = b"\xff\xd9"
_JPEG_SCAN = 0xDA
_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))
_MAX_SEGMENTS = 1 << 16
_MAX_CHUNKS = 1 << 18
_FIRST_TAIL_BYTES, _TAIL_BYTES = 1 << 10, 1 << 20


def is_cut_short(file: _File) -> bool:
    """Whether the end of a photo is missing, as far as its container says where it ends.

    Args:
        file: open, seekable; its position is not kept.

    Raises:
        OSError: if it cannot be read.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    for beginning, is_short in _KINDS:
        if beginning.match(head):
            with contextlib.suppress(struct.error, IndexError, ValueError):
                return is_short(file, size)
    return False


# ---------------------------------------------------------------------- JPEG, PNG, WebP, GIF


def _jpeg(file: _File, size: int) -> bool:
    """Within data, FF is never followed by D9; a thumbnail in the metadata has an end of its
    own."""
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


def _png(file: _File, size: int) -> bool:
    """Not known, and so not, if it has very many chunks."""
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


def _webp(file: _File, size: int) -> bool:
    file.seek(4)
    return int.from_bytes(file.read(4), "little") + 8 > size


def _gif(file: _File, size: int) -> bool:
    """Walked only where the last byte is not that of a trailer."""
    file.seek(max(0, size - _FIRST_TAIL_BYTES))
    if file.read(_FIRST_TAIL_BYTES).rstrip(b"\0").endswith(b";"):
        return False
    file.seek(10)
    place = 13 + _colours(file.read(1))
    found = False
    for _ in range(_MAX_CHUNKS):
        file.seek(place)
        head = file.read(10)
        if head[:1] == b"!":
            place += 2
        elif head[:1] == b",":
            place += 11 + _colours(head[9:])
            found = True
        else:
            # The trailer, or nothing: some programs write none.
            return not found and not head
        for _block in range(_MAX_CHUNKS):
            file.seek(place)
            length = file.read(1)
            if not length or place + 1 + length[0] > size:
                return True
            place += 1 + length[0]
            if not length[0]:
                break
    return False


def _colours(flags: bytes) -> int:
    """Bytes of a table of colours."""
    return 3 << ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0


# -------------------------------------------------------------------------- boxes, icons, PPM

_BOXES = frozenset(
    (b"ftyp", b"meta", b"mdat", b"moov", b"free", b"skip", b"uuid", b"wide", b"idat", b"jp2h",
     b"jp2c", b"jP  ", b"JXL ", b"jxlc", b"jxlp", b"jxll", b"jbrd", b"brob", b"Exif", b"xml ")
)  # fmt: skip
"""Phones append data of their own, which no box may describe."""


def _boxes(file: _File, size: int) -> bool:
    """HEIC, AVIF, CR3, JPEG 2000 and JPEG XL."""
    place = 0
    for _ in range(_MAX_CHUNKS):
        file.seek(place)
        head = file.read(16)
        if len(head) < 8:
            return False
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        # One of length 0 reaches to the end, wherever that is.
        if length < 8 or kind not in _BOXES:
            return False
        place += length
        if place > size:
            return True
    return False


def _icon(file: _File, size: int) -> bool:
    file.seek(4)
    count = int.from_bytes(file.read(2), "little")
    entries = file.read(16 * count)
    places = (struct.unpack_from("<II", entries, 16 * at + 8) for at in range(len(entries) // 16))
    return len(entries) < 16 * count or any(start + length > size for length, start in places)


_NETPBM_WORD = re.compile(rb"(?:\s|#[^\n\r]*[\n\r])*([^\s#]+)")
_NETPBM_HEAD_BYTES = 1 << 12


def _netpbm(file: _File, size: int) -> bool:
    """Of those that are not text."""
    file.seek(0)
    data = file.read(_NETPBM_HEAD_BYTES)
    words: list[bytes] = []
    place = 0
    for _ in range(3 if data[:2] == b"P4" else 4):
        if (found := _NETPBM_WORD.match(data, place)) is None:
            return False
        words.append(found[1])
        place = found.end()
    kind, width, height = words[0], int(words[1]), int(words[2])
    if kind == b"P4":
        row = -(-width // 8)
    elif kind in (b"Pf", b"PF"):
        row = 4 * width * (3 if kind == b"PF" else 1)
    else:
        row = width * (3 if kind == b"P6" else 1) * (2 if int(words[3]) > 255 else 1)
    # One space is between header and pixels.
    return place + 1 + row * height > size


def _fujifilm(file: _File, size: int) -> bool:
    """RAF: the places of a JPEG and of the raw data."""
    file.seek(84)
    places = struct.unpack(">6I", file.read(24))
    return any(
        start + length > size for start, length in zip(places[::2], places[1::2], strict=True)
    )


# ------------------------------------------------------------------------------------- TIFF

_MAX_DIRECTORIES = 64
_MAX_ENTRIES = 4096
_MAX_PARTS = 1 << 16
_SIZES = {1: 1, 3: 2, 4: 4, 7: 1, 13: 4, 16: 8}
_FORMS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q"}
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _SAMPLES, _ROWS, _PLANAR = 256, 257, 258, 259, 277, 278, 284
_STRIPS, _TILES, _SUB_IFDS = (273, 279), (324, 325), 330
_JPEG_PARTS = (513, 514)
_PANASONIC_RAW, _PANASONIC_JPEG = 280, 46
_WANTED = frozenset(
    (
        *(_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _SAMPLES, _ROWS, _PLANAR, *_STRIPS, *_TILES),
        *(*_JPEG_PARTS, _SUB_IFDS, _PANASONIC_RAW),
    )
)


class _Beyond(Exception):  # noqa: N818 (no error)
    """Something is to be beyond the end of the file."""


class _Tiff:
    """The directories of a TIFF, or of a raw file in one."""

    def __init__(self, file: _File, size: int) -> None:
        self._file = file
        self._size = size
        head = self._read(0, 16)
        self._order = "<" if head[:2] == b"II" else ">"
        self._big = head[2:4] in (b"+\0", b"\0+")
        self._panasonic = head[2:4] == b"U\0"
        self._first = self._number(head, 8, "Q") if self._big else self._number(head, 4, "I")

    def is_short(self) -> bool:
        """Whether strips, tiles, previews or directories are beyond the end."""
        waiting, seen = [self._first], set[int]()
        with contextlib.suppress(_Beyond):
            while waiting and len(seen) < _MAX_DIRECTORIES:
                place = waiting.pop()
                if place and place not in seen:
                    seen.add(place)
                    tags, following = self._directory(place)
                    waiting += [following, *tags.get(_SUB_IFDS, ())]
                    if any(end > self._size for end in self._ends(tags)):
                        return True
            return False
        return True

    def _number(self, data: bytes, at: int, form: str) -> int:
        return int(struct.unpack_from(self._order + form, data, at)[0])

    def _read(self, place: int, count: int) -> bytes:
        """Raises _Beyond if not all of it is there."""
        if place + count > self._size:
            raise _Beyond
        self._file.seek(place)
        return self._file.read(count)

    def _directory(self, place: int) -> tuple[dict[int, tuple[int, ...]], int]:
        """Values of the tags that are wanted, and where the next directory is."""
        form, head, length, inline = ("Q", 8, 20, 8) if self._big else ("H", 2, 12, 4)
        wide = "Q" if self._big else "I"
        count = self._number(self._read(place, head), 0, form)
        if count > _MAX_ENTRIES:
            return {}, 0
        body = self._read(place + head, count * length + inline)
        tags: dict[int, tuple[int, ...]] = {}
        for at in range(0, count * length, length):
            tag, kind = struct.unpack_from(self._order + "HH", body, at)
            number = self._number(body, at + 4, wide)
            if tag == _PANASONIC_JPEG and self._panasonic:
                self._read(self._number(body, at + 8, "I") + number, 0)
            if tag not in _WANTED or kind not in _FORMS or not 0 < number <= _MAX_PARTS:
                continue
            size = number * _SIZES[kind]
            value = body[at + length - inline :][:size]
            if size > inline:
                value = self._read(self._number(body, at + length - inline, wide), size)
            tags[tag] = struct.unpack_from(f"{self._order}{number}{_FORMS[kind]}", value)
        return tags, self._number(body, count * length, wide)

    def _ends(self, tags: dict[int, tuple[int, ...]]) -> Iterator[int]:
        """Where the parts of a directory end."""
        if self._panasonic:
            # Its strips are described by numbers of its own.
            yield from (start + 1 for start in tags.get(_PANASONIC_RAW, ()))
            return
        for starts, lengths in (_STRIPS, _TILES, _JPEG_PARTS):
            pairs = zip(tags.get(starts, ()), tags.get(lengths, ()), strict=False)
            most = _plain_strips(tags) if starts == _STRIPS[0] else None
            for number, (start, length) in enumerate(pairs):
                # Some programs write a length that is too large for the last strip.
                yield start + (length if most is None else min(length, most(number)))


def _plain_strips(tags: dict[int, tuple[int, ...]]) -> Callable[[int], int] | None:
    """Bytes of a strip, by its number, where strips are not compressed."""
    width, height, bits, compression = (
        tags.get(tag, (0,)) for tag in (_WIDTH, _HEIGHT, _BITS, _COMPRESSION)
    )
    if compression[0] != 1 or not (width[0] and height[0] and max(bits)):
        return None
    separate = tags.get(_PLANAR, (1,))[0] == 2
    samples = 1 if separate else tags.get(_SAMPLES, (1,))[0]
    row = -(-width[0] * samples * max(bits) // 8)
    rows = max(1, min(tags.get(_ROWS, height)[0], height[0]))
    strips = -(-height[0] // rows)
    return lambda number: row * min(rows, height[0] - rows * (number % strips))


def _tiff(file: _File, size: int) -> bool:
    try:
        return _Tiff(file, size).is_short()
    except _Beyond:
        return True


_HEAD_BYTES = 32
_KINDS: tuple[tuple[re.Pattern[bytes], Callable[[_File, int], bool]], ...] = tuple(
    (re.compile(beginning, re.DOTALL), is_short)
    for beginning, is_short in (
        (rb"\xff\xd8\xff", _jpeg),
        (rb"\x89PNG\r\n\x1a\n", _png),
        (rb"RIFF....WEBP", _webp),
        (rb"GIF8", _gif),
        (rb"II[*+]\0|MM\0[*+]|IIR[OS]|MMOR|IIU\0", _tiff),
        (rb"....(?:ftyp|jP  |JXL )", _boxes),
        (rb"\0\0\x01\0[^\0]", _icon),
        (rb"P[4-6fF]\s", _netpbm),
        (rb"FUJIFILMCCD-RAW ", _fujifilm),
    )
)
