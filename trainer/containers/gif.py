"""GIF (GIF89a specification)."""

from __future__ import annotations

from trainer.containers.collector import Collector, DamagedError

_MAX_BLOCKS = 1 << 16
_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_METADATA = (0xFE, 0xFF)
"""Comments, and extensions of applications (XMP, ICC profiles, repetitions)."""


def collect_gif(file: Collector) -> None:
    """Everything but comments and extensions of applications.

    Raises:
        DamagedError: if a block is cut short or unknown, or there is no image.
    """
    # Not the version: a comment changes it.
    screen = file.at(6, 7)
    place = 13 + _table_bytes(screen[4])
    file.keep_range(6, place)
    images = 0
    for _ in range(_MAX_BLOCKS):
        kind = file.at(place, 1)[0] if place < file.size else _TRAILER
        if kind == _TRAILER:
            break
        if kind == _IMAGE:
            # The descriptor, its colours, and the code size before the data.
            body = place + 11 + _table_bytes(file.at(place + 9, 1)[0])
            images += 1
        elif kind == _EXTENSION:
            body = place + 2
        else:
            raise DamagedError("an unknown block")
        end = _after_blocks(file, body)
        if kind == _IMAGE or file.at(place + 1, 1)[0] not in _METADATA:
            file.keep_range(place, end)
        place = end
    else:
        raise DamagedError("too many blocks")
    if not images:
        raise DamagedError("no image")


def _table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(file: Collector, start: int) -> int:
    """Where a chain of blocks, each with its length before it, ends."""
    skip = 0
    for place, data in file.growing_blocks(start):
        while skip < len(data):
            length = data[skip]
            skip += length + 1
            if not length:
                return place + skip
        skip -= len(data)
    raise DamagedError("cut short")
