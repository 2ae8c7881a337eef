"""What a comparison says: what is known, and what is not (Qt-free)."""

from __future__ import annotations

from lmpt_desktop.engine.versions.comparison import Comparison, CorrectionSummary
from lmpt_desktop.inference.bootstrap import LEVEL, Interval
from lmpt_desktop.inference.corrections import Tally
from lmpt_desktop.inference.measurement import MIN_SUPPORT, Measurement
from lmpt_desktop.translation import N_, _, ngettext, number
from lmpt_desktop.ui.kit.texts import classes_text, difference, percent, photos_text

AP_TIP = N_(
    "Average precision, in percent: how well photos with the class are ranked above photos without "
    "it. 100: all of them come first."
)
NO_DIFFERENCE = Interval(0.0, 0.0, 0.0)


def interval_text(interval: Interval) -> str:
    """ "+3.1 (−1.0 to +7.4)"."""
    return difference(interval.estimate, interval.low, interval.high)


def verdict_text(comparison: Comparison) -> str:
    """Whether the new version is better, or why that is not known."""
    found = comparison.measurement
    if found is None:
        return _(
            "It is not known which version is better: no photo that can measure both is held out "
            "from training yet."
        )
    change = found.change
    if change is None:
        return _(
            "It is not known which version is better: no class can be measured yet. A class needs "
            "{count} held-out photos with it and {count} without it."
        ).format(count=number(MIN_SUPPORT))
    known = _("{measured} of {classes}").format(
        measured=number(found.measurable), classes=classes_text(len(found.classes))
    )
    if change == NO_DIFFERENCE:
        sentence = _("No difference shows on the {known} that can be measured.")
    elif not change.decided:
        sentence = _("No difference can be told yet: {change} on the {known} that can be measured.")
    elif change.low > 0:
        sentence = _(
            "The new version does better on the {known} that can be measured: {change} on average."
        )
    else:
        sentence = _(
            "The new version does worse on the {known} that can be measured: {change} on average."
        )
    return sentence.format(known=known, change=interval_text(change))


def library_text(comparison: Comparison) -> str:
    """How many predictions change."""
    if not comparison.changed_count:
        return _("No prediction in the library would change.")
    predictions = ngettext(
        "{count} prediction would change", "{count} predictions would change",
        comparison.changed_count,
    ).format(count=number(comparison.changed_count))  # fmt: skip
    return _("{predictions}, in {photos}: {gained} appear, {lost} vanish.").format(
        predictions=predictions,
        photos=photos_text(comparison.changed_images),
        gained=number(comparison.gained),
        lost=number(comparison.lost),
    )


def corrections_text(found: CorrectionSummary) -> str:
    """ "Of your 48 corrections the old version has 3 right, the new one 31; it has learned from
    30 of them."."""
    if not found.verdicts:
        return _("You have given no verdict of your own yet.")
    total = found.total
    if not total.count:
        return ngettext(
            "Both versions agree with your {count} verdict.",
            "Both versions agree with all of your {count} verdicts.",
            found.verdicts,
        ).format(count=number(found.verdicts))
    sentence = ngettext(
        "Of your {count} correction the old version has {old} right, the new one {new}",
        "Of your {count} corrections the old version has {old} right, the new one {new}",
        total.count,
    ).format(count=number(total.count), old=number(total.old_right), new=number(total.new_right))
    if not found.known:
        return _("{sentence}. It is not known which of them it has learned from.").format(
            sentence=sentence
        )
    if not found.learned.count:
        return _("{sentence}. It has learned from none of them.").format(sentence=sentence)
    return _("{sentence}; it has learned from {count} of them.").format(
        sentence=sentence, count=number(found.learned.count)
    )


def seen_text(found: CorrectionSummary) -> str:
    """The corrections it has learned from apart from the others; "" where that is not known or
    all are of one kind."""
    if not found.known or not found.learned.count or not found.unseen.count:
        return ""
    return _("Learned from: {learned}. Not learned from, which says more: {unseen}.").format(
        learned=_tally_text(found.learned), unseen=_tally_text(found.unseen)
    )


def _tally_text(tally: Tally) -> str:
    return _("old {old}, new {new} of {count}").format(
        old=number(tally.old_right), new=number(tally.new_right), count=number(tally.count)
    )


CORRECTIONS_EXPLAINED = N_(
    "A correction is a verdict of yours that at least one of the two versions contradicts. "
    "Confirmed predictions, and what a review declared absent, are not counted."
)


def figures_text(found: Measurement) -> str:
    """What the figures are, and what speaks against taking them at their word."""
    parts = [
        _(
            "{ap} Measured on {photos} held out from training, as they are annotated now, and only "
            "from {count} with a class and {count} without it. In brackets: the range in which the "
            "difference lies with {level} % certainty; grey where it may as well be none."
        ).format(
            ap=_(AP_TIP),
            photos=photos_text(found.images),
            count=number(MIN_SUPPORT),
            level=number(round(100 * LEVEL)),
        )
    ]
    if chance := round(found.measurable * (1 - LEVEL)):
        parts.append(
            ngettext(
                "Of so many classes about {count} is coloured by chance alone.",
                "Of so many classes about {count} are coloured by chance alone.",
                chance,
            ).format(count=number(chance))
        )
    if found.confirmed:
        parts.append(
            _(
                "{confirmed} of {present} present annotations were only confirmed, which favours "
                "the version that predicted them."
            ).format(confirmed=number(found.confirmed), present=number(found.present))
        )
    return " ".join(parts)


def calibration_text(comparison: Comparison) -> str:
    """How well scores match probabilities, and how many classes share a threshold."""
    parts: list[str] = []
    after, before = comparison.figures.get("ECE"), comparison.figures.get("ECE_before")
    if after is not None and before is not None:
        parts.append(
            _(
                "After the training scores were off by {0} percentage points on average (before "
                "they were calibrated: {1})."
            ).format(percent(after), percent(before))
        )
    if sharing := round(comparison.figures.get("classes_sharing_threshold", 0)):
        parts.append(
            _(
                "{0} with fewer than 5 held-out annotations of either kind: they share one "
                "threshold."
            ).format(classes_text(sharing))
        )
    return " ".join(parts)
