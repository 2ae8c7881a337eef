"""The page of missing photos: what waits with them, and the photos that they could be."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QDialogButtonBox,
    QHBoxLayout,
    QPushButton,
    QSpinBox,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.catalogue.missing import TransferPreview
from lmpt_desktop.domain.records import Batch, ImageState
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine import notices
from lmpt_desktop.engine.files.candidates import Candidate
from lmpt_desktop.engine.files.missing import MissingList
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.inference.likeness import CANDIDATE_LIMIT
from lmpt_desktop.translation import _, ngettext, number
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.files import missing_texts as texts
from lmpt_desktop.ui.files.missing_model import Listing, MissingModel, PhotoRow, arrange
from lmpt_desktop.ui.files.missing_pair import PairPanel
from lmpt_desktop.ui.files.missing_view import MissingTable
from lmpt_desktop.ui.files.moved_folder import MovedFolderDialog
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.kit.dialogs import LibraryDialog, MessageStrip, muted
from lmpt_desktop.ui.kit.flow_layout import FlowLayout
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.tasks import LatestRequest, Task
from lmpt_desktop.ui.kit.texts import photos_text
from lmpt_desktop.ui.kit.thumbnails import ThumbnailLoader, ThumbnailSource

LIMIT = round(100 * CANDIDATE_LIMIT)
"""Likeness in percent from which all can be ticked, unless the user chooses another."""
PAUSE_MS = 300
"""How long changes are gathered before the list is read again."""
REST = 4
"""Between two readings passes at least this many times the duration of one."""
_CHANGES = (
    notices.AnnotationsChanged,
    notices.ImagesChanged,
    notices.FoldersChanged,
    notices.ClassesChanged,
)

Found = dict[int, tuple[Candidate, ...]]


@dataclass(frozen=True, eq=False)
class _Read:
    """What is missing, of the library at one moment; ``candidates_from`` changes with the photos
    that can be candidates."""

    listing: Listing
    snapshot: Snapshot
    candidates_from: bytes


class MissingPage(QWidget):
    """Reads off the window's thread, and only while it is in front."""

    left = Signal()
    """Back to the grid."""
    message = Signal(str)
    """A sentence for the status bar."""
    failed = Signal(object)
    """An exception, for the user."""

    def __init__(
        self,
        session: LibrarySession,
        bridge: SessionBridge,
        undo_stack: AnnotationUndoStack,
        source: ThumbnailSource,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("missing")
        self.setAccessibleName(_("Missing photos"))
        self.session = session
        self._undo_stack = undo_stack
        self.loader = ThumbnailLoader(source, parent=self)
        self.model = MissingModel(self)
        self._snapshot: Snapshot | None = None
        self._reading: LatestRequest[_Read] = LatestRequest(
            self._show, self.failed.emit, owner=self, overlap=False
        )
        self._searching: LatestRequest[Found | None] = LatestRequest(
            self._found, self._search_failed, owner=self
        )
        self._search: Iterator[Found] | None = None
        self._searched = 0
        self._candidates_from: bytes | None = None
        self._stale = True
        self._loaded = False
        self._began = self._seconds = 0.0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._read)
        self._build()
        self._connect(bridge)
        self._update_buttons()

    # ------------------------------------------------------------------------ building

    def _build(self) -> None:
        self.title = Label()
        self.title.setProperty("role", "title")
        self.moved = QPushButton(_("&Locate moved folder..."))
        self.moved.setObjectName("folder-moved")
        self.moved.setToolTip(_("Say where the folder of the selected photo is now"))
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.moved)
        self.summary = muted(
            _(
                "Nothing is lost: the annotations and captions of these photos are kept, and come "
                "back with their files. You can also give them to other photos."
            )
        )
        self.notice = MessageStrip()
        self.table = MissingTable(self.model, self.loader)
        self.pair = PairPanel(self.loader)
        self.splitter = QSplitter()
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(self.table)
        self.splitter.addWidget(self.pair)
        self.splitter.setStretchFactor(0, 3)
        self.splitter.setStretchFactor(1, 2)
        self.splitter.setSizes([760, 340])
        full = QWidget()
        column = QVBoxLayout(full)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self.summary)
        column.addWidget(self.notice)
        column.addWidget(self._ticking())
        column.addWidget(self.splitter, 1)
        column.addLayout(self._foot())
        self.stack = QStackedWidget()
        self.waiting = QWidget()
        self.empty = self._empty_state()
        for page in (self.waiting, full, self.empty):
            self.stack.addWidget(page)
        self._full = full
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.stack)
        self.setFocusProxy(self.table)

    def _ticking(self) -> QWidget:
        self.tick_same = QPushButton()
        self.tick_same.setObjectName("tick-same")
        self.tick_above = QPushButton(_("Tick all &above"))
        self.tick_above.setObjectName("tick-above")
        self.limit = QSpinBox()
        self.limit.setObjectName("limit")
        self.limit.setAccessibleName(_("Lowest likeness in percent"))
        self.limit.setRange(50, 100)
        self.limit.setValue(LIMIT)
        self.limit.setSuffix(_(" %"))
        self.above = muted()
        self.above.setWordWrap(False)
        self.untick = QPushButton(_("&Untick all"))
        self.declined = QCheckBox(_("Show de&clined"))
        self.declined.setToolTip(_("Also offer photos that you have declined"))
        self.progress = muted()
        self.progress.setWordWrap(False)
        group = QWidget()  # which stays together where the row is broken
        limit = QHBoxLayout(group)
        limit.setContentsMargins(0, 0, 8, 0)
        for widget in (self.tick_above, self.limit, self.above):
            limit.addWidget(widget)
        controls = QWidget()
        flow = FlowLayout(controls, 8)
        flow.setContentsMargins(0, 0, 0, 0)
        for widget in (self.tick_same, group, self.untick, self.declined, self.progress):
            flow.addWidget(widget)
        return controls

    def _foot(self) -> QHBoxLayout:
        hint = muted(
            _(
                "Space ticks, D declines, Left and Right show other candidates, Enter gives the "
                "annotations."
            )
        )
        self.give = QPushButton()
        self.give.setObjectName("give")
        self.give.setDefault(True)
        row = QHBoxLayout()
        row.addWidget(hint, 1)
        row.addWidget(self.give)
        return row

    def _empty_state(self) -> QWidget:
        page = QWidget()
        title = Label(_("No photo with annotations is missing"))
        title.setProperty("role", "title")
        text = Label(
            _(
                "If the file of a photo is deleted, or moved to where the library does not look, "
                "its annotations are kept and wait here."
            )
        )
        text.setProperty("role", "muted")
        text.setWordWrap(True)
        text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.back = QPushButton(_("&Back to the photos"))
        self.back.clicked.connect(self.left)
        column = QVBoxLayout(page)
        column.setContentsMargins(32, 12, 32, 12)
        column.addStretch(1)
        column.addWidget(title, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(text)  # not aligned, since only the full width gives it its height
        column.addSpacing(8)
        column.addWidget(self.back, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        return page

    def _connect(self, bridge: SessionBridge) -> None:
        for kind in _CHANGES:
            bridge.on(kind, self._changed)
        self.model.ticks_changed.connect(self._update_buttons)
        self.model.candidates_changed.connect(self._update_buttons)
        self.model.candidates_changed.connect(self._show_pair)
        self.model.ticks_changed.connect(self.table.viewport().update)
        self.table.photo_shown.connect(self._show_pair)
        self.table.selectionModel().selectionChanged.connect(self._update_buttons)
        self.table.accepted.connect(self.give_annotations)
        self.table.declined.connect(self.decline)
        self.pair.decline_requested.connect(self.decline)
        self.pair.step_requested.connect(self._step)
        self.tick_same.clicked.connect(lambda: self.model.tick(self.model.same_picture()))
        self.tick_above.clicked.connect(lambda: self.model.tick(self._above()))
        self.limit.valueChanged.connect(lambda _value: self._update_buttons())
        self.untick.clicked.connect(self.model.untick_all)
        self.declined.toggled.connect(lambda _on: self._search_again())
        self.give.clicked.connect(self.give_annotations)
        self.moved.clicked.connect(self.ask_moved)
        leave = QShortcut(QKeySequence(Qt.Key.Key_Escape), self)
        leave.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        leave.activated.connect(self.left)

    # ------------------------------------------------------------------------- reading

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._candidates_from = None
        self._stale = True
        self._read()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._snapshot = None  # it is read again when the page is shown

    def _changed(self, _notice: object = None) -> None:
        self._stale = True
        if self.isVisible() and not self._timer.isActive() and not self._reading.busy:
            self._timer.start(max(PAUSE_MS, int(1000 * REST * self._seconds)))

    def _read(self) -> None:
        if not self.isVisible() or self._reading.busy:
            return
        self._stale = False
        self._began = time.monotonic()
        session = self.session

        def read() -> _Read:
            listing = arrange(session.missing.all())
            snapshot = session.snapshot()
            usable = snapshot.states == ImageState.OK
            return _Read(listing, snapshot, snapshot.image_ids[usable].tobytes())

        self._reading.ask(read)

    def _show(self, read: _Read) -> None:
        self._seconds = time.monotonic() - self._began
        if not self.isVisible():
            return
        self._loaded = True
        self._snapshot = read.snapshot
        # Asked of the window, since a dialog that has just closed may still be the active one.
        focused = self.window().focusWidget()
        had_focus = self.stack.currentWidget() is not self._full or focused is self.table
        listed = read.listing.listed
        known = self.model.listing.place_of.keys()
        new = bool(read.listing.place_of.keys() - known)
        self.model.set_content(read.listing, read.snapshot)
        self.title.setText(texts.headline(listed))
        self._show_disconnected(listed)
        self.stack.setCurrentWidget(self._full if listed.photos else self.empty)
        self.setFocusProxy(self.table if listed.photos else self.back)
        if had_focus and self.isVisible():
            (self.table if listed.photos else self.back).setFocus()
        if new or read.candidates_from != self._candidates_from:
            self._candidates_from = read.candidates_from
            self._search_again()
        self._update_buttons()
        self._show_pair()
        if self._stale:
            self._changed()

    def _show_disconnected(self, listed: MissingList) -> None:
        paths = [str(listed.folders[i].path) for i in sorted(listed.unreachable)]
        text = ""
        if paths:
            text = ngettext(
                "The disk of {folder} is not connected. Connect it, and its photos are back.",
                "The disks of {count} folders are not connected. Connect them, and their photos "
                "are back.",
                len(paths),
            ).format(folder=paths[0], count=number(len(paths)))
        if text != self.notice.text:
            self.notice.show_text(text, "warning")

    # ----------------------------------------------------------------------- candidates

    def _search_again(self) -> None:
        self._searching.cancel()
        self._searched = 0
        listed, declined = self.model.listed, self.declined.isChecked()
        if not listed.photos:
            self._search = None
            self._show_progress()
            return
        self._search = self.session.missing.candidates(listed, declined=declined)
        self._search_on(self._search)

    def _search_on(self, search: Iterator[Found]) -> None:
        self._searching.ask(lambda: next(search, None))
        self._show_progress()

    def _found(self, found: Found | None) -> None:
        if found is None or self._search is None:
            self._search = None
        else:
            self._searched += len(found)
            self.model.set_candidates(found)
            if self.isVisible():
                self._search_on(self._search)
            else:  # looked for again when the page is shown
                self._search = None
        self._show_progress()

    def _search_failed(self, error: Exception) -> None:
        self._search = None
        self._show_progress()
        self.failed.emit(error)

    def _show_progress(self) -> None:
        text = ""
        if self._search is not None:
            text = _("Looking for candidates: {done} of {count}").format(
                done=number(self._searched), count=number(len(self.model.listed.photos))
            )
        self.progress.setText(text)

    @property
    def searching(self) -> bool:
        """Whether candidates are still to come, or the list is being read."""
        return self._search is not None or self._reading.busy or not self._loaded

    def _above(self) -> np.ndarray:
        return self.model.above(self.limit.value() / 100)

    def _update_buttons(self, *_selected: object) -> None:
        same, above = len(self.model.same_picture()), len(self._above())
        self.tick_same.setText(
            _("Tick all with the &same picture ({count})").format(count=number(same))
        )
        self.tick_same.setEnabled(same > 0)
        self.above.setText(photos_text(above))
        self.tick_above.setAccessibleName(
            _("Tick all above {limit} % ({count})").format(
                limit=number(self.limit.value()), count=number(above)
            )
        )
        self.tick_above.setEnabled(above > 0)
        ticked = self.model.ticked_count
        self.untick.setEnabled(ticked > 0)
        receiving = ticked or len(self._chosen_pairs())
        self.give.setText(texts.give_text(receiving))
        self.give.setEnabled(receiving > 0)
        self.moved.setEnabled(bool(self.model.listed.photos))

    def _show_pair(self, *_photo: object) -> None:
        photo = self.table.current_photo()
        row = self.model.row_of(photo.id) if photo is not None else -1
        shown = self.model.row(row) if row >= 0 else None
        self.pair.show_pair(shown if isinstance(shown, PhotoRow) else None, self._snapshot)

    def _step(self, step: int) -> None:
        photo = self.table.current_photo()
        if photo is not None:
            self.model.cycle(photo.id, step)

    # ------------------------------------------------------------------------ deciding

    def give_annotations(self) -> None:
        """Say what giving annotations to the ticked photos will do, then do it if the user agrees;
        where none is ticked, to the selected ones."""
        pairs = self.model.ticked_pairs() or self._chosen_pairs()
        if not pairs:
            self.message.emit(_("Tick the photos that are the missing ones first."))
            return
        self.confirm = GiveDialog(self.session, pairs, self)
        self.confirm.accepted.connect(lambda: self._give(pairs))
        self.confirm.open()

    def _chosen_pairs(self) -> list[tuple[int, int]]:
        chosen = [
            (photo.id, self.model.shown_candidate(photo.id)) for photo in self.table.chosen_photos()
        ]
        return [(image_id, item.image_id) for image_id, item in chosen if item is not None]

    def _give(self, pairs: Sequence[tuple[int, int]]) -> None:
        def done(batch: Batch) -> None:
            self.model.untick_all()
            self.message.emit(batch.label)
            self._changed()

        self._undo_stack.commit(lambda: self.session.missing.give(pairs), done)

    def decline(self) -> None:
        """The candidates beside the selected photos are other photos."""
        pairs = [
            (old, new)
            for old, new in self._chosen_pairs()
            if (shown := self.model.shown_candidate(old)) is not None and not shown.declined
        ]
        if not pairs:
            return

        def done(_none: object) -> None:
            keep = self.declined.isChecked()
            refused = dict(pairs)
            changed: Found = {}
            for image_id, other in refused.items():
                marked = (
                    item._replace(declined=True) if item.image_id == other else item
                    for item in self.model.candidates_of(image_id)
                )
                changed[image_id] = tuple(item for item in marked if keep or not item.declined)
            self.model.set_candidates(changed)
            self.message.emit(
                ngettext(
                    "Not offered again: {count} photo",
                    "Not offered again: {count} photos",
                    len(pairs),
                ).format(count=number(len(pairs)))
            )

        Task(lambda: self.session.missing.decline(pairs), done, self.failed.emit, owner=self)

    def ask_moved(self) -> None:
        """Ask where the folder of the current photo is now."""
        photo = self.table.current_photo() or next(iter(self.table.chosen_photos()), None)
        if photo is None and self.model.listed.photos:
            photo = self.model.listed.photos[0]
        if photo is None:
            return
        self.moved_dialog = MovedFolderDialog(self.session, self.model.listed, photo, self)
        self.moved_dialog.moved.connect(self.message)
        self.moved_dialog.show()

    # ------------------------------------------------------------------------------ Qt

    def close_page(self) -> None:
        """Stop reading; the session is about to close."""
        self._timer.stop()
        self._reading.cancel()
        self._searching.cancel()
        self._search = None
        self.loader.close()


class GiveDialog(LibraryDialog):
    """Says what will happen to annotations, and asks."""

    def __init__(
        self, session: LibrarySession, pairs: Sequence[tuple[int, int]], parent: QWidget | None
    ) -> None:
        super().__init__(session, None, parent)
        self.setWindowTitle(_("Give annotations"))
        self.setMinimumWidth(420)
        self.told: TransferPreview | None = None
        self.text = Label(_("Counting what will change..."))
        self.text.setObjectName("give-preview")
        self.text.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.ok = buttons.addButton(_("&Give annotations"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.ok.setObjectName("give-ok")
        self.ok.setDefault(True)
        self.ok.setEnabled(False)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.addWidget(self.text)
        layout.addWidget(self.strip)
        layout.addStretch(1)
        layout.addWidget(buttons)
        self._asked = len(pairs)
        work: Callable[[], TransferPreview] = lambda: session.missing.preview(pairs)  # noqa: E731
        self.run(work, self._show)

    def _show(self, told: TransferPreview) -> None:
        self.told = told
        self.text.setText("\n\n".join(texts.preview_sentences(told, self._asked)))
        self.ok.setEnabled(bool(told.annotations or told.reviewed or told.captions))
        self.ok.setFocus()
