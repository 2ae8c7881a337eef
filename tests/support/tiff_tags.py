"""Tags of a TIFF rewritten, because programs write their own values of some."""

from __future__ import annotations

from typing import Any


def rewrite_tags(data: bytearray, tags: dict[int, Any]) -> None:
    """Give tags of the first directory of a little-endian TIFF other numbers, of 16 bits each."""
    place = int.from_bytes(data[4:8], "little")
    for number in range(int.from_bytes(data[place : place + 2], "little")):
        at = place + 2 + 12 * number
        tag = int.from_bytes(data[at : at + 2], "little")
        if tag not in tags:
            continue
        value = tags[tag] if isinstance(tags[tag], tuple) else (tags[tag],)
        raw = b"".join(v.to_bytes(2, "little") for v in value)
        data[at + 2 : at + 8] = b"\3\0" + len(value).to_bytes(4, "little")
        if len(raw) <= 4:
            data[at + 8 : at + 12] = raw.ljust(4, b"\0")
        else:
            data[at + 8 : at + 12] = len(data).to_bytes(4, "little")
            data += raw
