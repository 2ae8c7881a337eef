"""Answers questions by keys: ``python parts/answering.py LIBRARY VERDICTS PAUSE``."""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from parts.figures import PARTS, resident_mb, row
from parts.monitor import Monitor
from PySide6.QtCore import QEventLoop, QPointF, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from lmpt_desktop import app
from lmpt_desktop.engine.session import Commands
from lmpt_desktop.inference.queues import QueueKind
from lmpt_desktop.ui.review.commands import page_in_front
from lmpt_desktop.ui.review.page import ReviewPage
from lmpt_desktop.ui.shell.settings import ComputerSettings
from lmpt_desktop.ui.window.library_opening import LibraryOpener

WAIT = 300.0
MEDIAN_MS, WORST_MS = 30, 150
FRAMES = 120
KEYS = (Qt.Key.Key_A, Qt.Key.Key_A, Qt.Key.Key_P, Qt.Key.Key_A, Qt.Key.Key_P)


class Answerer:
    """Presses keys where the keyboard is and waits for the next photo."""

    def __init__(self, review: ReviewPage) -> None:
        self._review = review
        self._painted = -1
        review.canvas.painted.connect(self._paint)
        self.pressed = 0
        self.cpu: list[float] = []
        """Milliseconds of the window's thread alone, for each key."""

    def _paint(self, image_id: int) -> None:
        self._painted = image_id

    def until_painted(self) -> None:
        """Wait until the photo at hand is on screen, as an application does: in its event loop."""
        question = self._review.questions.current
        if question is None or self._painted == question.image_id:
            return
        loop = QEventLoop()
        watch = self._review.canvas.painted.connect(
            lambda image_id: loop.quit() if image_id == question.image_id else None
        )
        late = QTimer()
        late.setSingleShot(True)
        late.timeout.connect(loop.quit)
        late.start(int(1000 * WAIT))
        loop.exec()
        self._review.canvas.painted.disconnect(watch)
        assert self._painted == question.image_id, "no photo came"

    def begin(self) -> None:
        """Have questions."""
        self._review.ask(QueueKind.TAIL_FIRST)
        deadline = time.perf_counter() + WAIT
        while not self._review.is_asking:
            assert time.perf_counter() < deadline, self._review.end.sentence.text()
            QApplication.processEvents()
        self.until_painted()
        rest(0.3)

    def answer(self) -> float | None:
        """Press a key; milliseconds to the next photo, None where there was no next one."""
        # Now and then a photo is done with as a whole.
        key = Qt.Key.Key_Return if self.pressed % 10 == 9 else KEYS[self.pressed % len(KEYS)]
        self.pressed += 1
        focus = QApplication.focusWidget()
        assert focus is not None
        place = self._review.questions.position
        self._painted = -1
        begun, used = time.perf_counter(), time.thread_time()
        QTest.keyClick(focus, key)
        self.until_painted()
        took = 1000 * (time.perf_counter() - begun)
        self.cpu.append(1000 * (time.thread_time() - used))
        assert self._review.questions.position == place + 1, "the key was not heard"
        return took if self._review.questions.current is not None else None


def rest(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        QApplication.processEvents()
        time.sleep(0.001)


def answer(answerer: Answerer, review: ReviewPage, count: int, pause: float) -> list[float]:
    """Milliseconds of so many verdicts."""
    times: list[float] = []
    while len(times) < count:
        if review.questions.current is None:
            answerer.begin()
        took = answerer.answer()
        if took is not None:
            times.append(took)
        rest(pause)
    return times


def frames(review: ReviewPage) -> list[float]:
    """Milliseconds of each frame while a photo is zoomed and moved at full resolution."""
    canvas = review.canvas
    canvas.toggle()
    rest(1.5)
    times = []
    for step in range(FRAMES):
        begun = time.perf_counter()
        if step % 3:
            canvas.pan(QPointF(-7 if step % 40 < 20 else 7, 5 if step % 30 < 15 else -5))
        else:
            canvas.zoom(0.2 if step % 24 < 12 else -0.2, QPointF(200, 200))
        canvas.repaint()
        times.append(1000 * (time.perf_counter() - begun))
    canvas.fit()
    return times


def main(library: Path, count: int, pause: float) -> None:
    os.environ["FAKE_ENCODER"] = json.dumps({})
    commands = Commands(encode=(sys.executable, str(PARTS / "pretend_encoder.py")))
    application = app.make_application()
    opener = LibraryOpener(lambda path: app.open_session(path, commands=commands))
    window = app.make_window(ComputerSettings(Path(tempfile.mkdtemp()) / "w.ini"), opener)
    window.resize(1400, 900)
    window.show()
    window.activateWindow()
    monitor = Monitor(application)
    rows: list[list[Any]] = []
    window.open_library(library)

    def settled() -> bool:
        page = window.page
        if page is None or not page.panel.model.rowCount():
            return False
        session = page.session
        return session.idle

    wait(settled)
    rest(1.0)
    page = window.page
    assert page is not None
    images = len(page.session.snapshot().images)
    title = f"verdicts among {images:,} images"

    def show_first() -> None:
        window.commands.trigger("view.review")

    def asks() -> bool:
        review = page_in_front(window.context)
        return review is not None and review.is_asking and review.canvas.showing

    begun = time.perf_counter()
    pause_ms, _busy = monitor.during(show_first, WAIT, asks)
    rows.append(row(f"{title}: F3 to the first photo", time.perf_counter() - begun, "s"))
    rows.append(row(f"{title}: longest pause meanwhile", pause_ms, "ms", 50))
    monitor._timer.stop()  # it would take part in what follows
    review = page_in_front(window.context)
    assert review is not None
    rest(0.5)
    answerer = Answerer(review)
    answerer._painted = review.canvas.image_id
    for name, seconds in (("", pause), (", without a pause", 0.0)):
        answerer.cpu.clear()
        times = sorted(answer(answerer, review, count, seconds))
        told = f"{title}{name}: key to the next photo"
        budgets = (MEDIAN_MS, WORST_MS) if not name else (None, None)
        rows.append(row(f"{told}, median", statistics.median(times), "ms", budgets[0]))
        rows.append(row(f"{told}, 95 %", times[len(times) * 95 // 100], "ms"))
        rows.append(row(f"{told}, worst", times[-1], "ms", budgets[1]))
        rows.append(row(f"{told}, CPU, median", statistics.median(answerer.cpu), "CPU ms"))
        rows.append(row(f"{told}, CPU, worst", max(answerer.cpu), "CPU ms"))
    moved = sorted(frames(review))
    rows.append(row(f"{title}: zoom and pan, frame", statistics.median(moved), "ms", 16))
    rows.append(row(f"{title}: zoom and pan, frame, worst", moved[-1], "ms"))
    rows.append(row(f"{title}: memory", resident_mb(), "MB"))
    print("\n" + json.dumps(rows), flush=True)
    page.session.close()
    os._exit(0)


def wait(until: Callable[[], bool]) -> None:
    deadline = time.perf_counter() + WAIT
    while not until():
        assert time.perf_counter() < deadline
        QApplication.processEvents()
        time.sleep(0.001)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
