"""TIFF and BigTIFF, in both byte orders (TIFF 6.0 and its technical notes)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from trainer.containers.collector import Collector, DamagedError

_MAX_PAGES = 1024
_MAX_PARTS = 1 << 20
"""Strips or tiles of a page."""
_MAX_ENTRIES = 1 << 12

_NEW_SUBFILE, _SUBFILE = 254, 255
_COMPRESSION = 259
_STRIPS, _TILES = (273, 279), (324, 325)
"""Tags of offsets and of lengths."""
_JPEG = (513, 514)
"""The same for the whole image, in JPEG as of TIFF 6.0."""

_KEPT: Mapping[int, tuple[int, ...]] = {
    256: (),  # width
    257: (),  # height
    258: (1,),  # bits per sample
    _COMPRESSION: (1,),
    262: (),  # photometric interpretation
    266: (1,),  # fill order
    277: (1,),  # samples per pixel
    278: (2**32 - 1,),  # rows per strip
    284: (1,),  # planar configuration
    292: (0,),  # options of CCITT
    293: (0,),
    317: (1,),  # predictor
    320: (),  # colour map
    322: (),  # tile width
    323: (),  # tile height
    332: (1,),  # ink set
    338: (),  # extra samples
    339: (1,),  # sample format
    347: (),  # JPEG tables
    529: (),  # YCbCr coefficients
    530: (2, 2),  # YCbCr subsampling
    532: (),  # reference black and white
}
"""What says how to read strips and tiles, and what it is if it is not there."""
_READ = frozenset((*_KEPT, _NEW_SUBFILE, _SUBFILE, *_STRIPS, *_TILES, *_JPEG))

_INTEGERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_BYTES |= {13: 4, 16: 8, 17: 8, 18: 8}

_Page = dict[int, tuple[int, ...] | bytes]


class _Layout(NamedTuple):
    """Of a directory: byte order, and ``struct`` formats of its count, an entry and an offset."""

    order: str
    entries: str
    entry: str
    offset: str


def collect_tiff(file: Collector) -> None:
    """Strips or tiles of every page that is not a smaller copy, and how to read them.

    Raises:
        DamagedError: if a directory or a part is beyond the end, or there are no pages.
    """
    found = False
    for number, page in enumerate(_pages(file)):
        # The first page is what is shown, whatever it says it is.
        if number and (_number(page, _NEW_SUBFILE, 0) & 1 or _number(page, _SUBFILE, 0) == 2):
            continue
        # Thumbnails beside EXIF are neither in strips nor in tiles.
        if number and _STRIPS[0] not in page and _TILES[0] not in page:
            continue
        parts = _parts(page)
        found |= bool(parts)
        for tag, default in _KEPT.items():
            value = page.get(tag, default)
            file.keep(value if isinstance(value, bytes) else _packed(value))
        file.keep(_packed([length for _start, length in parts]))
        for start, length in parts:
            file.keep_range(start, start + length)
    if not found:
        raise DamagedError("no pages")


def _pages(file: Collector) -> Iterator[_Page]:
    head = file.at(0, 16) if file.size >= 16 else file.at(0, 8)
    order = "<" if head[:1] == b"I" else ">"
    # The byte order is a part of samples of more than one byte.
    file.keep(order.encode())
    if 43 in head[2:4]:
        layout = _Layout(order, "Q", "HHQ8s", "Q")
        (place,) = struct.unpack_from(order + "Q", head, 8)
    else:
        layout = _Layout(order, "H", "HHI4s", "I")
        (place,) = struct.unpack_from(order + "I", head, 4)
    seen: set[int] = set()
    while place and place not in seen:
        if len(seen) == _MAX_PAGES:
            raise DamagedError("too many pages")
        seen.add(place)
        page, place = _directory(file, place, layout)
        yield page


def _directory(file: Collector, place: int, layout: _Layout) -> tuple[_Page, int]:
    """The values that are needed, and where the next directory is."""
    order = layout.order
    size = struct.calcsize(order + layout.entries)
    (count,) = struct.unpack(order + layout.entries, file.at(place, size))
    if count > _MAX_ENTRIES:
        raise DamagedError("too many entries")
    place += size
    size = struct.calcsize(order + layout.entry)
    entries = file.at(place, count * size)
    place += count * size
    page: _Page = {}
    for tag, kind, values, inline in struct.iter_unpack(order + layout.entry, entries):
        if tag not in _READ or kind not in _BYTES or tag in page:
            continue
        length = values * _BYTES[kind]
        if length <= len(inline):
            raw = inline[:length]
        else:
            raw = file.at(struct.unpack(order + layout.offset, inline)[0], length)
        if kind in _INTEGERS:
            if values > _MAX_PARTS:
                raise DamagedError("too many parts")
            page[tag] = struct.unpack(f"{order}{values}{_INTEGERS[kind]}", raw)
        else:
            page[tag] = raw
    size = struct.calcsize(order + layout.offset)
    (following,) = struct.unpack(order + layout.offset, file.at(place, size))
    return page, following


def _parts(page: _Page) -> list[tuple[int, int]]:
    """(start, length) of the strips or tiles in order."""
    parts: list[tuple[int, int]] = []
    kinds = (_STRIPS, _TILES, _JPEG) if _number(page, _COMPRESSION, 1) == 6 else (_STRIPS, _TILES)
    for starts_tag, lengths_tag in kinds:
        starts, lengths = page.get(starts_tag), page.get(lengths_tag)
        if starts is None and lengths is None:
            continue
        if not isinstance(starts, tuple) or not isinstance(lengths, tuple):
            raise DamagedError("parts without a place")
        if len(starts) != len(lengths):
            raise DamagedError("parts without a length")
        parts += zip(starts, lengths, strict=True)
    return parts


def _number(page: _Page, tag: int, default: int) -> int:
    value = page.get(tag)
    return value[0] if isinstance(value, tuple) and value else default


def _packed(values: tuple[int, ...] | list[int]) -> bytes:
    return struct.pack(f"<{len(values)}Q", *values)
