"""The classes of a library as an editable table whose rows can be dragged."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QMimeData, QModelIndex, QObject, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPixmap

from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.inference.vocabularies import join_aliases, split_aliases
from lmpt_desktop.translation import _, number
from lmpt_desktop.ui.grid.model import Index
from lmpt_desktop.ui.kit.texts import band_name
from lmpt_desktop.ui.kit.theme import BAND_SHAPES, current
from trainer.bands import Band

NAME, ALIASES, DESCRIPTION, PRESENT, ABSENT, PREDICTED, BAND = range(7)
EDITABLE = (NAME, ALIASES, DESCRIPTION)
COUNTS = (PRESENT, ABSENT, PREDICTED)
SORT_ROLE = Qt.ItemDataRole.UserRole + 1
FIND_ROLE = Qt.ItemDataRole.UserRole + 2
"""Every name of the class: what a search looks in."""
MIME = "application/x-lmpt-classes"
SWATCH = 12
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True)
class ClassLine:
    """One class with what was said of it and how often it is predicted; None: not counted yet."""

    entry: ClassEntry
    present: int | None = None
    absent: int | None = None
    predicted: int | None = None
    band: Band | None = None
    estimated: bool = False

    @property
    def annotations(self) -> int:
        return (self.present or 0) + (self.absent or 0)


def class_lines(snapshot: Snapshot) -> list[ClassLine]:
    """The classes of a library in the vocabulary's order.

    Looks at every cell of the library: not for the window's thread where that is large.
    """
    present = np.count_nonzero(snapshot.annotations == 1, axis=0).tolist()
    absent = np.count_nonzero(snapshot.annotations == 0, axis=0).tolist()
    predicted = np.count_nonzero(snapshot.predicted, axis=0).tolist()
    bands = snapshot.bands
    return [
        ClassLine(entry, present[i], absent[i], predicted[i], bands.bands[i], bands.estimated)
        for i, entry in enumerate(snapshot.classes)
    ]


def moved(ids: Sequence[int], chosen: Sequence[int], before: int) -> list[int]:
    """The order after putting ``chosen`` (in their order) before the row ``before`` of ``ids``."""
    wanted = set(chosen)
    group = [item for item in ids if item in wanted]
    head = [item for item in ids[:before] if item not in wanted]
    tail = [item for item in ids[before:] if item not in wanted]
    return [*head, *group, *tail]


def stepped(ids: Sequence[int], chosen: Sequence[int], by: int) -> list[int]:
    """The order after moving ``chosen`` together one place up (``by`` -1) or down (1)."""
    rows = [row for row, item in enumerate(ids) if item in set(chosen)]
    if not rows:
        return list(ids)
    return moved(ids, chosen, max(0, rows[0] - 1) if by < 0 else min(len(ids), rows[-1] + 2))


class ClassTableModel(QAbstractTableModel):
    """Names, other names and descriptions can be edited in place; the edits, and a new order
    after a drag, are asked for by signals."""

    rename_wanted = Signal(int, str)
    aliases_wanted = Signal(int, list)
    describe_wanted = Signal(int, str)
    order_wanted = Signal(list)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lines: list[ClassLine] = []
        self._headers = (
            _("Class"),
            _("Other names"),
            _("Description for the model"),
            _("Present"),
            _("Absent"),
            _("Predicted"),
            _("Band"),
        )
        self._tips = {
            ALIASES: _("Found by searches and imports; the model does not read them"),
            DESCRIPTION: _("What the model reads in place of the name"),
            PRESENT: _("Photos you have said it is in"),
            ABSENT: _("Photos you have said it is not in"),
            PREDICTED: _("Photos the model finds it in"),
        }

    @property
    def lines(self) -> list[ClassLine]:
        return self._lines

    def set_lines(self, lines: list[ClassLine]) -> None:
        """Show these; an unchanged order of classes keeps selection and scrolling."""
        same = [line.entry.id for line in lines] == [line.entry.id for line in self._lines]
        if same and lines:
            self._lines = lines
            self.dataChanged.emit(self.index(0, 0), self.index(len(lines) - 1, BAND))
            return
        self.beginResetModel()
        self._lines = lines
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._lines)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._headers)

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if section in COUNTS else _LEFT
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tips.get(section)
        return self._headers[section] if role == Qt.ItemDataRole.DisplayRole else None

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        if not index.isValid():
            return flags | Qt.ItemFlag.ItemIsDropEnabled
        flags |= Qt.ItemFlag.ItemIsDragEnabled
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() in EDITABLE else flags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._lines):
            return None
        line, column = self._lines[index.row()], index.column()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return self.text(line, column)
        if role == SORT_ROLE:
            return self._sort_value(line, column)
        if column in COUNTS:
            return _RIGHT if role == Qt.ItemDataRole.TextAlignmentRole else None
        if column == BAND:
            coloured = role == Qt.ItemDataRole.ForegroundRole and line.band
            return current().band(line.band) if coloured and line.band else None
        # Only names and descriptions are left.
        answers: dict[int, Callable[[], Any]] = {
            Qt.ItemDataRole.ToolTipRole: lambda: self.text(line, column) or None,
            FIND_ROLE: lambda: "\n".join((line.entry.name, *line.entry.aliases)),
        }
        if column == NAME:
            answers[Qt.ItemDataRole.DecorationRole] = lambda: swatch(line.entry.colour)
        return answers[role]() if role in answers else None

    def text(self, line: ClassLine, column: int) -> str:
        """What a cell says."""
        entry = line.entry
        if column in EDITABLE:
            return (entry.name, join_aliases(entry.aliases), entry.description)[column]
        if column == BAND:
            if line.band is None:
                return ""
            word = band_name(line.band, estimated=line.estimated)
            return f"{BAND_SHAPES[line.band]} {word}"
        count = (line.present, line.absent, line.predicted)[column - PRESENT]
        return "…" if count is None else number(count)

    def _sort_value(self, line: ClassLine, column: int) -> Any:
        if column == BAND:
            return -1 if line.band is None else list(Band).index(line.band)
        if column in COUNTS:
            count = (line.present, line.absent, line.predicted)[column - PRESENT]
            return -1 if count is None else count
        return self.text(line, column)

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.EditRole or not index.isValid():
            return False
        entry, text = self._lines[index.row()].entry, " ".join(str(value).split())
        if index.column() == NAME and text and text != entry.name:
            self.rename_wanted.emit(entry.id, text)
        elif index.column() == DESCRIPTION and text != entry.description:
            self.describe_wanted.emit(entry.id, text)
        elif index.column() == ALIASES and split_aliases(text) != entry.aliases:
            self.aliases_wanted.emit(entry.id, list(split_aliases(text)))
        else:
            return False
        return True

    # ------------------------------------------------------------------------------- order

    def ids(self) -> list[int]:
        """The classes in the vocabulary's order."""
        return [line.entry.id for line in self._lines]

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        return [MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        rows = sorted({index.row() for index in indexes})
        data = QMimeData()
        ids = [self._lines[row].entry.id for row in rows]
        data.setData(MIME, json.dumps(ids).encode())
        return data

    def dropMimeData(
        self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index
    ) -> bool:
        if not data.hasFormat(MIME) or action != Qt.DropAction.MoveAction:
            return False
        if row < 0:
            row = parent.row() if parent.isValid() else len(self._lines)
        order = moved(self.ids(), json.loads(bytes(data.data(MIME).data())), row)
        if order != self.ids():
            self.order_wanted.emit(order)
        # The view must not take the dragged rows out: the new order comes from the library.
        return False


def swatch(colour: str) -> QPixmap:
    """A small square of a class's colour, empty where it has none."""
    pixmap = QPixmap(SWATCH * 2, SWATCH * 2)
    pixmap.setDevicePixelRatio(2)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(current().colour("border"))
    if colour:
        painter.setBrush(QColor(colour))
    painter.drawRoundedRect(1, 1, SWATCH - 2, SWATCH - 2, 2, 2)
    painter.end()
    return pixmap
