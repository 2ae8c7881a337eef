"""Opens a window, gives 20 verdicts by keyboard, and dies by SIGKILL (run by test_grid)."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).parent))

from conftest import CLASSES, FAKES  # pyright: ignore[reportMissingImports]
from PySide6.QtCore import QElapsedTimer, Qt
from PySide6.QtTest import QTest

from lmpt_desktop import app
from lmpt_desktop.ui.window.library_opening import LibraryOpener

VERDICTS, PHOTOS = 20, 12


def main(photos: Path, library: Path) -> None:
    application = app.make_application()
    opener = LibraryOpener(lambda path: app.open_session(path, commands=FAKES, classes=CLASSES))
    window = app.make_window(opener=opener)
    window.show()
    app.start(window, argparse.Namespace(folders=[photos], library=library))
    clock = QElapsedTimer()
    clock.start()
    present = window.commands.action("image.present")
    while clock.elapsed() < 60_000:
        application.processEvents()
        page = window.page
        if page is not None and page.panel.model.rowCount() == PHOTOS and present.isEnabled():
            break
    assert window.page is not None
    page, given = window.page, 0
    for class_id in [entry.id for entry in page.session.snapshot().classes][:2]:
        for place in range(10):
            image_id = page.panel.model.image_id(place)
            page.grid.select_ids([image_id], image_id)
            application.processEvents()
            page.inspector.focus_class(class_id)
            application.processEvents()
            QTest.keyClick(page.grid, Qt.Key.Key_P if place % 2 else Qt.Key.Key_A)
            given += 1
            if given == VERDICTS:
                os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
