"""Corrections of two versions, counted so that neither has an advantage."""

from __future__ import annotations

import numpy as np

from lmpt_desktop.inference.corrections import Tally, corrections


def test_both_versions_are_counted_on_what_either_gets_wrong() -> None:
    present = np.array([1, 1, 1, 0, 0, 1], np.bool_)
    before = np.array([1, 0, 0, 1, 0, 1], np.bool_)
    after = np.array([1, 1, 0, 0, 1, 1], np.bool_)
    learned = np.array([1, 1, 0, 0, 1, 0], np.bool_)
    found = corrections(present, before, after, learned)
    assert found.verdicts == 6
    assert found.places.tolist() == [1, 2, 3, 4]
    assert found.tally() == Tally(4, 1, 2)
    assert found.tally(learned=True) == Tally(2, 1, 1)
    assert found.tally(learned=False) == Tally(2, 0, 1)


def test_changing_sides_changes_sides() -> None:
    rng = np.random.default_rng(0)
    present, before, after, learned = (rng.random(100) < 0.5 for _ in range(4))
    there = corrections(present, before, after, learned).tally()
    back = corrections(present, after, before, learned).tally()
    assert (there.old_right, there.new_right) == (back.new_right, back.old_right)


def test_versions_that_agree_with_every_verdict_leave_no_correction() -> None:
    verdicts = np.array([True, False])
    assert corrections(verdicts, verdicts, verdicts, verdicts).tally() == Tally(0, 0, 0)
