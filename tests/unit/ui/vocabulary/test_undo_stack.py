"""Vocabulary edits are saved off the window's thread, one at a time, and can be undone."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from PySide6.QtCore import Qt, QThread
from pytestqt.qtbot import QtBot
from ui_libraries import DOG
from vocabulary_dialogs import settle

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.vocabulary.dialog import VocabularyDialog
from lmpt_desktop.ui.vocabulary.merging import MergeDialog
from lmpt_desktop.ui.vocabulary.undo_stack import VocabularyUndoStack


@pytest.fixture
def stack(session: LibrarySession, qtbot: QtBot) -> VocabularyUndoStack:
    return VocabularyUndoStack(AnnotationUndoStack(session))


def names(session: LibrarySession) -> list[str]:
    return [entry.name for entry in session.snapshot().classes]


def test_an_edit_is_saved_off_the_windows_thread_and_shown_on_it(
    stack: VocabularyUndoStack, session: LibrarySession, qtbot: QtBot
) -> None:
    window, threads = QThread.currentThread(), []

    def edit() -> Any:
        threads.append(QThread.currentThread())
        return session.vocabulary.add("owl")

    with qtbot.waitSignal(stack.changed):
        stack.commit(edit, lambda _step: threads.append(QThread.currentThread()))
        assert stack.busy and not stack.can_undo
    assert threads[0] is not window
    assert threads[1] is window
    assert names(session)[-1] == "owl"
    assert stack.can_undo


def test_an_edit_asked_for_while_another_is_saved_is_dropped(
    stack: VocabularyUndoStack, session: LibrarySession, qtbot: QtBot
) -> None:
    go = threading.Event()

    def slow() -> Any:
        go.wait(10)
        return session.vocabulary.add("owl")

    stack.commit(slow)
    stack.commit(lambda: session.vocabulary.add("fox"))
    stack.undo()
    with qtbot.waitSignal(stack.changed):
        go.set()
    assert names(session)[-1] == "owl" and "fox" not in names(session)


def test_a_refused_edit_leaves_undo_and_redo_as_they_were(
    stack: VocabularyUndoStack, session: LibrarySession, qtbot: QtBot
) -> None:
    for name in ("owl", "fox"):
        with qtbot.waitSignal(stack.changed):
            stack.commit(lambda name=name: session.vocabulary.add(name))
    with qtbot.waitSignal(stack.replayed):
        stack.undo()
    with qtbot.waitSignal(stack.failed) as refused:
        stack.commit(lambda: session.vocabulary.add("dog"))
    assert refused.args is not None and "already a class" in str(refused.args[0])
    assert not stack.busy
    with qtbot.waitSignal(stack.replayed):
        stack.redo()
    assert names(session)[-2:] == ["owl", "fox"]
    for expected in ("owl", "cup"):
        with qtbot.waitSignal(stack.replayed):
            stack.undo()
        assert names(session)[-1] == expected


def test_a_new_edit_forgets_what_could_be_redone(
    stack: VocabularyUndoStack, session: LibrarySession, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(stack.changed):
        stack.commit(lambda: session.vocabulary.add("owl"))
    with qtbot.waitSignal(stack.replayed):
        stack.undo()
    with qtbot.waitSignal(stack.changed):
        stack.commit(lambda: session.vocabulary.add("fox"))
    stack.redo()
    assert not stack.busy
    assert names(session)[-1] == "fox"


def test_edits_an_undo_and_a_merger_follow_one_another_in_the_dialog(
    session: LibrarySession, qtbot: QtBot
) -> None:
    dialog = VocabularyDialog(session)
    qtbot.addWidget(dialog)
    dialog.show()
    settle(dialog)
    dialog.add_class("owl", "")
    settle(dialog)
    dialog.archive_classes(list(dialog.classes.model.rows[:1]))
    settle(dialog)
    dialog.undo()
    settle(dialog)
    dialog.ask_merge(list(dialog.classes.model.rows[:2]))
    merging = dialog.findChild(MergeDialog)
    assert merging is not None
    qtbot.waitUntil(lambda: merging.plan is not None, timeout=5000)
    merging.act.click()
    settle(dialog)
    assert names(session) == ["dog", "traffic light", "kite", "hair drier", "cup", "owl"]


def test_one_history_for_verdicts_and_vocabulary(
    session: LibrarySession, bridge: SessionBridge, qtbot: QtBot
) -> None:
    history = AnnotationUndoStack(session)
    dialog = VocabularyDialog(session, bridge, history=history)
    dialog.show()
    settle(dialog)
    dialog.rename_class(DOG, "hound")
    settle(dialog)
    history.annotate([5], [DOG], Verdict.PRESENT)
    assert history.stack.undoText() == "hound: present"
    assert dialog.undo_button.toolTip() == "hound: present"
    said: list[str] = []
    history.replayed.connect(said.append)
    dialog.undo_button.click()
    settle(dialog)
    assert names(session)[0] == "hound", "the verdict came last"
    dialog.close()
    # The dialog is gone, its changes are not.
    assert history.stack.undoText() == "Rename dog to hound"
    history.undo()
    qtbot.waitUntil(lambda: len(said) == 2, timeout=5000)
    assert names(session)[0] == "dog"
    history.redo()
    qtbot.waitUntil(lambda: len(said) == 3, timeout=5000)
    assert names(session)[0] == "hound"
    assert said == [
        "Undone: hound: present", "Undone: Rename dog to hound", "Redone: Rename dog to hound",
    ]  # fmt: skip


def test_the_button_of_a_message_undoes_what_the_message_says(
    session: LibrarySession, bridge: SessionBridge, qtbot: QtBot
) -> None:
    history = AnnotationUndoStack(session)
    dialog = VocabularyDialog(session, bridge, history=history)
    qtbot.addWidget(dialog)
    dialog.show()
    settle(dialog)
    dialog.rename_class(DOG, "hound")
    settle(dialog)
    history.annotate([5], [DOG], Verdict.PRESENT)
    assert "Renamed" in dialog.strip.text
    dialog.strip.button.click()
    qtbot.waitUntil(lambda: names(session)[0] == "dog", timeout=5000)
    qtbot.waitUntil(lambda: "Undone: Rename dog to hound" in dialog.strip.text, timeout=5000)
    assert not dialog.strip.button.isVisible()
    snapshot = session.snapshot()
    assert snapshot.annotations[snapshot.row_of[5], snapshot.column_of[DOG]] == Verdict.PRESENT


def test_what_was_undone_offers_no_undo_of_its_own(
    session: LibrarySession, bridge: SessionBridge, qtbot: QtBot
) -> None:
    dialog = VocabularyDialog(session, bridge)
    qtbot.addWidget(dialog)
    dialog.show()
    settle(dialog)
    dialog.rename_class(DOG, "hound")
    settle(dialog)
    assert dialog.strip.button.isVisible()
    dialog.undo()
    settle(dialog)
    qtbot.waitUntil(lambda: "Undone" in dialog.strip.text, timeout=5000)
    assert not dialog.strip.button.isVisible()
    qtbot.keyClick(dialog, Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: names(session)[0] == "hound", timeout=5000)
