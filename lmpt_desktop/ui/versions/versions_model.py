"""The versions of a library as a table, and in sentences."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QFont

from lmpt_desktop.engine.versions.versions import VersionInfo
from lmpt_desktop.translation import N_, _, number
from lmpt_desktop.ui.kit.tables import Column, TableModel
from lmpt_desktop.ui.kit.texts import (
    DASH,
    annotations_text,
    backbone_name,
    classes_text,
    local_time,
    percent,
    photos_text,
)


def version_title(version: VersionInfo) -> str:
    """The name of a version, or its date if it has none."""
    if version.version_id == 0:
        return _("Plain prompts")
    return version.name or local_time(version.created)


def state_text(version: VersionInfo) -> str:
    """Whether a version is in use, was in use, or came from elsewhere."""
    if version.active:
        return _("● in use")
    if version.run_id is None and version.version_id != 0 and not version.promoted:
        return _("imported")
    return _("used before") if version.promoted else _("not used yet")


def origin_text(version: VersionInfo) -> str:
    """What a version was learned from, in sentences."""
    if version.version_id == 0:
        return _("Without a retraining: classes are predicted from their names and descriptions.")
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
        parts.append(_("Imported; its figures were measured on other photos."))
    return " ".join(parts)


def _created_text(version: VersionInfo) -> str:
    return DASH if version.version_id == 0 else local_time(version.created)


def _classes_text(version: VersionInfo) -> str:
    return DASH if version.version_id == 0 else number(version.classes)


def _score_column(title: str, band: str, tip: str) -> Column[VersionInfo]:
    """mAP of a band, or of all classes ("total"), in percent."""

    def text(version: VersionInfo) -> str:
        evaluation = version.evaluation
        return DASH if evaluation is None else percent(getattr(evaluation.scores, band))

    return Column(title, text, tip, numeric=True)


NAME, STATE, CREATED, CLASSES = (
    Column(N_("Version"), version_title),
    Column(N_("State"), state_text),
    Column(N_("Created"), _created_text),
    Column(N_("Classes"), _classes_text, numeric=True),
)
TOTAL, HEAD, MEDIUM, TAIL = (
    _score_column(
        N_("All"), "total",
        N_("Mean average precision of all classes on held-out photos, in percent: 100 if every "
           "photo that has a class is ranked above all that do not"),
    ),
    _score_column(
        N_("Common"), "head",
        N_("mAP of the classes with many examples in the training (head)"),
    ),
    _score_column(
        N_("Fairly common"), "medium",
        N_("mAP of the classes with some examples in the training (medium)"),
    ),
    _score_column(
        N_("Rare"), "tail",
        N_("mAP of the classes with few examples in the training (tail)"),
    ),
)  # fmt: skip
COLUMNS = (NAME, STATE, CREATED, CLASSES, TOTAL, HEAD, MEDIUM, TAIL)


class VersionsModel(TableModel[VersionInfo]):
    """One row per version, newest first; the active one is bold."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(COLUMNS, parent=parent)

    def cell(self, row: VersionInfo, column: int, role: int) -> Any:
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join(filter(None, (self.columns[column].text(row), row.note)))
        if role == Qt.ItemDataRole.FontRole and row.active:
            font = QFont()
            font.setBold(True)
            return font
        return super().cell(row, column, role)
