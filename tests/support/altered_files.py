"""Photos changed as disks and programs change them: under the same date."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.ingest import sync


def keep_date(path: Path, change: Callable[[], object]) -> None:
    """Change a file as ``exiftool -P`` does, or a bad copy."""
    status = path.stat()
    change()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def flip_bit(path: Path, place: float = 0.6) -> None:
    """Change one bit, at a share of the file's length."""
    data = bytearray(path.read_bytes())
    data[int(len(data) * place)] ^= 4
    keep_date(path, lambda: path.write_bytes(data))


def set_orientation(path: Path, value: int) -> None:
    """Change the EXIF orientation of a photo of :func:`draw_turned` in place: one byte."""
    data = path.read_bytes()
    entry = b"\x12\x01\x03\x00\x01\x00\x00\x00"
    place = data.index(entry) + len(entry)
    changed = data[:place] + bytes([value]) + data[place + 1 :]
    keep_date(path, lambda: path.write_bytes(changed))


def draw_turned(path: Path, number: int = 0) -> None:
    """A JPEG with an EXIF orientation of 1 (little endian); another for each number."""
    exif = Image.Exif()
    exif.endian = "<"
    exif[0x0112] = 1
    image = Image.new("RGB", (160, 120), (60 + number * 37 % 190, 90, 140))
    ImageDraw.Draw(image).ellipse(
        (20, 10 + number % 40, 120, 100), fill=(250, number * 61 % 255, 9)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, exif=exif)


def make_scanned_library(library: Path, photos: Path, names: Sequence[str]) -> None:
    """Draw photos and scan them into a library."""
    for number, name in enumerate(names):
        draw_turned(photos / name, number)
    with Catalogue.open(library) as catalogue:
        sync(catalogue, catalogue.folders.add(photos).id)
