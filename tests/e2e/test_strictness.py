"""Fewer and surer tags, or more and looser ones: seen at once, by keyboard, kept by the library."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from lmpt_desktop.domain.strictness import Strictness
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.library.strictness_texts import STEPS
from lmpt_desktop.ui.review.page import ReviewPage
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000
Settled = Callable[[MainWindow], LibraryPage]
Key = Qt.Key
CONTROL_SHIFT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


@pytest.fixture(autouse=True)
def doubtful_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its scores of other classes are not far below the threshold."""
    monkeypatch.setenv("FAKE_ENCODER", '{"bias": -2}')


def select(page: LibraryPage, name: str, qtbot: QtBot) -> int:
    images = page.session.snapshot().images
    image = int(images.ids[images.names.index(name)])
    page.grid.select_ids([image], image)
    page.grid.setFocus()
    page.grid.settle_selection()
    qtbot.waitUntil(lambda: page.inspector.image_ids == [image], timeout=WAIT_MS)
    return image


def classes_on_card(page: LibraryPage, image: int) -> int:
    """How many classes the card of a photo shows or counts."""
    cell = page.panel.model.cell(page.panel.model.position_of(image))
    return len(cell.chips) + cell.more


def at_rest(page: LibraryPage) -> bool:
    """What was counted and written for the strictness is there, and painted."""
    shown = page.panel.model.snapshot
    newest = page.session.snapshot()
    return not page.strictness.busy and shown is not None and shown.version == newest.version


def test_a_key_changes_the_cards_and_what_confirm_would_do_and_no_annotation(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    image = select(page, "dog_1.jpg", qtbot)
    before = page.session.snapshot().annotations
    confirm = page.inspector.confirm.confirm
    qtbot.waitUntil(lambda: "1 present" in confirm.text(), timeout=WAIT_MS)
    few = classes_on_card(page, image)
    for _press in range(STEPS):
        qtbot.keyClick(page.grid, Key.Key_BracketRight)
    qtbot.waitUntil(lambda: "Strictness +10" in window.status.currentMessage(), timeout=WAIT_MS)
    assert page.strictness.text() == "Strictness +10"
    for _press in range(2 * STEPS):
        qtbot.keyClick(page.grid, Key.Key_BracketLeft)
    row = page.session.snapshot().row_of[image]
    expected = int(page.session.snapshot().predicted[row].sum())
    assert expected > few
    qtbot.waitUntil(lambda: classes_on_card(page, image) == expected, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: f"{expected} present" in confirm.text(), timeout=WAIT_MS)
    qtbot.keyClick(page.grid, Key.Key_BracketLeft)  # it is as loose as can be
    assert page.strictness.text() == "Strictness −10"
    assert page.session.snapshot().annotations is before
    assert not page.undo_stack.can_undo


def test_the_panel_is_used_by_keyboard_alone(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    select(page, "dog_1.jpg", qtbot)
    popover = page.strictness.popover
    qtbot.keyClick(page.grid, Key.Key_T, CONTROL_SHIFT)
    qtbot.waitUntil(popover.isVisible, timeout=WAIT_MS)
    assert popover.slider.hasFocus()
    qtbot.waitUntil(lambda: "tags per photo" in popover.average.text(), timeout=WAIT_MS)
    assert "20 more verdicts" in popover.precision.text()
    plain = popover.average.text()
    qtbot.keyClick(popover.slider, Key.Key_Home)
    assert page.session.strictness.now == Strictness(-1)
    qtbot.waitUntil(lambda: popover.average.text() != plain, timeout=WAIT_MS)
    qtbot.keyClick(popover.slider, Key.Key_Tab)
    assert popover.class_button.hasFocus()
    qtbot.keyClick(popover.class_button, Key.Key_Space)
    picker = popover.class_button.picker
    qtbot.waitUntil(picker.search.isVisible, timeout=WAIT_MS)
    qtbot.keyClicks(picker.search, "kite")
    qtbot.keyClick(picker.search, Key.Key_Return)
    kite = popover.class_button.class_id
    assert kite is not None
    assert popover.class_slider.isEnabled()
    popover.class_button.setFocus()
    qtbot.keyClick(popover.class_button, Key.Key_Tab)
    assert popover.class_slider.hasFocus()
    for _press in range(3):
        qtbot.keyClick(popover.class_slider, Key.Key_Right)
    assert page.session.strictness.now == Strictness(-1, {kite: 0.3})
    assert popover.class_text.text() == "kite: surer than the rest (+3)"
    (row,) = popover.override_rows
    qtbot.keyClick(popover.class_slider, Key.Key_Tab)
    qtbot.keyClick(row.name, Key.Key_Tab)
    assert row.remove.hasFocus()
    qtbot.keyClick(row.remove, Key.Key_Space)
    assert popover.override_rows == []
    assert page.session.strictness.now == Strictness(-1)
    popover.reset.setFocus()
    qtbot.keyClick(popover.reset, Key.Key_Space)
    assert page.session.strictness.now.is_neutral
    assert not popover.reset.isEnabled()
    assert QApplication.focusWidget() is popover.slider
    qtbot.keyClick(popover, Key.Key_Escape)
    qtbot.waitUntil(lambda: not popover.isVisible(), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: at_rest(page), timeout=WAIT_MS)


def test_a_class_of_its_own_is_opened_from_the_inspector_and_kept_by_the_library(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    select(page, "dog_1.jpg", qtbot)
    dog = next(entry.id for entry in page.session.snapshot().classes if entry.name == "dog")
    row = page.inspector.model.class_of(dog)
    assert row is not None
    menu = page.inspector.view.menu_of(row)
    next(action for action in menu.actions() if "trictness" in action.text()).trigger()
    popover = page.strictness.popover
    qtbot.waitUntil(popover.isVisible, timeout=WAIT_MS)
    assert popover.class_button.class_id == dog
    assert popover.class_slider.hasFocus()
    qtbot.keyClick(popover.class_slider, Key.Key_End)
    assert page.strictness.text().endswith("*")
    popover.close()
    window.close_library()
    qtbot.waitUntil(lambda: window.page is None, timeout=WAIT_MS)
    window.open_paths([photos])
    qtbot.waitUntil(lambda: window.page is not None, timeout=WAIT_MS)
    again = settled(window)
    assert again.session.snapshot().strictness == Strictness(0, {dog: 1.0})
    assert again.strictness.text() == "Strictness *"


def test_review_confirms_what_it_shows_after_a_change(
    launch: Callable[..., MainWindow], settled: Settled, photos: Path, qtbot: QtBot
) -> None:
    window = launch(photos)
    page = settled(window)
    image = select(page, "dog_1.jpg", qtbot)
    qtbot.keyClick(page.grid, Key.Key_Return)
    qtbot.waitUntil(lambda: page.pages.current == "review", timeout=WAIT_MS)
    review = page.pages.currentWidget()
    assert isinstance(review, ReviewPage)
    qtbot.waitUntil(lambda: review.viewer.has_shown(image), timeout=WAIT_MS)
    assert "1 present" in review.side.done.text()
    for _press in range(STEPS):
        qtbot.keyClick(review.canvas, Key.Key_BracketLeft)
    snapshot = page.session.snapshot()
    count = int(np.count_nonzero(snapshot.predicted[snapshot.row_of[image]]))
    assert count > 1
    qtbot.waitUntil(lambda: f"{count} present" in review.side.done.text(), timeout=WAIT_MS)
