"""The metadata of a photo file: size in pixels, when it was taken, a caption, and details.

Metadata is best effort: damaged EXIF costs the date, not the photo.
"""

from __future__ import annotations

import contextlib
import logging
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from PIL import Image

from lmpt_desktop.domain.photo_details import (
    LONGEST_NAME,
    LONGEST_TEXT,
    NO_DETAILS,
    PhotoDetails,
    tidy,
    tidy_keywords,
)
from lmpt_desktop.ingest import iptc, xmp
from lmpt_desktop.ingest.dates import clean_subseconds, from_parts, parse_date, subseconds
from lmpt_desktop.ingest.exif_details import EXIF_IFD, GPS_IFD, camera_name, exif_details, value_of
from lmpt_desktop.ingest.loose_metadata import LooseMetadata, loose_metadata
from lmpt_desktop.ingest.metadata_blocks import iptc_block, xmp_packet
from lmpt_desktop.ingest.sidecars import (
    SidecarFacts,
    first_date,
    first_date_text,
    read_sidecars,
    usual_sidecars,
)
from lmpt_desktop.ingest.western import western
from lmpt_desktop.ingest.xmp import XmpFacts
from trainer.identity import how_shown
from trainer.photo import displayed_size, opened_photo
from trainer.printable import spaced
from trainer.regular_file import open_regular

log = logging.getLogger(__name__)

# Damaged metadata is common and not worth a warning on stderr.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

MAX_CAPTION = 2000
"""Characters kept of a caption."""

T = TypeVar("T")

_IMAGE_DESCRIPTION = 0x010E
_DATE_TAGS = ((0x9003, 0x9011, 0x9291), (0x9004, 0x9012, 0x9292))
"""DateTimeOriginal, DateTimeDigitized, each with its offset from UTC and parts of its second: in
the Exif directory."""
_CHANGED_TAG, _CHANGED_OFFSET_TAG = 0x0132, 0x9010
_GPS_TIME, _GPS_DATE = 7, 29
_IPTC_DATES = (
    (iptc.DAY_CREATED, iptc.TIME_CREATED),
    (iptc.DAY_DIGITISED, iptc.TIME_DIGITISED),
)

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


_NO_XMP = (xmp.NOTHING, xmp.NOTHING)


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
    details: PhotoDetails = NO_DETAILS


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
        turned, icc_profile = how_shown(image)
        exif = _tried(image.getexif, path)
        block = _tried(lambda: iptc_block(image), path) or b""
        packet = _tried(lambda: xmp_packet(image), path)
        described = _tried(lambda: _exif_caption(image), path)
        exif_dates = _tried(lambda: _exif_dates(exif or None), path) or _ExifDates()
        said = _tried(lambda: exif_details(exif), path) if exif else None
    loose = _tried(lambda: _loose(path, file), path) or LooseMetadata()
    embedded = _tried(lambda: xmp.facts(packet or loose.xmp), path) or xmp.NOTHING
    loaded = _tried(lambda: _loaded(loose.exif), path) if loose.exif else None
    behind = _tried(lambda: _exif_dates(loaded), path) or _ExifDates()
    said_behind = _tried(lambda: exif_details(loaded), path) if loaded is not None else None
    texts = iptc.texts(block)
    beside = read_sidecars(path, usual_sidecars(path.name) if sidecars is None else sidecars)
    taken = _first(
        beside.taken,
        exif_dates.taken,
        first_date(embedded.dates),
        behind.taken,
        first_date(loose.dates),
        _iptc_date(texts),
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
        (_one(texts, iptc.CAPTION), "embedded"),
        (described or "", "embedded"),
        (_decoded(beside.text), "sidecar"),
        (beside.export.description, "sidecar"),
    ):
        if text and not caption and (caption := _clean(text)):
            source = where
    parts = ""
    if taken is not None:
        # Of the clock that the date is of.
        parts = next(
            digits
            for date, digits in (
                (beside.taken, subseconds(beside.taken_text)),
                (exif_dates.taken, exif_dates.subseconds),
                (first_date(embedded.dates), subseconds(first_date_text(embedded.dates))),
                (behind.taken, behind.subseconds),
                (taken, ""),
            )
            if date is not None
        )
    found = [one for one in (said, said_behind) if one]
    if found or texts or parts or beside.export.place or (beside.xmp, embedded) != _NO_XMP:
        details = _details(beside, found, embedded, texts, parts)
    else:
        details = NO_DETAILS
    return Metadata(width, height, taken, caption, source, turned, icc_profile, details)


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
    subseconds: str = ""
    satellite: str | None = None
    changed: str | None = None


