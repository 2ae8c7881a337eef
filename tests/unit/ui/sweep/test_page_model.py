"""What is ticked on a page of a sweep."""

from __future__ import annotations

from PySide6.QtCore import Qt

from lmpt_desktop.ui.sweep.page_model import SweepCell, SweepModel

SCORES = (0.9, 0.5, 0.4, 0.1)
CELLS = tuple(SweepCell(i + 1, f"f{i}", f"photo {i}.jpg", score) for i, score in enumerate(SCORES))


def make() -> SweepModel:
    model = SweepModel()
    model.show_cells(CELLS, 0.5)
    return model


def ticked(model: SweepModel) -> list[int]:
    return [id_ for id_, on in model.ticks().items() if on]


def test_photos_with_at_least_that_score_are_ticked_at_first() -> None:
    assert ticked(make()) == [1, 2]


def test_ticks_are_kept_by_photo_when_others_are_shown() -> None:
    model = make()
    model.toggle([0, 3])
    assert ticked(model) == [1, 2, 4], "as one of the two was not, both are"
    model.toggle([0, 3])
    assert ticked(model) == [2]
    model.show_cells(CELLS[1:][::-1], 0.5)
    model.show_cells(CELLS, 0.5)
    assert ticked(model) == [2]
    model.begin()
    assert ticked(model) == [1, 2]
    model.begin({3: True, 1: False})
    assert ticked(model) == [2, 3]


def test_photos_that_cannot_be_shown_are_not_asked_about() -> None:
    model = make()
    model.leave_out(frozenset({1, 4}))
    assert model.ticks() == {2: True, 3: False}


def test_rows_that_do_not_exist_are_ignored() -> None:
    model = make()
    model.tick([-1, 7], True)
    model.toggle([-1])
    assert ticked(model) == [1, 2]


def test_screen_readers_hear_name_score_and_tick() -> None:
    model = make()
    text = model.data(model.index(0), Qt.ItemDataRole.AccessibleTextRole)
    assert text == "photo 0.jpg, 0.90, ticked"
    assert "not ticked" in model.data(model.index(3), Qt.ItemDataRole.AccessibleTextRole)
