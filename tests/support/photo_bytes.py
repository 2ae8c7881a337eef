"""Photos as bytes, and what programs do to them: metadata that leaves the picture alone, edits that
change it.  Nothing here is imported from the product: these tests know files on their own.

A picture is drawn from a number; pictures of different numbers are unlike, the variants of one are
alike (a little brighter, a small patch changed), as an edit in a photo program is.
"""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 48
KINDS = (".jpg", ".png", ".webp", ".tif", ".bmp")
_FEATURE_SIDE = 16


def picture(number: int, variant: int = 0, side: int = SIDE) -> Image.Image:
    """An RGB picture of ``side`` x ``side`` pixels."""
    coarse = np.random.default_rng(number + 1).integers(0, 256, (6, 6, 3), np.uint8)
    image = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
    if not variant:
        return image
    pixels = np.asarray(image, np.float32) * (1 - 0.01 * (variant % 7)) + 2 * (variant % 5)
    random = np.random.default_rng(variant)
    top, left = random.integers(0, side - 6, 2)
    pixels[top : top + 5, left : left + 5] = random.integers(0, 256, 3)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def written(image: Image.Image, kind: str) -> bytes:
    """The bytes of a file of this kind, a suffix of :data:`KINDS` (or another Pillow writes)."""
    buffer = io.BytesIO()
    name = {".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF"}.get(kind, kind[1:].upper())
    options = {"JPEG": {"quality": 90}, "WEBP": {"quality": 90}}.get(name, {})
    image.save(buffer, name, **options)
    return buffer.getvalue()


def honest_feature(image: Image.Image) -> NDArray[np.float32]:
    """(768,) float32, unit norm: what the picture looks like, as a backbone would say it."""
    small = image.convert("RGB").resize((_FEATURE_SIDE, _FEATURE_SIDE), Image.Resampling.BOX)
    vector = np.asarray(small, np.float32).ravel()
    vector = vector - vector.mean()
    norm = float(np.linalg.norm(vector))
    if norm < 1e-3:  # one even colour
        vector = np.zeros_like(vector)
        vector[0] = norm = 1.0
    return vector / norm


def digest(data: bytes) -> str:
    """A name for these bytes, of another family than the product's hashes."""
    return hashlib.sha256(data).hexdigest()


# ------------------------------------------------------------------------------- metadata