def _exif_dates(exif: Image.Exif | None) -> _ExifDates:
    if exif is None:
        return _ExifDates()
    inner = exif.get_ifd(EXIF_IFD)
    taken, parts = None, ""
    for tag, zone, digits in _DATE_TAGS:
        written = _text(inner.get(tag))
        if taken is None and (taken := parse_date(written, _text(inner.get(zone)))):
            parts = clean_subseconds(_text(inner.get(digits))) or subseconds(written)
    changed = parse_date(_text(exif.get(_CHANGED_TAG)), _text(inner.get(_CHANGED_OFFSET_TAG)))
    satellite: str | None = None
    with contextlib.suppress(ArithmeticError, TypeError, ValueError, LookupError):
        satellite = _satellite_date(exif.get_ifd(GPS_IFD))
    return _ExifDates(taken, parts, satellite, changed)


def _satellite_date(gps: dict[int, Any]) -> str | None:
    """In UTC, by the receiver; None unless it says both day and time."""
    day = parse_date(_text(gps.get(_GPS_DATE)))
    time = gps.get(_GPS_TIME)
    if day is None or not isinstance(time, tuple | list) or len(time) != 3:
        return None
    hour, minute, second = (int(float(part)) for part in time)
    year, month, number = (int(part) for part in day[:10].split("-"))
    return from_parts((year, month, number), (hour, minute, second), "Z")


def _iptc_date(texts: iptc.Texts) -> str | None:
    found: list[str | None] = []
    for day_key, time_key in _IPTC_DATES:
        day, time = _one(texts, day_key), _one(texts, time_key)
        found += [parse_date(f"{day}T{time}") if time else None, parse_date(day)]
    return _first(*found)


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value[:MAX_CAPTION].decode("latin-1")
    return value.strip("\0 ") if isinstance(value, str) else ""


def _one(texts: iptc.Texts, kind: tuple[int, int]) -> str:
    """Of a record that may be there several times, the first."""
    return next(iter(texts.get(kind, ())), "")


# --------------------------------------------------------------------------------- details


def _details(
    beside: SidecarFacts,
    exif: Sequence[PhotoDetails],
    embedded: XmpFacts,
    texts: iptc.Texts,
    parts: str,
) -> PhotoDetails:
    """What all places say together; docs/formats.md has their order."""
    first = exif[0] if exif else NO_DETAILS
    alone = not (texts or beside.export.place) and (beside.xmp, embedded) == _NO_XMP
    if alone and len(exif) == 1 and not _has_texts(first):
        return replace(first, subseconds=parts) if parts else first
    for other in exif[1:]:
        first = replace(
            first,
            **{
                item.name: getattr(other, item.name)
                for item in fields(first)
                if not getattr(first, item.name)
            },
        )
    packets = (beside.xmp, embedded)

    def words(*said: str, most: int = LONGEST_TEXT) -> str:
        return next(filter(None, (tidy(text, most) for text in said)), "")

    names = [camera_name(said.make, said.model) for said in packets]
    keywords = [*embedded.keywords, *texts.get(iptc.KEYWORD, ()), *first.keywords]
    return replace(
        first,
        camera=first.camera or words(*names, most=LONGEST_NAME),
        lens=first.lens or words(*(said.lens for said in packets), most=LONGEST_NAME),
        place=beside.xmp.place or first.place or embedded.place or beside.export.place,
        subseconds=parts,
        title=words(*(said.title for said in packets), _one(texts, iptc.TITLE), first.title),
        headline=words(*(said.headline for said in packets), _one(texts, iptc.HEADLINE)),
        creator=words(
            *(", ".join(said.creators) for said in packets),
            ", ".join(texts.get(iptc.BYLINE, ())),
            first.creator,
        ),
        copyright=words(
            *(said.rights for said in packets), _one(texts, iptc.COPYRIGHT), first.copyright
        ),
        keywords=tidy_keywords(keywords),
        side_keywords=tidy_keywords(list(beside.xmp.keywords)),
    )


def _has_texts(said: PhotoDetails) -> bool:
    return bool(said.title or said.creator or said.copyright or said.keywords)


# ---------------------------------------------------------------------------------- captions


def _exif_caption(image: Image.Image) -> str | None:
    value: Any = value_of(image.getexif(), _IMAGE_DESCRIPTION)
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
