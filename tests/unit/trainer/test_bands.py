"""Head, medium and tail."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.bands import Band, BandLimits


def test_the_papers_limits_are_the_default() -> None:
    counts = np.array([0, 19, 20, 99, 100, 5000])
    assert BandLimits().bands(counts) == [
        Band.TAIL, Band.TAIL, Band.MEDIUM, Band.MEDIUM, Band.HEAD, Band.HEAD,
    ]  # fmt: skip


@pytest.mark.parametrize(("medium", "head"), [(0, 5), (5, 5), (6, 5), (-1, 1)])
def test_limits_that_leave_no_band_are_refused(medium: int, head: int) -> None:
    with pytest.raises(ValueError, match="0 < medium < head"):
        BandLimits(medium, head)


@pytest.mark.parametrize(
    ("images", "medium", "head"),
    [(0, 3, 15), (11, 3, 15), (204, 4, 20), (1000, 20, 100), (10**6, 20, 100)],
)
def test_a_small_library_has_lower_default_limits(images: int, medium: int, head: int) -> None:
    assert BandLimits.for_library(images) == BandLimits(medium, head)
