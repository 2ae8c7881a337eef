"""A threshold reads as sure as it is."""

from __future__ import annotations

import pytest

from lmpt_desktop.ui.kit.threshold_texts import threshold_reason, threshold_text
from trainer.prompt_set import ClassResult, ThresholdBasis


def result(
    value: float | None,
    basis: ThresholdBasis | None,
    low: float | None = None,
    high: float | None = None,
) -> ClassResult:
    return ClassResult("dog", 30, 12, 80, 0.5, value, basis, low, high)


@pytest.mark.parametrize(
    ("shown", "text", "reason"),
    [
        (
            result(0.312, ThresholdBasis.OWN, 0.224, 0.4),
            "0.31 (0.22 to 0.40)",
            "Rests on 12 photos with the class and 80 photos without it, held out from training. "
            "As many other photos would give 0.22 to 0.40 in 9 of 10 cases.",
        ),
        (result(0.312, ThresholdBasis.OWN), "0.31", "Rests on 12 photos with"),
        (result(0.35, ThresholdBasis.SHARED), "0.35 (shared)", "Shared: too few photos"),
        (
            result(0.347, ThresholdBasis.EXPECTED),
            "about 0.3 (expected)",
            "the scores alone",
        ),
        (result(0.043, ThresholdBasis.EXPECTED), "about 0.04 (expected)", "not measured"),
        (result(None, None), "–", ""),
        (None, "–", ""),
    ],
)
def test_it_says_what_it_rests_on(shown: ClassResult | None, text: str, reason: str) -> None:
    assert threshold_text(shown) == text
    assert reason in threshold_reason(shown)
    assert bool(reason) == bool(threshold_reason(shown))
