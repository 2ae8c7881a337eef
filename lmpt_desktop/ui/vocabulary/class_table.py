"""The classes of a library as an editable table whose rows can be dragged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PySide6.QtCore import QMimeData, QModelIndex, QObject, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPixmap

from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.inference.vocabularies import join_aliases, split_aliases
from lmpt_desktop.translation import N_, number
from lmpt_desktop.ui.kit.tables import Column, Index, TableModel
from lmpt_desktop.ui.kit.texts import band_name, examples_text
from lmpt_desktop.ui.kit.theme import BAND_SHAPES, current
from trainer import checked_json
from trainer.bands import Band
from trainer.checked_json import JsonError, Limits

NAME, ALIASES, DESCRIPTION, PRESENT, ABSENT, PREDICTED, BAND = range(7)
EDITABLE = (NAME, ALIASES, DESCRIPTION)
SORT_ROLE = Qt.ItemDataRole.UserRole + 1
FIND_ROLE = Qt.ItemDataRole.UserRole + 2
"""Every name of the class: what a search looks in."""
MIME = "application/x-lmpt-classes"
SWATCH = 12


@dataclass(frozen=True)
class ClassLine:
    """One class with the number of photos it is marked in and predicted in.

    None stands for what is not counted yet.
    """

    entry: ClassEntry
    present: int | None = None
    absent: int | None = None
    predicted: int | None = None
    band: Band | None = None

    @property
    def annotations(self) -> int:
        return (self.present or 0) + (self.absent or 0)


def class_lines(snapshot: Snapshot) -> list[ClassLine]:
    """The classes of a library in the vocabulary's order.

    Reads every cell of the library's arrays: not for the window's thread.
    """
    tally, bands = snapshot.tally, snapshot.bands
    present, absent = tally.present.tolist(), tally.absent.tolist()
    predicted = tally.predicted.tolist()
    return [
        ClassLine(entry, present[i], absent[i], predicted[i], bands.bands[i])
        for i, entry in enumerate(snapshot.classes)
    ]


def count_annotations(snapshot: Snapshot, class_ids: Sequence[int]) -> int:
    """How many annotations these classes have; not for the window's thread."""
    columns = [snapshot.column_of[item] for item in class_ids if item in snapshot.column_of]
    return int(np.count_nonzero(snapshot.annotations[:, columns] >= 0))


def moved(ids: Sequence[int], chosen: Sequence[int], before: int) -> list[int]:
    """The order after putting ``chosen`` (in their order) before the row ``before`` of ``ids``."""
    requested = set(chosen)
    group = [item for item in ids if item in requested]
    head = [item for item in ids[:before] if item not in requested]
    tail = [item for item in ids[before:] if item not in requested]
    return [*head, *group, *tail]


def stepped(ids: Sequence[int], chosen: Sequence[int], by: int) -> list[int]:
    """The order after moving ``chosen`` together one place up (``by`` -1) or down (1)."""
    rows = [row for row, item in enumerate(ids) if item in set(chosen)]
    if not rows:
        return list(ids)
    return moved(ids, chosen, max(0, rows[0] - 1) if by < 0 else min(len(ids), rows[-1] + 2))


def _count_text(count: int | None) -> str:
    return "…" if count is None else number(count)


def band_text(band: Band) -> str:
    """What the table shows of a band: its shape and its name."""
    return f"{BAND_SHAPES[band]} {band_name(band)}"


def _band_text(line: ClassLine) -> str:
    return "" if line.band is None else band_text(line.band)


COLUMNS: tuple[Column[ClassLine], ...] = (
    Column(N_("Class"), lambda line: line.entry.name),
    Column(
        N_("Other names"),
        lambda line: join_aliases(line.entry.aliases),
        N_("Used by searches and imports; the model does not read them"),
    ),
    Column(
        N_("Description for the model"),
        lambda line: line.entry.description,
        N_("What the model reads instead of the name; several are separated by “;”"),
    ),
    Column(
        N_("Present"),
        lambda line: "…" if line.present is None else examples_text(line.present),
        N_(
            "Photos marked present: the examples for training. □ needs examples: fewer than five "
            "are too few to learn from"
        ),
        numeric=True,
    ),
    Column(
        N_("Absent"),
        lambda line: _count_text(line.absent),
        N_("Photos marked absent"),
        numeric=True,
    ),
    Column(
        N_("Predicted"),
        lambda line: _count_text(line.predicted),
        N_("Photos in which it is predicted"),
        numeric=True,
    ),
    Column(
        N_("Rarity"),
        _band_text,
        N_(
            "Rare (tail), fairly common (medium) or common (head) in this library, by about how "
            "many photos have the class"
        ),
    ),
)


