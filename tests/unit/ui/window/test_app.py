from __future__ import annotations

import os
import subprocess
import sys

AT_FIRST_PAINT = """
import gc, os, sys, tempfile
from pathlib import Path

gc.disable()
from lmpt_desktop import app
from PySide6.QtCore import QEvent, QObject
from lmpt_desktop.ui.shell.settings import ComputerSettings

class Painted(QObject):
    def eventFilter(self, _watched, event):
        if event.type() == QEvent.Type.Paint:
            print(len(application.allWidgets()))
            print("\\n".join(sys.modules), flush=True)
            os._exit(0)
        return False

application = app.make_application()
window = app.make_window(ComputerSettings(Path(tempfile.mkdtemp()) / "window.ini"))
painted = Painted()
window.welcome.installEventFilter(painted)
window.show()
application.exec()
"""

HEAVY = {
    "torch", "open_clip", "timm", "openvino", "sklearn", "scipy", "pyqtgraph", "skimage", "alembic",
    "numpy", "sqlalchemy", "PIL", "asyncio", "watchdog", "multiprocessing",
}  # fmt: skip
"""Nothing of these is needed before a library is opened."""

OF_AN_OPEN_LIBRARY = (
    "lmpt_desktop.engine.session",
    "lmpt_desktop.catalogue.catalogue",
    "lmpt_desktop.ingest",
    "lmpt_desktop.inference",
    "lmpt_desktop.interchange",
    "lmpt_desktop.ui.grid",
    "lmpt_desktop.ui.inspector",
    "lmpt_desktop.ui.library.page",
    "lmpt_desktop.ui.window.page_builder",
)
"""Packages and modules that are imported once the window is painted."""


def test_the_window_is_painted_before_the_code_of_a_library_is_imported() -> None:
    done = subprocess.run(
        [sys.executable, "-c", AT_FIRST_PAINT],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
    )
    widgets, *imported_names = done.stdout.split()
    # The welcome page, menus, tool bar and status bar; a page of a library has twice as many.
    assert int(widgets) < 90
    imported = set(imported_names)
    assert "lmpt_desktop.ui.window.main_window" in imported
    assert sorted(HEAVY & imported) == []
    assert (
        sorted(
            name
            for name in imported
            if any(name == part or name.startswith(f"{part}.") for part in OF_AN_OPEN_LIBRARY)
        )
        == []
    )
