"""Photos of a few bytes that announce or repeat more than a machine has."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path

from photo_containers import png_chunk
from PIL import Image

SIDE = 14_000
"""196 megapixels: within the limit of pixels."""


def sparse_avif(path: Path, size: int = 3 << 30) -> Path:
    """A small AVIF, followed by zeros that take no room on disk."""
    Image.new("RGB", (16, 16)).save(path, "AVIF")
    os.truncate(path, size)
    return path


def jpeg_of_many_scans(path: Path, scans: int = 2000, side: int = 512) -> Path:
    """A progressive JPEG whose last scan is repeated."""
    made = io.BytesIO()
    Image.effect_noise((side, side), 40).convert("RGB").save(made, "JPEG", progressive=True)
    data = made.getvalue()
    last = data.rindex(b"\xff\xda")
    body, scan = data[:last], data[last:-2]
    path.write_bytes(body + scan * scans + b"\xff\xd9")
    return path


def png_header(path: Path, depth: int, colours: int, side: int = SIDE) -> Path:
    """A PNG that ends after its header and a few bytes of pixels."""
    header = struct.pack(">IIBBBBB", side, side, depth, colours, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", b"\x78\x9c\x03\x00")
    )
    return path


def png_with_a_long_chunk(path: Path, length: int = (1 << 31) - 1) -> Path:
    """A PNG with a chunk of nothing, before its pixels, that takes no room on disk."""
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header))
        file.write(length.to_bytes(4, "big") + b"prIv")
        file.truncate(file.tell() + length + 4)
    return path


def webp_header(path: Path, side: int = SIDE) -> Path:
    """A WebP of a large canvas in which one small picture lies."""
    made = io.BytesIO()
    Image.new("RGB", (16, 16)).save(made, "WEBP")
    frame = made.getvalue()[12:]
    size = (side - 1).to_bytes(3, "little")
    canvas = b"VP8X" + struct.pack("<I", 10) + bytes(4) + size * 2
    body = b"WEBP" + canvas + frame
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def jpeg2000_header(path: Path, side: int = SIDE) -> Path:
    """A JPEG 2000 whose size, in both places, is another."""
    made = io.BytesIO()
    Image.new("RGB", (16, 16), (9, 9, 9)).save(made, "JPEG2000")
    data = bytearray(made.getvalue())
    ihdr = data.index(b"ihdr") + 4
    data[ihdr : ihdr + 8] = struct.pack(">II", side, side)
    siz = data.index(b"\xff\x4f\xff\x51") + 8
    data[siz : siz + 8] = struct.pack(">II", side, side)
    data[siz + 16 : siz + 24] = struct.pack(">II", side, side)
    path.write_bytes(data)
    return path


def float_tiff(path: Path, side: int = SIDE) -> Path:
    """A floating-point TIFF of zeros, which take no room on disk."""
    count = side * side * 4
    entries = [
        (256, 4, side),
        (257, 4, side),
        (258, 3, 32),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 4096),
        (277, 3, 1),
        (278, 4, side),
        (279, 4, count),
        (339, 3, 3),
    ]
    directory = struct.pack("<H", len(entries))
    directory += b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    path.write_bytes(b"II*\0" + struct.pack("<I", 8) + directory + bytes(4))
    os.truncate(path, 4096 + count)
    return path
