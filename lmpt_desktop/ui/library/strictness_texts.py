"""Strictness and what it means for a library, in words (Qt-free)."""

from __future__ import annotations

from lmpt_desktop.inference.tag_figures import LEAST_VERDICTS, TagFigures
from lmpt_desktop.translation import _, decimal, ngettext, number

STEPS = 10
"""Steps from the middle of the scale to either end."""


def steps_of(level: float) -> int:
    """The step of the scale, in [-STEPS, STEPS], that is nearest to a level in [-1, 1]."""
    return round(level * STEPS)


def signed(steps: int) -> str:
    """ "+3", "−2", "0"."""
    if not steps:
        return number(0)
    return f"{'+' if steps > 0 else '−'}{number(abs(steps))}"


def class_text(name: str, level: float) -> str:
    """ "heron: looser than the rest (−2)"."""
    steps = steps_of(level)
    if steps > 0:
        text = _("{name}: surer than the rest ({steps})")
    elif steps < 0:
        text = _("{name}: looser than the rest ({steps})")
    else:
        text = _("{name}: like the rest")
    return text.format(name=name, steps=signed(steps))


def average_text(figures: TagFigures) -> str:
    """ "2.3 tags per photo on average"."""
    average = figures.average
    if average is None:
        return _("No photo has been encoded yet.")
    return _("{count} tags per photo on average").format(count=decimal(average))


def precision_text(figures: TagFigures) -> str:
    """ "About 7 of 10 tags right (60 to 78 %), from 132 verdicts", or what is missing for it."""
    precision = figures.precision
    if precision is None:
        missing = LEAST_VERDICTS - figures.verdicts
        return ngettext(
            "{count} more verdict on a prediction will tell how many are right.",
            "{count} more verdicts on predictions will tell how many are right.",
            missing,
        ).format(count=number(missing))
    share, low, high = precision
    return _("About {right} of 10 tags right ({low} to {high} %), from {count} verdicts").format(
        right=number(round(10 * share)),
        low=number(round(100 * low)),
        high=number(round(100 * high)),
        count=number(figures.verdicts),
    )


def precision_tip() -> str:
    """What the figure is made from, and what it cannot say."""
    return _(
        "Your verdicts on what is predicted at this strictness, over all classes; the range holds "
        "the true share in 19 of 20 cases. Photos that you confirmed are left out, as their "
        "predictions were only let stand. The photos you chose to look at are no random sample, "
        "so that other photos may have more or fewer right tags."
    )
