"""The metadata of a photo file: size in pixels, when it was taken, a caption.

Metadata is best effort: damaged EXIF costs the date, not the photo.
"""

from __future__ import annotations

import contextlib
import logging
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, ImageFile, IptcImagePlugin

from lmpt_desktop.ingest import xmp
from lmpt_desktop.ingest.metadata_blocks import xmp_packet
from lmpt_desktop.ingest.western import western
from trainer.photo import displayed_size, opened_photo, orientation
from trainer.printable import spaced
from trainer.regular_file import open_regular

log = logging.getLogger(__name__)

# Damaged metadata is common and not worth a warning on stderr.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

MAX_CAPTION = 2000
"""Characters kept of a caption."""
_MAX_SIDECAR_BYTES = 64 * 1024

_EXIF_IFD = 0x8769
_IMAGE_DESCRIPTION = 0x010E
_DATE_TAGS = (0x9003, 0x9004)
"""DateTimeOriginal, DateTimeDigitized: in the Exif directory."""
_CHANGED_TAG = 0x0132
_IPTC_CAPTION = (2, 120)

# What cameras write where people would write a description.
_CAMERA_WORDS = frozenset(
    {
        "dcim",
        "default",
        "digital camera",
        "exif_jpeg_picture",
        "jpeg",
        "konica minolta digital camera",
        "minolta digital camera",
        "none",
        "olympus digital camera",
        "samsung",
        "sony dsc",
        "untitled",
    }
)
_WORD = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True)
class Metadata:
    """``width`` and ``height`` in pixels as displayed; ``taken`` is ISO 8601 by the camera's
    clock, without a zone; ``caption_source`` is "embedded", "sidecar" or ""; ``orientation`` is
    EXIF's, 1 to 8; ``icc_profile`` is b"" if there is none."""

    width: int
    height: int
    taken: str | None = None
    caption: str = ""
    caption_source: str = ""
    orientation: int = 1
    icc_profile: bytes = field(default=b"", repr=False)


def read_metadata(path: Path, file: BinaryIO | None = None) -> Metadata:
    """All metadata of a photo file and its sidecar, without decoding the pixels.

    Args:
        path: of the photo; the sidecar is beside it.
        file: the photo, if it is open already; its position is not kept.

    Raises:
        UnreadablePhoto: if the file is not a photo that can be opened.
    """
    caption = ""
    with opened_photo(file or path, pixels=False) as image:
        width, height = displayed_size(image)
        turned = orientation(image)
        profile = image.info.get("icc_profile")
        taken = _tried(_taken, image, path)
        for read in (_xmp_caption, _iptc_caption, _exif_caption):
            caption = caption or _clean(_tried(read, image, path) or "")
    source = "embedded" if caption else ""
    if not caption and (caption := sidecar_caption(path)):
        source = "sidecar"
    icc_profile = profile if isinstance(profile, bytes) else b""
    return Metadata(width, height, taken, caption, source, turned, icc_profile)


def sidecar_names(name: str) -> tuple[str, str]:
    """Names of the text files that may describe the photo file called ``name``."""
    stem = name.rpartition(".")[0]
    return f"{stem}.txt", f"{name}.txt"


def sidecar_caption(path: Path) -> str:
    """The caption in ``photo.txt`` or ``photo.jpg.txt`` beside a photo, or "".

    A file of numbers alone (boxes of an object detector) is no caption.
    """
    for name in sidecar_names(path.name):
        try:
            with open_regular(path.with_name(name)) as file:
                raw = file.read(_MAX_SIDECAR_BYTES)
        except OSError:
            continue
        if caption := _clean(_decoded(raw)):
            return caption
    return ""


def _tried(read: Callable[[Image.Image], str | None], image: Image.Image, path: Path) -> str | None:
    try:
        return read(image)
    except Exception:  # Pillow raises nearly anything on damaged metadata
        log.debug("%s failed on %r", read.__name__, path, exc_info=True)
        return None


def _taken(image: Image.Image) -> str | None:
    exif = image.getexif()
    inner = exif.get_ifd(_EXIF_IFD)
    for value in (*(inner.get(tag) for tag in _DATE_TAGS), exif.get(_CHANGED_TAG)):
        text = str(value or "").strip("\0 ")[:19]
        if not text:
            continue
        with contextlib.suppress(ValueError):
            return datetime.strptime(text, "%Y:%m:%d %H:%M:%S").isoformat()
    return None


def _xmp_caption(image: Image.Image) -> str | None:
    packet = xmp_packet(image)
    return xmp.description(packet) if packet else None


def _iptc_caption(image: Image.Image) -> str | None:
    if not isinstance(image, ImageFile.ImageFile):
        return None
    records = IptcImagePlugin.getiptcinfo(image) or {}
    raw: Any = records.get(_IPTC_CAPTION)
    if isinstance(raw, list):
        raw = raw[0] if raw else None
    return _decoded(raw) if isinstance(raw, bytes) else None


def _exif_caption(image: Image.Image) -> str | None:
    value: Any = image.getexif().get(_IMAGE_DESCRIPTION)
    if isinstance(value, bytes):
        return _decoded(value)
    if not isinstance(value, str):
        return None
    # EXIF says ASCII and Pillow reads it as Latin-1; in practice it is UTF-8.
    with contextlib.suppress(UnicodeError):
        return value.encode("latin-1").decode("utf-8")
    return value


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return raw.decode("utf-16", "replace")
        return western(raw)


def _clean(text: str) -> str:
    """One line of real words, or ""."""
    line = " ".join(spaced(text).split())[:MAX_CAPTION]
    if line.lower() in _CAMERA_WORDS or not _WORD.search(line):
        return ""
    return line
