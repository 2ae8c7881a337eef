"""Numbers as the user reads them (Qt-free)."""

from __future__ import annotations

from datetime import datetime

from lmpt_desktop.translation import N_, _, decimal, moment, number

DASH = "–"
NOT_ENOUGH = N_("Not enough to judge")


def duration(seconds: float | None) -> str:
    """ "a few seconds", "about 40 seconds", "about 3 minutes", "about 2 hours"."""
    if seconds is None:
        return _("unknown")
    if seconds < 8:
        return _("a few seconds")
    if seconds < 90:
        return _("about {count} seconds").format(count=round(seconds / 5) * 5)
    if seconds < 90 * 60:
        return _("about {count} minutes").format(count=round(seconds / 60))
    hours = round(seconds / 3600, 1)
    return _("about {count} hours").format(count=decimal(hours, 0 if hours % 1 == 0 else 1))


def file_size(count: int) -> str:
    """ "599 MB", in powers of ten as shops and browsers say it; "unknown size" for 0."""
    if count <= 0:
        return _("unknown size")
    amount = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    if unit == "bytes":
        return _("{count} bytes").format(count=number(count))
    return f"{decimal(amount, 1 if amount < 10 else 0)} {unit}"


def percent(value: float | None, *, missing: str = DASH) -> str:
    """A figure in [0, 1] as "42.8"."""
    return missing if value is None else decimal(value * 100)


def change(old: float | None, new: float | None) -> str:
    """ "+8.4", "−0.3", "±0.0", or a dash where either side is missing."""
    if old is None or new is None:
        return DASH
    points = round((new - old) * 100, 1)
    if points == 0:
        return f"±{decimal(0)}"
    return f"{'+' if points > 0 else '−'}{decimal(abs(points))}"


def local_time(iso: str) -> str:
    """An ISO 8601 date in UTC as "2024-05-31 14:05" where the user is; "" stays ""."""
    if not iso:
        return ""
    try:
        when = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    return moment(when)


def counted(count: int, one: str, many: str) -> str:
    """ "1 photo", "1,200 photos"."""
    return f"{number(count)} {one if count == 1 else many}"
