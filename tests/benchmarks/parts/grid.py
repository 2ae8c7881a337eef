"""The grid over ids without files: ``python parts/grid.py COUNT``; see ``scale.py``.

The real window and session over a catalogue of photos that are not there, offscreen; thumbnails
are one small JPEG.
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
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).parents[2] / "support"))

import numpy as np
from paper_library import photo_file
from parts.figures import resident_mb, row
from parts.library import BACKBONE, unit_rows
from parts.monitor import Monitor
from PIL import Image
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.engine.encoding.model_facts import ModelFacts, setting_name
from lmpt_desktop.engine.notices import AnnotationsChanged, ImagesChanged, PredictionsChanged
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.inference.filters import SortKey
from lmpt_desktop.ui.grid.view import GridView
from lmpt_desktop.ui.library.opened import Opened
from lmpt_desktop.ui.shell.settings import ComputerSettings
from lmpt_desktop.ui.window.library_opening import LibraryOpener
from lmpt_desktop.ui.window.main_window import MainWindow

CLASSES = 80
DIM = 64
FACTS = ModelFacts(DIM, 20.0, -3.5, ("{}",), "CPU", windows=0)
"""By which a random photo has six or seven classes."""
FRAMES = 200
WAIT = 60.0


def build(count: int, folder: Path) -> Path:
    """A catalogue of ``count`` images with features; the library's folder."""
    library = folder / "library"
    random = np.random.default_rng(0)
    files = [
        photo_file(f"year {n % 12}/day {n % 300}/photo {n:06}.jpg", fingerprint=f"{n + 1:032x}")
        for n in range(count)
    ]
    names = [f"class {number}" for number in range(CLASSES)]
    with Catalogue.open(library) as catalogue:
        ids = catalogue.images.upsert(catalogue.folders.add(folder / "photos").id, files)
        for name in names:
            catalogue.classes.add(name)
        catalogue.settings.set(setting_name(BACKBONE), FACTS.to_setting())
        texts = dict(zip(names, unit_rows(random, CLASSES, DIM), strict=True))
        catalogue.features.put_texts(BACKBONE, texts, FACTS.variant)
        for start in range(0, count, 4096):
            part = np.array(ids[start : start + 4096])
            catalogue.features.append(BACKBONE, part, unit_rows(random, len(part), DIM))
    return library


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
    library = build(count, folder)
    file = io.BytesIO()
    Image.new("RGB", (160, 120), "orange").save(file, "JPEG")
    jpeg = file.getvalue()

    def opened(path: Path) -> Opened:
        session = LibrarySession.open(path, encode=False, folders=[], begin=False)
        return Opened(
            session,
            lambda _id, _version, _size: jpeg,
            begin=session.begin,
            folders=tuple(session.folders.all()),
        )

    window = MainWindow(LibraryOpener(opened), ComputerSettings(folder / "w.ini"))
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
    measured("open", lambda: window.open_library(library), 2 * wait)
    monitor.during(lambda: None, WAIT, usable)
    page = window.page
    assert page is not None and usable(), time.perf_counter() - begun
    session = page.session
    while np.isnan(session.snapshot().scores[:1]).any():
        application.processEvents()
    grid, bar = page.grid, page.panel.bar
    press = functools.partial(QTest.keyClick, grid)
    key, shift = Qt.Key, Qt.KeyboardModifier.ShiftModifier
    measured("End key", lambda: press(key.Key_End), wait / 2)
    measured("Home key", lambda: press(key.Key_Home), wait / 2)
    measured("images changed", lambda: page.bridge.receive(ImagesChanged()))
    measured("predictions changed", lambda: page.bridge.receive(PredictionsChanged()))
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
    measured("one class", lambda: bar.set_class(session.snapshot().classes[5].id))
    measured("clear filters", bar.clear)
    ids = page.panel.model.ids[:10_000].tolist()
    measured("select 10,000", lambda: grid.select_ids(ids, ids[0]))
    measured("annotations changed", lambda: page.bridge.receive(AnnotationsChanged()))
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
