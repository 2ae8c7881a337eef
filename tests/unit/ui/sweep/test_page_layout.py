"""How many photos a page of a sweep has."""

from __future__ import annotations

import pytest

from lmpt_desktop.ui.sweep.page_layout import EDGES, FEWEST, FRAME, MOST, page_layout

LINE = 16


@pytest.mark.parametrize("size", range(len(EDGES)))
@pytest.mark.parametrize("room", [(1000, 450), (1360, 660), (1900, 900), (3800, 2000), (682, 300)])
def test_whole_cells_fill_the_room_with_a_reasonable_number(
    room: tuple[int, int], size: int
) -> None:
    found = page_layout(*room, size, LINE)
    assert FEWEST <= found.capacity <= MOST
    assert found.columns * found.width <= room[0]
    assert found.edge == found.height - LINE - FRAME
    assert found.edge >= EDGES[0]


def test_more_photos_fit_if_they_are_smaller_and_none_are_cut_off() -> None:
    few, many = page_layout(1360, 660, 6, LINE), page_layout(1360, 660, 2, LINE)
    assert few.capacity < many.capacity
    for found in (few, many):
        assert found.rows * found.height <= 660


def test_the_size_that_was_possible_is_told_so_that_the_next_key_changes_something() -> None:
    found = page_layout(1280, 600, len(EDGES) - 1, LINE)
    assert found == page_layout(1280, 600, found.size, LINE)
    assert page_layout(1280, 600, found.size - 1, LINE).capacity > found.capacity


def test_a_window_that_is_too_small_scrolls_to_the_rest() -> None:
    found = page_layout(300, 120, 4, LINE)
    assert found.capacity >= FEWEST
    assert found.edge >= EDGES[0]
    assert found.rows * found.height > 120


def test_sizes_out_of_range_are_the_nearest_ones() -> None:
    assert page_layout(1360, 660, -3, LINE) == page_layout(1360, 660, 0, LINE)
    assert page_layout(1360, 660, 99, LINE).size < 99
    assert page_layout(1360, 660, 99, LINE) == page_layout(1360, 660, len(EDGES) - 1, LINE)
