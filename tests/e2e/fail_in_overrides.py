"""Makes each override of the window raise, one after the other, while the real window is painted
and clicked (run by test_failing_overrides).

Prints the name of each override before it is made to raise, and "lived on" at the end.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).parent))

from conftest import CLASSES, FAKES  # pyright: ignore[reportMissingImports]
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from lmpt_desktop import app
from lmpt_desktop.ui.kit.overrides import is_guarded
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.shell.uncaught import UncaughtErrors
from lmpt_desktop.ui.versions.dialog import VersionsDialog
from lmpt_desktop.ui.window.library_opening import LibraryOpener
from lmpt_desktop.ui.window.main_window import MainWindow

PATIENCE_SECONDS = 120
ENDING = {"closeEvent", "reject", "accept", "done"}
"""Left for the end, which closes what the others need."""


def report(*words: object) -> None:
    print(*words, flush=True)


def wait(until: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not until():
        if time.monotonic() > deadline:
            raise TimeoutError
        QApplication.processEvents()
        time.sleep(0.005)


def overrides() -> list[tuple[type, str]]:
    """Every guarded override of the classes of the app that exist, as a class and a name."""
    found: list[tuple[type, str]] = []
    for module in [name for name in sys.modules if name.startswith("lmpt_desktop.ui.")]:
        for cls in vars(sys.modules[module]).values():
            if isinstance(cls, type) and cls.__module__ == module:
                names = [name for name, value in vars(cls).items() if is_guarded(value)]
                found += [(cls, name) for name in names if name not in ENDING]
    return found


def act(widgets: list[QWidget]) -> None:
    """Paint, click, point at, resize and type in everything once."""
    for widget in widgets:
        QTest.mouseMove(widget, QPoint(30, 30))
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton, pos=QPoint(30, 30))
        QTest.keyClick(widget, Qt.Key.Key_Right)
        widget.update()
    for top in {widget.window() for widget in widgets}:
        size = top.size()
        top.resize(size.width() + 1, size.height())
        top.grab()
        top.resize(size)
    QApplication.processEvents()


def fail_everywhere(window: MainWindow, page: LibraryPage) -> int:
    """Returns how many overrides did raise."""
    window.context.commands.trigger("model.versions")
    wait(lambda: window.findChild(VersionsDialog))
    dialog = window.findChild(VersionsDialog)
    assert dialog is not None
    widgets = [page.grid.viewport(), page.inspector.view.viewport(), dialog.table.viewport()]
    raised = 0
    for cls, name in overrides():
        report(f"{cls.__module__}.{cls.__name__}.{name}")
        whole = vars(cls)[name]
        calls = [0]

        def fail(*_args: Any, calls: list[int] = calls, **_named: Any) -> None:
            calls[0] += 1
            raise ValueError("made to fail")

        # PySide looks an override up once, so what it found must raise.
        inside = whole.__closure__[whole.__code__.co_freevars.index("method")]
        inside.cell_contents = fail
        act(widgets)
        inside.cell_contents = whole.__wrapped__
        raised += calls[0] > 0
    return raised


def main(photos: Path) -> None:
    app.make_application()
    opener = LibraryOpener(lambda path: app.open_session(path, commands=FAKES, classes=CLASSES))
    window = app.make_window(opener=opener)
    told: list[Exception] = []

    def tell(error: Exception) -> None:
        told.append(error)
        window.context.report_uncaught(error)

    UncaughtErrors(tell).install()
    window.show()
    app.start(window, argparse.Namespace(folders=[photos], library=None))
    wait(lambda: window.page is not None and window.page.panel.model.rowCount())
    page = window.page
    assert page is not None
    report("raised", fail_everywhere(window, page))
    report("told", len(told))
    act([page.grid.viewport()])
    window.close()
    report("lived on")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
