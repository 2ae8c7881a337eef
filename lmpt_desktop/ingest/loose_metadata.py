"""Metadata that an opened image does not have: times and damaged EXIF of a PNG, and boxes of a
JPEG 2000.

Only the beginnings of chunks and boxes are read, and those that hold metadata, within bounds.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from lmpt_desktop.ingest.dates import from_parts

MAX_PARTS = 20_000
"""Chunks of a PNG that are looked at: a large one has a few thousand."""
MAX_PART_BYTES = 1024 * 1024
"""Of a chunk or box of metadata."""
_MAX_TEXT_BYTES = 64 * 1024

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG2000 = b"\0\0\0\x0cjP  \r\n\x87\n"
_XMP_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_EXIF_BOX = b"JpgTiffExif->JP2"
_DATE_WORDS = ("exif:datetimeoriginal", "creation time")
"""Keywords of PNG's texts: ImageMagick's, and that of the specification."""


@dataclass(frozen=True)
class LooseMetadata:
    """What was found.

    Attributes:
        exif: a TIFF structure, as in EXIF; b"" if there is none.
        xmp: a packet; b"" if there is none.
        dates: texts that say when the picture was taken, the surest first.
        changed: when it was last changed, as :mod:`.dates` keeps it; None if it is not said.
    """

    exif: bytes = b""
    xmp: bytes = b""
    dates: tuple[str, ...] = ()
    changed: str | None = None


def loose_metadata(file: BinaryIO) -> LooseMetadata:
    """Of a PNG or JPEG 2000 that is open; nothing of other files and of damaged ones.  The position
    of ``file`` is not kept."""
    file.seek(0)
    head = file.read(len(_JPEG2000))
    if head.startswith(_PNG):
        return _of_png(file)
    if head == _JPEG2000:
        return _of_jpeg2000(file)
    return LooseMetadata()


def _of_png(file: BinaryIO) -> LooseMetadata:
    exif = b""
    changed: str | None = None
    texts: dict[str, str] = {}
    for kind, body in _chunks(file):
        if kind == b"eXIf":
            exif = exif or body
        elif kind == b"tIME" and len(body) == 7:
            numbers = (int.from_bytes(body[:2], "big"), body[2], body[3])
            changed = from_parts(numbers, (body[4], body[5], body[6]), "Z")
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            word, text = _text(kind, body)
            if word in _DATE_WORDS:
                texts.setdefault(word, text)
    dates = tuple(texts[word] for word in _DATE_WORDS if word in texts)
    return LooseMetadata(exif, b"", dates, changed)


_WANTED = (b"eXIf", b"tIME", b"tEXt", b"zTXt", b"iTXt")


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Kind and body of the chunks with metadata."""
    file.seek(len(_PNG))
    for _ in range(MAX_PARTS):
        head = file.read(8)
        size, kind = int.from_bytes(head[:4], "big"), head[4:]
        if len(head) < 8 or kind == b"IEND":
            return
        if kind in _WANTED and size <= MAX_PART_BYTES:
            body = file.read(size)
            if len(body) < size:
                return
            yield kind, body
            file.seek(4, 1)
        else:
            file.seek(size + 4, 1)


def _text(kind: bytes, body: bytes) -> tuple[str, str]:
    """Keyword, in lower case, and text of a chunk; "" for what is damaged or too long."""
    keyword, _, rest = body.partition(b"\0")
    word = keyword[:80].decode("latin-1").lower()
    if word not in _DATE_WORDS:
        return "", ""
    packed = kind == b"zTXt" or (kind == b"iTXt" and rest[:1] == b"\1")
    if kind == b"zTXt":
        rest = rest[1:]
    elif kind == b"iTXt":
        rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    if packed:
        try:
            rest = zlib.decompressobj().decompress(rest, _MAX_TEXT_BYTES)
        except zlib.error:
            return "", ""
    return word, rest[:_MAX_TEXT_BYTES].decode("utf-8" if kind == b"iTXt" else "latin-1", "replace")


def _of_jpeg2000(file: BinaryIO) -> LooseMetadata:
    found: dict[bytes, bytes] = {}
    file.seek(0)
    for _ in range(MAX_PARTS):
        head = file.read(8)
        if len(head) < 8:
            break
        size, kind, begun = int.from_bytes(head[:4], "big"), head[4:], 8
        if size == 1:
            size, begun = int.from_bytes(file.read(8), "big"), 16
        # A box of size 0 reaches to the end of the file.
        if size < begun:
            break
        body = size - begun
        if kind == b"uuid" and 16 <= body <= MAX_PART_BYTES:
            content = file.read(body)
            if len(content) < body:
                break
            found.setdefault(content[:16], content[16:])
        else:
            file.seek(body, 1)
    return LooseMetadata(found.get(_EXIF_BOX, b""), found.get(_XMP_BOX, b""))
