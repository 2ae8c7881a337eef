"""The first-run tour: four cards beside what they talk of, never again once left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect, QSize, Qt
from pytestqt.qtbot import QtBot

from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.window.main_window import MainWindow
from lmpt_desktop.ui.window.tour import STEPS, beside

WAIT_MS = 30_000


def test_the_first_start_shows_it_and_it_follows_the_user_through_the_loop(
    launch: Callable[..., MainWindow], photos: Path, qtbot: QtBot
) -> None:
    window = launch()
    tour = window.tour
    window.first_start()
    assert tour.isVisible() and tour.step == 0
    window.open_folders([photos])
    qtbot.waitUntil(lambda: window.page is not None, timeout=WAIT_MS)
    assert tour.step == 1, "opening a folder is the first step done"
    page = window.page
    assert page is not None
    for number, anchor in (
        (1, page.panel.bar.bands),
        (2, page.inspector),
        (3, window.toolbar.widgetForAction(window.commands.action("model.retrain"))),
    ):
        tour.show_step(number)
        target = QRect(anchor.mapTo(window, QPoint(0, 0)), anchor.size())
        qtbot.waitUntil(lambda t=target: tour.ring.geometry().contains(t), timeout=WAIT_MS)
        assert window.rect().contains(tour.geometry())
        assert not tour.geometry().intersects(target), STEPS[number].title
    # The window is all there meanwhile.
    page.grid.setFocus()
    qtbot.keyClick(page.grid, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: page.grid.selected_count() > 0)
    qtbot.mouseClick(tour.next, Qt.MouseButton.LeftButton)
    assert tour.isHidden() and tour.ring.isHidden()
    window.first_start()
    assert tour.isHidden(), "once is enough"


def test_it_is_walked_and_left_by_the_keyboard_and_stays_away(
    launch: Callable[..., MainWindow], qtbot: QtBot
) -> None:
    window = launch()
    tour = window.tour
    window.first_start()
    assert tour.next.hasFocus()
    qtbot.keyClick(tour.next, Qt.Key.Key_Return)
    assert tour.step == 1
    assert tour.accessibleName() == "Look at the tail"
    tour.back.setFocus()
    qtbot.keyClick(tour.back, Qt.Key.Key_Space)
    assert tour.step == 0 and not tour.back.isEnabled()
    tour.next.setFocus()
    qtbot.keyClick(tour.next, Qt.Key.Key_Escape)
    assert tour.isHidden()
    assert window.welcome.open_button.hasFocus(), "the keyboard is not left on nothing"
    window.close()
    again = launch()
    again.shell_actions.first_start()
    assert again.shell_actions.tour.isHidden()
    again.commands.action("help.tour").trigger()
    assert again.shell_actions.tour.isVisible()


def test_closing_the_library_leaves_the_card_in_the_window(
    launch: Callable[..., MainWindow],
    settled: Callable[[MainWindow], LibraryPage],
    photos: Path,
    qtbot: QtBot,
) -> None:
    window = launch(photos)
    settled(window)
    tour = window.tour
    tour.begin()
    tour.show_step(2)
    qtbot.waitUntil(tour.ring.isVisible)
    window.close_library()
    qtbot.waitUntil(tour.ring.isHidden)
    assert tour.isVisible() and window.rect().contains(tour.geometry())


@pytest.mark.parametrize(
    "target",
    [QRect(5, 5, 80, 30), QRect(700, 560, 90, 30), QRect(500, 40, 290, 540), QRect(0, 0, 800, 600)],
)
def test_a_card_lies_within_the_window_and_off_its_target_where_there_is_room(
    target: QRect,
) -> None:
    room, card = QRect(10, 10, 780, 580), QSize(340, 160)
    place = QRect(beside(target, card, room), card)
    assert room.contains(place)
    assert target.width() == 800 or not place.intersects(target)
