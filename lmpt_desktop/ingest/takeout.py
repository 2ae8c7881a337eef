"""What Google Takeout says of a photo, in a JSON file beside it."""

from __future__ import annotations

from dataclasses import dataclass

from lmpt_desktop.domain.photo_details import Place
from lmpt_desktop.ingest.dates import from_timestamp
from lmpt_desktop.ingest.exif_details import place
from trainer import checked_json
from trainer.checked_json import JsonError, Limits

MAX_BYTES = 256 * 1024
"""Real files have one or two kilobytes."""
_LIMITS = Limits(bytes=MAX_BYTES)

_ENDING = ".supplemental-metadata"
_LONGEST_STEM = 46
"""Characters of a name before ``.json``; Takeout cuts off the rest."""


@dataclass(frozen=True)
class TakeoutFacts:
    """``taken`` as :mod:`.dates` keeps it, in UTC, or None."""

    taken: str | None = None
    description: str = ""
    place: Place | None = None


def is_of_photo(file: str, photo: str) -> bool:
    """Whether the JSON file called ``file`` describes the photo called ``photo``: it is called
    ``photo.jpg.supplemental-metadata.json`` with any part of the ending cut off, down to
    ``photo.jpg.json``."""
    return file.startswith(photo) and _ENDING.startswith(file[len(photo) :].removesuffix(".json"))


def odd_names(photo: str) -> list[str]:
    """Other names that the JSON file of the photo called ``photo`` may have: if the name is long it
    is cut off itself, and the number of ``photo(1).jpg`` is behind the ending."""
    found = [f"{(photo + _ENDING)[:_LONGEST_STEM]}.json"]
    if (numbered := _numbered(photo)) is not None:
        plain, number = numbered
        stems = [plain + _ENDING[:count] for count in range(len(_ENDING), -1, -1)]
        stems.append((plain + _ENDING)[:_LONGEST_STEM])
        found += [f"{stem}{number}.json" for stem in stems]
    return found


def _numbered(photo: str) -> tuple[str, str] | None:
    """``photo(1).jpg`` as ``photo.jpg`` and ``(1)``."""
    stem, dot, suffix = photo.rpartition(".")
    plain, bracket, number = stem.rpartition("(")
    digits = number.removesuffix(")")
    if not (dot and plain and bracket and digits != number and digits.isdecimal()):
        return None
    return f"{plain}.{suffix}", f"({number}"


def takeout_facts(content: bytes) -> TakeoutFacts:
    """What a JSON file says; nothing if it is not of Takeout, or not valid."""
    try:
        body = checked_json.parse(content, _LIMITS)
    except (JsonError, ValueError):
        return TakeoutFacts()
    when = body.get("photoTakenTime") if isinstance(body, dict) else None
    stamp = when.get("timestamp") if isinstance(when, dict) else None
    if not isinstance(body, dict) or not isinstance(stamp, str | int) or isinstance(stamp, bool):
        return TakeoutFacts()
    text = str(stamp).strip()
    digits = text.removeprefix("-")
    valid = digits.isascii() and digits.isdecimal() and len(digits) <= 12
    described = body.get("description")
    return TakeoutFacts(
        from_timestamp(int(text)) if valid else None,
        described if isinstance(described, str) else "",
        _place(body.get("geoData")) or _place(body.get("geoDataExif")),
    )


def _place(said: object) -> Place | None:
    if not isinstance(said, dict):
        return None
    found = [said.get(name) for name in ("latitude", "longitude", "altitude")]
    latitude, longitude, altitude = (
        float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        for value in found
    )
    if latitude is None or longitude is None:
        return None
    # It writes 0 where it knows no altitude.
    return place(latitude, longitude, altitude or None)
