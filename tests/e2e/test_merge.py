"""Merging a library in the real window, with the keyboard alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.interchange.merge_commands import DIALOG
from lmpt_desktop.ui.interchange.merge_dialog import MergeDialog
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.review.page import ReviewPage
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000
ALT = Qt.KeyboardModifier.AltModifier
CONTROL = Qt.KeyboardModifier.ControlModifier


def make_other(folder: Path, photos: Path) -> None:
    """The same photos, annotated by somebody else."""
    with LibrarySession.open(folder, encode=False, folders=[photos]) as session:
        session.wait_until_idle()
        session.vocabulary.set_all([ClassSpec("dog"), ClassSpec("Chough")])
        dog, chough = session.snapshot().class_ids.tolist()
        session.annotations.annotate([image(session, "dog_1.jpg")], [dog], Verdict.ABSENT)
        session.annotations.annotate([image(session, "dog_2.jpg")], [dog, chough], Verdict.PRESENT)


def image(session: LibrarySession, name: str) -> int:
    images = session.snapshot().images
    return int(images.ids[list(images.names).index(name)])


def verdict(session: LibrarySession, name: str, class_name: str) -> int:
    snapshot = session.snapshot()
    names = [entry.name for entry in snapshot.classes]
    if class_name not in names:
        return -1
    return int(snapshot.annotations[snapshot.row_of[image(session, name)], names.index(class_name)])


def press(
    widget: QWidget, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
) -> None:
    QTest.keyClick(QApplication.focusWidget() or widget, key, modifier)


def test_by_keyboard(  # noqa: PLR0917 (fixtures)
    launch: Callable[..., MainWindow],
    settled: Callable[[MainWindow], LibraryPage],
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    qtbot: QtBot,
) -> None:
    other = tmp_path / "Anna"
    make_other(other, photos)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_args: str(other))
    window = launch(photos)
    page = settled(window)
    session = page.session
    dog = int(session.snapshot().class_ids[0])
    session.annotations.annotate([image(session, "dog_1.jpg")], [dog], Verdict.PRESENT)

    window.commands.trigger("file.merge")
    dialog = window.context.dialogs.find(DIALOG)
    assert isinstance(dialog, MergeDialog)
    dialog.activateWindow()
    qtbot.waitUntil(dialog.buttons[0].hasFocus, timeout=WAIT_MS)
    press(dialog, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: not dialog.busy and not dialog.start.isVisible(), timeout=WAIT_MS)
    assert dialog.strip.text == ""
    assert "Annotations there: 1 new, 0 equal, 1 in conflict." in dialog.found.text()
    press(dialog, Qt.Key.Key_A, ALT)  # add the class
    qtbot.waitUntil(lambda: "1 class is added" in dialog.summary.text(), timeout=WAIT_MS)
    press(dialog, Qt.Key.Key_D, ALT)  # decide later
    qtbot.waitUntil(lambda: "1 conflict waits" in dialog.summary.text(), timeout=WAIT_MS)
    press(dialog, Qt.Key.Key_Return, CONTROL)
    qtbot.waitUntil(lambda: bool(window.notifications.shown), timeout=WAIT_MS)
    assert window.notifications.shown[0].title == "“Anna” was merged"
    assert window.context.dialogs.find(DIALOG) is None
    assert verdict(session, "dog_2.jpg", "dog") == 1
    assert verdict(session, "dog_2.jpg", "Chough") == 1
    assert verdict(session, "dog_1.jpg", "dog") == 1

    window.activateWindow()  # offscreen nothing does it when a dialog closes
    window.commands.trigger("review.conflicts")
    review = page.pages.built("review")
    assert isinstance(review, ReviewPage)
    first = image(session, "dog_1.jpg")
    qtbot.waitUntil(lambda: review.is_asking and review.viewer.has_shown(first), timeout=WAIT_MS)
    reason = review.side.question.reason.text()
    assert reason == "Your library says present, “Anna” says absent."
    # The answer that there was decides it, too.
    QTest.keyClick(review.canvas, Qt.Key.Key_P)
    qtbot.waitUntil(lambda: not review.is_asking, timeout=WAIT_MS)
    assert verdict(session, "dog_1.jpg", "dog") == 1
    review.ask(review.request.kind)  # type: ignore[union-attr]
    qtbot.waitUntil(lambda: "No conflict" in review.end.sentence.text(), timeout=WAIT_MS)
    for _step in range(2):  # the answer, then the merge
        qtbot.waitUntil(lambda: page.undo_stack.settled, timeout=WAIT_MS)
        page.undo_stack.undo()
    qtbot.waitUntil(lambda: verdict(session, "dog_2.jpg", "dog") == -1, timeout=WAIT_MS)
    assert verdict(session, "dog_1.jpg", "dog") == 1
