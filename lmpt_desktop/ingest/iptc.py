"""Texts in IPTC-IIM, the older form of metadata in JPEG, TIFF and Photoshop files (IIM 4.2)."""

from __future__ import annotations

from collections.abc import Iterator

from lmpt_desktop.ingest.western import western

MAX_RECORDS = 20_000
MAX_KEYWORDS = 5_000
_MARKER = 0x1C
TITLE, KEYWORD, BYLINE, HEADLINE, COPYRIGHT, CAPTION = (
    (2, number) for number in (5, 25, 80, 105, 116, 120)
)
DAY_CREATED, TIME_CREATED, DAY_DIGITISED, TIME_DIGITISED = (
    (2, number) for number in (55, 60, 62, 63)
)
_TEXTS = frozenset(
    (
        *(TITLE, KEYWORD, BYLINE, HEADLINE, COPYRIGHT, CAPTION),
        *(DAY_CREATED, TIME_CREATED, DAY_DIGITISED, TIME_DIGITISED),
    )
)
_CHARACTER_SET = (1, 90)
_UTF8 = b"\x1b%G"
_LATIN1 = (b"\x1b.A", b"\x1b-A")
_LONG = 0x8000
"""Of a length: the number of bytes of the length that follows."""


Texts = dict[tuple[int, int], list[str]]
"""By record and number of the data set, in order."""


def texts(data: bytes) -> Texts:
    """The texts of an IIM block that are asked for here, each on one line; of damaged data those
    before the damage.

    Without a stated character set they are UTF-8 if they are valid as that, else Windows-1252 or
    Latin-1 (:mod:`lmpt_desktop.ingest.western`).
    """
    found: dict[tuple[int, int], list[bytes]] = {}
    character_set = b""
    for number, (kind, value) in enumerate(_records(data)):
        if kind == _CHARACTER_SET:
            character_set = value
        elif kind in _TEXTS:
            found.setdefault(kind, []).append(value)
        if number >= MAX_RECORDS or len(found.get(KEYWORD, ())) >= MAX_KEYWORDS:
            break
    return {
        kind: [" ".join(_decoded(value, character_set).split()) for value in values]
        for kind, values in found.items()
    }


def keywords(data: bytes) -> list[str]:
    """The keywords of an IIM block, in order, each once."""
    return [text for text in dict.fromkeys(texts(data).get(KEYWORD, ())) if text]


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
            return value.decode("utf-8-sig")
        except UnicodeDecodeError:
            if character_set.startswith(_UTF8):
                return value.decode("utf-8", "replace")
        return western(value)
    return value.decode("latin-1")
