"""What a photo says of itself, in words: rows of a name and a text (Qt-free)."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from lmpt_desktop.domain.photo_details import NO_DETAILS, PhotoDetails, Place
from lmpt_desktop.engine.common_details import CommonDetails, Counted
from lmpt_desktop.engine.images import ImageDetails
from lmpt_desktop.translation import _, decimal, format_date, format_datetime, number
from lmpt_desktop.ui.kit.texts import file_size
from trainer.printable import shown_line

DOT = "  ·  "
_DOT = " · "
MOST_COUNTED = 12
"""Names that are listed with their numbers; of more it says how many."""


class DetailRow(NamedTuple):
    """A line of the list: what it is, and what the photo says."""

    name: str
    text: str


def exposure_line(details: PhotoDetails | None, dot: str = DOT) -> str:
    """ "1/250 s · f/2.8 · ISO 400 · 35 mm"; what is not said is left out."""
    if details is None:
        return ""
    parts: list[str] = []
    if details.exposure is not None:
        parts.append(exposure_text(details.exposure))
    if details.aperture is not None:
        parts.append(f"f/{_short(details.aperture)}")
    if details.iso is not None:
        # No thousands: it is a name as much as a number.
        parts.append(f"ISO {details.iso}")
    if details.focal_length is not None:
        parts.append(_("{length} mm").format(length=_short(details.focal_length)))
    return dot.join(parts)


def exposure_text(seconds: float) -> str:
    """ "1/250 s", "0.8 s", "30 s"."""
    if seconds < 0.3 and abs((inverse := 1 / seconds) - round(inverse)) < 0.05 * inverse:
        return _("1/{part} s").format(part=number(round(inverse)))
    return _("{seconds} s").format(seconds=_short(seconds))


def place_text(place: Place) -> str:
    """As maps take it: "52.520000, 13.400000", in every language."""
    return f"{place.latitude:.6f}, {place.longitude:.6f}"


def detail_rows(details: ImageDetails) -> tuple[DetailRow, ...]:
    """The rows of one photo; what it does not say has none."""
    said = details.photo or NO_DETAILS
    unread = _("Not read yet") if details.photo is None else ""
    exposure = exposure_line(said, _DOT)
    if said.focal_length_35 is not None and said.focal_length_35 != said.focal_length:
        length = _short(said.focal_length_35)
        same = _("{length} mm on 35 mm film").format(length=length)
        exposure = _DOT.join(filter(None, (exposure, same)))
    rows = [
        DetailRow(_("Camera"), said.camera or unread),
        DetailRow(_("Lens"), said.lens),
        DetailRow(_("Exposure"), exposure),
        DetailRow(_("Taken"), _taken(details.taken, said.subseconds)),
        DetailRow(_("Size"), _size(details)),
        DetailRow(_("Place"), _place(said.place)),
        DetailRow(_("Title"), said.title),
        DetailRow(_("Headline"), said.headline),
        DetailRow(_("Keywords"), _words(said.keywords)),
        DetailRow(_("In the side file"), _words(said.side_keywords)),
        DetailRow(_("Creator"), said.creator),
        DetailRow(_("Copyright"), said.copyright),
        DetailRow(_("File"), str(details.path)),
        DetailRow(_("File changed"), format_datetime(details.modified) if details.modified else ""),
    ]
    return tuple(DetailRow(name, shown_line(text)) for name, text in rows if text)


def common_rows(found: CommonDetails) -> tuple[DetailRow, ...]:
    """The rows of several photos: what they have in common, with numbers where they differ."""
    rows = [
        DetailRow(_("Cameras"), _counted(found.cameras, found.images)),
        DetailRow(_("Lenses"), _counted(found.lenses, found.images)),
        DetailRow(_("Taken"), _period(found)),
        DetailRow(_("Size"), file_size(found.size)),
        DetailRow(_("Keywords"), _counted(found.keywords, found.images)),
        DetailRow(_("Creator"), _counted(found.creators, found.images)),
        DetailRow(_("Copyright"), _counted(found.rights, found.images)),
    ]
    if found.read < found.images:
        first = _("Lenses, keywords and rights are those of the first {count} photos.")
        rows.append(DetailRow(_("Note"), first.format(count=number(found.read))))
    return tuple(DetailRow(name, shown_line(text)) for name, text in rows if text)


def as_lines(rows: tuple[DetailRow, ...], photos: int = 1) -> str:
    """For the clipboard: a line each, and how many photos they are of."""
    if photos > 1:
        rows = (DetailRow(_("Photos"), number(photos)), *rows)
    return "\n".join(f"{row.name}: {row.text}" for row in rows)


def _short(value: float) -> str:
    """A number with as many places as it needs, one at most, below one two."""
    most = 2 if value < 1 else 1
    kept = round(value, most)
    return decimal(value, next(digits for digits in range(most + 1) if round(kept, digits) == kept))


def _taken(taken: datetime | None, subseconds: str) -> str:
    """By the camera's clock, with its zone where it is said."""
    if taken is None:
        return ""
    parts = f".{subseconds}" if subseconds else ""
    zone = ""
    if (offset := taken.utcoffset()) is not None:
        minutes = round(offset.total_seconds() / 60)
        sign = "-" if minutes < 0 else "+"
        zone = f" UTC{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}" if minutes else " UTC"
    return f"{format_date(taken.date())}, {taken:%H:%M:%S}{parts}{zone}"


def _size(details: ImageDetails) -> str:
    parts = [file_size(details.size)] if details.size else []
    if details.pixels is not None:
        width, height = details.pixels
        parts.insert(0, f"{number(width)} × {number(height)}")
        if (millions := width * height / 1e6) >= 0.1:
            parts.insert(1, _("{count} megapixels").format(count=decimal(millions)))
    return _DOT.join(parts)


def _place(place: Place | None) -> str:
    if place is None:
        return ""
    altitude = ""
    if place.altitude is not None:
        altitude = _("{metres} m above the sea").format(metres=decimal(place.altitude, 0))
    return _DOT.join(filter(None, (place_text(place), altitude)))


def _words(keywords: tuple[str, ...]) -> str:
    return ", ".join(shown_line(word) for word in keywords)


def _period(found: CommonDetails) -> str:
    if found.first is None or found.last is None:
        return ""
    text = format_date(found.first)
    if found.last != found.first:
        text = _("{first} to {last}").format(first=text, last=format_date(found.last))
    if found.undated:
        undated = _("{count} without a date").format(count=number(found.undated))
        text = _DOT.join((text, undated))
    return text


def _counted(counted: Counted, images: int) -> str:
    """Names, with numbers unless one is of all photos; "" if none is said."""
    if not any(name for name, _count in counted):
        return ""
    parts: list[str] = []
    for name, count in counted[:MOST_COUNTED]:
        text = shown_line(name) if name else _("not said")
        parts.append(text if count == images else f"{text} ({number(count)})")
    if (more := len(counted) - MOST_COUNTED) > 0:
        parts.append(_("{count} more").format(count=number(more)))
    return ", ".join(parts)
