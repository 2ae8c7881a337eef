"""The long-tail page: what is missing in sentences, and the figures behind them in two tabs."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedWidget,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from lmpt_desktop.engine import notices
from lmpt_desktop.inference.co_occurrence import CoOccurrence
from lmpt_desktop.inference.filters import Status
from lmpt_desktop.inference.long_tail import TailOrder
from lmpt_desktop.inference.tail_gaps import Gap, GapKind
from lmpt_desktop.interchange.atomic_file import atomic_write
from lmpt_desktop.interchange.tail_figures import write_class_figures, write_together
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit import tasks, theme
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.kit.dialogs import MessageStrip
from lmpt_desktop.ui.long_tail import export, figures, words
from lmpt_desktop.ui.long_tail.class_tab import ClassTab, legend
from lmpt_desktop.ui.long_tail.figures import Figures, TailSource
from lmpt_desktop.ui.long_tail.sentences import Sentences
from lmpt_desktop.ui.long_tail.tasks import Tasks
from lmpt_desktop.ui.long_tail.together import TogetherTab

PAUSE_MS = 300
"""Changes are gathered for so long before the figures are worked out anew."""
SHARE = 4
"""Counting takes at most one in so many parts of the time, however much changes."""
_CHANGES = (
    notices.AnnotationsChanged,
    notices.PredictionsChanged,
    notices.ClassesChanged,
    notices.ImagesChanged,
    notices.VersionsChanged,
)
_STATUS = {
    TailOrder.COUNT: Status.PRESENT,
    TailOrder.ABSENT: Status.ABSENT,
    TailOrder.PREDICTED: Status.PREDICTED,
}


class LongTailPage(QWidget):
    """Counts in the background, and only while it is in front."""

    class_wanted = Signal(int, object)
    """Show the photos of this class id in the grid, with this :class:`Status` or any (None)."""
    images_wanted = Signal(list)
    """Show the photos of these ids in the grid."""
    vocabulary_wanted = Signal()
    export_wanted = Signal()
    left = Signal()
    """Back to the grid."""
    said = Signal(str)
    failed = Signal(object)
    """An exception, for the user."""

    def __init__(
        self, session: TailSource, bridge: SessionBridge, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("dashboard")
        self.setAccessibleName(_("Long tail"))
        self.session = session
        self.figures: Figures | None = None
        self.narrowed: GapKind | None = None
        self._tasks = Tasks(self)
        self._counting = False
        self._stale = True
        self._seconds = 0.0
        self._pair_task: tasks.Task[CoOccurrence] | None = None
        self._pairs_of: object = None
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
        self.classes.rows_changed.connect(self._list_changed)
        self.tabs.currentChanged.connect(lambda _tab: self._list_changed())
        leave = QShortcut(QKeySequence(Qt.Key.Key_Escape), self)
        leave.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        leave.activated.connect(self._escape)
        self.setFocusProxy(self.classes.chart)
        self._restyle()
        theme.manager().changed.connect(self._restyle)

    def _build(self) -> None:
        self.title = QLabel(_("Long tail"))
        self.title.setProperty("role", "title")
        self.summary = QLabel()
        self.summary.setProperty("role", "muted")
        self.summary.setWordWrap(True)
        self.save = QToolButton()
        self.save.setObjectName("dashboard-save")
        self.save.setText(_("Save..."))
        self.save.setToolTip(_("Save the chart as a picture or the figures as a table"))
        self.save.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.save.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.save.clicked.connect(self.export_wanted)
        head = QHBoxLayout()
        head.setSpacing(16)
        head.addWidget(self.title)
        head.addWidget(self.summary, 1)
        head.addWidget(self.save)
        self.notice = MessageStrip()
        self.sentences = Sentences(after=self.save)
        self.sentences.chosen.connect(self.narrow)
        self.sentences.focus_lost.connect(self.classes.chart.setFocus)
        self.strip = MessageStrip()
        self.strip.pressed.connect(lambda: self.narrow(None))
        self.tabs = QTabWidget()
        self.tabs.setObjectName("dashboard-tabs")
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.addTab(self.classes, _("&Classes"))
        self._together_place = QWidget()
        QVBoxLayout(self._together_place).setContentsMargins(0, 0, 0, 0)
        self.tabs.addTab(self._together_place, _("&Found together"))
        full = QWidget()
        column = QVBoxLayout(full)
        column.setContentsMargins(16, 12, 16, 8)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self.notice)
        column.addWidget(self.sentences)
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
        title = QLabel(_("No classes yet"))
        title.setProperty("role", "title")
        text = QLabel(
            _("Choose the classes to look for. Then this page shows how many examples each has.")
        )
        text.setWordWrap(True)
        text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty_button = QPushButton(_("Edit vocabulary..."))
        self.empty_button.clicked.connect(self.vocabulary_wanted)
        column = QVBoxLayout(page)
        column.addStretch(1)
        column.addWidget(title, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(text)  # not aligned, since only the full width gives it its height
        column.addWidget(self.empty_button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        return page

    # ---------------------------------------------------------------------------- counting

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        shown = self.figures
        if self._stale or shown is None or shown.snapshot is not self.session.snapshot():
            self._stale = True
            self._count()

    def _changed(self, _notice: object) -> None:
        self._stale = True
        if self.isVisible() and not self._timer.isActive() and not self._counting:
            self._timer.start(max(PAUSE_MS, int(1000 * SHARE * self._seconds)))

    def _count(self) -> None:
        if self._counting or not self.isVisible():
            return
        self._counting, self._stale = True, False
        started = time.monotonic()

        def done(found: Figures) -> None:
            if not isValid(self):  # the library was closed while they were counted
                return
            self._counting = False
            self._seconds = time.monotonic() - started
            self.show_figures(found)
            if self._stale:
                self._changed(None)

        def failed(error: Exception) -> None:
            if not isValid(self):
                return
            self._counting = False
            self.failed.emit(error)

        self._tasks.start(lambda: figures.load(self.session), done, failed)

    def show_figures(self, found: Figures) -> None:
        """Show what was counted."""
        self.figures = found
        tail = found.tail
        if not len(tail):
            self.stack.setCurrentWidget(self.empty)
            return
        self.stack.setCurrentIndex(0)
        self._say_state()
        gap = self._gap()
        if gap is None:
            self.narrowed = None
        self.sentences.show_gaps(tail, found.gaps)
        self._say_narrowed(gap)
        self.classes.show_tail(tail, gap.columns if gap is not None else None)

    def _gap(self) -> Gap | None:
        """What the list is narrowed to, as it is now."""
        if self.figures is None or self.narrowed is None:
            return None
        return next((gap for gap in self.figures.gaps if gap.kind is self.narrowed), None)

    def _say_state(self) -> None:
        assert self.figures is not None
        self.summary.setText(words.summary(self.figures.tail))
        text = words.state_sentence(self.figures.tail)
        if text != self.notice.text:  # laying a strip out anew costs more than counting
            self.notice.say(text)

    # --------------------------------------------------------------------------- sentences

    def narrow(self, kind: GapKind | None) -> None:
        """List the classes of one sentence only; None lists all again."""
        self.narrowed = kind
        gap = self._gap()
        self._say_narrowed(gap)
        if self.figures is not None:
            self.tabs.setCurrentWidget(self.classes)
            self.classes.show_tail(self.figures.tail, gap.columns if gap is not None else None)
            self.classes.table.setFocus()
            if (
                len(self.classes.model.rows)
                and self.classes.model.place_of(self.classes.current) < 0
            ):
                self.classes.table.show_class(int(self.classes.model.rows[0]))

    def _say_narrowed(self, gap: Gap | None) -> None:
        if gap is None and self.strip.text:
            self.strip.clear()
        elif gap is not None:
            self.strip.say(words.narrowed_sentence(gap), button=_("List all classes"))

    def _escape(self) -> None:
        if self.narrowed is not None:
            self.narrow(None)
        else:
            self.left.emit()

    # ---------------------------------------------------------------------- found together

    @cached_property
    def together(self) -> TogetherTab:
        """The second tab, built when it is first looked at."""
        tab = TogetherTab()
        tab.changed.connect(self._list_changed)
        tab.opened.connect(self._open_together)
        layout = self._together_place.layout()
        assert layout is not None
        layout.addWidget(tab)
        return tab

    @property
    def _pairs_in_front(self) -> bool:
        return self.tabs.currentWidget() is self._together_place

    def _list_changed(self) -> None:
        if self.figures is not None and self._pairs_in_front:
            self._pair_timer.start(0)

    def _count_pairs(self) -> None:
        if self.figures is None:
            return
        found = self.figures
        columns = self.together.wanted(
            found.tail, self.classes.model.rows, self.classes.table.chosen()
        )
        # Asked for after ``wanted``, which may choose what counts.
        evidence = self.together.evidence_
        key = (found.snapshot, evidence, columns.tobytes())
        if key == self._pairs_of:
            return
        self._pairs_of = key
        if self._pair_task is not None:
            self._pair_task.cancel()
        self._pair_task = self._tasks.start(
            lambda: figures.together(found.snapshot, columns, evidence),
            lambda counted: self.together.show_found(found.tail, counted),
            self.failed.emit,
        )

    # ----------------------------------------------------------------------------- opening

    def _open_class(self, column: int, order: TailOrder) -> None:
        if self.figures is None or column < 0:
            return
        snapshot = self.figures.snapshot
        if order is TailOrder.UNJUDGED:
            self._open_images(lambda: figures.unjudged_images(snapshot, column))
        else:
            self.class_wanted.emit(int(snapshot.class_ids[column]), _STATUS.get(order))

    def _open_together(self, columns: list[int]) -> None:
        if self.figures is None:
            return
        snapshot, evidence = self.figures.snapshot, self.together.evidence_
        self._open_images(lambda: figures.images_with(snapshot, columns, evidence))

    def _open_images(self, find: Callable[[], list[int]]) -> None:
        def show(image_ids: list[int]) -> None:
            if image_ids:
                self.images_wanted.emit(image_ids)
            else:
                self.said.emit(_("No photo to show"))

        self._tasks.start(find, show, self.failed.emit)

    # -------------------------------------------------------------------------- export

    def export_to(self, path: Path) -> None:
        """Write what the tab in front shows to ``path``; its ending says how (PNG otherwise)."""
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
        self._tasks.start(
            write,
            lambda _none: self.said.emit(_("Saved {name}").format(name=path.name)),
            self.failed.emit,
        )

    def _drawing(self) -> export.Drawing:
        heading = escape(f"{self.title.text()} · {self.summary.text()}")
        if self._pairs_in_front:
            combos = (self.together.evidence, self.together.measure)
            about = " · ".join(combo.currentText() for combo in combos)
            return export.Drawing(self.together.map, heading, escape(about))
        return export.Drawing(self.classes.chart, heading, legend(self.classes.tail))

    def _table_writer(self, path: Path) -> Callable[[], int]:
        assert self.figures is not None
        tail, rows = self.figures.tail, np.array(self.classes.model.rows)
        found = self.together.found if self._pairs_in_front else None

        def write() -> int:
            with atomic_write(path) as file:
                if found is not None:
                    return write_together(tail, found, file)
                return write_class_figures(tail, rows, file)

        return write

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self.classes.table.fit()

    def _restyle(self, *_args: object) -> None:
        self.save.setIcon(theme.icon("export"))
        if self.figures is not None and len(self.figures.tail):
            self.sentences.show_gaps(self.figures.tail, self.figures.gaps)
