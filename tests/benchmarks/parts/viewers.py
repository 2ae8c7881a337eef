"""Opening a folder of photos three ways: ``python parts/viewers.py HOW FOLDER LIBRARY``.

``widgets``: a label with a pixmap for each photo, made before the window shows anything (the
way of many small viewers).  ``inline``: a list view whose model decodes the whole photo on the
window's thread when it is painted (TagGUI's way).  ``ours``: the real window on a new library.
Each: time to the first painted photos, longest pause of the event loop while opening and then
while scrolling through 20 screens, memory.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from parts.figures import PARTS, resident_mb, row
from parts.monitor import Monitor
from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import (
    QApplication,
    QGridLayout,
    QLabel,
    QListView,
    QScrollArea,
    QScrollBar,
    QWidget,
)

EDGE, COLUMNS, SCREENS = 160, 7, 20
WAIT = 300.0

Index = QModelIndex | QPersistentModelIndex


def thumbnail(path: Path) -> QPixmap:
    return QPixmap(str(path)).scaled(
        EDGE,
        EDGE,
        Qt.AspectRatioMode.KeepAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )


def widgets(paths: list[Path]) -> tuple[QWidget, QScrollBar]:
    """A widget for each photo."""
    inside = QWidget()
    layout = QGridLayout(inside)
    for number, path in enumerate(paths):
        label = QLabel()
        label.setPixmap(thumbnail(path))
        layout.addWidget(label, number // COLUMNS, number % COLUMNS)
    area = QScrollArea()
    area.setWidget(inside)
    return area, area.verticalScrollBar()


class Inline(QAbstractListModel):
    """Decodes whole photos when asked to paint them, and keeps them."""

    def __init__(self, paths: list[Path]) -> None:
        super().__init__()
        self._paths = paths
        self._icons: dict[int, QIcon] = {}

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._paths)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if role != Qt.ItemDataRole.DecorationRole:
            return None
        place = index.row()
        if place not in self._icons:
            self._icons[place] = QIcon(thumbnail(self._paths[place]))
        return self._icons[place]


def inline(paths: list[Path]) -> tuple[QWidget, QScrollBar]:
    """A list view over :class:`Inline`."""
    view = QListView()
    view.setViewMode(QListView.ViewMode.IconMode)
    view.setResizeMode(QListView.ResizeMode.Adjust)
    view.setUniformItemSizes(True)
    view.setIconSize(QSize(EDGE, EDGE))
    view.setGridSize(QSize(EDGE + 20, EDGE + 20))
    model = Inline(paths)
    model.setParent(view)
    view.setModel(model)
    return view, view.verticalScrollBar()


def simple(
    application: QApplication,
    monitor: Monitor,
    make: Callable[[list[Path]], tuple[QWidget, QScrollBar]],
    folder: Path,
) -> tuple[float, float, QScrollBar, QWidget]:
    """First paint in seconds and longest pause in ms of a viewer made here."""
    made: list[tuple[QWidget, QScrollBar]] = []
    begun = time.perf_counter()

    def act() -> None:
        made.append(make(sorted(folder.rglob("*.jpg"))))
        window = made[0][0]
        window.resize(1320, 840)
        window.show()
        window.grab()

    pause, _busy = monitor.during(act, 0.5)
    first = time.perf_counter() - begun - 0.5
    return max(first, 0.0), pause, made[0][1], made[0][0]


def main(how: str, folder: Path, library: Path) -> None:
    count = sum(1 for _ in folder.rglob("*.jpg"))
    if how == "ours":
        from lmpt_desktop import app
        from lmpt_desktop.engine.session import Commands
        from lmpt_desktop.ui.shell.settings import ComputerSettings
        from lmpt_desktop.ui.window.library_opening import LibraryOpener

        commands = Commands(encode=(sys.executable, str(PARTS / "pretend_encoder.py")))
        application = app.make_application()
        opener = LibraryOpener(lambda path: app.open_session(path, commands=commands))
        window = app.make_window(ComputerSettings(Path(tempfile.mkdtemp()) / "w.ini"), opener)
        window.show()
        monitor = Monitor(application)
        begun = time.perf_counter()

        def painted() -> bool:
            page = window.page
            if page is None:
                return False
            wanted = page.grid.visible_ids()
            loader = page.panel.loader
            return bool(wanted) and loader.loaded_ids >= set(wanted)

        pause, _busy = monitor.during(lambda: window.open_library(library, [folder]), WAIT, painted)
        first = time.perf_counter() - begun
        page = window.page
        assert page is not None and painted()

        def complete() -> bool:
            return page.panel.model.rowCount() == count

        monitor.during(lambda: None, WAIT, complete)
        assert complete()
        bar: QScrollBar = page.grid.verticalScrollBar()
        kept: QWidget = window
    else:
        application = QApplication([])
        monitor = Monitor(application)
        make = {"widgets": widgets, "inline": inline}[how]
        first, pause, bar, kept = simple(application, monitor, make, folder)
    worst, page_step = 0.0, bar.pageStep()
    for step in range(SCREENS):
        scrolled, _busy = monitor.during(lambda s=step: bar.setValue((s + 1) * page_step), 0.1)
        worst = max(worst, scrolled)
    title = {
        "widgets": "a widget per photo",
        "inline": "decoding while painting",
        "ours": "LMPT Desktop, new library",
    }[how]
    about = f"{count:,} photos, {title}"
    rows = [
        row(f"{about}: first photos", first, "s"),
        row(f"{about}: longest pause at opening", pause, "ms"),
        row(f"{about}: longest pause scrolling", worst, "ms"),
        row(f"{about}: memory", resident_mb(), "MB"),
    ]
    kept.close()
    print("\n" + json.dumps(rows), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
