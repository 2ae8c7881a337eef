"""The versions of a library as a table, and as sentences."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QObject, Qt
from PySide6.QtGui import QFont

from lmpt_desktop.engine.versions.versions import VersionInfo
from lmpt_desktop.translation import _, number
from lmpt_desktop.ui.grid.model import Index
from lmpt_desktop.ui.kit.texts import (
    DASH,
    annotations_text,
    backbone_name,
    classes_text,
    local_time,
    percent,
    photos_text,
)

NAME, STATE, MADE, CLASSES, FIRST_FIGURE = range(5)
_FIGURES = ("total", "head", "medium", "tail")
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


def version_title(version: VersionInfo) -> str:
    """What a version is called: its name, else its date."""
    if version.version_id == 0:
        return _("Plain prompts")
    return version.name or local_time(version.created)


def state_text(version: VersionInfo) -> str:
    if version.active:
        return _("● in use")
    if version.run_id is None and version.version_id != 0 and not version.promoted:
        return _("imported")
    return _("used before") if version.promoted else _("not used yet")


def origin_text(version: VersionInfo) -> str:
    """What a version was learned from, in a sentence."""
    if version.version_id == 0:
        return _("Classes are predicted by their names and descriptions alone; nothing is learned.")
    if version.annotations is not None and version.images is not None:
        data = _("Learned from {annotations} on {images}, {classes}.").format(
            annotations=annotations_text(version.annotations),
            images=photos_text(version.images),
            classes=classes_text(version.classes),
        )
    else:
        data = _("Learned from {count} examples of {classes}.").format(
            count=number(version.present), classes=classes_text(version.classes)
        )
    where = _("Backbone {backbone}, method {method}.").format(
        backbone=backbone_name(version.backbone), method=version.method or DASH
    )
    parts = [data, where]
    if version.run_id is None:
        parts.append(_("Imported; its figures are of other photos."))
    return " ".join(parts)


class VersionsModel(QAbstractTableModel):
    """One row per version, newest first; the active one is marked and bold."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.versions: list[VersionInfo] = []
        self._headers = (
            _("Version"),
            _("State"),
            _("Made"),
            _("Classes"),
            _("mAP"),
            _("Head"),
            _("Medium"),
            _("Tail"),
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
            return _RIGHT if section >= CLASSES else _LEFT
        return self._headers[section] if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        version, column = self.versions[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(version, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join(filter(None, (self.text(version, column), version.note)))
        if role == Qt.ItemDataRole.FontRole and version.active:
            font = QFont()
            font.setBold(True)
            return font
        if role == Qt.ItemDataRole.TextAlignmentRole and column >= CLASSES:
            return _RIGHT
        return None

    def text(self, version: VersionInfo, column: int) -> str:
        """What a cell says."""
        plain = version.version_id == 0
        words = (
            version_title(version),
            state_text(version),
            DASH if plain else local_time(version.created),
            DASH if plain else number(version.classes),
        )
        if column < len(words):
            return words[column]
        if version.evaluation is None:
            return DASH
        return percent(getattr(version.evaluation.scores, _FIGURES[column - FIRST_FIGURE]))
