"""The tab of classes: chart above, table below, one order and one current class for both."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QScrollBar,
    QSplitter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.inference.long_tail import LongTail
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.elided_label import ElidedLabel
from lmpt_desktop.ui.kit.flow_layout import FlowLayout, on_one_line
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.tables import Index
from lmpt_desktop.ui.kit.texts import NEEDS_EXAMPLES, band_name
from lmpt_desktop.ui.kit.theme import BAND_SHAPES
from lmpt_desktop.ui.long_tail.chart import ZOOM, ClassChart
from lmpt_desktop.ui.long_tail.class_table import ClassTable, ClassTableModel
from lmpt_desktop.ui.long_tail.columns import BY_NAME, COLUMNS, NAME, class_sentence
from trainer.bands import Band

_STEPS = 100
"""Steps of the scroll bar per class."""


class ClassTab(QWidget):
    """Chart and table of the same classes."""

    opened = Signal(int, object)
    """A class (column of the library's arrays) and the :class:`TailColumn` that was opened."""
    rows_changed = Signal()
    """Other classes are listed, in another order, or selected."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = ClassTableModel(self)
        self.chart = ClassChart()
        self.table = ClassTable(self.model)
        self.current = -1
        """The current class, as a column of the library's arrays; -1 for none."""
        self.order = QComboBox()
        self.order.setObjectName("tail-order")
        self.order.setAccessibleName(_("Sort classes by"))
        for column in COLUMNS:
            if column.sort_text:
                self.order.addItem(_(column.sort_text), column.name)
        self.direction = _button("tail-direction", _("Reverse order"), checkable=True)
        self.closer = _button("tail-zoom-in", _("Fewer classes in view (+)"))
        self.wider = _button("tail-zoom-out", _("More classes in view (-)"))
        self.everything = _button("tail-zoom-all", _("All classes in view (0)"))
        self.everything.setText(_("All"))
        self.scroll_bar = QScrollBar(Qt.Orientation.Horizontal)
        self.scroll_bar.setAccessibleName(_("Part of the chart in view"))
        self.legend = Label()
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.sentence = ElidedLabel()
        self.sentence.setObjectName("tail-sentence")
        self._build()
        self._connect()
        self._restyle()
        theme.manager().changed.connect(self._restyle)

    def _build(self) -> None:
        label = Label(_("Sort by"))
        label.setProperty("role", "muted")
        label.setBuddy(self.order)
        controls = QWidget()
        flow = FlowLayout(controls)
        flow.setContentsMargins(0, 0, 0, 0)
        zooms = (self.closer, self.wider, self.everything)
        for group in ((label, self.order, self.direction), zooms, (self.legend,)):
            flow.addWidget(on_one_line(*group))
        top = QWidget()
        column = QVBoxLayout(top)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.chart, 1)
        column.addWidget(self.scroll_bar)
        column.addWidget(self.sentence)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(top)
        self.splitter.addWidget(self.table)
        self.splitter.setStretchFactor(0, 3)
        self.splitter.setStretchFactor(1, 2)
        self.splitter.setSizes([360, 230])
        self.table.setMinimumHeight(110)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.addWidget(controls)
        layout.addWidget(self.splitter, 1)

    def _connect(self) -> None:
        self.model.ordered.connect(self._reordered)
        self.order.currentIndexChanged.connect(self._order_chosen)
        self.direction.toggled.connect(self._order_chosen)
        self.closer.clicked.connect(lambda: self.chart.zoom(ZOOM))
        self.wider.clicked.connect(lambda: self.chart.zoom(1 / ZOOM))
        self.everything.clicked.connect(self.chart.show_all)
        self.chart.view_changed.connect(self._follow_view)
        self.chart.current_changed.connect(lambda place: self._focus(self._column(place)))
        self.chart.opened.connect(lambda place: self.opened.emit(self._column(place), NAME))
        self.scroll_bar.valueChanged.connect(self._scrolled)
        self.table.opened.connect(self.opened)
        selection = self.table.selectionModel()
        selection.currentRowChanged.connect(self._row_changed)
        selection.selectionChanged.connect(lambda *_selections: self.rows_changed.emit())

    # ------------------------------------------------------------------------------- state

    @property
    def tail(self) -> LongTail | None:
        return self.model.tail

    def show_tail(self, tail: LongTail, among: NDArray[np.int64] | None) -> None:
        """Show the classes ``among`` of ``tail``, or all."""
        if self.tail is not None and 0 <= self.current < len(self.tail):
            # Columns move when classes are added, merged or archived: the class stays.
            found = np.flatnonzero(tail.class_ids == self.tail.class_ids[self.current])
            self.current = int(found[0]) if len(found) else -1
        else:
            self.current = -1
        self.model.show_tail(tail, among)
        self._restyle()

    def _column(self, place: int) -> int:
        rows = self.model.listed
        return int(rows[place]) if 0 <= place < len(rows) else -1

    def _reordered(self) -> None:
        if self.tail is None:
            return
        for widget in (self.order, self.direction):
            widget.blockSignals(True)
        self.order.setCurrentIndex(self.order.findData(self.model.order.name))
        self.direction.setChecked(self.model.reverse)
        for widget in (self.order, self.direction):
            widget.blockSignals(False)
        self._show_direction()
        self.chart.show_tail(self.tail, self.model.listed)
        self._focus(self.current)
        self._follow_view()
        self.rows_changed.emit()

    def _order_chosen(self, *_args: object) -> None:
        if self.order.currentData():
            order = BY_NAME[self.order.currentData()]
            self.model.arrange(order, reverse=self.direction.isChecked())
        self._show_direction()

    def _show_direction(self) -> None:
        self.direction.setIcon(theme.icon("sort-up" if self.direction.isChecked() else "sort-down"))

    def _row_changed(self, now: Index, _before: Index) -> None:
        if now.isValid():
            self._focus(self._column(now.row()))

    def _focus(self, column: int) -> None:
        """Make a class the current one everywhere."""
        self.current = column
        place = self.model.place_of(column)
        self.chart.set_current(place)
        if place >= 0:
            self.table.show_class(column)
        if self.tail is not None and place >= 0:
            self.sentence.setText(class_sentence(self.tail, column))
        else:
            self.sentence.setText(_("Arrow keys move between classes; Enter shows the photos."))

    # -------------------------------------------------------------------------- scroll bar

    def _follow_view(self) -> None:
        first, last = self.chart.shown
        count, wide = len(self.model.listed), last - first
        self.scroll_bar.blockSignals(True)
        self.scroll_bar.setPageStep(max(1, round(wide * _STEPS)))
        self.scroll_bar.setSingleStep(_STEPS)
        self.scroll_bar.setRange(round(-0.6 * _STEPS), round((count - 0.4 - wide) * _STEPS))
        self.scroll_bar.setValue(round(first * _STEPS))
        self.scroll_bar.blockSignals(False)
        whole = wide >= count
        self.scroll_bar.setVisible(not whole)
        self.wider.setEnabled(not whole)
        self.everything.setEnabled(not whole)

    def _scrolled(self, value: int) -> None:
        self.chart.set_first(value / _STEPS)

    def _restyle(self, *_args: object) -> None:
        self.closer.setIcon(theme.icon("zoom-in"))
        self.wider.setIcon(theme.icon("zoom-out"))
        self._show_direction()
        self.legend.setText(legend())


def legend() -> str:
    """What the marks of the chart mean, as rich text."""
    colours = theme.current()
    parts = [(BAND_SHAPES[band], colours.band(band).name(), band_name(band)) for band in Band]
    parts.append(("█", colours.muted, _("marked present")))
    parts.append(("░", colours.muted, _("estimated")))
    parts.append((NEEDS_EXAMPLES, colours.muted, _("needs examples")))
    return "&nbsp;&nbsp;&nbsp;".join(
        f'<span style="color:{colour}">{sign}&nbsp;{word.replace(" ", "&nbsp;")}</span>'
        for sign, colour, word in parts
    )


def _button(name: str, tip: str, *, checkable: bool = False) -> QToolButton:
    button = QToolButton()
    button.setObjectName(name)
    button.setAutoRaise(True)
    button.setCheckable(checkable)
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return button
