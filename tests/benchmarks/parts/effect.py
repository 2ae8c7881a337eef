"""From a verdict to the first sight of what it taught: ``python parts/effect.py LIBRARY VERDICTS``.

In the grid of the real window a verdict is given by its key on a photo that has none on the class
in focus.  The clock stops after the first repaint, of cards or of the inspector's classes, in which
another photo on screen has a new score of that class.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from parts.answering import WAIT, rest, wait
from parts.figures import PARTS, row
from PySide6.QtCore import QEvent, QEventLoop, QObject, Qt, QTimer
from PySide6.QtTest import QTest

from lmpt_desktop import app
from lmpt_desktop.engine.session import Commands
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.shell.settings import ComputerSettings
from lmpt_desktop.ui.window.library_opening import LibraryOpener

BUDGET_MS = 100
PAUSE = 0.3
WARM_UP = 3
"""Verdicts before the clock counts: the first one learns everything that is annotated."""
FAR = 200
"""Photos, from the first on, among which the next one is chosen."""


class Watch(QObject):
    """Sees the grid and the inspector being painted, and says when another photo has a new score of
    a class.  Cards are repainted only where they look different."""

    def __init__(self, page: LibraryPage) -> None:
        super().__init__(page)
        self._page = page
        self._column = -1
        self._others: NDArray[np.int64] = np.empty(0, np.int64)
        self._scores: NDArray[np.float32] = np.empty(0, np.float32)
        self._loop = QEventLoop()
        self.done = self.busy = 0.0
        page.grid.viewport().installEventFilter(self)
        page.inspector.view.viewport().installEventFilter(self)

    def expect(self, image_id: int, column: int) -> None:
        """Watch the photos on screen but ``image_id``."""
        model, grid = self._page.panel.model, self._page.grid
        snapshot = model.snapshot
        assert snapshot is not None
        seen = [
            model.image_id(number)
            for number in range(min(FAR, model.rowCount()))
            if grid.visualRect(model.index(number, 0)).intersects(grid.viewport().rect())
        ]
        rows = [snapshot.row_of[other] for other in seen if other != image_id]
        assert rows, "no other photo is on screen"
        self._others, self._column, self.done = np.array(rows, np.int64), column, 0.0
        self._scores = snapshot.scores[self._others, column].copy()

    def wait(self) -> None:
        """Until it was painted, in the event loop as an application waits."""
        if not self.done:
            late = QTimer()
            late.setSingleShot(True)
            late.timeout.connect(self._loop.quit)
            late.start(int(1000 * WAIT))
            self._loop.exec()
        assert self.done, "no other photo's score has changed on screen"

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        snapshot = self._page.panel.model.snapshot
        if event.type() == QEvent.Type.Paint and self._column >= 0 and snapshot is not None:
            now = snapshot.scores[self._others, self._column]
            if not np.array_equal(now, self._scores):
                self._column = -1
                # After this repaint, which comes first.
                QTimer.singleShot(0, self._stop)
        return False

    def _stop(self) -> None:
        self.done, self.busy = time.perf_counter(), time.process_time()
        self._loop.quit()


def effects(page: LibraryPage, count: int) -> tuple[list[float], list[float]]:
    """Milliseconds of so many verdicts, by the clock and of CPU time (all threads)."""
    watch, times, busy = Watch(page), [], []
    commands = page.window().commands  # type: ignore[attr-defined]
    grid, model = page.grid, page.panel.model
    given = 0
    while len(times) < count:
        snapshot = page.session.snapshot()
        column = (7 * given) % len(snapshot.classes)
        open_ = (
            model.image_id(number)
            for number in range(min(FAR, model.rowCount()))
            if snapshot.annotations[snapshot.row_of[model.image_id(number)], column] < 0
        )
        image_id = next(open_, None)
        assert image_id is not None, "every photo has a verdict on this class"
        grid.select_ids([image_id], image_id)
        grid.setFocus()
        page.inspector.focus_class(snapshot.classes[column].id)
        action = commands.action("image.present")
        wait(action.isEnabled)
        rest(PAUSE)
        watch.expect(image_id, column)
        begun, used = time.perf_counter(), time.process_time()
        QTest.keyClick(grid, Qt.Key.Key_P if given % 3 == 0 else Qt.Key.Key_A)
        watch.wait()
        given += 1
        if given > WARM_UP:
            times.append(1000 * (watch.done - begun))
            busy.append(1000 * (watch.busy - used))
    return sorted(times), sorted(busy)


def main(library: Path, count: int) -> None:
    os.environ["FAKE_ENCODER"] = json.dumps({})
    commands = Commands(encode=(sys.executable, str(PARTS / "pretend_encoder.py")))
    application = app.make_application()
    opener = LibraryOpener(lambda path: app.open_session(path, commands=commands))
    window = app.make_window(ComputerSettings(Path(tempfile.mkdtemp()) / "w.ini"), opener)
    window.resize(1400, 900)
    window.show()
    window.activateWindow()
    window.open_library(library)

    def settled() -> bool:
        page = window.page
        if page is None or not page.panel.model.rowCount():
            return False
        return page.session.idle

    wait(settled)
    rest(1.0)
    page = window.page
    assert page is not None
    snapshot = page.session.snapshot()
    times, busy = effects(page, count)
    told = f"first effect of a verdict, {len(snapshot.images):,} images x {len(snapshot.classes)}"
    rows: list[list[Any]] = [
        row(f"{told}, median", statistics.median(times), "ms", BUDGET_MS),
        row(f"{told}, 95 %", times[len(times) * 95 // 100], "ms", BUDGET_MS),
        row(f"{told}, worst", times[-1], "ms", BUDGET_MS),
        row(f"{told}, CPU, median", statistics.median(busy), "CPU ms"),
        row(f"{told}, CPU, worst", busy[-1], "CPU ms"),
    ]
    application.processEvents()
    print("\n" + json.dumps(rows), flush=True)
    page.session.close()
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
