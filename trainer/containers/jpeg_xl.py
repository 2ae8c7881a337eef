"""JPEG XL (ISO/IEC 18181-2): a codestream alone, or in boxes beside metadata."""

from __future__ import annotations

from trainer.containers.boxes import boxes
from trainer.containers.collector import Collector, DamagedError

_BARE = b"\xff\x0a"
_PART_HEAD = 4


def collect_jpeg_xl(file: Collector) -> None:
    """The codestream, whether in one box, in several or without any.

    Colours and turning are in it.

    Raises:
        DamagedError: if a box is cut short, or there is no codestream.
    """
    if file.at(0, 2) == _BARE:
        file.keep_range(0, file.size)
        return
    found = False
    for box in boxes(file, 0, file.size):
        skipped = {b"jxlc": 0, b"jxlp": _PART_HEAD}.get(box.kind)
        if skipped is not None:
            found = True
            file.keep_range(box.start + skipped, box.end)
    if not found:
        raise DamagedError("no codestream")
