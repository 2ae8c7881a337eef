"""The grid's rows: an array of image ids over the arrays of a snapshot."""

from __future__ import annotations

import math
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.translation import _, decimal, number
from lmpt_desktop.ui.grid import cells
from lmpt_desktop.ui.grid.card_order import CardOrder
from lmpt_desktop.ui.grid.marks import MARK_TEXTS
from lmpt_desktop.ui.grid.stack_layout import StackLayout, StackPart
from lmpt_desktop.ui.kit.texts import band_name, verdict_name
from trainer.bands import Band
from trainer.printable import isolated

Index = QModelIndex | QPersistentModelIndex
NO_PARENT = QModelIndex()


class Role(IntEnum):
    """Data roles of the grid."""

    CELL = Qt.ItemDataRole.UserRole + 1
    IMAGE_ID = Qt.ItemDataRole.UserRole + 2


class GridModel(QAbstractListModel):
    """Rows in the order of the query.  Cells are created when painted, not stored per row."""

    repaint_requested = Signal()
    """The appearance of the same images has changed."""
    cells_renewed = Signal(object)
    """Some cells may differ from these, :class:`~lmpt_desktop.ui.grid.cells.Cell` by position;
    what else is painted is the same."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._snapshot: Snapshot | None = None
        self._ids: NDArray[np.int64] = np.empty(0, np.int64)
        self._rows: NDArray[np.int64] = np.empty(0, np.int64)
        self._order = CardOrder(self._rows, self._ids)
        self._cells: dict[int, cells.Cell] = {}
        self._focus_class: int | None = None
        self._focus_everywhere = True
        self._asked: tuple[int, ...] = ()
        self._held_out: NDArray[np.int64] = np.empty(0, np.int64)
        self._stacks: StackLayout | None = None

    # ------------------------------------------------------------------------- content

    @property
    def snapshot(self) -> Snapshot | None:
        return self._snapshot

    @property
    def ids(self) -> NDArray[np.int64]:
        """(n,) int64, the image id at every grid position."""
        return self._ids

    @property
    def focus_class(self) -> int | None:
        return self._focus_class

    @property
    def stacks(self) -> StackLayout | None:
        """How stacks are shown; None if they are not."""
        return self._stacks

    @property
    def matching_ids(self) -> NDArray[np.int64]:
        """(m,) int64, the images that match, in the grid's order: those in closed stacks too."""
        return self._ids if self._stacks is None else self._stacks.ids

    def card_of(self, image_id: int) -> int:
        """The id of the image whose card stands for this one; -1 if it does not match."""
        if self._stacks is not None:
            return int(self._stacks.cards_of(np.array([image_id], np.int64))[0])
        return image_id if self.position_of(image_id) >= 0 else -1

    def set_content(
        self,
        snapshot: Snapshot,
        rows: NDArray[np.int64],
        stacks: StackLayout | None = None,
        order: CardOrder | None = None,
    ) -> bool:
        """Show these rows of the snapshot, or, of the stacks among them, what ``stacks`` says;
        returns whether any card has another position than before.

        ``order`` is what follows from the others, where another thread has made it.
        """
        self._stacks = stacks
        if order is None:
            order = CardOrder.of(snapshot, rows, stacks)
        before = len(self._ids)
        if before and np.array_equal(order.ids[:before], self._ids):
            # As while a scan finds photos: what is looked at stays, and is not painted again.
            if more := len(order.ids) - before:
                self.beginInsertRows(NO_PARENT, before, before + more - 1)
            self._rows, self._ids, self._order = order.rows, order.ids, order
            old = self._adopt(snapshot)
            if more:
                self.endInsertRows()
            self.cells_renewed.emit(old)
            return False
        self.beginResetModel()
        self._snapshot, self._rows, self._ids = snapshot, order.rows, order.ids
        self._order = order
        self._cells.clear()
        self.endResetModel()
        return True

    def refresh(self, snapshot: Snapshot) -> None:
        """Show newer content of the same images; removed ones stay until the next query."""
        if self._snapshot is None:
            return
        if len(snapshot.image_ids) != len(self._snapshot.image_ids) or not np.array_equal(
            snapshot.image_ids, self._snapshot.image_ids
        ):
            rows = snapshot.rows(self._ids)
            if (rows < 0).any():
                return
            self._rows = rows
        self.cells_renewed.emit(self._adopt(snapshot))

    def set_focus_class(self, class_id: int | None, *, everywhere: bool = True) -> None:
        """Show the verdict on this class on every card, or on the selected ones only, where
        following the selection would change all cards with every step."""
        if (class_id, everywhere) != (self._focus_class, self._focus_everywhere):
            self._focus_class, self._focus_everywhere = class_id, everywhere
            self._repaint_same()

    @property
    def focus_everywhere(self) -> bool:
        """Whether every card shows the verdict on the class in focus."""
        return self._focus_everywhere

    def set_asked_classes(self, ids: tuple[int, ...]) -> None:
        """Show these classes right after the user's own verdicts: they are filtered or searched."""
        if ids != self._asked:
            self._asked = ids
            self._repaint_same()

    @property
    def asked_classes(self) -> tuple[int, ...]:
        return self._asked

    def set_held_out(self, ids: NDArray[np.int64]) -> None:
        """Mark these images as held out from training: (m,) int64, ascending."""
        if not np.array_equal(ids, self._held_out):
            self._held_out = ids
            self._repaint_same()

    @property
    def held_out(self) -> NDArray[np.int64]:
        """(m,) int64, ascending."""
        return self._held_out

    def _repaint_same(self) -> None:
        if self._snapshot is not None:
            self._cells.clear()
            # Not dataChanged, which needs a range of rows: any of them may have changed.
            self.repaint_requested.emit()

    def _adopt(self, snapshot: Snapshot) -> dict[int, cells.Cell]:
        """Take another snapshot at the same positions; returns the cells of the one before."""
        self._snapshot = snapshot
        old, self._cells = self._cells, {}
        return old

    # ------------------------------------------------------------------------ positions

    def image_id(self, position: int) -> int:
        return int(self._ids[position])

    def position_of(self, image_id: int) -> int:
        """The grid position of an image, or -1."""
        table = self._order.table
        return int(table[image_id]) if 0 <= image_id < len(table) else -1

    def positions_of(self, image_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n,) grid positions of these images; -1 for those not in the grid."""
        return self._order.positions(image_ids)

    def fingerprint(self, position: int) -> str:
        """Key of the thumbnail store; "" if unknown."""
        assert self._snapshot is not None
        return self._snapshot.images.fingerprints[int(self._rows[position])]

    def cell(self, position: int) -> cells.Cell:
        """What to paint at a position."""
        assert self._snapshot is not None
        found = self._cells.get(position)
        if found is None:
            if len(self._cells) > 2000:
                self._cells.clear()
            found = self._cells[position] = cells.cell(
                self._snapshot,
                int(self._rows[position]),
                self._focus_class,
                asked=self._asked,
                held_out=self._is_held_out(position),
                stack=self._stacks.part(position) if self._stacks is not None else None,
            )
        return found

    def _is_held_out(self, position: int) -> bool:
        image_id, ids = self._ids[position], self._held_out
        place = int(np.searchsorted(ids, image_id))
        return place < len(ids) and bool(ids[place] == image_id)

    # ------------------------------------------------------------------------- Qt model

    def rowCount(self, parent: Index = NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._ids)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        position = index.row()
        if self._snapshot is None or not 0 <= position < len(self._ids):
            return None
        if role == Role.CELL:
            return self.cell(position)
        if role == Role.IMAGE_ID:
            return self.image_id(position)
        if role == Qt.ItemDataRole.DisplayRole:
            return self.cell(position).name
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleDescriptionRole):
            return describe(self.cell(position))
        return None


def stack_text(part: StackPart) -> str:
    """What a card says of its stack, for tooltips and screen readers."""
    if part.open:
        return _("One of an open stack of {count} photos").format(count=number(part.size))
    return _("Stack of {count} photos, of which this is the first").format(count=number(part.size))


def describe(cell: cells.Cell) -> str:
    """A cell as text: for the tooltip and for screen readers."""
    lines = [cell.name]
    if cell.stack is not None:
        lines.append(stack_text(cell.stack))
    if cell.raw:
        lines.append(_("With its raw file ({kind})").format(kind=cell.raw))
    for chip in cell.chips:
        parts = []
        if chip.confirmed:
            parts.append(_("marked present"))
        elif not math.isnan(chip.score):
            parts.append(_("score {score}").format(score=decimal(chip.score, 2)))
        if chip.band is Band.TAIL:
            parts.append(band_name(chip.band))
        name = isolated(chip.name)
        lines.append(f"{name}: {', '.join(parts)}" if parts else name)
    if cell.more:
        lines.append(_("and {count} more").format(count=cell.more))
    if cell.focus is not None and cell.focus is not Verdict.UNKNOWN:
        lines.append(_("Class in focus: {verdict}").format(verdict=verdict_name(cell.focus)))
    if cell.corrected:
        lines.append(_("You corrected a prediction here"))
    lines += [_(MARK_TEXTS[mark].name) for mark in cell.marks]
    return "\n".join(lines)
