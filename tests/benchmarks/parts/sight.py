"""First sight of a folder in the real window: ``python parts/sight.py look|scroll|both FOLDER``;
see ``first_sight.py``.

A fresh library: the caller gives a data folder with nothing in it.  ``look`` keeps still until
the first screen has predictions and the scan has ended; ``scroll`` turns the wheel as soon as the
first screen is full.  ``both`` does that after the look.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

BEGAN = float(os.environ["SCALE_BEGAN"])
WAIT = 400.0
TICKS_A_SECOND = 20
SCROLL_SECONDS = 6.0
WHEEL_STEP = 120
"""One tick of a usual wheel, in eighths of a degree."""
SETTLE_SECONDS = 1.0
"""Between the painted window and the naming of the folder."""


def main(kind: str, folder: Path) -> None:
    gc.disable()  # as lmpt_desktop/__main__.py does
    from parts.figures import PARTS, peak_mb, resident_mb, row
    from parts.monitor import Monitor
    from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, Qt
    from PySide6.QtGui import QWheelEvent
    from PySide6.QtWidgets import QApplication

    from lmpt_desktop import app
    from lmpt_desktop.engine.notices import ActivityKind, ActivityState
    from lmpt_desktop.engine.session import Commands
    from lmpt_desktop.ui.shell.settings import ComputerSettings
    from lmpt_desktop.ui.window.library_opening import LibraryOpener

    class Painted(QObject):
        """When a widget was painted first."""

        def __init__(self, widget: Any) -> None:
            super().__init__()
            self.at = 0.0
            widget.installEventFilter(self)

        def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
            # The paint itself follows; it takes the few milliseconds of a frame.
            if event.type() == QEvent.Type.Paint and not self.at:
                self.at = time.monotonic()
            return False

    application = app.make_application()
    opener = None
    if os.environ.get("SCALE_QUICK"):
        os.environ["FAKE_ENCODER"] = "{}"
        pretended = Commands(encode=(sys.executable, str(PARTS / "pretend_encoder.py")))
        opener = LibraryOpener(lambda path: app.open_session(path, commands=pretended))
    window = app.make_window(ComputerSettings(Path(tempfile.mkdtemp()) / "window.ini"), opener)
    painted = Painted(window.welcome)
    monitor = Monitor(application)
    rows: list[list[Any]] = []
    window.resize(1400, 900)
    window.show()
    app.start(window, argparse.Namespace(folders=[], library=None))
    monitor.during(lambda: None, WAIT, lambda: bool(painted.at))
    settling = monitor.during(lambda: None, SETTLE_SECONDS)
    settling_gaps = monitor.gaps

    def add(name: str, value: float, unit: str, budget: float | None = None) -> None:
        rows.append(row(name, value, unit, budget))

    def pauses(phase: str, pause: float, busy: float, gaps: list[float] | None = None) -> None:
        over = sum(gap > 0.05 for gap in (monitor.gaps if gaps is None else gaps))
        add(f"{phase}: longest pause", pause, "ms", 50)
        add(f"{phase}: longest pause, CPU", busy, "CPU ms")
        add(f"{phase}: pauses over 50 ms", over, "times")

    def in_sight() -> tuple[list[int], set[int]]:
        """Ids of the cells in sight, and those of them that have a picture."""
        page = window.page
        if page is None or not page.grid.isVisible():
            return [], set()
        ids = page.grid.visible_ids()
        return ids, page.panel.loader.loaded_ids & set(ids)

    marks: dict[str, float] = {}

    def mark(name: str, reached: bool) -> None:
        if reached and name not in marks:
            marks[name] = time.monotonic()

    def filled() -> bool:
        ids, there = in_sight()
        # Until a screen of cells is there, all that are in sight may have pictures.
        whole = bool(ids) and window.page is not None and _is_full(window.page.grid)
        mark("cells", bool(ids))
        mark("first", bool(there))
        mark("half", whole and 2 * len(there) >= len(ids))
        mark("all", whole and len(there) == len(ids))
        return "all" in marks

    named, used = time.monotonic(), time.process_time()
    pause, busy = monitor.during(lambda: window.open_paths([folder]), WAIT, filled)
    assert filled(), "the first screen was not filled"
    page = window.page
    assert page is not None
    session = page.session
    if kind != "scroll":
        add("window painted", painted.at - BEGAN, "s", 1.0)
        pauses("the second after it", *settling, settling_gaps)
        add("folder named to the first cells", marks["cells"] - named, "s")
        add("folder named to the first thumbnail", marks["first"] - named, "s", 1.5)
        add("folder named to half the screen", marks["half"] - named, "s")
        add("folder named to every thumbnail in sight", marks["all"] - named, "s")
        add("the same, CPU of the window's process", time.process_time() - used, "CPU s")
        pauses("folder named until the screen is full", pause, busy)

        def scanned() -> bool:
            scan = session.activities.current().get(ActivityKind.SCAN)
            return scan is not None and scan.state is not ActivityState.RUNNING

        def predicted() -> bool:
            snapshot = page.panel.model.snapshot
            ids, _there = in_sight()
            if snapshot is not None and ids and len(snapshot.classes):
                found = [snapshot.row_of.get(image_id, -1) for image_id in ids]
                scored = [at >= 0 and bool(snapshot.scores[at, 0] >= -1e9) for at in found]
                mark("predicted", any(scored))
                mark("all predicted", all(scored))
            mark("scanned", scanned())
            return {"all predicted", "scanned"} <= marks.keys()

        pause, busy = monitor.during(lambda: None, WAIT, predicted)
        assert predicted(), "no predictions came, or the scan did not end"
        add("first thumbnail to the first prediction", marks["predicted"] - marks["first"], "s")
        late = marks["all predicted"] - marks["first"]
        add("first thumbnail to predictions of the whole screen", late, "s", 3.0)
        add("folder named to the end of the scan", marks["scanned"] - named, "s")
        pauses("until scanned and predicted", pause, busy)
    if kind != "look":
        bar, viewport = page.grid.verticalScrollBar(), page.grid.viewport()
        shares: list[float] = []
        frames: list[float] = []
        seen: set[int] = set()
        due = [time.monotonic()]

        def tick() -> bool:
            now = time.monotonic()
            if now < due[0]:
                return False
            due[0] = max(due[0] + 1 / TICKS_A_SECOND, now)
            ids, there = in_sight()
            seen.update(ids)
            shares.append(len(there) / max(1, len(ids)))
            place = QPointF(viewport.rect().center())
            event = QWheelEvent(
                place,
                QPointF(viewport.mapToGlobal(place.toPoint())),
                QPoint(),
                QPoint(0, -WHEEL_STEP),
                Qt.MouseButton.NoButton,
                Qt.KeyboardModifier.NoModifier,
                Qt.ScrollPhase.NoScrollPhase,
                False,
            )
            QApplication.sendEvent(viewport, event)
            begun = time.thread_time()
            viewport.repaint()
            frames.append(1000 * (time.thread_time() - begun))
            return False

        top = bar.value()
        pause, busy = monitor.during(lambda: None, SCROLL_SECONDS, tick)
        passed = 100 * statistics.fmean(shares)
        rows.append(row("scrolling: cells filled", passed, "%", 80, "higher"))
        add("scrolling: photos passed", len(seen), "")
        add("scrolling: pixels scrolled", bar.value() - top, "px")
        add("scrolling: frame, CPU", statistics.median(frames), "CPU ms", 16)
        pauses("scrolling", pause, busy)
    add(f"memory, {kind}", resident_mb(), "MB")
    add(f"most memory, {kind}", peak_mb(), "MB")
    window.close()
    print("\n" + json.dumps(rows), flush=True)
    window.opener.wait()
    os._exit(0)


def _is_full(grid: Any) -> bool:
    """Whether cells reach the lower edge of the view."""
    return grid.cells.scroll_range > 0


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
