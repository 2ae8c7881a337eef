"""The page of one open library: folder tree, grid and inspector, connected to its session."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QByteArray, QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDropEvent,
    QKeyEvent,
    QKeySequence,
    QResizeEvent,
    QShortcut,
)
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QMenu,
    QMessageBox,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.domain.predictions import has_scores
from lmpt_desktop.domain.records import ImageState, Verdict
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine import notices
from lmpt_desktop.engine.encoding.place import PLACE_SETTINGS, place_of
from lmpt_desktop.engine.regions import RegionsAvailable
from lmpt_desktop.engine.search import SearchReady
from lmpt_desktop.inference.class_in_focus import ClassInFocus
from lmpt_desktop.inference.filters import Status
from lmpt_desktop.inference.verdict_changes import next_verdict
from lmpt_desktop.settings import INSTANT, SHOW_DETAILS, SHOW_REGIONS, ZOOM
from lmpt_desktop.translation import _, ngettext, number
from lmpt_desktop.ui.annotations.acts import Acts
from lmpt_desktop.ui.annotations.preview_bar import PreviewBar
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.grid.panel import GridPanel
from lmpt_desktop.ui.inspector.panel import InspectorPanel
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.kit.tasks import LatestRequest, Task
from lmpt_desktop.ui.kit.thumbnails import ThumbnailLoader, ThumbnailSource
from lmpt_desktop.ui.library.dropped_paths import (
    DroppedPathsHandler,
    dragged_annotations,
    dragged_paths,
)
from lmpt_desktop.ui.library.focus_bar import FocusBar
from lmpt_desktop.ui.library.folder_tree import FolderCounter, FolderCounts, FolderTree, Look
from lmpt_desktop.ui.library.grid_library_view import GridLibraryView
from lmpt_desktop.ui.library.opened import Opened
from lmpt_desktop.ui.library.strictness_button import StrictnessButton
from lmpt_desktop.ui.library.verdict_toasts import VerdictToasts
from lmpt_desktop.ui.shell.context import ShellContext
from lmpt_desktop.ui.shell.library_view import LibraryView
from lmpt_desktop.ui.shell.page_stack import GRID, PageStack

RECOUNT_MS = 900
"""Interval at which the folder tree is counted during a scan."""

PREDICTIONS_SECONDS = 5.0
"""A scan makes way for the first predictions, for this long at most: there may never be any."""
START_DELAY_MS = 30
"""Delay of all other work after a library's images are shown, so that they are painted first."""

NUMBERED = 9
"""Suggestions of the inspector that digits answer."""

VERDICT_COMMANDS = {
    "present": "image.present",
    "absent": "image.absent",
    "unknown": "image.unknown",
    "confirm": "image.confirm",
    "rest_absent": "image.reviewed",
    "unreviewed": "image.unreviewed",
}
"""Commands whose keys the inspector shows, by its names for them."""

SMALL = QSize(1100, 580)
"""A page that is narrower or lower than this is small."""
SMALL_ZOOM = 100
"""The size of photos on a small page until the user chooses another."""


def _is_small(size: QSize) -> bool:
    return size.width() < SMALL.width() or size.height() < SMALL.height()


@dataclass(frozen=True)
class PageParts:
    """The large widgets of a page, built one by one so that the window stays responsive."""

    tree: FolderTree
    panel: GridPanel
    inspector: InspectorPanel


