"""Work that outlives its widget answers nobody."""

from __future__ import annotations

import threading

import shiboken6
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from lmpt_desktop.ui.kit import tasks
from lmpt_desktop.ui.long_tail.tasks import Tasks

WAIT_MS = 10_000


def test_an_answer_for_a_widget_that_is_gone_is_dropped(qtbot: QtBot) -> None:
    widget, told = QWidget(), list[str]()
    began, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> str:
        began.set()
        may_end.wait(10)
        ended.set()
        return "late"

    Tasks(widget).start(work, told.append, lambda error: told.append(str(error)))
    qtbot.waitUntil(began.is_set, timeout=WAIT_MS)
    shiboken6.delete(widget)
    may_end.set()
    qtbot.waitUntil(ended.is_set, timeout=WAIT_MS)
    tasks.start(lambda: "after", told.append)
    qtbot.waitUntil(lambda: bool(told), timeout=WAIT_MS)
    assert told == ["after"]


def test_answers_and_errors_arrive_while_it_lives(qtbot: QtBot) -> None:
    widget, told = QWidget(), list[str]()
    qtbot.addWidget(widget)
    tasks = Tasks(widget)
    tasks.start(lambda: "done", told.append, lambda error: told.append(str(error)))
    qtbot.waitUntil(lambda: told == ["done"], timeout=WAIT_MS)

    def fail() -> str:
        raise OSError("no")

    tasks.start(fail, told.append, lambda error: told.append(str(error)))
    qtbot.waitUntil(lambda: told == ["done", "no"], timeout=WAIT_MS)
