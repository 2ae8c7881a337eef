"""The window: menus, toolbar, status bar, and the welcome page or an open library."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QByteArray, QSize, Qt
from PySide6.QtGui import QCloseEvent, QIcon
from PySide6.QtWidgets import (
    QApplication,
    QLabel,
    QMainWindow,
    QMenu,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop import paths
from lmpt_desktop.domain.records import Folder
from lmpt_desktop.ingest import samples
from lmpt_desktop.library_places import library_for
from lmpt_desktop.real_paths import canonical
from lmpt_desktop.settings import (
    LAST_PAGE,
    LAST_PAGE_LIBRARY,
    OPEN_LIBRARY,
    SPLITTER_STATE,
    THEME,
    TOUR_DONE,
    WINDOW_GEOMETRY,
)
from lmpt_desktop.translation import _, join_names
from lmpt_desktop.ui.commands import CommandRegistry, Shortcuts
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.tasks import LatestRequest, Task
from lmpt_desktop.ui.kit.theme import ThemeChoice
from lmpt_desktop.ui.library.commands import PARTS, ask_folder, show_part
from lmpt_desktop.ui.library.dropped_paths import DroppedPaths, classify_paths
from lmpt_desktop.ui.library.opened import Opened
from lmpt_desktop.ui.library.page import LibraryPage
from lmpt_desktop.ui.shell.context import ShellContext
from lmpt_desktop.ui.shell.notifications import NotificationArea
from lmpt_desktop.ui.shell.settings import ComputerSettings, RecentLibrary
from lmpt_desktop.ui.shell.status_bar import StatusBar
from lmpt_desktop.ui.shell.tool_bar import FittingToolBar
from lmpt_desktop.ui.window.features import ATTACH, all_commands
from lmpt_desktop.ui.window.library_opening import LibraryOpener
from lmpt_desktop.ui.window.page_builder import PageBuilder
from lmpt_desktop.ui.window.single_instance import SingleInstanceServer
from lmpt_desktop.ui.window.tour import TourCard
from lmpt_desktop.ui.window.welcome import WelcomePage

log = logging.getLogger(__name__)

TITLE = "LMPT Desktop"
FRAME = QSize(16, 48)
"""Estimated size of the window manager's frame, so that the whole window fits the screen."""

TOOLBAR: tuple[str, ...] = (
    "file.open", "file.add", "", "edit.undo", "edit.redo", "",
    "image.present", "image.absent", "image.unknown", "image.reviewed", "",
    "view.review", "view.long-tail", "view.filters", "vocabulary.edit", "model.retrain",
)  # fmt: skip
"""Command ids from left to right; an empty string is a separator."""

ICON_ONLY = ("edit.undo", "edit.redo", "view.filters")
"""Toolbar buttons without a label."""

LABEL_COLLAPSE_ORDER = (
    "file.add", "file.open", "view.long-tail", "vocabulary.edit", "view.review", "image.reviewed",
    "image.unknown", "image.absent", "image.present", "model.retrain",
)  # fmt: skip
"""The order in which toolbar buttons lose their labels if the window is too narrow."""

RENAMED_PAGES = {"dashboard": "long-tail"}
"""Names that pages had in earlier versions."""


