"""The predictions to accept, each ticked or not, and the classes to choose from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractListModel, QObject, Qt, Signal

from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.domain.search_text import folded
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.inference.acceptance import Offer
from lmpt_desktop.translation import _, decimal, number
from lmpt_desktop.ui.kit.tables import Index

CELL_ROLE = Qt.ItemDataRole.UserRole + 1
"""The :class:`OfferedCell` of a row."""


class ChoiceRole(IntEnum):
    """What the delegate of the class list paints."""

    NAME = Qt.ItemDataRole.UserRole + 1
    COUNT = Qt.ItemDataRole.UserRole + 2
    CHECKED = Qt.ItemDataRole.UserRole + 3


@dataclass(frozen=True)
class OfferedCell:
    """One prediction, as it is shown."""

    image_id: int
    fingerprint: str
    file_name: str
    class_name: str
    score: float
    ticked: bool


@dataclass(frozen=True, eq=False)
class Ticks:
    """What the user has unticked, to carry it over to another offer off the window's thread.

    offer: the m predictions that ``ticked`` (m,) bool is about.
    hidden: (k,) int64 keys of predictions unticked in earlier offers that are not in this one.
    """

    revision: int
    offer: Offer | None
    ticked: NDArray[np.bool_]
    hidden: NDArray[np.int64]

    def carried_to(self, other: Offer) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """``ticked`` and ``hidden`` for another offer."""
        unticked = self.hidden
        if self.offer is not None:
            unticked = np.union1d(unticked, self.offer.keys[~self.ticked])
        if not len(unticked):
            return np.ones(len(other), np.bool_), unticked
        keys = other.keys
        return ~np.isin(keys, unticked), np.setdiff1d(unticked, keys)


class OfferModel(QAbstractListModel):
    """Predictions in the chosen order; all are ticked at first."""

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
        """What is ticked now, to carry it over to the next offer."""
        return Ticks(self._revision, self._offer, self.ticked(), self._hidden)

    @property
    def revision(self) -> int:
        """Counts the changes of ticks."""
        return self._revision

    @property
    def ticked_count(self) -> int:
        return int(np.count_nonzero(self._ticked))

    @property
    def expected_right(self) -> float:
        """How many of the ticked predictions are right, as far as their scores are frequencies."""
        return 0.0 if self._offer is None else float(self._offer.scores[self._ticked].sum())

    def ticked(self) -> NDArray[np.bool_]:
        """(m,) bool, in the order of the offer."""
        return self._ticked.copy()

    def set_content(
        self,
        snapshot: Snapshot,
        offered: Offer,
        order: NDArray[np.int64],
        ticked: NDArray[np.bool_],
        hidden: NDArray[np.int64],
    ) -> None:
        """Show another offer of m predictions.

        Args:
            snapshot: what the offer was made from.
            offered: the predictions.
            order: (m,) int64, places in the offer in the order shown.
            ticked: (m,) bool, in the order of the offer.
            hidden: see :class:`Ticks`.
        """
        self.beginResetModel()
        self._snapshot, self._offer, self._order, self._ticked = snapshot, offered, order, ticked
        self._hidden = hidden
        self.endResetModel()

    def toggle(self, rows: NDArray[np.int64]) -> None:
        """Untick the predictions in these rows if all are ticked, else tick them."""
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
        """How a row is shown."""
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
        """The images in the rows from ``first`` to before ``last``."""
        if self._offer is None:
            return []
        return self._offer.image_ids[self._order[max(0, first) : last]].tolist()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._order)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if self._offer is None or not 0 <= index.row() < len(self._order):
            return None
        if role == CELL_ROLE:
            return self.cell(index.row())
        if role == Qt.ItemDataRole.DisplayRole:
            return self.cell(index.row()).class_name
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            cell = self.cell(index.row())
            text = (
                _("{name} in {file}, score {score}, will be accepted")
                if cell.ticked
                else _("{name} in {file}, score {score}, will not be accepted")
            )
            return text.format(
                name=cell.class_name, file=cell.file_name, score=decimal(cell.score, 2)
            )
        return None


class ChoiceModel(QAbstractListModel):
    """Classes with a check box and the number of their predictions that can be accepted.

    They stay in the order of the first count (most first), so that they do not jump while the
    lowest score is changed.
    """

    chosen_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._classes: tuple[ClassEntry, ...] = ()
        self._counts = np.empty(0, np.int64)
        self._order: list[int] = []
        self._shown: list[int] = []
        self._chosen: set[int] = set()
        self._search = ""

    @property
    def chosen(self) -> frozenset[int]:
        """Class ids."""
        return frozenset(self._chosen)

    @property
    def all_chosen(self) -> bool:
        """Whether every class with predictions to accept is checked."""
        columns = np.flatnonzero(self._counts).tolist()
        return all(self._classes[column].id in self._chosen for column in columns)

    def set_content(
        self, classes: tuple[ClassEntry, ...], counts: NDArray[np.int64], *, reorder: bool
    ) -> None:
        """Show the vocabulary's classes with ``counts`` (C,) of predictions to accept."""
        if not reorder and classes is self._classes:
            self._counts = counts
            if self._shown:
                self.dataChanged.emit(self.index(0), self.index(len(self._shown) - 1))
            return
        self.beginResetModel()
        self._classes, self._counts = classes, counts
        self._order = np.argsort(-counts, kind="stable").tolist()
        self._chosen &= {entry.id for entry in classes}
        self._match()
        self.endResetModel()

    def choose(self, class_ids: set[int]) -> None:
        """Check these classes and no others."""
        if class_ids == self._chosen:
            return
        self._chosen = set(class_ids)
        if self._shown:
            self.dataChanged.emit(self.index(0), self.index(len(self._shown) - 1))
        self.chosen_changed.emit()

    def toggle(self, row: int) -> None:
        self.choose(self._chosen ^ {self.id_of(row)})

    def find(self, text: str) -> None:
        """Show the classes whose names contain ``text``."""
        self.beginResetModel()
        self._search = folded(text).strip()
        self._match()
        self.endResetModel()

    def shown_ids(self) -> set[int]:
        """The ids of the classes that :meth:`find` shows."""
        return {self._classes[column].id for column in self._shown}

    def id_of(self, row: int) -> int:
        return self._classes[self._shown[row]].id

    def count(self, row: int) -> int:
        return int(self._counts[self._shown[row]])

    def _match(self) -> None:
        self._shown = [
            column for column in self._order if self._search in folded(self._classes[column].name)
        ]

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._shown)

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
