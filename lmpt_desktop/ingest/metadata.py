"""The metadata of a photo file: size in pixels, when it was taken, a caption.

Metadata is best effort: damaged EXIF costs the date, not the photo.
"""

from __future__ import annotations

import contextlib
import logging
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from PIL import Image, ImageFile, IptcImagePlugin

from lmpt_desktop.ingest import xmp
from lmpt_desktop.ingest.dates import from_parts, parse_date
from lmpt_desktop.ingest.loose_metadata import LooseMetadata, loose_metadata
from lmpt_desktop.ingest.metadata_blocks import xmp_packet
from lmpt_desktop.ingest.sidecars import first_date, read_sidecars, usual_sidecars
from lmpt_desktop.ingest.western import western
from lmpt_desktop.ingest.xmp import XmpFacts
from trainer.photo import displayed_size, opened_photo, orientation
from trainer.printable import spaced
from trainer.regular_file import open_regular

log = logging.getLogger(__name__)

# Damaged metadata is common and not worth a warning on stderr.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

MAX_CAPTION = 2000
"""Characters kept of a caption."""

T = TypeVar("T")

_EXIF_IFD = 0x8769
_GPS_IFD = 0x8825
_IMAGE_DESCRIPTION = 0x010E
_DATE_TAGS = ((0x9003, 0x9011), (0x9004, 0x9012))
"""DateTimeOriginal, DateTimeDigitized, each with its offset from UTC: in the Exif directory."""
_CHANGED_TAG, _CHANGED_OFFSET_TAG = 0x0132, 0x9010
_GPS_TIME, _GPS_DATE = 7, 29
_IPTC_CAPTION = (2, 120)
_IPTC_DATES = (((2, 55), (2, 60)), ((2, 62), (2, 63)))
"""Date and time of creation, and of digitising."""

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
    """``width`` and ``height`` in pixels as displayed; ``taken`` as :mod:`.dates` keeps it: ISO
    8601 by the camera's clock, with its offset from UTC where it is said; ``caption_source`` is
    "embedded", "sidecar" or ""; ``orientation`` is EXIF's, 1 to 8; ``icc_profile`` is b"" if there
    is none."""

    width: int
    height: int
    taken: str | None = None
    caption: str = ""
    caption_source: str = ""
    orientation: int = 1
    icc_profile: bytes = field(default=b"", repr=False)


def read_metadata(
    path: Path, file: BinaryIO | None = None, sidecars: Sequence[str] | None = None
) -> Metadata:
    """All metadata of a photo file and its sidecars, without decoding the pixels.

    Which of several captions and dates counts is in docs/formats.md.

    Args:
        path: of the photo; the sidecars are beside it.
        file: the photo, if it is open already; its position is not kept.
        sidecars: their names, the first to count first; None: try the usual ones.

    Raises:
        UnreadablePhoto: if the file is not a photo that can be opened.
    """
    with opened_photo(file or path, pixels=False) as image:
        width, height = displayed_size(image)
        turned = orientation(image)
        # Of a PNG it may have been made from gAMA and cHRM, which change how it is shown, too.
        profile = image.info.get("icc_profile") or image.info.get("made_profile")
        exif = _tried(image.getexif, path)
        iptc = _tried(lambda: _iptc(image), path) or {}
        packet = _tried(lambda: xmp_packet(image), path)
        described = _tried(lambda: _exif_caption(image), path)
        exif_dates = _tried(lambda: _exif_dates(exif), path) or _ExifDates()
    loose = _tried(lambda: _loose(path, file), path) or LooseMetadata()
    embedded = _tried(lambda: xmp.facts(packet or loose.xmp), path) or XmpFacts()
    behind = _tried(lambda: _exif_dates(_loaded(loose.exif)), path) or _ExifDates()
    beside = read_sidecars(path, usual_sidecars(path.name) if sidecars is None else sidecars)
    taken = _first(
        beside.taken,
        exif_dates.taken,
        first_date(embedded.dates),
        behind.taken,
        first_date(loose.dates),
        _iptc_date(iptc),
        exif_dates.satellite,
        behind.satellite,
        beside.export.taken,
        exif_dates.changed,
        behind.changed,
        loose.changed,
    )
    caption = source = ""
    for text, where in (
        (beside.description, "sidecar"),
        (embedded.description, "embedded"),
        (_iptc_caption(iptc), "embedded"),
        (described or "", "embedded"),
        (_decoded(beside.text), "sidecar"),
        (beside.export.description, "sidecar"),
    ):
        if not caption and (caption := _clean(text)):
            source = where
    icc_profile = profile if isinstance(profile, bytes) else b""
    return Metadata(width, height, taken, caption, source, turned, icc_profile)


