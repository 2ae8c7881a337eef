"""The undo stack is read from the journal: what was done can be undone after a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pytestqt.qtbot import QtBot

from lmpt_desktop.domain.records import Source, Verdict
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack

if TYPE_CHECKING:
    from .conftest import Reopen


def class_id(session: LibrarySession, name: str) -> int:
    return next(entry.id for entry in session.snapshot().classes if entry.name == name)


def ids_of(session: LibrarySession) -> list[int]:
    return session.snapshot().image_ids.tolist()


def texts(undo_stack: AnnotationUndoStack) -> list[str]:
    return [undo_stack.stack.text(i) for i in range(undo_stack.stack.count())]


def do_everything(session: LibrarySession, undo_stack: AnnotationUndoStack) -> None:
    """A verdict, one on several images, an act with a name, an import, a review, unreview."""
    ids, dog, cat = ids_of(session), class_id(session, "dog"), class_id(session, "cat")
    undo_stack.annotate([ids[0]], [dog], Verdict.PRESENT, "dog")
    undo_stack.annotate(ids[:3], [cat], Verdict.ABSENT, "cat")
    some = np.array(ids[3:5])
    undo_stack.apply(
        some, np.array([dog, cat]), np.array([1, 1], np.int8), "Accepted 2 predictions"
    )
    undo_stack.apply(
        some, np.array([cat, dog]), np.array([0, 0], np.int8), "", source=Source.IMPORT
    )
    undo_stack.mark_reviewed(ids[:4], True)
    undo_stack.mark_reviewed([ids[1]], False)


TEXTS = [
    "dog: present",
    "cat: absent on 3 photos",
    "Accepted 2 predictions",
    "Import of 2 annotations on 2 photos",
    "Reviewed 4 photos",
    "Not reviewed: 1 photo",
]


def test_everything_done_before_a_restart_is_undone_after_it_and_done_again(
    session: LibrarySession, undo_stack: AnnotationUndoStack, reopened: Reopen
) -> None:
    states = [(session.snapshot().annotations, session.snapshot().reviewed)]
    undo_stack.stack.indexChanged.connect(
        lambda _i: states.append((session.snapshot().annotations, session.snapshot().reviewed))
    )
    do_everything(session, undo_stack)
    assert texts(undo_stack) == TEXTS and len(states) == 7
    session, undo_stack = reopened()
    assert texts(undo_stack) == TEXTS and undo_stack.stack.index() == 6

    def is_as(state: tuple[np.ndarray, np.ndarray]) -> bool:
        return np.array_equal(session.snapshot().annotations, state[0]) and np.array_equal(
            session.snapshot().reviewed, state[1]
        )

    assert is_as(states[6])
    for state in states[5::-1]:
        undo_stack.undo()
        assert is_as(state)
    assert not undo_stack.can_undo
    for state in states[1:]:
        undo_stack.redo()
        assert is_as(state)
    assert not undo_stack.can_redo


def test_what_was_undone_before_a_restart_is_done_again_after_it(
    session: LibrarySession, undo_stack: AnnotationUndoStack, reopened: Reopen
) -> None:
    do_everything(session, undo_stack)
    verdicts, marks = session.snapshot().annotations, session.snapshot().reviewed
    for _ in range(4):
        undo_stack.undo()
    left = session.snapshot().annotations
    session, undo_stack = reopened()
    assert texts(undo_stack) == TEXTS and undo_stack.stack.index() == 2
    assert np.array_equal(session.snapshot().annotations, left)
    undo_stack.redo()
    session, undo_stack = reopened()
    assert undo_stack.stack.index() == 3
    for _ in range(3):
        undo_stack.redo()
    assert np.array_equal(session.snapshot().annotations, verdicts) and np.array_equal(
        session.snapshot().reviewed, marks
    )


def test_a_new_verdict_ends_what_could_be_done_again_also_after_a_restart(
    session: LibrarySession, undo_stack: AnnotationUndoStack, reopened: Reopen
) -> None:
    ids, dog = ids_of(session), class_id(session, "dog")
    undo_stack.annotate([ids[0]], [dog], Verdict.PRESENT, "dog")
    undo_stack.undo()
    session, undo_stack = reopened()
    undo_stack.annotate([ids[1]], [dog], Verdict.ABSENT, "dog")
    assert texts(undo_stack) == ["dog: absent"] and not undo_stack.can_redo
    session, undo_stack = reopened()
    assert texts(undo_stack) == ["dog: absent"] and not undo_stack.can_redo
    undo_stack.undo()
    assert (session.snapshot().annotations == -1).all()


def test_a_change_that_changes_nothing_is_no_step(
    session: LibrarySession, undo_stack: AnnotationUndoStack, reopened: Reopen
) -> None:
    ids, dog = ids_of(session), class_id(session, "dog")
    committed: list[object] = []
    undo_stack.committed.connect(committed.append)
    undo_stack.annotate([ids[0]], [dog], Verdict.PRESENT, "dog")
    undo_stack.annotate([ids[0]], [dog], Verdict.ABSENT, "dog")
    undo_stack.undo()
    undo_stack.annotate([ids[0]], [dog], Verdict.PRESENT, "dog")
    assert len(committed) == 3
    assert undo_stack.stack.count() == 2 and undo_stack.can_redo
    session, undo_stack = reopened()
    assert undo_stack.stack.count() == 2 and undo_stack.can_redo


def test_the_text_of_an_older_verdict_has_the_name_the_class_has_now(
    session: LibrarySession, undo_stack: AnnotationUndoStack, reopened: Reopen
) -> None:
    dog = class_id(session, "dog")
    undo_stack.annotate(ids_of(session), [dog], Verdict.PRESENT, "dog")
    session.vocabulary.rename(dog, "hound")
    _session, undo_stack = reopened()
    assert texts(undo_stack) == ["hound: present on 10 photos", "Rename dog to hound"]


def test_a_verdict_given_while_the_history_is_read_is_on_top_of_it(
    session: LibrarySession, undo_stack: AnnotationUndoStack, library: object, qtbot: QtBot
) -> None:
    ids, dog = ids_of(session), class_id(session, "dog")
    undo_stack.annotate([ids[0]], [dog], Verdict.PRESENT, "dog")
    other = AnnotationUndoStack(session)
    other.read_history()
    other.annotate(ids[:2], [dog], Verdict.ABSENT, "dog")
    other.annotate(ids[:3], [dog], Verdict.PRESENT, "dog")
    other.undo()
    qtbot.waitUntil(lambda: other.settled)
    assert texts(other) == [
        "dog: present", "dog: absent on 2 photos", "dog: present on 3 photos",
    ]  # fmt: skip
    assert other.stack.index() == 2
    other.undo()
    other.undo()
    assert (session.snapshot().annotations == -1).all()
    other.close()


def test_only_the_last_hundred_changes_of_earlier_sessions_are_kept(
    session: LibrarySession, undo_stack: AnnotationUndoStack, reopened: Reopen
) -> None:
    ids, dog = ids_of(session), class_id(session, "dog")
    for i in range(130):
        undo_stack.annotate([ids[i % 10]], [dog], Verdict(i // 10 % 2), "dog")
        if i % 10 == 9:
            undo_stack.undo()
            undo_stack.redo()
    before = undo_stack.stack.count()
    assert before > 100
    session, undo_stack = reopened()
    assert undo_stack.stack.count() == undo_stack.stack.index() == 100
    while undo_stack.can_undo:
        undo_stack.undo()
    assert (session.snapshot().annotations >= 0).any()
