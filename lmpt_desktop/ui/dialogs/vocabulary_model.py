"""The classes of a library as an editable table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QObject, Qt, Signal

from lmpt_desktop.catalogue.records import ClassEntry
from lmpt_desktop.engine.views import Snapshot
from lmpt_desktop.ui.grid.model import Index
from lmpt_desktop.ui.theme import BAND_SHAPES, band_word, current
from trainer.bands import Band

NAME, DESCRIPTION, PRESENT, ABSENT, BAND = range(5)
SORT_ROLE = Qt.ItemDataRole.UserRole + 1
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True)
class ClassLine:
    """One class with the annotations it has."""

    entry: ClassEntry
    present: int
    absent: int
    band: Band
    estimated: bool

    @property
    def annotations(self) -> int:
        return self.present + self.absent


def class_lines(snapshot: Snapshot) -> list[ClassLine]:
    """The classes of a library in the vocabulary's order."""
    present = np.count_nonzero(snapshot.annotations == 1, axis=0)
    absent = np.count_nonzero(snapshot.annotations == 0, axis=0)
    bands = snapshot.bands
    return [
        ClassLine(entry, int(present[i]), int(absent[i]), bands.bands[i], bands.estimated)
        for i, entry in enumerate(snapshot.classes)
    ]


class ClassTableModel(QAbstractTableModel):
    """Names and descriptions can be edited in place; the edits are asked for by signals."""

    rename_wanted = Signal(int, str)
    describe_wanted = Signal(int, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lines: list[ClassLine] = []
        self._headers = (
            self.tr("Class"),
            self.tr("Description for the model"),
            self.tr("Present"),
            self.tr("Absent"),
            self.tr("Band"),
        )

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
            return _RIGHT if section in (PRESENT, ABSENT) else _LEFT
        return self._headers[section] if role == Qt.ItemDataRole.DisplayRole else None

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        editable = index.column() in (NAME, DESCRIPTION)
        return flags | Qt.ItemFlag.ItemIsEditable if editable else flags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._lines):
            return None
        line, column = self._lines[index.row()], index.column()
        values = (line.entry.name, line.entry.description, line.present, line.absent)
        entry = line.entry
        values = (entry.name, entry.description, line.present, line.absent)
        word = band_word(line.band, estimated=line.estimated)
        text = f"{BAND_SHAPES[line.band]} {word}" if column == BAND else values[column]
        numeric = column in (PRESENT, ABSENT)
        answers: dict[int, Any] = {
            SORT_ROLE: list(Band).index(line.band) if column == BAND else values[column],
            Qt.ItemDataRole.DisplayRole: f"{text:,}" if numeric else text,
            Qt.ItemDataRole.EditRole: text,
            Qt.ItemDataRole.TextAlignmentRole: _RIGHT if numeric else None,
            Qt.ItemDataRole.ForegroundRole: current().band(line.band) if column == BAND else None,
            Qt.ItemDataRole.ToolTipRole: (text or None) if column < PRESENT else None,
        }
        return answers.get(role)

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.EditRole or not index.isValid():
            return False
        entry, text = self._lines[index.row()].entry, " ".join(str(value).split())
        if index.column() == NAME and text and text != entry.name:
            self.rename_wanted.emit(entry.id, text)
        elif index.column() == DESCRIPTION and text != entry.description:
            self.describe_wanted.emit(entry.id, text)
        else:
            return False
        return True
