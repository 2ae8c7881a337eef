"""The page of one open library: folder tree, grid and inspector, bound to its session."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QFileDialog, QMenu, QMessageBox, QSplitter, QVBoxLayout, QWidget

from lmpt_desktop.engine import notices
from lmpt_desktop.engine.searching import SearchReady
from lmpt_desktop.engine.views import Snapshot, Verdict
from lmpt_desktop.inference.filters import Status
from lmpt_desktop.translation import _, ngettext, number
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.commands import IMAGE_MENU, CommandRegistry, Needs
from lmpt_desktop.ui.grid.view import ZOOM_USUAL
from lmpt_desktop.ui.kit import file_manager, tasks
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.kit.texts import images_text
from lmpt_desktop.ui.library.dropped_paths import dropped
from lmpt_desktop.ui.library.folder_tree import FolderCounter, FolderCounts
from lmpt_desktop.ui.review.entry import ReviewEntry
from lmpt_desktop.ui.shell.page_stack import GRID, PageStack
from lmpt_desktop.ui.window.library_opening import Opened
from lmpt_desktop.ui.window.page_builder import PageParts

RECOUNT_MS = 900
"""While photos are being found, the folder tree is counted anew this often."""

BEGIN_MS = 30
"""From showing a library's images to everything else: time for them to be painted."""

REVEAL_LIMIT = 5


