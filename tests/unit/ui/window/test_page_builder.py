from __future__ import annotations

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QMainWindow, QStackedWidget
from pytestqt.qtbot import QtBot
from shells import no_thumbnail

from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.grid.filter_popover import FilterPopover
from lmpt_desktop.ui.grid.panel import GridPanel
from lmpt_desktop.ui.inspector.panel import InspectorPanel
from lmpt_desktop.ui.library.folder_tree import FolderTree
from lmpt_desktop.ui.library.opened import Opened
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.library.strictness_popover import StrictnessPopover
from lmpt_desktop.ui.shell.context import ShellContext
from lmpt_desktop.ui.window.page_builder import PageBuilder

WAIT_MS = 10_000


class Moves(QObject):
    """Counts the large parts of a page that get another parent."""

    def __init__(self, application: QApplication) -> None:
        super().__init__()
        self.seen: list[str] = []
        application.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ParentChange and isinstance(
            watched, FolderTree | GridPanel | InspectorPanel | LibraryPage
        ):
            self.seen.append(type(watched).__name__)
        return False


def place_of(context: ShellContext) -> QStackedWidget:
    window = context.dialog_parent
    assert isinstance(window, QMainWindow)
    stack = QStackedWidget()
    window.setCentralWidget(stack)
    return stack


def test_a_page_is_built_where_it_stays_and_without_its_panels(
    context: ShellContext, session: LibrarySession, qtbot: QtBot, qapp: QApplication
) -> None:
    stack = place_of(context)
    opened = Opened(session, no_thumbnail)
    moves = Moves(qapp)
    shown: list[LibraryPage] = []

    def make() -> LibraryPage:
        page = LibraryPage(opened, context, stack)
        stack.addWidget(page)
        return page

    builder = PageBuilder(opened, make, (stack.setCurrentWidget, shown.append), stack)
    assert shown == [], "the rest follows in other turns of the event loop"
    qtbot.waitUntil(lambda: bool(shown), timeout=WAIT_MS)
    page = shown[0]
    assert moves.seen == [], "each move styles all that is in it once more"
    assert [page.splitter.widget(place) for place in range(3)] == [
        page.tree,
        page.panel,
        page.inspector,
    ]
    assert page.findChildren(FilterPopover) == []
    assert page.findChildren(StrictnessPopover) == []
    qapp.removeEventFilter(moves)
    assert builder.opened is opened
    page.close_page()


def test_a_page_that_is_not_wanted_any_more_is_never_shown(
    context: ShellContext, session: LibrarySession, qtbot: QtBot
) -> None:
    stack = place_of(context)
    opened = Opened(session, no_thumbnail)
    shown: list[LibraryPage] = []

    def make() -> LibraryPage:
        page = LibraryPage(opened, context, stack)
        stack.addWidget(page)
        return page

    builder = PageBuilder(opened, make, (shown.append,), stack)
    qtbot.waitUntil(lambda: bool(stack.findChildren(GridPanel)), timeout=WAIT_MS)
    builder.stop()
    qtbot.waitUntil(lambda: stack.count() == 0, timeout=WAIT_MS)
    assert shown == []
