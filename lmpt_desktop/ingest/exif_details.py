"""Camera, exposure, place and rights in EXIF (CIPA DC-008, Exif 3.0)."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from typing import Any

from PIL import Image

from lmpt_desktop.domain.photo_details import (
    ALTITUDES,
    APERTURES,
    EXPOSURES,
    FOCAL_LENGTHS,
    ISOS,
    LONGEST_NAME,
    PhotoDetails,
    Place,
    tidy,
    tidy_keywords,
    within,
)

EXIF_IFD = 0x8769
GPS_IFD = 0x8825

_MAKE, _MODEL = 0x010F, 0x0110
_ARTIST, _COPYRIGHT = 0x013B, 0x8298
_XP_TITLE, _XP_AUTHOR, _XP_KEYWORDS = 0x9C9B, 0x9C9D, 0x9C9E
"""Of Windows, in UTF-16; several authors or keywords are separated by semicolons."""
_EXPOSURE, _APERTURE = 0x829A, 0x829D
_ISOS = (0x8827, 0x8833, 0x8832, 0x8831)
"""Photographic sensitivity, and where it is said if it is more than two bytes can hold."""
_ISO_BEYOND = 65535
_FOCAL_LENGTH, _FOCAL_LENGTH_35 = 0x920A, 0xA405
_LENS = 0xA434
_LATITUDE_SIDE, _LATITUDE, _LONGITUDE_SIDE, _LONGITUDE, _ALTITUDE_SIDE, _ALTITUDE = range(1, 7)

_NOT_THE_NAME = frozenset(
    (
        *("ag", "camera", "cameras", "co", "company", "corp", "corporation", "electric"),
        *("electronics", "gmbh", "imaging", "inc", "kg", "koki", "limited", "ltd", "optical"),
        *("technologies", "technology", "techwin"),
    )
)
"""Words behind the name of a maker."""
_WORD = re.compile(r"[^\W_]+")
_MOST_BYTES = 64 * 1024


def exif_details(exif: Image.Exif) -> PhotoDetails:
    """What EXIF says; damaged values say nothing."""
    inner: Mapping[int, Any] = exif.get_ifd(EXIF_IFD)
    place: Place | None = None
    with contextlib.suppress(ArithmeticError, TypeError, ValueError, LookupError):
        place = _place(exif.get_ifd(GPS_IFD))
    artist, right = text(value_of(exif, _ARTIST)), text(value_of(exif, _COPYRIGHT))
    return PhotoDetails(
        camera=camera_name(text(value_of(exif, _MAKE)), text(value_of(exif, _MODEL))),
        lens=_lens(text(inner.get(_LENS))),
        exposure=number(inner.get(_EXPOSURE), EXPOSURES),
        aperture=number(inner.get(_APERTURE), APERTURES),
        iso=_iso(inner),
        focal_length=number(inner.get(_FOCAL_LENGTH), FOCAL_LENGTHS),
        focal_length_35=number(inner.get(_FOCAL_LENGTH_35), FOCAL_LENGTHS),
        place=place,
        title=tidy(_windows_text(value_of(exif, _XP_TITLE))),
        creator=tidy(artist) or tidy(_windows_text(value_of(exif, _XP_AUTHOR))),
        # The photographer's and the editor's, with a zero between them.
        copyright=tidy("; ".join(part.strip() for part in right.split("\0") if part.strip())),
        keywords=tidy_keywords(_windows_text(value_of(exif, _XP_KEYWORDS)).split(";")),
    )


def value_of(exif: Image.Exif, tag: int) -> Any:
    """The value of a tag, or None."""
    # Its own get raises and catches for each tag that is not there, which is most of them.
    if tag not in exif:
        return None
    return exif.get(tag)


def camera_name(make: str, model: str) -> str:
    """Of a camera, as people call it: the maker once, without the kind of company it is."""
    make, model = tidy(make, LONGEST_NAME), tidy(model, LONGEST_NAME)
    words = [match[0] for match in _WORD.finditer(make)]
    names = [word for word in words if word.lower() not in _NOT_THE_NAME]
    if not model or not words:
        return model or make
    first = _WORD.search(model)
    known = {word.casefold() for word in names or words}
    if first is not None and first[0].casefold() in known:
        return model
    # As written, up to the first word that is not the name.
    end = next((match.start() for match in _WORD.finditer(make) if match[0] not in names), None)
    maker = make[:end].strip(" ,.") or make
    return f"{maker} {model}"[:LONGEST_NAME].rstrip()


def text(value: object) -> str:
    """A text of EXIF: by its definition ASCII, in practice UTF-8 or Latin-1."""
    if isinstance(value, bytes):
        value = value[:_MOST_BYTES].decode("latin-1")
    if not isinstance(value, str):
        return ""
    value = value[:_MOST_BYTES].strip("\0 ")
    if not value.isascii():
        with contextlib.suppress(UnicodeError):
            return value.encode("latin-1").decode("utf-8")
    return value


def number(value: object, bounds: tuple[float, float]) -> float | None:
    """A number within bounds, of several the first; None if it is none."""
    with contextlib.suppress(ArithmeticError, TypeError, ValueError, LookupError):
        one: Any = value[0] if isinstance(value, tuple | list) else value
        found = float(one)
        return found if within(found, bounds) else None
    return None


def _lens(name: str) -> str:
    """Cameras write dashes, zeros or nothing where they do not know it."""
    name = tidy(name, LONGEST_NAME)
    return name if re.search(r"[^\W_0]", name) else ""


def _iso(inner: Mapping[int, Any]) -> int | None:
    found = [number(inner.get(tag), ISOS) for tag in _ISOS]
    exact = next((value for value in found if value and value != _ISO_BEYOND), found[0])
    return None if exact is None else round(exact)


def _windows_text(value: object) -> str:
    if isinstance(value, tuple | list):
        value = bytes(
            item for item in value[:_MOST_BYTES] if isinstance(item, int) and 0 <= item < 256
        )
    if not isinstance(value, bytes):
        return ""
    return value[:_MOST_BYTES].decode("utf-16-le", "replace").rstrip("\0\ufffd")


def _place(gps: Mapping[int, Any]) -> Place | None:
    latitude = _degrees(gps.get(_LATITUDE), text(gps.get(_LATITUDE_SIDE)), "S")
    longitude = _degrees(gps.get(_LONGITUDE), text(gps.get(_LONGITUDE_SIDE)), "W")
    if latitude is None or longitude is None:
        return None
    altitude = number(gps.get(_ALTITUDE), ALTITUDES)
    side = gps.get(_ALTITUDE_SIDE)
    if altitude is not None and side in (1, b"\1", "\1"):
        altitude = -altitude
    return place(latitude, longitude, altitude)


def place(latitude: float, longitude: float, altitude: float | None = None) -> Place | None:
    """None where it cannot be, and at 0 degrees twice: receivers say so that know no place."""
    if altitude is not None and not within(altitude, ALTITUDES):
        altitude = None
    if abs(latitude) < 1e-9 and abs(longitude) < 1e-9:
        return None
    with contextlib.suppress(ValueError):
        return Place(
            round(latitude, 7),
            round(longitude, 7),
            None if altitude is None else round(altitude, 1),
        )
    return None


def _degrees(value: object, side: str, negative: str) -> float | None:
    """Of degrees, minutes and seconds, of which the last may be missing."""
    parts = value if isinstance(value, tuple | list) else (value,)
    if value is None or not 1 <= len(parts) <= 3:
        return None
    numbers: list[Any] = list(parts)
    sum_ = sum(float(part) / 60**place for place, part in enumerate(numbers))
    return -sum_ if side.upper().startswith(negative) else sum_
