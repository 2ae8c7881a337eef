"""Tables behind the comparison page: classes, and predictions that change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractListModel, QAbstractTableModel, QObject, Qt

from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.versions.comparison import ChangedPrediction, Comparison
from lmpt_desktop.translation import _, decimal, number
from lmpt_desktop.ui.grid.model import Index
from lmpt_desktop.ui.kit.texts import NOT_ENOUGH, band_name, change, percent
from lmpt_desktop.ui.kit.theme import BAND_SHAPES, current
from trainer.bands import Band
from trainer.prompt_set import ClassResult

NAME, BAND, TRAIN, HELD_OUT, OLD, NEW, CHANGE = range(7)
SORT_ROLE = Qt.ItemDataRole.UserRole + 1
CHANGED_ROLE = Qt.ItemDataRole.UserRole + 2
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True)
class ClassComparison:
    """One class: how many annotations judge it, and its average precision (in [0, 1])."""

    name: str
    band: Band | None
    train_present: int
    held_out_present: int
    held_out_absent: int
    old: float | None
    new: float | None

    @property
    def moved(self) -> float | None:
        return None if self.old is None or self.new is None else self.new - self.old


def class_comparisons(comparison: Comparison) -> list[ClassComparison]:
    """The classes of the new prompt set, with the old one's figure by name."""
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


class ClassComparisonModel(QAbstractTableModel):
    """One row per class; figures that cannot be judged say so."""

    def __init__(self, lines: Sequence[ClassComparison], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.lines = list(lines)
        self._headers = (
            _("Class"),
            _("Band"),
            _("Learned from"),
            _("Judged by"),
            _("Old AP"),
            _("New AP"),
            _("Change"),
        )
        self._tips = {
            TRAIN: _("Photos with the class present that the prompts were learned from"),
            HELD_OUT: _("Held-out photos: present / absent"),
            OLD: _("Average precision of the prompts in use, in percent"),
            NEW: _("Average precision of the new prompts, in percent"),
        }

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.lines)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._headers)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tips.get(section)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if section >= TRAIN else _LEFT
        return self._headers[section] if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        line, column = self.lines[index.row()], index.column()
        answers: dict[int, Callable[[ClassComparison, int], Any]] = {
            Qt.ItemDataRole.DisplayRole: _text,
            Qt.ItemDataRole.ForegroundRole: _colour,
            Qt.ItemDataRole.TextAlignmentRole: lambda _line, at: _RIGHT if at >= TRAIN else None,
            SORT_ROLE: _sort_value,
        }
        answer = answers.get(role)
        return None if answer is None else answer(line, column)


def _text(line: ClassComparison, column: int) -> str:
    if column == NAME:
        return line.name
    if column == BAND:
        return f"{BAND_SHAPES[line.band]} {band_name(line.band)}" if line.band else ""
    if column == TRAIN:
        return number(line.train_present)
    if column == HELD_OUT:
        return f"{number(line.held_out_present)} / {number(line.held_out_absent)}"
    if column == CHANGE:
        return _(NOT_ENOUGH) if line.new is None else change(line.old, line.new)
    return percent(line.old if column == OLD else line.new)


def _colour(line: ClassComparison, column: int) -> Any:
    colours = current()
    if column == BAND and line.band:
        return colours.band(line.band)
    if column == CHANGE:
        moved = line.moved
        if moved is None or round(moved, 3) == 0:
            return colours.colour("muted")
        return colours.colour("present" if moved > 0 else "error")
    return None


def _sort_value(line: ClassComparison, column: int) -> Any:
    nothing = -10.0
    return (
        line.name.casefold(),
        list(Band).index(line.band) if line.band else len(Band),
        line.train_present,
        line.held_out_present,
        nothing if line.old is None else line.old,
        nothing if line.new is None else line.new,
        nothing if line.moved is None else line.moved,
    )[column]


@dataclass(frozen=True)
class ChangedLine:
    """A prediction that appears or vanishes, with what is needed to show it."""

    change: ChangedPrediction
    class_name: str
    file_name: str
    fingerprint: str
    verdict: int
    """What the user said of it: 1 present, 0 absent, -1 nothing."""

    @property
    def agrees(self) -> bool | None:
        """Whether the change goes the user's way; None where nothing was said."""
        return None if self.verdict < 0 else self.change.gained == (self.verdict == 1)


def changed_lines(comparison: Comparison, snapshot: Snapshot) -> list[ChangedLine]:
    """The changes as far as their images and classes are still there."""
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
