"""Exceptions that nothing handled are logged with their traceback and told once."""

from __future__ import annotations

import gc
import logging
import sys
import threading
from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from lmpt_desktop.ui.shell.context import ShellContext
from lmpt_desktop.ui.shell.uncaught import LOG_EVERY_SECONDS, UncaughtErrors


class Told:
    def __init__(self) -> None:
        self.errors: list[Exception] = []
        self.now = 0.0
        self.hooks = UncaughtErrors(self.errors.append, lambda: self.now)

    def names(self) -> list[str]:
        return [str(error) for error in self.errors]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, qtbot: QtBot) -> Iterator[Told]:
    for place, name in ((sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook")):
        monkeypatch.setattr(place, name, getattr(place, name))  # put back in the end
    told = Told()
    told.hooks.install()
    yield told


def fail(text: str) -> None:
    raise ValueError(text)


def test_one_place_is_told_once_and_logged_once_a_minute(
    told: Told, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    button = QPushButton()
    qtbot.addWidget(button)
    button.clicked.connect(lambda: fail("in a slot"))
    for _ in range(1000):
        button.click()
    assert not told.errors, "told in the middle of what failed"
    qtbot.waitUntil(lambda: told.names() == ["in a slot"])
    assert [record.exc_info is not None for record in caplog.records] == [True]
    assert "in fail" in caplog.text and "raise ValueError(text)" in caplog.text
    told.now += LOG_EVERY_SECONDS
    button.click()
    assert len(caplog.records) == 2 and "999 times" in caplog.text
    assert told.names() == ["in a slot"]


def test_another_place_is_told_too(told: Told, qtbot: QtBot) -> None:
    for act in (lambda: fail("one"), lambda: int("two")):
        try:
            act()
        except ValueError as error:
            sys.excepthook(ValueError, error, error.__traceback__)
    qtbot.waitUntil(lambda: len(told.errors) == 2)


def test_a_thread_that_fails_is_told_of(told: Told, qtbot: QtBot) -> None:
    thread = threading.Thread(target=lambda: fail("in a thread"))
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: told.names() == ["in a thread"])


def test_a_destructor_that_fails_is_logged_only(
    told: Told, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing:
        def __del__(self) -> None:
            fail("in a destructor")

    Failing()
    gc.collect()
    qtbot.wait(10)
    assert "in a destructor" in caplog.text and not told.errors


def test_the_end_of_the_process_is_no_error_to_tell(
    told: Told, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    told.hooks.handle(KeyboardInterrupt, KeyboardInterrupt(), None)
    qtbot.wait(10)
    assert not told.errors and caplog.records[0].levelno == logging.CRITICAL


def test_what_the_user_reads(context: ShellContext) -> None:
    context.report_uncaught(KeyError("<b>x"))
    (note,) = context.notifications.shown
    assert note.message == "Something unexpected happened; the log has the details."
    assert "KeyError" in note.accessibleDescription()
