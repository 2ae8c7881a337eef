"""The inspector: photo, facts, caption, your tags, suggestions, and what finishes the photo.

The panel commits nothing itself: it emits what the user wants, the library's page commits it
through the undo stack and calls :meth:`InspectorPanel.refresh` when the library has changed.
What the snapshot knows is shown at once; path, caption and reason follow from the catalogue.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import (
    QActionGroup,
    QHideEvent,
    QKeyEvent,
    QKeySequence,
    QShortcut,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.domain.records import ImageState, ImageTable, Verdict
from lmpt_desktop.engine.common_details import CommonDetails
from lmpt_desktop.engine.images import ImageDetails
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.translation import _
from lmpt_desktop.ui.inspector.class_model import ClassListModel, ClassRow, Kind
from lmpt_desktop.ui.inspector.class_view import ClassView
from lmpt_desktop.ui.inspector.confirm_bar import ConfirmBar
from lmpt_desktop.ui.inspector.facts_panel import ElidedLabel, FactsPanel, state_sentence
from lmpt_desktop.ui.inspector.image_facts import ImageFacts, file_version, image_facts
from lmpt_desktop.ui.inspector.photo_view import PhotoView
from lmpt_desktop.ui.inspector.summary import Show, Summary, summarise
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.region_finder import RegionFinder
from lmpt_desktop.ui.kit.tasks import LatestRequest

log = logging.getLogger(__name__)

INLINE_CELLS = 200_000
"""Selections of more (image, class) pairs are summarised off the window's thread."""


