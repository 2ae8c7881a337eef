"""The inspector: photo, facts, caption and the verdicts on every class.

The panel commits nothing itself: it emits what the user wants, the library's page commits it
through the undo stack and calls :meth:`InspectorPanel.refresh` when the library has changed.
What the snapshot knows is shown at once; path, caption and reason follow from the catalogue.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.domain.records import ImageState, Verdict
from lmpt_desktop.engine.images import ImageDetails
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.translation import _
from lmpt_desktop.ui.inspector.class_model import ClassListModel, ClassRow
from lmpt_desktop.ui.inspector.class_view import ClassView
from lmpt_desktop.ui.inspector.facts_panel import FactsPanel, state_sentence
from lmpt_desktop.ui.inspector.image_facts import ImageFacts, image_facts
from lmpt_desktop.ui.inspector.photo_view import PhotoView
from lmpt_desktop.ui.inspector.summary import Show, Summary, summarise
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.tasks import LatestRequest

log = logging.getLogger(__name__)

INLINE_CELLS = 200_000
"""Selections of more (image, class) pairs are summarised off the window's thread."""


class InspectorPanel(QWidget):
    """The panel at the right of the grid."""

    verdict_requested = Signal(list, list, object, str)
    """Image ids, class ids, :class:`Verdict`, the name of the class."""
    reviewed_requested = Signal(list, bool)
    """Image ids; True to set the mark, False to remove it."""
    caption_requested = Signal(int, str)
    """Image id, the user's text."""
    class_focused = Signal(int)
    """The id of the class that P, A and U apply to; -1 for none."""
    vocabulary_requested = Signal()
    """The user asks for a vocabulary, having none."""
    edited_confirmed = Signal()
    """The annotations of an edited photo still hold."""
    edited_separated = Signal()
    """An edited photo is another one than was annotated."""
    photo_activated = Signal(int)
    """The photo was double-clicked: image id."""

    def __init__(self, session: LibrarySession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspector")
        self._session = session
        self._ids: NDArray[np.int64] = np.empty(0, np.int64)
        self._current = -1
        self._details: ImageDetails | None = None
        self._reading: LatestRequest[ImageDetails] = LatestRequest(
            self._details_read, self._reading_failed, owner=self
        )
        self._summarising: LatestRequest[Summary] = LatestRequest(self._show_summary, owner=self)

        self.photo = PhotoView(session.images.path_of_picture)
        self.facts = FactsPanel()
        self.model = ClassListModel(self)
        self.view = ClassView(self.model)
        self.search = QLineEdit()
        self.search.setObjectName("find-class")
        self.search.setPlaceholderText(_("Find a class"))
        self.search.setAccessibleName(_("Find a class"))
        self.search.setClearButtonEnabled(True)
        self.search.installEventFilter(self)
        self.show_box = QComboBox()
        self.show_box.setObjectName("show-classes")
        self.show_box.setAccessibleName(_("Classes to show"))
        for show, text in (
            (Show.ALL, _("All classes")),
            (Show.PREDICTED_OR_PRESENT, _("Predicted or present")),
            (Show.UNKNOWN, _("Still unknown")),
            (Show.ANNOTATED, _("Annotated")),
            (Show.TAIL, _("Tail classes")),
        ):
            self.show_box.addItem(text, show)
        self.note = QLabel()
        self.note.setObjectName("inspector-note")
        self.note.setProperty("role", "muted")
        self.note.setWordWrap(True)
        self.review = QPushButton()
        self.review.setObjectName("review")
        self._keys: tuple[str, ...] = ()
        self._empty = QLabel()
        self._empty.setObjectName("inspector-empty")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self._empty.setMargin(20)
        self._empty_button = QPushButton(_("Choose a vocabulary..."))
        self._build()
        self._connect()
        self._restyle()
        self.refresh()

    def _build(self) -> None:
        self._tools = QWidget()
        tools = QHBoxLayout(self._tools)
        tools.setContentsMargins(10, 4, 10, 6)
        tools.addWidget(self.search, 1)
        tools.addWidget(self.show_box)
        empty = QWidget()
        column = QVBoxLayout(empty)
        column.addStretch(1)
        column.addWidget(self._empty)
        column.addWidget(self._empty_button, 0, Qt.AlignmentFlag.AlignCenter)
        column.addStretch(2)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.view)
        self._stack.addWidget(empty)
        foot = QHBoxLayout()
        foot.setContentsMargins(10, 6, 10, 8)
        foot.setSpacing(12)
        foot.addWidget(self.note, 1)
        foot.addWidget(self.review)
        below = QWidget()
        rows = QVBoxLayout(below)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addWidget(self.facts)
        rows.addWidget(self._tools)
        rows.addWidget(self._stack, 1)
        rows.addLayout(foot)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(self.photo)
        self.splitter.addWidget(below)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setStretchFactor(1, 3)
        self.splitter.setSizes([250, 550])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.splitter)
        self.setMinimumWidth(290)
        self.setTabOrder(self.facts.caption, self.search)
        self.setTabOrder(self.search, self.show_box)
        self.setTabOrder(self.show_box, self.view)
        self.setTabOrder(self.view, self.review)

    def _connect(self) -> None:
        self.view.verdict_requested.connect(self._request_verdict)
        self.view.class_focused.connect(self._class_focused)
        self.view.left_at_top.connect(self.search.setFocus)
        self.search.textChanged.connect(self._find_changed)
        self.show_box.currentIndexChanged.connect(self._show_changed)
        self.review.clicked.connect(self._request_reviewed)
        self.facts.caption_committed.connect(self._request_caption)
        self.facts.still_hold.clicked.connect(self.edited_confirmed)
        self.facts.another.clicked.connect(self.edited_separated)
        self.photo.activated.connect(self._activate)
        self._empty_button.clicked.connect(self.vocabulary_requested)
        theme.manager().changed.connect(self._restyle)

    # ------------------------------------------------------------------------------- state

    @property
    def image_ids(self) -> list[int]:
        """The images a verdict applies to."""
        return self._ids.tolist()

    def focused_class(self) -> ClassRow | None:
        """The class that P, A and U apply to."""
        return self.view.focused_class()

    def focus_class(self, class_id: int) -> bool:
        """Put the keyboard on a class, showing all classes if it would be hidden."""
        if self.view.focus_class(class_id):
            return True
        self.search.clear()
        self.show_box.setCurrentIndex(0)
        return self.view.focus_class(class_id)

    # ----------------------------------------------------------------------------- showing

    def show_images(self, image_ids: Sequence[int] | NDArray[np.int64], current: int = -1) -> None:
        """Show one image, or what many have in common; ``current`` is the photo shown."""
        self.facts.caption.flush()
        self._ids = np.array(image_ids, np.int64)
        known = bool(np.any(self._ids == current))
        self._current = current if known else (int(self._ids[0]) if len(self._ids) else -1)
        self.refresh()

    def refresh(self) -> None:
        """Show what changed: annotations, predictions, captions, classes or files."""
        self._show_image()
        snapshot, ids = self._session.snapshot(), self._ids
        if len(ids) * len(snapshot.classes) <= INLINE_CELLS:
            self._summarising.cancel()
            self._show_summary(summarise(snapshot, ids) if len(ids) else None)
        else:
            self._summarising.ask(lambda: summarise(snapshot, ids))

    def _show_image(self) -> None:
        image_id = self._current
        facts = image_facts(self._session.snapshot(), image_id) if image_id >= 0 else None
        if facts is None:  # nothing is selected, or the image has left the library
            self._ids, self._current = np.empty(0, np.int64), -1
            self._details = None
            self._reading.cancel()
            self.facts.clear()
            self.photo.show_text(_("Select a photo to see its classes."))
            return
        if self._details is not None and self._details.image_id != image_id:
            self._details = None
        self._show_facts(facts)
        self._reading.ask(lambda: self._session.images.details(image_id))

    def _show_facts(self, facts: ImageFacts) -> None:
        details = self._details
        if facts.state is ImageState.OK:
            description = _("Photo {0}").format(facts.file_name)
            self.photo.show_photo(facts.image_id, description, facts.version)
        elif facts.state is ImageState.MISSING:
            self.photo.show_text(_("The file is no longer there."))
        else:
            reason = _(details.reason) if details is not None and details.reason else ""
            self.photo.show_text(reason or state_sentence(facts.state))
        if len(self._ids) == 1:
            self.facts.show_image(facts, details)

    def _details_read(self, details: ImageDetails) -> None:
        self._details = details
        facts = image_facts(self._session.snapshot(), details.image_id)
        if facts is not None:
            self._show_facts(facts)

    def _reading_failed(self, error: Exception) -> None:
        # An image that has just left the library leaves the snapshot in a moment.
        log.info("the details of image %s cannot be read: %s", self._current, error)

    def _show_summary(self, summary: Summary | None) -> None:
        if summary is not None and summary.images > 1:
            self.facts.show_many(summary.images, summary.reviewed)
        self.model.set_summary(summary)
        self._show_empty()
        has_images = summary is not None and summary.images > 0
        done = summary is not None and has_images and summary.reviewed == summary.images
        self._tools.setVisible(has_images and bool(summary and len(summary.scores)))
        self.facts.setVisible(has_images)
        self.review.setVisible(has_images)
        self.review.setEnabled(has_images)
        self.review.setText(_("Reviewed") if done else _("Mark reviewed"))
        self.review.setCheckable(True)
        self.review.setChecked(done)
        self._show_note()

    def _show_empty(self) -> None:
        summary = self.model.summary
        no_classes = not self._session.snapshot().classes
        self._empty_button.setVisible(no_classes)
        if self.model.rowCount():
            self._stack.setCurrentIndex(0)
            return
        if no_classes:
            self._empty.setText(_("There are no classes to look for yet."))
        elif summary is None or not summary.images:
            self._empty.setText("")
        elif self.search.text():
            self._empty.setText(_("No class matches “{0}”.").format(self.search.text()))
        else:
            self._empty.setText(_("No class to show here. Choose “All classes” above."))
        self._stack.setCurrentIndex(1)

    def show_keys(self, present: str, absent: str, unknown: str, reviewed: str) -> None:
        """Name the keys of the verdicts and of the reviewed mark, as they are now."""
        self._keys = (present, absent, unknown)
        tip = _("Mark every class that is still unknown as absent in the selected photos")
        self.review.setToolTip(f"{tip} ({reviewed})" if reviewed else tip)
        self._show_note()

    def _show_note(self) -> None:
        summary, row = self.model.summary, self.focused_class()
        lines: list[str] = []
        if summary is not None and summary.images and len(summary.scores) and not summary.scored:
            lines.append(_("Predictions follow once the photo is encoded."))
        elif summary is not None and summary.images and summary.bands.estimated:
            lines.append(_("Bands are estimated until half of the classes have an example."))
        if row is not None:
            name = self.fontMetrics().elidedText(row.name, Qt.TextElideMode.ElideRight, 150)
            keys = ", ".join(filter(None, self._keys[:3]))
            lines.append(_("{keys}: {name}").format(keys=keys, name=name))
        self.note.setText("\n".join(lines))

    # ------------------------------------------------------------------------------ events

    def _request_verdict(self, class_id: int, verdict: Verdict) -> None:
        row = self.model.row_of_class(class_id)
        if len(self._ids) and row >= 0:
            name = self.model.class_row(row).name
            self.verdict_requested.emit(self.image_ids, [class_id], verdict, name)

    def _request_reviewed(self) -> None:
        summary = self.model.summary
        if summary is not None and len(self._ids):
            self.reviewed_requested.emit(self.image_ids, summary.reviewed < summary.images)

    def _request_caption(self, image_id: int, text: str) -> None:
        # What is being read may still have the old caption.
        self._reading.cancel()
        if self._details is not None and self._details.image_id == image_id:
            self._details = replace(self._details, caption=text)
        self.caption_requested.emit(image_id, text)

    def _activate(self) -> None:
        self.photo_activated.emit(self._current)

    def _class_focused(self, class_id: int) -> None:
        self._show_note()
        self.class_focused.emit(class_id)

    def _find_changed(self, text: str) -> None:
        self.model.set_find(text)
        if text:
            self.view.focus_first()
        self._show_empty()

    def _show_changed(self, _index: int) -> None:
        self.model.set_show(Show(self.show_box.currentData()))
        self._show_empty()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """From the search box Down and Enter go to the list, Escape clears."""
        pressed = event.type() == QEvent.Type.KeyPress
        if watched is self.search and pressed and isinstance(event, QKeyEvent):
            key = event.key()
            if key in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.view.setFocus(Qt.FocusReason.TabFocusReason)
                return True
            if key == Qt.Key.Key_Escape and self.search.text():
                self.search.clear()
                return True
        return super().eventFilter(watched, event)

    def _restyle(self, *_: object) -> None:
        self.review.setIcon(theme.icon("reviewed"))
        self.facts.problem.setStyleSheet(f"color: {theme.current().error};")
        self.facts.edited.setStyleSheet(f"color: {theme.current().warning};")
