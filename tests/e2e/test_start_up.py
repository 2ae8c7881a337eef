"""Starting: the welcome page, the last library, and libraries that cannot be opened."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from pytestqt.qtbot import QtBot

from lmpt_desktop import app, sample_photos
from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.library_places import library_for
from lmpt_desktop.ui.shell.settings import ComputerSettings, RecentLibrary
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000


def test_the_first_start_shows_the_welcome_page(launch: Callable[..., MainWindow]) -> None:
    window = launch()
    assert window.stack.currentWidget() is window.welcome
    assert not window.toolbar.isVisible()
    assert window.welcome.recent.isHidden()
    assert not window.commands.action("model.retrain").isEnabled()
    assert window.commands.action("file.open").isEnabled()


def test_sample_photos_open_as_a_library(launch: Callable[..., MainWindow], qtbot: QtBot) -> None:
    if reason := sample_photos.unavailable_reason():
        pytest.skip(reason)
    window = launch()
    window.welcome.samples_button.click()
    qtbot.waitUntil(
        lambda: (
            window.page is not None
            and window.page.panel.model.rowCount() == len(sample_photos.available())
        ),
        timeout=WAIT_MS,
    )


def test_without_the_samples_extra_the_button_says_why(launch: Callable[..., MainWindow]) -> None:
    window = launch()
    window.welcome.show_samples(sample_photos.MISSING)
    assert not window.welcome.samples_button.isEnabled()
    assert "pip install" in window.welcome.samples_note.text()
    assert window.welcome.samples_note.isVisible()


def test_a_folder_can_be_dropped_on_the_welcome_page(
    launch: Callable[..., MainWindow], photos: Path, qtbot: QtBot
) -> None:
    window = launch()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(photos))])
    copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    window.welcome.dropEvent(
        QDropEvent(QPointF(9, 9), copy, data, left, Qt.KeyboardModifier.NoModifier)
    )
    qtbot.waitUntil(lambda: window.page is not None, timeout=WAIT_MS)
    assert window.page is not None
    assert window.page.session.library_folder == library_for(photos)


def test_the_last_library_is_reopened_and_listed_as_recent(
    launch: Callable[..., MainWindow], photos: Path, qtbot: QtBot
) -> None:
    launch(photos).close()
    again = launch()
    assert [entry.name for entry in again.settings.recent()] == ["my photos"]
    app.start(again, argparse.Namespace(folders=[], library=None))
    qtbot.waitUntil(lambda: again.page is not None, timeout=WAIT_MS)
    assert again.page is not None
    assert again.page.session.library_folder == library_for(photos)


def test_a_library_the_user_closed_is_not_reopened_but_listed(
    launch: Callable[..., MainWindow], photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    window.close_library()
    assert window.stack.currentWidget() is window.welcome
    assert window.welcome.recent.count() == 1
    window.close()
    again = launch()
    app.start(again, argparse.Namespace(folders=[], library=None))
    assert again.page is None
    assert not again.opener.busy
    again.open_recent(again.settings.recent()[0])
    qtbot.waitUntil(lambda: again.page is not None, timeout=WAIT_MS)


def test_all_of_a_few_recent_libraries_can_be_seen(
    launch: Callable[..., MainWindow], tmp_path: Path, qtbot: QtBot
) -> None:
    settings = ComputerSettings()
    for name in ("one", "two", "three"):
        settings.remember(RecentLibrary(name, str(tmp_path / name)))
    settings.flush()
    welcome = launch().welcome
    welcome.show_samples(sample_photos.MISSING)  # a long text, which wraps
    recent = welcome.recent
    qtbot.waitUntil(lambda: "not found" in recent.item(2).text(), timeout=WAIT_MS)
    assert recent.visualItemRect(recent.item(2)).bottom() <= recent.viewport().rect().bottom()
    assert recent.visibleRegion().boundingRect() == recent.rect()


def test_folders_on_the_command_line_open_and_missing_ones_are_reported(
    launch: Callable[..., MainWindow], photos: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    window = launch()
    gone = tmp_path / "gone"
    app.start(window, argparse.Namespace(folders=[photos, gone], library=None))
    qtbot.waitUntil(lambda: window.page is not None, timeout=WAIT_MS)
    assert str(gone) in window.notifications.shown[0].message


def test_the_library_folder_can_be_chosen(
    launch: Callable[..., MainWindow], photos: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    window = launch()
    library = tmp_path / "elsewhere" / "library"
    app.start(window, argparse.Namespace(folders=[photos], library=library))
    qtbot.waitUntil(lambda: window.page is not None, timeout=WAIT_MS)
    assert (library / "catalogue.sqlite").is_file()


def test_a_library_open_elsewhere_is_not_opened_twice(
    launch: Callable[..., MainWindow], photos: Path, qtbot: QtBot
) -> None:
    library = library_for(photos)
    with Catalogue.open(library, exclusive=True):
        window = launch()
        window.open_paths([photos])
        qtbot.waitUntil(lambda: bool(window.notifications.shown), timeout=WAIT_MS)
        assert window.page is None
        assert window.stack.currentWidget() is window.welcome
        assert "open" in window.notifications.shown[0].message


def test_a_damaged_library_is_reported_on_the_welcome_page(
    launch: Callable[..., MainWindow], photos: Path, qtbot: QtBot
) -> None:
    library = library_for(photos)
    library.mkdir(parents=True)
    (library / "catalogue.sqlite").write_bytes(b"this is no database" * 100)
    window = launch()
    window.open_paths([photos])
    qtbot.waitUntil(lambda: bool(window.notifications.shown), timeout=WAIT_MS)
    assert "damaged" in window.notifications.shown[0].message
    assert window.stack.currentWidget() is window.welcome


def test_the_window_remembers_theme_zoom_and_panels(
    launch: Callable[..., MainWindow], photos: Path
) -> None:
    window = launch(photos)
    assert window.page is not None
    window.commands.trigger("view.theme-dark")
    window.page.grid.set_zoom(240)
    window.commands.trigger("view.folders")
    assert window.page.tree.isHidden()
    window.close()
    again = launch(photos)
    assert again.page is not None
    assert again.commands.action("view.theme-dark").isChecked()
    assert again.page.grid.zoom == 240
    assert again.page.tree.isHidden()
    assert not again.commands.action("view.folders").isChecked()
    again.commands.trigger("view.theme-light")
