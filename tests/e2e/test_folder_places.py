"""Which library a folder opens in: asked once, where there is something to ask."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from dropping import drop
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from lmpt_desktop import app
from lmpt_desktop.library_places import library_for
from lmpt_desktop.settings import OPEN_FOLDER, FolderPlace
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.shell.settings import ComputerSettings
from lmpt_desktop.ui.window.folder_place import FolderPlaceDialog
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000
Launch = Callable[..., MainWindow]
Settled = Callable[[MainWindow], LibraryPage]


@pytest.fixture
def other(tmp_path: Path, photos: Path) -> Path:
    folder = tmp_path / "other"
    folder.mkdir()
    shutil.copy(photos / "dog_1.jpg", folder / "boat_1.jpg")
    return folder


def question(window: MainWindow, qtbot: QtBot) -> FolderPlaceDialog:
    qtbot.waitUntil(lambda: window.findChild(FolderPlaceDialog) is not None, timeout=WAIT_MS)
    dialog = window.findChild(FolderPlaceDialog)
    assert dialog is not None
    qtbot.waitUntil(dialog.isVisible, timeout=WAIT_MS)
    return dialog


def folders(page: LibraryPage) -> set[Path]:
    return {folder.path for folder in page.session.folders.all()}


def next_page(window: MainWindow, before: LibraryPage | None, qtbot: QtBot) -> LibraryPage:
    qtbot.waitUntil(lambda: window.page not in (None, before), timeout=WAIT_MS)
    page = window.page
    assert page is not None
    return page


def test_without_a_library_nothing_is_asked(launch: Launch, settled: Settled, photos: Path) -> None:
    window = launch(photos)
    settled(window)
    assert window.findChild(FolderPlaceDialog) is None


def test_the_folder_is_added_by_keyboard(
    launch: Launch, settled: Settled, photos: Path, other: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    window.open_paths([other])
    dialog = question(window, qtbot)
    assert "my photos" in dialog.add.text()
    assert window.page is page, "nothing happens before the answer"
    qtbot.keyClick(dialog, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: folders(page) == {photos, other}, timeout=WAIT_MS)
    assert window.page is page
    assert not library_for(other).exists()


def test_another_library_begins_with_the_same_classes(
    launch: Launch, settled: Settled, photos: Path, other: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    dog = page.session.snapshot().classes[0].id
    page.session.vocabulary.describe(dog, "a hairy dog")
    page.session.vocabulary.add("lighthouse")
    window.open_paths([other])
    dialog = question(window, qtbot)
    dialog.like.setChecked(True)
    dialog.act.click()
    made = next_page(window, page, qtbot)
    assert made.session.library_folder == library_for(other)
    classes = made.session.snapshot().classes
    assert [entry.name for entry in classes] == [
        "dog",
        "person",
        "kite",
        "cup",
        "boat",
        "lighthouse",
    ]
    assert classes[0].description == "a hairy dog"
    assert folders(made) == {other}


def test_a_fresh_library_begins_with_none_of_it(
    launch: Launch, settled: Settled, photos: Path, other: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    page.session.vocabulary.add("lighthouse")
    window.open_paths([other])
    dialog = question(window, qtbot)
    dialog.fresh.setChecked(True)
    dialog.act.click()
    made = next_page(window, page, qtbot)
    assert "lighthouse" not in [entry.name for entry in made.session.snapshot().classes]
    # Both belong to a library now: neither is asked about again.
    window.open_paths([photos / "trip"])
    again = next_page(window, made, qtbot)
    assert again.session.library_folder == library_for(photos)
    assert folders(again) == {photos}
    assert window.findChild(FolderPlaceDialog) is None


def test_cancelling_changes_nothing(
    launch: Launch, settled: Settled, photos: Path, other: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    window.open_paths([other])
    qtbot.keyClick(question(window, qtbot), Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: window.findChild(FolderPlaceDialog) is None, timeout=WAIT_MS)
    assert window.page is page
    assert folders(page) == {photos}
    assert not library_for(other).exists()


def test_an_answer_for_ever_is_a_preference(
    launch: Launch, settled: Settled, photos: Path, other: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    window.open_paths([other])
    dialog = question(window, qtbot)
    dialog.always.setChecked(True)
    dialog.act.click()
    qtbot.waitUntil(lambda: folders(page) == {photos, other}, timeout=WAIT_MS)
    assert ComputerSettings().get(OPEN_FOLDER) == FolderPlace.ADD
    third = other.parent / "third"
    third.mkdir()
    window.open_paths([third])
    qtbot.waitUntil(lambda: folders(page) == {photos, other, third}, timeout=WAIT_MS)
    assert window.findChild(FolderPlaceDialog) is None


def test_the_command_line_asks_about_the_last_library(
    launch: Launch, settled: Settled, photos: Path, other: Path, qtbot: QtBot
) -> None:
    first = launch(photos)
    settled(first)
    first.close()
    again = launch()
    app.start(again, argparse.Namespace(folders=[other], library=None))
    question(again, qtbot).act.click()
    page = next_page(again, None, qtbot)
    assert page.session.library_folder == library_for(photos)
    qtbot.waitUntil(lambda: folders(page) == {photos, other}, timeout=WAIT_MS)


def test_a_dropped_folder_is_asked_about_too(
    launch: Launch, settled: Settled, photos: Path, other: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    drop(page, other)
    question(window, qtbot).act.click()
    qtbot.waitUntil(lambda: folders(page) == {photos, other}, timeout=WAIT_MS)


def test_recent_libraries_say_what_they_have(
    launch: Launch, settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    settled(window)
    window.close_library()
    text = window.welcome.recent.item(0).text()
    assert text.startswith("my photos\n12 photos, 0 annotations")
    assert str(photos) in text
    window._recent_menu.aboutToShow.emit()
    (action,) = window._recent_menu.actions()
    assert "12 photos, 0 annotations" in action.text()
    assert str(photos) in action.text()
    assert not window.welcome.forget_button.isEnabled()
    shutil.rmtree(photos)
    window.welcome.show_recent(window.settings.recent())
    recent = window.welcome.recent
    qtbot.waitUntil(lambda: "photos not found" in recent.item(0).text(), timeout=WAIT_MS)
    recent.setCurrentRow(0)
    window.welcome.forget_button.click()
    assert window.settings.recent() == []


@pytest.mark.parametrize("choice", ["add", "like"])
def test_a_library_that_goes_while_the_question_is_open_is_not_made_anew(  # noqa: PLR0917
    launch: Launch, settled: Settled, photos: Path, other: Path, qtbot: QtBot, choice: str
) -> None:
    window = launch(photos)
    library = settled(window).session.library_folder
    window.close_library()
    window.opener.wait()
    window.open_paths([other])
    dialog = question(window, qtbot)
    library.rename(library.with_name("unplugged"))
    getattr(dialog, choice).setChecked(True)
    dialog.act.click()
    qtbot.waitUntil(lambda: bool(window.notifications.shown), timeout=WAIT_MS)
    assert "was not found" in window.notifications.shown[0].title
    assert window.page is None and not window.opener.busy
    assert not library.exists() and not library_for(other).exists()
