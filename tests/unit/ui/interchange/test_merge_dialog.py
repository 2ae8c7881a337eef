"""The merge dialog: what it shows, how it is decided, and what it commits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from two_libraries import Made, make_library

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.interchange.library_merges import MergeResult
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.inference.queues import QueueKind, QueueRequest
from lmpt_desktop.interchange.importing.merging import OnConflict
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.interchange.merge_dialog import MergeDialog
from lmpt_desktop.ui.kit.bridge import SessionBridge

WAIT_MS = 20_000
Open = Callable[..., MergeDialog]


@pytest.fixture
def pictures(session: LibrarySession) -> list[str]:
    """The hashes of the sample library's pictures."""
    hashes = session.catalogue.images.by_picture()
    return sorted(hashes, key=lambda value: hashes[value][0])


@pytest.fixture
def theirs(session: LibrarySession, pictures: list[str], tmp_path: Path) -> Made:
    """Says the opposite of one thing, something new of another, and has a class of its own."""
    class_id = int(session.snapshot().class_ids[0])
    name = session.snapshot().classes[0].name
    mine = session.catalogue.images.by_picture()
    session.annotations.annotate([mine[pictures[0]][0]], [class_id], Verdict.PRESENT)
    return make_library(
        tmp_path / "Anna",
        pictures[:3],
        [name, "chough"],
        {(pictures[0], name): 0, (pictures[1], name): 1, (pictures[2], "chough"): 1},
    )


@pytest.fixture
def open_dialog(
    session: LibrarySession, bridge: SessionBridge, undo_stack: AnnotationUndoStack, qtbot: QtBot
) -> Open:
    def opened(path: Path | None = None) -> MergeDialog:
        dialog = MergeDialog(session, undo_stack, bridge=bridge)
        # pytest-qt closes it again.
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        qtbot.addWidget(dialog)
        dialog.show()
        if path is not None:
            dialog.open_path(path)
            settled(dialog, qtbot)
        return dialog

    return opened


def settled(dialog: MergeDialog, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not dialog.busy, timeout=WAIT_MS)


def merged(dialog: MergeDialog, qtbot: QtBot) -> MergeResult:
    with qtbot.waitSignal(dialog.merged, timeout=WAIT_MS) as signal:
        dialog.ok.click()
    assert signal.args is not None
    return signal.args[1]


def test_it_asks_for_a_library_and_says_why_one_will_not_do(
    open_dialog: Open, session: LibrarySession, qtbot: QtBot
) -> None:
    dialog = open_dialog()
    assert dialog.stack.currentWidget() is dialog.start
    assert dialog.ok.isHidden()
    dialog.open_path(session.library_folder)
    settled(dialog, qtbot)
    assert "is this library itself" in dialog.strip.text
    assert dialog.stack.currentWidget() is dialog.start


def test_it_shows_what_would_happen(open_dialog: Open, theirs: Made, qtbot: QtBot) -> None:
    dialog = open_dialog(theirs.folder)
    assert dialog.name.text() == "Anna"
    assert "Annotations there: 1 new, 0 equal, 1 in conflict." in dialog.found.text()
    assert dialog.lacking.text() == "Your vocabulary has no class “chough”."
    assert dialog.summary.text() == "1 annotation is added."
    assert dialog.ok.text() == "&Merge 1 annotation"
    dialog.add_classes.click()
    dialog.conflicts[OnConflict.LATER].click()
    settled(dialog, qtbot)
    assert dialog.summary.text() == (
        "2 annotations are added, 1 conflict waits in review, 1 class is added."
    )
    assert dialog.add_classes.isVisible()


def test_the_table_is_sorted_by_its_header(open_dialog: Open, theirs: Made, qtbot: QtBot) -> None:
    dialog = open_dialog(theirs.folder)
    dialog.add_classes.click()
    settled(dialog, qtbot)
    model = dialog.model
    for column in range(model.columnCount()):
        for order in (Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder):
            dialog.table.sortByColumn(column, order)
            assert model.rowCount() == 2
    dialog.table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
    assert [row.figures.name for row in model.rows] == sorted(
        row.figures.name for row in model.rows
    )


def test_it_merges_and_says_so(
    open_dialog: Open,
    theirs: Made,
    session: LibrarySession,
    undo_stack: AnnotationUndoStack,
    qtbot: QtBot,
) -> None:
    dialog = open_dialog(theirs.folder)
    dialog.conflicts[OnConflict.LATER].click()
    settled(dialog, qtbot)
    result = merged(dialog, qtbot)
    assert (result.imported.annotations, result.questions) == (1, 1)
    assert undo_stack.stack.undoText() == "Merge Anna"
    assert len(session.queues.build(QueueRequest(QueueKind.CONFLICTS)).items) == 1
    again = open_dialog(theirs.folder)
    again.conflicts[OnConflict.LATER].click()
    settled(again, qtbot)
    assert again.summary.text() == "Nothing new: your library has all that “Anna” says."
    assert not again.ok.isEnabled()


def test_questions_alone_are_a_step(
    open_dialog: Open,
    theirs: Made,
    session: LibrarySession,
    undo_stack: AnnotationUndoStack,
    qtbot: QtBot,
) -> None:
    merged(open_dialog(theirs.folder), qtbot)
    dialog = open_dialog(theirs.folder)
    dialog.conflicts[OnConflict.LATER].click()
    settled(dialog, qtbot)
    assert dialog.summary.text() == "1 conflict waits in review."
    result = merged(dialog, qtbot)
    assert (result.imported.annotations, result.questions) == (0, 1)
    qtbot.waitUntil(lambda: undo_stack.stack.count() >= 2 and undo_stack.settled, timeout=WAIT_MS)
    undo_stack.undo()
    qtbot.waitUntil(lambda: undo_stack.settled, timeout=WAIT_MS)
    assert session.queues.build(QueueRequest(QueueKind.CONFLICTS)).items == ()


def test_the_table_can_be_saved(
    open_dialog: Open, theirs: Made, tmp_path: Path, qtbot: QtBot
) -> None:
    dialog = open_dialog(theirs.folder)
    path = tmp_path / "agreement.csv"
    dialog.save_to(path)
    qtbot.waitUntil(lambda: "1 class written" in dialog.strip.text, timeout=WAIT_MS)
    assert path.read_text().splitlines()[1].endswith(",1,0,0,0,1,1")


def test_what_changes_meanwhile_is_compared_again(
    open_dialog: Open, theirs: Made, session: LibrarySession, pictures: list[str], qtbot: QtBot
) -> None:
    dialog = open_dialog(theirs.folder)
    image = session.catalogue.images.by_picture()[pictures[1]][0]
    session.annotations.annotate([image], [int(session.snapshot().class_ids[0])], Verdict.PRESENT)
    qtbot.waitUntil(
        lambda: "0 new, 1 equal" in dialog.found.text() and not dialog.busy, timeout=WAIT_MS
    )
    assert not dialog.ok.isEnabled()
