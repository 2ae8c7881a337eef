"""What a format cannot hold, in words."""

from __future__ import annotations

from collections.abc import Callable

from lmpt_desktop.interchange.format import Loss
from lmpt_desktop.translation import N_, ngettext, number

LOSS_TITLES: dict[Loss, str] = {
    Loss.ABSENT: N_("absent verdicts"),
    Loss.REVIEWED: N_("reviewed marks"),
    Loss.PREDICTION: N_("what a model said"),
    Loss.SCORE: N_("scores"),
    Loss.SOURCE: N_("where annotations come from"),
    Loss.EMPTY_IMAGE: N_("photos of which nothing is said"),
    Loss.PLACE: N_("folders"),
    Loss.HASH: N_("fingerprints and hashes"),
    Loss.SPLIT: N_("which photos are held out"),
    Loss.CAPTION: N_("captions"),
    Loss.STATE: N_("missing and unreadable files"),
    Loss.CLASS_NAME: N_("some class names"),
    Loss.CLASS_DETAILS: N_("descriptions, other names and colours of classes"),
}
"""What is lost, for lists; not yet translated."""

_SENTENCES: dict[Loss, Callable[[int], str]] = {
    Loss.ABSENT: lambda n: ngettext(
        "{count} absent verdict cannot be held by this format.",
        "{count} absent verdicts cannot be held by this format.",
        n,
    ),
    Loss.REVIEWED: lambda n: ngettext(
        "{count} reviewed mark cannot be held by this format.",
        "{count} reviewed marks cannot be held by this format.",
        n,
    ),
    Loss.PREDICTION: lambda n: ngettext(
        "{count} verdict of a model is left out: this format cannot tell it from a person's.",
        "{count} verdicts of a model are left out: this format cannot tell them from a person's.",
        n,
    ),
    Loss.SCORE: lambda n: ngettext(
        "{count} score cannot be held by this format.",
        "{count} scores cannot be held by this format.",
        n,
    ),
    Loss.SOURCE: lambda n: ngettext(
        "This format cannot say where {count} annotation comes from.",
        "This format cannot say where {count} annotations come from.",
        n,
    ),
    Loss.EMPTY_IMAGE: lambda n: ngettext(
        "{count} photo is left out, since this format has nothing to say of it.",
        "{count} photos are left out, since this format has nothing to say of them.",
        n,
    ),
    Loss.PLACE: lambda n: ngettext(
        "This format cannot say in which folder {count} photo is.",
        "This format cannot say in which folders {count} photos are.",
        n,
    ),
    Loss.HASH: lambda n: ngettext(
        "{count} photo can be recognised by its name only, not by its content.",
        "{count} photos can be recognised by their names only, not by their content.",
        n,
    ),
    Loss.SPLIT: lambda n: ngettext(
        "This format cannot say whether {count} photo is held out from training.",
        "This format cannot say whether {count} photos are held out from training.",
        n,
    ),
    Loss.CAPTION: lambda n: ngettext(
        "{count} caption cannot be held by this format.",
        "{count} captions cannot be held by this format.",
        n,
    ),
    Loss.STATE: lambda n: ngettext(
        "This format cannot say that {count} photo is missing or unreadable.",
        "This format cannot say that {count} photos are missing or unreadable.",
        n,
    ),
    Loss.CLASS_NAME: lambda n: ngettext(
        "{count} annotation gets a changed class name.",
        "{count} annotations get a changed class name.",
        n,
    ),
    Loss.CLASS_DETAILS: lambda n: ngettext(
        "{count} class loses its description, other names and colour, or is left out because no "
        "photo has it.",
        "{count} classes lose their descriptions, other names and colours, or are left out "
        "because no photo has them.",
        n,
    ),
}


def loss_sentence(loss: Loss, count: int) -> str:
    """A sentence for the user: "312 absent verdicts cannot be held by this format."."""
    return _SENTENCES[loss](count).format(count=number(count))
