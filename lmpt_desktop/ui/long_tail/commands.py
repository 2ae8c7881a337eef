"""The commands of the long-tail page (imports no plotting library until the page is shown)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFileDialog, QMenu

from lmpt_desktop.translation import N_, _
from lmpt_desktop.ui.commands import Command
from lmpt_desktop.ui.kit.tasks import Task
from lmpt_desktop.ui.shell.conditions import has_classes, library_open
from lmpt_desktop.ui.shell.context import OpenLibrary, ShellContext
from lmpt_desktop.ui.shell.page_commands import offer_page

if TYPE_CHECKING:
    from lmpt_desktop.ui.long_tail.page import LongTailPage

_MODULE = "lmpt_desktop.ui.long_tail.page"
NAME = "long-tail"
"""The page's name among those of the library."""


def attach(context: ShellContext) -> None:
    """Offer the page with every library that is opened."""
    offer_page(context, NAME, _make)


def show(context: ShellContext) -> None:
    """Bring the page to the front, once its modules are loaded."""
    _with_page(context, lambda _page: None)


def export(context: ShellContext) -> None:
    """Ask for a file and save what the page shows there."""
    _with_page(context, lambda page: _ask_and_export(context, page))


def _with_page(context: ShellContext, act: Callable[[LongTailPage], object]) -> None:
    """Bring the page to the front, then ``act`` on it."""
    pages = context.require_library().pages

    def loaded(_none: object = None) -> None:
        act(cast("LongTailPage", pages.show_page(NAME)))

    if _MODULE in sys.modules:
        loaded()
    else:
        # The plotting library takes a third of a second, which the window need not wait for.
        Task(lambda: importlib.import_module(_MODULE), loaded, context.report_failure, owner=pages)


def _ask_and_export(context: ShellContext, page: LongTailPage) -> None:
    chosen, kind = QFileDialog.getSaveFileName(
        context.dialog_parent,
        _("Save long tail"),
        "long-tail.png",
        ";;".join((_("Picture (*.png)"), _("Drawing (*.svg)"), _("Table (*.csv)"))),
    )
    if chosen:
        page.export_to(with_ending(Path(chosen), kind))


def _make(context: ShellContext, library: OpenLibrary) -> LongTailPage:
    from lmpt_desktop.ui.long_tail.page import LongTailPage  # noqa: PLC0415

    page = LongTailPage(library.session, library.bridge)
    page.class_requested.connect(library.show_class)
    page.images_requested.connect(library.show_images)
    page.vocabulary_requested.connect(lambda: context.commands.trigger("vocabulary.edit"))
    page.export_requested.connect(lambda: context.commands.trigger("long-tail.export"))
    page.menu_requested.connect(lambda place: _show_menu(context, page, place))
    page.left.connect(library.show_grid)
    page.message.connect(context.status.show_text)
    page.failed.connect(context.report_failure)
    return page


def _show_menu(context: ShellContext, page: LongTailPage, place: QPoint) -> None:
    """What can be done with the class in focus."""
    context.refresh_commands()  # the class is named in them
    menu = QMenu(page)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    context.commands.add_to(menu, ["sweep.open"])
    menu.popup(place)


def with_ending(path: Path, kind: str) -> Path:
    """``path`` with the ending of the file kind that was picked, unless it has a known one."""
    if path.suffix.lower() in (".png", ".svg", ".csv"):
        return path
    ending = next((item for item in (".svg", ".csv") if f"*{item}" in kind), ".png")
    return path.with_name(path.name + ending)


# fmt: off
COMMANDS: tuple[Command[ShellContext], ...] = (
    Command("view.long-tail", N_("Lo&ng tail"), "view", 0, 30, show, (library_open,), "F4",
            "chart", opens=NAME, tip=N_("How many examples every class has, and what is missing")),
    Command("long-tail.export", N_("&Save long tail..."), "file", 1, 30, export,
            (library_open, has_classes), "Ctrl+Shift+E",
            tip=N_("Save the chart of classes as a picture, or its figures as a table")),
)
# fmt: on
