from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmpt_desktop.ui.grid.geometry import MAX_SCROLL_PIXELS, Geometry, Move

geometries = st.builds(
    lambda count, least, seen, mirrored: Geometry.fitting(count, least, seen, mirrored=mirrored),
    st.integers(0, 300),
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.tuples(st.integers(0, 400), st.integers(0, 300)),
    st.booleans(),
)


def grid(count: int = 10, columns: int = 4, mirrored: bool = False) -> Geometry:
    return Geometry(count, columns, 20, 30, 20 * columns, 60, mirrored)


@given(geometries)
def test_cells_share_the_width_and_none_sticks_out_unless_one_is_too_wide(cells: Geometry) -> None:
    assert cells.columns >= 1
    if cells.columns > 1:
        assert cells.columns * cells.cell_width <= cells.width
        # Another pixel each would not fit.
        assert cells.width - cells.columns * cells.cell_width < cells.columns


@given(geometries, st.data())
def test_the_cell_at_any_pixel_of_a_cell_is_that_cell(cells: Geometry, data: st.DataObject) -> None:
    if not cells.count or cells.cell_width > cells.width:
        return
    position = data.draw(st.integers(0, cells.count - 1))
    x, y = cells.top_left(position)
    dx = data.draw(st.integers(0, cells.cell_width - 1))
    dy = data.draw(st.integers(0, cells.cell_height - 1))
    assert cells.position_at(x + dx, y + dy) == position


@given(geometries, st.integers(0, 5000), st.integers(0, 400))
def test_what_is_seen_is_what_the_strip_touches(cells: Geometry, top: int, height: int) -> None:
    touched = [
        position
        for position in range(cells.count)
        if (y := cells.top_left(position)[1]) < top + height and y + cells.cell_height > top
    ]
    if height:
        assert list(cells.visible(top, height)) == touched


@given(geometries, st.data())
def test_a_rectangle_selects_the_cells_it_touches(cells: Geometry, data: st.DataObject) -> None:
    left = data.draw(st.integers(-50, 450))
    right = data.draw(st.integers(left, 500))
    top = data.draw(st.integers(-50, 5000))
    bottom = data.draw(st.integers(top, 6000))
    touched = []
    for position in range(cells.count):
        x, y = cells.top_left(position)
        if (
            x <= right
            and x + cells.cell_width > left
            and y <= bottom
            and y + cells.cell_height > top
        ):
            touched.append(position)
    assert cells.inside(left, top, right, bottom).tolist() == touched


@given(geometries, st.data())
def test_scrolling_to_a_cell_shows_it_and_does_not_scroll_again(
    cells: Geometry, data: st.DataObject
) -> None:
    if not cells.count:
        return
    position = data.draw(st.integers(0, cells.count - 1))
    top = data.draw(st.integers(0, cells.scroll_range))
    after = cells.scroll_to_show(position, top)
    assert cells.scroll_to_show(position, after) == after
    _, y = cells.top_left(position)
    if cells.cell_height <= cells.height:
        assert after <= y
        assert y + cells.cell_height <= after + cells.height
    assert 0 <= cells.scroll_to_centre(position) <= cells.scroll_range


@given(geometries, st.data(), st.sampled_from(list(Move)))
def test_every_key_leads_to_a_cell_and_up_undoes_down(
    cells: Geometry, data: st.DataObject, move: Move
) -> None:
    if not cells.count:
        assert cells.moved(-1, move) == -1
        return
    position = data.draw(st.integers(-1, cells.count - 1))
    after = cells.moved(position, move)
    assert 0 <= after < cells.count
    if move is Move.DOWN and position >= 0 and after % cells.columns == position % cells.columns:
        assert after == position or cells.moved(after, Move.UP) == position


@pytest.mark.parametrize(
    ("move", "position", "expected"),
    [
        (Move.RIGHT, 3, 4),
        (Move.LEFT, 4, 3),
        (Move.LEFT, 0, 0),
        (Move.RIGHT, 9, 9),
        (Move.UP, 6, 2),
        (Move.UP, 2, 2),
        (Move.DOWN, 1, 5),
        (Move.DOWN, 7, 9),
        (Move.DOWN, 9, 9),
        (Move.HOME, 7, 0),
        (Move.END, 1, 9),
        (Move.PAGE_DOWN, 1, 9),
        (Move.PAGE_DOWN, 3, 9),
        (Move.PAGE_UP, 9, 1),
        (Move.PAGE_UP, 6, 2),
        (Move.END, -1, 9),
        (Move.DOWN, -1, 0),
    ],
)
def test_keys_over_three_rows_of_four_where_the_last_has_two(
    move: Move, position: int, expected: int
) -> None:
    assert grid().moved(position, move) == expected


def test_in_a_mirrored_grid_the_first_cell_is_at_the_right_and_left_goes_on() -> None:
    cells = grid(mirrored=True)
    assert cells.top_left(0) == (60, 0)
    assert cells.position_at(79, 0) == 0
    assert cells.moved(0, Move.LEFT) == 1
    assert cells.moved(1, Move.RIGHT) == 0
    assert cells.moved(0, Move.NEXT) == 1
    assert cells.inside(60, 0, 79, 10).tolist() == [0]


def test_ten_million_cells_in_one_column_can_still_be_scrolled() -> None:
    cells = Geometry.fitting(10_000_000, (400, 490), (500, 800))
    assert cells.scroll_range == MAX_SCROLL_PIXELS
    assert cells.top_left(9_999_999)[1] == 9_999_999 * 490


def test_a_rectangle_over_half_a_million_cells_is_an_array() -> None:
    cells = Geometry.fitting(1_000_000, (100, 100), (800, 600))
    found = cells.inside(0, 0, 399, cells.content_height)
    assert len(found) == 500_000
    assert np.all(found % 8 < 4)
