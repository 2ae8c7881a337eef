"""Small photos that say when they were taken."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from PIL import Image

NOON = datetime(2024, 6, 1, 12)
_TAKEN = 0x9003
_EXIF = 0x8769


def save_dated(path: Path, second: int, colour: tuple[int, int, int] | None = None) -> None:
    """A JPEG taken so many seconds after noon; photos of two seconds differ."""
    image = Image.new("RGB", (48, 36), colour or (second * 40 % 256, 90, second % 256))
    exif = image.getexif()
    taken = NOON + timedelta(seconds=second)
    exif.get_ifd(_EXIF)[_TAKEN] = taken.strftime("%Y:%m:%d %H:%M:%S")
    image.save(path, exif=exif)
