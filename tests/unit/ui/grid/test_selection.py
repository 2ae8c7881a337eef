from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmpt_desktop.ui.grid.selection import GridSelection

COUNT = 40
positions = st.integers(0, COUNT - 1)


def of(*chosen: int) -> GridSelection:
    selection = GridSelection(COUNT)
    selection.replace(list(chosen))
    return selection


@given(st.sets(positions))
def test_ranges_are_the_selection_in_as_few_stretches_as_possible(chosen: set[int]) -> None:
    ranges = of(*chosen).ranges(COUNT)
    assert ranges is not None
    assert [p for first, last in ranges for p in range(first, last + 1)] == sorted(chosen)
    assert all(after[0] - before[1] > 1 for before, after in itertools.pairwise(ranges))


def test_a_selection_in_many_pieces_has_no_ranges() -> None:
    assert of(*range(0, COUNT, 2)).ranges(5) is None
    assert of(1, 2, 5).ranges(5) == [(1, 2), (5, 5)]


@given(st.sets(positions), positions, positions)
def test_shift_extends_from_the_anchor_however_often(
    before: set[int], first: int, second: int
) -> None:
    selection = of(*before)
    selection.toggle(7)
    selection.extend(first, keep=False)
    selection.extend(second, keep=False)
    assert selection.positions.tolist() == list(range(min(7, second), max(7, second) + 1))
    assert selection.anchor == 7


def test_control_and_shift_keep_what_was_selected() -> None:
    selection = of(1)
    selection.add(10)
    selection.extend(12, keep=True)
    assert selection.positions.tolist() == [1, 10, 11, 12]


def test_without_an_anchor_a_range_is_the_one_cell() -> None:
    selection = GridSelection(COUNT)
    selection.extend(5, keep=False)
    assert selection.positions.tolist() == [5]
    selection.reset(3)
    assert selection.anchor == -1
    assert len(selection) == 0


@given(st.sets(positions), st.sets(positions), st.booleans())
def test_a_rubber_band_starts_from_what_was_there_each_time(
    base: set[int], touched: set[int], toggle: bool
) -> None:
    selection = of(*base)
    mask = selection.copy_mask()
    every = np.arange(COUNT)
    selection.combine(mask, every, toggle=toggle)  # drawn too wide, then back
    selection.combine(mask, np.array(sorted(touched), np.int64), toggle=toggle)
    expected = base ^ touched if toggle else base | touched
    assert set(selection.positions.tolist()) == expected
    assert len(selection) == len(expected)
    assert all((p in selection) == (p in expected) for p in range(-1, COUNT + 1))


def test_all_and_none() -> None:
    selection = GridSelection(1_000_000)
    selection.select_all()
    assert len(selection) == 1_000_000
    assert selection.ranges(1) == [(0, 999_999)]
    selection.toggle(500)
    assert len(selection) == 999_999
    selection.clear()
    assert selection.ranges(1) == []


def test_a_position_that_is_not_there_is_refused() -> None:
    with pytest.raises(IndexError):
        of(1).add(COUNT)
