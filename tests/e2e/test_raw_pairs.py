"""Raw files and photos of the same name, in the real window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot
from raw_photos import dng, patches

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.settings import RAW_PAIRS
from lmpt_desktop.ui.grid.model import describe
from lmpt_desktop.ui.kit import file_manager
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.preferences.dialog import PreferencesDialog
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000
CTRL = Qt.KeyboardModifier.ControlModifier
NAME, RAW = "dog_1.jpg", "dog_1.dng"


def names(page: LibraryPage) -> set[str]:
    return set(page.session.snapshot().images.names)


def verdict(page: LibraryPage, name: str) -> int:
    snapshot = page.session.snapshot()
    return int(snapshot.annotations[snapshot.images.names.index(name), 0])


def id_of(page: LibraryPage, name: str) -> int:
    snapshot = page.session.snapshot()
    return int(snapshot.image_ids[snapshot.images.names.index(name)])


def choose(window: MainWindow, page: LibraryPage, name: str, qtbot: QtBot) -> int:
    """Select a photo, with the first class in focus; gives its id."""
    image_id = id_of(page, name)
    page.grid.select_ids([image_id], image_id)
    class_id = page.session.snapshot().classes[0].id
    qtbot.waitUntil(lambda: page.inspector.focus_class(class_id), timeout=WAIT_MS)
    qtbot.waitUntil(window.commands.action("image.present").isEnabled, timeout=WAIT_MS)
    page.grid.setFocus()
    return image_id


def test_a_raw_file_is_part_of_its_photo_until_the_user_wants_it_apart(
    launch: Callable[..., MainWindow],
    settled: Callable[[MainWindow], LibraryPage],
    photos: Path,
    qtbot: QtBot,
    monkeypatch,
) -> None:
    (photos / RAW).write_bytes(dng(patches(96, 64)))
    window = launch(photos)
    page = settled(window)
    assert NAME in names(page) and RAW not in names(page)
    image_id = choose(window, page, NAME, qtbot)
    position = page.panel.model.ids.tolist().index(image_id)
    assert "With its raw file (DNG)" in describe(page.panel.model.cell(position))
    qtbot.waitUntil(lambda: page.inspector.facts.facts.accessibleName().endswith("+DNG"))
    opened: list[Path] = []
    shown: list[tuple[Path, ...]] = []
    monkeypatch.setattr(file_manager, "open_path", lambda path: not opened.append(path))
    monkeypatch.setattr(file_manager, "reveal", lambda *paths: shown.append(paths))
    window.commands.trigger("image.open-raw")
    window.commands.trigger("image.reveal")
    qtbot.waitUntil(lambda: bool(opened and shown), timeout=WAIT_MS)
    assert (opened, shown) == ([photos / RAW], [(photos / NAME, photos / RAW)])

    qtbot.keyClick(page.grid, Qt.Key.Key_P)
    qtbot.waitUntil(lambda: verdict(page, NAME) == Verdict.PRESENT, timeout=WAIT_MS)
    qtbot.keyClick(window, Qt.Key.Key_Comma, CTRL)
    preferences = window.context.dialogs.find("preferences")
    assert isinstance(preferences, PreferencesDialog)
    box = preferences.raw_pairs
    assert box.one_photo.isChecked()
    together = "1 raw file is shown as part of its photo."
    qtbot.waitUntil(lambda: box.says.text() == together, timeout=WAIT_MS)
    box.one_photo.click()
    qtbot.waitUntil(lambda: RAW in names(page), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: verdict(page, RAW) == Verdict.PRESENT, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: "1 raw file lies beside" in box.says.text(), timeout=WAIT_MS)
    choose(window, page, NAME, qtbot)
    assert not window.commands.action("image.open-raw").isEnabled()
    box.one_photo.click()
    qtbot.waitUntil(lambda: RAW not in names(page), timeout=WAIT_MS)


def test_a_library_with_verdicts_on_raw_files_asks_and_says_what_contradicts(
    launch: Callable[..., MainWindow],
    settled: Callable[[MainWindow], LibraryPage],
    photos: Path,
    qtbot: QtBot,
) -> None:
    (photos / RAW).write_bytes(dng(patches(96, 64)))
    window = launch(photos)
    page = settled(window)
    session = page.session
    session.raw_pairs.switch(False)
    qtbot.waitUntil(lambda: RAW in names(page), timeout=WAIT_MS)
    class_id = session.snapshot().classes[0].id
    for name, said in ((NAME, Verdict.ABSENT), (RAW, Verdict.PRESENT)):
        session.annotations.annotate([id_of(page, name)], [class_id], said)
    session.settings.set(RAW_PAIRS, None)
    window.close()
    window = launch(photos)
    page = settled(window)
    notifications = window.context.notifications

    def note(title: str):
        return next(item for item in notifications.shown if item.title == title)

    def shown(title: str) -> bool:
        return any(item.title == title for item in notifications.shown)

    question = "Show raw files as part of their photos?"
    qtbot.waitUntil(lambda: shown(question), timeout=WAIT_MS)
    assert RAW in names(page)
    assert "1 contradicts its photo" in note(question).message
    buttons = note(question).findChildren(QPushButton)
    next(button for button in buttons if button.text() == "Show as one photo").click()
    qtbot.waitUntil(lambda: RAW not in names(page), timeout=WAIT_MS)
    assert not shown(question)
    joined = "Verdicts of raw files and their photos were joined"
    qtbot.waitUntil(lambda: shown(joined), timeout=WAIT_MS)
    assert "On 1 photo they contradict each other" in note(joined).message
    assert verdict(page, NAME) == Verdict.ABSENT
