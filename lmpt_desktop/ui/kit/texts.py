"""Names, counts and figures as the user reads them, translated (Qt-free)."""

from __future__ import annotations

from datetime import datetime

from lmpt_desktop.domain.states import Verdict
from lmpt_desktop.translation import N_, _, decimal, format_datetime, ngettext, number
from trainer.bands import Band
from trainer.suggested import BUNDLED_SIDES

DASH = "–"
NOT_MEASURABLE = N_("Not measurable yet")

_BANDS = {
    "total": N_("total"),
    "head": N_("common"),
    "medium": N_("fairly common"),
    "tail": N_("rare"),
}
_BAND_TERMS = {"head": N_("head"), "medium": N_("medium"), "tail": N_("tail")}
"""The words of the papers."""

_VERDICTS = {
    Verdict.PRESENT: N_("present"),
    Verdict.ABSENT: N_("absent"),
    Verdict.UNKNOWN: N_("unknown"),
}

NEEDS_EXAMPLES = "□"
"""The mark of a class with few examples, however common it is."""
LONGEST_NAME = 40
"""Characters that :func:`shorten` leaves of a name."""


# ------------------------------------------------------------------------------------- names


def band_name(band: Band | str) -> str:
    """ "common", "fairly common", "rare"; "total" for all together."""
    return _(_BANDS[str(band.value if isinstance(band, Band) else band)])


def band_term(band: Band) -> str:
    """ "common (head)", "fairly common (medium)", "rare (tail)", for tool tips."""
    return _("{word} ({term})").format(word=band_name(band), term=_(_BAND_TERMS[band.value]))


def verdict_name(verdict: Verdict) -> str:
    """ "present", "absent", "unknown"."""
    return _(_VERDICTS[verdict])


def backbone_name(backbone: str) -> str:
    """The displayed name of a backbone: "Lite" or "Lite+" for a bundled one, else its full name."""
    return backbone.capitalize() if backbone in BUNDLED_SIDES else backbone


def shorten(name: str) -> str:
    """A name short enough for a button or a question; elided in the middle."""
    if len(name) <= LONGEST_NAME:
        return name
    half = LONGEST_NAME // 2
    return f"{name[:half].rstrip()}…{name[-half:].lstrip()}"


# ------------------------------------------------------------------------------------ counts


def photos_text(count: int) -> str:
    """ "1 photo", "1,200 photos"."""
    return ngettext("{count} photo", "{count} photos", count).format(count=number(count))


def classes_text(count: int) -> str:
    """ "1 class", "1,200 classes"."""
    return ngettext("{count} class", "{count} classes", count).format(count=number(count))


def annotations_text(count: int) -> str:
    """ "1 annotation", "1,200 annotations"."""
    return ngettext("{count} annotation", "{count} annotations", count).format(count=number(count))


def predictions_text(count: int) -> str:
    """ "1 prediction", "1,200 predictions"."""
    return ngettext("{count} prediction", "{count} predictions", count).format(count=number(count))


def verdicts_text(count: int) -> str:
    """ "1 verdict", "1,200 verdicts"."""
    return ngettext("{count} verdict", "{count} verdicts", count).format(count=number(count))


def about(count: int) -> str:
    """ "about 12": an estimated number, written in this way everywhere."""
    return _("about {count}").format(count=number(count))


def examples_text(count: int) -> str:
    """ "12", or "□ 3" where so few present annotations are not enough to learn from."""
    from lmpt_desktop.domain.bands import FEW_EXAMPLES  # noqa: PLC0415

    return f"{NEEDS_EXAMPLES} {number(count)}" if count < FEW_EXAMPLES else number(count)


# ----------------------------------------------------------------------------------- figures


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
    """ "599 MB" for a number of bytes, in powers of ten; "unknown size" for 0."""
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


def difference(estimate: float, low: float, high: float) -> str:
    """A difference of figures in [0, 1] and its interval: "+3.1 (−1.0 to +7.4)"; "no difference"
    where all three are 0."""
    if estimate == low == high == 0:
        return _("no difference")
    return _("{difference} ({low} to {high})").format(
        difference=_signed(estimate), low=_signed(low), high=_signed(high)
    )


def _signed(value: float) -> str:
    """ "+3.1", "−1.0", "0.0"."""
    points = round(value * 100, 1)
    if points == 0:
        return decimal(0)
    return f"{'+' if points > 0 else '−'}{decimal(abs(points))}"


def local_time(iso: str) -> str:
    """An ISO 8601 date in UTC as "2024-05-31 14:05" in the user's time zone; "" stays ""."""
    if not iso:
        return ""
    try:
        when = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    return format_datetime(when)
