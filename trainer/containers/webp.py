"""WebP (RFC 9649)."""

from __future__ import annotations

from trainer.containers.collector import Collector, DamagedError

_MAX_CHUNKS = 1 << 16
_KEPT = frozenset((b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF"))


def collect_webp(file: Collector) -> None:
    """Image data, transparency and frames; the canvas where there are frames.

    Raises:
        DamagedError: if a chunk is cut short, or there is no image data.
    """
    stop = min(8 + int.from_bytes(file.at(4, 4), "little"), file.size)
    found = False
    canvas = b""
    place = 12
    for _ in range(_MAX_CHUNKS):
        if place + 8 > stop:
            break
        head = file.at(place, 8)
        start, kind = place + 8, head[:4]
        end = start + int.from_bytes(head[4:], "little")
        if kind == b"VP8X" and end - start >= 10:
            # The flags before it say which metadata there is; a still picture has its own size.
            canvas = file.at(start + 4, 6)
        elif kind in _KEPT:
            if kind == b"ANIM":
                file.keep(canvas)
            file.keep(head)
            file.keep_range(start, end)
            found |= kind in (b"VP8 ", b"VP8L", b"ANMF")
        place = end + (end & 1)
    else:
        raise DamagedError("too many chunks")
    if not found:
        raise DamagedError("no image data")
