"""Searching by words and by example, in the real window with the real session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000


@pytest.fixture
def window(launch: Callable[..., MainWindow], photos: Path) -> MainWindow:
    return launch(photos)


@pytest.fixture
def page(window: MainWindow, settled: Callable[[MainWindow], LibraryPage]) -> LibraryPage:
    return settled(window)


def search(page: LibraryPage, words: str, qtbot: QtBot) -> None:
    """Type words into the search field."""
    field = page.panel.search_bar.field
    field.setFocus()
    qtbot.keyClicks(field, words)
    qtbot.keyClick(field, Qt.Key.Key_Return)


def names(page: LibraryPage) -> list[str]:
    model = page.panel.model
    return [model.cell(place).name for place in range(model.rowCount())]


def test_searching_by_words_and_by_example_needs_only_the_keyboard(
    window: MainWindow, page: LibraryPage, qtbot: QtBot
) -> None:
    added = names(page)
    bar = page.panel.search_bar
    clear = window.commands.action("edit.clear-search")
    assert not clear.isEnabled()
    qtbot.keyClick(page.grid, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: window.focusWidget() is bar.field)

    qtbot.keyClicks(bar.field, "boat")
    qtbot.keyClick(bar.field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: names(page)[:2] == ["boat_8.jpg", "dog+boat_9.jpg"], timeout=WAIT_MS)
    assert len(names(page)) == 11
    summary = "11 photos, most similar first. 1 photo that is not encoded yet is left out"
    assert bar.status.text() == summary
    assert window.status.currentMessage() == summary
    assert clear.isEnabled()

    qtbot.keyClick(bar.field, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: window.focusWidget() is page.grid)
    kite = page.panel.model.image_id(names(page).index("kite_7.jpg"))
    page.grid.select_ids([kite], kite)
    alike = window.commands.action("image.alike")
    qtbot.waitUntil(alike.isEnabled)
    qtbot.keyClick(
        page.grid,
        Qt.Key.Key_S,
        Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
    )
    qtbot.waitUntil(lambda: names(page)[:1] == ["kite_7.jpg"], timeout=WAIT_MS)
    assert bar.chip.text() == "Like kite_7.jpg"
    assert bar.field.text() == ""

    qtbot.keyClick(page.grid, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: names(page) == added, timeout=WAIT_MS)
    assert bar.chip.isHidden() and not clear.isEnabled()


def test_photos_like_several_others_can_be_filtered_by_folder(
    window: MainWindow, page: LibraryPage, qtbot: QtBot
) -> None:
    place = {name: page.panel.model.image_id(i) for i, name in enumerate(names(page))}
    pair = [place["dog_1.jpg"], place["boat_8.jpg"]]
    page.grid.select_ids(pair, pair[0])
    qtbot.waitUntil(window.commands.action("image.alike").isEnabled)
    window.commands.trigger("image.alike")
    qtbot.waitUntil(lambda: names(page)[0] == "dog+boat_9.jpg", timeout=WAIT_MS)
    assert page.panel.search_bar.chip.text() == "Like 2 photos"
    folder = page.session.folders.all()[0].id
    page.panel.bar.set_folder(folder, Path("trip"))
    qtbot.waitUntil(lambda: len(names(page)) == 5, timeout=WAIT_MS)
    assert names(page)[:2] == ["dog+boat_9.jpg", "boat_8.jpg"]


def test_search_results_can_be_annotated_and_keep_their_order(
    page: LibraryPage, qtbot: QtBot
) -> None:
    search(page, "cup", qtbot)
    qtbot.waitUntil(lambda: set(names(page)[:2]) == {"cup_5.jpg", "cup_11.jpg"}, timeout=WAIT_MS)
    cup = next(entry.id for entry in page.session.snapshot().classes if entry.name == "cup")
    found = page.panel.model.ids[:2].tolist()
    qtbot.keyClick(page.panel.search_bar.field, Qt.Key.Key_Down)
    qtbot.waitUntil(page.grid.hasFocus)
    page.grid.select_ids(found, found[0])
    page.set_focus_class(cup)
    qtbot.keyClick(page.grid, Qt.Key.Key_P)
    snapshot = page.session.snapshot
    qtbot.waitUntil(
        lambda: all(
            snapshot().annotations[snapshot().row_of[i], snapshot().column_of[cup]] == 1
            for i in found
        ),
        timeout=WAIT_MS,
    )
    assert page.panel.model.ids[:2].tolist() == found, "the order stays"


def test_showing_chosen_photos_ends_the_search(page: LibraryPage, qtbot: QtBot) -> None:
    search(page, "dog", qtbot)
    qtbot.waitUntil(lambda: len(names(page)) == 11, timeout=WAIT_MS)
    assert page.panel.search_bar.query is not None
    some = sorted(page.panel.model.ids[:2].tolist())
    page.show_images(some)
    qtbot.waitUntil(lambda: page.panel.model.ids.tolist() == some, timeout=WAIT_MS)
    assert page.panel.search_bar.query is None
