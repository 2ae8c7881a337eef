"""The long-tail page in the real window, by keyboard alone."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel
from pytestqt.qtbot import QtBot

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.window.main_window import MainWindow
from trainer.bands import Band

WAIT_MS = 30_000
Settled = Callable[[MainWindow], LibraryPage]


@pytest.fixture
def window(launch: Callable[..., MainWindow], settled: Settled, photos: Path) -> MainWindow:
    """Every photo is annotated with the classes in its file name, except boats."""
    window = launch(photos)
    session = settled(window).session
    snapshot = session.snapshot()
    for row, name in enumerate(snapshot.names):
        words = name.rpartition("/")[2].split("_")[0].split("+")
        shown = [item.id for item in snapshot.classes if item.name in words and item.name != "boat"]
        session.annotations.annotate([int(snapshot.image_ids[row])], shown, Verdict.PRESENT)
    return window


def opened(window: MainWindow, qtbot: QtBot) -> Any:
    """Press F4 and wait for the figures; gives the page (untyped, to import it no earlier)."""
    qtbot.keyClick(window, Qt.Key.Key_F4)
    assert window.page is not None
    pages = window.page.pages
    qtbot.waitUntil(lambda: pages.current == "long-tail", timeout=WAIT_MS)
    page: Any = pages.built("long-tail")
    qtbot.waitUntil(lambda: page.figures is not None, timeout=WAIT_MS)
    return page


def names_shown(page: LibraryPage) -> set[str]:
    model = page.panel.model
    return {model.cell(row).name for row in range(model.rowCount())}


def test_the_photos_of_a_class_are_reached_by_keyboard(window: MainWindow, qtbot: QtBot) -> None:
    tail_page = opened(window, qtbot)
    page = window.page
    assert page is not None
    assert QApplication.focusWidget() is tail_page.classes.chart
    qtbot.keyClick(tail_page.classes.chart, Qt.Key.Key_Home)
    assert tail_page.classes.sentence.text().startswith("dog:")
    qtbot.keyClick(tail_page.classes.chart, Qt.Key.Key_Return)
    assert page.pages.current == "grid"
    qtbot.waitUntil(
        lambda: (
            names_shown(page)
            == {"dog_1.jpg", "dog_2.jpg", "dog+person_3.jpg", "dog_6.jpg", "dog+boat_9.jpg"}
        ),
        timeout=WAIT_MS,
    )
    assert page.panel.bar.one_class == page.session.snapshot().classes[0].id


def test_a_pair_of_classes_opens_the_photos_with_both(window: MainWindow, qtbot: QtBot) -> None:
    tail_page = opened(window, qtbot)
    page = window.page
    assert page is not None
    tail_page.tabs.setCurrentIndex(1)
    together = tail_page.co_occurrence
    qtbot.waitUntil(lambda: together.found is not None, timeout=WAIT_MS)
    together.table.setFocus()
    together.table.selectRow(0)
    qtbot.keyClick(together.table, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.pages.current == "grid", timeout=WAIT_MS)
    qtbot.waitUntil(lambda: names_shown(page) == {"dog+person_3.jpg"}, timeout=WAIT_MS)


def test_an_example_of_every_class_makes_no_common_class_rare(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    """All classes used to become rare at once when half of them had an example."""
    window = launch(photos)
    page = settled(window)
    before = page.session.snapshot().bands
    assert Band.TAIL in before.bands and Band.MEDIUM in before.bands
    for column, entry in enumerate(page.session.snapshot().classes):
        row = int(page.session.snapshot().predicted[:, column].argmax())
        image = int(page.session.snapshot().image_ids[row])
        page.undo_stack.annotate([image], [entry.id], Verdict.PRESENT, entry.name)
        now = page.session.snapshot().bands
        assert abs(now.estimates - before.estimates).max() <= 1
        assert [band for band in before.bands if band is not Band.TAIL] == [
            band for band, old in zip(now.bands, before.bands, strict=True) if old is not Band.TAIL
        ]
    tail_page = opened(window, qtbot)
    qtbot.waitUntil(lambda: tail_page.figures.snapshot is page.session.snapshot(), timeout=WAIT_MS)
    link = tail_page.gap_links.findChild(QLabel, "gap-unjudged")
    sentence = link.accessibleName()
    link.setFocus()
    qtbot.keyClick(link, Qt.Key.Key_Return)
    model = tail_page.classes.model
    rare = {row.tail.names[row.column] for row in model.rows}
    bands = page.session.snapshot().bands.bands
    assert sentence.startswith(f"{len(rare)} rare class")
    for entry, band in zip(page.session.snapshot().classes, bands, strict=True):
        assert entry.name not in rare or band is Band.TAIL


def test_undo_updates_the_figures(window: MainWindow, qtbot: QtBot) -> None:
    tail_page = opened(window, qtbot)
    page = window.page
    assert page is not None
    boat = next(item for item in page.session.snapshot().classes if item.name == "boat")
    column = page.session.snapshot().column_of[boat.id]
    image = int(page.session.snapshot().image_ids[0])
    page.undo_stack.annotate([image], [boat.id], Verdict.PRESENT, "boat")
    qtbot.waitUntil(lambda: tail_page.figures.tail.present[column] == 1, timeout=WAIT_MS)
    qtbot.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: tail_page.figures.tail.present[column] == 0, timeout=WAIT_MS)


def test_the_page_is_saved_as_table_drawing_and_picture(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "tail"
    kinds = {"csv": "Table (*.csv)", "svg": "Drawing (*.svg)", "png": "Picture (*.png)"}
    opened(window, qtbot)
    for ending, kind in kinds.items():
        monkeypatch.setattr(
            QFileDialog, "getSaveFileName", lambda *_args, kind=kind: (str(target), kind)
        )
        window.commands.trigger("long-tail.export")
        qtbot.waitUntil((tmp_path / f"tail.{ending}").exists, timeout=WAIT_MS)
    with (tmp_path / "tail.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["class"]: row["present"] for row in csv.DictReader(file)}
    assert rows == {"dog": "5", "person": "3", "kite": "1", "cup": "2", "boat": "0"}
    assert b"<svg" in (tmp_path / "tail.svg").read_bytes()
    assert (tmp_path / "tail.png").read_bytes().startswith(b"\x89PNG")


def test_the_window_starts_without_the_plotting_library() -> None:
    code = "import sys, lmpt_desktop.ui.window.main_window; print('pyqtgraph' in sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert answer.stdout.strip() == "False"


def test_photos_selected_in_the_hidden_grid_cannot_be_annotated(
    window: MainWindow, qtbot: QtBot
) -> None:
    page = window.page
    assert page is not None
    first = page.panel.model.image_id(0)
    page.grid.select_ids([first], first)
    reviewed = window.commands.action("image.reviewed")
    qtbot.waitUntil(reviewed.isEnabled, timeout=WAIT_MS)
    opened(window, qtbot)
    assert not reviewed.isEnabled()
    qtbot.keyClick(window, Qt.Key.Key_F2)
    qtbot.waitUntil(reviewed.isEnabled, timeout=WAIT_MS)
