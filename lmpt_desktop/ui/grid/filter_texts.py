"""What a filter says, one short text per condition (Qt-free)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum

from lmpt_desktop.domain.records import ImageState
from lmpt_desktop.inference.filters import (
    ClassCondition,
    Dates,
    Filter,
    Match,
    Period,
    Status,
)
from lmpt_desktop.translation import N_, _, format_date, ngettext, number
from lmpt_desktop.ui.kit.texts import band_name
from trainer.printable import isolated, shown_line

STATUS_TEXTS: tuple[tuple[str, Status | None], ...] = (
    (N_("Any status"), None),
    (N_("Predicted"), Status.PREDICTED),
    (N_("Marked present"), Status.PRESENT),
    (N_("Marked absent"), Status.ABSENT),
    (N_("Unknown"), Status.UNKNOWN),
    (N_("Corrected"), Status.CORRECTED),
)
PERIOD_TEXTS: tuple[tuple[str, Period], ...] = (
    (N_("Last 30 days"), Period.RECENT),
    (N_("This year"), Period.THIS_YEAR),
    (N_("Last year"), Period.LAST_YEAR),
)
STATE_TEXTS: tuple[tuple[str, ImageState | None], ...] = (
    (N_("Any file"), None),
    (N_("File missing"), ImageState.MISSING),
    (N_("File unreadable"), ImageState.UNREADABLE),
)
MOST_NAMES = 3
"""Classes that a text names; of more it says how many."""


class Condition(Enum):
    """A part of a filter that is shown, edited and removed on its own; its field."""

    CLASSES = "classes"
    WITHOUT = "without"
    BAND = "band"
    STATUS = "status"
    UNREVIEWED = "unreviewed"
    DATES = "dates"
    CAMERA = "camera"
    STATE = "state"
    EDITED = "edited"
    TEXT = "text"
    IMAGES = "image_ids"


@dataclass(frozen=True)
class ConditionText:
    """A condition that is set, in words."""

    condition: Condition
    text: str


def condition_texts(
    requested: Filter, class_name: Callable[[int], str]
) -> tuple[ConditionText, ...]:
    """The conditions of a filter that are set, except the folder, in the order they are shown."""
    found: list[tuple[Condition, str]] = []
    if requested.image_ids is not None:
        count = len(requested.image_ids)
        chosen = ngettext("One chosen photo", "{count} chosen photos", count)
        found.append((Condition.IMAGES, chosen.format(count=number(count))))
    if requested.classes:
        found.append((Condition.CLASSES, _classes_text(requested.classes, class_name)))
    if requested.without:
        names = _names(requested.without, class_name)
        text = _("not {name}") if len(requested.without) == 1 else _("none of: {name}")
        found.append((Condition.WITHOUT, text.format(name=names)))
    if requested.status is not None:
        text = next(_(text) for text, status in STATUS_TEXTS if status is requested.status)
        found.append((Condition.STATUS, text))
    if requested.band is not None:
        found.append((Condition.BAND, band_name(requested.band).capitalize()))
    if requested.unreviewed:
        found.append((Condition.UNREVIEWED, _("Not reviewed")))
    if requested.dates:
        found.append((Condition.DATES, dates_text(requested.dates)))
    if requested.camera is not None:
        found.append((Condition.CAMERA, camera_text(requested.camera)))
    if requested.state is not None:
        text = next((_(text) for text, state in STATE_TEXTS if state is requested.state), "")
        found.append((Condition.STATE, text))
    if requested.edited:
        found.append((Condition.EDITED, _("Changed since annotated")))
    if requested.text:
        found.append((Condition.TEXT, _("Name: {text}").format(text=requested.text)))
    return tuple(ConditionText(condition, text) for condition, text in found)


def without_condition(requested: Filter, condition: Condition) -> Filter:
    """The filter with one condition taken out."""
    return replace(requested, **{condition.value: getattr(Filter(), condition.value)})


def camera_text(name: str) -> str:
    """Of a camera, or of none."""
    return shown_line(name) if name else _("No camera named")


def dates_text(dates: Dates) -> str:
    """ "2024", "This year", "From 03/05/2024"."""
    if dates.period is not None:
        return next(_(text) for text, period in PERIOD_TEXTS if period is dates.period)
    first, last = dates.first, dates.last
    if first is not None and last is not None:
        if (first, last) == (date(first.year, 1, 1), date(first.year, 12, 31)):
            return str(first.year)
        if first == last:
            return format_date(first)
        return _("{first} to {last}").format(first=format_date(first), last=format_date(last))
    if first is not None:
        return _("From {day}").format(day=format_date(first))
    return _("Up to {day}").format(day=format_date(last)) if last is not None else ""


def _classes_text(condition: ClassCondition, class_name: Callable[[int], str]) -> str:
    names = _names(condition.ids, class_name)
    if len(condition.ids) == 1:
        return names
    text = _("any of: {name}") if condition.match is Match.ANY else _("all of: {name}")
    return text.format(name=names)


def _names(ids: tuple[int, ...], class_name: Callable[[int], str]) -> str:
    shown = ", ".join(isolated(class_name(id_)) for id_ in ids[:MOST_NAMES])
    if len(ids) > MOST_NAMES:
        shown = _("{names} and {count} more").format(
            names=shown, count=number(len(ids) - MOST_NAMES)
        )
    return shown
