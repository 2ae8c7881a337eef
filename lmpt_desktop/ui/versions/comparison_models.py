"""The tables of the comparison: classes, and predictions that change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QColor

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.versions.comparison import (
    ChangedPrediction,
    Comparison,
    CorrectedPrediction,
)
from lmpt_desktop.inference.bootstrap import Interval
from lmpt_desktop.inference.measurement import ClassMeasurement
from lmpt_desktop.translation import N_, _, decimal, number
from lmpt_desktop.ui.kit.scored_thumbnails import Caption, ScoredThumbnail, ScoredThumbnailModel
from lmpt_desktop.ui.kit.tables import Column, TableModel
from lmpt_desktop.ui.kit.texts import NOT_MEASURABLE, band_name, percent, verdict_name
from lmpt_desktop.ui.kit.theme import current
from lmpt_desktop.ui.kit.threshold_texts import threshold_reason, threshold_text
from lmpt_desktop.ui.versions.comparison_texts import AP_TIP, NO_DIFFERENCE, interval_text
from trainer.bands import Band
from trainer.printable import isolated
from trainer.prompt_set import ClassResult

SORT_ROLE = Qt.ItemDataRole.UserRole + 1


class ClassLine(NamedTuple):
    """A class as both versions are measured on it, and what the new one's own training says."""

    measured: ClassMeasurement
    result: ClassResult | None


@dataclass(frozen=True, kw_only=True)
class ComparisonColumn(Column[ClassLine]):
    """A column of the comparison: also what it sorts by, the colour and the tool tip of a cell."""

    sort_key: Callable[[ClassLine], Any]
    colour: Callable[[ClassLine], QColor | None] = lambda _row: None
    note: Callable[[ClassLine], str] = lambda _row: ""


def most_telling(rows: Sequence[ClassMeasurement]) -> list[ClassMeasurement]:
    """First what is decided, then what is measured, then the rest, each as in the vocabulary."""
    return sorted(
        rows, key=lambda row: (row.change is None, not (row.change or NO_DIFFERENCE).decided)
    )


def _or_lowest(value: float | None) -> float:
    """``value`` to sort by; what could not be measured comes before every change in AP."""
    return -10.0 if value is None else value


def class_lines(comparison: Comparison) -> list[ClassLine]:
    """The most telling classes first."""
    found = comparison.measurement
    return [
        ClassLine(item, comparison.results.get(item.class_id))
        for item in most_telling(found.classes if found is not None else ())
    ]


def _change_text(row: ClassLine) -> str:
    change = row.measured.change
    return _(NOT_MEASURABLE) if change is None else interval_text(change)


def _change_colour(row: ClassLine) -> QColor:
    return current().colour(change_colour(row.measured.change))


def change_colour(change: Interval | None) -> str:
    """The name of a theme colour: grey unless the sign is known."""
    if change is None or not change.decided:
        return "muted"
    return "present" if change.low > 0 else "error"


COLUMNS = (
    ComparisonColumn(
        N_("Class"),
        lambda row: row.measured.name,
        sort_key=lambda row: row.measured.name.casefold(),
    ),
    ComparisonColumn(
        N_("Rarity"),
        lambda row: band_name(row.measured.band),
        sort_key=lambda row: list(Band).index(row.measured.band),
    ),
    ComparisonColumn(
        N_("Examples"),
        lambda row: number(row.measured.train_present),
        N_("Training photos in which the class is present"),
        numeric=True,
        sort_key=lambda row: row.measured.train_present,
    ),
    ComparisonColumn(
        N_("Measured on"),
        lambda row: f"{number(row.measured.present)} / {number(row.measured.absent)}",
        N_("Held-out photos: present / absent"),
        numeric=True,
        sort_key=lambda row: row.measured.present,
    ),
    ComparisonColumn(
        N_("Old"),
        lambda row: percent(row.measured.old),
        AP_TIP,
        numeric=True,
        sort_key=lambda row: _or_lowest(row.measured.old),
    ),
    ComparisonColumn(
        N_("New"),
        lambda row: percent(row.measured.new),
        AP_TIP,
        numeric=True,
        sort_key=lambda row: _or_lowest(row.measured.new),
    ),
    ComparisonColumn(
        N_("Difference"),
        _change_text,
        N_("In brackets: the range in which it lies with 95 % certainty. Grey: it may be none."),
        numeric=True,
        sort_key=lambda row: _or_lowest(
            row.measured.change.estimate if row.measured.change else None
        ),
        colour=_change_colour,
    ),
    ComparisonColumn(
        N_("Threshold"),
        lambda row: threshold_text(row.result),
        N_(
            "The score from which the new version predicts the class. In brackets: the range that "
            "other photos would give in 9 of 10 cases, or why there is none"
        ),
        numeric=True,
        sort_key=lambda row: _or_lowest(row.result.threshold if row.result else None),
        note=lambda row: threshold_reason(row.result),
    ),
)


