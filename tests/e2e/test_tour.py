"""The tour of the first start: cards beside the parts of the window they explain."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.window.main_window import MainWindow
from lmpt_desktop.ui.window.tour import STEPS, beside

WAIT_MS = 30_000


Launch = Callable[..., MainWindow]
Settled = Callable[[MainWindow], LibraryPage]


def test_the_tour_begins_with_the_library_and_points_at_what_is_there(
    launch: Launch, settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    window = launch()
    tour = window.tour
    window.first_start()
    assert tour.isHidden(), "on the welcome page there is nothing to point at"
    window.open_paths([photos])
    qtbot.waitUntil(tour.isVisible, timeout=WAIT_MS)
    page = settled(window)
    seen: list[str] = []
    anchors: dict[str, QWidget] = {
        "folders": page.tree,
        "card": page.grid.viewport(),
        "inspector": page.inspector,
        "confirm": page.inspector,
        "review": window.segments,
        "long-tail": window.segments,
        "retrain": window.toolbar,
    }
    while tour.isVisible():
        anchor = STEPS[tour.step].anchor
        seen.append(anchor)
        inside = anchors[anchor]
        place = QRect(inside.mapTo(window, QPoint(0, 0)), inside.size()).adjusted(-4, -4, 4, 4)
        qtbot.waitUntil(lambda p=place: p.contains(tour.ring.geometry()), timeout=WAIT_MS)
        assert tour.ring.isVisible() and inside.isVisible()
        assert window.rect().contains(tour.geometry())
        assert not tour.geometry().intersects(tour.ring.geometry()), anchor
        assert "{" not in tour.text.text() and "–" not in tour.text.text()
        qtbot.mouseClick(tour.next, Qt.MouseButton.LeftButton)
    assert seen == [step.anchor for step in STEPS]
    assert tour.ring.isHidden()
    window.first_start()
    assert tour.isHidden(), "once is enough"


def test_a_step_whose_part_is_hidden_is_left_out(
    launch: Launch, settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    window.commands.trigger("view.folders")
    assert page.tree.isHidden()
    window.commands.trigger("help.tour")
    assert STEPS[window.tour.step].anchor == "card" and not window.tour.back.isEnabled()
    assert page.grid.selected_count() == 1, "the inspector has something to show"
    # The window can be used meanwhile.
    page.grid.setFocus()
    qtbot.keyClick(page.grid, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: page.grid.selected_count() > 1)
    window.close_library()
    assert window.tour.isHidden() and window.tour.ring.isHidden()


def test_the_tour_is_used_by_keyboard_and_never_shown_again(
    launch: Launch, settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    tour = window.tour
    window.first_start()
    qtbot.waitUntil(tour.isVisible, timeout=WAIT_MS)
    assert tour.next.hasFocus()
    qtbot.keyClick(tour.next, Qt.Key.Key_Return)
    assert tour.step == 1
    assert tour.accessibleName() == "What the model suggests"
    tour.back.setFocus()
    qtbot.keyClick(tour.back, Qt.Key.Key_Space)
    assert tour.step == 0 and not tour.back.isEnabled()
    tour.next.setFocus()
    qtbot.keyClick(tour.next, Qt.Key.Key_Escape)
    assert tour.isHidden()
    assert page.grid.hasFocus(), "the keyboard is not left on nothing"
    window.close()
    again = launch(photos)
    again.first_start()
    settled(again)
    assert again.tour.isHidden()
    again.commands.trigger("help.tour")
    assert again.tour.isVisible()


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
