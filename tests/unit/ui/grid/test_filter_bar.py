from __future__ import annotations

import itertools
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot
from snapshots import make_snapshot
from ui_libraries import CUP, DOG, KITE, LIGHT, PERSON

from lmpt_desktop.domain.records import ClassSpec, ImageState, Verdict
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.inference.filters import (
    ClassCondition,
    Dates,
    Filter,
    Match,
    Period,
    Sort,
    SortKey,
    Status,
    has_class,
)
from lmpt_desktop.inference.saved_searches import SavedSearch
from lmpt_desktop.ui.grid.filter_bar import FilterBar
from lmpt_desktop.ui.grid.filter_texts import Condition
from trainer.bands import Band

EVERYTHING = Filter(
    classes=ClassCondition((LIGHT, DOG), Match.ALL),
    without=(PERSON, KITE),
    band=Band.TAIL,
    status=Status.CORRECTED,
    unreviewed=True,
    edited=True,
    state=ImageState.MISSING,
    dates=Dates(date(2024, 3, 1), date(2024, 3, 31)),
    folder_id=1,
    below=Path("beach"),
    text="beach",
    image_ids=frozenset({1, 2}),
    camera="Canon EOS 5D",
)


class Place(QWidget):
    """A window with the bar, and a field that stands for the grid."""

    def __init__(self) -> None:
        super().__init__()
        self.bar = FilterBar()
        self.grid = QLineEdit()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.bar)
        layout.addWidget(self.grid)
        layout.addStretch(1)
        self.bar.grid_requested.connect(self.grid.setFocus)
        self.resize(900, 600)


@pytest.fixture
def place(qtbot: QtBot, session: LibrarySession) -> Place:
    place = Place()
    qtbot.addWidget(place)
    with qtbot.waitActive(place):
        place.show()
        place.activateWindow()
    place.bar.show_classes(session.snapshot())
    place.bar.show_count(12, 12)
    return place


@pytest.fixture
def bar(place: Place) -> FilterBar:
    return place.bar


def tokens(bar: FilterBar) -> list[str]:
    return [token.text() for token in bar.tokens]


def heard_by(bar: FilterBar) -> list[Filter]:
    heard: list[Filter] = []
    bar.changed.connect(lambda: heard.append(bar.filter()))
    return heard


def test_at_first_everything_passes_in_the_order_added(bar: FilterBar) -> None:
    assert bar.filter() == Filter()
    assert bar.sort() == Sort()
    assert not bar.active
    assert tokens(bar) == []
    assert bar.button.text() == "Filter"
    assert bar.clear_button.isHidden()


def test_each_control_sets_its_part_of_the_filter(bar: FilterBar) -> None:
    bar.set_class(LIGHT)
    bar.popover.bands.setCurrentIndex(bar.popover.bands.findData(Band.TAIL))
    bar.popover.status.setCurrentIndex(bar.popover.status.findData(Status.CORRECTED))
    bar.popover.unreviewed.setChecked(True)
    bar.popover.state.setCurrentIndex(bar.popover.state.findData(int(ImageState.UNREADABLE)))
    bar.popover.text.setText("  beach ")
    bar.set_folder(1, Path("beach"))
    bar.popover.date.choose(Dates(period=Period.THIS_YEAR))
    bar.order.setCurrentIndex(bar.order.findData(SortKey.UNCERTAINTY))
    bar.direction.setChecked(True)
    assert bar.filter() == Filter(
        classes=ClassCondition((LIGHT,)),
        band=Band.TAIL,
        status=Status.CORRECTED,
        unreviewed=True,
        state=ImageState.UNREADABLE,
        dates=Dates(period=Period.THIS_YEAR),
        folder_id=1,
        below=Path("beach"),
        text="beach",
    )
    assert bar.sort() == Sort(SortKey.UNCERTAINTY, LIGHT, descending=True)


def test_any_filter_can_be_shown_and_is_announced_once(bar: FilterBar) -> None:
    heard = heard_by(bar)
    bar.set_filter(EVERYTHING)
    assert heard == [EVERYTHING]
    assert bar.button.text() == "Filter 11"


