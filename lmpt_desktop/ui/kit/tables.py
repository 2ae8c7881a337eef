"""A table model with declared columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from lmpt_desktop.translation import _

Index = QModelIndex | QPersistentModelIndex
RowT = TypeVar("RowT")

_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)


@dataclass(frozen=True)
class Column(Generic[RowT]):
    """A column: title and tip (marked with ``N_``), and the text of the cell in a row.

    ``numeric`` columns are right-aligned, including the title.
    """

    title: str
    text: Callable[[RowT], str]
    tip: str = ""
    numeric: bool = False


class TableModel(QAbstractTableModel, Generic[RowT]):
    """Shows ``rows`` in ``columns``; subclasses extend :meth:`cell` for roles other than text."""

    def __init__(
        self,
        columns: Sequence[Column[RowT]],
        rows: Sequence[RowT] = (),
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.columns = tuple(columns)
        self.rows: Sequence[RowT] = rows

    def set_rows(self, rows: Sequence[RowT]) -> None:
        """Replace the rows."""
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def cell(self, row: RowT, column: int, role: int) -> Any:
        """The data of a cell for a role; the base class knows text and alignment."""
        shown = self.columns[column]
        if role == Qt.ItemDataRole.DisplayRole:
            return shown.text(row)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if shown.numeric else _LEFT
        return None

    # --------------------------------------------------------------------------------- Qt

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.columns)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(self.columns):
            return None
        column = self.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return _(column.title)
        if role == Qt.ItemDataRole.ToolTipRole:
            return _(column.tip) or None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if column.numeric else _LEFT
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        return self.cell(self.rows[index.row()], index.column(), role)
