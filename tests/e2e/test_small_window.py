"""The window on a small screen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pytestqt.qtbot import QtBot

from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000


def test_a_small_window_shows_eight_photos_beside_the_inspector(
    launch: Callable[..., MainWindow],
    settled: Callable[[MainWindow], LibraryPage],
    photos: Path,
    qtbot: QtBot,
) -> None:
    window = launch()
    window.resize(1024, 640)
    window.open_paths([photos])
    qtbot.waitUntil(lambda: window.page is not None, timeout=WAIT_MS)
    page = settled(window)
    assert window.size().width() == 1024 and window.size().height() == 640
    assert page.inspector.isVisible() and page.tree.isVisible()
    view = page.grid.viewport().rect()

    def seen() -> int:
        """Photos whose picture is whole; their last lines of text may be cut off."""
        model = page.panel.model
        places = [page.grid.visualRect(model.index(row)) for row in range(model.rowCount())]
        return sum(view.contains(place.adjusted(0, 0, 0, -place.height() // 3)) for place in places)

    qtbot.waitUntil(lambda: seen() >= 8, timeout=WAIT_MS)
