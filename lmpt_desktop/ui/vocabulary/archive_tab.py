"""Classes that were taken out of the vocabulary, to bring back."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QObject, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QTableView, QVBoxLayout, QWidget

from lmpt_desktop.catalogue.records import AnnotationCount
from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.inference.vocabularies import join_aliases
from lmpt_desktop.translation import _, number
from lmpt_desktop.ui.grid.model import Index
from lmpt_desktop.ui.kit.dialogs import dress_table, muted

Archived = tuple[ClassEntry, AnnotationCount]
NAME, ALIASES, PRESENT, ABSENT = range(4)
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class ArchiveModel(QAbstractTableModel):
    """One row a class."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.lines: list[Archived] = []
        self._headers = (_("Class"), _("Other names"), _("Present"), _("Absent"))

    def set_lines(self, lines: list[Archived]) -> None:
        self.beginResetModel()
        self.lines = list(lines)
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.lines)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._headers)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if section >= PRESENT else _LEFT
        return self._headers[section] if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        entry, count = self.lines[index.row()]
        text = (
            entry.name,
            join_aliases(entry.aliases),
            number(count.present),
            number(count.absent),
        )[index.column()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return text
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if index.column() >= PRESENT else _LEFT
        return None


class ArchiveTab(QWidget):
    """The archive, and a button to bring classes back."""

    bring_back_wanted = Signal(list)
    """Class ids."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = ArchiveModel(self)
        self.table = QTableView()
        self.table.setObjectName("archive-list")
        self.table.setAccessibleName(_("Archived classes"))
        self.table.setModel(self.model)
        dress_table(self.table, NAME, {ALIASES: 240, PRESENT: 90, ABSENT: 90})
        self.back = QPushButton(_("&Bring back"))
        self.back.setObjectName("bring-back")
        self.back.setAutoDefault(False)
        self.note = muted()
        foot = QHBoxLayout()
        foot.addWidget(self.note, 1)
        foot.addWidget(self.back)
        layout = QVBoxLayout(self)
        layout.addWidget(
            muted(
                _(
                    "Classes that were archived or merged keep everything that was said of them. "
                    "Brought back they are as they were, at the end of the vocabulary."
                )
            )
        )
        layout.addWidget(self.table, 1)
        layout.addLayout(foot)
        self.table.selectionModel().selectionChanged.connect(self._selection_changed)
        self.table.activated.connect(lambda _index: self._bring_back())
        self.back.clicked.connect(self._bring_back)
        self._selection_changed()

    def show_lines(self, lines: list[Archived]) -> None:
        self.model.set_lines(lines)
        self.note.setText("" if lines else _("The archive is empty."))
        self._selection_changed()

    def _chosen(self) -> list[int]:
        rows = sorted(index.row() for index in self.table.selectionModel().selectedRows())
        return [self.model.lines[row][0].id for row in rows]

    def _selection_changed(self, *_args: object) -> None:
        self.back.setEnabled(bool(self._chosen()))

    def _bring_back(self) -> None:
        if chosen := self._chosen():
            self.bring_back_wanted.emit(chosen)
