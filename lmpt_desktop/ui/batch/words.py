"""The sentences and step names that batch acts share."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.translation import _, ngettext, number

NAMED = 3
"""A step's name lists at most so many classes."""


LONGEST = 40
"""A name in a sentence has at most so many characters."""


def images(count: int) -> str:
    return ngettext("{count} photo", "{count} photos", count).format(count=number(count))


def classes(count: int) -> str:
    return ngettext("{count} class", "{count} classes", count).format(count=number(count))


def verdicts(count: int) -> str:
    return ngettext("{count} verdict", "{count} verdicts", count).format(count=number(count))


def predictions(count: int) -> str:
    return ngettext("{count} prediction", "{count} predictions", count).format(count=number(count))


def short(name: str) -> str:
    """A name that leaves a button or a question within the window."""
    if len(name) <= LONGEST:
        return name
    half = LONGEST // 2
    return f"{name[:half].rstrip()}…{name[-half:].lstrip()}"


def listed(names: list[str], most: int = NAMED) -> str:
    """A few names, and how many there are beyond them."""
    shown = ", ".join(names[:most])
    rest = len(names) - most
    if rest <= 0:
        return shown
    return _("{names} and {count} more").format(names=shown, count=number(rest))


def set_classes(
    name_of: Callable[[int], str], wanted: Mapping[int, Verdict], image_count: int
) -> str:
    """What the undo menu calls verdicts on some classes of some images."""
    where = images(image_count)
    if len(wanted) > NAMED:
        return _("{classes} set on {images}").format(classes=classes(len(wanted)), images=where)
    said = {
        Verdict.PRESENT: _("{name} present"),
        Verdict.ABSENT: _("{name} absent"),
        Verdict.UNKNOWN: _("{name} unknown"),
    }
    parts = [said[verdict].format(name=name_of(class_id)) for class_id, verdict in wanted.items()]
    return _("{verdicts} on {images}").format(verdicts=", ".join(parts), images=where)


def accepted(count: int, names: list[str]) -> str:
    """What the undo menu calls accepted predictions."""
    if len(names) == 1:
        return ngettext(
            "Accepted {count} '{name}' prediction", "Accepted {count} '{name}' predictions", count
        ).format(count=number(count), name=names[0])
    return _("Accepted {predictions} of {classes}").format(
        predictions=predictions(count), classes=classes(len(names))
    )


def copied(source: str, image_count: int) -> str:
    """What the undo menu calls pasted verdicts."""
    return _("Verdicts of {name} on {images}").format(name=source, images=images(image_count))
