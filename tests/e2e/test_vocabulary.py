"""Changing the vocabulary of an open library: predictions follow at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from shiboken6 import isValid
from vocabulary_dialogs import settle

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.vocabulary.class_table import DESCRIPTION, NAME
from lmpt_desktop.ui.vocabulary.dialog import VocabularyDialog
from lmpt_desktop.ui.vocabulary.merging import MergeDialog, SplitDialog
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000
Settled = Callable[[MainWindow], LibraryPage]


@pytest.fixture
def window(launch: Callable[..., MainWindow], settled: Settled, photos: Path) -> MainWindow:
    Image.new("RGB", (200, 150), "teal").save(photos / "tree_20.jpg")
    window = launch(photos)
    settled(window)
    return window


@pytest.fixture
def page(window: MainWindow) -> LibraryPage:
    assert window.page is not None
    return window.page


@pytest.fixture
def dialog(window: MainWindow, page: LibraryPage) -> VocabularyDialog:
    window.commands.trigger("vocabulary.edit")
    dialog = window.findChild(VocabularyDialog)
    assert dialog is not None and dialog.isVisible() and not dialog.isModal()
    return dialog


def predicted(page: LibraryPage, name: str) -> set[str]:
    """File names in which a class is predicted; empty while it has no scores."""
    snapshot = page.session.snapshot()
    names = [entry.name for entry in snapshot.classes]
    if name not in names:
        return set()
    rows = np.flatnonzero(snapshot.predicted[:, names.index(name)])
    return {snapshot.names[row].rpartition("/")[2] for row in rows}


def test_a_new_class_is_predicted_at_once(
    dialog: VocabularyDialog, page: LibraryPage, qtbot: QtBot
) -> None:
    qtbot.keyClicks(dialog.classes.new_name, "tree")
    qtbot.keyClick(dialog.classes.new_name, Qt.Key.Key_Return)
    settle(dialog)
    qtbot.waitUntil(lambda: predicted(page, "tree") == {"tree_20.jpg"}, timeout=WAIT_MS)
    page.grid.select_ids([1], 1)
    class_id = page.session.snapshot().classes[-1].id
    qtbot.waitUntil(
        lambda: page.inspector.model.has_class(class_id), timeout=WAIT_MS
    )  # the inspector follows


def test_a_renamed_class_keeps_its_annotations_and_gets_new_predictions(
    dialog: VocabularyDialog, page: LibraryPage, qtbot: QtBot
) -> None:
    cup = next(entry for entry in page.session.snapshot().classes if entry.name == "cup")
    page.session.annotations.annotate([1], [cup.id], Verdict.PRESENT)
    row = [line.entry.name for line in dialog.classes.model.rows].index("cup")
    dialog.classes.model.setData(dialog.classes.model.index(row, NAME), "tree")
    qtbot.waitUntil(lambda: predicted(page, "tree") == {"tree_20.jpg"}, timeout=WAIT_MS)
    assert int(page.session.catalogue.annotations.matrix([1], [cup.id])[0, 0]) == 1


def test_a_description_replaces_the_name_for_the_model(
    dialog: VocabularyDialog, page: LibraryPage, qtbot: QtBot
) -> None:
    row = [line.entry.name for line in dialog.classes.model.rows].index("cup")
    dialog.classes.model.setData(dialog.classes.model.index(row, DESCRIPTION), "tree")
    qtbot.waitUntil(lambda: predicted(page, "cup") == {"tree_20.jpg"}, timeout=WAIT_MS)


def test_an_archived_class_is_restored_with_its_annotations(
    dialog: VocabularyDialog, page: LibraryPage, qtbot: QtBot
) -> None:
    kite = next(entry for entry in page.session.snapshot().classes if entry.name == "kite")
    page.session.annotations.annotate([1, 2, 3], [kite.id], Verdict.ABSENT)
    names = [entry.name for entry in page.session.snapshot().classes]
    dialog.refresh()
    dialog.classes.select_class("kite")
    qtbot.mouseClick(dialog.classes.archive, Qt.MouseButton.LeftButton)
    settle(dialog)
    assert "kite" not in [entry.name for entry in page.session.snapshot().classes]
    assert "3 annotations are kept" in dialog.strip.text
    qtbot.mouseClick(dialog.strip.button, Qt.MouseButton.LeftButton)
    settle(dialog)
    assert [entry.name for entry in page.session.snapshot().classes] == names
    matrix = page.session.catalogue.annotations.matrix([1, 2, 3], [kite.id])
    assert matrix[:, 0].tolist() == [0, 0, 0]
    qtbot.waitUntil(lambda: predicted(page, "kite") == {"kite_7.jpg"}, timeout=WAIT_MS)


def test_a_built_in_vocabulary_replaces_the_classes(
    dialog: VocabularyDialog, page: LibraryPage, qtbot: QtBot
) -> None:
    dialog.tabs.setCurrentWidget(dialog.list)
    dialog.list.use_built_in("coco80")
    qtbot.mouseClick(dialog.list.apply, Qt.MouseButton.LeftButton)
    settle(dialog)
    assert len(page.session.snapshot().classes) == 80
    qtbot.waitUntil(lambda: "dog_1.jpg" in predicted(page, "dog"), timeout=WAIT_MS)
    qtbot.waitUntil(
        lambda: (
            len(page.session.snapshot().classes) == 80
            and not np.isnan(page.session.snapshot().scores[0]).any()
        ),
        timeout=WAIT_MS,
    )


def test_the_dialog_closes_with_the_library(
    dialog: VocabularyDialog, window: MainWindow, qtbot: QtBot
) -> None:
    window.commands.trigger("file.close")
    qtbot.waitUntil(lambda: not isValid(dialog), timeout=WAIT_MS)


def test_a_class_can_be_tried_before_it_is_added(
    dialog: VocabularyDialog, page: LibraryPage, qtbot: QtBot
) -> None:
    qtbot.keyClicks(dialog.classes.new_name, "tree")
    qtbot.mouseClick(dialog.classes.try_first, Qt.MouseButton.LeftButton)
    assert dialog.tabs.currentWidget() is dialog.try_out
    qtbot.waitUntil(lambda: len(dialog.try_out.model.rows) == 12, timeout=WAIT_MS)
    assert dialog.try_out.model.rows[0].file_name == "tree_20.jpg"
    assert [line.predicted for line in dialog.try_out.model.rows][:2] == [True, False]
    assert "predicted in 1 of 12 photos" in dialog.try_out.sentence.text()
    assert "tree" not in [entry.name for entry in page.session.snapshot().classes]
    qtbot.mouseClick(dialog.try_out.add, Qt.MouseButton.LeftButton)
    settle(dialog)
    qtbot.waitUntil(lambda: predicted(page, "tree") == {"tree_20.jpg"}, timeout=WAIT_MS)


def test_two_classes_are_merged_by_keyboard_and_the_merge_is_undone(
    dialog: VocabularyDialog, page: LibraryPage, qtbot: QtBot
) -> None:
    ids = {entry.name: entry.id for entry in page.session.snapshot().classes}
    page.session.annotations.annotate([1, 2], [ids["cup"]], Verdict.PRESENT)
    page.session.annotations.annotate([2, 3], [ids["kite"]], Verdict.PRESENT)
    table = dialog.classes.table
    dialog.classes.select_class("kite")
    table.setFocus()
    qtbot.waitUntil(table.hasFocus, timeout=WAIT_MS)
    qtbot.keyClick(table, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)  # and the cup
    assert [line.entry.name for line in dialog.classes.selected_lines()] == ["kite", "cup"]
    qtbot.keyClick(dialog.classes.merge, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: dialog.findChild(MergeDialog) is not None, timeout=WAIT_MS)
    asked = dialog.findChild(MergeDialog)
    assert asked is not None
    qtbot.waitUntil(asked.act.isEnabled, timeout=WAIT_MS)
    assert "“cup” and “kite” become “kite”: 3 photos." in asked.sentences.text()
    qtbot.keyClick(asked, Qt.Key.Key_Return)
    qtbot.waitUntil(
        lambda: "cup" not in [e.name for e in page.session.snapshot().classes], timeout=WAIT_MS
    )
    matrix = page.session.catalogue.annotations.matrix([1, 2, 3], [ids["kite"]])
    assert matrix[:, 0].tolist() == [1, 1, 1]
    # The library changes before the dialog hears of it; until then there is nothing to undo.
    stack = dialog.undo_stack
    qtbot.waitUntil(lambda: stack.can_undo and not stack.busy, timeout=WAIT_MS)
    with qtbot.waitActive(dialog, timeout=WAIT_MS):
        dialog.activateWindow()
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(
        lambda: "cup" in [e.name for e in page.session.snapshot().classes], timeout=WAIT_MS
    )
    matrix = page.session.catalogue.annotations.matrix([1, 2, 3], [ids["kite"], ids["cup"]])
    assert matrix.tolist() == [[-1, 1], [1, 1], [1, -1]]


def test_splitting_a_class_shows_its_photos_in_the_grid(
    dialog: VocabularyDialog, page: LibraryPage, qtbot: QtBot
) -> None:
    dog = next(entry for entry in page.session.snapshot().classes if entry.name == "dog")
    page.session.annotations.annotate([1, 2, 6], [dog.id], Verdict.PRESENT)
    dialog.refresh()
    dialog.classes.select_class("dog")
    qtbot.mouseClick(dialog.classes.split, Qt.MouseButton.LeftButton)
    asked = dialog.findChild(SplitDialog)
    assert asked is not None
    qtbot.keyClicks(asked.names, "guide dog")
    qtbot.waitUntil(asked.act.isEnabled, timeout=WAIT_MS)
    qtbot.mouseClick(asked.act, Qt.MouseButton.LeftButton)
    settle(dialog)
    qtbot.waitUntil(lambda: page.panel.model.ids.tolist() == [1, 2, 6], timeout=WAIT_MS)
    assert page.session.snapshot().classes[0].name == "guide dog"
