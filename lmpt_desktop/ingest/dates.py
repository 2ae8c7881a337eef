"""When a photo was taken, in the spellings that cameras and programs write.

A date is kept as ISO 8601 to the second, by the clock of whoever wrote it, with that clock's offset
from UTC where it is said: ``2023-10-06T14:04:20`` or ``2023-10-06T14:04:20+02:00``.
"""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, datetime
from email.utils import parsedate_tz

from lmpt_desktop.domain.photo_details import MOST_SUBSECONDS

MAX_TEXT = 64
"""Characters of a date; a longer text is none."""
_LARGEST_OFFSET = 14 * 60
"""Minutes; the line islands."""

_DATE = re.compile(
    r"""
    (?P<year>[0-9]{4}) (?: [-:/.] (?P<month>[0-9]{1,2}) [-:/.] (?P<day>[0-9]{1,2})
                         | (?P<compact>[0-9]{4}) )
    (?: [T\ ]+ (?P<hour>[0-9]{1,2}) [:.]? (?P<minute>[0-9]{2})
        (?: [:.]? (?P<second>[0-9]{2}) (?: [.,:] (?P<part>[0-9]+) )? )?
        \ * (?P<offset> Z | UTC | GMT | [+-][0-9]{2} (?: :?[0-9]{2} )? )?
    )?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_OFFSET = re.compile(r"(?P<sign>[+-])(?P<hours>[0-9]{2}):?(?P<minutes>[0-9]{2})?")


def parse_date(text: str, offset: str = "") -> str | None:
    """A date with or without a time, as it is kept; None if that is no date.

    A date alone is midnight.  The hour 24 is that after midnight of the same day: cameras that
    count hours from 1 to 24 write it (``24:04:20``).

    Args:
        text: EXIF's spelling (``2023:10:06 14:04:20``), ISO 8601, with any of the usual signs
            between its parts, or RFC 2822's (of PNG).
        offset: from UTC, where it is said beside the text.
    """
    text = text.strip("\0 \t\r\n")
    if not 0 < len(text) <= MAX_TEXT:
        return None
    found = _DATE.fullmatch(text)
    if found is None:
        return _mail_date(text)
    part = found.groupdict()
    compact = part["compact"] or ""
    month, day = part["month"] or compact[:2], part["day"] or compact[2:]
    hour = int(part["hour"] or 0)
    return _kept(
        (int(part["year"]), int(month), int(day)),
        (0 if hour == 24 else hour, int(part["minute"] or 0), int(part["second"] or 0)),
        part["offset"] or (offset if part["hour"] else ""),
    )


def subseconds(text: str) -> str:
    """The digits behind the point of the seconds of a date; "" if there are none."""
    text = text.strip("\0 \t\r\n")
    found = _DATE.fullmatch(text) if 0 < len(text) <= MAX_TEXT else None
    return clean_subseconds(found["part"] or "") if found else ""


def clean_subseconds(digits: str) -> str:
    """As many as are kept; "" for what is no number."""
    digits = digits.strip("\0 \t\r\n")
    return digits[:MOST_SUBSECONDS] if digits.isascii() and digits.isdigit() else ""


def from_timestamp(seconds: int) -> str | None:
    """Of seconds since the epoch, in UTC; None if that is no date."""
    with contextlib.suppress(ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    return None


def from_parts(day: tuple[int, int, int], time: tuple[int, int, int], offset: str) -> str | None:
    """Of numbers; None if they are no date."""
    return _kept(day, time, offset)


def _kept(day: tuple[int, int, int], time: tuple[int, int, int], offset: str) -> str | None:
    hour, minute, second = time
    try:
        # A leap second, which datetime does not know.
        local = datetime(*day, hour, minute, 59 if second == 60 else second)
    except ValueError:
        return None
    return local.isoformat() + _clean_offset(offset)


def _clean_offset(offset: str) -> str:
    """``+02:00``; "" if nothing valid is said."""
    offset = offset.strip("\0 \t\r\n")
    if offset.upper() in ("Z", "UTC", "GMT"):
        return "+00:00"
    found = _OFFSET.fullmatch(offset)
    if found is None:
        return ""
    hours, minutes = int(found["hours"]), int(found["minutes"] or 0)
    if minutes > 59 or hours * 60 + minutes > _LARGEST_OFFSET:
        return ""
    return f"{found['sign']}{hours:02}:{minutes:02}"


def _mail_date(text: str) -> str | None:
    if not re.search(r"[A-Za-z]{3}", text):
        return None
    try:
        found = parsedate_tz(text)
    except (ValueError, IndexError, TypeError, OverflowError):  # on odd texts it raises these
        return None
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found[:6])
    seconds = found[9]
    offset = ""
    if seconds is not None:
        minutes = abs(seconds) // 60
        offset = f"{'-' if seconds < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"
    return _kept((year, month, day), (hour, minute, second), offset)
