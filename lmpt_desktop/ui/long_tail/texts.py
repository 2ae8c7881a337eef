"""Sentences of the long-tail page: its state, what is missing, and pairs of classes (Qt-free)."""

from __future__ import annotations

from collections.abc import Sequence

from lmpt_desktop.domain.bands import FEW_EXAMPLES
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
    """What the figures are made from, or why some are missing; "" if that needs no words."""
    if not tail.annotated and not tail.scored_images:
        return _(
            "Nothing is annotated, and no photo has been encoded yet. Figures appear as photos "
            "are encoded."
        )
    if not tail.annotated:
        return _(
            "Nothing is annotated yet, so the numbers of photos are estimated from predictions. "
            "Every verdict makes them better."
        )
    if not tail.scored_images:
        return _("No photo has been encoded yet, so there are no predictions to compare.")
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
        case GapKind.FEW_EXAMPLES:
            text = ngettext(
                "{count} class has examples, but fewer than {enough} ({step})",
                "{count} classes have examples, but fewer than {enough} ({step})",
                count,
            )
        case GapKind.UNJUDGED:
            text = ngettext(
                "{count} rare class has predictions without a verdict ({amount} in all)",
                "{count} rare classes have predictions without a verdict ({amount} in all)",
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
        enough=FEW_EXAMPLES,
        step=ngettext(
            "{needed} more example of “{name}” is enough",
            "{needed} more examples of “{name}” are enough",
            gap.amount,
        ).format(needed=number(gap.amount), name=first),
    )


def forecast_reason(tail: LongTail, column: int) -> str:
    """What the forecast of a class was learned from; "" without one."""
    forecast = tail.forecast
    if forecast is None:
        return ""
    own = int(forecast.own_runs[column])
    if own:
        text = ngettext("learned from {count} run", "learned from {count} runs", own)
    elif forecast.runs:
        own = forecast.runs
        text = ngettext(
            "learned from other classes in {count} run",
            "learned from other classes in {count} runs",
            own,
        )
    else:
        text = _("no run yet: as for similar classes")
    text = text.format(count=number(own))
    if not forecast.measured[column]:
        text = _("very rough; {reason}").format(reason=text)
    return text


def narrowed_sentence(gap: Gap) -> str:
    """Which classes alone are listed."""
    text = {
        GapKind.NO_EXAMPLE: _("Only classes with no example are listed."),
        GapKind.FEW_EXAMPLES: _("Only classes that need more examples are listed."),
        GapKind.UNJUDGED: _("Only rare classes with predictions without a verdict are listed."),
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
