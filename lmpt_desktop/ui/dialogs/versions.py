"""Prompt sets made so far: which one is in use, go to another, go back, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QObject, Qt, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.engine.notices import EncoderChanged, VersionsChanged
from lmpt_desktop.engine.views import VersionInfo
from lmpt_desktop.ui.dialogs.base import LibraryDialog, close_box, dress_table, muted
from lmpt_desktop.ui.dialogs.formats import DASH, local_time, percent
from lmpt_desktop.ui.grid.model import Index

if TYPE_CHECKING:
    from lmpt_desktop.engine.session import LibrarySession
    from lmpt_desktop.ui.bridge import SessionBridge

_FIGURES = ("total", "head", "medium", "tail")
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class VersionsModel(QAbstractTableModel):
    """One row per version, newest first; the active one is marked and bold."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.versions: list[VersionInfo] = []
        self._headers = (
            self.tr("Version"),
            self.tr("State"),
            self.tr("Backbone"),
            self.tr("Classes"),
            self.tr("mAP"),
            self.tr("Head"),
            self.tr("Medium"),
            self.tr("Tail"),
        )

    def set_versions(self, versions: list[VersionInfo]) -> None:
        self.beginResetModel()
        self.versions = list(versions)
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.versions)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._headers)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if section >= 3 else _LEFT
        return self._headers[section] if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        version, column = self.versions[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(version, column)
        if role == Qt.ItemDataRole.FontRole and version.active:
            font = QFont()
            font.setBold(True)
            return font
        if role == Qt.ItemDataRole.TextAlignmentRole and column >= 3:
            return _RIGHT
        return None

    def text(self, version: VersionInfo, column: int) -> str:
        """What a cell says."""
        if version.active:
            state = self.tr("● in use")
        else:
            state = self.tr("used before") if version.promoted else self.tr("not used yet")
        plain = version.version_id == 0
        words = (
            self.tr("Plain prompts") if plain else local_time(version.created),
            state,
            version.backbone,
            DASH if plain else f"{version.classes:,}",
        )
        if column < len(words):
            return words[column]
        if version.evaluation is None:
            return DASH
        return percent(getattr(version.evaluation.scores, _FIGURES[column - len(words)]))


class VersionsDialog(LibraryDialog):
    """Promote, roll back, discard, compare."""

    compare_wanted = Signal(int)
    """Run id."""
    said = Signal(str)

    def __init__(
        self,
        session: LibrarySession,
        bridge: SessionBridge | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(session, bridge, parent)
        self.setWindowTitle(self.tr("Versions"))
        self.resize(800, 420)
        self.model = VersionsModel(self)
        self.table = QTableView()
        self.table.setObjectName("versions")
        self.table.setAccessibleName(self.tr("Versions"))
        self.table.setModel(self.model)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        widths = {0: 160, 1: 120, 3: 84, 4: 74, 5: 74, 6: 84, 7: 74}
        dress_table(self.table, 2, widths)
        self.promote = QPushButton(self.tr("&Use this version"))
        self.promote.setObjectName("promote")
        self.roll_back = QPushButton(self.tr("&Roll back"))
        self.roll_back.setObjectName("roll-back")
        self.roll_back.setToolTip(self.tr("Go back to what was in use before the last promotion"))
        self.compare = QPushButton(self.tr("Com&pare..."))
        self.compare.setObjectName("compare")
        self.discard = QPushButton(self.tr("&Discard"))
        self.discard.setObjectName("discard")
        close = close_box(self)
        foot = QHBoxLayout()
        for button in (self.promote, self.roll_back, self.compare, self.discard):
            button.setAutoDefault(False)
            foot.addWidget(button)
        foot.addStretch(1)
        foot.addWidget(close)
        layout = QVBoxLayout(self)
        layout.addWidget(
            muted(
                self.tr(
                    "Every retraining makes a version. Figures are mean average precision in "
                    "percent on the annotations held out at that time."
                )
            )
        )
        layout.addWidget(self.table, 1)
        layout.addWidget(self.strip)
        layout.addLayout(foot)
        self.table.selectionModel().selectionChanged.connect(self._selection_changed)
        self.promote.clicked.connect(self.promote_selected)
        self.roll_back.clicked.connect(self.roll_back_last)
        self.discard.clicked.connect(self.discard_selected)
        self.compare.clicked.connect(self._compare)
        self.listen(VersionsChanged, lambda _notice: self.refresh())
        self.listen(EncoderChanged, lambda _notice: self.refresh())
        self.refresh()

    def refresh(self) -> None:
        """Show the versions as they are now, keeping the selection."""
        kept = self.selected()
        self.model.set_versions(self.session.versions())
        ids = [version.version_id for version in self.model.versions]
        if kept is not None and kept.version_id in ids:
            self.table.selectRow(ids.index(kept.version_id))
        else:
            active = [row for row, item in enumerate(self.model.versions) if item.active]
            self.table.selectRow(active[0] if active else 0)
        self._selection_changed()

    def select_version(self, version_id: int) -> None:
        for row, version in enumerate(self.model.versions):
            if version.version_id == version_id:
                self.table.selectRow(row)

    def selected(self) -> VersionInfo | None:
        rows = self.table.selectionModel().selectedRows()
        row = rows[0].row() if rows else -1
        return self.model.versions[row] if 0 <= row < len(self.model.versions) else None

    def _selection_changed(self, *_: object) -> None:
        version = self.selected()
        usable = version is not None and not version.active
        self.promote.setEnabled(usable)
        self.discard.setEnabled(usable and version is not None and version.version_id != 0)
        self.compare.setEnabled(usable and version is not None and version.run_id is not None)
        in_use = [item for item in self.model.versions if item.active]
        self.roll_back.setEnabled(bool(in_use) and in_use[0].version_id != 0)

    def promote_selected(self) -> None:
        """Predict with the selected version from now on."""
        version = self.selected()
        if version is not None and self.attempt(lambda: self.session.promote(version.version_id)):
            self._say(self.tr("{0} is in use now.").format(self.model.text(version, 0)))

    def roll_back_last(self) -> None:
        """Undo the last promotion."""
        if self.attempt(self.session.roll_back):
            self._say(self.tr("Rolled back."))

    def discard_selected(self) -> None:
        """Delete the selected version; it must not be in use."""
        version = self.selected()
        if version is not None and self.attempt(lambda: self.session.discard(version.version_id)):
            self._say(self.tr("{0} was discarded.").format(self.model.text(version, 0)))

    def _say(self, text: str) -> None:
        self.refresh()
        self.strip.say(text)
        self.said.emit(text)

    def _compare(self) -> None:
        version = self.selected()
        if version is not None and version.run_id is not None:
            self.compare_wanted.emit(version.run_id)
