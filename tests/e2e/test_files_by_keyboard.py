"""Missing photos, copies, verifying and edited photos, with the keyboard."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.ingest import verify as ingest_verify
from lmpt_desktop.ui.files.copies_dialog import CopiesDialog
from lmpt_desktop.ui.files.missing_page import MissingPage
from lmpt_desktop.ui.files.verify_dialog import VerifyDialog
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000
Settled = Callable[[MainWindow], LibraryPage]
CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def page(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> LibraryPage:
    """A library in which one photo is there twice; the first is annotated as a dog."""
    shutil.copy(photos / "dog_1.jpg", photos / "trip")
    page = settled(launch(photos))
    dog = page.session.snapshot().classes[0].id
    page.session.annotations.annotate([image(page, "dog_1.jpg")], [dog], Verdict.PRESENT)
    return page


def image(page: LibraryPage, name: str) -> int:
    images = page.session.snapshot().images
    return int(images.ids[list(images.names).index(name)])


def verdict(page: LibraryPage, name: str) -> int:
    dog = page.session.snapshot().classes[0].id
    return int(page.session.catalogue.annotations.matrix([image(page, name)], [dog])[0, 0])


def press(key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """Press a key in whatever has the focus."""
    focus = QApplication.focusWidget()
    assert focus is not None
    QTest.keyClick(focus, key, modifier)


def wait_for_undo(page: LibraryPage, qtbot: QtBot, text: str) -> None:
    """Wait until undo would revert the change called ``text``: it is committed before that."""
    undo = page.undo_stack
    qtbot.waitUntil(
        lambda: undo.settled and undo.can_undo and undo.stack.undoText() == text, timeout=WAIT_MS
    )


def front(window: QWidget, kind: type[QWidget]) -> QWidget | None:
    return next((w for w in window.findChildren(kind) if w.isVisible()), None)


def test_missing_photos(page: LibraryPage, photos: Path, settled: Settled, qtbot: QtBot) -> None:
    window = page.window()
    assert isinstance(window, MainWindow)
    (photos / "dog_1.jpg").unlink()
    press(Qt.Key.Key_F5)
    copy = "trip/dog_1.jpg"
    qtbot.waitUntil(lambda: verdict(page, copy) == 1, timeout=WAIT_MS)  # it followed its file
    settled(window)
    wait_for_undo(page, qtbot, "Annotations of 1 photo followed its file")
    press(Qt.Key.Key_Z, CONTROL)
    qtbot.waitUntil(lambda: verdict(page, copy) == -1, timeout=WAIT_MS)
    press(Qt.Key.Key_F7)
    qtbot.waitUntil(lambda: front(window, MissingPage) is not None, timeout=WAIT_MS)
    missing = front(window, MissingPage)
    assert isinstance(missing, MissingPage)
    qtbot.waitUntil(lambda: not missing.searching and missing.table.hasFocus(), timeout=WAIT_MS)
    assert missing.give.text() == "&Give annotations to 1 photo..."  # which is selected
    press(Qt.Key.Key_Space)
    assert missing.model.ticked_count == 1
    press(Qt.Key.Key_Return)
    qtbot.waitUntil(missing.confirm.ok.hasFocus, timeout=WAIT_MS)
    press(Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: verdict(page, copy) == 1, timeout=WAIT_MS)
    window.activateWindow()  # offscreen nothing does it when a dialog closes
    qtbot.waitUntil(missing.back.hasFocus, timeout=WAIT_MS)
    press(Qt.Key.Key_Z, CONTROL)
    qtbot.waitUntil(lambda: missing.model.rowCount() == 2, timeout=WAIT_MS)
    assert verdict(page, copy) == -1
    qtbot.waitUntil(missing.table.hasFocus, timeout=WAIT_MS)
    press(Qt.Key.Key_Escape)
    qtbot.waitUntil(page.grid.isVisible, timeout=WAIT_MS)


def test_copies(page: LibraryPage, qtbot: QtBot) -> None:
    window = page.window()
    assert isinstance(window, MainWindow)
    dog = page.session.snapshot().classes[0].id
    copy = "trip/dog_1.jpg"
    page.session.annotations.annotate([image(page, copy)], [dog], Verdict.ABSENT)
    window.commands.trigger("edit.copies")
    qtbot.waitUntil(lambda: front(window, CopiesDialog) is not None, timeout=WAIT_MS)
    dialog = front(window, CopiesDialog)
    assert isinstance(dialog, CopiesDialog)
    dialog.activateWindow()
    qtbot.waitUntil(lambda: not dialog.busy and dialog.view.hasFocus(), timeout=WAIT_MS)
    press(Qt.Key.Key_N)  # the newest
    qtbot.waitUntil(dialog.ok.isEnabled, timeout=WAIT_MS)
    press(Qt.Key.Key_Return, CONTROL)
    qtbot.waitUntil(lambda: verdict(page, "dog_1.jpg") == 0, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not dialog.busy, timeout=WAIT_MS)
    press(Qt.Key.Key_Z, CONTROL)
    qtbot.waitUntil(lambda: verdict(page, "dog_1.jpg") == 1, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not dialog.busy, timeout=WAIT_MS)
    press(Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_verify(page: LibraryPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    free = threading.Event()
    real = ingest_verify.inspect_file

    def waiting(*arguments: Any, **options: Any) -> Any:
        free.wait(30)
        return real(*arguments, **options)

    monkeypatch.setattr(ingest_verify, "inspect_file", waiting)
    window = page.window()
    assert isinstance(window, MainWindow)
    window.commands.trigger("file.verify")
    qtbot.waitUntil(lambda: front(window, VerifyDialog) is not None, timeout=WAIT_MS)
    dialog = front(window, VerifyDialog)
    assert isinstance(dialog, VerifyDialog)
    dialog.activateWindow()
    qtbot.waitUntil(dialog.start.isEnabled, timeout=WAIT_MS)
    press(Qt.Key.Key_Return)
    qtbot.waitUntil(dialog.progress.pause.hasFocus, timeout=WAIT_MS)
    press(Qt.Key.Key_Space)
    assert page.session.verification.progress.paused
    press(Qt.Key.Key_Tab)
    assert dialog.progress.stop.hasFocus()
    press(Qt.Key.Key_Space)
    free.set()
    qtbot.waitUntil(dialog.report.kinds.hasFocus, timeout=WAIT_MS)
    assert dialog.report.headline.text().startswith("Stopped after ")
    press(Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_an_edited_photo_is_confirmed_in_the_inspector(page: LibraryPage, qtbot: QtBot) -> None:
    edited = image(page, "dog_1.jpg")
    page.session.catalogue.transfers.set_edited([edited], True)
    page.session._images_changed()
    page.grid.select_ids([edited], edited)
    button = page.inspector.facts.still_hold
    qtbot.waitUntil(button.isVisible, timeout=WAIT_MS)
    button.setFocus()
    press(Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: not page.session.snapshot().images.edited.any(), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not button.isVisible(), timeout=WAIT_MS)
