"""One class swept through the real window: tick, confirm, undo, by keyboard and by mouse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.long_tail.page import LongTailPage
from lmpt_desktop.ui.shell.page_stack import GRID
from lmpt_desktop.ui.sweep import page_layout
from lmpt_desktop.ui.sweep.commands import NAME
from lmpt_desktop.ui.sweep.page import SweepPage
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000
Settled = Callable[[MainWindow], LibraryPage]
Key = Qt.Key


@pytest.fixture
def page(launch: Callable[..., MainWindow], photos: Path, settled: Settled) -> LibraryPage:
    return settled(launch(photos))


@pytest.fixture
def sweep(page: LibraryPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> SweepPage:
    """The page of *dog*, three photos at a time."""
    for name in ("FEWEST", "MOST"):
        monkeypatch.setattr(page_layout, name, 3)
    page.set_focus_class(class_of(page, "dog"))
    page.pin_class(class_of(page, "dog"), True)
    return open_sweep(page, qtbot)


def class_of(page: LibraryPage, name: str) -> int:
    return next(entry.id for entry in page.session.snapshot().classes if entry.name == name)


def open_sweep(page: LibraryPage, qtbot: QtBot) -> SweepPage:
    page.grid.setFocus()
    press(qtbot, Key.Key_F8)
    sweep = page.pages.built(NAME)
    assert page.pages.current == NAME and isinstance(sweep, SweepPage)
    ready(sweep, qtbot)
    return sweep


def ready(sweep: SweepPage, qtbot: QtBot) -> None:
    """Wait until the page can be confirmed."""
    qtbot.waitUntil(
        lambda: sweep.is_asking and not sweep.request.busy and not sweep.loading, timeout=WAIT_MS
    )


def press(qtbot: QtBot, key: Qt.Key, modifier: Qt.KeyboardModifier | None = None) -> None:
    where = QApplication.focusWidget()
    assert where is not None
    qtbot.keyClick(where, key, modifier or Qt.KeyboardModifier.NoModifier)


def names(sweep: SweepPage) -> list[str]:
    return [cell.name for cell in sweep.model.cells]


def ticked(sweep: SweepPage) -> set[str]:
    return {cell.name for row, cell in enumerate(sweep.model.cells) if sweep.model.is_ticked(row)}


def stored(page: LibraryPage, class_id: int) -> dict[str, int]:
    """The verdicts on a class as they are on disk, by file name."""
    snapshot = page.session.snapshot()
    found = page.session.catalogue.annotations.matrix(snapshot.image_ids.tolist(), [class_id])
    return {
        name.rpartition("/")[2]: int(verdict)
        for name, verdict in zip(snapshot.names, found[:, 0].tolist(), strict=True)
        if verdict >= 0
    }


def test_a_page_is_ticked_confirmed_and_undone_by_keyboard(
    page: LibraryPage, sweep: SweepPage, qtbot: QtBot
) -> None:
    dog = class_of(page, "dog")
    assert sweep.class_id == dog and sweep.classes.text().startswith("dog")
    first = names(sweep)
    assert len(first) == 3 and all("dog" in name for name in first)
    assert ticked(sweep) == set(first), "those that more likely have it are ticked at first"
    assert "3 present, 0 absent" in sweep.confirm_button.text()
    press(qtbot, Key.Key_Right)
    press(qtbot, Key.Key_Space)
    assert ticked(sweep) == {first[0], first[2]}
    assert "2 present, 1 absent" in sweep.confirm_button.text()
    press(qtbot, Key.Key_Return)
    expected = {name: int(name != first[1]) for name in first}
    assert stored(page, dog) == expected
    assert page.undo_stack.stack.undoText() == "Sweep of dog: 2 present, 1 absent"
    ready(sweep, qtbot)
    window = page.window()
    assert isinstance(window, MainWindow)
    assert not window.context.notifications.shown, "the page has its own undo"
    assert not set(names(sweep)) & set(first) and len(names(sweep)) == 3
    press(qtbot, Key.Key_Backspace)
    qtbot.waitUntil(lambda: names(sweep) == first, timeout=WAIT_MS)
    assert not stored(page, dog)
    assert ticked(sweep) == {first[0], first[2]}, "as the user had ticked them"
    press(qtbot, Key.Key_Escape)
    assert page.pages.current == GRID and QApplication.focusWidget() is page.grid


def test_everything_is_ticked_and_unticked_by_keys_that_select_elsewhere(
    page: LibraryPage, sweep: SweepPage, qtbot: QtBot
) -> None:
    press(qtbot, Key.Key_A, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert not ticked(sweep)
    assert page.window().isActiveWindow(), "no dialog was opened"
    press(qtbot, Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert len(ticked(sweep)) == 3
    assert len(page.grid.selected_array()) <= 1
    qtbot.mouseClick(sweep.none, Qt.MouseButton.LeftButton)
    assert not ticked(sweep) and QApplication.focusWidget() is sweep.grid


def test_clicks_toggle_and_shift_click_carries_the_tick_over_a_range(
    sweep: SweepPage, qtbot: QtBot
) -> None:
    def click(row: int, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        place = sweep.grid.visualRect(sweep.model.index(row)).center()
        qtbot.mouseClick(sweep.grid.viewport(), Qt.MouseButton.LeftButton, modifier, place)

    first = names(sweep)
    click(0)
    assert ticked(sweep) == set(first[1:])
    click(1, Qt.KeyboardModifier.ShiftModifier)
    assert ticked(sweep) == {first[2]}


def test_a_page_with_nothing_right_says_that_the_rest_is_unlikely(
    page: LibraryPage, sweep: SweepPage, qtbot: QtBot
) -> None:
    assert not sweep.note.text()
    qtbot.mouseClick(sweep.none, Qt.MouseButton.LeftButton)
    press(qtbot, Key.Key_Return)
    ready(sweep, qtbot)
    assert "unlikely" in sweep.note.text()
    dog = class_of(page, "dog")
    assert set(stored(page, dog).values()) == {int(Verdict.ABSENT)}


def test_undoing_elsewhere_returns_to_the_page_and_photos_end(
    page: LibraryPage, sweep: SweepPage, qtbot: QtBot
) -> None:
    dog, pages = class_of(page, "dog"), []
    while sweep.is_asking:
        pages.append(names(sweep))
        before = len(sweep.history)
        press(qtbot, Key.Key_Return)
        qtbot.waitUntil(lambda before=before: len(sweep.history) > before, timeout=WAIT_MS)
        qtbot.waitUntil(
            lambda: not sweep.request.busy and not (sweep.is_asking and sweep.loading),
            timeout=WAIT_MS,
        )
    seen = [name for shown in pages for name in shown]
    assert len(seen) == len(set(seen)) == 11, "every readable photo once"
    assert set(stored(page, dog)) == set(seen)
    assert sweep.ending.isVisible() and "dog" in sweep.ending.text()
    press(qtbot, Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: names(sweep) == pages[-1], timeout=WAIT_MS)


def test_the_long_tail_sweeps_its_current_class(page: LibraryPage, qtbot: QtBot) -> None:
    press(qtbot, Key.Key_F4)
    qtbot.waitUntil(lambda: page.pages.current == "long-tail", timeout=WAIT_MS)
    tail = page.pages.currentWidget()
    assert isinstance(tail, LongTailPage)
    qtbot.waitUntil(lambda: tail.figures is not None, timeout=WAIT_MS)
    column = page.session.snapshot().column_of[class_of(page, "boat")]
    tail.classes.table.show_class(column)
    tail.classes.table.setFocus()
    press(qtbot, Key.Key_F8)
    sweep = page.pages.built(NAME)
    assert isinstance(sweep, SweepPage) and sweep.class_id == class_of(page, "boat")
    ready(sweep, qtbot)
    press(qtbot, Key.Key_Escape)
    assert page.pages.current == "long-tail"


def test_the_inspector_sweeps_the_class_of_its_menu(page: LibraryPage, qtbot: QtBot) -> None:
    first = page.panel.model.image_id(0)
    page.grid.select_ids([first], first)
    page.grid.settle_selection()
    page.inspector.view.sweep_requested.emit(class_of(page, "kite"))
    sweep = page.pages.built(NAME)
    assert isinstance(sweep, SweepPage) and sweep.class_id == class_of(page, "kite")
