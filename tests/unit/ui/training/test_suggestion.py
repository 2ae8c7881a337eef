"""How often new verdicts are counted."""

from __future__ import annotations

from lmpt_desktop.ui.training.suggestion import COUNT_MS, SHARE, count_interval


def test_counting_takes_a_small_share_of_a_processor_in_a_library_of_any_size() -> None:
    assert count_interval(0.001) == COUNT_MS
    for seconds in (0.035, 0.2, 2.0):
        assert seconds / (count_interval(seconds) / 1000) <= SHARE + 0.001
