"""Selecting, annotating and undoing by keyboard, as a user does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.settings import INSTANT
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000
Settled = Callable[[MainWindow], LibraryPage]
Key = Qt.Key


def select(page: LibraryPage, *places: int) -> list[int]:
    ids = [page.panel.model.image_id(place) for place in places]
    page.grid.select_ids(ids, ids[0])
    page.grid.setFocus()
    return ids


def verdict(page: LibraryPage, image_id: int, name: str) -> Verdict:
    snapshot = page.session.snapshot()
    column = [entry.name for entry in snapshot.classes].index(name)
    return Verdict(int(snapshot.annotations[snapshot.row_of[image_id], column]))


def focus(page: LibraryPage, name: str, qtbot: QtBot) -> int:
    class_id = next(entry.id for entry in page.session.snapshot().classes if entry.name == name)
    qtbot.waitUntil(lambda: page.inspector.model.rowCount() > 0, timeout=WAIT_MS)
    page.inspector.focus_class(class_id)
    assert page.focus_class == class_id
    window = page.window()
    assert isinstance(window, MainWindow)
    qtbot.waitUntil(window.commands.action("image.present").isEnabled, timeout=WAIT_MS)
    return class_id


def test_p_a_and_u_annotate_the_selection_and_can_be_undone(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    ids = select(page, 0, 1)
    focus(page, "kite", qtbot)
    qtbot.waitUntil(lambda: window.commands.action("image.present").isEnabled())
    qtbot.keyClick(page.grid, Key.Key_P)
    assert [verdict(page, id_, "kite") for id_ in ids] == [Verdict.PRESENT] * 2
    qtbot.keyClick(page.grid, Key.Key_A)
    assert [verdict(page, id_, "kite") for id_ in ids] == [Verdict.ABSENT] * 2
    qtbot.keyClick(page.grid, Key.Key_U)
    assert [verdict(page, id_, "kite") for id_ in ids] == [Verdict.UNKNOWN] * 2
    control = Qt.KeyboardModifier.ControlModifier
    qtbot.keyClick(page.grid, Key.Key_Z, control)
    qtbot.keyClick(page.grid, Key.Key_Z, control)
    assert [verdict(page, id_, "kite") for id_ in ids] == [Verdict.PRESENT] * 2
    assert "kite: present" in window.commands.action("edit.undo").text()
    qtbot.keyClick(page.grid, Key.Key_Z, control | Qt.KeyboardModifier.ShiftModifier)
    assert [verdict(page, id_, "kite") for id_ in ids] == [Verdict.ABSENT] * 2


def test_verdicts_are_painted_in_the_cell_before_predictions(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    page = settled(launch(photos))
    page.session.settings.set(INSTANT, False)  # else the prediction soon agrees with the verdict
    (image_id,) = select(page, 0)
    page.pin_class(focus(page, "boat", qtbot), True)
    qtbot.keyClick(page.grid, Key.Key_P)
    place = page.panel.model.position_of(image_id)

    def shown() -> bool:
        cell = page.panel.model.cell(place)
        return any(chip.name == "boat" and chip.confirmed for chip in cell.chips)

    qtbot.waitUntil(shown, timeout=WAIT_MS)
    cell = page.panel.model.cell(place)
    assert cell.focus is Verdict.PRESENT
    assert cell.corrected
    assert cell.chips[0].name == "boat"
    assert len(cell.chips) > 1, "what is predicted follows"


def test_shift_return_makes_the_rest_absent_and_can_be_undone(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    (image_id,) = select(page, 2)
    focus(page, "dog", qtbot)
    qtbot.keyClick(page.grid, Key.Key_P)
    qtbot.waitUntil(lambda: window.commands.action("image.reviewed").isEnabled())
    qtbot.keyClick(page.grid, Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    snapshot = page.session.snapshot()
    row = snapshot.row_of[image_id]
    assert snapshot.reviewed[row]
    assert sorted(snapshot.annotations[row].tolist()) == [0, 0, 0, 0, 1]
    window.commands.trigger("edit.undo")
    snapshot = page.session.snapshot()
    assert not snapshot.reviewed[row]
    assert sorted(snapshot.annotations[row].tolist()) == [-1, -1, -1, -1, 1]


def test_arrow_keys_move_and_shift_extends(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    page = settled(launch(photos))
    select(page, 0)
    qtbot.keyClick(page.grid, Key.Key_Right)
    assert page.grid.current_id() == page.panel.model.image_id(1)
    qtbot.keyClick(page.grid, Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert page.grid.selected_positions().tolist() == [1, 2]
    qtbot.keyClick(page.grid, Key.Key_Home)
    assert page.grid.selected_positions().tolist() == [0]
    qtbot.keyClick(page.grid, Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert len(page.grid.selected_array().tolist()) == 12
    qtbot.waitUntil(lambda: page.panel.selected.text() == "12 selected")


def test_letters_run_commands_instead_of_searching_by_name(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    page = settled(launch(photos))
    select(page, 3)
    qtbot.keyClick(page.grid, Key.Key_D)
    assert page.grid.selected_positions().tolist() == [3]


def test_letters_typed_in_text_fields_give_no_verdicts(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    select(page, 0)
    qtbot.waitUntil(lambda: window.commands.action("image.present").isEnabled())
    find = page.inspector.findChild(QLineEdit, "find-class")
    assert isinstance(find, QLineEdit)
    page.panel.bar.open_popover()
    for widget in (page.panel.bar.popover.text, find, page.panel.bar.order, page.tree):
        widget.setFocus()
        qtbot.keyClicks(widget, "par")
    assert (page.session.snapshot().annotations == -1).all()
    assert not page.session.snapshot().reviewed.any()
    assert page.panel.bar.popover.text.text() == "par"
    find.clear()
    page.inspector.view.setFocus()
    qtbot.keyClick(page.inspector.view, Key.Key_P)
    assert (page.session.snapshot().annotations == 1).sum() == 1


def test_thumbnails_are_resized_by_commands_and_slider_within_limits(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    before = page.grid.zoom
    window.commands.trigger("view.zoom-in")
    assert page.grid.zoom == page.panel.zoom.value() == before + 20
    page.panel.zoom.setValue(300)
    assert page.grid.zoom == 300
    for _ in range(30):
        window.commands.trigger("view.zoom-out")
    assert page.grid.zoom == page.panel.zoom.minimum()
    window.commands.trigger("view.zoom-reset")
    assert page.grid.zoom == before


def test_copy_path_puts_every_path_on_the_clipboard(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    ids = select(page, 0, 1)
    qtbot.waitUntil(lambda: window.commands.action("image.copy-path").isEnabled())
    window.commands.trigger("image.copy-path")
    expected = "\n".join(str(page.session.images.path(id_)) for id_ in ids)
    qtbot.waitUntil(lambda: QGuiApplication.clipboard().text() == expected, timeout=WAIT_MS)


def test_the_inspector_follows_the_selection(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    page = settled(launch(photos))
    model = page.panel.model
    place = next(p for p in range(model.rowCount()) if model.cell(p).name == "cup_5.jpg")
    (image_id,) = select(page, place)
    qtbot.waitUntil(lambda: page.inspector.image_ids == [image_id], timeout=WAIT_MS)
    row = page.inspector.focused_class()
    assert row is not None
    assert row.name == "cup", "the class with the highest score is in focus at first"


def test_verdicts_survive_a_killed_process(photos: Path, home: Path) -> None:
    """Twenty corrections, then SIGKILL: all twenty are on disk."""
    library = home / "killed"
    script = Path(__file__).with_name("kill_after_verdicts.py")
    done = subprocess.run(
        [sys.executable, str(script), str(photos), str(library)],
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    with Catalogue.open(library) as catalogue:
        table = catalogue.images.table()
        classes = [entry.id for entry in catalogue.classes.all()]
        matrix = catalogue.annotations.matrix(table.ids, classes)
    assert int(np.sum(matrix >= 0)) == 20
