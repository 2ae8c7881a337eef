"""The real window on a library: ``python parts/start.py LIBRARY``; see ``scale.py``.

From the start of the process (``SCALE_BEGAN``, set just before) to the first painted grid with
thumbnails; then the memory at each stage.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

DECODER = "trainer.decode_worker"
BEGAN = float(os.environ["SCALE_BEGAN"])
WAIT = 240.0


def main(library: Path) -> None:
    entered = time.monotonic() - BEGAN
    gc.disable()  # as lmpt_desktop/__main__.py does
    from lmpt_desktop import app

    imported = time.monotonic() - BEGAN
    from parts.figures import resident_mb, row
    from parts.monitor import Monitor
    from PySide6.QtCore import QEvent, QObject

    from lmpt_desktop.ui.shell.settings import ComputerSettings

    class FirstPaint(QObject):
        """When the grid was painted first, and first with every thumbnail in sight."""

        def __init__(self, page: Any) -> None:
            super().__init__()
            self.page, self.grid, self.full = page, 0.0, 0.0
            page.grid.viewport().installEventFilter(self)

        def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
            # The paint itself follows; it takes the few milliseconds of a scroll frame.
            if event.type() == QEvent.Type.Paint and self.page.panel.model.rowCount():
                self.grid = self.grid or time.monotonic() - BEGAN
                loader = self.page.panel.loader
                if not self.full and loader.loaded_ids and not loader.busy:
                    self.full = time.monotonic() - BEGAN
            return False

    application = app.make_application()
    settings = Path(tempfile.mkdtemp()) / "window.ini"
    window = app.make_window(ComputerSettings(settings))
    monitor = Monitor(application)
    rows: list[list[Any]] = []
    painted: list[FirstPaint] = []
    window.context.opened.connect(lambda page: painted.append(FirstPaint(page)))
    window.show()
    shown = time.monotonic() - BEGAN

    def begin() -> None:
        window.open_library(library)

    cpu: list[float] = []

    def there() -> bool:
        if painted and painted[0].grid and not cpu:
            cpu.extend((time.process_time(), resident_mb()))
        return bool(painted and painted[0].full)

    pause, busy = monitor.during(begin, WAIT, there)
    assert there(), "the grid was not painted"
    page = window.page
    assert page is not None
    rows.append(row("start, Python and arguments", entered, "s"))
    rows.append(row("start, code imported", imported, "s"))
    rows.append(row("start, empty window", shown, "s"))
    rows.append(row("warm start to the painted grid", painted[0].grid, "s", 1.5))
    rows.append(row("warm start to every thumbnail in sight", painted[0].full, "s"))
    rows.append(row("warm start to the painted grid, CPU", cpu[0], "CPU s"))
    rows.append(row("memory at the painted grid", cpu[1], "MB", 400))
    rows.append(row("opening: longest pause", pause, "ms", 50))
    rows.append(row("opening: longest pause, CPU", busy, "CPU ms"))

    def predicted() -> bool:
        import numpy as np

        snapshot = page.session.snapshot()
        return bool(len(snapshot.scores)) and not np.isnan(snapshot.scores[:, 0]).any()

    after = time.monotonic()
    pause, busy = monitor.during(lambda: None, WAIT, predicted)
    assert predicted(), "no predictions came"
    rows.append(row("after the start: predictions there", time.monotonic() - BEGAN, "s"))
    pause2, busy2 = monitor.during(lambda: None, max(0.0, 4.0 - (time.monotonic() - after)))
    rows.append(row("after the start: longest pause", max(pause, pause2), "ms", 50))
    rows.append(row("after the start: longest pause, CPU", max(busy, busy2), "CPU ms"))
    rows.append(row("memory with features and predictions", resident_mb(), "MB"))
    import psutil

    # Those that decode photos start with the window and hold no model.
    children = [
        child for child in psutil.Process().children() if DECODER not in " ".join(child.cmdline())
    ]
    rows.append(row("processes besides window and decoders", len(children), ""))
    heavy = {"torch", "open_clip", "timm", "sklearn", "scipy"} & set(sys.modules)
    rows.append(row("heavy modules in the window", len(heavy), "", 0))
    window.close()
    print("\n" + json.dumps(rows), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
