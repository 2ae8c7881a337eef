"""Delivers a session's notices, sent from any thread, on the window's thread.

A scan of 100,000 files sends notices faster than the window can show them.  Notices of which only
the latest counts, such as progress, are delivered ten times a second, and at once after a quiet
moment; all others at once, in order.
"""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from PySide6.QtCore import QObject, QTimer

from lmpt_desktop.engine.notices import (
    ActivityChanged,
    ImagesChanged,
    Notice,
    PredictionsChanged,
    PredictionsTaught,
    RunChanged,
)
from lmpt_desktop.ui.kit import tasks

TICK_MS = 100
"""Interval at which notices are delivered of which only the latest counts."""

NoticeT = TypeVar("NoticeT", bound=Notice)


class NoticeSender(Protocol):
    """The part of a session that the bridge uses."""

    def subscribe(self, listener: Callable[[Any], None], /) -> Callable[[], None]: ...


def _coalesced(notice: Notice) -> object | None:
    """The key under which only the latest notice counts; None if every notice counts."""
    if isinstance(notice, PredictionsTaught):
        return None  # shown at once: it answers a verdict
    if isinstance(notice, ImagesChanged | PredictionsChanged):
        return type(notice)
    if isinstance(notice, ActivityChanged):
        return (ActivityChanged, notice.activity.kind)
    if isinstance(notice, RunChanged):
        return (RunChanged, notice.run_id)
    return None


class SessionBridge(QObject):
    """Calls handlers of a session's notices on the thread that created it."""

    def __init__(self, session: NoticeSender, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lock = threading.Lock()
        self._waiting: dict[object, Notice] = {}
        self._urgent: list[Notice] = []
        self._handlers: dict[type[Notice], list[Callable[[Any], object]]] = defaultdict(list)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._deliver_waiting)
        self._delivered = -math.inf
        """When the last of those was."""
        self._open = True
        tasks.prepare()
        self._unsubscribe = session.subscribe(self.receive)

    def receive(self, notice: Notice) -> None:
        """Accept a notice; callable from any thread."""
        key = _coalesced(notice)
        with self._lock:
            if not self._open:
                return
            if key is None:
                wake = not self._urgent
                self._urgent.append(notice)
            else:
                wake = not self._waiting
                self._waiting.pop(key, None)  # the latest is delivered last
                self._waiting[key] = notice
        if wake:
            tasks.call_soon(self._wake)

    def on(self, kind: type[NoticeT], handler: Callable[[NoticeT], object]) -> None:
        """Call ``handler`` on the window's thread for every notice of type ``kind``."""
        self._handlers[kind].append(handler)

    def off(self, handler: Callable[[Any], object]) -> None:
        """Stop calling ``handler``; a dialog does so when it closes."""
        for handlers in self._handlers.values():
            while handler in handlers:
                handlers.remove(handler)

    def close(self) -> None:
        """Unsubscribe and drop undelivered notices."""
        with self._lock:
            self._open = False
            self._waiting.clear()
            self._urgent.clear()
        self._timer.stop()
        self._unsubscribe()

    def _wake(self) -> None:
        with self._lock:
            if not self._open:
                return
            urgent, self._urgent = self._urgent, []
            waiting = bool(self._waiting)
        for notice in urgent:
            self._deliver(notice)
        if waiting and not self._timer.isActive():
            if time.monotonic() - self._delivered > TICK_MS / 1000:
                self._deliver_waiting()
            else:
                self._timer.start()

    def _deliver_waiting(self) -> None:
        self._timer.stop()
        self._delivered = time.monotonic()
        with self._lock:
            waiting, self._waiting = list(self._waiting.values()), {}
        for notice in waiting:
            self._deliver(notice)

    def _deliver(self, notice: Notice) -> None:
        for kind, handlers in list(self._handlers.items()):
            if isinstance(notice, kind):
                for handler in list(handlers):
                    handler(notice)
