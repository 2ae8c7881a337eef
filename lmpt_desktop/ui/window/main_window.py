"""The window: menus, toolbar, status bar, and either the welcome page or an open library."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QIcon
from PySide6.QtWidgets import (
    QFileDialog,
    QLabel,
    QMainWindow,
    QMenu,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop import paths
from lmpt_desktop.catalogue.records import Folder
from lmpt_desktop.engine.notices import Problem
from lmpt_desktop.engine.views import Verdict
from lmpt_desktop.ingest import samples
from lmpt_desktop.translation import _
from lmpt_desktop.ui.batch.actions import BatchActions
from lmpt_desktop.ui.commands import (
    ICON_ONLY,
    LABEL_COLLAPSE_ORDER,
    TOOLBAR,
    CommandRegistry,
    Needs,
    Shortcuts,
)
from lmpt_desktop.ui.grid.view import ZOOM_STEP, ZOOM_USUAL
from lmpt_desktop.ui.help.command_palette import CommandPalette
from lmpt_desktop.ui.kit import file_manager, tasks, theme
from lmpt_desktop.ui.kit.theme import ThemeChoice
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.long_tail.actions import LongTailActions
from lmpt_desktop.ui.review import entry as review
from lmpt_desktop.ui.shell.notifications import Notification, NotificationArea
from lmpt_desktop.ui.shell.settings import RecentLibrary, WindowMemory
from lmpt_desktop.ui.shell.status_bar import StatusBar
from lmpt_desktop.ui.shell.tool_bar import FittingToolBar
from lmpt_desktop.ui.training.model_actions import ModelActions
from lmpt_desktop.ui.window.library_opening import LibraryOpener, Opened
from lmpt_desktop.ui.window.page_builder import PageBuilder
from lmpt_desktop.ui.window.shell_actions import ShellActions
from lmpt_desktop.ui.window.welcome import WelcomePage

log = logging.getLogger(__name__)

TITLE = "LMPT Desktop"
FRAME = QSize(16, 48)
"""What a window manager puts around a window: the whole of it is to be on the screen."""


class MainWindow(QMainWindow):
    """One window, at most one open library."""

    library_opened = Signal(object)
    """The :class:`LibraryPage` that is now shown."""
    library_closed = Signal()

    def __init__(self, opener: LibraryOpener, memory: WindowMemory) -> None:
        super().__init__()
        self.setObjectName("main-window")
        self.setWindowTitle(TITLE)
        self.setWindowIcon(QIcon(str(paths.resources_dir() / "icons" / "lmpt-desktop.svg")))
        self.page: LibraryPage | None = None
        self._building: PageBuilder | None = None
        self.memory = memory
        self.opener = opener
        self.commands = CommandRegistry(self, Shortcuts(memory, self))
        self.notifications = NotificationArea()
        self.status = StatusBar()
        self.setStatusBar(self.status)
        self.welcome = WelcomePage()
        self.waiting = QLabel()
        self.waiting.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.welcome)
        self.stack.addWidget(self.waiting)
        centre = QWidget()
        layout = QVBoxLayout(centre)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.notifications)
        layout.addWidget(self.stack, 1)
        self.setCentralWidget(centre)
        self.model_actions = ModelActions(self)
        self.batch_actions = BatchActions(self)
        self.dashboard_actions = LongTailActions(self)
        self.shell_actions = ShellActions(self)
        self._build_menus()
        self._bind()
        self._restore()

    # -------------------------------------------------------------------------- building

    def _build_menus(self) -> None:
        menus = self.commands.fill_menu_bar(self.menuBar())
        self._recent_menu = QMenu(_("&Recent libraries"), self)
        self._recent_menu.setObjectName("recent-libraries")
        self._recent_menu.aboutToShow.connect(self._fill_recent)
        menus["file"].insertMenu(self.commands.action("file.samples"), self._recent_menu)
        self.toolbar = FittingToolBar(
            _("Main"), self.commands.action, ICON_ONLY, LABEL_COLLAPSE_ORDER
        )
        self.toolbar.setObjectName("toolbar")
        self.commands.add_to(self.toolbar, TOOLBAR)
        self.toolbar.fit()
        # Nothing on it makes sense before a library is open.
        self.toolbar.hide()
        self.addToolBar(self.toolbar)

    def _bind(self) -> None:
        on = self.commands.on
        on("file.open", self.ask_open)
        on("file.add", self.ask_add)
        on("file.samples", self.open_samples)
        on("file.rescan", lambda: self.page and self.page.session.rescan())
        on("file.close", self.close_library)
        on("file.quit", self.close)
        on("edit.undo", lambda: self.page and self.page.desk.undo())
        on("edit.redo", lambda: self.page and self.page.desk.redo())
        on("edit.select-all", lambda: self.page and self.page.grid.selectAll())
        on("edit.find", self._find)
        on("edit.search", lambda: self.page and self.page.search())
        on("edit.clear-search", lambda: self.page and self.page.panel.search_bar.clear())
        on("image.alike", lambda: self.page and self.page.more_like_this())
        for word, verdict in (
            ("present", Verdict.PRESENT),
            ("absent", Verdict.ABSENT),
            ("unknown", Verdict.UNKNOWN),
        ):
            on(f"image.{word}", lambda v=verdict: self.page and self.page.say_verdict(v))
        on("image.reviewed", lambda: self.page and self.page.mark_reviewed(True))
        on("image.unreviewed", lambda: self.page and self.page.mark_reviewed(False))
        on("image.open", lambda: self.page and self.page.open_photo())
        on("image.reveal", lambda: self.page and self.page.reveal())
        on("image.copy-path", lambda: self.page and self.page.copy_paths())
        on("view.grid", lambda: self.page and self.page.show_grid())
        on("view.zoom-in", lambda: self._zoom(ZOOM_STEP))
        on("view.zoom-out", lambda: self._zoom(-ZOOM_STEP))
        on("view.zoom-reset", lambda: self.page and self.page.usual_zoom())
        on("view.filters", lambda on_: self._show_part("filters", on_))
        on("view.folders", lambda on_: self._show_part("folders", on_))
        on("view.inspector", lambda on_: self._show_part("inspector", on_))
        on("view.clear-filters", lambda: self.page and self.page.panel.bar.clear())
        for choice in ThemeChoice:
            on(f"view.theme-{choice}", lambda c=choice: self.set_theme(c))
        on("model.pause", lambda paused: self.page and self.page.set_paused(paused))
        on("help.palette", lambda: CommandPalette(self.commands, self).show_over(self))
        on("help.log", lambda: file_manager.open_path(paths.log_dir()))
        self.model_actions.bind()
        self.shell_actions.bind()
        self.batch_actions.bind()
        review.bind(self.commands, lambda: self.page)
        self.dashboard_actions.bind()
        self.welcome.open_wanted.connect(self.ask_open)
        self.welcome.samples_wanted.connect(self.open_samples)
        self.welcome.library_wanted.connect(self.open_recent)
        self.welcome.arrived.connect(self.shell_actions.arrive)
        self.welcome.forget_wanted.connect(self.shell_actions.forget_recent)
        self.opener.opened.connect(self._opened)
        self.opener.failed.connect(self._open_failed)
        self.status.pause_wanted.connect(lambda kind: self.page and self.page.session.pause(kind))
        self.status.resume_wanted.connect(self.model_actions.resume)
        self.status.cancel_wanted.connect(self.model_actions.cancel)

    def _restore(self) -> None:
        if not self.restoreGeometry(self.memory.bytes("geometry")):
            room = self.screen().availableGeometry().size() - FRAME
            self.resize(QSize(1320, 840).boundedTo(room))
        try:
            choice = ThemeChoice(self.memory.text("theme", ThemeChoice.SYSTEM))
        except ValueError:
            choice = ThemeChoice.SYSTEM
        self.set_theme(choice)
        self.welcome.show_recent(self.memory.recent())

    # --------------------------------------------------------------------------- libraries

    def ask_open(self) -> None:
        """Ask for a folder and open it as a library."""
        if chosen := self._ask_folder(_("Open a folder of photos")):
            self.open_folders([chosen])

    def ask_add(self) -> None:
        """Ask for a folder and add it to the open library."""
        if self.page is not None and (chosen := self._ask_folder(_("Add a folder of photos"))):
            self.page.add_folders([chosen])

    def open_folders(self, folders: Sequence[Path]) -> None:
        """Make or reopen the library of the first folder, and add the others to it."""
        self.shell_actions.open_paths(folders)

    def open_recent(self, entry: RecentLibrary) -> None:
        self.shell_actions.open_recent(entry)

    def open_samples(self) -> None:
        """Copy the sample photos and open them."""
        try:
            self.open_folders([samples.copy_samples()])
        except (samples.SamplesMissingError, OSError) as error:
            self.tell_error(_("The sample photos cannot be opened"), error)

    def open_library(self, library: Path, folders: Sequence[Path] = ()) -> None:
        """Open a library, in the background; what was open is closed first."""
        if self.opener.busy or self._building is not None or self.shell_actions.busy:
            return
        if self.page is not None:
            if self.page.session.library_folder == library:
                self.page.add_folders(list(folders))
                return
            self.close_library()
        self.waiting.setText(_("Opening the library..."))
        self.stack.setCurrentWidget(self.waiting)
        self.shell_actions.open(library, folders)

    def close_library(self) -> None:
        """Back to the welcome page; a running retraining goes on by itself."""
        if self._building is not None:
            self._building.stop()
            self.opener.close(self._building.opened)
            self._building = None
        page, self.page = self.page, None
        if page is None:
            return
        self._remember_page(page)
        self.model_actions.page_closed()
        self.shell_actions.closed()
        page.close_page()
        self.stack.setCurrentWidget(self.welcome)
        self.stack.removeWidget(page)
        self.toolbar.hide()
        self.opener.close(page.opened)
        page.deleteLater()
        self.status.reset()
        self.notifications.clear()
        self.setWindowTitle(TITLE)
        self.memory.put("open", "")
        self.welcome.show_recent(self.memory.recent())
        self._update_needs()
        self.library_closed.emit()

    def _opened(self, opened: Opened) -> None:
        self._building = PageBuilder(
            opened, lambda parts: LibraryPage(opened, self.commands, parts), self._show_page, self
        )

    def _show_page(self, page: LibraryPage) -> None:
        opened = page.opened
        self._building = None
        self.page = page
        page.needs_changed.connect(self._update_needs)
        page.said.connect(self.status.say)
        page.problem.connect(self._problem)
        page.activity_changed.connect(self._activity)
        page.encoder_changed.connect(
            lambda notice: self.status.show_model(notice.backbone, notice.device, notice.message)
        )
        page.folders_changed.connect(self._remember_library)
        self.stack.addWidget(page)
        self.stack.setCurrentWidget(page)
        self.toolbar.show()
        self._restore_page(page)
        self.status.show_model(opened.session.backbone, opened.session.device)
        for activity in opened.session.activities().values():
            self._activity(activity)
        self._remember_folders(opened.folders)
        self.model_actions.page_opened(page)
        self.dashboard_actions.page_opened(page)
        self.shell_actions.opened(page)
        self._update_needs()
        page.grid.setFocus()
        self.library_opened.emit(page)

    def _open_failed(self, error: Exception) -> None:
        if self.shell_actions.try_again(error):
            return
        self.stack.setCurrentWidget(self.welcome)
        self.tell_error(_("The library was not opened"), error)

    # ------------------------------------------------------------------------------ memory

    def _remember_library(self) -> None:
        if self.page is None:
            return
        tasks.start(
            self.page.session.folders,
            self._remember_folders,
            lambda error: log.info("the library was not remembered: %s", error),
        )

    def _remember_folders(self, found: Sequence[Folder]) -> None:
        if self.page is None:
            return
        session = self.page.session
        folders = [folder.path for folder in found if not folder.hidden]
        name = folders[0].name if folders else session.library_folder.name
        if len(folders) > 1:
            name = _("{name} and {count} more").format(name=name, count=len(folders) - 1)
        self.setWindowTitle(f"{name} - {TITLE}")
        self.memory.remember(
            RecentLibrary(name, str(session.library_folder), tuple(map(str, folders)))
        )
        self.memory.put("open", str(session.library_folder))

    def _restore_page(self, page: LibraryPage) -> None:
        page.splitter.restoreState(self.memory.bytes("splitter"))
        page.grid.set_zoom(self.memory.number("zoom", ZOOM_USUAL))
        for name in ("filters", "folders", "inspector"):
            shown = bool(self.memory.number(f"show-{name}", 1))
            self.commands.set_checked(f"view.{name}", shown)
            self._show_part(name, shown)

    def _remember_page(self, page: LibraryPage) -> None:
        self.memory.put("splitter", page.splitter.saveState())
        self.memory.put("zoom", page.grid.zoom)

    def _fill_recent(self) -> None:
        self._recent_menu.clear()
        entries = self.memory.recent()
        for entry in entries:
            self._recent_menu.addAction(entry.label, lambda e=entry: self.open_recent(e))
        if not entries:
            self._recent_menu.addAction(_("None yet")).setEnabled(False)

    # ------------------------------------------------------------------------------ showing

    def set_theme(self, choice: ThemeChoice) -> None:
        theme.manager().apply(choice)
        self.commands.set_checked(f"view.theme-{choice}", True)
        self.memory.put("theme", str(choice))

    def tell_error(self, title: str, error: Exception) -> Notification:
        """Show an error beside the work, with the way to the log."""
        log.error("%s", title, exc_info=error)
        message = str(error) or _("Something unexpected happened; the log has the details.")
        note = self.notifications.tell(title, message, colour="error")
        note.add_button(_("Show log"), lambda: file_manager.open_path(paths.log_dir()))
        return note

    def _problem(self, problem: object) -> None:
        if isinstance(problem, Problem):
            note = self.notifications.tell(problem.title, problem.message, problem.details)
            note.add_button(_("Show log"), lambda: file_manager.open_path(paths.log_dir()))
        elif isinstance(problem, Exception):
            self.tell_error(_("That did not work"), problem)

    def _activity(self, activity: object) -> None:
        self.status.show_activity(activity)  # pyright: ignore[reportArgumentType]
        self._update_needs()

    def _update_needs(self) -> None:
        needs = self.page.needs() if self.page is not None else Needs.NOTHING
        if self.page is not None:
            if self.status.working:
                needs |= Needs.ACTIVITY
            needs |= self.model_actions.needs()
            stack = self.page.desk.stack
            for name, what, plain, full in (
                ("undo", stack.undoText(), _("&Undo"), _("&Undo {what}")),
                ("redo", stack.redoText(), _("&Redo"), _("&Redo {what}")),
            ):
                shown = what.replace("&", "&&")
                text = full.format(what=shown) if what else plain
                self.commands.action(f"edit.{name}").setText(text)
        self.commands.set_checked("model.pause", self.status.paused)
        self.commands.set_state(needs)

    def _show_part(self, name: str, shown: bool) -> None:
        if self.page is not None:
            self.page.part(name).setVisible(shown)
            self.memory.put(f"show-{name}", int(shown))

    def _zoom(self, step: int) -> None:
        if self.page is None:
            return
        if (reviewing := self.page.review.in_front) is not None:
            reviewing.canvas.zoom(1 if step > 0 else -1)
        else:
            self.page.grid.set_zoom(self.page.grid.zoom + step)

    def _find(self) -> None:
        if self.page is not None:
            self.page.show_grid()
            self.commands.set_checked("view.filters", True)
            self._show_part("filters", True)
            self.page.panel.bar.text.setFocus()
            self.page.panel.bar.text.selectAll()

    def _ask_folder(self, title: str) -> Path | None:
        chosen = QFileDialog.getExistingDirectory(self, title, self.memory.text("last-folder"))
        if not chosen:
            return None
        self.memory.put("last-folder", str(Path(chosen).parent))
        return Path(chosen)

    def closeEvent(self, event: QCloseEvent) -> None:
        still_open = self.memory.text("open")
        self.memory.put("geometry", self.saveGeometry())
        self.hide()
        self.close_library()
        # Reopened at the next start; only File > Close library forgets it.
        self.memory.put("open", still_open)
        self.memory.flush()
        self.opener.wait()
        super().closeEvent(event)