def test_there_is_a_token_for_each_condition_and_removing_it_removes_only_that(
    bar: FilterBar,
) -> None:
    bar.set_filter(EVERYTHING)
    assert tokens(bar)[1:3] == ["all of: traffic light, dog", "none of: person, kite"]
    assert [token.condition for token in bar.tokens] == [
        Condition.IMAGES, Condition.CLASSES, Condition.WITHOUT, Condition.STATUS, Condition.BAND,
        Condition.UNREVIEWED, Condition.DATES, Condition.CAMERA, Condition.STATE,
        Condition.EDITED, Condition.TEXT,
    ]  # fmt: skip
    left = len(bar.tokens)
    for condition in Condition:
        bar.set_filter(EVERYTHING)
        token = next(token for token in bar.tokens if token.condition is condition)
        token.removed.emit(condition)
        assert len(bar.tokens) == left - 1
        assert condition not in [token.condition for token in bar.tokens]
        assert bar.filter().folder_id == 1


def test_one_class_is_named_without_further_words(bar: FilterBar) -> None:
    bar.set_filter(Filter(classes=ClassCondition((DOG,), Match.ALL), without=(PERSON,)))
    assert tokens(bar) == ["dog", "not person"]


def test_a_year_is_shown_as_such(bar: FilterBar) -> None:
    bar.set_filter(Filter(dates=Dates(date(2024, 1, 1), date(2024, 12, 31))))
    assert tokens(bar) == ["2024"]
    bar.set_filter(Filter(dates=Dates(period=Period.RECENT)))
    assert tokens(bar) == ["Last 30 days"]


def test_delete_removes_a_token_and_the_next_one_gets_the_focus(
    bar: FilterBar, qtbot: QtBot
) -> None:
    bar.set_filter(Filter(classes=ClassCondition((DOG,)), unreviewed=True))
    bar.tokens[0].setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.keyClick(bar.tokens[0], Qt.Key.Key_Delete)
    assert bar.filter() == Filter(unreviewed=True)
    assert bar.tokens[0].hasFocus()
    qtbot.keyClick(bar.tokens[0], Qt.Key.Key_Backspace)
    assert bar.filter() == Filter()
    assert bar.button.hasFocus()