def exif_block(*, orientation: int = 1, date: str = "", software: str = "") -> bytes:
    """A TIFF block as it stands in an EXIF segment; ``date`` as "2019:05:04 13:22:10"."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    if software:
        exif[0x0131] = software
    if date:
        exif[0x0132] = date
        exif.get_ifd(0x8769)[0x9003] = date
    return exif.tobytes().removeprefix(b"Exif\0\0")


def xmp_packet(rating: int, words: str = "beach") -> bytes:
    """A rating and a keyword."""
    return (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        'rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/'
        f'elements/1.1/" xmp:Rating="{rating}"><dc:subject><rdf:Bag><rdf:li>{words}</rdf:li>'
        "</rdf:Bag></dc:subject></rdf:Description></rdf:RDF></x:xmpmeta>"
        '<?xpacket end="w"?>'
    ).encode()


def iptc_block(caption: str) -> bytes:
    """A Photoshop resource block with an IPTC caption, as in APP13."""
    text = caption.encode()
    record = b"\x1c\x02\x78" + struct.pack(">H", len(text)) + text
    padded = record + b"\0" * (len(record) % 2)
    return b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(record)) + padded


def _jpeg_with(data: bytes, marker: int, start: bytes, body: bytes) -> bytes:
    """Put a segment into a JPEG in the place of those with the same marker and start."""
    assert data[:2] == b"\xff\xd8"
    head, place = [b"\xff\xd8"], 2
    while data[place + 1] != 0xDA:
        length = struct.unpack(">H", data[place + 2 : place + 4])[0]
        segment = data[place : place + 2 + length]
        if not (segment[1] == marker and segment[4:].startswith(start)):
            head.append(segment)
        place += 2 + length
    new = bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body
    at = 2 if len(head) > 1 and head[1][1] == 0xE0 else 1
    return b"".join([*head[:at], new, *head[at:], data[place:]])


def _png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _png_with(data: bytes, name: bytes, body: bytes) -> bytes:
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, place = [], 8
    while place < len(data):
        length = struct.unpack(">I", data[place : place + 4])[0]
        chunk = data[place : place + 12 + length]
        if chunk[4:8] != name:
            chunks.append(chunk)
        place += 12 + length
    return data[:8] + chunks[0] + _png_chunk(name, body) + b"".join(chunks[1:])


def _webp_with(data: bytes, name: bytes, body: bytes) -> bytes:
    assert data[:4] == b"RIFF"
    chunks: list[tuple[bytes, bytes]] = []
    place = 12
    while place + 8 <= len(data):
        length = struct.unpack("<I", data[place + 4 : place + 8])[0]
        chunks.append((data[place : place + 4], data[place + 8 : place + 8 + length]))
        place += 8 + length + length % 2
    kept = [item for item in chunks if item[0] not in (name, b"VP8X")]
    kept.append((name, body))
    names = {item[0] for item in kept}
    flags = (0x08 if b"EXIF" in names else 0) | (0x04 if b"XMP " in names else 0)
    with Image.open(io.BytesIO(data)) as image:
        width, height = image.size
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    kept.insert(0, (b"VP8X", bytes([flags, 0, 0, 0]) + size))
    inner = b"".join(
        key + struct.pack("<I", len(value)) + value + b"\0" * (len(value) % 2)
        for key, value in kept
    )
    return b"RIFF" + struct.pack("<I", len(inner) + 4) + b"WEBP" + inner


def _tiff_with(data: bytes, tag: int, field_type: int, count: int, value: bytes) -> bytes:
    """A new directory at the end of the file; the strips stay where they are."""
    assert data[:4] == b"II*\0"
    start = struct.unpack("<I", data[4:8])[0]
    (number,) = struct.unpack("<H", data[start : start + 2])
    entries = [data[start + 2 + 12 * i : start + 14 + 12 * i] for i in range(number)]
    entries = [entry for entry in entries if struct.unpack("<H", entry[:2])[0] != tag]
    data += b"\0" * (len(data) % 2)
    if len(value) <= 4:
        stored, extra = value.ljust(4, b"\0"), b""
    else:
        stored, extra = struct.pack("<I", len(data)), value + b"\0" * (len(value) % 2)
    entries.append(struct.pack("<HHI", tag, field_type, count) + stored)
    entries.sort(key=lambda entry: struct.unpack("<H", entry[:2])[0])
    place = len(data) + len(extra)
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + b"\0\0\0\0"
    return data[:4] + struct.pack("<I", place) + data[8:] + extra + directory


def _date(n: int) -> str:
    return f"20{n % 90 + 10:02}:05:04 13:22:{n % 60:02}"


def _text(n: int) -> bytes:
    return f"keyword {n}".encode()


METADATA: dict[str, dict[str, Callable[[bytes, int], bytes]]] = {
    ".jpg": {
        "exif date": lambda data, n: _jpeg_with(
            data, 0xE1, b"Exif", b"Exif\0\0" + exif_block(date=_date(n))
        ),
        "orientation": lambda data, n: _jpeg_with(
            data, 0xE1, b"Exif", b"Exif\0\0" + exif_block(orientation=n % 8 + 1)
        ),
        "xmp": lambda data, n: _jpeg_with(
            data, 0xE1, b"http", b"http://ns.adobe.com/xap/1.0/\0" + xmp_packet(n)
        ),
        "iptc": lambda data, n: _jpeg_with(data, 0xED, b"Photoshop", iptc_block(f"caption {n}")),
        "comment": lambda data, n: _jpeg_with(data, 0xFE, b"", _text(n)),
    },
    ".png": {
        "text": lambda data, n: _png_with(data, b"tEXt", b"Comment\0" + _text(n)),
        "exif date": lambda data, n: _png_with(data, b"eXIf", exif_block(date=_date(n))),
        "orientation": lambda data, n: _png_with(data, b"eXIf", exif_block(orientation=n % 8 + 1)),
        "xmp": lambda data, n: _png_with(
            data, b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp_packet(n)
        ),
    },
    ".webp": {
        "exif date": lambda data, n: _webp_with(data, b"EXIF", exif_block(date=_date(n))),
        "orientation": lambda data, n: _webp_with(data, b"EXIF", exif_block(orientation=n % 8 + 1)),
        "xmp": lambda data, n: _webp_with(data, b"XMP ", xmp_packet(n)),
    },
    ".tif": {
        "exif date": lambda data, n: _tiff_with(data, 0x0132, 2, 20, _date(n).encode() + b"\0"),
        "orientation": lambda data, n: _tiff_with(data, 0x0112, 3, 1, struct.pack("<H", n % 8 + 1)),
        "xmp": lambda data, n: _tiff_with(data, 700, 1, len(xmp_packet(n)), xmp_packet(n)),
        "description": lambda data, n: _tiff_with(
            data, 0x010E, 2, len(_text(n)) + 1, _text(n) + b"\0"
        ),
    },
    ".bmp": {},
}
"""What programs write into a file of each kind, with a number that makes it differ; the compressed
picture stays as it is, byte for byte."""
