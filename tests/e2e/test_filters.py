"""Filtering and sorting the grid."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from lmpt_desktop.domain.records import ImageState, Verdict
from lmpt_desktop.inference.filters import ClassCondition, Filter, SortKey, Status
from lmpt_desktop.settings import INSTANT
from lmpt_desktop.ui.grid.marks import Mark
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000


@pytest.fixture
def window(launch: Callable[..., MainWindow], photos: Path) -> MainWindow:
    return launch(photos)


@pytest.fixture
def page(window: MainWindow, settled: Callable[[MainWindow], LibraryPage]) -> LibraryPage:
    page = settled(window)
    page.session.settings.set(INSTANT, False)  # else verdicts change what is predicted
    return page


def names(page: LibraryPage) -> list[str]:
    model = page.panel.model
    return [model.cell(place).name for place in range(model.rowCount())]


def shown_folder(page: LibraryPage) -> str:
    item = page.tree.currentItem()
    return "" if item is None else item.text(0)


def class_id(page: LibraryPage, name: str) -> int:
    return next(entry.id for entry in page.session.snapshot().classes if entry.name == name)


def choose(page: LibraryPage, status: Status) -> None:
    combo = page.panel.bar.popover.status
    combo.setCurrentIndex(combo.findData(status))


def test_filtering_by_class_shows_the_photos_it_is_predicted_in(
    page: LibraryPage, qtbot: QtBot
) -> None:
    page.panel.bar.set_class(class_id(page, "boat"))
    qtbot.waitUntil(lambda: set(names(page)) == {"boat_8.jpg", "dog+boat_9.jpg"}, timeout=WAIT_MS)
    assert page.panel.bar.count.text() == "2 of 12 photos"
    assert page.focus_class == class_id(page, "boat"), "the verdict keys are about this class now"


def test_the_filtered_class_follows_the_users_own_on_every_card(
    page: LibraryPage, qtbot: QtBot
) -> None:
    model, boat, kite = page.panel.model, class_id(page, "boat"), class_id(page, "kite")
    first = model.image_id(0)
    page.undo_stack.annotate([first], [kite], Verdict.PRESENT, "kite")
    page.panel.bar.set_class(boat)
    choose(page, Status.UNKNOWN)
    qtbot.waitUntil(
        lambda: model.asked_classes == (boat,) and model.position_of(first) >= 0, timeout=WAIT_MS
    )
    qtbot.waitUntil(
        lambda: (
            [chip.class_id for chip in model.cell(model.position_of(first)).chips][:2]
            == [kite, boat]
        ),
        timeout=WAIT_MS,
    )
    for place in range(model.rowCount()):
        others = [chip for chip in model.cell(place).chips if not chip.confirmed]
        assert others[0].class_id == boat, "also where it is not predicted"
    page.panel.bar.clear()
    qtbot.waitUntil(lambda: model.asked_classes == (), timeout=WAIT_MS)


def test_file_names_are_matched_ignoring_case(page: LibraryPage, qtbot: QtBot) -> None:
    page.panel.bar.popover.text.setText("KITE")
    qtbot.waitUntil(lambda: names(page) == ["kite_7.jpg"], timeout=WAIT_MS)


def test_photos_can_be_filtered_by_verdict(page: LibraryPage, qtbot: QtBot) -> None:
    boat = class_id(page, "boat")
    first = page.panel.model.image_id(0)
    page.undo_stack.annotate([first], [boat], Verdict.PRESENT, "boat")
    page.panel.bar.set_class(boat)
    choose(page, Status.PRESENT)
    qtbot.waitUntil(lambda: page.panel.model.ids.tolist() == [first], timeout=WAIT_MS)
    choose(page, Status.CORRECTED)
    qtbot.waitUntil(lambda: page.panel.model.ids.tolist() == [first], timeout=WAIT_MS)
    choose(page, Status.ABSENT)
    qtbot.waitUntil(lambda: page.panel.model.rowCount() == 0, timeout=WAIT_MS)


def test_a_verdict_does_not_remove_the_photo_until_the_filter_is_applied_again(
    window: MainWindow, page: LibraryPage, qtbot: QtBot
) -> None:
    page.panel.bar.popover.unreviewed.setChecked(True)
    qtbot.waitUntil(lambda: page.panel.model.rowCount() == 12, timeout=WAIT_MS)
    first = page.panel.model.image_id(0)
    page.grid.select_ids([first], first)
    qtbot.waitUntil(window.commands.action("image.reviewed").isEnabled, timeout=WAIT_MS)
    window.commands.trigger("image.reviewed")
    qtbot.waitUntil(lambda: Mark.REVIEWED in page.panel.model.cell(0).marks, timeout=WAIT_MS)
    assert page.panel.model.image_id(0) == first
    assert page.panel.bar.stale_button.isVisible()
    page.panel.bar.stale_button.click()
    qtbot.waitUntil(lambda: page.panel.model.position_of(first) == -1, timeout=WAIT_MS)
    assert page.panel.bar.stale_button.isHidden()


def test_when_the_selected_photo_leaves_the_grid_no_other_gets_its_verdicts(
    window: MainWindow, page: LibraryPage, qtbot: QtBot
) -> None:
    """New predictions may change what the grid shows while a second key is on its way."""
    dog = class_id(page, "dog")
    page.panel.bar.set_class(dog)
    choose(page, Status.UNKNOWN)
    qtbot.waitUntil(lambda: len(names(page)) > 5 and page.grid.selected_count() == 1)
    image = page.grid.current_id()
    qtbot.waitUntil(window.commands.action("image.present").isEnabled, timeout=WAIT_MS)
    window.commands.trigger("image.present")
    assert (page.session.snapshot().annotations == Verdict.PRESENT).sum() == 1
    page.panel.library_changed()
    qtbot.waitUntil(lambda: page.panel.model.position_of(image) < 0, timeout=WAIT_MS)
    window.commands.trigger("image.absent")
    page.grid_view.set_verdict(Verdict.ABSENT)  # were the command not disabled in time
    snapshot = page.session.snapshot()
    assert (snapshot.annotations == Verdict.ABSENT).sum() == 0
    assert page.grid.selected_count() == 0 and page.grid.current_id() >= 0
    page.panel.ask()  # the user wants the list brought up to date
    choose(page, Status.PRESENT)
    qtbot.waitUntil(lambda: page.panel.model.position_of(image) >= 0, timeout=WAIT_MS)
    assert page.grid.selected_array().tolist() == [image]


def test_sorting_by_score_starts_with_the_highest_and_can_be_reversed(
    page: LibraryPage, qtbot: QtBot
) -> None:
    bar = page.panel.bar
    bar.set_class(class_id(page, "dog"))
    bar.order.setCurrentIndex(bar.order.findData(SortKey.SCORE))

    def scores() -> list[float]:
        snapshot = page.session.snapshot()
        column = snapshot.column_of[class_id(page, "dog")]
        rows = [snapshot.row_of[int(id_)] for id_ in page.panel.model.ids]
        return [float(snapshot.scores[row, column]) for row in rows]

    qtbot.waitUntil(
        lambda: len(scores()) == 5 and scores() == sorted(scores(), reverse=True), timeout=WAIT_MS
    )
    bar.direction.setChecked(True)
    qtbot.waitUntil(lambda: scores() == sorted(scores()), timeout=WAIT_MS)
    assert bar.direction.text() == "Lowest first"


def test_filtering_keeps_the_current_photo_and_sorting_goes_to_the_first(
    page: LibraryPage, qtbot: QtBot
) -> None:
    place = names(page).index("dog+boat_9.jpg")
    image_id = page.panel.model.image_id(place)
    page.grid.select_ids([image_id], image_id)
    page.panel.bar.set_class(class_id(page, "boat"))
    qtbot.waitUntil(lambda: page.panel.model.rowCount() == 2, timeout=WAIT_MS)
    assert page.grid.selected_array().tolist() == [image_id]
    assert page.grid.current_id() == image_id
    page.panel.bar.clear()
    qtbot.waitUntil(lambda: page.panel.model.rowCount() == 12, timeout=WAIT_MS)
    added = names(page)
    page.panel.bar.direction.setChecked(True)
    qtbot.waitUntil(lambda: names(page) == added[::-1], timeout=WAIT_MS)
    assert page.grid.current_id() == page.panel.model.image_id(0)


def test_a_filter_without_matches_offers_to_clear_it(page: LibraryPage, qtbot: QtBot) -> None:
    page.panel.bar.popover.text.setText("no such photo")
    qtbot.waitUntil(lambda: page.panel.model.rowCount() == 0, timeout=WAIT_MS)
    assert page.panel.empty.isVisible()
    assert "No photo matches" in page.panel.empty.sentence.text()
    qtbot.waitUntil(lambda: page.inspector.image_ids == [], timeout=WAIT_MS)
    page.panel.empty.button.click()
    qtbot.waitUntil(lambda: page.panel.model.rowCount() == 12, timeout=WAIT_MS)
    assert page.grid.isVisible()


def test_unreadable_files_can_be_filtered(page: LibraryPage, qtbot: QtBot) -> None:
    page.panel.bar.set_filter(Filter(state=ImageState.UNREADABLE))
    qtbot.waitUntil(lambda: names(page) == ["empty_12.jpg"], timeout=WAIT_MS)


def test_find_shows_the_filter_bar_and_focuses_the_field_for_names(
    window: MainWindow, page: LibraryPage, qtbot: QtBot
) -> None:
    window.commands.trigger("view.filters")
    assert page.panel.bar.isHidden()
    window.commands.trigger("edit.find")
    assert page.panel.bar.isVisible()
    assert window.commands.action("view.filters").isChecked()
    qtbot.waitUntil(lambda: window.focusWidget() is page.panel.bar.popover.text)
    qtbot.keyClicks(page.panel.bar.popover.text, "kite")
    qtbot.keyClick(page.panel.bar.popover.text, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: names(page) == ["kite_7.jpg"], timeout=WAIT_MS)
    assert page.panel.bar.popover.isHidden()
    assert window.focusWidget() is page.grid


def test_the_toolbar_opens_the_filters_and_counts_those_that_are_set(
    window: MainWindow, page: LibraryPage, qtbot: QtBot
) -> None:
    button = window.toolbar.widgetForAction(window.commands.action("edit.filter"))
    assert isinstance(button, QToolButton)
    assert button.text() == "Filter" and not button.isCheckable()
    button.click()
    assert page.panel.bar.popover.isVisible()
    page.panel.bar.set_filter(Filter(unreviewed=True, text="kite"))
    qtbot.waitUntil(lambda: button.text() == "Filter 2", timeout=WAIT_MS)
    page.panel.bar.clear()
    qtbot.waitUntil(lambda: button.text() == "Filter", timeout=WAIT_MS)


def test_chosen_photos_can_be_shown_alone_until_the_filter_is_cleared(
    page: LibraryPage, qtbot: QtBot
) -> None:
    ids = page.panel.model.ids[[1, 4]].tolist()
    page.show_images(ids)
    qtbot.waitUntil(lambda: page.panel.model.ids.tolist() == ids, timeout=WAIT_MS)
    assert [token.text() for token in page.panel.bar.tokens] == ["2 chosen photos"]
    page.panel.bar.clear_button.click()
    qtbot.waitUntil(lambda: page.panel.model.rowCount() == 12, timeout=WAIT_MS)


def test_ctrl_l_opens_the_panel_and_escape_goes_back_to_the_grid(
    window: MainWindow, page: LibraryPage, qtbot: QtBot
) -> None:
    page.grid.setFocus()
    qtbot.keyClick(page.grid, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    popover = page.panel.bar.popover
    qtbot.waitUntil(popover.isVisible, timeout=WAIT_MS)
    assert window.focusWidget() is popover.picker.search
    qtbot.keyClick(popover.picker.search, Qt.Key.Key_Escape)
    assert popover.isHidden()
    assert window.focusWidget() is page.grid


def test_a_search_of_several_classes_is_saved_and_found_again_after_a_restart(
    launch: Callable[..., MainWindow],
    settled: Callable[[MainWindow], LibraryPage],
    photos: Path,
    qtbot: QtBot,
) -> None:
    """By keyboard alone: dog or boat, and no person; newest first."""
    window = launch(photos)
    page = settled(window)
    bar = page.panel.bar
    picker = bar.popover.picker
    qtbot.keyClick(page.grid, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: window.focusWidget() is picker.search, timeout=WAIT_MS)
    for name in ("dog", "boat"):
        qtbot.keyClicks(picker.search, name)
        qtbot.keyClick(picker.search, Qt.Key.Key_Return)
    qtbot.keyClicks(picker.search, "person")
    qtbot.keyClick(picker.search, Qt.Key.Key_Down)
    qtbot.keyClick(picker.list, Qt.Key.Key_Minus)
    expected = ["dog_1.jpg", "dog_2.jpg", "dog_6.jpg", "boat_8.jpg", "dog+boat_9.jpg"]
    qtbot.waitUntil(lambda: sorted(names(page)) == sorted(expected), timeout=WAIT_MS)
    bar.direction.click()
    bar.popover.save_button.click()
    qtbot.keyClicks(bar.popover.name, "Dogs & boats")
    qtbot.keyClick(bar.popover.name, Qt.Key.Key_Return)
    qtbot.waitUntil(
        lambda: len(names(page)) == len(expected) and not page.panel.kept.saving, timeout=WAIT_MS
    )
    found = names(page)
    window.close()

    second = launch(photos)
    page = settled(second)
    bar = page.panel.bar
    assert bar.filter() == Filter(), "a library opens with all of its photos"
    assert bar.sort().descending, "the order is remembered"
    bar.menu.aboutToShow.emit()
    bar.menu.actions()[0].trigger()
    qtbot.waitUntil(lambda: names(page) == found, timeout=WAIT_MS)
    assert [token.text() for token in bar.tokens] == ["any of: dog, boat", "not person"]


def test_a_saved_search_of_a_class_that_is_gone_finds_nothing_and_says_why(
    page: LibraryPage, qtbot: QtBot
) -> None:
    bar = page.panel.bar
    kite = class_id(page, "kite")
    bar.set_filter(Filter(classes=ClassCondition((kite,))))
    page.panel.save_search("Kites")
    bar.clear()
    page.session.vocabulary.archive([kite])
    qtbot.waitUntil(lambda: not bar.popover.picker.knows(kite), timeout=WAIT_MS)
    page.panel.apply_search(page.panel.kept.searches[0])
    qtbot.waitUntil(page.panel.empty.isVisible, timeout=WAIT_MS)
    assert [token.text() for token in bar.tokens] == ["kite (gone)"]
    assert page.filtered_class is None
    page.panel.empty.button.click()
    qtbot.waitUntil(lambda: page.panel.model.rowCount() == 12, timeout=WAIT_MS)


def test_a_saved_search_remembers_the_words(page: LibraryPage, qtbot: QtBot) -> None:
    page.panel.search_bar.search_words("dog")
    qtbot.waitUntil(lambda: "similar" in page.panel.search_bar.status.text(), timeout=WAIT_MS)
    page.panel.save_search("Like a dog")
    page.panel.search_bar.clear()
    page.panel.bar.popover.text.setText("boat")
    qtbot.waitUntil(lambda: page.panel.model.rowCount() == 2, timeout=WAIT_MS)
    page.panel.apply_search(page.panel.kept.searches[0])
    query = page.panel.search_bar.query
    assert query is not None and query.text == "dog"
    assert page.panel.bar.filter() == Filter()


def test_the_tree_marks_the_folder_that_is_shown(page: LibraryPage, qtbot: QtBot) -> None:
    tree, bar = page.tree, page.panel.bar
    folder = page.session.folders.all()[0].id
    bar.set_folder(folder, Path("trip"))
    assert shown_folder(page) == "trip"
    page.panel.save_search("Trip")
    page.show_class(class_id(page, "dog"))
    assert tree.currentItem() is tree.all_photos, "a class is shown in the whole library"
    qtbot.waitUntil(lambda: page.panel.model.rowCount() == 5, timeout=WAIT_MS)
    page.panel.apply_search(page.panel.kept.searches[0])
    assert shown_folder(page) == "trip"
    trip = {"kite_7.jpg", "boat_8.jpg", "dog+boat_9.jpg", "person_10.jpg", "cup_11.jpg"}
    qtbot.waitUntil(lambda: set(names(page)) == trip, timeout=WAIT_MS)
