"""Archived classes, which can be brought back into the vocabulary."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QTableView, QVBoxLayout, QWidget

from lmpt_desktop.catalogue.records import AnnotationCount
from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.inference.vocabularies import join_aliases
from lmpt_desktop.translation import N_, _, number
from lmpt_desktop.ui.kit.dialogs import muted, style_table
from lmpt_desktop.ui.kit.tables import Column, TableModel

Archived = tuple[ClassEntry, AnnotationCount]
COLUMNS: tuple[Column[Archived], ...] = (
    Column(N_("Class"), lambda row: row[0].name),
    Column(N_("Other names"), lambda row: join_aliases(row[0].aliases)),
    Column(N_("Present"), lambda row: number(row[1].present), numeric=True),
    Column(N_("Absent"), lambda row: number(row[1].absent), numeric=True),
)


class ArchiveModel(TableModel[Archived]):
    """One row per archived class; tooltips hold what a narrow column cuts off."""

    def cell(self, row: Archived, column: int, role: int) -> object:
        if role == Qt.ItemDataRole.ToolTipRole:
            return self.columns[column].text(row)
        return super().cell(row, column, role)


class ArchiveTab(QWidget):
    """The archived classes, and a button that brings those selected back."""

    bring_back_requested = Signal(list)
    """Class ids."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._saving = False
        self.model = ArchiveModel(COLUMNS, parent=self)
        self.table = QTableView()
        self.table.setObjectName("archive-list")
        self.table.setAccessibleName(_("Archived classes"))
        self.table.setModel(self.model)
        style_table(self.table, 0, {1: 240, 2: 90, 3: 90})
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
                    "Archived and merged classes keep their annotations. Classes you bring back "
                    "are added at the end of the vocabulary."
                )
            )
        )
        layout.addWidget(self.table, 1)
        layout.addLayout(foot)
        self.table.selectionModel().selectionChanged.connect(self._update_button)
        self.table.activated.connect(lambda _index: self._bring_back())
        self.back.clicked.connect(self._bring_back)
        self._update_button()

    def show_archive(self, rows: list[Archived]) -> None:
        """Show these classes."""
        self.model.set_rows(rows)
        self.note.setText("" if rows else _("The archive is empty."))
        self._update_button()

    def set_saving(self, saving: bool) -> None:
        """Disable what would edit the vocabulary while an edit is being saved."""
        self._saving = saving
        self._update_button()

    def _selected(self) -> list[int]:
        rows = sorted(index.row() for index in self.table.selectionModel().selectedRows())
        return [self.model.rows[row][0].id for row in rows]

    def _update_button(self, *_args: object) -> None:
        self.back.setEnabled(bool(self._selected()) and not self._saving)

    def _bring_back(self) -> None:
        if (selected := self._selected()) and not self._saving:
            self.bring_back_requested.emit(selected)
