from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from ui_libraries import DOG, PERSON, Locked

from lmpt_desktop.catalogue import CatalogueLocked
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.annotations import undo_stack as undo
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack


@pytest.fixture
def desk(session: LibrarySession, qtbot: QtBot) -> Iterator[AnnotationUndoStack]:
    made = AnnotationUndoStack(session)
    yield made
    made.close()


def test_a_verdict_is_committed_before_it_can_be_undone(
    desk: AnnotationUndoStack, session: LibrarySession
) -> None:
    desk.annotate([1, 2], [DOG], Verdict.PRESENT, "dog")
    assert session.snapshot().annotations[:2, 0].tolist() == [1, 1]
    assert desk.stack.undoText() == "dog: present on 2 photos"
    desk.undo()
    assert (session.snapshot().annotations == -1).all()
    desk.redo()
    assert session.snapshot().annotations[:2, 0].tolist() == [1, 1]


def test_undo_brings_back_what_was_said_before_not_unknown(
    desk: AnnotationUndoStack, session: LibrarySession
) -> None:
    desk.annotate([1], [DOG], Verdict.ABSENT, "dog")
    desk.annotate([1], [DOG], Verdict.PRESENT, "dog")
    desk.undo()
    assert session.snapshot().annotations[0, 0] == Verdict.ABSENT


def test_a_refused_change_is_told_and_leaves_nothing_to_undo(
    desk: AnnotationUndoStack, session: LibrarySession, locked: Locked, qtbot: QtBot
) -> None:
    with locked(), qtbot.waitSignal(desk.failed) as told:
        desk.annotate([1], [DOG], Verdict.PRESENT, "dog")
    assert isinstance(told.args[0], CatalogueLocked)  # pyright: ignore[reportOptionalSubscript]
    qtbot.waitUntil(lambda: desk.settled)
    assert not desk.stack.canUndo()
    assert (session.snapshot().annotations == -1).all()


def test_nothing_selected_changes_nothing(
    desk: AnnotationUndoStack, session: LibrarySession
) -> None:
    desk.annotate([], [DOG], Verdict.PRESENT, "dog")
    desk.mark_reviewed([], True)
    assert not desk.stack.canUndo()
    assert session.annotations.history() == []


def test_a_large_change_is_committed_off_the_window_and_holds_others_back(
    desk: AnnotationUndoStack,
    session: LibrarySession,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(undo, "INLINE_CELLS", 3)
    said: list[str] = []
    desk.message.connect(said.append)
    desk.annotate(list(range(1, 11)), [DOG], Verdict.PRESENT, "dog")
    assert desk.busy
    desk.annotate([1], [PERSON], Verdict.PRESENT, "person")
    assert "previous change" in said[-1]
    qtbot.waitUntil(lambda: not desk.busy)
    annotations = session.snapshot().annotations
    assert int(np.sum(annotations == 1)) == 10
    desk.undo()
    qtbot.waitUntil(lambda: not desk.busy)
    assert (session.snapshot().annotations == -1).all()


def test_arrays_of_verdicts_are_one_step_with_its_own_name(
    desk: AnnotationUndoStack, session: LibrarySession
) -> None:
    done: list[object] = []
    begun = desk.apply(
        np.array([1, 2, 3]),
        np.array([DOG, DOG, PERSON]),
        np.array([1, 0, 1], np.int8),
        "Accepted 3 predictions",
        done.append,
    )
    assert begun and len(done) == 1
    assert desk.stack.undoText() == "Accepted 3 predictions"
    assert session.snapshot().annotations[:3, :2].tolist() == [[1, -1], [0, -1], [-1, 1]]
    desk.undo()
    assert (session.snapshot().annotations == -1).all()
    desk.redo()
    assert session.snapshot().annotations[:3, :2].tolist() == [[1, -1], [0, -1], [-1, 1]]


def test_arrays_that_cannot_be_committed_call_nobody_back(
    desk: AnnotationUndoStack, locked: Locked, qtbot: QtBot
) -> None:
    done: list[object] = []
    with locked(), qtbot.waitSignal(desk.failed):
        desk.apply(np.array([1]), np.array([DOG]), np.array([1], np.int8), "step", done.append)
    qtbot.waitUntil(lambda: desk.settled)
    assert not done and not desk.stack.canUndo()


def test_no_verdicts_are_no_step(desk: AnnotationUndoStack) -> None:
    none = np.empty(0, np.int64)
    assert not desk.apply(none, none, np.empty(0, np.int8), "step")
    assert not desk.stack.canUndo()
