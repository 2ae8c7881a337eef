"""PNG and APNG (W3C PNG specification, third edition)."""

from __future__ import annotations

import xxhash

from trainer.containers.collector import Collector, DamagedError

_MAX_CHUNKS = 1 << 18
_KEPT = frozenset((b"IHDR", b"PLTE", b"tRNS", b"fcTL", b"fdAT"))


def collect_png(file: Collector) -> None:
    """Header, palette, transparency, frames, and image data however it is cut into chunks.

    Raises:
        DamagedError: if a chunk is cut short, or there is no image data.
    """
    data = xxhash.xxh3_128()
    found = False
    place = 8
    for _ in range(_MAX_CHUNKS):
        if place + 8 > file.size:
            raise DamagedError("no end")
        head = file.at(place, 8)
        start, kind = place + 8, head[4:]
        end = start + int.from_bytes(head[:4], "big")
        if kind == b"IEND":
            break
        if kind == b"IDAT":
            found = True
            for block in file.blocks(start, end):
                data.update(block)
        elif kind in _KEPT:
            file.keep(head)
            file.keep_range(start, end)
        place = end + 4
    else:
        raise DamagedError("too many chunks")
    if not found:
        raise DamagedError("no image data")
    file.keep(b"IDAT" + data.digest())
