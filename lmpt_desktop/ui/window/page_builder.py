"""Builds a library's page in steps, so that the window stays responsive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QWidget

from lmpt_desktop.ui.grid.filter_bar import FilterBar
from lmpt_desktop.ui.grid.panel import GridPanel
from lmpt_desktop.ui.inspector.panel import InspectorPanel
from lmpt_desktop.ui.library.folder_tree import FolderTree
from lmpt_desktop.ui.library.opened import Opened
from lmpt_desktop.ui.library.page import PageParts
from lmpt_desktop.ui.shell.page_stack import PageStack


class Page(Protocol):
    """The page made of the parts."""

    def close_page(self) -> None: ...
    def deleteLater(self) -> None: ...


PageT = TypeVar("PageT", bound=Page)


class PageBuilder(QObject):
    """Runs each step in its own iteration of the event loop."""

    def __init__(
        self,
        opened: Opened,
        make: Callable[[PageParts, PageStack], PageT],
        place: Callable[[PageT], object],
        show: Callable[[PageT], object],
        parent: QObject | None = None,
    ) -> None:
        """``make``, ``place`` (where it will be shown, still hidden) and ``show`` are the last
        three steps."""
        super().__init__(parent)
        self.opened = opened
        self._made: list[QWidget | Page] = []
        self._closing: list[Callable[[], object]] = []
        self._stopped = False
        self._steps = self._build(make, place, show)
        self._step()

    def stop(self) -> None:
        """Stop, and delete what was built."""
        self._stopped = True
        for close in self._closing:
            close()
        for widget in self._made:
            widget.deleteLater()

    def _step(self) -> None:
        if not self._stopped and next(self._steps, None) is not None:
            QTimer.singleShot(0, self, self._step)

    def _build(
        self,
        make: Callable[[PageParts, PageStack], PageT],
        place: Callable[[PageT], object],
        show: Callable[[PageT], object],
    ) -> Iterator[int]:
        session = self.opened.session
        bar = FilterBar()
        self._made = [bar]
        yield 1
        panel = GridPanel(session, self.opened.thumbnails, bar=bar)
        self._closing = [panel.close_panel]
        self._made = [panel]
        yield 2
        parts = PageParts(FolderTree(), panel, InspectorPanel(session))
        self._made += [parts.tree, parts.inspector]
        yield 3
        splitter = parts.side_by_side()
        self._made = [splitter]
        yield 4
        pages = PageStack(splitter)
        self._made = [pages]
        yield 5
        page = make(parts, pages)
        self._closing = [page.close_page]
        self._made = [page]  # which owns the others now
        yield 6
        place(page)
        yield 7
        show(page)
