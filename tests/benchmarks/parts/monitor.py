"""How long the window's thread keeps the event loop waiting."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

QUICK_SHARE = 0.15 if os.environ.get("SCALE_QUICK") else 1.0
"""A run for correctness watches the window for this share of the time."""


class Monitor:
    """A timer that beats every millisecond; a gap between two beats is a pause of the loop.

    ``busiest`` is the most CPU time that this process (all its threads: one that holds Python's
    lock keeps the window waiting as well) used in one gap: what the app itself did there, without
    the time that other programs had the processor.
    """

    def __init__(self, application: QApplication) -> None:
        self._application = application
        self.clear()
        self._timer = QTimer()
        self._timer.timeout.connect(self._beat)
        self._timer.start(1)

    def clear(self) -> None:
        self._last, self._cpu = time.perf_counter(), time.process_time()
        self.worst = self.busiest = 0.0
        self.gaps: list[float] = []

    def _beat(self) -> None:
        now, cpu = time.perf_counter(), time.process_time()
        gap = now - self._last
        self.gaps.append(gap)
        self.worst = max(self.worst, gap)
        self.busiest = max(self.busiest, cpu - self._cpu)
        self._last, self._cpu = now, cpu

    def during(
        self, act: Callable[[], object], seconds: float, until: Callable[[], bool] | None = None
    ) -> tuple[float, float]:
        """Longest pause and most CPU time in one, in ms, from ``act`` on for ``seconds`` (or
        ``until`` holds)."""
        if until is None:
            seconds *= QUICK_SHARE
        self._application.processEvents()
        self.clear()
        begun = time.perf_counter()
        act()
        while time.perf_counter() - begun < seconds and not (until and until()):
            self._application.processEvents()
            time.sleep(0.0005)
        self._beat()
        return 1000 * self.worst, 1000 * self.busiest
