"""Every verdict moves the predictions: seen at once, and nothing jumps or is asked anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from lmpt_desktop.engine.notices import PredictionsTaught
from lmpt_desktop.inference.filters import Sort, SortKey
from lmpt_desktop.settings import INSTANT
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.review.commands import NAME, review_page
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000
Settled = Callable[[MainWindow], LibraryPage]
Key = Qt.Key


@pytest.fixture
def window(launch: Callable[..., MainWindow], photos: Path) -> MainWindow:
    return launch(photos)


@pytest.fixture
def page(window: MainWindow, settled: Settled) -> LibraryPage:
    return settled(window)


def _focus(page: LibraryPage, name: str, qtbot: QtBot) -> int:
    class_id = next(entry.id for entry in page.session.snapshot().classes if entry.name == name)
    qtbot.waitUntil(lambda: page.inspector.model.rowCount() > 0, timeout=WAIT_MS)
    page.inspector.focus_class(class_id)
    window = page.window()
    assert isinstance(window, MainWindow)
    qtbot.waitUntil(window.commands.action("image.present").isEnabled, timeout=WAIT_MS)
    return class_id


def _shown_ids(page: LibraryPage) -> list[int]:
    return [page.panel.model.image_id(i) for i in range(page.panel.model.rowCount())]


def test_cards_are_painted_with_new_scores_and_keep_their_places(
    window: MainWindow, page: LibraryPage, qtbot: QtBot
) -> None:
    page.panel.bar.set_sort(Sort(SortKey.SCORE))
    qtbot.waitUntil(lambda: page.panel.query.sort.key is SortKey.SCORE, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not page.panel.query._selecting.busy, timeout=WAIT_MS)
    snapshot = page.session.snapshot()
    last = next(i for i in _shown_ids(page)[::-1] if snapshot.scored[snapshot.row_of[i]])
    page.grid.select_ids([last], last)
    page.grid.setFocus()
    class_id = _focus(page, "kite", qtbot)
    before, places = page.session.snapshot(), _shown_ids(page)
    selected: list[object] = []
    page.panel.query.selected.connect(selected.append)
    told: list[object] = []
    page.bridge.on(PredictionsTaught, told.append)
    qtbot.keyClick(page.grid, Key.Key_P)
    qtbot.waitUntil(lambda: bool(told), timeout=WAIT_MS)
    column = before.column_of[class_id]

    def painted() -> bool:
        shown = page.panel.model.snapshot
        return shown is not None and shown.scores is page.session.snapshot().scores

    qtbot.waitUntil(painted, timeout=WAIT_MS)
    after = page.session.snapshot()
    row = after.row_of[last]
    assert after.scores[row, column] > before.scores[row, column]
    others = np.arange(len(after.classes)) != column
    np.testing.assert_array_equal(after.scores[:, others], before.scores[:, others])
    qtbot.wait(1000)  # longer than the grid waits until it selects rows again
    assert _shown_ids(page) == places
    assert page.grid.current_id() == last
    assert not selected, "the grid was neither emptied nor filled again"
    assert page.panel.bar.stale_button.isVisible()
    assert window.status.learning.isVisible()


def test_the_question_in_front_stays(window: MainWindow, page: LibraryPage, qtbot: QtBot) -> None:
    window.commands.trigger("view.review")
    qtbot.waitUntil(lambda: page.pages.current == NAME, timeout=WAIT_MS)
    review = review_page(page)
    assert review is not None
    qtbot.waitUntil(lambda: review.is_asking, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: review.viewer.has_shown(review.current_id), timeout=WAIT_MS)
    asked = [review.questions.current]
    order = list(review.questions._questions)
    told: list[object] = []
    page.bridge.on(PredictionsTaught, told.append)
    where = QApplication.focusWidget()
    assert where is not None
    qtbot.keyClick(where, Key.Key_P)
    qtbot.waitUntil(lambda: review.questions.current not in asked, timeout=WAIT_MS)
    following = review.questions.current
    qtbot.waitUntil(lambda: bool(told), timeout=WAIT_MS)
    qtbot.wait(500)
    assert review.questions.current is following
    assert list(review.questions._questions) == order


def test_it_is_switched_off_in_the_menu_and_stays_off(
    window: MainWindow, page: LibraryPage, qtbot: QtBot
) -> None:
    action = window.commands.action("model.instant")
    assert action.isCheckable()
    assert action.isChecked()
    action.trigger()
    qtbot.waitUntil(lambda: not page.session.settings.get(INSTANT), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not action.isChecked(), timeout=WAIT_MS)
    first = _shown_ids(page)[0]
    page.grid.select_ids([first], first)
    page.grid.setFocus()
    _focus(page, "kite", qtbot)
    before = page.session.snapshot().scores
    qtbot.keyClick(page.grid, Key.Key_P)
    assert page.session.wait_until_idle(30)
    np.testing.assert_array_equal(page.session.snapshot().scores, before)
    assert not window.status.learning.isVisible()
