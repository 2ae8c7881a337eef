"""The tour of the first start: four cards beside the widgets they explain."""

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


def test_the_tour_starts_once_and_points_at_the_right_widgets(
    launch: Callable[..., MainWindow], photos: Path, qtbot: QtBot
) -> None:
    window = launch()
    tour = window.tour
    window.first_start()
    assert tour.isVisible() and tour.step == 0
    window.open_paths([photos])
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
    # The window can be used meanwhile.
    page.grid.setFocus()
    qtbot.keyClick(page.grid, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: page.grid.selected_count() > 0)
    qtbot.mouseClick(tour.next, Qt.MouseButton.LeftButton)
    assert tour.isHidden() and tour.ring.isHidden()
    window.first_start()
    assert tour.isHidden(), "once is enough"


def test_the_tour_is_used_by_keyboard_and_never_shown_again(
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
    again.first_start()
    assert again.tour.isHidden()
    again.commands.trigger("help.tour")
    assert again.tour.isVisible()


def test_the_card_stays_in_the_window_when_the_library_is_closed(
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
def test_a_card_is_placed_in_the_window_beside_its_target(
    target: QRect,
) -> None:
    room, card = QRect(10, 10, 780, 580), QSize(340, 160)
    place = QRect(beside(target, card, room), card)
    assert room.contains(place)
    assert target.width() == 800 or not place.intersects(target)
