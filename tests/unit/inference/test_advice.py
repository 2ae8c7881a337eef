"""When a retraining is suggested."""

from __future__ import annotations

import pytest

from lmpt_desktop.inference.advice import FEWEST, NewVerdicts, worth_retraining


@pytest.mark.parametrize(
    ("new", "told_at", "worth"),
    [
        (NewVerdicts(0, 0), 0, False),
        (NewVerdicts(FEWEST - 1, 0), 0, False),
        (NewVerdicts(FEWEST, 0), 0, True),
        (NewVerdicts(FEWEST // 2, FEWEST // 2), 0, True),  # all on the tail: half as many do
        (NewVerdicts(41, 12, learned_from=400), 0, True),
        (NewVerdicts(41, 12, learned_from=5_000), 0, False),  # little beside what is known
        (NewVerdicts(60, 12, 400), 41, False),  # told not long ago
        (NewVerdicts(82, 12, 400), 41, True),
    ],
)
def test_it_takes_enough_that_is_new(new: NewVerdicts, told_at: int, worth: bool) -> None:
    assert worth_retraining(new, told_at) is worth
