"""Where the picture is in a file: a module per container, a row per module.

A parser follows the structure of one container and hands the compressed picture to a
:class:`.collector.Collector`; metadata is what it leaves out.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from trainer.containers.collector import Collector, DamagedError
from trainer.containers.gif import collect_gif
from trainer.containers.heif import collect_heif
from trainer.containers.jpeg import collect_jpeg
from trainer.containers.jpeg2000 import collect_jpeg2000
from trainer.containers.jpeg_xl import collect_jpeg_xl
from trainer.containers.netpbm import collect_netpbm
from trainer.containers.photoshop import collect_photoshop
from trainer.containers.png import collect_png
from trainer.containers.raw import collect_raw, is_raw
from trainer.containers.tiff import collect_tiff
from trainer.containers.webp import collect_webp


def collect_tiff_or_raw(file: Collector) -> None:
    """Most raw files are TIFF, whose first pages are but previews."""
    (collect_raw if is_raw(file) else collect_tiff)(file)


HEAD_BYTES = 12
"""Enough to tell the containers apart."""

CONTAINERS: tuple[tuple[str, re.Pattern[bytes], Callable[[Collector], None]], ...] = (
    ("JPEG", re.compile(rb"\xff\xd8\xff"), collect_jpeg),
    ("PNG", re.compile(rb"\x89PNG\r\n\x1a\n"), collect_png),
    ("WebP", re.compile(rb"RIFF....WEBP", re.DOTALL), collect_webp),
    ("GIF", re.compile(rb"GIF8[79]a"), collect_gif),
    ("TIFF", re.compile(rb"II[*+]\0|MM\0[*+]"), collect_tiff_or_raw),
    ("Raw", re.compile(rb"IIR[OS]|MMOR|IIU\0|FUJIFILMCCD|....ftypcrx ", re.DOTALL), collect_raw),
    ("HEIF", re.compile(rb"....ftyp", re.DOTALL), collect_heif),
    ("JPEG 2000", re.compile(rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51"), collect_jpeg2000),
    ("JPEG XL", re.compile(rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n"), collect_jpeg_xl),
    ("Photoshop", re.compile(rb"8BPS\0\x01"), collect_photoshop),
    ("PPM", re.compile(rb"P[1-6]\s"), collect_netpbm),
)
"""Name, beginning of the file, parser."""

__all__ = ["CONTAINERS", "HEAD_BYTES", "Collector", "DamagedError"]