def _first(*dates: str | None) -> str | None:
    return next(filter(None, dates), None)


def _tried(read: Callable[[], T], path: Path) -> T | None:
    try:
        return read()
    except Exception:  # Pillow raises nearly anything on damaged metadata
        log.debug("some metadata of %r cannot be read", path, exc_info=True)
        return None


def _loose(path: Path, file: BinaryIO | None) -> LooseMetadata:
    if file is not None:
        return loose_metadata(file)
    with open_regular(path) as opened:
        return loose_metadata(opened)


def _loaded(block: bytes) -> Image.Exif:
    exif = Image.Exif()
    if block:
        exif.load(block)
    return exif


# ------------------------------------------------------------------------------------- dates


@dataclass(frozen=True)
class _ExifDates:
    """When it was taken, by the camera and by satellites, and when it was changed."""

    taken: str | None = None
    satellite: str | None = None
    changed: str | None = None


def _exif_dates(exif: Image.Exif | None) -> _ExifDates:
    if exif is None:
        return _ExifDates()
    inner = exif.get_ifd(_EXIF_IFD)
    taken = _first(
        *(parse_date(_text(inner.get(tag)), _text(inner.get(zone))) for tag, zone in _DATE_TAGS)
    )
    changed = parse_date(_text(exif.get(_CHANGED_TAG)), _text(inner.get(_CHANGED_OFFSET_TAG)))
    satellite: str | None = None
    with contextlib.suppress(ArithmeticError, TypeError, ValueError, LookupError):
        satellite = _satellite_date(exif.get_ifd(_GPS_IFD))
    return _ExifDates(taken, satellite, changed)


def _satellite_date(gps: dict[int, Any]) -> str | None:
    """In UTC, by the receiver; None unless it says both day and time."""
    day = parse_date(_text(gps.get(_GPS_DATE)))
    time = gps.get(_GPS_TIME)
    if day is None or not isinstance(time, tuple | list) or len(time) != 3:
        return None
    hour, minute, second = (int(float(part)) for part in time)
    year, month, number = (int(part) for part in day[:10].split("-"))
    return from_parts((year, month, number), (hour, minute, second), "Z")


def _iptc_date(records: dict[Any, Any]) -> str | None:
    found: list[str | None] = []
    for day_key, time_key in _IPTC_DATES:
        day, time = _text(_one(records.get(day_key))), _text(_one(records.get(time_key)))
        found += [parse_date(f"{day}T{time}") if time else None, parse_date(day)]
    return _first(*found)


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value[:MAX_CAPTION].decode("latin-1")
    return value.strip("\0 ") if isinstance(value, str) else ""


def _one(value: Any) -> Any:
    """Of a record that may be there several times, the first."""
    return (value[0] if value else None) if isinstance(value, list) else value


# ---------------------------------------------------------------------------------- captions


def _iptc(image: Image.Image) -> dict[Any, Any]:
    if not isinstance(image, ImageFile.ImageFile):
        return {}
    return IptcImagePlugin.getiptcinfo(image) or {}


def _iptc_caption(records: dict[Any, Any]) -> str:
    raw = _one(records.get(_IPTC_CAPTION))
    return _decoded(raw) if isinstance(raw, bytes) else ""


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
