"""The tables of the comparison: classes, and predictions that change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractListModel, QObject, Qt
from PySide6.QtGui import QColor

from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.versions.comparison import ChangedPrediction, Comparison
from lmpt_desktop.translation import N_, _, decimal, number
from lmpt_desktop.ui.grid.model import Index
from lmpt_desktop.ui.kit.tables import Column, TableModel
from lmpt_desktop.ui.kit.texts import NOT_ENOUGH, band_name, change, percent
from lmpt_desktop.ui.kit.theme import BAND_SHAPES, current
from trainer.bands import Band
from trainer.prompt_set import ClassResult

SORT_ROLE = Qt.ItemDataRole.UserRole + 1
CHANGED_ROLE = Qt.ItemDataRole.UserRole + 2


@dataclass(frozen=True)
class ClassComparison:
    """One class: the annotations it is evaluated on, and its average precisions in [0, 1]."""

    name: str
    band: Band | None
    train_present: int
    held_out_present: int
    held_out_absent: int
    old: float | None
    new: float | None

    @property
    def moved(self) -> float | None:
        """The change in average precision; None where either is unknown."""
        return None if self.old is None or self.new is None else self.new - self.old


def class_comparisons(comparison: Comparison) -> list[ClassComparison]:
    """The classes of the new prompt set, with the average precision of the old one."""
    old: Mapping[str, ClassResult] = (
        {result.name: result for result in comparison.old.classes} if comparison.old else {}
    )
    new = comparison.new.classes if comparison.new else []
    return [
        ClassComparison(
            result.name,
            comparison.bands.get(result.name),
            result.train_present,
            result.held_out_present,
            result.held_out_absent,
            old[result.name].average_precision if result.name in old else None,
            result.average_precision,
        )
        for result in new
    ]


@dataclass(frozen=True, kw_only=True)
class ComparisonColumn(Column[ClassComparison]):
    """A column of the comparison: also what it sorts by, and the colour of a cell."""

    sort_key: Callable[[ClassComparison], Any]
    colour: Callable[[ClassComparison], QColor | None] = lambda _row: None


def _or_lowest(value: float | None) -> float:
    """``value`` to sort by; what could not be measured comes before every change in AP."""
    return -10.0 if value is None else value


def _band_text(row: ClassComparison) -> str:
    return f"{BAND_SHAPES[row.band]} {band_name(row.band)}" if row.band else ""


def _change_text(row: ClassComparison) -> str:
    return _(NOT_ENOUGH) if row.new is None else change(row.old, row.new)


def _change_colour(row: ClassComparison) -> QColor:
    if row.moved is None or round(row.moved, 3) == 0:
        return current().colour("muted")
    return current().colour("present" if row.moved > 0 else "error")


COLUMNS = (
    ComparisonColumn(N_("Class"), lambda row: row.name, sort_key=lambda row: row.name.casefold()),
    ComparisonColumn(
        N_("Band"),
        _band_text,
        sort_key=lambda row: list(Band).index(row.band) if row.band else len(Band),
        colour=lambda row: current().band(row.band) if row.band else None,
    ),
    ComparisonColumn(
        N_("Learned from"),
        lambda row: number(row.train_present),
        N_("Training photos in which the class is present"),
        numeric=True,
        sort_key=lambda row: row.train_present,
    ),
    ComparisonColumn(
        N_("Measured on"),
        lambda row: f"{number(row.held_out_present)} / {number(row.held_out_absent)}",
        N_("Held-out photos: present / absent"),
        numeric=True,
        sort_key=lambda row: row.held_out_present,
    ),
    ComparisonColumn(
        N_("Old AP"),
        lambda row: percent(row.old),
        N_("Average precision of the version in use, in percent"),
        numeric=True,
        sort_key=lambda row: _or_lowest(row.old),
    ),
    ComparisonColumn(
        N_("New AP"),
        lambda row: percent(row.new),
        N_("Average precision of the new version, in percent"),
        numeric=True,
        sort_key=lambda row: _or_lowest(row.new),
    ),
    ComparisonColumn(
        N_("Change"),
        _change_text,
        numeric=True,
        sort_key=lambda row: _or_lowest(row.moved),
        colour=_change_colour,
    ),
)


class ClassComparisonModel(TableModel[ClassComparison]):
    """One row per class."""

    def __init__(self, rows: Sequence[ClassComparison], parent: QObject | None = None) -> None:
        super().__init__(COLUMNS, rows, parent)

    def cell(self, row: ClassComparison, column: int, role: int) -> Any:
        if role == SORT_ROLE:
            return COLUMNS[column].sort_key(row)
        if role == Qt.ItemDataRole.ForegroundRole:
            return COLUMNS[column].colour(row)
        return super().cell(row, column, role)


@dataclass(frozen=True)
class ChangedLine:
    """A prediction that appears or vanishes, with what is needed to show it."""

    change: ChangedPrediction
    class_name: str
    file_name: str
    fingerprint: str
    verdict: int
    """The annotation: 1 present, 0 absent, -1 unknown."""

    @property
    def agrees(self) -> bool | None:
        """Whether the change agrees with the annotation; None where there is none."""
        return None if self.verdict < 0 else self.change.gained == (self.verdict == 1)


def changed_lines(comparison: Comparison, snapshot: Snapshot) -> list[ChangedLine]:
    """The changes whose images and classes still exist."""
    lines: list[ChangedLine] = []
    for item in comparison.changed:
        row, column = snapshot.row_of.get(item.image_id), snapshot.column_of.get(item.class_id)
        if row is not None and column is not None:
            lines.append(
                ChangedLine(
                    item,
                    snapshot.classes[column].name,
                    snapshot.images.names[row].rpartition("/")[2],
                    snapshot.images.fingerprints[row],
                    int(snapshot.annotations[row, column]),
                )
            )
    return lines


class ChangedModel(QAbstractListModel):
    """One row per prediction that appears or vanishes."""

    def __init__(self, lines: Sequence[ChangedLine], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._all = list(lines)
        self.lines = list(lines)

    def set_class(self, name: str) -> None:
        """Keep the changes of one class; "" keeps all."""
        self.beginResetModel()
        self.lines = [line for line in self._all if not name or line.class_name == name]
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.lines)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self.lines):
            return None
        line = self.lines[index.row()]
        if role == CHANGED_ROLE:
            return line
        if role == Qt.ItemDataRole.DisplayRole:
            return line.class_name
        if role in (Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole):
            return self.sentence(line)
        return None

    def sentence(self, line: ChangedLine) -> str:
        """The change in words."""
        sentence = (
            _("{name} appears in {file} ({old} → {new})")
            if line.change.gained
            else _("{name} vanishes from {file} ({old} → {new})")
        )
        text = sentence.format(
            name=line.class_name,
            file=line.file_name,
            old=decimal(line.change.old_score, 2),
            new=decimal(line.change.new_score, 2),
        )
        if line.agrees is None:
            return text
        said = _("as you said") if line.agrees else _("against your annotation")
        return f"{text}, {said}"
