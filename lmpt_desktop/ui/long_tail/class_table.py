"""The figures of every class as a table; its order is the chart's order too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from lmpt_desktop.inference.long_tail import LongTail, TailOrder, ordered
from lmpt_desktop.translation import N_, _
from lmpt_desktop.translation import number as number_text
from lmpt_desktop.ui.grid.model import Index
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.theme import BAND_SHAPES
from lmpt_desktop.ui.long_tail import words

_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True)
class Column:
    """One column of the table, and the order it stands for."""

    order: TailOrder
    title: str
    tip: str


COLUMNS = (
    Column(TailOrder.VOCABULARY, N_("No."), N_("Place in the vocabulary")),
    Column(TailOrder.NAME, N_("Class"), ""),
    Column(TailOrder.BAND, N_("Band"), N_("Head, medium or tail, by number of examples")),
    Column(
        TailOrder.COUNT, N_("Present"),
        N_("Photos you said it is in: the examples a training has")
    ),
    Column(TailOrder.ABSENT, N_("Absent"), N_("Photos you said it is not in")),
    Column(
        TailOrder.PREDICTED, N_("Predicted"),
        N_("Photos whose score reaches the threshold")
    ),
    Column(
        TailOrder.UNJUDGED, N_("Not judged"),
        N_("Predicted photos about which you have said nothing yet")
    ),
    Column(
        TailOrder.PRECISION, N_("AP"),
        N_("Average precision on held-out annotations in the evaluation of the prompts in use, "
           "in percent"),
    ),
    Column(
        TailOrder.WEIGHT, N_("Weight"),
        N_("The class's share of the embedding loss, in percent: the fewer examples, the more "
           "each counts"),
    ),
    Column(
        TailOrder.MARGIN, N_("Margin"),
        N_("How far captions of other photos are pushed away from the class's prompt, as a "
           "cosine distance: wider for rare classes"),
    ),
    Column(
        TailOrder.BALANCE, N_("Balance"),
        N_("What an example of the class weighs in the distribution-balanced loss, on average: "
           "0.1 to 1.1"),
    ),
)  # fmt: skip
NAME_COLUMN = 1
_FALLING = tuple(
    item.order not in (TailOrder.VOCABULARY, TailOrder.NAME, TailOrder.BAND) for item in COLUMNS
)
"""Whether a column's natural order begins with its highest figure."""


