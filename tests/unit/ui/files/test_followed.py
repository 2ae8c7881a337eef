"""The window is told that annotations followed their files: undo stack and notification."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from copied_photos import set_pictures
from PySide6.QtWidgets import QApplication, QMainWindow, QPushButton
from pytestqt.qtbot import QtBot
from shells import BareLibrary
from ui_libraries import DOG, KITE, PERSON

from lmpt_desktop.domain.records import Batch, BatchSummary, TransferReason, Verdict
from lmpt_desktop.engine.notices import AnnotationsFollowed
from lmpt_desktop.ui.annotations.undo_texts import text_of
from lmpt_desktop.ui.files import followed
from lmpt_desktop.ui.files.followed import FollowedNotification
from lmpt_desktop.ui.shell.context import ShellContext
from lmpt_desktop.ui.shell.notifications import Notification

TEXT = "Annotations of 1 photo followed its file"


@pytest.fixture
def library(context: ShellContext, opened: BareLibrary, qtbot: QtBot) -> BareLibrary:
    """Images 1 and 3 are annotated and missing; 2 and 4 are their copies."""
    session = opened.session
    session.annotations.annotate([1, 3], [DOG], Verdict.PRESENT)
    set_pictures(session.catalogue, {1: "a", 2: "a", 3: "b", 4: "b"})
    session.catalogue.images.mark_missing([1, 3])
    # As the library's page does.
    opened.bridge.on(AnnotationsFollowed, lambda _notice: opened.undo_stack.read_history())
    FollowedNotification(context, opened)
    opened.undo_stack.read_history()
    qtbot.waitUntil(lambda: opened.undo_stack.settled)
    return opened


def follow(library: BareLibrary, old: int, new: int) -> Batch:
    session = library.session
    batch = session.catalogue.transfers.follow([(old, new)], TransferReason.COPY, TEXT)
    session.annotations.show_followed(batch)
    return batch


def told(context: ShellContext, qtbot: QtBot, title: str = TEXT) -> Notification:
    """The only notification, once it has this title."""
    qtbot.waitUntil(lambda: [note.title for note in context.notifications.shown] == [title])
    return context.notifications.shown[0]


def press(note: Notification, text: str) -> None:
    [button] = [item for item in note.findChildren(QPushButton) if item.text() == text]
    button.click()


def texts(library: BareLibrary) -> list[str]:
    stack = library.undo_stack.stack
    return [stack.text(i) for i in range(stack.count())]


def test_it_is_the_newest_step(context: ShellContext, library: BareLibrary, qtbot: QtBot) -> None:
    batch = follow(library, 1, 2)
    told(context, qtbot)
    qtbot.waitUntil(lambda: library.undo_stack.latest_batch_id == batch.id)
    assert texts(library) == ["dog: present on 2 photos", TEXT]
    library.undo_stack.undo()
    qtbot.waitUntil(lambda: library.undo_stack.can_redo)
    assert library.session.catalogue.annotations.matrix([1, 2], [DOG]).tolist() == [[1], [-1]]
    qtbot.waitUntil(lambda: context.notifications.shown == ())
    library.undo_stack.redo()
    assert library.session.catalogue.annotations.matrix([1, 2], [DOG]).tolist() == [[-1], [1]]


def test_while_the_user_is_annotating(
    context: ShellContext, library: BareLibrary, qtbot: QtBot
) -> None:
    """Steps are in the order of the journal, whenever the window hears of them."""
    library.undo_stack.annotate([5], [KITE], Verdict.PRESENT, "kite")
    follow(library, 1, 2)
    library.undo_stack.annotate([6], [KITE], Verdict.ABSENT, "kite")
    follow(library, 3, 4)
    library.undo_stack.annotate([7], [PERSON], Verdict.ABSENT, "person")
    expected = [
        "dog: present on 2 photos",
        "kite: present",
        TEXT,
        "kite: absent",
        TEXT,
        "person: absent",
    ]
    qtbot.waitUntil(lambda: texts(library) == expected)
    qtbot.waitUntil(lambda: library.undo_stack.settled)
    library.undo_stack.undo()
    assert library.session.catalogue.annotations.matrix([7], [PERSON]).tolist() == [[-1]]
    library.undo_stack.undo()
    assert library.session.catalogue.annotations.matrix([3, 4], [DOG]).tolist() == [[1], [-1]]


def test_undo_in_the_notification_undoes_just_that(
    context: ShellContext, library: BareLibrary, qtbot: QtBot
) -> None:
    follow(library, 1, 2)
    note = told(context, qtbot)
    library.undo_stack.annotate([5], [KITE], Verdict.PRESENT, "kite")
    with qtbot.waitSignal(library.undo_stack.undone):
        press(note, "Undo")
    qtbot.waitUntil(lambda: library.undo_stack.settled)
    matrix = library.session.catalogue.annotations.matrix([1, 2, 5], [DOG, KITE])
    assert matrix.tolist() == [[1, -1], [-1, -1], [-1, 1]]
    assert context.notifications.shown == ()
    assert library.undo_stack.stack.undoText() == "kite: present"
    assert library.undo_stack.stack.redoText() == TEXT


def test_it_is_not_redone_by_undoing_twice(
    context: ShellContext, library: BareLibrary, qtbot: QtBot
) -> None:
    batch = follow(library, 1, 2)
    told(context, qtbot)
    for _turn in range(2):
        library.undo_stack.undo_batches([batch.id])
        qtbot.waitUntil(lambda: library.undo_stack.settled)
    assert library.session.catalogue.annotations.matrix([1, 2], [DOG]).tolist() == [[1], [-1]]


def test_several_are_one_notification(
    context: ShellContext, library: BareLibrary, qtbot: QtBot
) -> None:
    follow(library, 1, 2)
    follow(library, 3, 4)
    note = told(context, qtbot, "Annotations of 2 photos followed their files")
    press(note, "Show")
    assert library.shown == [("images", [2, 4])]
    press(note, "Undo")
    qtbot.waitUntil(lambda: context.notifications.shown == ())
    qtbot.waitUntil(lambda: library.undo_stack.settled)
    assert library.session.catalogue.annotations.matrix([1, 3], [DOG]).tolist() == [[1], [1]]


def test_one_of_several_is_undone(
    context: ShellContext, library: BareLibrary, qtbot: QtBot
) -> None:
    first = follow(library, 1, 2)
    follow(library, 3, 4)
    told(context, qtbot, "Annotations of 2 photos followed their files")
    qtbot.waitUntil(lambda: library.undo_stack.settled)
    library.undo_stack.undo_batches([first.id])
    press(told(context, qtbot), "Show")
    assert library.shown == [("images", [4])]


def test_much_later_it_is_another_notification(
    context: ShellContext, library: BareLibrary, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(library, 1, 2)
    told(context, qtbot)
    monkeypatch.setattr(followed, "TOGETHER_SECONDS", -1.0)
    follow(library, 3, 4)
    qtbot.waitUntil(lambda: library.undo_stack.stack.count() == 3)
    press(told(context, qtbot), "Show")
    assert library.shown == [("images", [4])]


def test_the_keyboard_stays_where_it_is(
    context: ShellContext, library: BareLibrary, qtbot: QtBot
) -> None:
    window = context.dialog_parent
    assert isinstance(window, QMainWindow)
    button = QPushButton("here")
    window.setCentralWidget(button)
    with qtbot.waitActive(window):
        window.show()
    button.setFocus()
    follow(library, 1, 2)
    told(context, qtbot)
    assert QApplication.focusWidget() is button


@pytest.mark.parametrize("action", ["followed", "separated"])
def test_a_change_without_a_label_has_a_text(action: str) -> None:
    summary = BatchSummary(1, datetime.now(UTC), action, images=12, changes=30)
    assert text_of(summary) == "Annotations of 6 photos moved"
