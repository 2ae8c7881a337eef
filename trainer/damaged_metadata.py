"""JPEG and TIFF without metadata that is cut short or points nowhere (imports no torch).

Pillow gives up a whole photo for it, or stops reading there and misses what the pixels need.
"""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

from trainer.bounded_reader import BoundedReader
from trainer.spliced_file import SplicedFile

LEAST_BYTES = {
    (0xE0, b"JFIF"): 14,
    (0xE0, b"JFXX"): 6,
    (0xE1, b"Exif"): 6,
    (0xE2, b"ICC_"): 14,
    (0xE2, b"MPF\0"): 12,
    (0xED, b"Phot"): 14,
    (0xEE, b"Adob"): 12,
}
"""Bytes of a segment that begins so: with fewer, it says nothing."""
_MAX_SEGMENTS = 1 << 12
_SCAN = 0xDA

_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_BYTES |= {13: 4, 16: 8, 17: 8, 18: 8}
_MAX_ENTRIES = 1 << 12
_KINDS = {700: (1, 7), 34675: (1, 7), 34665: (4, 13), 34853: (4, 13), 40965: (4, 13)}
"""Field types of XMP, of an ICC profile, and of where EXIF's directories are; their values are
trusted by whoever reads them."""
_DIRECTORIES = (34665, 34853, 40965)


def without_damage(file: BinaryIO | BoundedReader) -> SplicedFile | None:
    """The same photo without such metadata; None if it has none, or is of another format.

    Args:
        file: open, seekable; its position is not kept.

    Raises:
        OSError: if it cannot be read.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(8)
    if head[:3] == b"\xff\xd8\xff":
        return _clean_jpeg(file, size)
    if len(head) == 8 and head[:4] in (b"II*\0", b"MM\0*"):
        return _clean_tiff(file, size, "<" if head[:1] == b"I" else ">", head)
    return None


def _clean_jpeg(file: BinaryIO | BoundedReader, size: int) -> SplicedFile | None:
    made = SplicedFile(file)
    place = start = 2
    made.add(b"\xff\xd8")
    for _ in range(_MAX_SEGMENTS):
        file.seek(place)
        head = file.read(8)
        if len(head) < 8 or head[0] != 0xFF or head[1] == _SCAN:
            break
        if head[1] == 0xFF:
            place += 1
            continue
        length = int.from_bytes(head[2:4], "big")
        if length - 2 < LEAST_BYTES.get((head[1], head[4:8]), 0):
            made.add((start, place - start))
            start = place + 2 + length
        place += 2 + max(2, length)
    if start == 2:
        return None
    made.add((start, size - start))
    return made


def _clean_tiff(
    file: BinaryIO | BoundedReader, size: int, order: str, head: bytes
) -> SplicedFile | None:
    (place,) = struct.unpack(order + "I", head[4:8])
    file.seek(place)
    count = int.from_bytes(file.read(2), "little" if order == "<" else "big")
    entries = file.read(12 * count)
    following = file.read(4)
    if count > _MAX_ENTRIES or len(entries) < 12 * count or len(following) < 4:
        return None
    kept: list[bytes] = []
    for at in range(0, len(entries), 12):
        tag, kind, values, offset = struct.unpack(order + "HHII", entries[at : at + 12])
        if _is_sound(tag, kind, values, offset, size):
            kept.append(entries[at : at + 12])
    # The new directory is behind the end, where a number of four bytes must reach.
    if len(kept) == count or size + size % 2 >= 1 << 32:
        return None
    made = SplicedFile(file)
    made.add(head[:4] + struct.pack(order + "I", size + size % 2))
    made.add((8, size - 8))
    made.add(bytes(size % 2) + struct.pack(order + "H", len(kept)) + b"".join(kept) + following)
    return made


def _is_sound(tag: int, kind: int, values: int, offset: int, size: int) -> bool:
    length = values * _BYTES.get(kind, 0)
    if tag in _DIRECTORIES and (values != 1 or offset + 2 > size):
        return False
    there = length > 0 and (length <= 4 or offset + length <= size)
    return there and kind in _KINDS.get(tag, (kind,))
