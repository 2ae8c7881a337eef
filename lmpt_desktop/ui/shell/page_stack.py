"""The pages of an open library: the grid, and what takes its place for a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QStackedWidget, QWidget

GRID = "grid"


@runtime_checkable
class ClosablePage(Protocol):
    """A page that must stop its work before the session is closed."""

    def close_page(self) -> None: ...


class PageStack(QStackedWidget):
    """One page at a time.  A page is built when it is first shown, so that starting pays for
    the grid alone."""

    shown = Signal(str)
    """The name of the page that is now in front."""

    def __init__(self, grid: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._makers: dict[str, Callable[[], QWidget]] = {}
        self._pages: dict[str, QWidget] = {GRID: grid}
        self.addWidget(grid)
        self.currentChanged.connect(self.updateGeometry)

    def minimumSizeHint(self) -> QSize:
        """What the page in front needs: a tall one behind it must not make the window grow, as
        when messages take room above."""
        page = self.currentWidget()
        if page is None:
            return super().minimumSizeHint()
        return page.minimumSizeHint().expandedTo(page.minimumSize())

    def hasHeightForWidth(self) -> bool:
        """No: asked that way, the stack answers for its tallest page."""
        return False

    def offer(self, name: str, make: Callable[[], QWidget]) -> None:
        """Have a page of this name, built by ``make`` when it is first shown."""
        self._makers[name] = make

    def close_pages(self) -> None:
        """Close every page that was built, but the grid: the library is about to be closed."""
        for page in self._pages.values():
            if isinstance(page, ClosablePage):
                page.close_page()

    @property
    def current(self) -> str:
        """The name of the page in front."""
        page = self.currentWidget()
        return next(name for name, built in self._pages.items() if built is page)

    def built(self, name: str) -> QWidget | None:
        """The page if it has been shown before."""
        return self._pages.get(name)

    def show_page(self, name: str) -> QWidget:
        """Bring a page to the front and give it the keyboard.

        Raises:
            KeyError: if no such page was offered.
        """
        page = self._pages.get(name)
        if page is None:
            page = self._pages[name] = self._makers[name]()
            self.addWidget(page)
        if self.currentWidget() is not page:
            self.setCurrentWidget(page)
            self.shown.emit(name)
        page.setFocus()
        return page
