"""What the undo menu calls verdicts on many images (Qt-free)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from lmpt_desktop.domain.states import Verdict
from lmpt_desktop.translation import _, ngettext, number
from lmpt_desktop.ui.kit.texts import classes_text, photos_text, predictions_text

MOST_NAMES = 3
"""Of more classes a label gives the number only."""


def set_classes(
    name_of: Callable[[int], str], requested: Mapping[int, Verdict], image_count: int
) -> str:
    """ "dog present, kite absent on 3 photos"; ``requested`` is by class id."""
    where = photos_text(image_count)
    if len(requested) > MOST_NAMES:
        return _("{classes} set on {images}").format(
            classes=classes_text(len(requested)), images=where
        )
    forms = {
        Verdict.PRESENT: _("{name} present"),
        Verdict.ABSENT: _("{name} absent"),
        Verdict.UNKNOWN: _("{name} unknown"),
    }
    parts = [
        forms[verdict].format(name=name_of(class_id)) for class_id, verdict in requested.items()
    ]
    return _("{verdicts} on {images}").format(verdicts=", ".join(parts), images=where)


def accepted(count: int, names: Sequence[str]) -> str:
    """ "Accepted 312 'bicycle' predictions", "Accepted 5 predictions of 2 classes"."""
    if len(names) == 1:
        return ngettext(
            "Accepted {count} '{name}' prediction", "Accepted {count} '{name}' predictions", count
        ).format(count=number(count), name=names[0])
    return _("Accepted {predictions} of {classes}").format(
        predictions=predictions_text(count), classes=classes_text(len(names))
    )


def pasted(source: str, image_count: int) -> str:
    """ "Verdicts of a.jpg on 3 photos"; ``source`` is a file name."""
    return _("Verdicts of {name} on {images}").format(name=source, images=photos_text(image_count))
