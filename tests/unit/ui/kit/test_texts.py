"""How durations, sizes, changes and dates are written."""

from __future__ import annotations

import re

import pytest

from lmpt_desktop.ui.kit import texts


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "unknown"),
        (3, "a few seconds"),
        (42, "about 40 seconds"),
        (150, "about 2 minutes"),
        (5400, "about 1.5 hours"),
    ],
)
def test_durations_are_rounded_to_what_is_known(seconds: float | None, text: str) -> None:
    assert texts.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "unknown size"),
        (800, "800 bytes"),
        (1_500, "1.5 kB"),
        (598_600_000, "599 MB"),
        (2_400_000_000, "2.4 GB"),
    ],
)
def test_sizes_use_powers_of_ten(count: int, text: str) -> None:
    assert texts.file_size(count) == text


def test_differences_carry_signs_and_their_interval_and_dates_are_local() -> None:
    assert texts.difference(0.031, -0.01, 0.074) == "+3.1 (−1.0 to +7.4)"
    assert texts.difference(-0.1, -0.2, 0.00001) == "−10.0 (−20.0 to 0.0)"
    assert texts.difference(0.0, 0.0, 0.0) == "no difference"
    assert re.fullmatch(r"2026-11-2\d \d\d:30", texts.local_time("2026-11-23T09:30:00+00:00"))
    assert texts.local_time("no date") == "no date"


def test_a_long_name_is_shortened_in_its_middle() -> None:
    long = "DSC_0001 holiday in the mountains with everybody who came along.jpg"
    assert len(texts.shorten(long)) <= texts.LONGEST_NAME + 1 and texts.shorten(long).endswith(
        "along.jpg"
    )
