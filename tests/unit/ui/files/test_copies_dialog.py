"""The dialog about copies, on a library where some photos have the same picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from copied_photos import set_pictures
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from shells import no_thumbnail
from ui_libraries import CUP, DOG, KITE, PERSON, Locked

from lmpt_desktop.domain.records import ScannedFile, Verdict
from lmpt_desktop.engine.files.copies import LEAVE, NEWEST
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.translation import _
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.files.copies_dialog import CopiesDialog
from lmpt_desktop.ui.files.copies_model import Show
from lmpt_desktop.ui.kit.bridge import SessionBridge

Open = Callable[..., CopiesDialog]


@pytest.fixture
def undo_stack(session: LibrarySession, qtbot: QtBot) -> AnnotationUndoStack:
    return AnnotationUndoStack(session)


@pytest.fixture
def shown() -> list[list[int]]:
    """What was to be shown in the grid."""
    return []


@pytest.fixture
def open_dialog(
    session: LibrarySession,
    bridge: SessionBridge,
    undo_stack: AnnotationUndoStack,
    shown: list[list[int]],
    qtbot: QtBot,
) -> Open:
    """Images 1 and 2, 3 and 4, and 5, 6 and 7 are copies; the second group contradicts."""
    set_pictures(session.catalogue, {1: "a", 2: "a", 3: "b", 4: "b", 5: "c", 6: "c", 7: "c"})
    unread = ScannedFile("", 0, 0)
    session.catalogue.images.set_hashes(dict.fromkeys((8, 9, 10), unread))
    annotate = session.annotations.annotate
    annotate([1], [DOG, PERSON], Verdict.PRESENT)
    annotate([3], [DOG], Verdict.PRESENT)
    annotate([4], [DOG], Verdict.ABSENT)
    annotate([4], [KITE], Verdict.PRESENT)

    def opened(selected: Sequence[int] = ()) -> CopiesDialog:
        dialog = CopiesDialog(
            session,
            undo_stack,
            np.array(selected, np.int64),
            no_thumbnail,
            show_images=lambda ids: shown.append(list(ids)),
            bridge=bridge,
        )
        qtbot.addWidget(dialog)
        dialog.show()
        settled(dialog, qtbot)
        return dialog

    return opened


def settled(dialog: CopiesDialog, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not dialog.busy)


def table(dialog: CopiesDialog) -> list[list[str]]:
    model = dialog.differences
    return [
        [model.data(model.index(row, column)) for column in range(model.columnCount())]
        for row in range(model.rowCount())
    ]


def test_groups_whose_annotations_differ(open_dialog: Open, qtbot: QtBot) -> None:
    dialog = open_dialog()
    assert [dialog.model.members(row) for row in range(dialog.model.rowCount())] == [[1, 2], [3, 4]]
    assert (
        dialog.found.text()
        == "3 pictures are there several times; 3 photos have not been read completely yet"
    )
    assert dialog.summary.text() == (
        "3 annotations will be added to 2 photos; 1 contradiction is left alone."
    )
    cell = dialog.model.cell(1)
    assert (cell.title, cell.difference) == ("2 copies", "1 annotation to add")
    assert cell.contradiction == "1 contradiction: left alone"
    dialog.show_box.setCurrentIndex(dialog.show_box.findData(Show.ALL))
    assert dialog.model.rowCount() == 3
    assert dialog.model.cell(2).difference == "The annotations are the same"
    dialog.show_box.setCurrentIndex(dialog.show_box.findData(Show.CONTRADICTING))
    assert dialog.model.members(0) == [3, 4]


def test_the_copies_of_a_group_side_by_side(open_dialog: Open, qtbot: QtBot) -> None:
    dialog = open_dialog()
    dialog.view.select_row(1)
    assert table(dialog) == [
        ["Folder", "", "city", "beach"],
        ["dog", "left alone", "✓ present", "✗ absent"],
        ["kite", "✓ present", "– unknown", "✓ present"],
    ]
    titles = [
        dialog.differences.headerData(column, Qt.Orientation.Horizontal) for column in range(4)
    ]
    assert titles == ["Class", "Will be", "photo 2.jpg", "photo 3.jpg"]
    tip = dialog.differences.headerData(3, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
    assert tip.endswith("beach/photo 3.jpg")


def test_keys_choose_what_counts(open_dialog: Open, qtbot: QtBot) -> None:
    dialog = open_dialog()
    dialog.view.selectAll()
    qtbot.keyClick(dialog.view, Qt.Key.Key_N)
    settled(dialog, qtbot)
    assert [dialog.model.choice(row) for row in range(2)] == [LEAVE, NEWEST]
    assert dialog.summary.text() == (
        "3 annotations will be added to 2 photos; 1 verdict will be reversed."
    )
    qtbot.keyClick(dialog.view, Qt.Key.Key_L)
    settled(dialog, qtbot)
    assert "1 contradiction is left alone" in dialog.summary.text()


def test_a_copy_is_chosen_in_the_list(open_dialog: Open, qtbot: QtBot) -> None:
    dialog = open_dialog()
    dialog.view.select_row(0)
    assert not dialog.choice.isEnabled(), "nothing contradicts there"
    dialog.view.select_row(1)
    assert dialog.choice.isEnabled()
    texts = [dialog.choice.itemText(place) for place in range(dialog.choice.count())]
    assert texts == [
        "Leave them alone",
        "The newest verdict counts",
        "photo 2.jpg counts",
        "photo 3.jpg counts",
    ]
    dialog.choice.setCurrentIndex(2)
    dialog.choice.activated.emit(2)
    settled(dialog, qtbot)
    assert dialog.model.choice(1) == 3
    assert table(dialog)[1] == ["dog", "✓ present", "✓ present", "✗ absent"]
    assert dialog.model.cell(1).contradiction == "1 contradiction: photo 2.jpg counts"


def test_they_are_saved_as_one_step_and_undone(
    open_dialog: Open, undo_stack: AnnotationUndoStack, session: LibrarySession, qtbot: QtBot
) -> None:
    session.annotations.mark_reviewed([6])
    dialog = open_dialog()
    before = session.snapshot()
    with qtbot.waitSignal(undo_stack.committed):
        qtbot.keyClick(dialog.view, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    settled(dialog, qtbot)
    matrix = session.catalogue.annotations.matrix([2, 3, 4, 5, 7], [DOG, PERSON, KITE])
    assert matrix.tolist() == [[1, 1, -1], [1, -1, 1], [0, -1, 1], [0, 0, 0], [0, 0, 0]]
    assert session.catalogue.annotations.reviewed() == {5, 6, 7}
    assert undo_stack.stack.undoText() == "Annotations of 4 copies made the same"
    assert dialog.summary.text() == "1 contradiction is left alone."
    assert not dialog.ok.isEnabled()
    assert dialog.strip.text == "Done: Annotations of 4 copies made the same."

    with qtbot.waitSignal(undo_stack.undone):
        dialog.strip.button.click()
    qtbot.waitUntil(lambda: undo_stack.settled)
    after = session.snapshot()
    assert np.array_equal(before.annotations, after.annotations)
    assert np.array_equal(before.reviewed, after.reviewed)
    assert undo_stack.can_redo
    assert not dialog.strip.text


def test_only_copies_of_the_selected_photos(open_dialog: Open, qtbot: QtBot) -> None:
    dialog = open_dialog([2, 8])
    assert dialog.image_set.currentText() == "Copies of the 2 photos selected"
    assert [dialog.model.members(row) for row in range(dialog.model.rowCount())] == [[1, 2]]
    dialog.image_set.setCurrentIndex(0)
    settled(dialog, qtbot)
    assert dialog.model.rowCount() == 2


def test_what_changed_meanwhile_is_not_overwritten(
    open_dialog: Open, session: LibrarySession, qtbot: QtBot
) -> None:
    dialog = open_dialog()
    session.annotations.annotate([2], [DOG], Verdict.ABSENT)
    dialog.apply()
    settled(dialog, qtbot)
    assert "nothing was saved" in dialog.strip.text
    assert session.catalogue.annotations.matrix([2], [PERSON]).tolist() == [[-1]]
    assert "2 contradictions are left alone" in dialog.summary.text()


def test_it_follows_the_library_and_keeps_the_choices(
    open_dialog: Open, session: LibrarySession, qtbot: QtBot
) -> None:
    dialog = open_dialog()
    dialog.view.select_row(1)
    dialog.model.choose([1], NEWEST)
    session.annotations.annotate([1], [CUP], Verdict.PRESENT)
    qtbot.waitUntil(lambda: "4 annotations" in dialog.summary.text())
    assert dialog.model.choice(1) == NEWEST
    assert dialog.view.selected_rows() == [1]


def test_nothing_to_show(session: LibrarySession, open_dialog: Open, qtbot: QtBot) -> None:
    dialog = open_dialog([8])
    dialog.image_set.setCurrentIndex(1)
    settled(dialog, qtbot)
    assert dialog.empty.isVisible()
    assert dialog.empty.sentence.text() == "The selected photos have no copies in the library."
    session.catalogue.images.mark_missing([1, 3, 5, 6])
    dialog.image_set.setCurrentIndex(0)
    settled(dialog, qtbot)
    assert dialog.empty.sentence.text() == "No photo is in the library twice."
    assert not dialog.ok.isEnabled()


def test_the_selected_groups_are_shown_in_the_grid(
    open_dialog: Open, shown: list[list[int]], qtbot: QtBot
) -> None:
    dialog = open_dialog()
    dialog.view.selectAll()
    dialog.in_grid.click()
    assert shown == [[1, 2, 3, 4]]


def test_what_cannot_be_saved_is_said(
    open_dialog: Open, locked: Locked, undo_stack: AnnotationUndoStack, qtbot: QtBot
) -> None:
    dialog = open_dialog()
    with locked(), qtbot.waitSignal(undo_stack.failed):
        dialog.apply()
    settled(dialog, qtbot)
    assert dialog.strip.text
    assert dialog.ok.isEnabled()
    assert dialog.ok.text().replace("&", "") == _("Give all copies the &same annotations").replace(
        "&", ""
    )
