"""Messages beside the work: stacked, dismissed by mouse, keyboard or time, and read aloud."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QLabel, QLineEdit, QVBoxLayout, QWidget

from lmpt_desktop.ui.shell import notifications
from lmpt_desktop.ui.shell.notifications import MAX_SHOWN, NotificationArea


@pytest.fixture
def area(qtbot: Any) -> NotificationArea:
    window = QWidget()
    qtbot.addWidget(window)
    layout = QVBoxLayout(window)
    area = NotificationArea()
    work = QLineEdit()
    work.setObjectName("work")
    layout.addWidget(area)
    layout.addWidget(work)
    area.focus_left.connect(work.setFocus)
    area.window_for_test = window  # type: ignore[attr-defined]
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    return area


def test_the_newest_few_are_shown_and_a_repeated_one_replaces_the_first(
    area: NotificationArea,
) -> None:
    for number in range(MAX_SHOWN + 2):
        area.notify(f"Title {number}", "Message")
    area.notify("Title 3", "Again")
    titles = [note.title for note in area.shown]
    assert titles[0] == "Title 3" and len(titles) == len(set(titles)) <= MAX_SHOWN
    area.clear()
    assert area.isHidden()


def test_a_screen_reader_gets_title_message_and_details(area: NotificationArea) -> None:
    note = area.notify("The disk is full", "Free some space.", "errno 28")
    assert note.accessibleName() == "The disk is full. Free some space."
    assert note.accessibleDescription() == "errno 28"
    assert note.close_button.accessibleName() == "Dismiss"


def test_the_keyboard_reaches_a_message_and_goes_back_to_work(
    area: NotificationArea, qtbot: Any
) -> None:
    pressed: list[str] = []
    first = area.notify("First", "Message")
    note = area.notify("Second", "Message")
    button = note.add_button("Do it", lambda: pressed.append("done"))
    area.take_focus()
    assert button.hasFocus()
    qtbot.keyClick(button, Qt.Key.Key_Space)
    assert pressed == ["done"]
    qtbot.keyClick(button, Qt.Key.Key_Escape)
    assert area.shown == (first,) and first.close_button.hasFocus()
    qtbot.keyClick(first.close_button, Qt.Key.Key_Space)
    assert area.shown == ()
    work = area.window_for_test.findChild(QLineEdit, "work")  # type: ignore[attr-defined]
    assert work.hasFocus()


def test_good_news_passes_but_not_under_the_keyboard(
    area: NotificationArea, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "AUTO_DISMISS_MS", 10)
    problem = area.notify("Problem", "It stays.")
    news = area.notify("News", "It goes.")
    area.take_focus()
    news.dismiss_later()
    rounds: list[object] = []
    [timer] = news.findChildren(QTimer)
    timer.timeout.connect(lambda: rounds.append(None))
    qtbot.waitUntil(lambda: len(rounds) >= 2)
    assert news in area.shown
    area.window_for_test.findChild(QLineEdit, "work").setFocus()  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: area.shown == (problem,))


def test_a_long_message_is_whole_and_takes_no_more_height_than_its_width_needs(
    qtbot: Any,
) -> None:
    page = QWidget()
    qtbot.addWidget(page)
    layout = QVBoxLayout(page)
    layout.addWidget(area := NotificationArea())
    layout.addStretch(1)
    page.resize(900, 500)
    page.show()
    note = area.notify("Title", "A sentence of some length. " * 8)
    body = next(label for label in note.findChildren(QLabel) if label.wordWrap())
    qtbot.waitUntil(lambda: body.height() >= body.heightForWidth(body.width()) > 0)
    assert area.minimumSizeHint().height() <= area.heightForWidth(area.width())
