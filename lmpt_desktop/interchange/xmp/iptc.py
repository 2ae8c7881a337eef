"""Keywords in IPTC-IIM, the older form of metadata in JPEG and TIFF (IIM 4.2, 2:25 and 1:90)."""

from __future__ import annotations

from collections.abc import Iterator

from lmpt_desktop.ingest.western import western

MAX_RECORDS = 20_000
MAX_KEYWORDS = 5_000
_MARKER = 0x1C
_KEYWORD = (2, 25)
_CHARACTER_SET = (1, 90)
_UTF8 = b"\x1b%G"
_LATIN1 = (b"\x1b.A", b"\x1b-A")
_LONG = 0x8000
"""Of a length: the number of bytes of the length that follows."""


def keywords(data: bytes) -> list[str]:
    """The keywords of an IIM block, in order; of damaged data those before the damage.

    Without a stated character set they are UTF-8 if they are valid as that, else Windows-1252 or
    Latin-1 (:mod:`lmpt_desktop.ingest.western`).
    """
    found: list[bytes] = []
    character_set = b""
    for number, (kind, value) in enumerate(_records(data)):
        if kind == _CHARACTER_SET:
            character_set = value
        elif kind == _KEYWORD:
            found.append(value)
        if number >= MAX_RECORDS or len(found) >= MAX_KEYWORDS:
            break
    texts = (" ".join(_decoded(value, character_set).split()) for value in found)
    return [text for text in dict.fromkeys(texts) if text]


def _records(data: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    place = 0
    while place + 5 <= len(data) and data[place] == _MARKER:
        kind = (data[place + 1], data[place + 2])
        length = int.from_bytes(data[place + 3 : place + 5], "big")
        place += 5
        if length & _LONG:
            digits = length & ~_LONG
            if digits > 4:
                return
            length = int.from_bytes(data[place : place + digits], "big")
            place += digits
        if place + length > len(data):
            return
        yield kind, data[place : place + length]
        place += length


def _decoded(value: bytes, character_set: bytes) -> str:
    value = value.rstrip(b"\0")
    if not character_set.startswith(_LATIN1):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            if character_set.startswith(_UTF8):
                return value.decode("utf-8", "replace")
        return western(value)
    return value.decode("latin-1")