class LibraryPage(QWidget):
    """Lives as long as its session; :meth:`close_page` before closing that."""

    needs_changed = Signal()
    """:meth:`needs` would answer otherwise."""
    said = Signal(str)
    problem = Signal(object)
    """A :class:`~lmpt_desktop.engine.notices.Problem`, or an exception, for the user."""
    activity_changed = Signal(object)
    encoder_changed = Signal(object)
    folders_changed = Signal()
    arrived = Signal(object)
    """An :class:`~lmpt_desktop.ui.library.dropped_paths.DroppedPaths` was dropped here."""

    def __init__(self, opened: Opened, commands: CommandRegistry, parts: PageParts) -> None:
        super().__init__()
        self.setObjectName("library")
        self.setAcceptDrops(True)
        session = opened.session
        self.opened = opened
        self.session = session
        self.commands = commands
        self.bridge = SessionBridge(session, self)
        self.desk = AnnotationUndoStack(session, self)
        self.tree = parts.tree
        self.panel = parts.panel
        self.grid = self.panel.view
        self.inspector = parts.inspector
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(3)
        self.splitter.addWidget(self.tree)
        self.splitter.addWidget(self.panel)
        self.splitter.addWidget(self.inspector)
        self.splitter.setStretchFactor(1, 1)
        self.tree.setMinimumWidth(140)
        self.panel.setMinimumWidth(320)
        self.pages = PageStack(self.splitter)
        self.review = ReviewEntry(self)
        self.splitter.setFocusProxy(self.grid)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.pages)
        self._classes = False
        self._closed = False
        self._begun = self._waiting_for_count = False
        self._counting = False
        self._captions: dict[int, str] = {}
        self._writing_captions = threading.Lock()
        self._counter = FolderCounter()
        self._grid_stale = False
        self.pages.shown.connect(self._page_shown)
        self._recount = QTimer(self)
        self._recount.setSingleShot(True)
        self._recount.setInterval(RECOUNT_MS)
        self._recount.timeout.connect(self._count)
        commands.add_plain_keys(self.grid)
        commands.add_plain_keys(self.inspector.view)
        self._connect_widgets()
        self._connect_notices()
        self.splitter.setSizes([210, 760, 340])
        self.panel.set_scanning(self._scanning())
        self.panel.ask()
        self.desk.read_history()

    def _connect_widgets(self) -> None:
        self.tree.chosen.connect(self.panel.bar.set_folder)
        self.tree.rescan_wanted.connect(self.session.rescan)
        self.tree.relocate_wanted.connect(self.relocate_folder)
        self.tree.remove_wanted.connect(self.remove_folder)
        self.panel.shown.connect(self._shown)
        self.panel.query.failed.connect(self.problem)
        self.panel.shown.connect(self._begin_soon)
        self.panel.query.failed.connect(self._begin_soon)
        self.panel.searched.connect(self.said)
        self.panel.search_bar.changed.connect(self.needs_changed)
        escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), self.grid)
        escape.setContext(Qt.ShortcutContext.WidgetShortcut)
        escape.activated.connect(self.panel.search_bar.clear)
        self.panel.add_folder_wanted.connect(lambda: self.commands.action("file.add").trigger())
        self.panel.bar.class_chosen.connect(self._class_chosen)
        self.grid.visible_changed.connect(self._prioritise)
        self.grid.selection_settled.connect(self._selection_settled)
        self.grid.menu_wanted.connect(self._image_menu)
        self.inspector.verdict_wanted.connect(self.desk.annotate)
        self.inspector.reviewed_wanted.connect(self.desk.mark_reviewed)
        self.inspector.caption_wanted.connect(self._set_caption)
        self.inspector.class_focused.connect(
            lambda class_id: self.set_focus_class(None if class_id < 0 else class_id)
        )
        self.inspector.vocabulary_wanted.connect(
            lambda: self.commands.action("vocabulary.edit").trigger()
        )
        self.inspector.photo_activated.connect(self.review.open_at)
        self.grid.activated_image.connect(self.review.open_at)
        self.desk.said.connect(self.said)
        self.desk.failed.connect(self.problem)
        # Bound methods, not lambdas: the stack emits once more while the page, its receiver, is
        # being destroyed, and only these connections are cut before that.
        self.desk.busy_changed.connect(self._needs_may_have_changed)
        self.desk.stack.indexChanged.connect(self._needs_may_have_changed)

    def _needs_may_have_changed(self, *_: object) -> None:
        self.needs_changed.emit()

    def _connect_notices(self) -> None:
        on = self.bridge.on
        on(notices.ImagesChanged, lambda _notice: self._library_changed())
        on(notices.FoldersChanged, lambda _notice: self._folders_changed())
        on(notices.PredictionsChanged, lambda _notice: self.panel.library_changed())
        on(notices.ClassesChanged, lambda _notice: self.panel.ask())
        on(notices.VersionsChanged, lambda _notice: self.panel.library_changed())
        on(notices.AnnotationsChanged, lambda _notice: self._annotations_changed())
        on(notices.ActivityChanged, self._activity_changed)
        on(notices.EncoderChanged, self.encoder_changed.emit)
        on(notices.EncoderChanged, lambda _notice: self.panel.encoder_changed())
        on(SearchReady, self.panel.search_read)
        on(notices.Problem, self.problem.emit)
        on(notices.RunChanged, lambda _notice: self.needs_changed.emit())

    # ------------------------------------------------------------------------------- state

    def needs(self) -> Needs:
        """What holds for this library, for the commands."""
        reviewing = self.review.in_front is not None
        flags = Needs.LIBRARY | self.review.needs()
        if self.grid.selected_count() and self.pages.current == GRID:
            flags |= Needs.SELECTION
        if self.panel.search_bar.query is not None:
            flags |= Needs.SEARCH
        if self._classes:
            flags |= Needs.CLASSES
        if self.focus_class is not None and not reviewing:
            flags |= Needs.CLASS
        if self.desk.can_undo:
            flags |= Needs.UNDO
        if self.desk.can_redo:
            flags |= Needs.REDO
        return flags

    @property
    def focus_class(self) -> int | None:
        """The class that Present, Absent and Unknown are about."""
        return self.panel.model.focus_class

    def part(self, name: str) -> QWidget:
        """A part of the page that the View menu shows and hides."""
        parts: dict[str, QWidget] = {
            "filters": self.panel.bar,
            "folders": self.tree,
            "inspector": self.inspector,
        }
        return parts[name]

    @property
    def current_id(self) -> int:
        """The image in the review view, or the one the grid's keyboard is on; -1 for none."""
        page = self.review.in_front
        return page.current_id if page is not None else self.grid.current_id()

    def chosen_ids(self) -> list[int]:
        """The images that commands are about: the one in the review view, or the selected."""
        if (page := self.review.in_front) is not None:
            return [page.current_id] if page.asks else []
        return self.grid.selected_ids()

    def set_focus_class(self, class_id: int | None) -> None:
        """Make a class the one that the verdict keys are about."""
        self.panel.model.set_focus_class(class_id)
        self.needs_changed.emit()

    def class_name(self, class_id: int) -> str:
        snapshot = self.panel.model.snapshot or self.session.snapshot()
        column = snapshot.column_of.get(class_id)
        return snapshot.classes[column].name if column is not None else _("Class")

    # ---------------------------------------------------------------------------- commands

    def show_grid(self) -> None:
        """Back to the grid from whatever took its place."""
        self.pages.show_page(GRID)

    def go_to_image(self, image_id: int) -> None:
        """Have the grid at an image, if it shows it."""
        place = self.panel.model.position_of(image_id)
        if place >= 0:
            self.grid.select_ids([image_id], image_id)
            self.grid.scrollTo(self.panel.model.index(place))

    def open_photo(self) -> None:
        """Open the chosen photo in the program the system has for it."""
        for image_id in self.chosen_ids()[:1]:
            if not file_manager.open_path(self.session.path(image_id)):
                self.said.emit(_("No program is set to open this photo."))

    def say_verdict(self, verdict: Verdict, class_id: int | None = None) -> None:
        """Annotate the selected images; with the class in focus unless one is given."""
        if (page := self.review.in_front) is not None and class_id is None:
            page.say(verdict)
            return
        chosen = self.focus_class if class_id is None else class_id
        if chosen is not None:
            self.desk.annotate(self.grid.selected_ids(), [chosen], verdict, self.class_name(chosen))

    def show_images(self, image_ids: list[int]) -> None:
        """Show these images only, until the filters are cleared."""
        self.panel.search_bar.clear()
        self.panel.bar.set_images(image_ids)
        self.show_grid()
        self.window().activateWindow()

    def usual_zoom(self) -> None:
        """Thumbnails, or the photo under review, as large as usual."""
        if (page := self.review.in_front) is not None:
            page.canvas.fit()
        else:
            self.grid.set_zoom(ZOOM_USUAL)

    def search(self) -> None:
        """Let the user say in words what to find."""
        self.show_grid()
        self.panel.search_bar.take_focus()

    def show_class(self, class_id: int, status: Status | None = None) -> None:
        """Show the images of a class, by everything that is known of it or by one status."""
        self.panel.search_bar.clear()
        self.panel.bar.show_class(class_id, status)
        self.show_grid()

    def more_like_this(self) -> None:
        """Search for images like the selected ones."""
        ids = self.chosen_ids()
        self.show_grid()
        if ids:
            name = images_text(len(ids))
            if len(ids) == 1:
                model = self.panel.model
                name = model.cell(model.position_of(ids[0])).name
            self.panel.search_bar.search_like(ids, name)

    def mark_reviewed(self, reviewed: bool) -> None:
        if (page := self.review.in_front) is not None and reviewed:
            page.done()
            return
        self.desk.mark_reviewed(self.chosen_ids(), reviewed)

    def reveal(self) -> None:
        """Show the selected files in the file manager, a handful at most."""
        for image_id in self.chosen_ids()[:REVEAL_LIMIT]:
            file_manager.reveal(self.session.path(image_id))

    def copy_paths(self) -> None:
        """Put the paths of the selected images on the clipboard, one a line."""
        ids = self.chosen_ids()

        def copy(paths: list[str]) -> None:
            QGuiApplication.clipboard().setText("\n".join(paths))
            self.said.emit(
                ngettext("Path copied", "{count} paths copied", len(ids)).format(
                    count=number(len(ids))
                )
            )

        tasks.start(lambda: [str(path) for path in self.session.paths(ids)], copy)

    def add_folders(self, folders: list[Path]) -> None:
        """Add folders of photos to this library."""
        tasks.start(
            lambda: [self.session.add_folder(folder) for folder in folders],
            lambda added: self.said.emit(
                ngettext("Added {name}", "Added {count} folders", len(added)).format(
                    name=added[0].path.name, count=number(len(added))
                )
            ),
            self.problem.emit,
        )

    def relocate_folder(self, folder_id: int) -> None:
        """Ask where a folder has gone, and keep its annotations."""
        chosen = QFileDialog.getExistingDirectory(self, _("Where is this folder now?"))
        if chosen:
            self._do(lambda: self.session.relocate_folder(folder_id, Path(chosen)))

    def remove_folder(self, folder_id: int) -> None:
        """Hide a folder, after asking."""
        answer = QMessageBox.question(
            self,
            _("Remove folder"),
            _(
                "Take this folder out of the library? The photos stay where they are, and your "
                "annotations come back if you add the folder again."
            ),
        )
        if answer == QMessageBox.StandardButton.Yes:
            self._do(lambda: self.session.remove_folder(folder_id))

    def set_paused(self, paused: bool) -> None:
        """Hold or go on with scanning and encoding."""
        act = self.session.pause if paused else self.session.resume
        for kind in (notices.ActivityKind.SCAN, notices.ActivityKind.ENCODE):
            act(kind)

    def close_page(self) -> None:
        """Stop listening to the session, so that it can be closed."""
        self._closed = True
        self.review.close()
        self.desk.close()
        self._recount.stop()
        self.bridge.close()
        self.panel.close_panel()

    # ----------------------------------------------------------------------------- notices

    def _library_changed(self) -> None:
        self.panel.loader.forget_failures()
        self.panel.library_changed()
        if not self._recount.isActive():
            self._recount.start()

    def _annotations_changed(self) -> None:
        # Painting verdicts in a hidden grid would take time from those to come.
        self._grid_stale = self.pages.current != GRID
        if not self._grid_stale:
            self.panel.annotations_changed()

    def _page_shown(self, name: str) -> None:
        self.needs_changed.emit()  # what is selected in the grid counts only while one sees it
        if name == GRID and self._grid_stale:
            self._annotations_changed()

    def _folders_changed(self) -> None:
        self._library_changed()
        self.folders_changed.emit()

    def _activity_changed(self, notice: notices.ActivityChanged) -> None:
        if notice.activity.kind is notices.ActivityKind.SCAN:
            self.panel.set_scanning(self._scanning())
        self.activity_changed.emit(notice.activity)

    def _scanning(self) -> bool:
        scan = self.session.activities().get(notices.ActivityKind.SCAN)
        return scan is not None and scan.state is notices.ActivityState.RUNNING

    def _begin_soon(self, *_: object) -> None:
        """Let the rest begin once the first images are painted (or there are none)."""
        if not self._begun:
            self._begun = True
            QTimer.singleShot(BEGIN_MS, self, self._begin)

    def _begin(self) -> None:
        """First the folder tree, then the session's own work: one after the other, since threads
        that run at once all keep the window waiting."""
        if not self._closed:
            self._waiting_for_count = True
            self._count()

    def _begin_work(self) -> None:
        if self._waiting_for_count and not self._closed:
            self._waiting_for_count = False
            tasks.start(self.opened.begin, lambda _none: None, self.problem.emit)

    def _shown(self, snapshot: Snapshot) -> None:
        self._classes = bool(snapshot.classes)
        if self.focus_class is not None and self.focus_class not in snapshot.column_of:
            self.set_focus_class(None)
        self.needs_changed.emit()

        self.inspector.refresh()

    def _say_needs(self, *_: object) -> None:
        if not self._closed:  # the undo stack still speaks while the page is taken down
            self.needs_changed.emit()

    def _selection_settled(self) -> None:
        self.inspector.show_images(self.grid.selected_array(), self.grid.current_id())
        self.needs_changed.emit()

    def _class_chosen(self, class_id: int | None) -> None:
        if class_id is not None and not self.inspector.focus_class(class_id):
            self.set_focus_class(class_id)

    def _set_caption(self, image_id: int, text: str) -> None:
        self._captions[image_id] = text

        def write() -> None:
            # One after the other, the last words written: where a caption is changed twice
            # while something else is being saved, the first change must not come last.
            with self._writing_captions:
                if (last := self._captions.pop(image_id, None)) is not None:
                    self.session.set_caption(image_id, last)

        self._do(write)

    def _prioritise(self, image_ids: list[int]) -> None:
        # The session takes a lock that a commit may hold for a moment.
        tasks.start(lambda: self.session.prioritise(image_ids), lambda _none: None)

    def _count(self) -> None:
        if self._counting or self._closed:
            return
        self._counting = True

        def failed(error: Exception) -> None:
            self._counting = False
            self.problem.emit(error)
            self._begin_work()

        tasks.start(
            lambda: self._counter.count(
                self.session.folders(), self.session.snapshot(), self.session.watch_notes()
            ),
            self._counted,
            failed,
        )

    def _counted(self, counts: FolderCounts) -> None:
        self._counting = False
        if not self._closed:
            self.tree.show_counts(counts)
            self._begin_work()

    # ------------------------------------------------------------------------------- mouse

    def _image_menu(self, place: QPoint) -> None:
        menu = QMenu(self)
        if self.focus_class is not None:
            menu.addSection(self.class_name(self.focus_class))
        self.commands.add_to(menu, IMAGE_MENU)
        menu.exec(place)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        if arrival := dropped(event):
            event.acceptProposedAction()
            self.arrived.emit(arrival)

    def _do(self, act: Callable[[], object]) -> None:
        tasks.start(act, lambda _none: None, self.problem.emit)