class LibraryPage(QWidget):
    """Lives as long as its session; call :meth:`close_page` before closing that.

    Made without its parts, which are made in its :attr:`splitter` one by one and then handed to
    :meth:`fill`: whenever a widget gets another parent, it and all that is in it are styled again.

    Features see it as :class:`~lmpt_desktop.ui.shell.context.OpenLibrary`.
    """

    photo_activated = Signal(int)
    files_dropped = Signal(object)
    """Files of annotations (a list of paths) were dropped here."""
    folders_changed = Signal()

    def __init__(
        self, opened: Opened, context: ShellContext, parent: QWidget | None = None
    ) -> None:
        """The page, still empty."""
        super().__init__(parent)
        self.setObjectName("library")
        self.opened = opened
        self.session = opened.session
        self._context = context
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(3)
        self.pages = PageStack(self.splitter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.pages)

    def fill(self, parts: PageParts) -> None:
        """Show the parts side by side, and connect them with each other and with the session."""
        session, context = self.session, self._context
        self.setAcceptDrops(True)
        self.bridge = SessionBridge(session, self)
        self.undo_stack = AnnotationUndoStack(session, self)
        self.tree = parts.tree
        self.panel = parts.panel
        self.grid = self.panel.view
        self.inspector = parts.inspector
        self.preview_bar = PreviewBar(self.grid)
        self.acts = Acts(
            session,
            self.undo_stack,
            self.preview_bar,
            self,
            shown=lambda: self.panel.model.snapshot,
        )
        self._focus = ClassInFocus()
        self.focus_bar = FocusBar()
        self.strictness = StrictnessButton(session)
        self._lay_out()
        self.grid_view = GridLibraryView(self.panel, self.acts, self._focus, self.class_name)
        self.dropped_paths = DroppedPathsHandler(session, self.panel, self.add_folders, self)
        self._closed = False
        self._looking = False
        self._started = self._waiting_for_count = False
        self._captions: dict[int, str] = {}
        self._writing_captions = threading.Lock()
        self._counter = FolderCounter()
        self._counting = LatestRequest(self._counted, self._count_failed, owner=self, overlap=False)
        self._queue_counting = LatestRequest(context.status.show_queue, owner=self)
        self._grid_stale = False
        self._recount = QTimer(self)
        self._recount.setSingleShot(True)
        self._recount.setInterval(RECOUNT_MS)
        self._recount.timeout.connect(self._count)
        self.grid.set_zoom(context.settings.get(ZOOM))
        self._small: bool | None = None
        self._fitting_zoom = False
        self.grid.zoom_changed.connect(self._zoom_changed)
        self._follow_settings()
        context.commands.add_plain_keys(self.grid)
        context.commands.add_plain_keys(self.inspector.view)
        context.commands.keys_changed.connect(self._show_keys)
        self._show_keys()
        self._connect_widgets()
        self._connect_notices()
        self.panel.set_scanning(self._scanning())
        self.panel.ask()
        self.undo_stack.read_history()

    def _follow_settings(self) -> None:
        settings = self._context.settings
        self.inspector.keep_region(settings.get(SHOW_REGIONS))
        self.inspector.expand_details(settings.get(SHOW_DETAILS))
        self._unfollow = (
            settings.on_change(ZOOM, self.grid.set_zoom),
            settings.on_change(
                SHOW_REGIONS, lambda kept: self.inspector.keep_region(kept, asked=True)
            ),
            settings.on_change(SHOW_DETAILS, self.inspector.expand_details),
            *(settings.on_change(item, self._set_place) for item in PLACE_SETTINGS),
        )
        self.session.model.set_place(place_of(settings))

    def _lay_out(self) -> None:
        for part in (self.tree, self.panel, self.inspector):
            self.splitter.addWidget(part)
        self.splitter.setStretchFactor(1, 1)
        self.tree.setMinimumWidth(140)
        self.panel.setMinimumWidth(320)
        self.splitter.setFocusProxy(self.grid)
        self.splitter.setSizes([210, 760, 340])
        self.panel.add_to_foot(self.focus_bar)
        self.panel.add_beside_zoom(self.strictness)
        self.panel.add_above_foot(self.preview_bar)
        # What a key will change, and on which class, stays readable.
        for part in (self.preview_bar, self.panel.zoom):
            self._context.notifications.keep_clear_of(part)

    def restore_widths(self, state: QByteArray, size: QSize) -> None:
        """Divide the width as it was when ``state`` was saved, or by default in a page of
        ``size`` where the grid would be too narrow."""
        restored = self.splitter.restoreState(state)
        if not restored or _is_small(size):
            self._use_default_widths(size.width())

    def _use_default_widths(self, width: int) -> None:
        folders, inspector = (150, 290) if width < SMALL.width() else (210, 340)
        self.splitter.setSizes([folders, width - folders - inspector, inspector])

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        small = _is_small(event.size())
        if small is not self._small:
            narrower, self._small = small and self._small is not None, small
            self._fit_zoom(small)
            if narrower:
                self._use_default_widths(event.size().width())

    def _fit_zoom(self, small: bool) -> None:
        """Show smaller photos in a small window, unless the user has chosen a size."""
        if self._context.settings.get(ZOOM) == ZOOM.default:
            self._fitting_zoom = True
            self.grid.set_zoom(SMALL_ZOOM if small else ZOOM.default)
            self._fitting_zoom = False

    def _zoom_changed(self, zoom: int) -> None:
        if not self._fitting_zoom:
            self._context.settings.set(ZOOM, zoom)

    def _connect_widgets(self) -> None:
        context = self._context
        self.pages.shown.connect(self._page_shown)
        self.tree.chosen.connect(self._folder_chosen)
        self.panel.bar.folder_changed.connect(self.tree.show_folder)
        self.tree.look_chosen.connect(self._show_look)
        self.tree.rescan_requested.connect(
            lambda id_: self.run(lambda: self.session.folders.rescan(id_))
        )
        self.tree.relocate_requested.connect(self.relocate_folder)
        self.tree.remove_requested.connect(self.remove_folder)
        self.panel.shown.connect(self._shown)
        self.panel.shown.connect(self.strictness.library_changed)
        self.strictness.changed.connect(self._strictness_changed)
        self.strictness.message.connect(context.status.show_text)
        self.strictness.failed.connect(context.report_failure)
        self.panel.query.failed.connect(context.report_failure)
        self.panel.shown.connect(self._start_work_soon)
        self.panel.query.failed.connect(self._start_work_soon)
        self.panel.searched.connect(context.status.show_text)
        self.panel.search_bar.changed.connect(context.refresh_commands)
        self.panel.bar.changed.connect(context.refresh_commands)
        escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), self.grid)
        escape.setContext(Qt.ShortcutContext.WidgetShortcut)
        escape.activated.connect(self.panel.search_bar.clear)
        self.panel.add_folder_requested.connect(lambda: context.commands.trigger("file.add"))
        self.panel.bar.class_chosen.connect(self._class_chosen)
        self.grid.visible_changed.connect(self._prioritise)
        self.grid.selection_settled.connect(self._selection_settled)
        self.grid.menu_requested.connect(self._image_menu)
        self.grid.activated_image.connect(self.photo_activated)
        self._connect_verdicts()
        self.inspector.caption_requested.connect(self._set_caption)
        self.inspector.details_requested.connect(self._show_details)
        self.inspector.vocabulary_requested.connect(
            lambda: context.commands.trigger("vocabulary.edit")
        )
        for answered, command in (
            (self.inspector.edited_confirmed, "image.confirm-edited"),
            (self.inspector.edited_separated, "image.separate-edited"),
        ):
            answered.connect(lambda name=command: context.commands.trigger(name))
        self.inspector.photo_activated.connect(self.photo_activated)
        self.dropped_paths.photos_requested.connect(self._show_all_photos)
        self.dropped_paths.message.connect(context.status.show_text)
        self.dropped_paths.failed.connect(context.report_failure)
        context.status.pause_requested.connect(self._pause)
        context.status.resume_requested.connect(self._resume)
        context.status.cancel_requested.connect(self._cancel)
        context.status.here_requested.connect(self._encode_here)
        self.undo_stack.message.connect(context.status.show_text)
        self._toasts = VerdictToasts(self.undo_stack, context.notifications, self)
        self.acts.asked.connect(self._toasts.dismiss)
        self.undo_stack.failed.connect(context.report_failure)
        # Bound methods, not lambdas: the stack emits once more while the page is being destroyed,
        # and only connections to methods of the page are removed before that.
        self.undo_stack.busy_changed.connect(self._refresh_commands)
        self.undo_stack.stack.indexChanged.connect(self._refresh_commands)

    def _connect_verdicts(self) -> None:
        inspector, acts = self.inspector, self.acts
        inspector.verdict_requested.connect(self._set_verdicts)
        inspector.confirm_requested.connect(lambda ids: acts.confirm(np.array(ids, np.int64)))
        inspector.rest_absent_requested.connect(
            lambda ids: acts.mark_reviewed(np.array(ids, np.int64), True)
        )
        inspector.unreviewed_requested.connect(
            lambda ids: acts.mark_reviewed(np.array(ids, np.int64), False)
        )
        inspector.class_focused.connect(
            lambda class_id: self.set_focus_class(None if class_id < 0 else class_id)
        )
        inspector.pin_requested.connect(self.pin_class)
        inspector.view.strictness_requested.connect(self.strictness.open_panel)
        inspector.sweep_requested.connect(self._sweep)
        self.focus_bar.pin_requested.connect(self._pin_focus)

    def _set_verdicts(
        self, image_ids: list[int], class_ids: list[int], verdict: Verdict, name: str
    ) -> None:
        for class_id in class_ids:
            self.acts.set_verdict(np.array(image_ids, np.int64), class_id, verdict, name)

    def _connect_notices(self) -> None:
        on = self.bridge.on
        on(notices.ImagesChanged, lambda _notice: self._library_changed())
        on(notices.FoldersChanged, lambda _notice: self._folders_changed())
        on(notices.PredictionsChanged, self._predictions_changed)
        on(notices.ClassesChanged, lambda _notice: self.panel.ask())
        on(notices.VersionsChanged, lambda _notice: self.panel.library_changed())
        on(notices.AnnotationsChanged, self._annotations_changed)
        on(notices.AnnotationsFollowed, lambda _notice: self.undo_stack.read_history())
        on(notices.RawPairsChanged, lambda _notice: self.undo_stack.read_history())
        on(notices.ActivityChanged, self._activity_changed)
        on(notices.EncoderChanged, self._encoder_changed)
        on(SearchReady, self.panel.search_read)
        on(notices.FilesLeftOut, lambda _notice: self._recount.start())
        on(notices.Problem, self._context.show_problem)
        on(notices.RunChanged, self._refresh_commands)
        on(RegionsAvailable, self._refresh_commands)

    def _refresh_commands(self, *_: object) -> None:
        self._context.refresh_commands()

    # ---------------------------------------------------------------- as an OpenLibrary

    @property
    def thumbnails(self) -> ThumbnailLoader:
        return self.panel.loader

    @property
    def thumbnail_source(self) -> ThumbnailSource:
        return self.opened.thumbnails

    @property
    def view(self) -> LibraryView | None:
        """The grid, or the page in front if it shows photos, else None."""
        if self.pages.current == GRID:
            return self.grid_view
        page = self.pages.currentWidget()
        return page if isinstance(page, LibraryView) else None

    @property
    def filtered_class(self) -> int | None:
        return self.panel.bar.one_class

    def on_photo_activated(self, handler: Callable[[int], object]) -> None:
        self.photo_activated.connect(handler)

    def on_files_dropped(self, handler: Callable[[Sequence[Path]], object]) -> None:
        self.files_dropped.connect(handler)

    def shown_ids(self) -> NDArray[np.int64]:
        return self.panel.model.matching_ids

    def card_ids(self) -> NDArray[np.int64]:
        return self.panel.model.ids

    def image_name(self, image_id: int) -> str:
        position = self.panel.model.position_of(image_id)
        return self.panel.model.cell(position).name if position >= 0 else ""

    def show_grid(self) -> None:
        """Bring the grid to the front."""
        self.pages.show_page(GRID)

    def go_to_image(self, image_id: int) -> None:
        card = self.panel.model.card_of(image_id)
        position = self.panel.model.position_of(card)
        if position >= 0:
            self.grid.select_ids([card], card)
            self.grid.scrollTo(self.panel.model.index(position))

    def show_images(self, image_ids: Sequence[int]) -> None:
        self.panel.search_bar.clear()
        self.panel.bar.set_images(list(image_ids))
        self.show_grid()
        self.window().activateWindow()

    def _folder_chosen(self, folder_id: int | None, below: Path | None) -> None:
        if self._looking:
            self._looking = False
            self.panel.bar.set_images(None)
        self.panel.bar.set_folder(folder_id, below)

    def _show_look(self, look: Look) -> None:
        """Show the photos that need a look for this reason."""
        if look is Look.MISSING:
            self._context.commands.trigger("view.missing")
            return
        snapshot = self.session.snapshot()
        self.show_images(snapshot.image_ids[look.rows(snapshot)].tolist())
        self._looking = True

    def _show_all_photos(self) -> None:
        self.panel.search_bar.clear()
        self.panel.bar.clear()
        self.show_grid()

    def show_class(self, class_id: int, status: Status | None = None) -> None:
        self.panel.search_bar.clear()
        self.panel.bar.show_class(class_id, status)
        self.show_grid()

    # ------------------------------------------------------------------------------- state

    @property
    def focus_class(self) -> int | None:
        """The class that the verdict keys apply to in the grid."""
        return self._focus.class_id

    def set_focus_class(self, class_id: int | None) -> None:
        """Set the class that the verdict keys apply to, until other images are selected."""
        self.grid.settle_selection()  # or the class would be forgotten in a moment
        self._focus.choose(class_id)
        self._show_focus()

    def pin_class(self, class_id: int, pinned: bool) -> None:
        """Keep a class in focus whatever is selected, or follow the selection again."""
        if pinned:
            self._focus.pin(class_id)
        else:
            self._focus.unpin()
        self._show_focus()

    def _sweep(self, class_id: int) -> None:
        self.set_focus_class(class_id)
        self._context.commands.trigger("sweep.open")

    def _pin_focus(self, pinned: bool) -> None:
        if (class_id := self.focus_class) is not None:
            self.pin_class(class_id, pinned)

    def _show_focus(self) -> None:
        """Name the class in focus wherever the keys are; its verdicts are on the cards only while
        it stays, as they would change with every selection."""
        class_id, pinned = self._focus.class_id, self._focus.pinned
        name = "" if class_id is None else self.class_name(class_id)
        self.focus_bar.show_class(name, pinned=pinned)
        self.inspector.show_focus(class_id, pinned)
        self.panel.model.set_focus_class(class_id if pinned else None)
        self._refresh_commands()

    def class_name(self, class_id: int) -> str:
        snapshot = self.panel.model.snapshot or self.session.snapshot()
        column = snapshot.column_of.get(class_id)
        return snapshot.classes[column].name if column is not None else _("Class")

    def _show_details(self, shown: bool) -> None:
        self._context.settings.set(SHOW_DETAILS, shown)
        self._context.refresh_commands()

    def part(self, name: str) -> QWidget:
        """A part of the page that can be hidden: "filters", "timeline", "folders" or
        "inspector"."""
        parts: dict[str, QWidget] = {
            "filters": self.panel.bar,
            "timeline": self.panel.timeline,
            "folders": self.tree,
            "inspector": self.inspector,
        }
        return parts[name]

    # ---------------------------------------------------------------------------- actions

    def run(
        self, work: Callable[[], object], done: Callable[[object], object] | None = None
    ) -> None:
        """Call ``work`` off the window's thread; an error is shown to the user."""
        Task(work, done, self._context.report_failure, owner=self)

    def add_folders(self, folders: Sequence[Path]) -> None:
        """Add folders of photos to this library."""

        def show_added(_done: object) -> None:
            self._context.status.show_text(
                ngettext("Added {name}", "Added {count} folders", len(folders)).format(
                    name=folders[0].name, count=number(len(folders))
                )
            )

        if folders:
            self.run(lambda: [self.session.folders.add(folder) for folder in folders], show_added)

    def relocate_folder(self, folder_id: int) -> None:
        """Ask for the new location of a folder, which keeps its annotations."""
        chosen = QFileDialog.getExistingDirectory(self, _("Choose the new location of this folder"))
        if chosen:
            self.run(lambda: self.session.folders.relocate(folder_id, Path(chosen)))

    def remove_folder(self, folder_id: int) -> None:
        """Hide a folder, after asking."""
        answer = QMessageBox.question(
            self,
            _("Remove folder"),
            _(
                "Remove this folder from the library? The photos are not deleted, and your "
                "annotations come back if you add the folder again."
            ),
        )
        if answer == QMessageBox.StandardButton.Yes:
            self.run(lambda: self.session.folders.remove(folder_id))

    def set_paused(self, paused: bool) -> None:
        """Pause or resume scanning, encoding, changing the backbone and verifying."""
        act = self.session.activities.pause if paused else self.session.activities.resume
        kinds = notices.ActivityKind
        for kind in (kinds.SCAN, kinds.ENCODE, kinds.CHANGE, kinds.VERIFY):
            act(kind)

    def _pause(self, kind: notices.ActivityKind) -> None:
        self.run(lambda: self.session.activities.pause(kind))

    def _resume(self, kind: notices.ActivityKind) -> None:
        self.run(lambda: self.session.activities.resume(kind))

    def _cancel(self, kind: notices.ActivityKind) -> None:
        self.run(lambda: self.session.activities.cancel(kind))

    def _set_place(self, *_: object) -> None:
        place = place_of(self._context.settings)
        self.run(lambda: self.session.model.set_place(place))

    def _encode_here(self) -> None:
        self.run(self.session.activities.encode_here)

    def close_page(self) -> None:
        """Stop listening to the session, so that it can be closed."""
        self._closed = True
        for unfollow in self._unfollow:
            unfollow()
        self.acts.close()
        self.pages.close_pages()
        self.undo_stack.close()
        self._recount.stop()
        self._counting.cancel()
        self._queue_counting.cancel()
        self.strictness.stop()
        self.bridge.close()
        self.panel.close_panel()

    # ----------------------------------------------------------------------------- notices

    def _library_changed(self) -> None:
        self.panel.loader.forget_failures()
        self.panel.library_changed()
        if not self._recount.isActive():
            self._recount.start()

    def _annotations_changed(self, *_: object) -> None:
        # Repainting a hidden grid would delay the next verdicts.
        self._grid_stale = self.pages.current != GRID
        if not self._grid_stale:
            self.panel.annotations_changed()

    def _predictions_changed(self, notice: notices.PredictionsChanged) -> None:
        """Choose and order rows again, unless the user's own verdict moved the scores: photos do
        not jump under the hands of who annotates them."""
        if not isinstance(notice, notices.PredictionsTaught):
            if self._sight_is_predicted():
                self.session.attention.met()
            self.panel.library_changed()
            return
        self._context.status.show_learning(self.session.settings.get(INSTANT))
        self._grid_stale = self.pages.current != GRID
        if not self._grid_stale:
            self.panel.predictions_taught()

    def _strictness_changed(self) -> None:
        """Paint at once what is predicted now; rows that do not match any longer leave soon."""
        if self.pages.current == GRID:
            self.panel.query.refresh()

    def _page_shown(self, name: str) -> None:
        self._refresh_commands()  # the grid's selection counts only while it is in front
        if name == GRID and self._grid_stale:
            self._annotations_changed()

    def _folders_changed(self) -> None:
        self._library_changed()
        self.folders_changed.emit()

    def _activity_changed(self, notice: notices.ActivityChanged) -> None:
        if notice.activity.kind is notices.ActivityKind.SCAN:
            self.panel.set_scanning(self._scanning())
        self._context.status.show_activity(notice.activity)
        self._refresh_commands()

    def _encoder_changed(self, notice: notices.EncoderChanged) -> None:
        self._context.status.show_model(notice.backbone, notice.device, notice.message)
        self.panel.encoder_changed()

    def _scanning(self) -> bool:
        scan = self.session.activities.current().get(notices.ActivityKind.SCAN)
        return scan is not None and scan.state is notices.ActivityState.RUNNING

    def _start_work_soon(self, *_: object) -> None:
        """Start everything else once the first images are painted, or there are none."""
        if not self._started:
            self._started = True
            self.session.attention.met()
            QTimer.singleShot(START_DELAY_MS, self, self._start_work)

    def _start_work(self) -> None:
        """Fill the folder tree, then start the session's work: one after the other, because busy
        threads delay the window."""
        if not self._closed:
            self._waiting_for_count = True
            self._count()

    def _start_session(self) -> None:
        if self._waiting_for_count and not self._closed:
            self._waiting_for_count = False
            if not self._sight_is_predicted():
                # The scan goes on slowly until the photos in sight have predictions.
                self.session.attention.expect(PREDICTIONS_SECONDS)
            self.run(self.opened.begin)

    def _sight_is_predicted(self) -> bool:
        """Whether any photo in sight has predictions, or none can have any."""
        snapshot = self.session.snapshot()
        rows = snapshot.rows(np.array(self.grid.visible_ids(), np.int64))
        scores = snapshot.scores[rows[rows >= 0]]
        return not snapshot.classes or bool(has_scores(scores).any())

    def _shown(self, snapshot: Snapshot) -> None:
        self._focus.update(snapshot, self.grid.selected_array())
        self._show_focus()
        self.acts.library_changed()
        self.inspector.refresh()
        self._queue_counting.ask(lambda: unencoded_count(snapshot))

    def _selection_settled(self) -> None:
        selected = self.grid.selected_array()
        # Before the inspector, which marks the class in focus; the user may be on one of its own.
        self._focus.select(self.panel.model.snapshot or self.session.snapshot(), selected)
        self.inspector.show_images(selected, self.grid.current_id())
        self._show_focus()

    def _class_chosen(self, class_id: int | None) -> None:
        self._focus.filter_by(class_id)
        if class_id is None:
            snapshot = self.panel.model.snapshot or self.session.snapshot()
            self._focus.update(snapshot, self.grid.selected_array())
        self._show_focus()

    def _show_keys(self, *_changed: object) -> None:
        """Show the keys of the verdicts in the inspector."""
        text = self._context.commands.keys_text
        self.inspector.show_keys(**{name: text(id_) for name, id_ in VERDICT_COMMANDS.items()})
        keys = (text(VERDICT_COMMANDS[name]) for name in ("present", "absent", "unknown"))
        self.focus_bar.show_keys(", ".join(filter(None, keys)))

    def _set_caption(self, image_id: int, text: str) -> None:
        self._captions[image_id] = text

        def write() -> None:
            # The lock and the last text: if a caption is changed twice while something else is
            # being saved, the first change must not overwrite the second.
            with self._writing_captions:
                if (last := self._captions.pop(image_id, None)) is not None:
                    self.session.images.set_caption(image_id, last)

        self.run(write)

    def _prioritise(self, image_ids: list[int]) -> None:
        # In the background, because the session needs a lock that a commit may hold.
        Task(lambda: self.session.model.prioritise(image_ids), owner=self)

    def _count(self) -> None:
        if self._closed:
            return
        session = self.session

        def count() -> tuple[FolderCounts, str, str]:
            folders = session.folders.all()
            notes = session.folders.watch_notes()
            for folder in folders:
                lines = (notes.get(folder.id, ""), session.left_out.sentences([folder.id]))
                notes[folder.id] = "\n".join(filter(None, lines))
            counts = self._counter.count(folders, session.snapshot(), notes)
            left_out = session.left_out.sentences(folder.id for folder in folders)
            return counts, left_out, session.left_out.take_news()

        self._counting.ask(count)

    def _counted(self, counted: tuple[FolderCounts, str, str]) -> None:
        counts, left_out, news = counted
        if not self._closed:
            self.tree.show_counts(counts)
            self.panel.show_left_out(left_out)
            if news:
                # Once; the tool tips of the folders keep saying it.
                notifications = self._context.notifications
                notifications.notify(
                    _("Not every file is shown"), news, colour="accent"
                ).dismiss_later()
            self._start_session()

    def _count_failed(self, error: Exception) -> None:
        self._context.report_failure(error)
        self._start_session()

    # -------------------------------------------------------------------------------- keys

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """The digits, which the grid and the list of classes leave to the page."""
        place = event.key() - int(Qt.Key.Key_1)
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if not plain or not 0 <= place < NUMBERED or not self._hears_digits():
            super().keyPressEvent(event)
            return
        event.accept()
        if not event.isAutoRepeat():  # each press changes the verdict
            self._answer_suggestion(place)

    def _hears_digits(self) -> bool:
        focus = QApplication.focusWidget()
        return self.pages.current == GRID and focus in (self.grid, self.inspector.view)

    def _answer_suggestion(self, place: int) -> None:
        """Give a numbered suggestion of the inspector its next verdict in the selected photos."""
        self.grid.settle_selection()
        suggested = self.inspector.suggested_classes()
        ids = self.grid.selected_array()
        if not len(ids) or place >= len(suggested) or not suggested[place]:
            return
        class_id = suggested[place]
        verdict = next_verdict(self.session.snapshot(), ids, class_id)
        self.acts.set_verdict(ids, class_id, verdict, self.class_name(class_id))

    # ------------------------------------------------------------------------------- mouse

    def _image_menu(self, place: QPoint) -> None:
        menu = QMenu(self)
        self._context.commands.fill_menu(menu, "image")
        self._context.commands.add_to(menu, ["", "sweep.open"])
        menu.exec(place)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dragged_paths(event) or dragged_annotations(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        if paths := dragged_paths(event):
            event.acceptProposedAction()
            self.dropped_paths.offer(paths)
        elif files := dragged_annotations(event):
            event.acceptProposedAction()
            self.files_dropped.emit(files)


def unencoded_count(snapshot: Snapshot) -> int:
    """How many readable images have no score yet."""
    if not snapshot.classes:
        return 0
    usable = snapshot.images.states == ImageState.OK
    if snapshot.unscored:
        return int(np.count_nonzero(usable))
    # For nearly all images the first class is enough; the others need not be read.
    return int(np.count_nonzero(usable & ~snapshot.scored))