def _sort_value(line: ClassLine, column: int) -> str | int:
    if column == BAND:
        return -1 if line.band is None else list(Band).index(line.band)
    if column in (PRESENT, ABSENT, PREDICTED):
        count = (line.present, line.absent, line.predicted)[column - PRESENT]
        return -1 if count is None else count
    return COLUMNS[column].text(line)


class ClassTableModel(TableModel[ClassLine]):
    """Names, other names and descriptions can be edited in place, and rows dragged.

    The model changes nothing itself: its signals ask for the edit, and the new rows come from
    the library.
    """

    rename_requested = Signal(int, str)
    aliases_requested = Signal(int, list)
    description_requested = Signal(int, str)
    order_requested = Signal(list)
    """Class ids."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(COLUMNS, parent=parent)
        self.read_only = False
        """Whether edits are refused, because one is being saved."""

    def set_rows(self, rows: Sequence[ClassLine]) -> None:
        """Show these; an unchanged order of classes keeps selection and scrolling."""
        same = [line.entry.id for line in rows] == self.ids()
        if same and rows:
            self.rows = rows
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, BAND))
            return
        super().set_rows(rows)

    def cell(self, row: ClassLine, column: int, role: int) -> Any:
        answer: Any = None
        if role == Qt.ItemDataRole.EditRole:
            answer = self.columns[column].text(row)
        elif role == SORT_ROLE:
            answer = _sort_value(row, column)
        elif role == FIND_ROLE:
            answer = "\n".join((row.entry.name, *row.entry.aliases))
        elif role == Qt.ItemDataRole.ToolTipRole:
            answer = (self.columns[column].text(row) or None) if column in EDITABLE else None
        elif role == Qt.ItemDataRole.DecorationRole:
            answer = swatch(row.entry.colour) if column == NAME else None
        elif role == Qt.ItemDataRole.ForegroundRole:
            answer = current().band(row.band) if column == BAND and row.band else None
        else:
            answer = super().cell(row, column, role)
        return answer

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        if not index.isValid():
            return flags | Qt.ItemFlag.ItemIsDropEnabled
        flags |= Qt.ItemFlag.ItemIsDragEnabled
        editable = index.column() in EDITABLE and not self.read_only
        return flags | Qt.ItemFlag.ItemIsEditable if editable else flags

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.EditRole or not index.isValid() or self.read_only:
            return False
        entry, text = self.rows[index.row()].entry, " ".join(str(value).split())
        if index.column() == NAME and text and text != entry.name:
            self.rename_requested.emit(entry.id, text)
        elif index.column() == DESCRIPTION and text != entry.description:
            self.description_requested.emit(entry.id, text)
        elif index.column() == ALIASES and split_aliases(text) != entry.aliases:
            self.aliases_requested.emit(entry.id, list(split_aliases(text)))
        else:
            return False
        return True

    # ------------------------------------------------------------------------------- order

    def ids(self) -> list[int]:
        """The classes in the vocabulary's order."""
        return [line.entry.id for line in self.rows]

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        return [MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        rows = sorted({index.row() for index in indexes})
        data = QMimeData()
        ids = [self.rows[row].entry.id for row in rows]
        data.setData(MIME, json.dumps(ids).encode())
        return data

    def dropMimeData(
        self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index
    ) -> bool:
        if not data.hasFormat(MIME) or action != Qt.DropAction.MoveAction or self.read_only:
            return False
        if row < 0:
            row = parent.row() if parent.isValid() else len(self.rows)
        try:
            dragged = checked_json.parse(bytes(data.data(MIME).data()), Limits())
            ids = checked_json.to_type(dragged, list[int])
        except JsonError:  # another program's
            return False
        order = moved(self.ids(), ids, row)
        if order != self.ids():
            self.order_requested.emit(order)
        # The view must not remove the dragged rows: the new order comes from the library.
        return False


def swatch(colour: str) -> QPixmap:
    """A small square of a class's colour; nothing where it has none, as it would look like a box
    to tick."""
    pixmap = QPixmap(SWATCH * 2, SWATCH * 2)
    pixmap.setDevicePixelRatio(2)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if colour:
        painter.setPen(current().colour("border"))
        painter.setBrush(QColor(colour))
        painter.drawRoundedRect(1, 1, SWATCH - 2, SWATCH - 2, 2, 2)
    painter.end()
    return pixmap
