"""When a retraining is suggested."""

from __future__ import annotations

import pytest

from lmpt_desktop.inference.advice import MIN_VERDICTS, NewVerdicts, worth_retraining


@pytest.mark.parametrize(
    ("new", "suggested_at", "worth"),
    [
        (NewVerdicts(0, 0), 0, False),
        (NewVerdicts(MIN_VERDICTS - 1, 0), 0, False),
        (NewVerdicts(MIN_VERDICTS, 0), 0, True),
        (
            NewVerdicts(MIN_VERDICTS // 2, MIN_VERDICTS // 2),
            0,
            True,
        ),  # all on the tail: half as many do
        (NewVerdicts(41, 12, learned_from=400), 0, True),
        (NewVerdicts(41, 12, learned_from=5_000), 0, False),  # little beside what is known
        (NewVerdicts(60, 12, 400), 41, False),  # told not long ago
        (NewVerdicts(82, 12, 400), 41, True),
    ],
)
def test_it_takes_enough_that_is_new(new: NewVerdicts, suggested_at: int, worth: bool) -> None:
    assert worth_retraining(new, suggested_at) is worth
