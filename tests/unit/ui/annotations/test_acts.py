"""Verdicts at once for a few photos, after a preview for many."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from paper_library import photo_file
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from lmpt_desktop.domain.records import Source, Verdict
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.annotations import acts as acts_module
from lmpt_desktop.ui.annotations.acts import PREVIEW_FROM, Acts
from lmpt_desktop.ui.annotations.preview_bar import PreviewBar
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack

Key = Qt.Key
FEW = PREVIEW_FROM - 1


@pytest.fixture
def window(qtbot: QtBot) -> QWidget:
    """A window with something that has the keyboard."""
    window = QWidget()
    qtbot.addWidget(window)
    layout = QVBoxLayout(window)
    layout.addWidget(QLineEdit())
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    work = window.findChild(QLineEdit)
    assert work is not None
    work.setFocus()
    return window


@pytest.fixture
def acts(
    window: QWidget, session: LibrarySession, undo_stack: AnnotationUndoStack
) -> Iterator[Acts]:
    bar = PreviewBar(window)
    layout = window.layout()
    assert layout is not None
    layout.addWidget(bar)
    made = Acts(session, undo_stack, bar)
    yield made
    made.close()


@pytest.fixture
def messages(undo_stack: AnnotationUndoStack) -> list[str]:
    told: list[str] = []
    undo_stack.message.connect(told.append)
    undo_stack.done.connect(lambda _batch, text: told.append(text))
    return told


def ids_of(session: LibrarySession, count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return session.snapshot().image_ids[:count]


def dog_of(session: LibrarySession) -> int:
    return session.snapshot().classes[0].id


def present(session: LibrarySession) -> int:
    return int(np.count_nonzero(session.snapshot().annotations == Verdict.PRESENT))


def test_a_few_are_changed_at_once(acts: Acts, session: LibrarySession) -> None:
    acts.set_verdict(ids_of(session, FEW), dog_of(session), Verdict.PRESENT, "dog")
    assert not acts.bar.asking and present(session) == FEW


def test_many_are_changed_by_enter_and_the_focus_comes_back(
    acts: Acts, session: LibrarySession, window: QWidget, qtbot: QtBot, messages: list[str]
) -> None:
    work = window.findChild(QLineEdit)
    assert work is not None
    acts.set_verdict(ids_of(session, 10), dog_of(session), Verdict.PRESENT, "dog")
    assert acts.bar.hasFocus() and present(session) == 0
    assert acts.bar.accessibleName() == "dog present in 10 photos"
    qtbot.keyClick(acts.bar, Key.Key_Return)
    assert work.hasFocus() and present(session) == 10
    assert messages == ["dog: present on 10 photos"]


@pytest.mark.parametrize("key", [Key.Key_Escape, Key.Key_P, Key.Key_Space, Key.Key_Tab])
def test_no_other_key_does_it(
    acts: Acts, session: LibrarySession, qtbot: QtBot, key: Qt.Key
) -> None:
    acts.mark_reviewed(ids_of(session, 10), True)
    assert acts.bar.sentence.text() == "30 absent in 10 photos, and nothing present"
    qtbot.keyClick(acts.bar, key)
    assert acts.bar.asking == (key != Key.Key_Escape)
    assert not session.snapshot().reviewed.any()


def test_what_is_set_already_asks_nothing(
    acts: Acts, session: LibrarySession, messages: list[str]
) -> None:
    acts.mark_reviewed(ids_of(session, 10), False)
    assert not acts.bar.asking
    assert messages == ["Already set; nothing changed."]


@pytest.mark.parametrize("count", [1, 10])
def test_without_predictions_nothing_is_confirmed(
    acts: Acts, session: LibrarySession, messages: list[str], count: int
) -> None:
    acts.confirm(ids_of(session, count))
    assert not acts.bar.asking
    assert "not encoded yet" in messages[-1]
    assert not session.snapshot().reviewed.any()


def test_a_change_meanwhile_is_counted_again_before_it_is_done(
    acts: Acts, session: LibrarySession, qtbot: QtBot
) -> None:
    ids, dog = ids_of(session, 10), dog_of(session)
    acts.set_verdict(ids, dog, Verdict.ABSENT, "dog")
    session.annotations.annotate(ids[:1].tolist(), [dog], Verdict.PRESENT)
    qtbot.keyClick(acts.bar, Key.Key_Return)
    expected = "dog absent in 10 photos; 1 now marked present"
    assert acts.bar.asking and acts.bar.sentence.text() == expected
    # A change that makes no difference to the counts is no reason to ask again.
    session.annotations.annotate(ids[:1].tolist(), [dog + 1], Verdict.PRESENT)
    qtbot.keyClick(acts.bar, Key.Key_Return)
    assert not acts.bar.asking
    assert (session.snapshot().annotations[:, 0] == Verdict.ABSENT).sum() == 10


def test_very_many_are_counted_off_the_windows_thread(
    acts: Acts, session: LibrarySession, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acts_module, "INLINE_IMAGES", 5)
    acts.set_verdict(ids_of(session, 10), dog_of(session), Verdict.PRESENT, "dog")
    assert acts.bar.asking and not acts.bar.ready
    qtbot.keyClick(acts.bar, Key.Key_Return)  # nothing has been shown yet
    assert acts.bar.asking
    qtbot.waitUntil(lambda: acts.bar.ready)
    assert present(session) == 0
    qtbot.keyClick(acts.bar, Key.Key_Return)
    qtbot.waitUntil(lambda: present(session) == 10)


def test_another_request_takes_the_place_of_the_first(
    acts: Acts, session: LibrarySession, qtbot: QtBot
) -> None:
    acts.mark_reviewed(ids_of(session, 10), True)
    acts.set_verdict(ids_of(session, 10), dog_of(session), Verdict.PRESENT, "dog")
    qtbot.keyClick(acts.bar, Key.Key_Return)
    assert present(session) == 10 and not session.snapshot().reviewed.any()
    assert not acts.bar.asking


def test_it_is_dismissed_when_the_user_goes_on_or_its_page_is_hidden(
    acts: Acts, session: LibrarySession, window: QWidget
) -> None:
    work = window.findChild(QLineEdit)
    assert work is not None
    acts.mark_reviewed(ids_of(session, 10), True)
    work.setFocus(Qt.FocusReason.MouseFocusReason)
    assert not acts.bar.asking
    acts.mark_reviewed(ids_of(session, 10), True)
    window.hide()
    assert not acts.bar.asking


def test_what_has_left_the_library_is_neither_counted_nor_changed(
    acts: Acts, session: LibrarySession, qtbot: QtBot
) -> None:
    known, dog = ids_of(session, 10), dog_of(session)
    folder = session.catalogue.folders.add(session.library_folder / "more")
    gone = session.catalogue.images.upsert(folder.id, [photo_file("gone.jpg")])[0]
    assert session.snapshot().rows(np.array([gone])).tolist() == [-1]
    ids = np.append(known, gone)
    acts.set_verdict(ids, dog, Verdict.PRESENT, "dog")
    assert acts.bar.sentence.text() == "dog present in 10 photos"
    qtbot.keyClick(acts.bar, Key.Key_Return)
    acts.mark_reviewed(ids, True)
    assert acts.bar.sentence.text().endswith("absent in 10 photos, and nothing present")
    qtbot.keyClick(acts.bar, Key.Key_Return)
    stored = session.catalogue.annotations
    assert (stored.matrix(ids, session.snapshot().class_ids)[:, 0] == 1).sum() == 10
    assert (stored.matrix([gone], session.snapshot().class_ids) == -1).all()


@pytest.mark.parametrize("count", [1, 10])
def test_a_class_that_has_left_the_vocabulary_gets_no_verdict(
    acts: Acts, session: LibrarySession, messages: list[str], count: int
) -> None:
    ids, dog = ids_of(session, count), dog_of(session)
    session.vocabulary.archive([dog])
    acts.set_verdict(ids, dog, Verdict.PRESENT, "dog")
    assert not acts.bar.asking
    assert messages == ["“dog” is no longer in the vocabulary; nothing was changed."]
    assert (session.catalogue.annotations.matrix(ids, [dog]) == -1).all()


def test_what_is_not_begun_is_not_said_to_be_done_in_part(
    acts: Acts, session: LibrarySession, undo_stack: AnnotationUndoStack, messages: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    snapshot = session.snapshot()
    scores = np.full(snapshot.scores.shape, np.nan, np.float32)
    scores[0] = 0.9
    shown = replace(snapshot, scores=scores, thresholds=np.full(3, 0.5, np.float32))
    monkeypatch.setattr(session, "snapshot", lambda: shown)
    monkeypatch.setattr(undo_stack, "_busy", True)
    acts.confirm(ids_of(session, 2))
    assert messages == ["Still saving the previous change; try again in a moment."]


def test_undo_of_a_message_says_so_while_something_is_being_saved(
    session: LibrarySession, undo_stack: AnnotationUndoStack, messages: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    undo_stack.annotate(ids_of(session, 2).tolist(), [dog_of(session)], Verdict.PRESENT)
    newest = undo_stack.latest_batch_id
    assert newest is not None
    messages.clear()
    monkeypatch.setattr(undo_stack, "_busy", True)
    undo_stack.take_back(newest)
    assert messages == ["Still saving the previous change; try again in a moment."]


def scored(snapshot: Snapshot, rows: int, column: int) -> Snapshot:
    """One class is predicted in the first images, and the others are not."""
    scores = np.full(snapshot.scores.shape, np.nan, np.float32)
    scores[:rows] = 0.1
    scores[:rows, column] = 0.9
    return replace(snapshot, scores=scores, thresholds=np.full(3, 0.5, np.float32), version=column)


def test_other_predictions_than_those_confirmed_ask_again_though_they_are_as_many(
    acts: Acts, session: LibrarySession, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = session.snapshot()
    ids = ids_of(session, 10)
    monkeypatch.setattr(session, "snapshot", lambda: scored(snapshot, 10, 0))
    acts.confirm(ids)
    assert acts.bar.sentence.text() == "10 present and 20 absent in 10 photos"
    monkeypatch.setattr(session, "snapshot", lambda: scored(snapshot, 10, 1))
    qtbot.keyClick(acts.bar, Key.Key_Return)
    stored = session.catalogue.annotations
    assert acts.bar.asking and (stored.matrix(ids, snapshot.class_ids) == -1).all()
    qtbot.keyClick(acts.bar, Key.Key_Return)
    assert not acts.bar.asking
    assert (stored.matrix(ids, snapshot.class_ids)[:, 1] == 1).all()


def test_a_photo_is_not_confirmed_unseen_when_its_predictions_have_just_changed(
    session: LibrarySession, undo_stack: AnnotationUndoStack, window: QWidget, qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    snapshot = session.snapshot()
    shown, ids = scored(snapshot, 2, 0), ids_of(session, 1)
    bar = PreviewBar(window)
    window.layout().addWidget(bar)  # pyright: ignore[reportOptionalMemberAccess]
    acts = Acts(session, undo_stack, bar, shown=lambda: shown)
    monkeypatch.setattr(session, "snapshot", lambda: scored(snapshot, 2, 1))
    acts.confirm(ids)
    stored = session.catalogue.annotations
    assert bar.asking and (stored.matrix(ids, snapshot.class_ids) == -1).all()
    qtbot.keyClick(bar, Key.Key_Escape)
    shown = session.snapshot()
    acts.confirm(ids)
    assert not bar.asking
    assert stored.matrix(ids, snapshot.class_ids).tolist() == [[0, 1, 0]]
    acts.close()


def test_a_verdict_on_many_photos_takes_the_place_of_their_confirmation(
    acts: Acts, session: LibrarySession, messages: list[str]
) -> None:
    ids, dog = ids_of(session, 10), dog_of(session)
    session.annotations.apply(ids, np.full(10, dog), np.ones(10, np.int8), source=Source.CONFIRMED)
    acts.set_verdict(ids, dog, Verdict.PRESENT, "dog")
    assert not acts.bar.asking
    sources = session.catalogue.annotations.sources(ids, [dog])
    assert {list(Source)[number] for number in sources.ravel()} == {Source.USER}
    acts.set_verdict(ids, dog, Verdict.PRESENT, "dog")
    assert messages[-1] == "Already set; nothing changed."
