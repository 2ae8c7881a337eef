from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import QThread
from pytestqt.qtbot import QtBot

from lmpt_desktop.engine.notices import (
    Activity,
    ActivityChanged,
    ActivityKind,
    ActivityState,
    AnnotationsChanged,
    ImagesChanged,
    Notice,
    Problem,
)
from lmpt_desktop.ui.kit import bridge as bridge_module
from lmpt_desktop.ui.kit.bridge import SessionBridge


class Sender:
    def __init__(self) -> None:
        self.listeners: list[Callable[[Any], None]] = []

    def subscribe(self, listener: Callable[[Any], None], /) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def send(self, notice: Notice) -> None:
        for listener in self.listeners:
            listener(notice)


@pytest.fixture
def sender() -> Sender:
    return Sender()


@pytest.fixture
def bridge(qapp: object, sender: Sender) -> SessionBridge:
    return SessionBridge(sender)


def progress(done: int, kind: ActivityKind = ActivityKind.SCAN) -> ActivityChanged:
    return ActivityChanged(Activity(kind, ActivityState.RUNNING, done, 1000))


def test_a_flood_from_another_thread_arrives_thinned_with_the_last_one_kept(
    bridge: SessionBridge, sender: Sender, qtbot: QtBot
) -> None:
    heard: list[ActivityChanged] = []
    threads: set[object] = set()
    home = QThread.currentThread()

    def hear(notice: ActivityChanged) -> None:
        heard.append(notice)
        threads.add(QThread.currentThread())

    bridge.on(ActivityChanged, hear)

    def flood() -> None:
        for done in range(1, 1001):
            sender.send(progress(done))
            sender.send(ImagesChanged())

    thread = threading.Thread(target=flood)
    thread.start()
    qtbot.waitUntil(lambda: bool(heard) and heard[-1].activity.done == 1000)
    thread.join()
    assert len(heard) < 100
    assert threads == {home}


def test_kinds_of_activity_do_not_hide_each_other(
    bridge: SessionBridge, sender: Sender, qtbot: QtBot
) -> None:
    heard: list[ActivityKind] = []
    bridge.on(ActivityChanged, lambda notice: heard.append(notice.activity.kind))
    sender.send(progress(1, ActivityKind.SCAN))
    sender.send(progress(1, ActivityKind.ENCODE))
    qtbot.waitUntil(lambda: len(heard) == 2)
    assert set(heard) == {ActivityKind.SCAN, ActivityKind.ENCODE}


def test_what_each_counts_arrives_whole_and_in_order(
    bridge: SessionBridge, sender: Sender, qtbot: QtBot
) -> None:
    heard: list[object] = []
    bridge.on(AnnotationsChanged, lambda notice: heard.append(notice.image_ids))
    bridge.on(Problem, lambda notice: heard.append(notice.title))
    sender.send(AnnotationsChanged((1,)))
    sender.send(Problem("full", "The disk is full."))
    sender.send(AnnotationsChanged((2,)))
    qtbot.waitUntil(lambda: len(heard) == 3)
    assert heard == [(1,), "full", (2,)]


def test_a_handler_taken_off_hears_no_more(
    bridge: SessionBridge, sender: Sender, qtbot: QtBot
) -> None:
    heard: list[Notice] = []
    gone: list[Notice] = []
    handler = gone.append
    bridge.on(Problem, handler)
    bridge.on(Problem, heard.append)
    bridge.off(handler)
    sender.send(Problem("a", "b"))
    qtbot.waitUntil(lambda: bool(heard))
    assert gone == []


def test_a_closed_bridge_is_silent_and_unsubscribed(
    bridge: SessionBridge, sender: Sender, qtbot: QtBot
) -> None:
    heard: list[Notice] = []
    bridge.on(Notice, heard.append)
    bridge.receive(Problem("a", "b"))
    bridge.close()
    qtbot.wait(30)
    assert heard == []
    assert sender.listeners == []


def test_the_first_of_many_notices_does_not_wait_for_the_next_ones(
    qapp: object, sender: Sender, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So long that what waits for it is never delivered here.
    monkeypatch.setattr(bridge_module, "TICK_MS", 10**8)
    bridge = SessionBridge(sender)
    heard: list[Notice] = []
    bridge.on(ImagesChanged, heard.append)
    bridge.on(AnnotationsChanged, heard.append)
    sender.send(ImagesChanged())
    qtbot.waitUntil(lambda: len(heard) == 1)
    sender.send(ImagesChanged())
    sender.send(AnnotationsChanged())
    qtbot.waitUntil(lambda: len(heard) == 2)
    assert isinstance(heard[1], AnnotationsChanged), "the second one of a kind waits"
    bridge.close()
