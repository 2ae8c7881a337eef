"""How long the window's thread is held up with 100,000 images and 80 classes.

``python tests/benchmarks/grid_100k.py [IMAGES]`` builds a library's arrays in memory, shows the
real page offscreen, and prints the longest pause of the event loop per action, and the time
per frame while scrolling.  No photo is decoded: thumbnails come as one small JPEG.
"""

from __future__ import annotations

import io
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "ui"))

import numpy as np
from conftest import MemorySession, make_snapshot  # pyright: ignore[reportMissingImports]
from PIL import Image
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from lmpt_desktop.catalogue.records import ClassEntry
from lmpt_desktop.engine.notices import AnnotationsChanged, ImagesChanged, PredictionsChanged
from lmpt_desktop.engine.views import Verdict
from lmpt_desktop.inference.filters import SortKey, select
from lmpt_desktop.ui.main_window import MainWindow
from lmpt_desktop.ui.memory import WindowMemory
from lmpt_desktop.ui.opener import LibraryOpener, Opened

CLASSES = 80


class LargeSession(MemorySession):
    """Selects as the real session does."""

    def select(self, wanted: Any, order: Any) -> np.ndarray:
        return select(self.snapshot_, wanted, order)


class Monitor:
    """The longest time between two turns of the event loop."""

    def __init__(self, application: QApplication) -> None:
        self._application = application
        self._last = time.perf_counter()
        self.worst = 0.0
        self._timer = QTimer()
        self._timer.timeout.connect(self._beat)
        self._timer.start(1)

    def _beat(self) -> None:
        now = time.perf_counter()
        self.worst = max(self.worst, now - self._last)
        self._last = now

    def during(self, name: str, act: Callable[[], object], seconds: float) -> None:
        self._application.processEvents()
        self._beat()
        self.worst = 0.0
        begun = time.perf_counter()
        act()
        called = time.perf_counter() - begun
        while time.perf_counter() - begun < seconds:
            self._application.processEvents()
            time.sleep(0.0005)
        print(f"{name:42} call {called * 1e3:7.1f} ms   longest pause {self.worst * 1e3:7.1f} ms")


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


def main(count: int) -> None:
    application = QApplication([])
    folder = Path(tempfile.mkdtemp())
    session = build(count, folder)
    file = io.BytesIO()
    Image.new("RGB", (160, 120), "orange").save(file, "JPEG")
    jpeg = file.getvalue()
    opened = Opened(cast(Any, session), lambda _id, _version, _size: jpeg)
    window = MainWindow(LibraryOpener(lambda _path: opened), WindowMemory(folder / "w.ini"))
    window.resize(1400, 900)
    window.show()
    monitor = Monitor(application)
    monitor.during("open", lambda: window.open_library(folder / "library"), 4)
    page = window.page
    assert page is not None
    assert page.panel.model.rowCount() == count
    grid, bar = page.grid, page.panel.bar
    monitor.during("images changed (as a scan tells)", lambda: session.tell(ImagesChanged()), 3)
    monitor.during("predictions changed", lambda: session.tell(PredictionsChanged()), 3)
    monitor.during("select all", grid.selectAll, 2)
    first = page.panel.model.image_id(0)
    monitor.during("select one", lambda: grid.select_ids([first], first), 2)
    by_score = bar.order.findData(SortKey.SCORE)
    monitor.during("sort by score", lambda: bar.order.setCurrentIndex(by_score), 3)
    monitor.during("one class", lambda: bar.set_class(105), 3)
    monitor.during("clear filters", bar.clear, 3)
    ids = page.panel.model.ids[:10_000].tolist()
    monitor.during("select 10,000", lambda: grid.select_ids(ids, ids[0]), 2)
    monitor.during(
        "annotate 10,000 (memory session)",
        lambda: page.desk.annotate(ids, [105], Verdict.PRESENT, "class 5"),
        3,
    )
    monitor.during("undo", page.desk.undo, 3)
    monitor.during("annotations changed", lambda: session.tell(AnnotationsChanged()), 2)
    monitor.during("resize", lambda: window.resize(1200, 800), 2)
    monitor.during("larger thumbnails", lambda: grid.set_zoom(220), 2)
    scroll = grid.verticalScrollBar()
    frames = []
    for step in range(200):
        scroll.setValue(scroll.maximum() * step // 200)
        begun = time.perf_counter()
        grid.viewport().repaint()
        frames.append(time.perf_counter() - begun)
        application.processEvents()
    frames.sort()
    print(f"scroll frame: median {frames[100] * 1e3:.1f} ms, 95 % {frames[190] * 1e3:.1f} ms")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:.0f} MB")
    window.close()
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
