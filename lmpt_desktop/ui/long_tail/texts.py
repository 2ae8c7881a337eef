"""Sentences of the long-tail page: its state, what is missing, and pairs of classes (Qt-free)."""

from __future__ import annotations

from collections.abc import Sequence

from lmpt_desktop.inference.co_occurrence import CoOccurrence
from lmpt_desktop.inference.long_tail import LongTail
from lmpt_desktop.inference.tail_gaps import Gap, GapKind
from lmpt_desktop.translation import _, decimal, join_names, ngettext, number
from lmpt_desktop.ui.kit.texts import classes_text, photos_text

NAMED = 3
"""How many classes a sentence names; the others are counted."""


def summary(tail: LongTail) -> str:
    """The size of the library."""
    return f"{classes_text(len(tail))}, {photos_text(tail.images)}"


def state_sentence(tail: LongTail) -> str:
    """Why some figures are estimated or missing; "" if none is."""
    if tail.estimated and not tail.scored_images:
        return _(
            "Nothing is annotated, and no photo has been encoded yet. Figures appear as photos "
            "are encoded."
        )
    if tail.estimated:
        return _(
            "Nothing is annotated yet, so bars and bands are estimated from predictions. Once you "
            "annotate a few photos, they show your annotations."
        )
    if not tail.scored_images:
        return _("No photo has been encoded yet, so there are no predictions to compare.")
    if tail.bands.estimated:
        return _(
            "Bars count your examples. Bands are still estimated from predictions, until half of "
            "the classes have an example."
        )
    if not tail.evaluated:
        return _("No retraining has been evaluated yet, so there is no AP to show.")
    return ""


def gap_sentence(tail: LongTail, gap: Gap) -> str:
    """What is missing, in a sentence."""
    count = len(gap.columns)
    first = tail.names[int(gap.columns[0])]
    match gap.kind:
        case GapKind.NO_EXAMPLE:
            text = ngettext(
                "{count} class has no example: {names}",
                "{count} classes have no example: {names}",
                count,
            )
        case GapKind.NEAR_MEDIUM:
            text = ngettext(
                "{count} class is one band from medium ({step})",
                "{count} classes are one band from medium ({step})",
                count,
            )
        case GapKind.NEAR_HEAD:
            text = ngettext(
                "{count} class is one band from head ({step})",
                "{count} classes are one band from head ({step})",
                count,
            )
        case GapKind.UNJUDGED:
            text = ngettext(
                "{count} tail class has predictions without a verdict ({amount} in all)",
                "{count} tail classes have predictions without a verdict ({amount} in all)",
                count,
            )
        case GapKind.NOT_MEASURED:
            text = ngettext(
                "{count} class has too few held-out photos for an AP: {names}",
                "{count} classes have too few held-out photos for an AP: {names}",
                count,
            )
        case GapKind.NOT_PREDICTED:
            text = ngettext(
                "{count} class is predicted in no photo: {names}",
                "{count} classes are predicted in no photo: {names}",
                count,
            )
    return text.format(
        count=number(count),
        names=_some(tail, gap.columns.tolist()),
        amount=number(gap.amount),
        step=ngettext(
            "{needed} more example of “{name}” is enough",
            "{needed} more examples of “{name}” are enough",
            gap.amount,
        ).format(needed=number(gap.amount), name=first),
    )


def narrowed_sentence(gap: Gap) -> str:
    """Which classes alone are listed."""
    text = {
        GapKind.NO_EXAMPLE: _("Only classes with no example are listed."),
        GapKind.NEAR_MEDIUM: _("Only classes one band from medium are listed."),
        GapKind.NEAR_HEAD: _("Only classes one band from head are listed."),
        GapKind.UNJUDGED: _("Only tail classes with predictions without a verdict are listed."),
        GapKind.NOT_MEASURED: _("Only classes without an AP are listed."),
        GapKind.NOT_PREDICTED: _("Only classes predicted in no photo are listed."),
    }
    return text[gap.kind]


def pair_sentence(tail: LongTail, found: CoOccurrence, row: int, column: int) -> str:
    """What a cell of the heat map means."""
    first = tail.names[int(found.columns[row])]
    own, both = int(found.counts[row, row]), int(found.counts[row, column])
    if row == column:
        text = ngettext("“{first}” in {own} photo", "“{first}” in {own} photos", own)
        return text.format(first=first, own=number(own))
    second = tail.names[int(found.columns[column])]
    text = ngettext(
        "“{first}” with “{second}”: {both} photo", "“{first}” with “{second}”: {both} photos", both
    ).format(first=first, second=second, both=number(both))
    if not own:
        return text
    share = _("{share} % of the photos with “{first}” show “{second}” too").format(
        share=decimal(100 * both / own, 0), first=first, second=second
    )
    return f"{text}. {share}"


def _some(tail: LongTail, columns: Sequence[int]) -> str:
    return join_names([tail.names[column] for column in columns], NAMED)
