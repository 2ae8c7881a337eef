"""Files with something changed: bytes, numbers within them, blocks, values of JSON, zip members."""

from __future__ import annotations

import copy
import io
import json
import random
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from mutations import OTHERS, places

MAX_BYTES = 1 << 20
_NUMBERS = (0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF,
            0x80000000, 0xFFFFFFF0, 0xFFFFFFFF, 1 << 40, (1 << 63) - 1, (1 << 64) - 1)  # fmt: skip
_KEYS = ("new", "type", "name", "schema", "id")
_HEAD = 600
_HOW_OFTEN = (1, 1, 1, 2, 2, 3, 6)
_TEXTS = (
    "", " ", "\t", "\n", "\r\n", "\r", "\0", "\x1b[31m", '"', "'", ",", ";", "|", "=", "<", ">",
    "/>", "&", "&amp;", "&#0;", "&x;", "<![CDATA[", "]]>", "<!DOCTYPE a [<!ENTITY x 'y'>]>",
    "<a>" * 200, "../../", "C:\\", "%00", "\u202e", "\ufeff", "e\u0301", "\U0001f415", "0", "-1",
    "1e999",
    "NaN", "9" * 400, "x" * 20_000, "@Variant(\\0\\0\\0\\x7f", "@ByteArray(", "null", "true",
    "=1+1",
)  # fmt: skip
_WORD = re.compile(r"[\w.:-]+|[^\w\s]|\s+")
_NOT_IN_XML = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_PNG = b"\x89PNG\r\n\x1a\n"