class MainWindow(QMainWindow):
    """The main window, with at most one open library."""

    def __init__(self, opener: LibraryOpener, settings: ComputerSettings) -> None:
        super().__init__()
        self.setObjectName("main-window")
        self.setWindowTitle(TITLE)
        self.setWindowIcon(QIcon(str(paths.resources_dir() / "icons" / "lmpt-desktop.svg")))
        self.page: LibraryPage | None = None
        self._building: PageBuilder | None = None
        self.settings = settings
        self.opener = opener
        self._classifying = LatestRequest(self._open_classified, self._classify_failed, owner=self)
        self._labelling = LatestRequest(self._label_recent, owner=self)
        declared = tuple(all_commands(self))
        self.commands = CommandRegistry(self, declared, Shortcuts(declared, settings, self))
        self.notifications = NotificationArea()
        self.status = StatusBar()
        self.setStatusBar(self.status)
        self.context = ShellContext(self, self.commands, self.notifications, self.status, settings)
        self.server = SingleInstanceServer(self)
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
        self._build_menus()
        self.tour = TourCard(self, self.context, self._tour_anchor)
        for attach in ATTACH:
            attach(self.context)
        self._connect()
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
        # Its commands need an open library.
        self.toolbar.hide()
        self.addToolBar(self.toolbar)

    def _connect(self) -> None:
        settings = self.settings
        settings.on_change(THEME, self._apply_theme)
        self.welcome.open_requested.connect(self.ask_open)
        self.welcome.samples_requested.connect(self.open_samples)
        self.welcome.library_requested.connect(self.open_recent)
        self.welcome.paths_dropped.connect(self.open_dropped)
        self.welcome.forget_requested.connect(self.forget_recent)
        self.opener.opened.connect(self._opened)
        self.opener.failed.connect(self._open_failed)
        self.opener.shown_elsewhere.connect(self._shown_elsewhere)
        self.server.activation_requested.connect(self.come_to_front)
        self.notifications.focus_left.connect(self._focus_work)
        self.tour.ended.connect(self._tour_ended)

    def _restore(self) -> None:
        if not self.restoreGeometry(_state(self.settings.get(WINDOW_GEOMETRY))):
            room = self.screen().availableGeometry().size() - FRAME
            self.resize(QSize(1320, 840).boundedTo(room))
        theme.manager().apply(ThemeChoice(self.settings.get(THEME)))
        self.welcome.show_recent(self.settings.recent())
        self.commands.connect_context(self.context)

    def _apply_theme(self, choice: str) -> None:
        theme.manager().apply(ThemeChoice(choice))
        self.context.refresh_commands()

    def begin_tour(self) -> None:
        """Show the tour's first card."""
        self.tour.begin()

    def first_start(self) -> None:
        """Begin the tour if it was neither taken nor skipped before."""
        if not self.settings.get(TOUR_DONE):
            self.begin_tour()

    def _tour_ended(self, had_focus: bool) -> None:
        self.settings.set(TOUR_DONE, True)
        if had_focus:
            self._focus_work()

    def _tour_anchor(self, name: str) -> QWidget | None:
        """The widget that a card of the tour points to."""
        if name == "open" and self.page is None:
            return self.welcome.open_button
        if name in ("open", "retrain"):
            command = {"open": "file.open", "retrain": "model.retrain"}[name]
            return self.toolbar.widgetForAction(self.commands.action(command))
        if self.page is None:
            return None
        return self.page.inspector if name == "inspector" else self.page.panel.bar.bands

    # --------------------------------------------------------------------------- opening

    def ask_open(self) -> None:
        """Ask for a folder and open it as a library."""
        if chosen := ask_folder(self.context, _("Open a folder of photos")):
            self.open_paths([chosen])

    def open_samples(self) -> None:
        """Copy the sample photos and open them."""
        Task(
            samples.copy_samples,
            lambda folder: self.open_paths([folder]),
            lambda error: self.context.report(_("The sample photos cannot be opened"), error),
            owner=self,
        )

    def open_dropped(self, paths: Sequence[Path]) -> None:
        """Open what was dropped on the welcome page, and leave out what is no photo."""

        def found(dropped: DroppedPaths) -> None:
            self.open_paths((*dropped.folders, *dropped.photos) or paths)

        Task(lambda: classify_paths(paths), found, self.context.report_failure, owner=self)

    def open_paths(self, requested: Sequence[Path], library: Path | None = None) -> None:
        """Open folders and photos in ``library`` or, if None, in that of the first folder."""

        def look() -> tuple[DroppedPaths, Path | None]:
            found = classify_paths(requested)
            required = found.required_folders
            chosen = library_for(required[0]) if library is None and required else library
            # As the folder of an open library, so that the two can be compared.
            return found, canonical(chosen) if chosen is not None else None

        if requested:
            self.status.show_text(_("Opening the library..."))
            self._classifying.ask(look)
        elif library is not None:
            self.open_library(library)

    def _open_classified(self, answer: tuple[DroppedPaths, Path | None]) -> None:
        found, library = answer
        self.status.clearMessage()
        for path in found.others:
            self.notifications.notify(
                _("Not found"),
                _("There is no folder or photo at {path}. Check the path.").format(path=path),
            )
        if self.page is not None and self.page.session.library_folder == library:
            self.page.dropped_paths.handle(found)
        elif library is not None:
            self.open_library(library, found.required_folders, found.photos)

    def _classify_failed(self, error: Exception) -> None:
        self.status.clearMessage()
        self.context.report(_("The library could not be opened"), error)

    def open_library(
        self, library: Path, folders: Sequence[Path] = (), photos: Sequence[Path] = ()
    ) -> None:
        """Open a library in the background; an open one is closed first."""
        if self.opener.busy or self._building is not None:
            return
        if self.page is not None:
            if self.page.session.library_folder == library:
                self.page.add_folders(folders)
                return
            self.close_library()
        self.waiting.setText(_("Opening the library..."))
        self.stack.setCurrentWidget(self.waiting)
        self.opener.open(library, folders, photos)

    def _opened(self, opened: Opened, photos: tuple[Path, ...]) -> None:
        def show(page: LibraryPage) -> None:
            self._show_page(page)
            page.dropped_paths.select(photos)

        self._building = PageBuilder(
            opened, lambda parts: LibraryPage(opened, self.context, parts), show, self
        )

    def _show_page(self, page: LibraryPage) -> None:
        opened = page.opened
        self._building = None
        self.page = page
        page.folders_changed.connect(self._remember_library)
        self.stack.addWidget(page)
        self.stack.setCurrentWidget(page)
        self.toolbar.show()
        self.status.show_model(opened.session.model.backbone, opened.session.model.device)
        for activity in opened.session.activities.current().values():
            self.status.show_activity(activity)
        self._remember_folders(opened.folders)
        self.server.open(opened.session.library_folder)
        self.context.set_library(page)
        self._restore_page(page)
        page.grid.setFocus()
        self._restore_last_page(page)

    def _open_failed(self, error: Exception) -> None:
        self.stack.setCurrentWidget(self.welcome)
        self.context.report(_("The library could not be opened"), error)

    def _shown_elsewhere(self, library: Path) -> None:
        self.stack.setCurrentWidget(self.welcome)
        note = self.notifications.notify(
            _("This library is open in another window"),
            _(
                "That window was brought to the front; the folders are opened there: {library}"
            ).format(library=library),
            colour="accent",
        )
        note.dismiss_later()

    def come_to_front(self, requested: list[Path]) -> None:
        """Come to the front, because the app was started again for this library."""
        if self.isMinimized():
            self.showNormal()
        self.show()
        self.raise_()
        self.activateWindow()
        QApplication.alert(self)
        if self.page is not None:
            self.page.dropped_paths.drop(requested)

    # --------------------------------------------------------------------------- closing

    def close_library(self) -> None:
        """Return to the welcome page; a running retraining continues."""
        if self._building is not None:
            self._building.stop()
            self.opener.close(self._building.opened)
            self._building = None
        page, self.page = self.page, None
        if page is None:
            return
        self.settings.set(SPLITTER_STATE, page.splitter.saveState())
        self.server.close()
        self.context.set_library(None)
        page.close_page()
        self.stack.setCurrentWidget(self.welcome)
        self.stack.removeWidget(page)
        self.toolbar.hide()
        self.opener.close(page.opened)
        page.deleteLater()
        self.status.reset()
        self.notifications.clear()
        self.setWindowTitle(TITLE)
        self.settings.set(OPEN_LIBRARY, "")
        self.welcome.show_recent(self.settings.recent())

    def closeEvent(self, event: QCloseEvent) -> None:
        still_open = self.settings.get(OPEN_LIBRARY)
        self.settings.set(WINDOW_GEOMETRY, self.saveGeometry())
        self.hide()
        self._classifying.cancel()
        self.close_library()
        # Reopened at the next start, unless it was closed with File > Close library.
        self.settings.set(OPEN_LIBRARY, still_open)
        self.settings.flush()
        self.opener.wait()
        super().closeEvent(event)

    # ------------------------------------------------------------------------ window state

    def _remember_library(self) -> None:
        if self.page is None:
            return
        Task(
            self.page.session.folders.all,
            self._remember_folders,
            lambda error: log.info("the library was not remembered: %s", error),
            owner=self.page,
        )

    def _remember_folders(self, found: Sequence[Folder]) -> None:
        if self.page is None:
            return
        session = self.page.session
        folders = [folder.path for folder in found if not folder.hidden]
        names = [folder.name for folder in folders] or [session.library_folder.name]
        name = join_names(names, 1)
        self.setWindowTitle(f"{name} - {TITLE}")
        self.settings.remember(
            RecentLibrary(name, str(session.library_folder), tuple(map(str, folders)))
        )
        self.settings.set(OPEN_LIBRARY, str(session.library_folder))

    def _restore_page(self, page: LibraryPage) -> None:
        page.splitter.restoreState(_state(self.settings.get(SPLITTER_STATE)))
        for name, setting in PARTS.items():
            show_part(self.context, name, self.settings.get(setting))

    def _restore_last_page(self, page: LibraryPage) -> None:
        """Return to the page that was open when this library was closed."""
        settings, library = self.settings, str(page.session.library_folder)
        last = settings.get(LAST_PAGE) if settings.get(LAST_PAGE_LIBRARY) == library else ""
        settings.set(LAST_PAGE_LIBRARY, library)
        settings.set(LAST_PAGE, last)
        name = RENAMED_PAGES.get(last, last)
        if command := next((c for c in self.commands.commands if name and c.opens == name), None):
            self.commands.trigger(command.id)
        page.pages.shown.connect(lambda name: settings.set(LAST_PAGE, name))

    def _fill_recent(self) -> None:
        self._recent_menu.clear()
        entries = self.settings.recent()
        for entry in entries:
            self._recent_menu.addAction(entry.name, lambda e=entry: self.open_recent(e))
        if not entries:
            self._recent_menu.addAction(_("None yet")).setEnabled(False)
        self._labelling.ask(lambda: [entry.label for entry in entries])

    def _label_recent(self, labels: list[str]) -> None:
        for action, label in zip(self._recent_menu.actions(), labels, strict=False):
            action.setText(label)

    def open_recent(self, entry: RecentLibrary) -> None:
        """Open a recent library, or say that it was not found."""

        def answered(exists: bool) -> None:
            if exists:
                self.open_library(Path(entry.library))
            else:
                self._show_missing(entry)

        Task(lambda: entry.exists, answered, self.context.report_failure, owner=self)

    def _show_missing(self, entry: RecentLibrary) -> None:
        note = self.notifications.notify(
            _("“{name}” was not found").format(name=entry.name),
            _(
                "The library {library} was moved or deleted, or its disk is not connected. "
                "Connect the disk and try again, or remove the library from the list."
            ).format(library=entry.library),
        )

        def forget() -> None:
            self.notifications.dismiss(note)
            self.forget_recent(entry)

        note.add_button(_("Remove from list"), forget)

    def forget_recent(self, entry: RecentLibrary) -> None:
        """Remove a library from the list; its files stay."""
        self.settings.forget(entry.library)
        self.welcome.show_recent(self.settings.recent())

    def _focus_work(self) -> None:
        (self.page.grid if self.page is not None else self.welcome.open_button).setFocus()


def _state(value: object) -> QByteArray:
    """A stored geometry or splitter state; empty if there is none."""
    return value if isinstance(value, QByteArray) else QByteArray()
