"""Messages over the photos: they take no focus, and their counts are those of the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.review.commands import NAME, review_page
from lmpt_desktop.ui.shell.notifications import Notification
from lmpt_desktop.ui.training.suggestion import RetrainSuggestion
from lmpt_desktop.ui.window.main_window import MainWindow

WAIT_MS = 30_000
TITLE = "Retraining is worthwhile now"


@pytest.fixture
def window(launch: Callable[..., MainWindow], photos: Path) -> MainWindow:
    return launch(photos)


@pytest.fixture
def page(window: MainWindow, settled: Callable[[MainWindow], LibraryPage]) -> LibraryPage:
    return settled(window)


def suggestion_of(page: LibraryPage) -> RetrainSuggestion:
    found = page.findChild(RetrainSuggestion)
    assert found is not None
    return found


def annotate(page: LibraryPage, images: int, column: int = 0, first: int = 0) -> None:
    snapshot = page.session.snapshot()
    page.undo_stack.annotate(
        snapshot.image_ids[first : first + images].tolist(),
        [snapshot.classes[column].id],
        Verdict.PRESENT,
    )


def annotate_enough(page: LibraryPage) -> None:
    """As many as a retraining needs."""
    annotate(page, 12)
    annotate(page, 3, column=1)


def counted(page: LibraryPage) -> int:
    """New verdicts, counted in what the catalogue holds."""
    snapshot = page.session.snapshot()
    return int((snapshot.annotations == Verdict.PRESENT).sum())


def press(qtbot: QtBot, key: Qt.Key) -> None:
    """Press a key where the keyboard is, as a user does."""
    where = QApplication.focusWidget()
    assert where is not None
    qtbot.keyClick(where, key)


def test_review_keys_work_after_the_retrain_notice_is_closed_by_mouse(
    window: MainWindow, page: LibraryPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmpt_desktop.inference.advice.MIN_VERDICTS", 5)
    annotate_enough(page)
    window.commands.trigger("view.review")
    review = review_page(page)
    assert review is not None and page.pages.current == NAME

    def asked() -> bool:
        question = review.questions.current
        return question is not None and review.viewer.has_shown(question.image_id)

    qtbot.waitUntil(asked, timeout=WAIT_MS)
    place = review.canvas.geometry()
    suggestion_of(page).ask()

    def suggested() -> list[Notification]:
        return [note for note in window.notifications.shown if note.title == TITLE]

    qtbot.waitUntil(lambda: bool(suggested()), timeout=WAIT_MS)
    (note,) = suggested()
    assert review.canvas.geometry() == place, "a message must not move the photo"
    read = QAccessible.queryAccessibleInterface(note)
    assert read.text(QAccessible.Text.Name).startswith(TITLE)
    qtbot.mouseClick(note.close_button, Qt.MouseButton.LeftButton)
    assert suggested() == []
    qtbot.waitUntil(asked, timeout=WAIT_MS)
    question = review.questions.current
    assert question is not None
    before = page.undo_stack.stack.count()
    press(qtbot, Qt.Key.Key_P)
    qtbot.waitUntil(lambda: page.undo_stack.stack.count() == before + 1, timeout=WAIT_MS)


def test_a_message_is_reached_by_keyboard_and_gives_the_focus_back(
    window: MainWindow, page: LibraryPage, qtbot: QtBot
) -> None:
    page.grid.setFocus()
    note = window.notifications.notify("Title", "Message")
    assert page.grid.hasFocus()
    press(qtbot, Qt.Key.Key_F6)
    assert note.close_button.hasFocus()
    press(qtbot, Qt.Key.Key_Escape)
    assert window.notifications.shown == () and page.grid.hasFocus()


@pytest.mark.parametrize("seed", range(2))
def test_every_count_of_new_verdicts_is_the_catalogues(
    window: MainWindow,
    page: LibraryPage,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
) -> None:
    monkeypatch.setattr("lmpt_desktop.inference.advice.MIN_VERDICTS", 2)
    random = np.random.default_rng(seed)
    suggestion, action = suggestion_of(page), window.commands.action("model.retrain")
    annotate_enough(page)
    suggestion.ask()

    def suggested() -> list[Notification]:
        return [note for note in window.notifications.shown if note.title == TITLE]

    qtbot.waitUntil(lambda: bool(suggested()), timeout=WAIT_MS)

    def agrees() -> bool:
        count = counted(page)
        words = f"{count} new verdict{'' if count == 1 else 's'}"
        button = f"Retrain · {words}" if count else "Retrain"
        return action.iconText() == button and all(
            note.message.startswith(words) for note in suggested()
        )

    qtbot.waitUntil(agrees, timeout=WAIT_MS)
    for _step in range(6):
        match int(random.integers(3)):
            case 0:
                first = int(random.integers(4))
                annotate(page, 3, int(random.integers(1, 4)), first)
            case 1 if page.undo_stack.can_undo:
                page.undo_stack.undo()
            case _ if page.undo_stack.can_redo:
                page.undo_stack.redo()
        qtbot.waitUntil(lambda: page.undo_stack.settled, timeout=WAIT_MS)
        qtbot.waitUntil(agrees, timeout=WAIT_MS)
    while page.undo_stack.can_undo:
        page.undo_stack.undo()
        qtbot.waitUntil(lambda: page.undo_stack.settled, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not suggested(), timeout=WAIT_MS)
    qtbot.waitUntil(agrees, timeout=WAIT_MS)


def test_the_segment_of_the_page_in_front_is_checked(
    window: MainWindow, page: LibraryPage, qtbot: QtBot
) -> None:
    buttons = window.segments.buttons

    def checked() -> list[str]:
        return [name for name, button in buttons.items() if button.isChecked()]

    assert list(buttons) == ["grid", "review", "long-tail"] and checked() == ["grid"]
    page.grid.setFocus()
    qtbot.mouseClick(buttons["long-tail"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.pages.current == "long-tail", timeout=WAIT_MS)
    assert checked() == ["long-tail"]
    window.commands.trigger("view.missing")
    assert checked() == []
    qtbot.mouseClick(buttons["grid"], Qt.MouseButton.LeftButton)
    assert checked() == ["grid"] and page.grid.hasFocus()
    qtbot.mouseClick(buttons["grid"], Qt.MouseButton.LeftButton)
    assert checked() == ["grid"]


def test_full_screen_is_left_by_escape_or_the_key_and_keeps_the_window(
    window: MainWindow, page: LibraryPage, qtbot: QtBot
) -> None:
    window.commands.trigger("view.filters")
    shown = window.commands.action("view.filters").isChecked()
    page.grid.setFocus()
    press(qtbot, Qt.Key.Key_F11)
    action = window.commands.action("view.full-screen")
    qtbot.waitUntil(lambda: window.isFullScreen() and action.isChecked(), timeout=WAIT_MS)
    assert "Esc" in window.notifications.shown[0].message
    page.panel.search_bar.field.setFocus()
    press(qtbot, Qt.Key.Key_Escape)
    assert window.isFullScreen(), "in a field Escape keeps its meaning"
    page.grid.setFocus()
    press(qtbot, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not window.isFullScreen() and not action.isChecked(), timeout=WAIT_MS)
    assert window.commands.action("view.filters").isChecked() == shown
    assert window.toolbar.isVisible()
    window.commands.trigger("view.review")
    review = review_page(page)
    assert review is not None
    qtbot.waitUntil(lambda: review.questions.current is not None, timeout=WAIT_MS)
    press(qtbot, Qt.Key.Key_F11)
    qtbot.waitUntil(window.isFullScreen, timeout=WAIT_MS)
    press(qtbot, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not window.isFullScreen(), timeout=WAIT_MS)
    assert page.pages.current == NAME


def test_a_message_covers_neither_the_preview_nor_the_class_in_focus(
    window: MainWindow, page: LibraryPage, qtbot: QtBot
) -> None:
    notes = window.context.notifications
    notes.notify("Something happened", "It is worth a look.")
    page.grid.setFocus()

    def clear_of(part: QWidget) -> bool:
        place = QRect(part.mapTo(window, QPoint(0, 0)), part.size())
        over = QRect(notes.mapTo(window, QPoint(0, 0)), notes.size())
        return part.isVisible() and not place.intersects(over)

    qtbot.waitUntil(lambda: clear_of(page.focus_bar), timeout=WAIT_MS)
    page.grid.selectAll()
    qtbot.waitUntil(lambda: page.focus_class is not None, timeout=WAIT_MS)
    qtbot.keyClick(page.grid, Qt.Key.Key_P)
    qtbot.waitUntil(lambda: clear_of(page.preview_bar), timeout=WAIT_MS)
    qtbot.keyClick(page.preview_bar, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not page.preview_bar.asking, timeout=WAIT_MS)
    assert clear_of(page.focus_bar)
