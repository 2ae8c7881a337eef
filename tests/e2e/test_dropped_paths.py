"""Folders and photos dropped on the window, and named on the command line."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dropping import drop
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from lmpt_desktop import app
from lmpt_desktop.library_places import library_for
from lmpt_desktop.settings import OPEN_FOLDER, FolderPlace
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000


def selected_names(page: LibraryPage) -> set[str]:
    return {
        page.session.images.path(image_id).name for image_id in page.grid.selected_array().tolist()
    }


def test_photos_dropped_on_the_welcome_page_open_their_folder_and_are_selected(
    launch: Callable[..., MainWindow], photos: Path, qtbot: QtBot
) -> None:
    window = launch()
    drop(window.welcome, photos / "dog_2.jpg", photos / "cup_5.jpg")
    qtbot.waitUntil(lambda: window.page is not None, timeout=WAIT_MS)
    page = window.page
    assert page is not None
    assert page.session.library_folder == library_for(photos)
    qtbot.waitUntil(lambda: selected_names(page) == {"dog_2.jpg", "cup_5.jpg"}, timeout=WAIT_MS)
    assert page.session.images.path(page.grid.current_id()).name == "dog_2.jpg"


def test_a_dropped_photo_of_the_library_is_selected_whatever_the_filters(
    launch: Callable[..., MainWindow],
    settled: Callable[[MainWindow], LibraryPage],
    photos: Path,
    qtbot: QtBot,
) -> None:
    window = launch(photos)
    page = settled(window)
    page.panel.bar.popover.text.setText("no such file")
    qtbot.waitUntil(lambda: page.panel.model.rowCount() == 0, timeout=WAIT_MS)
    drop(page, photos / "trip" / "kite_7.jpg")
    qtbot.waitUntil(lambda: selected_names(page) == {"kite_7.jpg"}, timeout=WAIT_MS)
    assert [folder.path for folder in page.session.folders.all()] == [photos]


def test_dropping_a_photo_from_elsewhere_adds_its_folder(
    launch: Callable[..., MainWindow],
    settled: Callable[[MainWindow], LibraryPage],
    photos: Path,
    tmp_path: Path,
    qtbot: QtBot,
) -> None:
    window = launch(photos)
    window.settings.set(OPEN_FOLDER, FolderPlace.ADD)
    page = settled(window)
    other = tmp_path / "other"
    other.mkdir()
    photo = other / "dog_99.jpg"
    photo.write_bytes((photos / "dog_1.jpg").read_bytes())
    drop(page, photo)
    qtbot.waitUntil(lambda: selected_names(page) == {"dog_99.jpg"}, timeout=WAIT_MS)
    assert {folder.path for folder in page.session.folders.all()} == {photos, other}


def test_dropped_files_that_are_not_photos_are_refused(
    launch: Callable[..., MainWindow], tmp_path: Path, qtbot: QtBot
) -> None:
    window = launch()
    note = tmp_path / "note.txt"
    note.write_text("no photo")
    assert not drop(window.welcome, note).isAccepted()
    assert drop(window.welcome, note, tmp_path / "gone.jpg").isAccepted()
    qtbot.waitUntil(lambda: bool(window.notifications.shown), timeout=WAIT_MS)
    assert "gone.jpg" in window.notifications.shown[0].message
    assert not window.opener.busy and window.page is None


def test_files_dropped_together_with_a_photo_are_left_out(
    launch: Callable[..., MainWindow], photos: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    window = launch()
    note = tmp_path / "note.txt"
    note.write_text("no photo")
    drop(window.welcome, note, photos / "cup_5.jpg")
    qtbot.waitUntil(lambda: window.page is not None, timeout=WAIT_MS)
    assert not window.notifications.shown


def test_a_photo_on_the_command_line_opens_its_folder(
    launch: Callable[..., MainWindow], photos: Path, qtbot: QtBot
) -> None:
    window = launch()
    app.start(window, argparse.Namespace(folders=[photos / "dog_6.jpg"], library=None))
    qtbot.waitUntil(lambda: window.page is not None, timeout=WAIT_MS)
    page = window.page
    assert page is not None
    qtbot.waitUntil(lambda: selected_names(page) == {"dog_6.jpg"}, timeout=WAIT_MS)


def test_the_window_does_not_wait_for_the_disk_of_the_photos(
    launch: Callable[..., MainWindow],
    settled: Callable[[MainWindow], LibraryPage],
    photos: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[str] = []

    def watched(name: str) -> Callable[..., Any]:
        original = getattr(Path, name)

        def look(path: Path, *args: Any, **options: Any) -> Any:
            in_window = threading.current_thread() is threading.main_thread()
            if in_window and (path == photos or photos in path.parents):
                looks.append(f"{name} {path}")
            return original(path, *args, **options)

        return look

    for name in ("is_dir", "is_file", "exists", "stat", "resolve", "iterdir"):
        monkeypatch.setattr(Path, name, watched(name))
    window = launch()
    app.start(window, argparse.Namespace(folders=[photos], library=None))
    qtbot.waitUntil(lambda: window.page is not None, timeout=WAIT_MS)
    page = settled(window)
    drop(page, photos / "dog_2.jpg")
    qtbot.waitUntil(lambda: page.grid.selected_array().tolist() != [], timeout=WAIT_MS)
    window.commands.trigger("view.review")
    window.come_to_front([photos / "cup_5.jpg"])
    qtbot.waitUntil(lambda: page.view is page.grid_view, timeout=WAIT_MS)
    assert looks == []


def test_a_missing_recent_library_is_reported_and_can_be_removed_by_keyboard(
    launch: Callable[..., MainWindow], photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    window.close_library()
    window.opener.wait()
    library = library_for(photos)
    (library / "catalogue.sqlite").unlink()
    window.welcome.show_recent(window.settings.recent())
    qtbot.waitUntil(lambda: "not found" in window.welcome.recent.item(0).text(), timeout=WAIT_MS)
    window.open_recent(window.settings.recent()[0])
    qtbot.waitUntil(lambda: bool(window.notifications.shown), timeout=WAIT_MS)
    note = window.notifications.shown[0]
    assert "was not found" in note.title and str(library) in note.message
    assert window.page is None and not (library / "catalogue.sqlite").exists()
    window.welcome.recent.setCurrentRow(0)
    window.welcome.recent.setFocus()
    qtbot.keyClick(window.welcome.recent, Qt.Key.Key_Delete)
    assert window.settings.recent() == []
    assert window.welcome.recent.isHidden()
