"""What a photo says of itself: camera, exposure, place, keywords and rights.

Bounded and plain: a photo from anywhere may say anything.  What is out of bounds is refused here,
so that a reader of files leaves it out and a reader of the catalogue does not trust it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from trainer.printable import spaced

LONGEST_NAME = 120
"""Characters of a camera, a lens and a keyword."""
LONGEST_TEXT = 500
"""Characters of a title, a headline, a creator and a copyright."""
MOST_KEYWORDS = 200
"""Of one place: the file, or what is beside it."""
MOST_SUBSECONDS = 6
"""Digits."""

EXPOSURES = (1e-7, 1e6)
APERTURES = (0.1, 1000.0)
ISOS = (1.0, 1e8)
FOCAL_LENGTHS = (0.1, 1e5)
ALTITUDES = (-12_000.0, 1e6)


def within(value: float, bounds: tuple[float, float]) -> bool:
    """Whether it is a number, and within ``bounds``."""
    return math.isfinite(value) and bounds[0] <= value <= bounds[1]


def _is_outside(value: float | None, bounds: tuple[float, float]) -> bool:
    return value is not None and not within(value, bounds)


def tidy(text: str, most: int = LONGEST_TEXT) -> str:
    """A text on one line, without hidden characters, of at most ``most`` characters."""
    if not text:
        return ""
    # A long one is cut before the work, not only after it.
    text = text[: 4 * most]
    return " ".join((text if text.isprintable() else spaced(text)).split())[:most].rstrip()


def tidy_keywords(found: list[str]) -> tuple[str, ...]:
    """Keywords as they are kept: each once, tidy, and not too many."""
    if not found:
        return ()
    tidied = dict.fromkeys(tidy(text, LONGEST_NAME) for text in found[: 4 * MOST_KEYWORDS])
    tidied.pop("", None)
    return tuple(tidied)[:MOST_KEYWORDS]


@dataclass(frozen=True)
class Place:
    """In degrees, north and east positive; ``altitude`` in metres above the sea, None if unknown.

    Raises:
        ValueError: if there is no such place.
    """

    latitude: float
    longitude: float
    altitude: float | None = None

    def __post_init__(self) -> None:
        valid = within(self.latitude, (-90, 90)) and within(self.longitude, (-180, 180))
        if not valid or (self.altitude is not None and not within(self.altitude, ALTITUDES)):
            raise ValueError("no place")


@dataclass(frozen=True)
class PhotoDetails:
    """``""``, None and () where the photo does not say it.

    Attributes:
        camera: maker and model, the maker once.
        lens: its name.
        exposure: seconds.
        aperture: the f-number.
        iso: the sensitivity.
        focal_length: millimetres.
        focal_length_35: millimetres with the same angle of view on 35 mm film.
        subseconds: digits behind the point of the date's seconds.
        place: where it was taken.
        title, headline, creator, copyright: as written.
        keywords: in the file.
        side_keywords: in its XMP side files.

    Raises:
        ValueError: if a value is out of bounds.
    """

    camera: str = ""
    lens: str = ""
    exposure: float | None = None
    aperture: float | None = None
    iso: int | None = None
    focal_length: float | None = None
    focal_length_35: float | None = None
    subseconds: str = ""
    place: Place | None = None
    title: str = ""
    headline: str = ""
    creator: str = ""
    copyright: str = ""
    keywords: tuple[str, ...] = ()
    side_keywords: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # For every photo of a scan, in two processes.
        digits = self.subseconds
        keywords = (*self.keywords, *self.side_keywords)
        if (
            _is_outside(self.exposure, EXPOSURES)
            or _is_outside(self.aperture, APERTURES)
            or _is_outside(self.iso, ISOS)
            or _is_outside(self.focal_length, FOCAL_LENGTHS)
            or _is_outside(self.focal_length_35, FOCAL_LENGTHS)
            or max(map(len, (self.camera, self.lens, *keywords))) > LONGEST_NAME
            or max(map(len, (self.title, self.headline, self.creator, self.copyright)))
            > LONGEST_TEXT
            or max(len(self.keywords), len(self.side_keywords)) > MOST_KEYWORDS
            or len(digits) > MOST_SUBSECONDS
            or (digits and not (digits.isascii() and digits.isdigit()))
        ):
            raise ValueError("details out of bounds")

    def __bool__(self) -> bool:
        return self != NO_DETAILS


NO_DETAILS = PhotoDetails()
