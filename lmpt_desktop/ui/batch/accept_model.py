"""The predictions on offer as a list of cells, each with its tick, and the classes to choose."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractListModel, QObject, Qt, Signal

from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.inference.acceptance import Offer
from lmpt_desktop.translation import _, decimal, number
from lmpt_desktop.ui.grid.model import NO_PARENT, Index


class CellRole(IntEnum):
    """What the painter asks for."""

    CELL = Qt.ItemDataRole.UserRole + 1


class ChoiceRole(IntEnum):
    """What the painter of the class list asks for."""

    NAME = Qt.ItemDataRole.UserRole + 1
    COUNT = Qt.ItemDataRole.UserRole + 2
    CHECKED = Qt.ItemDataRole.UserRole + 3


@dataclass(frozen=True)
class OfferedCell:
    """One prediction, with what is needed to show it."""

    image_id: int
    fingerprint: str
    file_name: str
    class_name: str
    score: float
    ticked: bool


@dataclass(frozen=True, eq=False)
class Ticks:
    """What the user has unticked, to be carried to another offer off the window's thread.

    offer: the one ``ticked`` (m,) bool is about.
    hidden: (k,) int64 keys of what was unticked in earlier offers and is not in this one.
    """

    revision: int
    offer: Offer | None
    ticked: NDArray[np.bool_]
    hidden: NDArray[np.int64]

    def carried(self, to: Offer) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """``ticked`` and ``hidden`` for another offer."""
        unticked = self.hidden
        if self.offer is not None:
            unticked = np.union1d(unticked, self.offer.keys[~self.ticked])
        if not len(unticked):
            return np.ones(len(to), np.bool_), unticked
        keys = to.keys
        return ~np.isin(keys, unticked), np.setdiff1d(unticked, keys)


class OfferModel(QAbstractListModel):
    """Predictions in the order chosen; all ticked at first."""

    ticks_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._snapshot: Snapshot | None = None
        self._offer: Offer | None = None
        self._order = np.empty(0, np.int64)
        self._ticked = np.empty(0, np.bool_)
        self._hidden = np.empty(0, np.int64)
        self._revision = 0

    # -------------------------------------------------------------------------- content

    @property
    def offer(self) -> Offer | None:
        return self._offer

    @property
    def ticks(self) -> Ticks:
        """What is ticked now, for the next offer."""
        return Ticks(self._revision, self._offer, self.ticked(), self._hidden)

    @property
    def revision(self) -> int:
        """Another number after every change of a tick."""
        return self._revision

    @property
    def ticked_count(self) -> int:
        return int(np.count_nonzero(self._ticked))

    def ticked(self) -> NDArray[np.bool_]:
        """(m,) bool, by place in the offer."""
        return self._ticked.copy()

    def set_content(
        self,
        snapshot: Snapshot,
        offered: Offer,
        order: NDArray[np.int64],
        ticked: NDArray[np.bool_],
        hidden: NDArray[np.int64],
    ) -> None:
        """Show another offer (m predictions): ``order`` (m,) places, ``ticked`` (m,) by place,
        ``hidden`` the keys of what was unticked and is not in it."""
        self.beginResetModel()
        self._snapshot, self._offer, self._order, self._ticked = snapshot, offered, order, ticked
        self._hidden = hidden
        self.endResetModel()

    def toggle(self, rows: NDArray[np.int64]) -> None:
        """Untick these if all are ticked, else tick them."""
        if self._offer is None or not len(rows):
            return
        places = self._order[rows]
        self._tick(places, not bool(self._ticked[places].all()))

    def tick_all(self, ticked: bool) -> None:
        self._tick(np.arange(len(self._ticked)), ticked)

    def _tick(self, places: NDArray[np.int64], ticked: bool) -> None:
        if self._offer is None:
            return
        self._ticked[places] = ticked
        self._revision += 1
        self.ticks_changed.emit()

    # -------------------------------------------------------------------------- Qt model

    def cell(self, row: int) -> OfferedCell:
        """What to paint in a row."""
        assert self._snapshot is not None and self._offer is not None
        place = int(self._order[row])
        at, column = int(self._offer.rows[place]), int(self._offer.columns[place])
        images = self._snapshot.images
        return OfferedCell(
            int(self._offer.image_ids[place]),
            images.fingerprints[at],
            images.names[at].rpartition("/")[2],
            self._snapshot.classes[column].name,
            float(self._offer.scores[place]),
            bool(self._ticked[place]),
        )

    def image_ids(self, first: int, last: int) -> list[int]:
        """Images in the rows ``first`` to ``last`` (excluded)."""
        if self._offer is None:
            return []
        return self._offer.image_ids[self._order[max(0, first) : last]].tolist()

    def rowCount(self, parent: Index = NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._order)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if self._offer is None or not 0 <= index.row() < len(self._order):
            return None
        if role == CellRole.CELL:
            return self.cell(index.row())
        if role == Qt.ItemDataRole.DisplayRole:
            return self.cell(index.row()).class_name
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            cell = self.cell(index.row())
            text = (
                _("{name} in {file}, score {score}, will be accepted")
                if cell.ticked
                else _("{name} in {file}, score {score}, is left alone")
            )
            return text.format(
                name=cell.class_name, file=cell.file_name, score=decimal(cell.score, 2)
            )
        return None


class ChoiceModel(QAbstractListModel):
    """Classes with how many of their predictions could be accepted; each has a check mark.

    The order is that of the first count (most first), so that nothing jumps while the score is
    changed.
    """

    chosen_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._classes: tuple[ClassEntry, ...] = ()
        self._open = np.empty(0, np.int64)
        self._order: list[int] = []
        self._shown: list[int] = []
        self._chosen: set[int] = set()
        self._find = ""

    @property
    def chosen(self) -> frozenset[int]:
        """Class ids."""
        return frozenset(self._chosen)

    @property
    def all_chosen(self) -> bool:
        """Whether every class that has something to accept is checked."""
        columns = np.flatnonzero(self._open).tolist()
        return all(self._classes[column].id in self._chosen for column in columns)

    def set_content(
        self, classes: tuple[ClassEntry, ...], open_: NDArray[np.int64], *, reorder: bool
    ) -> None:
        """Show ``open_`` (C,) counts of the vocabulary's classes."""
        if not reorder and classes is self._classes:
            self._open = open_
            if self._shown:
                self.dataChanged.emit(self.index(0), self.index(len(self._shown) - 1))
            return
        self.beginResetModel()
        self._classes, self._open = classes, open_
        self._order = np.argsort(-open_, kind="stable").tolist()
        self._chosen &= {entry.id for entry in classes}
        self._match()
        self.endResetModel()

    def choose(self, class_ids: set[int]) -> None:
        """Check exactly these."""
        if class_ids == self._chosen:
            return
        self._chosen = set(class_ids)
        if self._shown:
            self.dataChanged.emit(self.index(0), self.index(len(self._shown) - 1))
        self.chosen_changed.emit()

    def toggle(self, row: int) -> None:
        self.choose(self._chosen ^ {self.id_of(row)})

    def find(self, text: str) -> None:
        """Keep the classes that hold ``text``."""
        self.beginResetModel()
        self._find = text.casefold().strip()
        self._match()
        self.endResetModel()

    def shown_ids(self) -> set[int]:
        """The classes that pass :meth:`find`."""
        return {self._classes[column].id for column in self._shown}

    def id_of(self, row: int) -> int:
        return self._classes[self._shown[row]].id

    def count(self, row: int) -> int:
        return int(self._open[self._shown[row]])

    def _match(self) -> None:
        self._shown = [
            column for column in self._order if self._find in self._classes[column].name.casefold()
        ]

    def rowCount(self, parent: Index = NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._shown)

    def flags(self, index: Index) -> Qt.ItemFlag:
        return (
            Qt.ItemFlag.ItemIsEnabled
            | Qt.ItemFlag.ItemIsSelectable
            | Qt.ItemFlag.ItemIsUserCheckable
        )

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not 0 <= index.row() < len(self._shown):
            return None
        entry = self._classes[self._shown[index.row()]]
        on = entry.id in self._chosen
        count = self.count(index.row())
        answer: Any = None
        if role in (Qt.ItemDataRole.DisplayRole, ChoiceRole.NAME):
            answer = entry.name
        elif role == ChoiceRole.COUNT:
            answer = count
        elif role == ChoiceRole.CHECKED:
            answer = on
        elif role == Qt.ItemDataRole.CheckStateRole:
            answer = Qt.CheckState.Checked if on else Qt.CheckState.Unchecked
        elif role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            answer = _("{name}: {count} to accept").format(name=entry.name, count=number(count))
        return answer

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.CheckStateRole or not index.isValid():
            return False
        self.toggle(index.row())
        return True
