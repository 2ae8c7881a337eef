"""Undo in the real window, after the app was closed and opened again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from vocabulary_dialogs import settle

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.vocabulary.dialog import VocabularyDialog
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000
Settled = Callable[[MainWindow], LibraryPage]


def menu_text(window: MainWindow, name: str) -> str:
    return window.commands.action(f"edit.{name}").text().replace("&", "")


def test_verdicts_of_an_earlier_session_are_undone_and_redone(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    dog = next(entry.id for entry in page.session.snapshot().classes if entry.name == "dog")
    ids = page.session.snapshot().image_ids[:3].tolist()
    page.grid.select_ids(ids, ids[0])
    qtbot.waitUntil(lambda: len(page.inspector.image_ids) == 3, timeout=WAIT_MS)
    page.inspector.focus_class(dog)
    qtbot.keyClick(page.grid, Qt.Key.Key_P)
    qtbot.keyClick(page.grid, Qt.Key.Key_R)
    qtbot.waitUntil(
        lambda: page.session.snapshot().reviewed.sum() == 3 and page.undo_stack.settled,
        timeout=WAIT_MS,
    )
    verdicts = page.session.snapshot().annotations
    qtbot.keyClick(page.grid, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert page.session.snapshot().reviewed.sum() == 0
    window.close()

    window = launch(photos)
    page = settled(window)
    qtbot.waitUntil(lambda: page.undo_stack.can_undo, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: "dog" in menu_text(window, "undo"), timeout=WAIT_MS)
    assert menu_text(window, "undo") == "Undo dog: present on 3 photos"
    assert menu_text(window, "redo") == "Redo Confirmed 3 photos"
    page.grid.setFocus()
    qtbot.keyClick(page.grid, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert (page.session.snapshot().annotations == -1).all()
    matrix = page.session.catalogue.annotations.matrix
    assert (matrix(ids, page.session.snapshot().class_ids) == -1).all()
    for _ in range(2):
        window.commands.trigger("edit.redo")
    assert (page.session.snapshot().annotations == verdicts).all()
    assert page.session.snapshot().reviewed.sum() == 3
    assert not window.commands.action("edit.redo").isEnabled()


def test_a_merge_and_a_verdict_are_undone_in_order_after_a_restart(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    window.commands.trigger("vocabulary.edit")
    dialog = window.context.dialogs.find("vocabulary")
    assert isinstance(dialog, VocabularyDialog)
    settle(dialog)
    person, kite = (page.session.snapshot().classes[place].id for place in (1, 2))
    plan = page.session.vocabulary.plan_merge([kite], person)
    dialog.undo_stack.commit(lambda: page.session.vocabulary.merge(plan))
    settle(dialog)
    dialog.close()
    assert menu_text(window, "undo") == "Undo Merge into person"
    ids = page.session.snapshot().image_ids[:1].tolist()
    page.undo_stack.annotate(ids, [person], Verdict.PRESENT)
    assert menu_text(window, "undo") == "Undo person: present"
    window.close()

    window = launch(photos)
    page = settled(window)
    qtbot.waitUntil(lambda: "person: present" in menu_text(window, "undo"), timeout=WAIT_MS)
    page.grid.setFocus()
    qtbot.keyClick(page.grid, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: "Merge into" in menu_text(window, "undo"), timeout=WAIT_MS)
    names = [entry.name for entry in page.session.snapshot().classes]
    assert names == ["dog", "person", "cup", "boat"]
    qtbot.keyClick(page.grid, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(
        lambda: (
            [entry.name for entry in page.session.snapshot().classes]
            == ["dog", "person", "kite", "cup", "boat"]
        ),
        timeout=WAIT_MS,
    )
    qtbot.waitUntil(lambda: not page.undo_stack.busy, timeout=WAIT_MS)
    assert "Merge into person" in window.status.currentMessage()
    assert menu_text(window, "redo") == "Redo Merge into person"