class ClassTableModel(QAbstractTableModel):
    """One row per listed class."""

    ordered = Signal()
    """Other rows, or the same in another order."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tail: LongTail | None = None
        self.rows: NDArray[np.int64] = np.zeros(0, np.int64)
        """The listed classes from top to bottom, as columns of the library."""
        self.key = TailOrder.COUNT
        self.turned = False
        self._among: NDArray[np.int64] | None = None

    def show_tail(self, tail: LongTail, among: NDArray[np.int64] | None) -> None:
        """Show these figures, of the classes ``among`` or of all."""
        self.tail, self._among = tail, among
        self._arrange()

    def arrange(self, key: TailOrder, turned: bool) -> None:
        """Order the rows."""
        if (key, turned) != (self.key, self.turned):
            self.key, self.turned = key, turned
            self._arrange()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        falling = order == Qt.SortOrder.DescendingOrder
        self.arrange(COLUMNS[column].order, falling != _FALLING[column])

    def indicator(self) -> tuple[int, Qt.SortOrder]:
        """The column and the direction to mark in the header."""
        column = next(i for i, item in enumerate(COLUMNS) if item.order is self.key)
        falling = self.turned != _FALLING[column]
        return column, (Qt.SortOrder.DescendingOrder if falling else Qt.SortOrder.AscendingOrder)

    def place_of(self, column: int) -> int:
        """The row of a class, -1 if it is not listed."""
        found = np.flatnonzero(self.rows == column)
        return int(found[0]) if len(found) else -1

    def _arrange(self) -> None:
        self.beginResetModel()
        if self.tail is not None:
            self.rows = ordered(self.tail, self.key, reverse=self.turned, among=self._among)
        self.endResetModel()
        self.ordered.emit()

    # -------------------------------------------------------------------------------- Qt

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.ToolTipRole:
            return _(COLUMNS[section].tip) or None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            # In the middle, a title leaves the sort arrow its place.
            named = COLUMNS[section].order in (TailOrder.NAME, TailOrder.BAND)
            return _LEFT if named else Qt.AlignmentFlag.AlignCenter
        return _(COLUMNS[section].title) if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or self.tail is None or index.row() >= len(self.rows):
            return None
        column, order = int(self.rows[index.row()]), COLUMNS[index.column()].order
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(self.tail, column, order)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _LEFT if order in (TailOrder.NAME, TailOrder.BAND) else _RIGHT
        if role == Qt.ItemDataRole.ForegroundRole and order is TailOrder.BAND:
            return theme.current().band(self.tail.bands.bands[column])
        if role == Qt.ItemDataRole.ToolTipRole and order is TailOrder.NAME:
            return self.tail.names[column]
        return None


def _text(tail: LongTail, column: int, order: TailOrder) -> str:
    counts = {
        TailOrder.COUNT: tail.present,
        TailOrder.ABSENT: tail.absent,
        TailOrder.PREDICTED: tail.predicted,
        TailOrder.UNJUDGED: tail.unjudged,
    }
    shares = {
        TailOrder.WEIGHT: (tail.losses.weights, 100, 2),
        TailOrder.MARGIN: (tail.losses.margins, 1, 3),
        TailOrder.BALANCE: (tail.losses.balance, 1, 2),
        TailOrder.PRECISION: (tail.average_precision, 100, 1),
    }
    if order in counts:
        return number_text(counts[order][column])
    if order in shares:
        values, scale, digits = shares[order]
        return words.figure(scale * values[column], digits)
    if order is TailOrder.BAND:
        band = tail.bands.bands[column]
        mark = "~" if tail.bands.estimated else ""
        return f"{BAND_SHAPES[band]} {mark}{words.band_word(band)}"
    return tail.names[column] if order is TailOrder.NAME else number_text(column + 1)


class ClassTable(QTableView):
    """Shows a :class:`ClassTableModel`; Enter or a double click opens the cell under it."""

    opened = Signal(int, object)
    """A class (column of the library), and the :class:`TailOrder` of the cell."""

    def __init__(self, model: ClassTableModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("class-table")
        self.setAccessibleName(_("Figures of every class"))
        self.setModel(model)
        self._classes = model
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
        model.ordered.connect(self._mark)
        self._mark()
        self.setSortingEnabled(True)
        self.fit()

    def fit(self) -> None:
        """Give every column the room of its title, and the names the rest."""
        header, metrics = self.horizontalHeader(), self.fontMetrics()
        self.verticalHeader().setDefaultSectionSize(metrics.height() + 8)
        for place, column in enumerate(COLUMNS):
            header.setSectionResizeMode(place, QHeaderView.ResizeMode.Interactive)
            sign = metrics.height() + 14  # the sort arrow, and air
            widest = max(metrics.horizontalAdvance(_(column.title)), metrics.averageCharWidth() * 5)
            self.setColumnWidth(place, widest + sign)
        band = max(metrics.horizontalAdvance(f"◆ ~{_(text)}") for text in words.BAND_WORDS.values())
        self.setColumnWidth(2, max(self.columnWidth(2), band + 18))
        header.setSectionResizeMode(NAME_COLUMN, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(40)

    def show_class(self, column: int) -> None:
        """Make a class the current one, in the column that is current."""
        row = self._classes.place_of(column)
        if row >= 0 and self.currentIndex().row() != row:
            place = max(self.currentIndex().column(), NAME_COLUMN)
            self.setCurrentIndex(self._classes.index(row, place))

    def chosen(self) -> list[int]:
        """The selected classes from top to bottom, as columns of the library."""
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        return [int(self._classes.rows[row]) for row in rows]

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._open(self.currentIndex())
        else:
            super().keyPressEvent(event)

    def _open(self, index: Index) -> None:
        if index.isValid():
            self.opened.emit(int(self._classes.rows[index.row()]), COLUMNS[index.column()].order)

    def _mark(self) -> None:
        header = self.horizontalHeader()
        header.blockSignals(True)
        header.setSortIndicator(*self._classes.indicator())
        header.blockSignals(False)
