"""The grid over ids without files: ``python parts/grid.py COUNT``; see ``scale.py``.

The real page over a library's arrays in memory, offscreen; thumbnails are one small JPEG.
"""

from __future__ import annotations

import functools
import io
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).parents[2] / "unit" / "ui"))

import numpy as np
from conftest import (  # pyright: ignore[reportMissingImports]
    MemorySession,  # pyright: ignore[reportAttributeAccessIssue]
    make_snapshot,  # pyright: ignore[reportAttributeAccessIssue]
)
from parts.figures import resident_mb, row
from parts.monitor import Monitor
from PIL import Image
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.engine.notices import AnnotationsChanged, ImagesChanged, PredictionsChanged
from lmpt_desktop.inference.filters import SortKey, select
from lmpt_desktop.ui.grid.view import GridView
from lmpt_desktop.ui.shell.settings import ComputerSettings
from lmpt_desktop.ui.window.library_opening import LibraryOpener, Opened
from lmpt_desktop.ui.window.main_window import MainWindow

CLASSES = 80
FRAMES = 200


class LargeSession(MemorySession):
    """Selects as the real session does.  Verdicts are left to ``stalls.py``: here they would
    measure the stand-in."""

    def retrain_advice(self) -> None:
        """Nothing to suggest."""

    def select(self, wanted: Any, order: Any) -> np.ndarray:
        return select(self.snapshot_, wanted, order)


def build(count: int, folder: Path) -> LargeSession:
    names = [f"year {n % 12}/day {n % 300}/photo {n:06}.jpg" for n in range(count)]
    small = make_snapshot(count, names)
    rng = np.random.default_rng(0)
    scores = rng.random((count, CLASSES), dtype=np.float32) ** 6
    snapshot = replace(
        small,
        classes=tuple(ClassEntry(100 + i, f"class {i}", position=i) for i in range(CLASSES)),
        scores=scores,
        thresholds=np.full(CLASSES, 0.6, np.float32),
        trained=np.zeros(CLASSES, np.bool_),
        annotations=np.full((count, CLASSES), -1, np.int8),
    )
    return LargeSession(folder, snapshot, {}, folder / "library")


def half_by_rubber_band(grid: GridView) -> None:
    """Press at the top left, and draw a band over half the width to the very bottom."""
    view, middle = grid.viewport(), grid.viewport().width() // 2
    held = Qt.MouseButton.LeftButton
    grid.verticalScrollBar().setValue(0)
    QTest.mousePress(view, held, pos=QPoint(3, 3))
    for y in (200, 400):
        _move(grid, QPoint(middle, y))
    grid.verticalScrollBar().setValue(grid.verticalScrollBar().maximum())
    _move(grid, QPoint(middle, 400))
    QTest.mouseRelease(view, held, pos=QPoint(middle, 400))


def _move(grid: GridView, place: QPoint) -> None:
    """QTest moves without a button."""
    none, held = Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton
    at, shown = QPointF(place), QPointF(grid.viewport().mapToGlobal(place))
    event = QMouseEvent(
        QEvent.Type.MouseMove, at, shown, none, held, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(grid.viewport(), event)


def main(count: int) -> None:
    application = QApplication([])
    folder = Path(tempfile.mkdtemp())
    session = build(count, folder)
    file = io.BytesIO()
    Image.new("RGB", (160, 120), "orange").save(file, "JPEG")
    jpeg = file.getvalue()
    opened = Opened(cast(Any, session), lambda _id, _version, _size: jpeg)
    window = MainWindow(LibraryOpener(lambda _path: opened), ComputerSettings(folder / "w.ini"))
    window.resize(1400, 900)
    window.show()
    monitor = Monitor(application)
    rows: list[list[Any]] = []
    large = count >= 1_000_000
    wait = 6.0 if large else 3.0

    def measured(name: str, act: Callable[[], object], seconds: float = wait) -> None:
        pause, busy = monitor.during(act, seconds)
        rows.append(row(f"grid of {count:,}, {name}: longest pause", pause, "ms", 50))
        rows.append(row(f"grid of {count:,}, {name}: longest pause, CPU", busy, "CPU ms"))

    def usable() -> bool:
        page = window.page
        return page is not None and page.panel.model.rowCount() == count

    begun = time.perf_counter()
    measured("open", lambda: window.open_library(folder / "library"), 2 * wait)
    page = window.page
    assert page is not None and usable(), time.perf_counter() - begun
    grid, bar = page.grid, page.panel.bar
    press = functools.partial(QTest.keyClick, grid)
    key, shift = Qt.Key, Qt.KeyboardModifier.ShiftModifier
    measured("End key", lambda: press(key.Key_End), wait / 2)
    measured("Home key", lambda: press(key.Key_Home), wait / 2)
    measured("images changed", lambda: session.tell(ImagesChanged()))
    measured("predictions changed", lambda: session.tell(PredictionsChanged()))
    measured("select all", grid.selectAll)
    assert grid.selected_count() == count
    measured(
        "select all by Shift and End", lambda: (press(key.Key_Home), press(key.Key_End, shift))
    )
    assert grid.selected_count() == count
    measured("rubber band over half of it", lambda: half_by_rubber_band(grid))
    assert count // 4 < grid.selected_count() < count
    every_other = page.panel.model.ids[::2]
    measured("select every other", lambda: grid.select_ids(every_other, int(every_other[0])))
    first = page.panel.model.image_id(0)
    measured("select one", lambda: grid.select_ids([first], first))
    by_score = bar.order.findData(SortKey.SCORE)
    measured("sort by score", lambda: bar.order.setCurrentIndex(by_score))
    measured("one class", lambda: bar.set_class(105))
    measured("clear filters", bar.clear)
    ids = page.panel.model.ids[:10_000].tolist()
    measured("select 10,000", lambda: grid.select_ids(ids, ids[0]))
    measured("annotations changed", lambda: session.tell(AnnotationsChanged()))
    measured("resize", lambda: window.resize(1200, 800))
    measured("larger thumbnails", lambda: grid.set_zoom(220))
    scroll = grid.verticalScrollBar()
    frames, cpu = [], []
    for step in range(FRAMES):
        scroll.setValue(scroll.maximum() * step // FRAMES)
        begun, used = time.perf_counter(), time.thread_time()
        grid.viewport().repaint()
        frames.append(1000 * (time.perf_counter() - begun))
        cpu.append(1000 * (time.thread_time() - used))
        application.processEvents()
    name = f"grid of {count:,}, scroll frame"
    rows.append(row(name, statistics.median(frames), "ms", 16))
    rows.append(row(f"{name}, 95 %", sorted(frames)[FRAMES * 95 // 100], "ms", 16))
    rows.append(row(f"{name}, CPU", statistics.median(cpu), "CPU ms"))
    rows.append(row(f"grid of {count:,}, memory", resident_mb(), "MB"))
    window.close()
    print("\n" + json.dumps(rows), flush=True)
    # Worker threads of Qt and Python may still be on their way out.
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
