"""Two photos side by side in the real window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from lmpt_desktop.ui.compare.commands import NAME
from lmpt_desktop.ui.compare.page import ComparePage
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.shell.page_stack import GRID
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000
Settled = Callable[[MainWindow], LibraryPage]
Key = Qt.Key


@pytest.fixture
def page(launch: Callable[..., MainWindow], photos: Path, settled: Settled) -> LibraryPage:
    return settled(launch(photos))


def press(qtbot: QtBot, key: Qt.Key) -> None:
    where = QApplication.focusWidget()
    assert where is not None
    qtbot.keyClick(where, key)


def open_pair(page: LibraryPage, qtbot: QtBot, *positions: int) -> ComparePage:
    ids = page.panel.model.ids[list(positions)].tolist()
    page.grid.select_ids(ids, ids[0])
    page.grid.settle_selection()
    page.grid.setFocus()
    press(qtbot, Key.Key_C)
    assert page.pages.current == NAME
    shown = page.pages.currentWidget()
    assert isinstance(shown, ComparePage)
    seen(shown, qtbot)
    return shown


def seen(compare: ComparePage, qtbot: QtBot) -> None:
    def both() -> bool:
        return all(
            viewer.has_shown(image_id) or bool(viewer.canvas.message)
            for viewer, image_id in zip(compare.viewers, compare.image_ids, strict=True)
        )

    qtbot.waitUntil(both, timeout=WAIT_MS)


def test_two_selected_photos_are_shown_and_exchanged_by_keys(
    page: LibraryPage, qtbot: QtBot
) -> None:
    ids = page.panel.model.ids.tolist()
    compare = open_pair(page, qtbot, 1, 3)
    assert compare.image_ids == (ids[1], ids[3])
    press(qtbot, Key.Key_Right)
    assert compare.image_ids == (ids[1], ids[4])
    for _step in range(3):
        press(qtbot, Key.Key_Left)
    assert compare.image_ids == (ids[1], ids[0]), "the other photo is stepped over"
    press(qtbot, Key.Key_Tab)
    press(qtbot, Key.Key_Right)
    assert compare.image_ids == (ids[2], ids[0])
    seen(compare, qtbot)
    press(qtbot, Key.Key_Escape)
    assert page.pages.current == GRID and QApplication.focusWidget() is page.grid
    assert page.grid.selected_array().tolist() == [ids[2]]


def test_one_selected_photo_is_compared_with_the_next(page: LibraryPage, qtbot: QtBot) -> None:
    ids = page.panel.model.ids.tolist()
    assert open_pair(page, qtbot, 4).image_ids == (ids[4], ids[5])
    press(qtbot, Key.Key_Escape)
    last = len(page.session.snapshot().image_ids) - 1
    assert open_pair(page, qtbot, last).image_ids == (ids[last - 1], ids[last])


def test_both_photos_are_zoomed_and_moved_together(page: LibraryPage, qtbot: QtBot) -> None:
    compare = open_pair(page, qtbot, 0, 2)
    left, right = (viewer.canvas for viewer in compare.viewers)
    for _step in range(5):
        press(qtbot, Key.Key_Plus)
    assert left.part.zoom == pytest.approx(right.part.zoom) and right.part.zoom > 2
    left.pan(QPointF(-40, 20))
    assert (left.part.x, left.part.y) == pytest.approx((right.part.x, right.part.y), abs=0.02)
    assert left.part.x > 0.5
    zoom = left.part.zoom
    press(qtbot, Key.Key_Right)
    seen(compare, qtbot)
    assert left.part.zoom == right.part.zoom == pytest.approx(zoom), "also in the next photo"
    press(qtbot, Key.Key_0)
    assert left.is_fitted and right.is_fitted


def test_what_tells_the_photos_apart_is_named(page: LibraryPage, qtbot: QtBot) -> None:
    names = [name.rpartition("/")[2] for name in page.session.snapshot().names]
    ids = page.session.snapshot().image_ids.tolist()
    position_of = page.panel.model.position_of
    first = position_of(ids[names.index("dog+person_3.jpg")])
    second = position_of(ids[names.index("dog_1.jpg")])
    compare = open_pair(page, qtbot, first, second)
    place = compare.image_ids.index(ids[names.index("dog+person_3.jpg")])
    assert "Only here: person" in compare.facts[place].text()
    assert "Only here" not in compare.facts[1 - place].text()
    assert compare.shared.text() == "In both: dog"
