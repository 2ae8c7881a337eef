"""A version's threshold of a class, and how sure it is, as the user reads it (Qt-free)."""

from __future__ import annotations

from lmpt_desktop.translation import _, decimal
from lmpt_desktop.ui.kit.texts import DASH, photos_text
from trainer.prompt_set import ClassResult, ThresholdBasis


def threshold_text(result: ClassResult | None) -> str:
    """ "0.31 (0.22 to 0.40)", "0.35 (shared)", "about 0.3 (expected)"; a dash where the version
    does not say."""
    if result is None or result.threshold is None:
        return DASH
    value = decimal(result.threshold, 2)
    match result.threshold_basis:
        case ThresholdBasis.SHARED:
            return _("{value} (shared)").format(value=value)
        case ThresholdBasis.EXPECTED:
            return _("about {value} (expected)").format(value=_roughly(result.threshold))
        case ThresholdBasis.OWN if _has_interval(result):
            return _("{value} ({low} to {high})").format(value=value, **_interval(result))
        case _:
            return value


def threshold_reason(result: ClassResult | None) -> str:
    """What the threshold rests on, in a sentence; "" where the version does not say."""
    match result.threshold_basis if result is not None else None:
        case ThresholdBasis.SHARED:
            return _(
                "Shared: too few photos held out from training are annotated for this class, so "
                "it has the threshold of all classes together."
            )
        case ThresholdBasis.EXPECTED:
            return _(
                "Expected from the scores alone: most photos held out from training have no "
                "verdict on this class, so it was not measured."
            )
        case ThresholdBasis.OWN if result is not None:
            support = _(
                "Rests on {present} with the class and {absent} without it, held out from training."
            ).format(
                present=photos_text(result.held_out_present),
                absent=photos_text(result.held_out_absent),
            )
            if not _has_interval(result):
                return support
            return _(
                "{support} As many other photos would give {low} to {high} in 9 of 10 cases."
            ).format(support=support, **_interval(result))
        case _:
            return ""


def _has_interval(result: ClassResult) -> bool:
    return result.threshold_low is not None and result.threshold_high is not None


def _interval(result: ClassResult) -> dict[str, str]:
    low, high = result.threshold_low or 0.0, result.threshold_high or 0.0
    return {"low": decimal(low, 2), "high": decimal(high, 2)}


def _roughly(value: float) -> str:
    """One digit that counts: an expectation is not known better."""
    return decimal(value, 1 if value >= 0.095 else 2)
