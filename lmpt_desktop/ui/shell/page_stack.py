"""The pages of an open library: the grid and those of features."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QStackedWidget, QWidget

GRID = "grid"


@runtime_checkable
class ClosablePage(Protocol):
    """A page with work to stop before the session is closed."""

    def close_page(self) -> None: ...


class PageStack(QStackedWidget):
    """Shows one page at a time; each is built when first shown, so that only the grid delays the
    start."""

    shown = Signal(str)
    """The name of the page that is now in front."""

    def __init__(self, grid: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._makers: dict[str, Callable[[], QWidget]] = {}
        self._pages: dict[str, QWidget] = {GRID: grid}
        self.addWidget(grid)
        self.currentChanged.connect(self.updateGeometry)

    def minimumSizeHint(self) -> QSize:
        """The minimum of the current page alone: a taller one behind it must not make the window
        grow."""
        page = self.currentWidget()
        if page is None:
            return super().minimumSizeHint()
        return page.minimumSizeHint().expandedTo(page.minimumSize())

    def hasHeightForWidth(self) -> bool:
        """False: the stack would use the height of its tallest page."""
        return False

    def offer(self, name: str, make: Callable[[], QWidget]) -> None:
        """Add a page that ``make`` builds when it is first shown."""
        self._makers[name] = make

    def close_pages(self) -> None:
        """Close every built page except the grid, before the library is closed."""
        for page in self._pages.values():
            if isinstance(page, ClosablePage):
                page.close_page()

    @property
    def current(self) -> str:
        """The name of the page in front."""
        page = self.currentWidget()
        return next(name for name, built in self._pages.items() if built is page)

    def built(self, name: str) -> QWidget | None:
        """The page of this name, None if it has not been shown yet."""
        return self._pages.get(name)

    def show_page(self, name: str) -> QWidget:
        """Bring a page to the front and give it the keyboard focus.

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
