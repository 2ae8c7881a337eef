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
    window.resize(700, 400)
    layout = QVBoxLayout(window)
    area = NotificationArea(window)
    work = QLineEdit()
    work.setObjectName("work")
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


def test_a_long_message_is_whole_and_within_the_window(qtbot: Any) -> None:
    page = QWidget()
    qtbot.addWidget(page)
    area = NotificationArea(page)
    page.resize(420, 500)
    page.show()
    note = area.notify("Title", "A sentence of some length. " * 8)
    note.add_button("Do it", lambda: None)
    body = next(label for label in note.findChildren(QLabel) if label.text() == note.message)
    qtbot.waitUntil(lambda: body.height() >= body.heightForWidth(body.width()) > 0)
    assert page.rect().contains(area.geometry())
    assert area.rect().contains(note.geometry())
    page.resize(900, 300)
    qtbot.waitUntil(lambda: area.geometry().bottom() == 299)
    assert abs(area.geometry().center().x() - page.rect().center().x()) <= 1
    assert page.minimumSizeHint().width() < 420, "a message must not hold the window open"


def work_of(area: NotificationArea) -> QLineEdit:
    work = area.window().findChild(QLineEdit, "work")
    assert isinstance(work, QLineEdit)
    return work


def test_messages_below_each_other_are_equally_wide(area: NotificationArea) -> None:
    area.notify("Short", "A message")
    area.notify("Long", "A message that is so much longer that it needs more room than the other")
    first, second = (note.geometry() for note in area.shown)
    assert (first.left(), first.right()) == (second.left(), second.right())
    assert first.width() > notifications.MIN_WIDTH


def test_a_message_takes_no_focus_and_does_not_move_the_work(
    area: NotificationArea, qtbot: Any
) -> None:
    work = work_of(area)
    work.setFocus()
    place = work.geometry()
    note = area.notify("Title", "Message", "Details")
    button = note.add_button("Do it", lambda: None)
    toast = area.toast("Done", "Undo", lambda: None)
    qtbot.waitExposed(note)
    assert work.hasFocus() and work.geometry() == place
    for target in (note, button, *note.findChildren(QLabel), note.close_button):
        qtbot.mouseClick(target, Qt.MouseButton.LeftButton)
        assert work.hasFocus()
    assert area.shown == (toast,)
    qtbot.mouseClick(toast.close_button, Qt.MouseButton.LeftButton)
    assert area.shown == () and work.hasFocus()


def test_a_toast_replaces_the_one_before_it_and_no_other_message(
    area: NotificationArea, qtbot: Any
) -> None:
    pressed: list[str] = []
    note = area.notify("", "A message without a title")
    area.toast("First", "Undo", lambda: pressed.append("first"))
    second = area.toast("Second", "Undo", lambda: pressed.append("second"))
    assert area.shown == (second, note)
    qtbot.mouseClick(second.first_button(), Qt.MouseButton.LeftButton)
    assert pressed == ["second"] and area.shown == (note,)


def test_a_toast_goes_by_itself(
    area: NotificationArea, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "TOAST_MS", 10)
    area.toast("Done")
    qtbot.waitUntil(lambda: area.shown == ())


def test_a_text_changes_in_place(area: NotificationArea) -> None:
    note = area.notify("Title", "1 new verdict")
    width = note.width()
    note.set_message("1,234 new verdicts, of which some are on rare classes; it takes a minute")
    assert note.accessibleName().startswith("Title. 1,234") and note.width() > width


def test_the_focus_returns_to_where_it_was_before(area: NotificationArea, qtbot: Any) -> None:
    other = QLineEdit(area.window())
    other.show()
    other.setFocus()
    area.notify("Title", "Message")
    area.take_focus()
    qtbot.keyClick(area.shown[0].close_button, Qt.Key.Key_Escape)
    assert other.hasFocus()


def test_a_message_stays_above_what_asks_at_the_foot(area: NotificationArea, qtbot: Any) -> None:
    window = area.parentWidget()
    assert window is not None
    bar = QWidget(window)
    bar.setGeometry(0, 340, 700, 60)
    bar.hide()
    area.keep_clear_of(bar)
    area.notify("Title", "Message")
    assert area.geometry().bottom() > bar.y()
    bar.show()
    qtbot.waitUntil(lambda: area.geometry().bottom() < bar.y())
    bar.hide()
    qtbot.waitUntil(lambda: area.geometry().bottom() > bar.y())


def test_shadows_are_painted_once_for_the_messages_that_are_shown(area: NotificationArea) -> None:
    """The photos below are painted often, and with them what floats over them."""
    area.notify("First", "message")
    shadows = area._shadows()
    area.grab()
    area.grab()
    assert area._shadows() is shadows
    painted = shadows.toImage()
    assert painted.pixelColor(painted.width() // 2, 5).alpha() > 0  # above the message
    area.notify("Second", "message")
    assert area._shadows() is not shadows
