"""JPEG, and the first image of an MPO (ITU-T T.81, annex B)."""

from __future__ import annotations

import re

from trainer.containers.collector import Collector, DamagedError

_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""FF before 00 is data, before D0 to D7 a restart within data, and before FF a filler."""

_MAX_SEGMENTS = 1 << 16
_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))
"""Markers without a length."""
_END, _SCAN, _ADOBE, _COMMENT = 0xD9, 0xDA, 0xEE, 0xFE
_APPLICATION = range(0xE0, 0xF0)
_TABLES = (0xC4, 0xC8, 0xCC)
_FRAMES = frozenset(range(0xC0, 0xD0)) - frozenset(_TABLES)


def collect_jpeg(file: Collector) -> None:
    """Every segment but APPn and COM, and the scans, up to the end of the first image.

    A file that ends before that (some cameras leave the end marker out) ends the picture.

    Raises:
        DamagedError: if it has no scan.
    """
    jfif, adobe, frame = False, b"", b""
    scans = 0
    place = _next_marker(file, 2, keep=False)
    for _ in range(_MAX_SEGMENTS):
        head = file.at(place, min(4, file.size - place))
        marker = head[1] if len(head) > 1 else _END
        if marker == _END:
            break
        if marker in _ALONE:
            place = _next_marker(file, place + 2, keep=scans > 0)
            continue
        end = min(place + 2 + max(2, int.from_bytes(head[2:], "big")), file.size)
        if marker in _APPLICATION or marker == _COMMENT:
            head = file.at(place + 4, min(12, end - place - 4)) if end > place + 4 else b""
            jfif |= marker == _APPLICATION[0] and head.startswith(b"JFIF\0")
            if marker == _ADOBE and head.startswith(b"Adobe") and len(head) == 12:
                adobe = head[11:]
        else:
            file.keep_range(place + 1, end)
            if marker in _FRAMES:
                frame = file.at(place + 4, end - place - 4)
        scans += marker == _SCAN
        place = _next_marker(file, end, keep=marker == _SCAN)
    else:
        raise DamagedError("too many segments")
    if not scans:
        raise DamagedError("no scan")
    file.show(_colours(jfif, adobe, frame))


def _next_marker(file: Collector, start: int, *, keep: bool) -> int:
    """Where the next marker is, or the end of the file; what is before it is data if ``keep``."""
    if not keep and file.starts_with(start, _MARKER):
        return start
    before = b""
    for place, block in file.growing_blocks(start):
        # FF at the end of a block may be the first half of a marker.
        data = before + block if before else block
        found = _MARKER.search(data)
        length = found.start() if found else len(data) - (data[-1] == 0xFF)
        if keep:
            file.picture.update(memoryview(data)[:length])
        if found:
            return place - len(before) + length
        before = bytes(data[length:])
    if keep:
        file.picture.update(before)
    return file.size


def _colours(jfif: bool, adobe: bytes, frame: bytes) -> bytes:
    """Which colours the components are, which APP0 and APP14 decide as libjpeg does."""
    count = frame[5] if len(frame) > 5 else 0
    if count == 3:
        if jfif:
            return b"YCbCr"
        if adobe:
            return b"RGB" if adobe == b"\0" else b"YCbCr"
        return b"RGB" if bytes(frame[6:15:3]) == b"RGB" else b"YCbCr"
    if count == 4:
        return b"CMYK" + adobe
    return b""
