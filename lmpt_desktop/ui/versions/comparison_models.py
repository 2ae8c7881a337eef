"""The tables of the comparison: classes, and predictions that change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QColor

from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.versions.comparison import ChangedPrediction, Comparison
from lmpt_desktop.translation import N_, _, decimal, number
from lmpt_desktop.ui.kit.scored_thumbnails import Caption, ScoredThumbnail, ScoredThumbnailModel
from lmpt_desktop.ui.kit.tables import Column, TableModel
from lmpt_desktop.ui.kit.texts import NOT_ENOUGH, band_name, change, percent
from lmpt_desktop.ui.kit.theme import BAND_SHAPES, current
from trainer.bands import Band
from trainer.prompt_set import ClassResult

SORT_ROLE = Qt.ItemDataRole.UserRole + 1


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
        """Whether the change agrees with the annotation; None if there is none."""
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


class ChangedModel(ScoredThumbnailModel[ChangedLine]):
    """One row per prediction that appears or vanishes."""

    def __init__(self, lines: Sequence[ChangedLine], parent: QObject | None = None) -> None:
        super().__init__(changed_thumbnail, lines, parent)
        self._all = lines

    def set_class(self, name: str) -> None:
        """Keep the changes of one class; "" keeps all."""
        self.set_rows([line for line in self._all if not name or line.class_name == name])


def changed_thumbnail(line: ChangedLine) -> ScoredThumbnail:
    """ "+ class" or "− class", and below it the two scores."""
    item = line.change
    old, new = decimal(item.old_score, 2), decimal(item.new_score, 2)
    sentence = (
        _("{name} appears in {file} ({old} → {new})")
        if item.gained
        else _("{name} vanishes from {file} ({old} → {new})")
    ).format(name=line.class_name, file=line.file_name, old=old, new=new)
    scores = Caption(f"{old} → {new}", "muted")
    if line.agrees is not None:
        verdict = _("as annotated") if line.agrees else _("against your annotation")
        sentence = f"{sentence}, {verdict}"
        scores = Caption(
            scores.text,
            "muted",
            "✓" if line.agrees else "≠",
            "present" if line.agrees else "error",
        )
    name = (
        Caption(f"+ {line.class_name}", "present")
        if item.gained
        else Caption(f"− {line.class_name}", "absent")
    )
    return ScoredThumbnail(item.image_id, line.fingerprint, (name, scores), sentence)