def mutated(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """``data``, changed in one to six places, mostly in one or two.

    Args:
        others: files of the same format, of which blocks may be put in.
    """
    form = _form(data)
    if form is not None and chance.random() < 0.75:
        made = form(data, others, chance)
    else:
        made = changed_bytes(data, others, chance)
    # Else what is behind a check sum is never reached.
    if made.startswith(_PNG) and chance.random() < 0.7:
        made = with_check_sums(made)
    return made


def changed_bytes(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """Without regard to what the bytes mean."""
    made = bytearray(data)
    for _ in range(chance.choice(_HOW_OFTEN)):
        if not made:
            break
        # What a file says of itself mostly stands at its beginning.
        most = len(made) if chance.random() < 0.5 else min(len(made), _HEAD)
        at = chance.randrange(most)
        end = min(at + chance.choice((1, 2, 4, 16, 64, 300)), len(made))
        chance.choice(_CHANGES)(made, at, end, others, chance)
    return bytes(made[:MAX_BYTES])


_Change = Callable[[bytearray, int, int, list[bytes], random.Random], None]
"""Change bytes from a place to another; others of the format."""


def _flip(made: bytearray, at: int, _end: int, _others: list[bytes], chance: random.Random) -> None:
    made[at] ^= 1 << chance.randrange(8)


def _number(
    made: bytearray, at: int, _end: int, _others: list[bytes], chance: random.Random
) -> None:
    size = chance.choice((1, 2, 2, 4, 4, 8))
    number = chance.choice(_NUMBERS) & ((1 << 8 * size) - 1)
    made[at : at + size] = number.to_bytes(size, chance.choice(("big", "little")))


def _cut(made: bytearray, at: int, end: int, _others: list[bytes], chance: random.Random) -> None:
    del made[at : len(made) if chance.random() < 0.2 else end]


def _double(
    made: bytearray, at: int, end: int, _others: list[bytes], chance: random.Random
) -> None:
    made[at:at] = bytes(made[at:end]) * chance.choice((1, 1, 2, 50))


def _random(
    made: bytearray, at: int, end: int, _others: list[bytes], chance: random.Random
) -> None:
    made[at:end] = chance.randbytes(end - at)


def _zeros(
    made: bytearray, at: int, end: int, _others: list[bytes], _chance: random.Random
) -> None:
    made[at:end] = bytes(end - at)


def _other(made: bytearray, at: int, end: int, others: list[bytes], chance: random.Random) -> None:
    other = chance.choice(others)
    start = chance.randrange(len(other)) if other else 0
    made[at:end] = other[start : start + end - at]


_CHANGES: tuple[_Change, ...] = (
    _flip, _flip, _number, _number, _number, _cut, _double, _random, _zeros, _other
)  # fmt: skip


def with_check_sums(data: bytes) -> bytes:
    """A PNG whose chunks have the right check sums, as far as there are chunks."""
    made, at = bytearray(data), len(_PNG)
    while at + 12 <= len(made):
        end = at + 8 + int.from_bytes(made[at : at + 4], "big")
        if end + 4 > len(made):
            break
        made[end : end + 4] = struct.pack(">I", zlib.crc32(bytes(made[at + 4 : end])))
        at = end + 4
    return bytes(made)


def _json(data: bytes, _others: list[bytes], chance: random.Random) -> bytes:
    """One to three values replaced, removed or added; in JSON lines, in one line."""
    lines = data.splitlines(keepends=True)
    at = chance.randrange(len(lines))
    whole = not _is_json(lines[at])
    body: Any = json.loads(data if whole else lines[at])
    for _ in range(chance.randint(1, 3)):
        found = places(body)
        if not found:
            break
        *outer, key = chance.choice(found)
        holder = body
        for step in outer:
            holder = holder[step]
        act = chance.randrange(4)
        if act == 0:
            del holder[key]
        elif act == 1 and isinstance(holder, dict):
            holder[chance.choice(_KEYS)] = copy.deepcopy(chance.choice(OTHERS))
        else:
            holder[key] = copy.deepcopy(chance.choice(OTHERS))
    text = json.dumps(body).encode() + b"\n"
    return text if whole else b"".join((*lines[:at], text, *lines[at + 1 :]))


def _zip(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """A member changed."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(made, "w") as new:
        names = old.namelist()
        chosen = chance.choice(names)
        for name in names:
            content = old.read(name)
            new.writestr(name, mutated(content, [content], chance) if name == chosen else content)
    return made.getvalue()


def _xml(data: bytes, _others: list[bytes], chance: random.Random) -> bytes:
    """Elements doubled, moved, removed or renamed, other texts and attributes; still XML."""
    root = ElementTree.fromstring(data)
    for _ in range(chance.choice(_HOW_OFTEN)):
        every = list(root.iter())
        at, other = chance.choice(every), chance.choice(every)
        text = _NOT_IN_XML.sub("", chance.choice(_TEXTS))
        match chance.randrange(7):
            case 0 if len(at):
                at.remove(chance.choice(at))
            case 1 if len(at):
                at.extend(copy.deepcopy([chance.choice(at)] * chance.choice((1, 1, 60))))
            case 2:
                at.insert(chance.randint(0, len(at)), copy.deepcopy(other))
            case 3 if at.attrib:
                at.attrib[chance.choice(list(at.attrib))] = text
            case 4:
                at.attrib.update(other.attrib)
            case 5:
                at.tag = other.tag
            case _:
                at.text = text
    return ElementTree.tostring(root, encoding="utf-8")[:MAX_BYTES]


def _text(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """Words, signs and spaces replaced, doubled, exchanged or taken out; still text."""
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    words = _WORD.findall(data.decode(encoding, "surrogateescape"))
    for _ in range(chance.choice(_HOW_OFTEN)):
        if not words:
            break
        at, other = chance.randrange(len(words)), chance.randrange(len(words))
        match chance.randrange(5):
            case 0:
                del words[at : at + chance.choice((1, 1, 3))]
            case 1:
                words[at:at] = words[other : other + chance.choice((1, 5, 40))]
            case 2:
                words[at], words[other] = words[other], words[at]
            case 3:
                words[at] = chance.choice(_TEXTS)
            case _:
                words.insert(at, chance.choice(_TEXTS))
    return "".join(words).encode(encoding, "surrogateescape")


Mutation = Callable[[bytes, list[bytes], random.Random], bytes]


def _form(data: bytes) -> Mutation | None:
    """How a file that has parts is changed part by part."""
    if data.startswith(b"PK\x03\x04"):
        return _zip
    lines = data.splitlines()
    if data[:1] in b"{[" and lines and (_is_json(lines[0]) or _is_json(data)):
        return _json
    if _is_xml(data):
        return _xml
    return _text if _is_text(data) else None


def _is_text(data: bytes) -> bool:
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8")
    except ValueError:
        return False
    return bool(text) and all(c.isprintable() or c.isspace() or c == "\ufeff" for c in text[:200])


def _is_xml(data: bytes) -> bool:
    try:
        ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError):
        return False
    return True


def _is_json(data: bytes) -> bool:
    try:
        return isinstance(json.loads(data), dict | list)
    except ValueError:
        return False