class ClassComparisonModel(TableModel[ClassLine]):
    """One row per class."""

    def __init__(self, rows: Sequence[ClassLine], parent: QObject | None = None) -> None:
        super().__init__(COLUMNS, rows, parent)

    def cell(self, row: ClassLine, column: int, role: int) -> Any:
        if role == SORT_ROLE:
            return COLUMNS[column].sort_key(row)
        if role == Qt.ItemDataRole.ForegroundRole:
            return COLUMNS[column].colour(row)
        if role == Qt.ItemDataRole.ToolTipRole:
            return COLUMNS[column].note(row) or None
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
        Caption(f"+ {isolated(line.class_name)}", "present")
        if item.gained
        else Caption(f"− {isolated(line.class_name)}", "absent")
    )
    return ScoredThumbnail(item.image_id, line.fingerprint, (name, scores), sentence)


class Outcome(StrEnum):
    """Which corrections to show."""

    WRONG = "wrong"
    """Right before, wrong now."""
    RIGHT = "right"
    """Wrong before, right now."""
    BOTH_WRONG = "both wrong"
    UNSEEN = "unseen"
    """The new version has not learned from it."""


_OUTCOMES: dict[Outcome, Callable[[CorrectedPrediction], bool]] = {
    Outcome.WRONG: lambda item: item.old_right,
    Outcome.RIGHT: lambda item: item.new_right,
    Outcome.BOTH_WRONG: lambda item: not item.old_right and not item.new_right,
    Outcome.UNSEEN: lambda item: not item.learned,
}


@dataclass(frozen=True)
class CorrectionLine:
    """A correction, with what is needed to show it."""

    correction: CorrectedPrediction
    class_name: str
    file_name: str
    fingerprint: str


def correction_lines(comparison: Comparison, snapshot: Snapshot) -> list[CorrectionLine]:
    """The corrections whose images and classes still exist."""
    lines: list[CorrectionLine] = []
    for item in comparison.corrections.listed:
        row, column = snapshot.row_of.get(item.image_id), snapshot.column_of.get(item.class_id)
        if row is not None and column is not None:
            lines.append(
                CorrectionLine(
                    item,
                    snapshot.classes[column].name,
                    snapshot.images.names[row].rpartition("/")[2],
                    snapshot.images.fingerprints[row],
                )
            )
    return lines


class CorrectionsModel(ScoredThumbnailModel[CorrectionLine]):
    """One row per correction."""

    def __init__(self, lines: Sequence[CorrectionLine], parent: QObject | None = None) -> None:
        super().__init__(correction_thumbnail, lines, parent)
        self._all = lines

    def set_outcome(self, outcome: Outcome | None) -> None:
        """Keep the corrections of one outcome; None keeps all."""
        kept = _OUTCOMES[outcome] if outcome is not None else lambda _item: True
        self.set_rows([line for line in self._all if kept(line.correction)])


def correction_thumbnail(line: CorrectionLine) -> ScoredThumbnail:
    """The class with the user's verdict, and below it the two scores with whether the new version
    is right."""
    item = line.correction
    old, new = decimal(item.old_score, 2), decimal(item.new_score, 2)
    if item.new_right:
        sentence = _("You said {name} is {verdict} in {file}; the new version is right")
    elif item.old_right:
        sentence = _("You said {name} is {verdict} in {file}; the old version was right")
    else:
        sentence = _("You said {name} is {verdict} in {file}; both versions are wrong")
    verdict = verdict_name(Verdict.PRESENT if item.present else Verdict.ABSENT)
    sentence = sentence.format(name=line.class_name, verdict=verdict, file=line.file_name)
    sentence = f"{sentence} ({old} → {new})"
    if item.learned:
        sentence = _("{sentence}; it has learned from this").format(sentence=sentence)
    scores = Caption(
        f"{old} → {new}",
        "muted",
        "✓" if item.new_right else "≠",
        "present" if item.new_right else "error",
    )
    name = Caption(
        f"{'✓' if item.present else '✗'} {isolated(line.class_name)}",
        "present" if item.present else "absent",
    )
    return ScoredThumbnail(item.image_id, line.fingerprint, (name, scores), sentence)
