"""Geometry, splitter and page, restored at the next start."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QRect
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000


def test_geometry_and_splitter_are_restored(
    launch: Callable[..., MainWindow],
    settled: Callable[[MainWindow], LibraryPage],
    photos: Path,
    qtbot: QtBot,
) -> None:
    window = launch(photos)
    page = settled(window)
    window.setGeometry(QRect(20, 30, 760, 640))
    qtbot.waitUntil(lambda: window.width() == 760 or window.width() > 0)
    page.splitter.setSizes([260, 500, 300])
    sizes = page.splitter.sizes()
    geometry = window.geometry()
    window.close()
    again = launch(photos)
    assert again.page is not None
    assert again.geometry().topLeft() == geometry.topLeft()
    again.resize(geometry.size())
    wanted, got = sizes, again.page.splitter.sizes()
    assert all(abs(a - b) <= 4 for a, b in zip(wanted, got, strict=True)), (wanted, got)


def test_a_window_from_a_missing_screen_is_moved_to_an_existing_one(
    launch: Callable[..., MainWindow],
) -> None:
    window = launch()
    window.move(6000, 5000)
    window.close()
    again = launch()
    screens = [screen.availableGeometry() for screen in QGuiApplication.screens()]
    assert any(screen.contains(again.geometry().center()) for screen in screens)
    assert any(screen.intersects(again.menuBar().rect()) for screen in screens)


def test_the_last_page_of_a_library_is_shown_again(
    launch: Callable[..., MainWindow],
    settled: Callable[[MainWindow], LibraryPage],
    photos: Path,
    qtbot: QtBot,
) -> None:
    window = launch(photos)
    settled(window)
    window.commands.trigger("view.long-tail")
    qtbot.waitUntil(lambda: window.page is not None and window.page.pages.current == "long-tail")
    window.close()
    again = launch(photos)
    qtbot.waitUntil(
        lambda: again.page is not None and again.page.pages.current == "long-tail", timeout=WAIT_MS
    )
    again.commands.trigger("view.grid")
    again.close()
    last = launch(photos)
    assert last.page is not None and last.page.pages.current == "grid"
