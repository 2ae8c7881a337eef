"""Builds a library's page in steps, so that the window stays responsive.

From the outside in: a widget that gets another parent is styled again, with all that is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QSplitter

from lmpt_desktop.ui.grid.panel import GridPanel
from lmpt_desktop.ui.inspector.panel import InspectorPanel
from lmpt_desktop.ui.library.folder_tree import FolderTree
from lmpt_desktop.ui.library.opened import Opened
from lmpt_desktop.ui.library.page import PageParts


class Page(Protocol):
    """The page that is made of the parts."""

    @property
    def splitter(self) -> QSplitter: ...
    def fill(self, parts: PageParts, /) -> None: ...
    def close_page(self) -> None: ...
    def deleteLater(self) -> None: ...


PageT = TypeVar("PageT", bound=Page)


class PageBuilder(QObject):
    """Runs each step in its own iteration of the event loop."""

    def __init__(
        self,
        opened: Opened,
        make: Callable[[], PageT],
        show: Sequence[Callable[[PageT], object]],
        parent: QObject | None = None,
    ) -> None:
        """``make`` gives the empty page, in the place where it will be shown, still hidden; each
        of ``show`` is a step once it is filled."""
        super().__init__(parent)
        self.opened = opened
        self._page: Page | None = None
        self._closing: Callable[[], object] = lambda: None
        self._stopped = False
        self._steps = self._build(make, show)
        self._step()

    def stop(self) -> None:
        """Stop, and delete what was built."""
        self._stopped = True
        self._closing()
        if self._page is not None:
            self._page.deleteLater()

    def _step(self) -> None:
        if not self._stopped and next(self._steps, None) is not None:
            QTimer.singleShot(0, self, self._step)

    def _build(
        self, make: Callable[[], PageT], show: Sequence[Callable[[PageT], object]]
    ) -> Iterator[int]:
        session = self.opened.session
        page = make()
        self._page = page
        yield 1
        tree = FolderTree(page.splitter)
        yield 2
        panel = GridPanel(session, self.opened.thumbnails, page.splitter)
        self._closing = panel.close_panel
        yield 3
        inspector = InspectorPanel(session, page.splitter)
        yield 4
        page.fill(PageParts(tree, panel, inspector))
        self._closing = page.close_page
        yield 5
        for step in show:
            step(page)
            yield 6
