"""The figures of every class as a table; its order is the chart's order too."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from lmpt_desktop.inference.long_tail import LongTail
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.tables import Index, TableModel
from lmpt_desktop.ui.kit.texts import band_term
from lmpt_desktop.ui.long_tail.columns import (
    BAND,
    COLUMNS,
    GAIN,
    NAME,
    PHOTOS,
    PRESENT,
    ClassRow,
    TailColumn,
    ordered,
)

NAME_COLUMN = COLUMNS.index(NAME)
MEASURED_ROWS = 300
"""Rows whose texts make the widths of the columns."""


class ClassTableModel(TableModel[ClassRow]):
    """One row per listed class."""

    ordered = Signal()
    """Other classes are listed, or the same in another order."""
    counted = Signal()
    """The classes have other figures."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(COLUMNS, parent=parent)
        self.tail: LongTail | None = None
        self.listed: NDArray[np.int64] = np.zeros(0, np.int64)
        """The classes from top to bottom, as columns of the library's arrays."""
        self.order = PHOTOS
        self.reverse = False
        self._among: NDArray[np.int64] | None = None

    def show_tail(self, tail: LongTail, among: NDArray[np.int64] | None) -> None:
        """List the classes ``among`` of ``tail``, or all."""
        self.tail, self._among = tail, among
        self._update_rows()
        self.counted.emit()

    def arrange(self, order: TailColumn, reverse: bool) -> None:
        """Order the rows."""
        if (order, reverse) != (self.order, self.reverse):
            self.order, self.reverse = order, reverse
            self._update_rows()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        descending = order == Qt.SortOrder.DescendingOrder
        self.arrange(COLUMNS[column], descending != COLUMNS[column].highest_first)

    def indicator(self) -> tuple[int, Qt.SortOrder]:
        """The column and the direction to mark in the header."""
        descending = self.reverse != self.order.highest_first
        direction = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
        return COLUMNS.index(self.order), direction

    def place_of(self, column: int) -> int:
        """The row of a class, -1 if it is not listed."""
        found = np.flatnonzero(self.listed == column)
        return int(found[0]) if len(found) else -1

    def _update_rows(self) -> None:
        if self.tail is not None:
            tail = self.tail
            self.listed = ordered(tail, self.order, reverse=self.reverse, among=self._among)
            self.set_rows([ClassRow(tail, column) for column in self.listed.tolist()])
        self.ordered.emit()

    def cell(self, row: ClassRow, column: int, role: int) -> Any:
        shown = COLUMNS[column]
        if role == Qt.ItemDataRole.ForegroundRole:
            return _colour(row, shown)
        if role == Qt.ItemDataRole.ToolTipRole:
            return _tip(row, shown)
        return super().cell(row, column, role)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        numeric = 0 <= section < len(COLUMNS) and COLUMNS[section].numeric
        if role == Qt.ItemDataRole.TextAlignmentRole and numeric:
            return Qt.AlignmentFlag.AlignCenter  # leaves room for the sort arrow
        return super().headerData(section, orientation, role)


def _colour(row: ClassRow, shown: TailColumn) -> QColor | None:
    """The colour of a cell's text, None for the usual one: muted where it says little."""
    if shown is BAND:
        return theme.current().band(row.tail.bands.bands[row.column])
    little = shown is PRESENT and row.tail.bands.needs_examples[row.column]
    if shown is GAIN and row.tail.forecast is not None:
        little = not row.tail.forecast.measured[row.column]
    return theme.current().colour("muted") if little else None


def _tip(row: ClassRow, shown: TailColumn) -> str | None:
    if shown is BAND:
        return band_term(row.tail.bands.bands[row.column])
    if shown is NAME:
        return row.tail.names[row.column]
    return shown.note(row) or None if shown.note is not None else None


class ClassTable(QTableView):
    """Shows a :class:`ClassTableModel`; Enter or a double click opens the cell under it."""

    opened = Signal(int, object)
    """A class (column of the library's arrays), and the :class:`TailColumn` of the cell."""

    def __init__(self, model: ClassTableModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("class-table")
        self.setAccessibleName(_("Figures of every class"))
        self.setModel(model)
        self._classes = model
        self._least_name_width = 40
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsMovable(False)
        header.setStretchLastSection(False)
        self.doubleClicked.connect(self._open)
        model.ordered.connect(self._mark_order)
        model.counted.connect(self.fit)
        self._mark_order()
        self.setSortingEnabled(True)
        self.fit()

    def fit(self) -> None:
        """Make every column as wide as what is in it, and give the names the rest."""
        header, metrics = self.horizontalHeader(), self.fontMetrics()
        self.verticalHeader().setDefaultSectionSize(metrics.height() + 8)
        header.setMinimumSectionSize(40)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        arrow = metrics.height() + 14
        rows = self._classes.rows[:MEASURED_ROWS]
        for place, column in enumerate(COLUMNS):
            # What has most characters is nearly always the widest, and cheap to find.
            longest = max((column.text(row) for row in rows), key=len, default="")
            title = metrics.horizontalAdvance(_(column.title)) + arrow
            width = max(title, metrics.horizontalAdvance(longest) + metrics.height())
            if place == NAME_COLUMN:
                self._least_name_width = min(width, 24 * metrics.averageCharWidth())
            else:
                self.setColumnWidth(place, width)
        self._give_names_the_rest()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._give_names_the_rest()

    def _give_names_the_rest(self) -> None:
        others = sum(self.columnWidth(i) for i in range(len(COLUMNS)) if i != NAME_COLUMN)
        rest = self.viewport().width() - others
        self.setColumnWidth(NAME_COLUMN, max(rest, self._least_name_width))

    def show_class(self, column: int) -> None:
        """Make a class the current one, in the column that is current."""
        row = self._classes.place_of(column)
        if row >= 0 and self.currentIndex().row() != row:
            place = max(self.currentIndex().column(), NAME_COLUMN)
            self.setCurrentIndex(self._classes.index(row, place))

    def chosen(self) -> list[int]:
        """The selected classes from top to bottom, as columns of the library's arrays."""
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        return [int(self._classes.listed[row]) for row in rows]

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._open(self.currentIndex())
        else:
            super().keyPressEvent(event)

    def _open(self, index: Index) -> None:
        if index.isValid():
            self.opened.emit(int(self._classes.listed[index.row()]), COLUMNS[index.column()])

    def _mark_order(self) -> None:
        header = self.horizontalHeader()
        header.blockSignals(True)
        header.setSortIndicator(*self._classes.indicator())
        header.blockSignals(False)
