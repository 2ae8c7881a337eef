"""Screenshots for the documentation: the real app, the real backbone, real photos.

``python tests/e2e/screenshots.py PHOTOS OUT`` opens the folder PHOTOS, waits until every photo
has been looked at, and writes ``welcome``, ``library``, ``tail``, ``selection`` and ``long-tail``
as PNG to the folder OUT, each in light and dark.  It uses a library of its own, which it throws
away.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QApplication

from lmpt_desktop import app
from lmpt_desktop.engine.views import Verdict
from lmpt_desktop.inference.filters import SortKey
from lmpt_desktop.ui.library_page import LibraryPage
from lmpt_desktop.ui.main_window import MainWindow
from lmpt_desktop.ui.memory import WindowMemory
from lmpt_desktop.ui.theme import ThemeChoice

SIZE = QSize(1360, 850)
PATIENCE_SECONDS = 600


def wait(until: Callable[[], object], rest: float = 1.0) -> None:
    """Keep the window alive until something is so, and ``rest`` seconds more."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not until():
        if time.monotonic() > deadline:
            raise TimeoutError
        QApplication.processEvents()
        time.sleep(0.002)
    end = time.monotonic() + rest
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.002)


def shoot(window: MainWindow, out: Path, name: str) -> None:
    """Grab the window in both themes."""
    for choice in (ThemeChoice.LIGHT, ThemeChoice.DARK):
        window.set_theme(choice)
        wait(lambda: True, 0.4)
        window.grab().save(str(out / f"{name}-{choice}.png"))


def judge(page: LibraryPage, position: int, name: str, verdict: Verdict) -> None:
    ids = {entry.name: entry.id for entry in page.session.classes}
    if name in ids:
        page.desk.annotate([page.panel.model.image_id(position)], [ids[name]], verdict, name)


def main(photos: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        os.environ["LMPT_DESKTOP_HOME"] = home
        app.make_application()
        window = app.make_window(WindowMemory())
        window.resize(SIZE)
        window.show()
        wait(lambda: True, 0.3)
        shoot(window, out, "welcome")
        app.start(window, argparse.Namespace(folders=[photos], library=None))
        wait(lambda: window.page is not None and window.page.panel.model.rowCount() > 0, 2)
        shoot(window, out, "first-moments")
        wait(lambda: not window.status.working, 3)
        page = window.page
        assert page is not None
        grid = page.grid
        first = page.panel.model.image_id(0)
        grid.select_ids([first], first)
        wait(lambda: True, 1)
        shoot(window, out, "library")
        page.panel.bar.order.setCurrentIndex(page.panel.bar.order.findData(SortKey.TAIL_FIRST))
        wait(lambda: True, 2)
        shoot(window, out, "tail")
        for position in range(6):
            cell = page.panel.model.cell(position)
            for chip in cell.chips[:2]:
                judge(page, position, chip.name, Verdict.PRESENT)
        ids = page.panel.model.ids[:3].tolist()
        grid.select_ids(ids, ids[0])
        page.mark_reviewed(True)
        wait(lambda: True, 2)
        shoot(window, out, "selection")
        window.commands.action("view.dashboard").trigger()
        wait(lambda: page.pages.current == "dashboard", 3)
        shoot(window, out, "long-tail")
        window.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
