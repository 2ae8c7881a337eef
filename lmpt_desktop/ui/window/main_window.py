"""The window: menus, toolbar, status bar, and the welcome page or an open library."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QEvent, QRect, QSize, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QIcon
from PySide6.QtWidgets import (
    QApplication,
    QMainWindow,
    QMenu,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop import paths, sample_photos
from lmpt_desktop.library_places import library_for
from lmpt_desktop.settings import (
    LAST_PAGE,
    LAST_PAGE_LIBRARY,
    OPEN_FOLDER,
    OPEN_LIBRARY,
    SPLITTER_STATE,
    THEME,
    TOUR_DONE,
    WINDOW_GEOMETRY,
    FolderPlace,
)
from lmpt_desktop.translation import _, join_names
from lmpt_desktop.ui.commands import CommandRegistry, Shortcuts
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.tasks import LatestRequest, Task
from lmpt_desktop.ui.kit.theme import ThemeChoice
from lmpt_desktop.ui.library.commands import PARTS, ask_folder
from lmpt_desktop.ui.library.dropped_paths import DroppedPaths, classify_paths
from lmpt_desktop.ui.shell.context import ShellContext
from lmpt_desktop.ui.shell.notifications import NotificationArea
from lmpt_desktop.ui.shell.page_stack import GRID
from lmpt_desktop.ui.shell.settings import ComputerSettings, RecentLibrary
from lmpt_desktop.ui.shell.status_bar import StatusBar
from lmpt_desktop.ui.shell.tool_bar import FittingToolBar, Segments
from lmpt_desktop.ui.window.features import ATTACH, all_commands
from lmpt_desktop.ui.window.folder_place import (
    FolderPlaceDialog,
    FoundPlace,
    found_place,
    menu_text,
)
from lmpt_desktop.ui.window.full_screen import FullScreen
from lmpt_desktop.ui.window.single_instance import SingleInstanceServer
from lmpt_desktop.ui.window.tour import TourCard
from lmpt_desktop.ui.window.welcome import WelcomePage

if TYPE_CHECKING:
    from lmpt_desktop.domain.records import Folder
    from lmpt_desktop.ui.library.opened import Opened
    from lmpt_desktop.ui.library.page import LibraryPage
    from lmpt_desktop.ui.window.library_opening import LibraryOpener
    from lmpt_desktop.ui.window.page_builder import PageBuilder

log = logging.getLogger(__name__)

TITLE = "LMPT Desktop"
FRAME = QSize(16, 48)
"""Estimated size of the window manager's frame, so that the whole window fits the screen."""

PAGES = ("view.grid", "view.review", "view.long-tail")
"""The commands of the pages at the left of the toolbar."""

TOOLBAR: tuple[str, ...] = ("edit.undo", "edit.redo", "edit.filter", "model.retrain")
"""Command ids from left to right, beside the pages; space comes after the first two."""

ICON_ONLY = ("edit.undo", "edit.redo")
"""Toolbar buttons without a label."""

LABEL_COLLAPSE_ORDER = ("edit.filter", "model.retrain")
"""The order in which toolbar buttons lose their labels if the window is too narrow."""

