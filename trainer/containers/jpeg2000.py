"""JPEG 2000: codestreams, alone or in boxes (ISO/IEC 15444-1, annexes A and I)."""

from __future__ import annotations

from trainer.containers.boxes import boxes
from trainer.containers.collector import Collector, DamagedError

_CODESTREAM = b"\xff\x4f\xff\x51"
_COLOURS = frozenset((b"pclr", b"cmap", b"cdef"))


def collect_jpeg2000(file: Collector) -> None:
    """The codestreams, with palette and meaning of the channels where boxes give them.

    Raises:
        DamagedError: if a box is cut short, or there is no codestream.
    """
    if file.at(0, 4) == _CODESTREAM:
        file.keep_part(b"jp2c", 0, file.size)
        return
    found = False
    for box in boxes(file, 0, file.size):
        if box.kind == b"jp2c":
            found = True
            file.keep_part(*box)
        elif box.kind == b"jp2h":
            for inner in boxes(file, box.start, box.end):
                if inner.kind in _COLOURS:
                    file.keep_part(*inner)
                elif inner.kind == b"colr":
                    file.show(file.at(inner.start, inner.end - inner.start))
    if not found:
        raise DamagedError("no codestream")