class InspectorPanel(QWidget):
    """The panel at the right of the grid."""

    verdict_requested = Signal(list, list, object, str)
    """Image ids, class ids, :class:`Verdict`, the name of the class."""
    confirm_requested = Signal(list)
    """Image ids: what is predicted is right."""
    rest_absent_requested = Signal(list)
    """Image ids: every class without a verdict is absent."""
    unreviewed_requested = Signal(list)
    """Image ids: remove the reviewed mark."""
    pin_requested = Signal(int, bool)
    sweep_requested = Signal(int)
    """Class id; whether it is to stay the class in focus."""
    suggestions_changed = Signal()
    """:meth:`suggested_classes` may have a new answer."""
    details_requested = Signal(bool)
    """Show the details of photos from now on, or hide them."""
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
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._session = session
        self._ids: NDArray[np.int64] = np.empty(0, np.int64)
        self._current = -1
        self._opening = False
        self._details: ImageDetails | None = None
        self._reading: LatestRequest[ImageDetails] = LatestRequest(
            self._details_read, self._reading_failed, owner=self
        )
        self._expanded = False
        self._common_of: tuple[NDArray[np.int64], ImageTable] | None = None
        """Of what the common details were asked for last."""
        self._common: LatestRequest[CommonDetails] = LatestRequest(
            self._common_read, self._reading_failed, owner=self
        )
        self._summarising: LatestRequest[Summary] = LatestRequest(self._show_summary, owner=self)

        self.photo = PhotoView(session.images.path_of_picture)
        self.regions = RegionFinder(session.regions, self)
        self._keep_region = False
        self.facts = FactsPanel()
        self.model = ClassListModel(self)
        self.search = QLineEdit()
        self.search.setObjectName("find-class")
        self.search.setPlaceholderText(_("Find a class (/)"))
        self.search.setAccessibleName(_("Find a class"))
        self.search.setClearButtonEnabled(True)
        self.search.installEventFilter(self)
        self.show_button = QToolButton()
        self.show_button.setObjectName("show-classes")
        self.show_button.setAccessibleName(_("Classes to show"))
        self.show_button.setToolTip(_("Classes to show"))
        self.show_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.show_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.show_button.setMenu(self._show_menu())
        self.view = ClassView(self.model, self._find_bar())
        self.pin = _pin_button()
        self.note = ElidedLabel()
        self.note.setObjectName("inspector-note")
        self.note.setProperty("role", "muted")
        self.confirm = ConfirmBar()
        self._keys: tuple[str, ...] = ()
        self._empty = Label()
        self._empty.setObjectName("inspector-empty")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self._empty.setMargin(20)
        self._empty_button = QPushButton(_("Choose a vocabulary..."))
        # Before there is anything in it, which would be styled again.
        self._restyle()
        self._build()
        self._connect()
        self.refresh()

    def _show_menu(self) -> QMenu:
        menu = QMenu(self)
        self._shows = QActionGroup(menu)
        for show, text in (
            (Show.ALL, _("&All classes")),
            (Show.PREDICTED_OR_PRESENT, _("&Predicted or present")),
            (Show.UNKNOWN, _("Still &unknown")),
            (Show.ANNOTATED, _("A&nnotated")),
            (Show.TAIL, _("&Rare classes")),
        ):
            action = menu.addAction(text)
            action.setCheckable(True)
            action.setChecked(show is Show.ALL)
            action.setData(show)
            self._shows.addAction(action)
        self._shows.triggered.connect(lambda action: self.set_show(Show(action.data())))
        return menu

    def _find_bar(self) -> QWidget:
        bar = QWidget()
        row = QHBoxLayout(bar)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.search, 1)
        row.addWidget(self.show_button)
        return bar

    def _build(self) -> None:
        # From the outside in: a widget that gets another parent is styled again, with all in it.
        self.splitter = QSplitter(Qt.Orientation.Vertical, self)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(self.photo)
        below = self._below = QWidget()
        self.splitter.addWidget(below)
        self._stack = QStackedWidget(below)
        empty = QWidget(self._stack)
        column = QVBoxLayout(empty)
        column.addStretch(1)
        column.addWidget(self._empty)
        column.addWidget(self._empty_button, 0, Qt.AlignmentFlag.AlignCenter)
        column.addStretch(2)
        self._stack.addWidget(self.view)
        self._stack.addWidget(empty)
        self._focus_line = QWidget(below)
        line = QHBoxLayout(self._focus_line)
        line.setContentsMargins(12, 4, 12, 0)
        line.setSpacing(4)
        line.addWidget(self.note, 1)
        line.addWidget(self.pin)
        rows = QVBoxLayout(below)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        for widget in (self.facts, self._stack, self._focus_line, self.confirm):
            rows.addWidget(widget, 1 if widget is self._stack else 0)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setStretchFactor(1, 3)
        self.splitter.setSizes([220, 580])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.splitter)
        self.setMinimumWidth(290)
        stops = (
            self.facts.expand,
            self.facts.details,
            self.facts.caption,
            self.view,
            self.search,
            self.show_button,
            self.pin,
            self.confirm.confirm,
            self.confirm.undo_review,
            self.confirm.more,
        )
        for before, after in pairwise(stops):
            self.setTabOrder(before, after)

    def _connect(self) -> None:
        self.view.verdict_requested.connect(self._request_verdict)
        self.view.class_focused.connect(self._class_focused)
        self.view.pin_requested.connect(self.pin_requested)
        self.view.sweep_requested.connect(self.sweep_requested)
        self.view.pointing_changed.connect(self._find_region)
        self.regions.found.connect(self.photo.show_region)
        self.view.left_at_top.connect(self.search.setFocus)
        for moved in (self.view.verticalScrollBar().valueChanged, self.view.laid_out):
            # Later: a layout must not change what it is laying out.
            moved.connect(self._show_line, Qt.ConnectionType.QueuedConnection)
        self.search.textChanged.connect(self._find_changed)
        self.pin.clicked.connect(self._pin_clicked)
        for requested, emitted in (
            (self.confirm.confirm_requested, self.confirm_requested),
            (self.confirm.rest_absent_requested, self.rest_absent_requested),
            (self.confirm.unreviewed_requested, self.unreviewed_requested),
        ):
            requested.connect(lambda it=emitted: it.emit(self.image_ids))
        self.facts.caption_committed.connect(self._request_caption)
        self.facts.details_requested.connect(self.details_requested)
        self.facts.still_hold.clicked.connect(self.edited_confirmed)
        self.facts.another.clicked.connect(self.edited_separated)
        self.photo.activated.connect(self._activate)
        self._empty_button.clicked.connect(self.vocabulary_requested)
        theme.manager().changed.connect(self._restyle)
        find = QShortcut(QKeySequence("/"), self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(self.find_class)

    # ------------------------------------------------------------------------------- state

    @property
    def image_ids(self) -> list[int]:
        """The images a verdict applies to."""
        return self._ids.tolist()

    def focused_class(self) -> ClassRow | None:
        """The class that P, A and U apply to."""
        focus = self.model.focus
        return None if focus is None else self.model.class_of(focus)

    def focus_class(self, class_id: int) -> bool:
        """Make a class the one in focus, as if the user had gone to it; False if the photos
        cannot have it."""
        if not self.model.has_class(class_id):
            return False
        self.search.clear()
        self._class_focused(class_id)
        self.show_focus(class_id, pinned=self.model.pinned and self.model.focus == class_id)
        return True

    def suggested_classes(self) -> tuple[int, ...]:
        """The ids of the suggested classes in the order of their numbers, nine at most, 0 for a
        number without a class; none while those of other images are still listed."""
        return () if self._opening else self.model.suggested()

    def show_focus(self, class_id: int | None, pinned: bool) -> None:
        """Mark the class that the verdict keys apply to; nothing is emitted.

        The list scrolls to it only if it is out of sight.
        """
        moved = class_id != self.model.focus
        self.model.set_focus(class_id, pinned)
        self.view.go_to_class(class_id, scroll=moved)
        self._show_note()
        self._find_region()

    def keep_region(self, kept: bool, *, asked: bool = False) -> None:
        """Show where the class in focus is seen, and not only a class that is pointed at.

        ``asked``: the user has just said so, so that the backbone may be loaded for it.
        """
        self._keep_region = kept
        self._find_region(asked=asked and kept)

    def expand_details(self, expanded: bool) -> None:
        """Show the details of the photos, or hide them."""
        self._expanded = expanded
        self.facts.expand_details(expanded)
        self._read_common()

    def find_class(self) -> None:
        """Put the keyboard into the search field."""
        self.view.scrollTo(self.model.index(self._find_row()))
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def set_show(self, show: Show) -> None:
        """List some of the classes under *All classes*."""
        self.search.clear()
        for action in self._shows.actions():
            action.setChecked(action.data() == show)
        self.model.set_show(show)

    # ----------------------------------------------------------------------------- showing

    def show_images(self, image_ids: Sequence[int] | NDArray[np.int64], current: int = -1) -> None:
        """Show one image, or what many have in common; ``current`` is the photo shown."""
        self.facts.caption.flush()
        ids = np.array(image_ids, np.int64)
        others = not np.array_equal(ids, self._ids)
        self._ids = ids
        known = bool(np.any(self._ids == current))
        self._current = current if known else (int(self._ids[0]) if len(self._ids) else -1)
        if others:
            self._opening = True
            self.facts.forget_details()
            self.model.forget_focus()
            self.view.forget_row()
        self.refresh()

    def refresh(self) -> None:
        """Show what changed: annotations, predictions, captions, classes or files."""
        self._show_image()
        self._read_common()
        snapshot, ids = self._session.snapshot(), self._ids
        if len(ids) * len(snapshot.classes) <= INLINE_CELLS:
            self._summarising.cancel()
            self._show_summary(summarise(snapshot, ids) if len(ids) else None)
            return
        if self._opening:
            self.confirm.show_counting(len(ids))
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

    def _read_common(self) -> None:
        ids, images = self._ids, self._session.snapshot().images
        if not (self._expanded and len(ids) > 1):
            self._common.cancel()
            self._common_of = None
        elif (of := self._common_of) is None or of[0] is not ids or of[1] is not images:
            # Not after every verdict: it may be of thousands of photos.
            self._common_of = (ids, images)
            self._common.ask(lambda: self._session.images.common_details(ids))

    def _common_read(self, found: CommonDetails) -> None:
        if len(self._ids) > 1:
            self.facts.show_common(found)

    def _reading_failed(self, error: Exception) -> None:
        # An image that has just left the library leaves the snapshot in a moment.
        log.info("the details of image %s cannot be read: %s", self._current, error)

    def _show_summary(self, summary: Summary | None) -> None:
        if summary is not None and summary.images > 1:
            self.facts.show_many(summary.images, summary.reviewed)
        self.model.set_summary(summary)
        if self._opening:
            # Another photo opens at the top, wherever the last one was left.
            self._opening = False
            self.view.open_at_top()
        self._show_empty()
        self.facts.setVisible(summary is not None and summary.images > 0)
        self.confirm.show_summary(summary)
        self._show_note()
        self._find_region()
        self.suggestions_changed.emit()

    def _show_empty(self) -> None:
        no_classes = not self._session.snapshot().classes
        self._empty_button.setVisible(no_classes)
        self._empty.setText(_("There are no classes to look for yet.") if no_classes else "")
        self._stack.setCurrentIndex(0 if self.model.rowCount() else 1)

    def show_keys(
        self,
        *,
        present: str = "",
        absent: str = "",
        unknown: str = "",
        confirm: str = "",
        rest_absent: str = "",
        unreviewed: str = "",
    ) -> None:
        """Name the keys of the panel's actions, as they are now."""
        self._keys = (present, absent, unknown)
        self.view.delegate.keys = (present, absent, unknown)
        self.view.viewport().update()
        self.confirm.show_keys(confirm, rest_absent, unreviewed)
        self._show_note()

    def _show_note(self) -> None:
        row = self.focused_class()
        self._show_line()
        if row is None:
            return
        keys = ", ".join(filter(None, self._keys))
        self.note.set_full_text(_("{keys}: {name}").format(keys=keys, name=row.name))
        self.pin.setChecked(row.pinned)
        self.pin.setIcon(theme.icon("pin", "accent" if row.pinned else "muted"))

    def _find_region(self, *, asked: bool = False) -> None:
        """Show where the class is seen that is pointed at, else, if wanted, the one in focus."""
        pointed = self.view.pointed_class
        class_id = self.model.focus if pointed is None and self._keep_region else pointed
        if not self.isVisible():
            class_id = None
        version = file_version(self._session.snapshot(), self._current)
        self.regions.want(self._current, version, class_id, load=asked or pointed is not None)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._find_region()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._find_region()

    def _show_line(self, *_: object) -> None:
        """Name the class in focus below the list while its own row is out of sight."""
        row = self.focused_class()
        # As high as the list is without the line, or the line would come and go by itself.
        room = self._below.height() - self._stack.y()
        if not self.confirm.isHidden():
            room -= self.confirm.height()
        seen = row is not None and self.view.shows_class(row.class_id, room)
        self._focus_line.setVisible(row is not None and not seen)

    # ------------------------------------------------------------------------------ events

    def _request_verdict(self, class_id: int, verdict: Verdict) -> None:
        row = self.model.class_of(class_id)
        if len(self._ids) and row is not None:
            self.verdict_requested.emit(self.image_ids, [class_id], verdict, row.name)

    def _request_caption(self, image_id: int, text: str) -> None:
        # What is being read may still have the old caption.
        self._reading.cancel()
        if self._details is not None and self._details.image_id == image_id:
            self._details = replace(self._details, caption=text)
        self.caption_requested.emit(image_id, text)

    def _activate(self) -> None:
        self.photo_activated.emit(self._current)

    def _class_focused(self, class_id: int) -> None:
        # At once: the owner of the class in focus answers with show_focus().
        pinned = self.model.pinned and class_id == self.model.focus
        self.model.set_focus(class_id, pinned)
        self._show_note()
        self._find_region()
        self.class_focused.emit(class_id)

    def _pin_clicked(self, pinned: bool) -> None:
        if (focus := self.model.focus) is not None:
            self.pin_requested.emit(focus, pinned)

    def _find_row(self) -> int:
        return next((i for i, item in enumerate(self.model.items) if item.kind is Kind.FIND), 0)

    def _find_changed(self, text: str) -> None:
        self.model.set_find(text)
        self.view.open_at_top()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """From the search box Down and Enter go to the list, Escape clears."""
        if (
            watched is self.search
            and event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape)
        ):
            event.accept()
            return True
        pressed = event.type() == QEvent.Type.KeyPress
        if watched is self.search and pressed and isinstance(event, QKeyEvent):
            key = event.key()
            if key in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
                if self.view.go_to_first_class():
                    self.view.setFocus(Qt.FocusReason.TabFocusReason)
                return True
            if key == Qt.Key.Key_Escape:
                if self.search.text():
                    self.search.clear()
                else:
                    self.view.setFocus(Qt.FocusReason.TabFocusReason)
                return True
        return super().eventFilter(watched, event)

    def _restyle(self, *_: object) -> None:
        colours = theme.current()
        self.setStyleSheet(
            f"#inspector, #class-list {{ background: {colours.window}; }}"
            f"#confirm-more, #show-classes {{ background: {colours.raised}; }}"
            f"#confirm-more:hover, #show-classes:hover {{ background: {colours.pressed}; }}"
            f"#confirm:disabled {{ color: {colours.muted}; }}"  # it says why, or that all is done
            f"#pin-class:checked {{ background: {colours.selection}; }}"
        )
        self.pin.setIcon(theme.icon("pin", "accent" if self.pin.isChecked() else "muted"))
        self.show_button.setIcon(theme.icon("filter"))
        self.facts.problem.setStyleSheet(f"color: {theme.current().error};")
        self.facts.edited.setStyleSheet(f"color: {theme.current().warning};")


def _pin_button() -> QToolButton:
    pin = QToolButton()
    pin.setObjectName("pin-class")
    pin.setCheckable(True)
    pin.setAutoRaise(True)
    pin.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    pin.setAccessibleName(_("Keep the class in focus"))
    pin.setToolTip(_("Keep this class in focus: the keys then mean it in every photo you go to"))
    return pin