def test_a_click_on_the_cross_removes_and_elsewhere_edits(bar: FilterBar, qtbot: QtBot) -> None:
    bar.set_filter(Filter(text="beach"))
    token = bar.tokens[0]
    qtbot.mouseClick(token, Qt.MouseButton.LeftButton, pos=QPoint(12, token.height() // 2))
    assert bar.popover.isVisible()
    assert bar.popover.text.hasFocus()
    at_cross = QPoint(token.width() - 8, token.height() // 2)
    qtbot.mouseClick(token, Qt.MouseButton.LeftButton, pos=at_cross)
    assert bar.filter() == Filter()


def test_clearing_keeps_the_folder_and_the_order_and_announces_once(bar: FilterBar) -> None:
    bar.set_class(LIGHT)
    bar.set_folder(1, None)
    bar.order.setCurrentIndex(bar.order.findData(SortKey.NAME))
    heard = heard_by(bar)
    bar.clear()
    assert heard == [Filter(folder_id=1)]
    assert bar.sort().key is SortKey.NAME


def test_typing_is_announced_after_a_pause_not_per_letter(bar: FilterBar, qtbot: QtBot) -> None:
    heard = heard_by(bar)
    bar.open_popover(Condition.TEXT)
    qtbot.keyClicks(bar.popover.text, "beach")
    assert heard == []
    qtbot.waitUntil(lambda: heard == [Filter(text="beach")])


def test_the_chosen_class_survives_a_new_list_and_a_vanished_one_is_shown_as_gone(
    bar: FilterBar, session: LibrarySession
) -> None:
    bar.set_class(LIGHT)
    session.annotations.annotate([1], [LIGHT], Verdict.PRESENT)
    bar.show_classes(session.snapshot())
    assert bar.one_class == LIGHT
    session.vocabulary.set_all([ClassSpec("dog"), ClassSpec("person")])
    bar.show_classes(session.snapshot())
    assert tokens(bar) == ["traffic light (gone)"]
    assert bar.one_class is None, "no verdict can be given on it"
    assert bar.filter().classes.ids == (LIGHT,), "it matches nothing, rather than everything"


def test_the_class_is_announced_only_if_there_is_exactly_one(bar: FilterBar) -> None:
    heard: list[object] = []
    bar.class_chosen.connect(heard.append)
    bar.set_class(DOG)
    bar.set_filter(Filter(classes=ClassCondition((DOG, CUP))))
    bar.set_filter(Filter(classes=ClassCondition((DOG, CUP)), unreviewed=True))
    bar.set_filter(Filter(classes=ClassCondition((CUP,))))
    bar.clear()
    assert heard == [DOG, None, CUP, None]


def test_the_count_shows_how_many_of_how_many(bar: FilterBar) -> None:
    bar.show_count(12, 12)
    assert bar.count.text() == "12 photos"
    bar.show_count(3, 12000)
    assert bar.count.text() == "3 of 12,000 photos"
    bar.show_count(1, 1)
    assert bar.count.text() == "1 photo"


@pytest.mark.parametrize("width", [1400, 900, 700, 520, 400, 320])
def test_there_is_one_row_at_every_width_and_nothing_overlaps(
    place: Place, qtbot: QtBot, width: int
) -> None:
    bar = place.bar
    height = bar.height()
    bar.set_filter(EVERYTHING)
    bar.show_stale(True)
    bar.show_count(12_345, 1_234_567)
    place.resize(width, 600)
    qtbot.waitUntil(lambda: bar.width() == width)
    assert bar.height() == height
    parts = [
        part
        for part in (
            bar.button, *bar.tokens, bar.more, bar.clear_button, bar.stale_button, bar.count,
            bar.order_parts,
        )
        if part.isVisible()
    ]  # fmt: skip
    assert bar.button in parts
    assert bar.clear_button in parts
    ends = [(part.geometry().left(), part.geometry().right()) for part in parts]
    assert ends == sorted(ends)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(ends))
    assert ends[-1][1] < width
    hidden = [token for token in bar.tokens if token.isHidden()]
    assert bar.more.isVisible() == bool(hidden)
    if hidden:
        assert bar.more.text() == f"+{len(hidden)}"
        assert hidden[-1].text() in bar.more.toolTip()


def test_the_panel_closes_with_escape_and_gives_the_focus_back(place: Place, qtbot: QtBot) -> None:
    bar = place.bar
    place.grid.setFocus()
    bar.button.click()
    assert bar.popover.isVisible()
    assert bar.button.isChecked()
    assert bar.popover.picker.search.hasFocus()
    qtbot.keyClick(bar.popover.picker.search, Qt.Key.Key_Escape)
    assert bar.popover.isHidden()
    assert not bar.button.isChecked()
    assert place.grid.hasFocus()


def test_the_panel_closes_when_something_else_gets_the_focus(place: Place) -> None:
    place.bar.open_popover()
    place.grid.setFocus()
    assert place.bar.popover.isHidden()
    assert place.grid.hasFocus()


def test_the_panel_stays_within_a_small_window(place: Place, qtbot: QtBot) -> None:
    place.bar.open_popover()
    for width, height in ((683, 427), (420, 360)):
        place.resize(width, height)
        qtbot.waitUntil(lambda: place.rect().contains(place.bar.popover.geometry()))


def test_classes_are_ticked_and_left_out_by_keyboard(bar: FilterBar, qtbot: QtBot) -> None:
    bar.open_popover()
    picker = bar.popover.picker
    qtbot.keyClicks(picker.search, "kit")
    qtbot.keyClick(picker.search, Qt.Key.Key_Return)
    qtbot.keyClicks(picker.search, "dog")  # what was typed is selected, so this replaces it
    qtbot.keyClick(picker.search, Qt.Key.Key_Return)
    picker.search.clear()
    qtbot.keyClick(picker.search, Qt.Key.Key_Down)
    assert picker.list.hasFocus()
    picker.list.setCurrentIndex(picker.model.index(picker.model.place_of(PERSON)))
    qtbot.keyClick(picker.list, Qt.Key.Key_Minus)
    assert bar.filter() == Filter(classes=ClassCondition((KITE, DOG)), without=(PERSON,))
    bar.popover.match.button(1).click()
    assert bar.filter().classes == ClassCondition((KITE, DOG), Match.ALL)
    qtbot.keyClick(picker.list, Qt.Key.Key_Space)
    assert bar.filter().without == ()
    assert bar.filter().classes.ids == (KITE, DOG, PERSON)


def test_the_panel_shows_how_many_photos_have_each_class(
    bar: FilterBar, session: LibrarySession, qtbot: QtBot
) -> None:
    bar.open_popover()
    model = bar.popover.picker.model
    counts = has_class(session.snapshot()).tolist()
    expected = {
        entry.name: count for entry, count in zip(session.snapshot().classes, counts, strict=True)
    }
    qtbot.waitUntil(lambda: {row.name: row.count for row in model.rows} == expected)


def test_a_range_of_days_can_be_open_at_one_end(bar: FilterBar) -> None:
    bar.popover.date.setCurrentIndex(bar.popover.date.count() - 1)
    today = date.today()
    assert bar.filter().dates == Dates(date(today.year, 1, 1), today)
    bar.popover.to_day.setChecked(False)
    assert bar.filter().dates == Dates(date(today.year, 1, 1))
    assert not bar.popover.last.isEnabled()


def test_edited_photos_are_offered_while_there_are_any_or_the_filter_is_set(
    bar: FilterBar,
) -> None:
    assert bar.popover.edited.isHidden()
    bar.show_edited(True)
    assert not bar.popover.edited.isHidden()
    bar.popover.edited.setChecked(True)
    assert bar.filter() == Filter(edited=True)
    assert bar.active
    bar.show_edited(False)
    assert not bar.popover.edited.isHidden(), "else it could not be taken back"
    bar.clear()
    assert bar.filter() == Filter()
    assert bar.popover.edited.isHidden()


def test_saved_searches_are_in_the_menu_of_the_button(bar: FilterBar) -> None:
    chosen: list[object] = []
    bar.saved_chosen.connect(chosen.append)
    herons = SavedSearch("Herons & egrets", Filter(unreviewed=True))
    bar.show_saved([herons])
    bar.menu.aboutToShow.emit()
    first, _separator, save = bar.menu.actions()
    assert first.text() == "Herons && egrets"
    assert not save.isEnabled(), "there is nothing to save"
    first.trigger()
    assert chosen == [herons]


def test_a_search_is_saved_under_a_name_typed_in_the_panel(bar: FilterBar, qtbot: QtBot) -> None:
    names: list[str] = []
    bar.save_requested.connect(names.append)
    bar.set_class(DOG)
    bar.open_popover()
    popover = bar.popover
    popover.save_button.click()
    qtbot.keyClick(popover.name, Qt.Key.Key_Escape)
    assert popover.isVisible() and popover.name.isHidden(), "only the name is given up"
    popover.save_button.click()
    qtbot.keyClicks(popover.name, "My dogs")
    qtbot.keyClick(popover.name, Qt.Key.Key_Return)
    assert names == ["My dogs"]


def test_photos_chosen_one_by_one_cannot_be_saved(bar: FilterBar) -> None:
    bar.set_images([1, 2])
    bar.open_popover()
    assert not bar.popover.save_button.isEnabled()


def test_a_saved_search_is_renamed_and_deleted_and_that_can_be_undone(
    bar: FilterBar, qtbot: QtBot
) -> None:
    bar.saved_edited.connect(bar.show_saved)
    bar.show_saved([SavedSearch("A"), SavedSearch("B")])
    bar.open_popover()
    saved = bar.popover.saved
    saved.list.item(0).setText("  C ")
    assert [saved.list.item(i).text() for i in range(2)] == ["C", "B"]
    saved.list.item(0).setText("b")
    assert saved.list.item(0).text() == "C", "there is a B already"
    saved.list.setCurrentRow(0)
    qtbot.keyClick(saved.list, Qt.Key.Key_Delete)
    assert [saved.list.item(i).text() for i in range(saved.list.count())] == ["B"]
    saved.undo.click()
    assert [saved.list.item(i).text() for i in range(2)] == ["C", "B"]


def test_cameras_are_offered_while_there_are_any_or_the_filter_is_set(
    bar: FilterBar, qtbot: QtBot
) -> None:
    popover = bar.popover
    bar.open_popover()
    assert popover.camera.isHidden()
    names = ["Canon EOS 5D", "<b>X1</b>", "", "Canon EOS 5D"]
    bar.show_classes(make_snapshot(np.full((4, 1), -1), cameras=names))
    qtbot.waitUntil(popover.camera.isVisible)
    listed = [popover.camera.itemText(place) for place in range(popover.camera.count())]
    expected = ["Any camera", "<b>X1</b>  (1)", "Canon EOS 5D  (2)", "No camera named  (1)"]
    assert listed == expected
    heard = heard_by(bar)
    popover.camera.setCurrentIndex(3)
    assert (heard[-1], tokens(bar)) == (Filter(camera=""), ["No camera named"])
    popover.camera.setCurrentIndex(1)
    assert (heard[-1], tokens(bar)) == (Filter(camera="<b>X1</b>"), ["<b>X1</b>"])
    # One of a saved search that no photo names any more stays until it is undone.
    bar.set_filter(Filter(camera="gone"))
    bar.show_classes(make_snapshot(np.full((1, 1), -1)))
    assert tokens(bar) == ["gone"] and popover.camera.isVisible()
    assert bar.filter() == Filter(camera="gone")
