from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lmpt_desktop.domain.records import ImageState
from lmpt_desktop.ui.grid.card_layout import CHIP_GAP, Line, lay_out
from lmpt_desktop.ui.grid.cells import Cell, Chip
from trainer.bands import Band

MORE = 30


def cell_of(own: list[str], others: list[str], more: int = 0) -> Cell:
    chips = [
        Chip(number, name, Band.HEAD, 0.5, confirmed=number < len(own))
        for number, name in enumerate(own + others)
    ]
    return Cell(1, "", ImageState.OK, tuple(chips), more, (), False, False, None)


def laid_out(cell: Cell, width: int, lines: int) -> list[Line]:
    return lay_out(cell, width, lines, lambda chip: 10 * len(chip.name), lambda _hidden: MORE)


def names(lines: list[Line]) -> list[list[str]]:
    return [[chip.name for chip, _left, _width in line.chips] for line in lines]


NAMES = st.lists(st.text("abc", min_size=1, max_size=12), max_size=8)


@given(NAMES, NAMES, st.integers(0, 5), st.integers(60, 300), st.integers(1, 4))
def test_every_class_is_shown_or_counted_and_none_stands_on_another(
    own: list[str], others: list[str], more: int, width: int, lines: int
) -> None:
    cell = cell_of(own, others, more)
    placed = laid_out(cell, width, lines)
    assert len(placed) <= lines
    shown = [chip for line in placed for chip, _left, _width in line.chips]
    if placed:
        assert len(shown) + placed[-1].hidden == len(cell.chips) + more
    # What is shown keeps the order, and nothing of a kind is skipped.
    for kind in (True, False):
        of_kind = [chip for chip in cell.chips if chip.confirmed is kind]
        there = [chip for chip in shown if chip.confirmed is kind]
        assert there == of_kind[: len(there)]
    for line in placed:
        assert line.hidden == 0 or line is placed[-1]
        end = -CHIP_GAP
        for chip, left, needed in line.chips:
            assert left >= end + CHIP_GAP
            end = left + needed
            assert chip.confirmed or len(line.chips) == 1
        own_line = line.chips[0][0].confirmed
        assert end <= width - (MORE if line.hidden and own_line else 0)


def test_own_classes_flow_and_others_have_a_line_each() -> None:
    placed = laid_out(cell_of(["dog", "cat"], ["kite", "cup", "tie"]), 100, 3)
    assert names(placed) == [["dog", "cat"], ["kite"], ["cup"]]
    assert [line.hidden for line in placed] == [0, 0, 1]


def test_what_is_asked_for_keeps_a_line_beside_many_of_ones_own() -> None:
    own = [f"class {number}" for number in range(9)]
    placed = laid_out(cell_of(own, ["asked", "predicted"]), 100, 3)
    assert names(placed)[-1] == ["asked"]
    assert placed[-1].hidden == 9 + 2 - 3


def test_a_chip_makes_room_for_the_number_of_the_others() -> None:
    placed = laid_out(cell_of(["dog", "cat", "horse"], []), 70, 1)
    assert names(placed) == [["dog"]]
    assert placed[0].hidden == 2
    placed = laid_out(cell_of(["a long name", "dog"], []), 100, 1)
    assert placed[0].chips[0][2] == 100 - MORE
