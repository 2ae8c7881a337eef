"""The photos on the page of a sweep, each ticked or not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractListModel, QObject, Qt, Signal

from lmpt_desktop.translation import _, decimal
from lmpt_desktop.ui.kit.tables import Index
from trainer.printable import isolated

CELL_ROLE = Qt.ItemDataRole.UserRole + 1
"""The :class:`SweepCell` of a row."""


@dataclass(frozen=True)
class SweepCell:
    """One photo; ``score`` is that of the class in question."""

    image_id: int
    fingerprint: str
    name: str
    score: float


class SweepModel(QAbstractListModel):
    """What is ticked is kept by photo, so that it survives another size of the window."""

    ticks_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.cells: Sequence[SweepCell] = ()
        self.ticked_from = 1.0
        self._chosen: dict[int, bool] = {}
        self.unshown: frozenset[int] = frozenset()
        """Photos that could not be shown; none of them is asked about."""

    def show_cells(self, cells: Sequence[SweepCell], ticked_from: float) -> None:
        """Show these photos; those with a score of at least ``ticked_from`` are ticked unless the
        user chose."""
        if list(cells) != list(self.cells) or ticked_from != self.ticked_from:
            self.beginResetModel()
            self.cells, self.ticked_from = tuple(cells), ticked_from
            self.endResetModel()
        self.ticks_changed.emit()

    def begin(self, chosen: dict[int, bool] | None = None) -> None:
        """Forget what the user ticked, or go back to what was ticked on a page."""
        self._chosen = dict(chosen or {})

    def is_ticked(self, row: int) -> bool:
        cell = self.cells[row]
        return self._chosen.get(cell.image_id, cell.score >= self.ticked_from)

    def tick(self, rows: Iterable[int], ticked: bool) -> None:
        """Tick or untick the photos in these rows."""
        rows = [row for row in rows if 0 <= row < len(self.cells)]
        for row in rows:
            self._chosen[self.cells[row].image_id] = ticked
        if rows:
            self.dataChanged.emit(self.index(min(rows)), self.index(max(rows)))
            self.ticks_changed.emit()

    def toggle(self, rows: Iterable[int]) -> None:
        """Untick the photos in these rows if all are ticked, else tick them."""
        rows = [row for row in rows if 0 <= row < len(self.cells)]
        self.tick(rows, not all(map(self.is_ticked, rows)))

    def ticks(self) -> dict[int, bool]:
        """Whether each photo that can be shown is ticked, by image id."""
        return {
            cell.image_id: self.is_ticked(row)
            for row, cell in enumerate(self.cells)
            if cell.image_id not in self.unshown
        }

    def leave_out(self, unshown: frozenset[int]) -> None:
        """Do not ask about these: nobody has seen them."""
        if unshown != self.unshown:
            self.unshown = unshown
            self.ticks_changed.emit()

    # --------------------------------------------------------------------------------- Qt

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.cells)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self.cells):
            return None
        cell = self.cells[index.row()]
        if role == CELL_ROLE:
            return cell
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            ticked = _("ticked") if self.is_ticked(index.row()) else _("not ticked")
            return f"{isolated(cell.name)}, {decimal(cell.score, 2)}, {ticked}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return cell.name
        return None
