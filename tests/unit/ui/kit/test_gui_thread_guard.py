"""The guard that lets tests fail when the window waits for the catalogue."""

from __future__ import annotations

import pytest
from gui_thread_guard import no_catalogue_use
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.kit.tasks import Task
from lmpt_desktop.ui.long_tail.figures import load_figures


def test_catalogue_use_on_the_windows_thread_is_noticed(
    session: LibrarySession, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        pytest.raises(AssertionError, match=r"figures\.py:\d+ load_figures"),
        no_catalogue_use(monkeypatch),
    ):
        load_figures(session)


def test_an_answer_that_reads_the_catalogue_is_noticed(
    session: LibrarySession, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    owner, answers = QObject(), []
    with (
        pytest.raises(AssertionError, match=r"figures\.py"),
        no_catalogue_use(monkeypatch),
    ):
        Task(
            lambda: session,
            lambda opened: answers.append(load_figures(opened)),
            owner=owner,
        )
        qtbot.waitUntil(lambda: bool(answers))


def test_tasks_verdicts_and_tests_may_use_the_catalogue(
    session: LibrarySession, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    owner, answers = QObject(), []
    stack = AnnotationUndoStack(session)
    with no_catalogue_use(monkeypatch):
        Task(lambda: load_figures(session), answers.append, owner=owner)
        stack.annotate([1], [session.snapshot().classes[0].id], Verdict.PRESENT)
        session.folders.all()
        qtbot.waitUntil(lambda: bool(answers))
    assert session.snapshot().annotations[0, 0] == Verdict.PRESENT.value
