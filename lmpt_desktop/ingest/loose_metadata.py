"""Metadata that an opened image does not have: times and damaged EXIF of a PNG, and boxes of a
JPEG 2000, of which only the beginnings and those with metadata are read, within bounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from lmpt_desktop.ingest.dates import from_parts
from trainer.png_metadata import clean_png

MAX_PARTS = 20_000
"""Boxes that are looked at."""
MAX_PART_BYTES = 1024 * 1024
"""Of a box of metadata."""

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
    clean = clean_png(file, pixels=False)
    info = clean.info if clean is not None else {}
    texts = {key.lower(): text for key, text in info.items() if isinstance(text, str)}
    dates = tuple(texts[word] for word in _DATE_WORDS if word in texts)
    changed: str | None = None
    if time := info.get("changed"):
        year, month, day, *clock = time
        hour, minute, second = clock
        changed = from_parts((year, month, day), (hour, minute, second), "Z")
    return LooseMetadata(info.get("exif") or info.get("unsure_exif", b""), b"", dates, changed)


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