RESTORE = "restore"
"""The name of the dialog that restores a copy."""

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
        centre = QWidget()
        self.notifications = NotificationArea(centre)
        self.status = StatusBar()
        self.setStatusBar(self.status)
        self.context = ShellContext(self, self.commands, self.notifications, self.status, settings)
        self.server = SingleInstanceServer(self)
        self.welcome = WelcomePage()
        self.waiting = Label()
        self.waiting.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.welcome)
        self.stack.addWidget(self.waiting)
        layout = QVBoxLayout(centre)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.stack, 1)
        self.setCentralWidget(centre)
        self._build_menus()
        self.full_screen = FullScreen(self, self._is_work)
        self.tour = TourCard(self, self.context, self._tour_anchor, self._tour_prepare)
        for attach in ATTACH:
            attach(self.context)
        self._connect()
        self._restore()

    # -------------------------------------------------------------------------- building

    def _build_menus(self) -> None:
        menus = self.commands.fill_menu_bar(self.menuBar())
        self._recent_menu = QMenu(_("&Recent libraries"), self)
        self._recent_menu.setObjectName("recent-libraries")
        self._recent_menu.setToolTipsVisible(True)
        self._recent_menu.aboutToShow.connect(self._fill_recent)
        menus["file"].insertMenu(self.commands.action("file.samples"), self._recent_menu)
        self.toolbar = FittingToolBar(
            _("Main"), self.commands.action, ICON_ONLY, LABEL_COLLAPSE_ORDER
        )
        self.toolbar.setObjectName("toolbar")
        self.segments = Segments(
            _("Pages"),
            {
                self.commands.command(name).opens or GRID: self.commands.action(name)
                for name in PAGES
            },
        )
        self.toolbar.addWidget(self.segments)
        self.commands.add_to(self.toolbar, TOOLBAR[:2])
        self.toolbar.add_space()
        self.commands.add_to(self.toolbar, TOOLBAR[2:])
        self.toolbar.add_spare(self.status.model)
        self.toolbar.fit()
        # Numbers are part of their labels.
        for name in ("edit.filter", "model.retrain"):
            self.commands.action(name).changed.connect(self._fit_soon)
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

    def _fit_soon(self) -> None:
        if self.toolbar.isVisible():
            QTimer.singleShot(0, self.toolbar, self.toolbar.fit)

    def _apply_theme(self, choice: str) -> None:
        theme.manager().apply(ThemeChoice(choice))
        self.context.refresh_commands()

    def set_full_screen(self, on: bool) -> None:
        """Enter or leave full screen, and say how to leave it."""
        self.full_screen.set(on)
        if on:
            keys = self.commands.keys_text("view.full-screen")
            leave = _("Esc or {keys}").format(keys=keys) if keys else _("Esc")
            self.notifications.toast(_("{keys} leaves full screen").format(keys=leave))

    def in_full_screen(self) -> bool:
        return self.full_screen.on

    def _is_work(self, widget: QWidget) -> bool:
        """Whether a widget shows photos or figures: in the grid the grid alone."""
        page = self.page
        if page is None:
            return self.stack.isAncestorOf(widget)
        front = page.pages.currentWidget()
        if page.pages.current == GRID:
            return widget is page.grid
        return front is not None and (front is widget or front.isAncestorOf(widget))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.WindowStateChange:
            self.context.refresh_commands()  # the window manager can leave full screen, too

    def begin_tour(self) -> None:
        """Show the tour's first card, over the grid, where most of what it explains is."""
        if self.page is not None:
            self.page.show_grid()
        self.tour.begin()

    def first_start(self) -> None:
        """Begin the tour once a library is open, if it was neither taken nor skipped before."""
        if self.settings.get(TOUR_DONE):
            return
        if self.page is not None:
            self.tour.begin_soon()
        else:
            self.context.opened.connect(self._begin_first_tour)

    def _begin_first_tour(self, _library: object) -> None:
        self.context.opened.disconnect(self._begin_first_tour)
        self.tour.begin_soon()

    def _tour_ended(self, had_focus: bool) -> None:
        self.settings.set(TOUR_DONE, True)
        if had_focus:
            self._focus_work()

    def _tour_anchor(self, name: str) -> QRect | None:
        """Where in the window a part of it is; None while it is not to be seen."""
        page = self.page
        if page is None:
            return None
        parts: dict[str, QWidget | None] = {
            "folders": page.tree,
            "inspector": page.inspector,
            "confirm": page.inspector.findChild(QWidget, "confirm-bar"),
            "review": self.segments.buttons["review"],
            "long-tail": self.segments.buttons["long-tail"],
            "retrain": self.toolbar.widgetForAction(self.commands.action("model.retrain")),
        }
        widget = page.grid.viewport() if name == "card" else parts[name]
        if widget is None or not widget.isVisible():
            return None
        area = widget.rect()
        if name == "card":
            shown = page.grid.visible_positions()
            if not shown:
                return None
            area &= page.grid.visualRect(page.panel.model.index(shown[0]))
        return QRect(widget.mapTo(self, area.topLeft()), area.size())

    def _tour_prepare(self, name: str) -> None:
        """Select a photo, so that the inspector has something to show."""
        page = self.page
        if name != "card" or page is None or page.grid.selected_count():
            return
        if shown := page.grid.visible_positions():
            page.go_to_image(page.panel.model.image_id(shown[0]))

    # --------------------------------------------------------------------------- opening

    def ask_open(self) -> None:
        """Ask for a folder and open it as a library."""
        if chosen := ask_folder(self.context, _("Open a folder of photos")):
            self.open_paths([chosen])

    def open_samples(self) -> None:
        """Copy the sample photos and open them."""

        def copy() -> tuple[Path, Path]:
            folder = sample_photos.copy_samples()
            return folder, library_for(folder)

        Task(
            copy,
            lambda made: self.open_paths([made[0]], made[1]),
            lambda error: self.context.report(_("The sample photos cannot be opened"), error),
            owner=self,
        )

    def open_dropped(self, paths: Sequence[Path]) -> None:
        """Open what was dropped on the welcome page, and leave out what is no photo."""

        def found(dropped: DroppedPaths) -> None:
            self.open_paths((*dropped.folders, *dropped.photos) or paths)

        Task(lambda: classify_paths(paths), found, self.context.report_failure, owner=self)

    def open_paths(self, requested: Sequence[Path], library: Path | None = None) -> None:
        """Open folders and photos in ``library`` or, if None, in that of the first folder.

        If that belongs to no library yet, and there are others, the user is asked.
        """
        if requested:
            recent = self.settings.recent()
            self.status.show_text(_("Opening the library..."))
            self._classifying.ask(lambda: found_place(classify_paths(requested), library, recent))
        elif library is not None:
            self.open_library(library)

    def _open_offered(self, found: DroppedPaths) -> None:
        """Open what was dropped on the open library and is not in it."""
        recent = self.settings.recent()
        self._classifying.ask(lambda: found_place(found, None, recent))

    def _open_classified(self, place: FoundPlace) -> None:
        found = place.found
        self.status.clearMessage()
        for path in found.others:
            self.notifications.notify(
                _("Not found"),
                _("There is no folder or photo at {path}. Check the path.").format(path=path),
            )
        if place.other is None or place.library is None:
            self._open_in(found, place.library)
            return
        choice = FolderPlace(self.settings.get(OPEN_FOLDER))
        if choice is not FolderPlace.ASK:
            self._open_at(place, choice)
            return
        dialog = FolderPlaceDialog(found.required_folders[0], place.other, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

        def chosen(choice: FolderPlace, always: bool) -> None:
            if always:
                self.settings.set(OPEN_FOLDER, str(choice))
            self._open_at(place, choice)

        dialog.chosen.connect(chosen)
        dialog.open()

    def _open_at(self, place: FoundPlace, choice: FolderPlace) -> None:
        other = place.other
        assert other is not None

        def answered(exists: bool) -> None:
            if choice is not FolderPlace.FRESH and not exists:
                self._show_missing(other)
            elif choice is FolderPlace.ADD:
                self._open_in(place.found, Path(other.library))
            else:
                like = Path(other.library) if choice is FolderPlace.LIKE else None
                self._open_in(place.found, place.library, like)

        # Its disk may have gone while the question was on screen, and an empty library would be
        # made in its place.
        Task(lambda: other.exists, answered, self.context.report_failure, owner=self)

    def _open_in(self, found: DroppedPaths, library: Path | None, like: Path | None = None) -> None:
        if self.page is not None and self.page.session.library_folder == library:
            self.page.dropped_paths.handle(found)
        elif library is not None:
            self.open_library(library, found.required_folders, found.photos, like=like)

    def _classify_failed(self, error: Exception) -> None:
        self.status.clearMessage()
        self.context.report(_("The library could not be opened"), error)

    def open_library(
        self,
        library: Path,
        folders: Sequence[Path] = (),
        photos: Sequence[Path] = (),
        *,
        like: Path | None = None,
    ) -> None:
        """Open a library in the background; an open one is closed first.

        ``like``: the library whose vocabulary and learned prompts a new one gets.
        """
        if self.opener.busy or self._building is not None:
            return
        if self.page is not None:
            if self.page.session.library_folder == library:
                self.page.add_folders(folders)
                return
            self.close_library()
        self.waiting.setText(_("Opening the library..."))
        self.stack.setCurrentWidget(self.waiting)
        self.opener.open(library, folders, photos, like=like)

    def _opened(self, opened: Opened, photos: tuple[Path, ...]) -> None:
        from lmpt_desktop.ui.library.page import LibraryPage  # noqa: PLC0415
        from lmpt_desktop.ui.window.page_builder import PageBuilder  # noqa: PLC0415

        def make() -> LibraryPage:
            page = LibraryPage(opened, self.context, self.stack)
            self.stack.addWidget(page)
            return page

        def begin(page: LibraryPage) -> None:
            self._use_page(page)
            page.dropped_paths.select(photos)

        self._building = PageBuilder(opened, make, (self._show_page, begin), self)

    def _show_page(self, page: LibraryPage) -> None:
        """Bring a new page to the front as it was left; its commands follow."""
        session = page.session
        page.restore_widths(_state(self.settings.get(SPLITTER_STATE)), self.size())
        for name, setting in PARTS.items():
            page.part(name).setVisible(self.settings.get(setting))
        self.stack.setCurrentWidget(page)
        self.toolbar.show()
        self.status.show_model(session.model.backbone, session.model.device)
        for activity in session.activities.current().values():
            self.status.show_activity(activity)

    def _use_page(self, page: LibraryPage) -> None:
        """From now on it is the page of the open library."""
        self._building = None
        self.page = page
        page.folders_changed.connect(self._remember_library)
        page.dropped_paths.folders_offered.connect(self._open_offered)
        self._remember_folders(page.opened.folders)
        self.server.open(page.session.library_folder)
        self.context.set_library(page)
        page.pages.shown.connect(self._page_shown)
        self.segments.show_page(page.pages.current)
        page.grid.setFocus()
        self._restore_last_page(page)

    def _page_shown(self, name: str) -> None:
        self.segments.show_page(name)
        self.toolbar.forget_mouse()

    def _open_failed(self, error: Exception) -> None:
        from lmpt_desktop.catalogue.errors import CatalogueDamaged  # noqa: PLC0415

        self.stack.setCurrentWidget(self.welcome)
        note = self.context.report(_("The library could not be opened"), error)
        if isinstance(error, CatalogueDamaged) and (library := error.library) is not None:
            note.add_button(_("Restore a copy..."), lambda: self._offer_copies(library, str(error)))
            self._offer_copies(library, str(error))

    # ------------------------------------------------------------------------- restoring

    def ask_restore(self) -> None:
        """Offer the copies of the open library."""
        if self.page is not None:
            self._offer_copies(self.page.session.library_folder)

    def _offer_copies(self, library: Path, damaged: str = "") -> None:
        from lmpt_desktop.ui.window.restore_dialog import RestoreDialog  # noqa: PLC0415

        def make() -> RestoreDialog:
            dialog = RestoreDialog(library, damaged=damaged, parent=self)
            dialog.restore_requested.connect(lambda copy: self._restore_copy(library, copy))
            return dialog

        self.context.dialogs.show(RESTORE, make)

    def _restore_copy(self, library: Path, copy: Path) -> None:
        """Put a copy in the library's place, and open that."""
        self.close_library()
        self.notifications.clear()
        self.waiting.setText(_("Restoring the copy..."))
        self.stack.setCurrentWidget(self.waiting)

        def put() -> Path | None:
            from lmpt_desktop.catalogue.restoring import restore  # noqa: PLC0415

            self.opener.wait()
            return restore(library, copy)

        def done(kept: Path | None) -> None:
            text = _("The library is as it was in the copy {name}.").format(name=copy.name)
            if kept is not None:
                text += " " + _("What was there before is kept as {name}.").format(
                    name=kept.relative_to(library)
                )
            self.open_library(library)
            note = self.notifications.notify(_("The copy was restored"), text, colour="accent")
            note.dismiss_later()

        def failed(error: Exception) -> None:
            self.stack.setCurrentWidget(self.welcome)
            self.context.report(_("The copy could not be restored"), error)

        Task(put, done, failed, owner=self)

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
        snapshot = page.session.snapshot()
        self.settings.count(
            str(page.session.library_folder),
            len(snapshot.image_ids),
            int((snapshot.annotations >= 0).sum()),
        )
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
        self.settings.set(WINDOW_GEOMETRY, self.full_screen.geometry())
        self.full_screen.set(False)
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
            action = self._recent_menu.addAction(
                menu_text(entry.name, entry), lambda e=entry: self.open_recent(e)
            )
            action.setToolTip(entry.places)
        if not entries:
            self._recent_menu.addAction(_("None yet")).setEnabled(False)
        self._labelling.ask(lambda: [menu_text(entry.label, entry) for entry in entries])

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
        page = self.page
        work = page.pages.currentWidget() if page is not None else self.welcome.open_button
        (work or self).setFocus()


def _state(value: object) -> QByteArray:
    """A stored geometry or splitter state; empty if there is none."""
    return value if isinstance(value, QByteArray) else QByteArray()
