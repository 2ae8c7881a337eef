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
def undo_stack(session: LibrarySession, qtbot: QtBot) -> Iterator[AnnotationUndoStack]:
    made = AnnotationUndoStack(session)
    yield made
    made.close()


def test_a_verdict_is_committed_before_it_can_be_undone(
    undo_stack: AnnotationUndoStack, session: LibrarySession
) -> None:
    undo_stack.annotate([1, 2], [DOG], Verdict.PRESENT, "dog")
    assert session.snapshot().annotations[:2, 0].tolist() == [1, 1]
    assert undo_stack.stack.undoText() == "dog: present on 2 photos"
    undo_stack.undo()
    assert (session.snapshot().annotations == -1).all()
    undo_stack.redo()
    assert session.snapshot().annotations[:2, 0].tolist() == [1, 1]


def test_undo_restores_the_earlier_verdict_not_unknown(
    undo_stack: AnnotationUndoStack, session: LibrarySession
) -> None:
    undo_stack.annotate([1], [DOG], Verdict.ABSENT, "dog")
    undo_stack.annotate([1], [DOG], Verdict.PRESENT, "dog")
    undo_stack.undo()
    assert session.snapshot().annotations[0, 0] == Verdict.ABSENT


def test_a_refused_change_is_reported_and_leaves_nothing_to_undo(
    undo_stack: AnnotationUndoStack, session: LibrarySession, locked: Locked, qtbot: QtBot
) -> None:
    with locked(), qtbot.waitSignal(undo_stack.failed) as failure:
        undo_stack.annotate([1], [DOG], Verdict.PRESENT, "dog")
    assert isinstance(failure.args[0], CatalogueLocked)  # pyright: ignore[reportOptionalSubscript]
    qtbot.waitUntil(lambda: undo_stack.settled)
    assert not undo_stack.stack.canUndo()
    assert (session.snapshot().annotations == -1).all()


def test_nothing_selected_changes_nothing(
    undo_stack: AnnotationUndoStack, session: LibrarySession
) -> None:
    undo_stack.annotate([], [DOG], Verdict.PRESENT, "dog")
    undo_stack.mark_reviewed([], True)
    assert not undo_stack.stack.canUndo()
    assert session.annotations.history() == []


def test_a_large_change_is_committed_off_the_window_and_holds_others_back(
    undo_stack: AnnotationUndoStack,
    session: LibrarySession,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(undo, "INLINE_CELLS", 3)
    messages: list[str] = []
    undo_stack.message.connect(messages.append)
    undo_stack.annotate(list(range(1, 11)), [DOG], Verdict.PRESENT, "dog")
    assert undo_stack.busy
    undo_stack.annotate([1], [PERSON], Verdict.PRESENT, "person")
    assert "previous change" in messages[-1]
    qtbot.waitUntil(lambda: not undo_stack.busy)
    annotations = session.snapshot().annotations
    assert int(np.sum(annotations == 1)) == 10
    undo_stack.undo()
    qtbot.waitUntil(lambda: not undo_stack.busy)
    assert (session.snapshot().annotations == -1).all()


def test_arrays_of_verdicts_are_one_step_with_its_own_name(
    undo_stack: AnnotationUndoStack, session: LibrarySession
) -> None:
    done: list[object] = []
    begun = undo_stack.apply(
        np.array([1, 2, 3]),
        np.array([DOG, DOG, PERSON]),
        np.array([1, 0, 1], np.int8),
        "Accepted 3 predictions",
        done.append,
    )
    assert begun and len(done) == 1
    assert undo_stack.stack.undoText() == "Accepted 3 predictions"
    assert session.snapshot().annotations[:3, :2].tolist() == [[1, -1], [0, -1], [-1, 1]]
    undo_stack.undo()
    assert (session.snapshot().annotations == -1).all()
    undo_stack.redo()
    assert session.snapshot().annotations[:3, :2].tolist() == [[1, -1], [0, -1], [-1, 1]]


def test_arrays_that_cannot_be_committed_call_nobody_back(
    undo_stack: AnnotationUndoStack, locked: Locked, qtbot: QtBot
) -> None:
    done: list[object] = []
    with locked(), qtbot.waitSignal(undo_stack.failed):
        undo_stack.apply(
            np.array([1]), np.array([DOG]), np.array([1], np.int8), "step", done.append
        )
    qtbot.waitUntil(lambda: undo_stack.settled)
    assert not done and not undo_stack.stack.canUndo()


def test_no_verdicts_are_no_step(undo_stack: AnnotationUndoStack) -> None:
    none = np.empty(0, np.int64)
    assert not undo_stack.apply(none, none, np.empty(0, np.int8), "step")
    assert not undo_stack.stack.canUndo()
