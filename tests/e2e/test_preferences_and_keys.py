"""Preferences, chosen keys and keyboard help, used by keyboard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QLabel,
    QSlider,
    QTreeWidgetItemIterator,
)
from pytestqt.qtbot import QtBot

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.settings import LANGUAGE, SUGGEST_RETRAIN, ZOOM
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000
CTRL = Qt.KeyboardModifier.ControlModifier


def dialog(window: MainWindow, name: str) -> Any:
    """An open dialog, by its name."""
    found = window.context.dialogs.find(name)
    assert found is not None and found.isVisible()
    return found


def test_a_chosen_verdict_key_works_at_once_and_after_a_restart(
    launch: Callable[..., MainWindow],
    settled: Callable[[MainWindow], LibraryPage],
    photos: Path,
    qtbot: QtBot,
) -> None:
    window = launch(photos)
    page = settled(window)
    qtbot.keyClick(window, Qt.Key.Key_Comma, CTRL)
    preferences = dialog(window, "preferences")
    preferences.show_shortcuts("image.present")
    keys = preferences.shortcuts
    keys.first.setFocus()
    qtbot.keyClick(keys.first, Qt.Key.Key_J)
    assert window.commands.keys_text("image.present") == "J"
    assert page.inspector.note.text().splitlines()[-1].startswith("J, A, U:")
    preferences.close()

    def say_present(window: MainWindow, page: LibraryPage, place: int) -> int:
        image = page.panel.model.image_id(place)
        page.grid.select_ids([image], image)
        class_id = page.session.snapshot().classes[3].id
        qtbot.waitUntil(lambda: page.inspector.focus_class(class_id), timeout=WAIT_MS)
        qtbot.waitUntil(window.commands.action("image.present").isEnabled, timeout=WAIT_MS)
        page.grid.setFocus()
        qtbot.keyClick(page.grid, Qt.Key.Key_P)
        qtbot.keyClick(page.grid, Qt.Key.Key_J)
        return image

    def verdicts(page: LibraryPage) -> int:
        return int((page.session.snapshot().annotations == Verdict.PRESENT.value).sum())

    say_present(window, page, 0)
    qtbot.waitUntil(lambda: verdicts(page) == 1, timeout=WAIT_MS)
    window.close()
    again = launch(photos)
    page = settled(again)
    assert again.commands.keys_text("image.present") == "J"
    say_present(again, page, 1)
    qtbot.waitUntil(lambda: verdicts(page) == 2, timeout=WAIT_MS)


def test_keyboard_help_shows_the_chosen_keys_and_opens_their_settings(
    launch: Callable[..., MainWindow], qtbot: QtBot
) -> None:
    window = launch()
    window.commands.shortcuts.choose("file.open", ["Ctrl+Alt+O"])
    qtbot.keyClick(window, Qt.Key.Key_F1)
    help_ = dialog(window, "keyboard")
    shown = QTreeWidgetItemIterator(help_.tree)
    texts = []
    while (item := shown.value()) is not None:
        texts.append((item.text(0), item.text(1)))
        shown += 1
    assert ("Open folder", window.commands.keys_text("file.open")) in texts
    help_.change_button.click()
    preferences = dialog(window, "preferences")
    assert preferences.tabs.currentWidget() is preferences.shortcuts


def test_language_thumbnail_size_and_retrain_suggestion_are_remembered(
    launch: Callable[..., MainWindow],
    settled: Callable[[MainWindow], LibraryPage],
    photos: Path,
) -> None:
    window = launch(photos)
    page = settled(window)
    window.commands.trigger("edit.preferences")
    preferences = dialog(window, "preferences")
    restart = next(
        label for label in preferences.findChildren(QLabel) if "restart the app" in label.text()
    )
    assert not restart.isVisible()
    language = preferences.findChild(QComboBox, "language")
    language.setCurrentIndex(language.findText("Deutsch"))
    assert restart.isVisible()
    preferences.findChild(QSlider, "zoom").setValue(220)
    assert page.grid.zoom == 220
    preferences.findChild(QCheckBox, "suggest-retrain").click()
    window.close()
    again = launch()
    assert again.settings.get(LANGUAGE) == "de"
    assert again.settings.get(ZOOM) == 220
    assert not again.settings.get(SUGGEST_RETRAIN)
    again.commands.trigger("edit.preferences")
    preferences = dialog(again, "preferences")
    assert not preferences.findChild(QCheckBox, "suggest-retrain").isChecked()
    assert preferences.findChild(QSlider, "zoom").value() == 220


def test_paths_are_copied_by_the_keyboard(
    launch: Callable[..., MainWindow],
    settled: Callable[[MainWindow], LibraryPage],
    photos: Path,
    qtbot: QtBot,
) -> None:
    page = settled(launch(photos))
    ids = page.panel.model.ids[:2].tolist()
    page.grid.select_ids(ids, ids[0])
    page.grid.setFocus()
    QApplication.clipboard().clear()
    window = page.window()
    assert isinstance(window, MainWindow)
    qtbot.waitUntil(window.commands.action("image.copy-path").isEnabled, timeout=WAIT_MS)
    qtbot.keyClick(page.grid, Qt.Key.Key_C, CTRL)
    wanted = {str(page.session.images.path(image)) for image in ids}
    qtbot.waitUntil(
        lambda: set(QApplication.clipboard().text().splitlines()) == wanted, timeout=WAIT_MS
    )
