"""The long-tail page: links to what is missing, and the figures in two tabs."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QPushButton,
    QStackedWidget,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.engine import notices
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.inference.co_occurrence import CoOccurrence
from lmpt_desktop.inference.long_tail import LongTail
from lmpt_desktop.inference.tail_gaps import Gap, GapKind
from lmpt_desktop.interchange.atomic_file import atomic_write
from lmpt_desktop.interchange.tail_figures import write_co_occurrence
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.kit.dialogs import MessageStrip
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.tasks import LatestRequest, Task
from lmpt_desktop.ui.long_tail import export, texts
from lmpt_desktop.ui.long_tail.class_tab import ClassTab, legend
from lmpt_desktop.ui.long_tail.co_occurrence_tab import CoOccurrenceTab
from lmpt_desktop.ui.long_tail.columns import TailColumn, write_class_figures
from lmpt_desktop.ui.long_tail.figures import Figures, count_pairs, images_with, load_figures
from lmpt_desktop.ui.long_tail.gap_links import GapLinks

PAUSE_MS = 300
"""How long changes are gathered before the figures are counted again."""
REST = 4
"""Between two counts at least this many times the duration of a count passes, however often
something changes."""
_CHANGES = (
    notices.AnnotationsChanged,
    notices.PredictionsChanged,
    notices.ClassesChanged,
    notices.ImagesChanged,
    notices.VersionsChanged,
)


class LongTailPage(QWidget):
    """Counts off the window's thread, and only while it is in front."""

    class_requested = Signal(int, object)
    """Show the photos of this class id in the grid, with this :class:`Status` or any (None)."""
    images_requested = Signal(list)
    """Show the photos of these ids in the grid."""
    vocabulary_requested = Signal()
    export_requested = Signal()
    menu_requested = Signal(QPoint)
    """What can be done with the class in focus, at this place of the screen."""
    left = Signal()
    """Back to the grid."""
    message = Signal(str)
    """A sentence for the status bar."""
    failed = Signal(object)
    """An exception, for the user."""

    def __init__(
        self, session: LibrarySession, bridge: SessionBridge, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("long-tail")
        self.setAccessibleName(_("Long tail"))
        self.session = session
        self.figures: Figures | None = None
        self.narrowed: GapKind | None = None
        self._counting = LatestRequest(self._counted, self.failed.emit, owner=self)
        self._stale = True
        self._started = 0.0
        self._seconds = 0.0
        """How long the last count took."""
        self._pairs = LatestRequest(self._show_pairs, self.failed.emit, owner=self)
        self._pairs_key: object = None
        """What the pairs were counted of, to count nothing twice."""
        self._found_images = LatestRequest(self._show_images, self.failed.emit, owner=self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._count)
        self._pair_timer = QTimer(self)
        self._pair_timer.setSingleShot(True)
        self._pair_timer.timeout.connect(self._count_pairs)
        self.classes = ClassTab()
        self._build()
        for kind in _CHANGES:
            bridge.on(kind, self._changed)
        self.classes.opened.connect(self._open_class)
        table = self.classes.table
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        table.customContextMenuRequested.connect(
            lambda place: self.menu_requested.emit(table.viewport().mapToGlobal(place))
        )
        self.classes.rows_changed.connect(self._list_changed)
        self.tabs.currentChanged.connect(lambda _tab: self._list_changed())
        leave = QShortcut(QKeySequence(Qt.Key.Key_Escape), self)
        leave.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        leave.activated.connect(self._escape)
        self.setFocusProxy(self.classes.chart)
        self._restyle()
        theme.manager().changed.connect(self._restyle)

    def _build(self) -> None:
        self.title = Label(_("Long tail"))
        self.title.setProperty("role", "title")
        self.summary = Label()
        self.summary.setProperty("role", "muted")
        self.summary.setWordWrap(True)
        self.save = QToolButton()
        self.save.setObjectName("long-tail-save")
        self.save.setText(_("Save..."))
        self.save.setToolTip(_("Save the chart as a picture or the figures as a table"))
        self.save.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.save.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.save.clicked.connect(self.export_requested)
        head = QHBoxLayout()
        head.setSpacing(16)
        head.addWidget(self.title)
        head.addWidget(self.summary, 1)
        head.addWidget(self.save)
        self.notice = MessageStrip()
        self.gap_links = GapLinks(after=self.save)
        self.gap_links.chosen.connect(self.narrow)
        self.gap_links.focus_lost.connect(self.classes.chart.setFocus)
        self.strip = MessageStrip()
        self.strip.pressed.connect(lambda: self.narrow(None))
        self.tabs = QTabWidget()
        self.tabs.setObjectName("long-tail-tabs")
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.addTab(self.classes, _("&Classes"))
        self._co_occurrence_place = QWidget()
        QVBoxLayout(self._co_occurrence_place).setContentsMargins(0, 0, 0, 0)
        self.tabs.addTab(self._co_occurrence_place, _("&Found together"))
        full = QWidget()
        column = QVBoxLayout(full)
        column.setContentsMargins(16, 12, 16, 8)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self.notice)
        column.addWidget(self.gap_links)
        column.addWidget(self.strip)
        column.addWidget(self.tabs, 1)
        self.stack = QStackedWidget()
        self.stack.addWidget(full)
        self.empty = self._empty_state()
        self.stack.addWidget(self.empty)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.stack)

    def _empty_state(self) -> QWidget:
        page = QWidget()
        title = Label(_("No classes yet"))
        title.setProperty("role", "title")
        text = Label(
            _("Choose the classes to look for. Then this page shows how many examples each has.")
        )
        text.setWordWrap(True)
        text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty_button = QPushButton(_("Edit vocabulary..."))
        self.empty_button.clicked.connect(self.vocabulary_requested)
        column = QVBoxLayout(page)
        column.addStretch(1)
        column.addWidget(title, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(text)  # not aligned, since only the full width gives it its height
        column.addWidget(self.empty_button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        return page

    @property
    def focus_class(self) -> int | None:
        """The id of the current class."""
        tail, column = self.classes.tail, self.classes.current
        return int(tail.class_ids[column]) if tail is not None and column >= 0 else None

    # ---------------------------------------------------------------------------- counting

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        shown = self.figures
        if self._stale or shown is None or shown.snapshot is not self.session.snapshot():
            self._stale = True
            self._count()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        # What is drawn stays, but not the scores and annotations that it was counted from.
        self.figures = None
        self._pairs_key = None

    def _changed(self, _notice: object = None) -> None:
        self._stale = True
        if self.isVisible() and not self._timer.isActive() and not self._counting.busy:
            self._timer.start(max(PAUSE_MS, int(1000 * REST * self._seconds)))

    def _count(self) -> None:
        if self.isVisible() and not self._counting.busy:
            self._stale = False
            self._started = time.monotonic()
            self._counting.ask(lambda: load_figures(self.session))

    def _counted(self, figures: Figures) -> None:
        self._seconds = time.monotonic() - self._started
        if not self.isVisible():
            return
        self.show_figures(figures)
        if self._stale:
            self._changed()

    def show_figures(self, figures: Figures) -> None:
        """Show what was counted."""
        self.figures = figures
        tail = figures.tail
        if not len(tail):
            self.stack.setCurrentWidget(self.empty)
            return
        self.stack.setCurrentIndex(0)
        self._show_state()
        gap = self._gap()
        if gap is None:
            self.narrowed = None
        self.gap_links.show_gaps(tail, figures.gaps)
        self._show_narrowed(gap)
        self.classes.show_tail(tail, gap.columns if gap is not None else None)

    def _gap(self) -> Gap | None:
        """What the list is narrowed to."""
        if self.figures is None or self.narrowed is None:
            return None
        return next((gap for gap in self.figures.gaps if gap.kind is self.narrowed), None)

    def _show_state(self) -> None:
        assert self.figures is not None
        self.summary.setText(texts.summary(self.figures.tail))
        text = texts.state_sentence(self.figures.tail)
        if text != self.notice.text:  # laying out a strip again costs more than counting
            self.notice.show_text(text)

    # ---------------------------------------------------------------------- what is missing

    def narrow(self, kind: GapKind | None) -> None:
        """List only the classes with this gap; None lists all again."""
        self.narrowed = kind
        gap = self._gap()
        self._show_narrowed(gap)
        if self.figures is not None:
            self.tabs.setCurrentWidget(self.classes)
            self.classes.show_tail(self.figures.tail, gap.columns if gap is not None else None)
            self.classes.table.setFocus()
            if (
                len(self.classes.model.listed)
                and self.classes.model.place_of(self.classes.current) < 0
            ):
                self.classes.table.show_class(int(self.classes.model.listed[0]))

    def _show_narrowed(self, gap: Gap | None) -> None:
        if gap is None and self.strip.text:
            self.strip.clear()
        elif gap is not None:
            self.strip.show_text(texts.narrowed_sentence(gap), button=_("List all classes"))

    def _escape(self) -> None:
        if self.narrowed is not None:
            self.narrow(None)
        else:
            self.left.emit()

    # ---------------------------------------------------------------------- found together

    @cached_property
    def co_occurrence(self) -> CoOccurrenceTab:
        """The second tab, built when it is first shown."""
        tab = CoOccurrenceTab()
        tab.changed.connect(self._list_changed)
        tab.opened.connect(self._open_pair)
        layout = self._co_occurrence_place.layout()
        assert layout is not None
        layout.addWidget(tab)
        return tab

    @property
    def _pairs_in_front(self) -> bool:
        return self.tabs.currentWidget() is self._co_occurrence_place

    def _list_changed(self) -> None:
        if self.figures is not None and self._pairs_in_front:
            self._pair_timer.start(0)

    def _count_pairs(self) -> None:
        if self.figures is None:
            return
        snapshot, tail = self.figures.snapshot, self.figures.tail
        columns = self.co_occurrence.choose_columns(
            tail, self.classes.model.listed, self.classes.table.chosen()
        )
        evidence = self.co_occurrence.chosen_evidence  # choosing the columns may have changed it
        key = (snapshot, evidence, columns.tobytes())
        if key != self._pairs_key:
            self._pairs_key = key
            self._pairs.ask(lambda: (tail, count_pairs(snapshot, columns, evidence)))

    def _show_pairs(self, counted: tuple[LongTail, CoOccurrence]) -> None:
        self.co_occurrence.show_found(*counted)

    # ----------------------------------------------------------------------------- opening

    def _open_class(self, column: int, shown: TailColumn) -> None:
        if self.figures is None or column < 0:
            return
        snapshot, images = self.figures.snapshot, shown.images
        if images is not None:
            self._found_images.ask(lambda: images(snapshot, column))
        else:
            self.class_requested.emit(int(snapshot.class_ids[column]), shown.status)

    def _open_pair(self, columns: list[int]) -> None:
        if self.figures is None:
            return
        snapshot, evidence = self.figures.snapshot, self.co_occurrence.chosen_evidence
        self._found_images.ask(lambda: images_with(snapshot, columns, evidence))

    def _show_images(self, image_ids: list[int]) -> None:
        if image_ids:
            self.images_requested.emit(image_ids)
        else:
            self.message.emit(_("No photo to show"))

    # -------------------------------------------------------------------------- export

    def export_to(self, path: Path) -> None:
        """Write what the tab in front shows to ``path``: PNG, unless it ends in .csv or .svg."""
        if self.figures is None:
            return
        suffix = path.suffix.lower()
        write: Callable[[], Any]
        if suffix == ".csv":
            write = self._table_writer(path)
        elif suffix == ".svg":
            drawn = export.svg(self._drawing())
            write = lambda: export.write_whole(path, drawn)  # noqa: E731
        else:
            image = export.picture(self._drawing())
            write = lambda: export.write_whole(path, export.png(image))  # noqa: E731
        Task(
            write,
            lambda _count: self.message.emit(_("Saved {name}").format(name=path.name)),
            self.failed.emit,
            owner=self,
        )

    def _drawing(self) -> export.Drawing:
        heading = escape(f"{self.title.text()} · {self.summary.text()}")
        if self._pairs_in_front:
            combos = (self.co_occurrence.evidence, self.co_occurrence.measure)
            about = " · ".join(combo.currentText() for combo in combos)
            return export.Drawing(self.co_occurrence.map, heading, escape(about))
        return export.Drawing(self.classes.chart, heading, legend())

    def _table_writer(self, path: Path) -> Callable[[], int]:
        assert self.figures is not None
        tail, rows = self.figures.tail, np.array(self.classes.model.listed)
        found = self.co_occurrence.found if self._pairs_in_front else None

        def write() -> int:
            with atomic_write(path) as file:
                if found is not None:
                    return write_co_occurrence(tail, found, file)
                return write_class_figures(tail, rows, file)

        return write

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self.classes.table.fit()

    def _restyle(self, *_args: object) -> None:
        self.save.setIcon(theme.icon("export"))
        if self.figures is not None and len(self.figures.tail):
            self.gap_links.show_gaps(self.figures.tail, self.figures.gaps)
