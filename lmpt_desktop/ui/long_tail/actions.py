"""The commands of the long-tail page (imports no plotting library until the page is shown)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog

from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit import tasks

if TYPE_CHECKING:
    from lmpt_desktop.ui.library.page import LibraryPage
    from lmpt_desktop.ui.long_tail.page import LongTailPage
    from lmpt_desktop.ui.window.main_window import MainWindow

_MODULE = "lmpt_desktop.ui.long_tail.page"
NAME = "dashboard"
"""The page's name among :class:`~lmpt_desktop.ui.shell.page_stack.PageStack`'s."""


class LongTailActions:
    """Shows the page of the window's library, and saves what it shows."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    def bind(self) -> None:
        """Put the handlers on the commands."""
        self._window.commands.on("view.long-tail", self.show)
        self._window.commands.on("long-tail.export", self.export)

    def page_opened(self, page: LibraryPage) -> None:
        """Offer the page of a library that was just opened."""
        page.pages.offer(NAME, lambda: self._make(page))

    def show(self) -> None:
        """Bring the page to the front, as soon as what it is made with is loaded."""
        self._with_page(lambda _dashboard: None)

    def export(self) -> None:
        """Ask for a file and write what the page shows to it."""
        self._with_page(self._ask_and_export)

    def _with_page(self, act: Callable[[LongTailPage], object]) -> None:
        """Bring the page to the front, then ``act`` on it; without a library nothing happens."""
        page = self._window.page
        if page is None:
            return

        def loaded(_none: object) -> None:
            if self._window.page is page:
                act(page.pages.show_page(NAME))  # pyright: ignore[reportArgumentType]

        if _MODULE in sys.modules:
            loaded(None)
        else:
            # The plotting library takes a third of a second, which the window need not wait for.
            tasks.start(lambda: importlib.import_module(_MODULE), loaded, page.problem.emit)

    def _ask_and_export(self, dashboard: LongTailPage) -> None:
        chosen, kind = QFileDialog.getSaveFileName(
            self._window,
            _("Save long tail"),
            "long-tail.png",
            ";;".join((_("Picture (*.png)"), _("Drawing (*.svg)"), _("Table (*.csv)"))),
        )
        if chosen:
            dashboard.export_to(with_ending(Path(chosen), kind))

    def _make(self, page: LibraryPage) -> LongTailPage:
        from lmpt_desktop.ui.long_tail.page import LongTailPage  # noqa: PLC0415

        dashboard = LongTailPage(page.session, page.bridge)
        dashboard.class_wanted.connect(page.show_class)
        dashboard.images_wanted.connect(page.show_images)
        dashboard.vocabulary_wanted.connect(
            lambda: self._window.commands.action("vocabulary.edit").trigger()
        )
        dashboard.export_wanted.connect(
            lambda: self._window.commands.action("long-tail.export").trigger()
        )
        dashboard.left.connect(page.show_grid)
        dashboard.said.connect(page.said)
        dashboard.failed.connect(page.problem)
        return dashboard


def with_ending(path: Path, kind: str) -> Path:
    """``path`` with the ending of the file kind that was picked, unless it has a known one."""
    if path.suffix.lower() in (".png", ".svg", ".csv"):
        return path
    ending = next((item for item in (".svg", ".csv") if f"*{item}" in kind), ".png")
    return path.with_name(path.name + ending)
