"""Annotating many photos at once: set classes, accept predictions, copy and paste."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from fake_encoder import text_vector
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.domain.photo_details import NO_DETAILS
from lmpt_desktop.domain.records import ScannedFile, Verdict
from lmpt_desktop.settings import INSTANT
from lmpt_desktop.ui.batch.accept_dialog import AcceptDialog
from lmpt_desktop.ui.batch.classes_dialog import SetClassesDialog
from lmpt_desktop.ui.batch.clipboard import from_mime
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000
Settled = Callable[[MainWindow], LibraryPage]
Keys = Qt.KeyboardModifier
DialogT = TypeVar("DialogT", bound=QWidget)


@pytest.fixture
def window(launch: Callable[..., MainWindow], settled: Settled, photos: Path) -> MainWindow:
    window = launch(photos)
    # Else what a dialog counted may be predicted otherwise a moment later.
    settled(window).session.settings.set(INSTANT, False)
    return window


def page_of(window: MainWindow) -> LibraryPage:
    assert window.page is not None
    return window.page


def image_of(page: LibraryPage, name: str) -> int:
    snapshot = page.session.snapshot()
    row = next(i for i, path in enumerate(snapshot.names) if path.endswith(name))
    return int(snapshot.image_ids[row])


def class_of(page: LibraryPage, name: str) -> int:
    return next(entry.id for entry in page.session.snapshot().classes if entry.name == name)


def select(page: LibraryPage, *names: str) -> list[int]:
    ids = [image_of(page, name) for name in names]
    page.grid.select_ids(ids, ids[0])
    return ids


def stored(page: LibraryPage, image_ids: list[int], name: str) -> list[int]:
    """The verdicts as they are on disk."""
    matrix = page.session.catalogue.annotations.matrix(image_ids, [class_of(page, name)])
    return matrix[:, 0].tolist()


def dialog_of(window: MainWindow, kind: type[DialogT], qtbot: QtBot) -> DialogT:
    """The open dialog of this kind, once it is shown."""

    def found() -> list[DialogT]:
        return [child for child in window.findChildren(kind) if child.isVisible()]

    qtbot.waitUntil(lambda: bool(found()), timeout=WAIT_MS)
    return found()[0]


def focused() -> QWidget:
    widget = QApplication.focusWidget()
    assert widget is not None
    return widget


def open_classes(window: MainWindow, qtbot: QtBot) -> SetClassesDialog:
    window.commands.trigger("image.classes")
    dialog = dialog_of(window, SetClassesDialog, qtbot)
    qtbot.waitUntil(lambda: dialog.model.verdict_counts is not None, timeout=WAIT_MS)
    return dialog


def open_accept(window: MainWindow, qtbot: QtBot) -> AcceptDialog:
    window.commands.trigger("image.accept")
    dialog = dialog_of(window, AcceptDialog, qtbot)
    ready(dialog, qtbot)
    return dialog


def ready(dialog: AcceptDialog, qtbot: QtBot) -> None:
    """Wait until the offer is the newest that was asked for."""
    qtbot.waitUntil(lambda: dialog.model.offer is not None and not dialog.busy, timeout=WAIT_MS)


def filter_by(page: LibraryPage, name: str, qtbot: QtBot) -> None:
    wanted = class_of(page, name)
    page.panel.bar.set_class(wanted)
    qtbot.waitUntil(lambda: page.panel.model.rowCount() < 8, timeout=WAIT_MS)


def closed(dialog: QWidget, qtbot: QtBot) -> None:
    window = dialog.parent()
    assert window is not None
    qtbot.waitUntil(lambda: dialog not in window.children(), timeout=WAIT_MS)


# ------------------------------------------------------------------------------ set classes


def test_several_classes_are_set_by_keyboard_and_undone_in_one_step(
    window: MainWindow, qtbot: QtBot
) -> None:
    page = page_of(window)
    ids = select(page, "dog_1.jpg", "dog_2.jpg", "cup_5.jpg")
    page.session.annotations.annotate([ids[0]], [class_of(page, "boat")], Verdict.PRESENT)
    page.grid.setFocus()
    qtbot.keyClick(page.grid, Qt.Key.Key_T, Keys.ControlModifier)
    dialog = dialog_of(window, SetClassesDialog, qtbot)
    qtbot.waitUntil(lambda: dialog.model.verdict_counts is not None, timeout=WAIT_MS)
    qtbot.waitUntil(
        lambda: focused() is dialog.search and QApplication.activeWindow() is dialog,
        timeout=WAIT_MS,
    )
    qtbot.keyClicks(focused(), "kit")
    qtbot.keyClick(focused(), Qt.Key.Key_Return)
    assert dialog.search.text() == ""
    qtbot.keyClicks(focused(), "boat")
    qtbot.keyClick(focused(), Qt.Key.Key_A, Keys.AltModifier)
    dialog.search.clear()
    assert dialog.summary.text() == "3 photos × 2 classes: 6 verdicts change."
    qtbot.keyClick(focused(), Qt.Key.Key_Return)
    closed(dialog, qtbot)
    assert stored(page, ids, "kite") == [1, 1, 1]
    assert stored(page, ids, "boat") == [0, 0, 0]
    assert stored(page, ids, "dog") == [-1, -1, -1], "what was not chosen is as it was"
    assert page.undo_stack.stack.undoText() == "kite present, boat absent on 3 photos"
    page.undo_stack.undo()
    assert stored(page, ids, "kite") == [-1, -1, -1]
    assert stored(page, ids, "boat") == [1, -1, -1]
    page.undo_stack.redo()
    assert stored(page, ids, "boat") == [0, 0, 0]


def test_the_list_shows_the_verdicts_of_the_selection_and_keys_change_them(
    window: MainWindow, qtbot: QtBot
) -> None:
    page = page_of(window)
    ids = select(page, "dog_1.jpg", "dog_2.jpg", "cup_5.jpg")
    page.session.annotations.annotate(ids, [class_of(page, "dog")], Verdict.PRESENT)
    page.session.annotations.annotate(ids[:1], [class_of(page, "cup")], Verdict.ABSENT)
    dialog = open_classes(window, qtbot)
    rows = {
        name: [dialog.model.index(row, 0).data() for row in range(dialog.model.rowCount())].index(
            name
        )
        for name in ("dog", "person", "cup", "boat")
    }
    assert dialog.model.index(rows["dog"], 1).data() == "present in all"
    assert dialog.model.index(rows["cup"], 1).data() == "mixed: ✕ 1  ? 2"
    assert dialog.model.index(rows["boat"], 1).data() == "unknown"
    dialog.table.setFocus()
    dialog.table.selectRow(rows["dog"])
    qtbot.keyClick(dialog.table, Qt.Key.Key_U)
    dialog.table.selectRow(rows["cup"])
    qtbot.keyClick(dialog.table, Qt.Key.Key_Space)
    qtbot.keyClick(dialog.table, Qt.Key.Key_Space)
    assert dialog.model.requested_in(rows["cup"]) is Verdict.ABSENT
    assert dialog.summary.text() == ("3 photos × 2 classes: 5 verdicts change, 1 are already set.")
    dialog.table.selectRow(rows["dog"])
    qtbot.keyClick(dialog.table, Qt.Key.Key_Delete)
    assert dialog.model.requested_in(rows["dog"]) is None
    qtbot.keyClick(dialog.table, Qt.Key.Key_Return)
    closed(dialog, qtbot)
    assert stored(page, ids, "cup") == [0, 0, 0]


def test_the_dialog_updates_its_counts_when_verdicts_change(
    window: MainWindow, qtbot: QtBot
) -> None:
    page = page_of(window)
    ids = select(page, "dog_1.jpg", "dog_2.jpg")
    dialog = open_classes(window, qtbot)
    dialog.model.set_requested(
        [
            [dialog.model.index(row, 0).data() for row in range(dialog.model.rowCount())].index(
                "dog"
            )
        ],
        Verdict.PRESENT,
    )
    assert dialog.model.changing == 2
    page.session.annotations.annotate(ids[:1], [class_of(page, "dog")], Verdict.PRESENT)
    qtbot.waitUntil(lambda: dialog.model.changing == 1, timeout=WAIT_MS)
    assert dialog.ok.text() == "Change 1 verdict"


# -------------------------------------------------------------------------- accept predictions


def test_exactly_the_predictions_counted_in_the_preview_are_accepted_in_one_step(
    window: MainWindow, qtbot: QtBot
) -> None:
    page = page_of(window)
    dogs = [image_of(page, name) for name in ("dog_1.jpg", "dog_2.jpg", "dog+person_3.jpg",
                                              "dog_6.jpg", "trip/dog+boat_9.jpg")]  # fmt: skip
    page.session.annotations.annotate(dogs[:1], [class_of(page, "dog")], Verdict.PRESENT)
    filter_by(page, "dog", qtbot)
    dialog = open_accept(window, qtbot)
    assert dialog.ok.text() == "Accept all 4 'dog' predictions"
    assert dialog.summary.text() == (
        "4 predictions; by their scores about 4 of those ticked are right; "
        "1 more are already annotated (1 present, 0 absent) and do not change."
    )
    dialog.apply()
    closed(dialog, qtbot)
    assert stored(page, dogs, "dog") == [1, 1, 1, 1, 1]
    assert stored(page, dogs, "person") == [-1] * 5
    assert page.undo_stack.stack.undoText() == "Accepted 4 'dog' predictions"
    page.undo_stack.undo()
    assert stored(page, dogs, "dog") == [1, -1, -1, -1, -1]


def test_predictions_are_reviewed_and_unticked_by_keyboard(
    window: MainWindow, qtbot: QtBot
) -> None:
    page = page_of(window)
    page.grid.setFocus()
    qtbot.keyClick(page.grid, Qt.Key.Key_A, Keys.ControlModifier | Keys.ShiftModifier)
    dialog = dialog_of(window, AcceptDialog, qtbot)
    ready(dialog, qtbot)
    number = dialog.model.ticked_count
    assert number == int(page.session.snapshot().predicted.sum())
    qtbot.waitUntil(lambda: focused() is dialog.view, timeout=WAIT_MS)
    first = dialog.model.cell(0)
    qtbot.keyClick(focused(), Qt.Key.Key_Space)
    qtbot.keyClick(focused(), Qt.Key.Key_Right)
    qtbot.keyClick(focused(), Qt.Key.Key_Space)
    assert dialog.model.ticked_count == number - 2
    assert dialog.ok.text() == f"Accept {number - 2} predictions"
    qtbot.keyClick(focused(), Qt.Key.Key_Space)
    qtbot.keyClick(focused(), Qt.Key.Key_Return, Keys.ControlModifier)
    closed(dialog, qtbot)
    verdicts = page.session.catalogue.annotations.matrix(
        page.session.snapshot().image_ids, page.session.snapshot().class_ids
    )
    assert int((verdicts == 1).sum()) == number - 1
    assert stored(page, [first.image_id], first.class_name) == [-1]


def test_sorting_and_score_limits_keep_what_was_unticked(window: MainWindow, qtbot: QtBot) -> None:
    dialog = open_accept(window, qtbot)
    number = dialog.model.ticked_count
    dialog.model.toggle(np.array([0]))
    cell = dialog.model.cell(0)
    dialog.sort.setCurrentIndex(1)
    ready(dialog, qtbot)
    scores = [dialog.model.cell(row).score for row in range(dialog.model.rowCount())]
    assert scores == sorted(scores) and dialog.model.ticked_count == number - 1
    dialog.lowest.slider.setValue(100)
    ready(dialog, qtbot)
    assert not dialog.lowest.own.isChecked()
    assert dialog.model.ticked_count == 0 and not dialog.ok.isEnabled()
    dialog.lowest.slider.setValue(1)
    ready(dialog, qtbot)
    lowest = dialog.model.ticked_count
    assert lowest > number
    dialog.lowest.own.setChecked(True)
    ready(dialog, qtbot)
    cells = [dialog.model.cell(row) for row in range(dialog.model.rowCount())]
    off = [item for item in cells if not item.ticked]
    assert [(item.image_id, item.class_name) for item in off] == [(cell.image_id, cell.class_name)]


def test_predictions_of_the_selection_the_grid_or_the_library_can_be_accepted(
    window: MainWindow, qtbot: QtBot
) -> None:
    page = page_of(window)
    select(page, "dog_1.jpg", "person_4.jpg")
    dialog = open_accept(window, qtbot)
    assert dialog.image_set.currentText() == "The 2 photos selected"
    assert dialog.model.ticked_count == 2
    dialog.image_set.setCurrentIndex(dialog.image_set.count() - 1)
    ready(dialog, qtbot)
    assert dialog.model.ticked_count == int(page.session.snapshot().predicted.sum())


def test_new_predictions_do_not_change_what_an_open_preview_accepts(
    window: MainWindow, qtbot: QtBot
) -> None:
    page = page_of(window)
    filter_by(page, "dog", qtbot)
    dialog = open_accept(window, qtbot)
    offered = sorted(dialog.model.cell(row).image_id for row in range(dialog.model.rowCount()))
    page.session.vocabulary.describe(class_of(page, "dog"), "cup")  # now cups are predicted as dogs
    dog = page.session.snapshot().column_of[class_of(page, "dog")]
    qtbot.waitUntil(
        lambda: (
            sorted(
                page.session.snapshot()
                .image_ids[page.session.snapshot().predicted[:, dog]]
                .tolist()
            )
            != offered
        ),
        timeout=WAIT_MS,
    )
    qtbot.waitUntil(dialog.strip.isVisible, timeout=WAIT_MS)
    number = dialog.model.ticked_count
    assert number == len(offered) == 5
    dialog.apply()
    closed(dialog, qtbot)
    snapshot = page.session.snapshot()
    accepted = snapshot.image_ids[snapshot.annotations[:, dog] == 1]
    assert sorted(accepted.tolist()) == offered and len(accepted) == number


def test_nothing_is_accepted_if_annotations_changed_since_the_preview(
    window: MainWindow, qtbot: QtBot
) -> None:
    page = page_of(window)
    dog = class_of(page, "dog")
    filter_by(page, "dog", qtbot)
    dialog = open_accept(window, qtbot)
    number = dialog.model.ticked_count
    page.session.annotations.annotate([dialog.model.cell(0).image_id], [dog], Verdict.ABSENT)
    dialog.apply()
    qtbot.waitUntil(
        lambda: dialog.model.ticked_count == number - 1 and not dialog.busy, timeout=WAIT_MS
    )
    assert "nothing was saved" in dialog.strip.text
    assert not (page.session.snapshot().annotations == 1).any()
    dialog.apply()
    closed(dialog, qtbot)
    assert int((page.session.snapshot().annotations == 1).sum()) == number - 1


# ------------------------------------------------------------------------- copy annotations


def test_pasting_copies_verdicts_and_keeps_those_the_source_does_not_have(
    window: MainWindow, qtbot: QtBot
) -> None:
    page = page_of(window)
    (source,) = select(page, "dog_1.jpg")
    (target,) = [image_of(page, "cup_5.jpg")]
    page.session.annotations.annotate([source], [class_of(page, "dog")], Verdict.PRESENT)
    page.session.annotations.annotate([source], [class_of(page, "boat")], Verdict.ABSENT)
    page.session.annotations.annotate([target], [class_of(page, "cup")], Verdict.PRESENT)
    page.grid.setFocus()
    qtbot.keyClick(page.grid, Qt.Key.Key_C, Keys.ControlModifier | Keys.ShiftModifier)
    copied = from_mime(QGuiApplication.clipboard().mimeData())
    assert copied is not None and copied.source == "dog_1.jpg"
    assert QGuiApplication.clipboard().text() == "dog: present\nboat: absent"
    select(page, "cup_5.jpg")
    qtbot.keyClick(page.grid, Qt.Key.Key_V, Keys.ControlModifier | Keys.ShiftModifier)
    qtbot.waitUntil(lambda: stored(page, [target], "dog") == [1], timeout=WAIT_MS)
    assert stored(page, [target], "boat") == [0]
    assert stored(page, [target], "cup") == [1]
    assert page.undo_stack.stack.undoText() == "Verdicts of dog_1.jpg on 1 photo"
    page.undo_stack.undo()
    assert stored(page, [target], "dog") == [-1]


def test_pasting_onto_several_photos_asks_first_and_names_the_changes(
    window: MainWindow, qtbot: QtBot
) -> None:
    page = page_of(window)
    (source,) = select(page, "dog_1.jpg")
    page.session.annotations.annotate([source], [class_of(page, "dog")], Verdict.PRESENT)
    window.commands.trigger("image.copy-annotations")
    ids = select(page, "dog_2.jpg", "dog_6.jpg", "cup_5.jpg")
    page.session.annotations.annotate(ids[2:], [class_of(page, "dog")], Verdict.ABSENT)
    window.commands.trigger("image.paste-annotations")
    dialogs = window.context.dialogs
    qtbot.waitUntil(lambda: dialogs.find("paste") is not None, timeout=WAIT_MS)
    question = dialogs.find("paste")
    assert isinstance(question, QMessageBox)
    assert question.text() == "Give 3 photos the verdicts of dog_1.jpg?"
    assert "3 verdicts in 3 photos will change." in question.informativeText()
    assert "1 verdict you gave before" in question.informativeText()
    assert stored(page, ids, "dog") == [-1, -1, 0]
    qtbot.keyClick(question, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: stored(page, ids, "dog") == [1, 1, 1], timeout=WAIT_MS)
    page.undo_stack.undo()
    assert stored(page, ids, "dog") == [-1, -1, 0]


def test_pasting_without_copied_annotations_changes_nothing_and_says_so(
    window: MainWindow, qtbot: QtBot
) -> None:
    page = page_of(window)
    select(page, "dog_1.jpg")
    QGuiApplication.clipboard().setText("a shopping list")
    window.commands.trigger("image.paste-annotations")
    assert window.status.currentMessage().startswith("There are no annotations to paste.")
    window.commands.trigger("image.copy-annotations")
    assert window.status.currentMessage() == "dog_1.jpg has no annotations yet."
    assert not page.undo_stack.stack.canUndo()
    assert QGuiApplication.clipboard().text() == "a shopping list"


# ------------------------------------------------------------------------------ ten thousand

MANY = 10_000


@pytest.fixture
def large(
    launch: Callable[..., MainWindow], settled: Settled, tmp_path: Path, qtbot: QtBot
) -> MainWindow:
    """A window on a library of 10,000 images, which have been encoded before."""
    photos, library = tmp_path / "many", tmp_path / "library"
    photos.mkdir()
    source = tmp_path / "one.jpg"
    Image.new("RGB", (32, 24), "grey").save(source)
    files = []
    for number in range(MANY):
        path = photos / f"{number:05d}.jpg"
        try:
            os.link(source, path)
        except OSError:  # some file systems limit the links to one file
            shutil.copy2(source, path)
        status = path.stat()
        files.append(
            ScannedFile(
                path.name,
                status.st_size,
                status.st_mtime_ns,
                fingerprint=f"{number + 1:032x}",
                width=32,
                height=24,
                file_hash=f"{number + 1:032x}",
                picture_hash=f"{number + 1:032x}",
                details=NO_DETAILS,
            )
        )
    with Catalogue.open(library, exclusive=True) as catalogue:
        folder = catalogue.folders.add(photos)
        ids = np.array(catalogue.images.upsert(folder.id, files))
        for name in ("dog", "person", "kite"):
            catalogue.classes.add(name)
        random = np.random.default_rng(5)
        likeness = random.random((MANY, 3)).astype(np.float32)
        texts = np.stack([text_vector(name) for name in ("dog", "person", "kite")])
        features = likeness @ texts
        features /= np.linalg.norm(features, axis=1, keepdims=True)
        catalogue.features.append("lite", ids, features)
    window = launch()
    window.open_library(library)
    qtbot.waitUntil(lambda: window.page is not None, timeout=WAIT_MS)
    settled(window)
    return window


def test_verdicts_on_ten_thousand_photos_are_one_step_to_undo_and_redo(
    large: MainWindow, qtbot: QtBot
) -> None:
    page = page_of(large)
    undo_stack = page.undo_stack
    page.grid.selectAll()
    dialog = open_classes(large, qtbot)
    dialog.model.set_requested([0], Verdict.PRESENT)
    dialog.model.set_requested([1], Verdict.ABSENT)
    assert dialog.summary.text() == "10,000 photos × 2 classes: 20,000 verdicts change."
    dialog.apply()
    closed(dialog, qtbot)
    ids = page.session.snapshot().image_ids
    classes = page.session.snapshot().class_ids

    def on_disk() -> list[int]:
        matrix = page.session.catalogue.annotations.matrix(ids, classes)
        return [int((matrix == verdict).sum()) for verdict in (1, 0, -1)]

    assert on_disk() == [MANY, MANY, MANY]
    assert undo_stack.stack.count() == 1
    undo_stack.undo()
    qtbot.waitUntil(lambda: not undo_stack.busy, timeout=WAIT_MS)
    assert on_disk() == [0, 0, 3 * MANY]
    assert (page.session.snapshot().annotations == -1).all()
    undo_stack.redo()
    qtbot.waitUntil(lambda: not undo_stack.busy, timeout=WAIT_MS)
    assert on_disk() == [MANY, MANY, MANY]


def test_thousands_of_predictions_are_accepted_as_counted(large: MainWindow, qtbot: QtBot) -> None:
    page = page_of(large)
    snapshot = page.session.snapshot()
    page.session.annotations.annotate(snapshot.image_ids[:500].tolist(), [1], Verdict.ABSENT)
    dialog = open_accept(large, qtbot)
    dialog.lowest.slider.setValue(30)
    ready(dialog, qtbot)
    dialog.view.selectAll()
    dialog.view.toggle_selected()
    assert dialog.model.ticked_count == 0
    dialog.view.toggle_selected()
    dialog.model.toggle(np.arange(100))
    number = dialog.model.ticked_count
    assert number > 5000
    dialog.apply()
    closed(dialog, qtbot)
    verdicts = page.session.catalogue.annotations.matrix(snapshot.image_ids, snapshot.class_ids)
    assert int((verdicts == 1).sum()) == number
    assert int((verdicts == 0).sum()) == 500
    assert (page.session.snapshot().annotations == verdicts).all()
    page.undo_stack.undo()
    qtbot.waitUntil(lambda: not page.undo_stack.busy, timeout=WAIT_MS)
    verdicts = page.session.catalogue.annotations.matrix(snapshot.image_ids, snapshot.class_ids)
    assert not (verdicts == 1).any() and int((verdicts == 0).sum()) == 500
