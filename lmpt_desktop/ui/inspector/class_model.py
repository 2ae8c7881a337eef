"""The classes of the selected images as a list model; a row is made when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.translation import _, decimal, number
from lmpt_desktop.ui.inspector.summary import Show, Summary, ordered_columns
from lmpt_desktop.ui.kit.texts import band_name, verdict_name
from trainer.bands import Band

Index = QModelIndex | QPersistentModelIndex


class Role(IntEnum):
    """Roles in addition to Qt's own."""

    ROW = Qt.ItemDataRole.UserRole + 1
    """A :class:`ClassRow`."""
    CLASS_ID = Qt.ItemDataRole.UserRole + 2


@dataclass(frozen=True)
class ClassRow:
    """One row of the list, about ``images`` selected images.

    ``score`` is their mean, None while there is none.  ``verdict`` is None where the images
    differ; the counts then say how.
    """

    class_id: int
    name: str
    description: str
    score: float | None
    threshold: float
    predicted: int
    present: int
    absent: int
    corrected: int
    images: int
    verdict: Verdict | None
    band: Band
    estimated: bool

    @property
    def band_known(self) -> bool:
        """Whether the band means something: without predictions every estimate would be tail."""
        return not self.estimated or self.score is not None

    @property
    def unknown(self) -> int:
        return self.images - self.present - self.absent

    def count(self, verdict: Verdict) -> int:
        """In how many of the images this is the verdict."""
        return {
            Verdict.PRESENT: self.present,
            Verdict.ABSENT: self.absent,
            Verdict.UNKNOWN: self.unknown,
        }[verdict]


class ClassListModel(QAbstractListModel):
    """Rows are classes in the order of :func:`ordered_columns`."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._summary: Summary | None = None
        self._columns = np.empty(0, np.int64)
        self._find = ""
        self._show = Show.ALL

    @property
    def summary(self) -> Summary | None:
        return self._summary

    def set_summary(self, summary: Summary | None) -> None:
        """Show other images, or the same ones again.

        Where the classes stay in place (after a verdict, say) the rows are only repainted,
        so that the keyboard keeps its place.
        """
        columns = self._requested(summary)
        if self._same_rows(self._summary, summary, columns):
            self._summary = summary
            last = self.index(len(columns) - 1)
            if last.isValid():
                self.dataChanged.emit(self.index(0), last)
            return
        # Inside the reset: until then views may ask for the rows they have.
        self.beginResetModel()
        self._summary, self._columns = summary, columns
        self.endResetModel()

    def set_find(self, text: str) -> None:
        """Keep classes that hold every word of ``text``."""
        self._find = text
        self._replace(self._requested(self._summary))

    def set_show(self, show: Show) -> None:
        self._show = show
        self._replace(self._requested(self._summary))

    def _requested(self, summary: Summary | None) -> np.ndarray:
        if summary is None or not summary.images:
            return np.empty(0, np.int64)
        return ordered_columns(summary, self._show, self._find)

    def _same_rows(
        self, before: Summary | None, after: Summary | None, columns: np.ndarray
    ) -> bool:
        return (
            before is not None
            and after is not None
            and np.array_equal(columns, self._columns)
            and before.snapshot.classes == after.snapshot.classes
        )

    def _replace(self, columns: np.ndarray) -> None:
        self.beginResetModel()
        self._columns = columns
        self.endResetModel()

    def row_of_class(self, class_id: int) -> int:
        """The row a class is on, or -1."""
        if self._summary is None:
            return -1
        column = self._summary.snapshot.column_of.get(class_id, -1)
        found = np.flatnonzero(self._columns == column)
        return int(found[0]) if len(found) else -1

    def class_row(self, row: int) -> ClassRow:
        """The row at place ``row``.

        Raises:
            IndexError: if there is no such row.
        """
        summary = self._summary
        if summary is None:
            raise IndexError(row)
        column = int(self._columns[row])
        entry = summary.snapshot.classes[column]
        score = float(summary.scores[column])
        return ClassRow(
            class_id=entry.id,
            name=entry.name,
            description=entry.description,
            score=None if np.isnan(score) else score,
            threshold=float(summary.thresholds[column]),
            predicted=int(summary.predicted[column]),
            present=int(summary.present[column]),
            absent=int(summary.absent[column]),
            corrected=int(summary.corrected[column]),
            images=summary.images,
            verdict=summary.verdict(column),
            band=summary.bands.bands[column],
            estimated=summary.bands.estimated,
        )

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._columns)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or not 0 <= index.row() < len(self._columns):
            return None
        row = self.class_row(index.row())
        answers: dict[int, Callable[[ClassRow], Any]] = {
            Role.ROW: lambda row: row,
            Role.CLASS_ID: lambda row: row.class_id,
            Qt.ItemDataRole.DisplayRole: lambda row: row.name,
            Qt.ItemDataRole.AccessibleTextRole: self.accessible_text,
            Qt.ItemDataRole.ToolTipRole: self.tool_tip,
        }
        answer = answers.get(role)
        return None if answer is None else answer(row)

    def accessible_text(self, row: ClassRow) -> str:
        """The row as a screen reader reads it."""
        parts = [row.name, self.verdict_text(row)]
        if row.score is None:
            parts.append(_("no score yet"))
        else:
            parts.append(_("score {0}").format(decimal(row.score, 2)))
            if row.images == 1:
                parts.append(_("predicted") if row.predicted else _("not predicted"))
        if row.band_known:
            parts.append(band_name(row.band, estimated=row.estimated))
        if row.corrected:
            parts.append(_("corrected"))
        return ", ".join(parts)

    def verdict_text(self, row: ClassRow) -> str:
        """ "present", or "mixed: 2 present, 1 absent, 5 unknown"."""
        if row.verdict is not None:
            return verdict_name(row.verdict)
        parts = [
            f"{number(row.count(verdict))} {verdict_name(verdict)}"
            for verdict in (Verdict.PRESENT, Verdict.ABSENT, Verdict.UNKNOWN)
            if row.count(verdict)
        ]
        return _("mixed: {0}").format(", ".join(parts))

    def tool_tip(self, row: ClassRow) -> str:
        """The row in full, for the tool tip."""
        title = f"{row.name} ({row.description})" if row.description else row.name
        lines = [title]
        if row.score is None:
            lines.append(_("No score yet: the photo has not been encoded."))
        elif row.images == 1:
            lines.append(
                _("Score {0}; predicted from {1}.").format(
                    decimal(row.score, 3), decimal(row.threshold, 3)
                )
            )
        else:
            lines.append(
                _("Mean score {0}; predicted in {1} of {2} photos.").format(
                    decimal(row.score, 3), number(row.predicted), number(row.images)
                )
            )
        lines.append(_("Your verdict: {0}.").format(self.verdict_text(row)))
        if row.corrected:
            lines.append(_("≠ corrected: your verdict contradicts the prediction."))
        if row.band_known:
            band = band_name(row.band, estimated=row.estimated)
            lines.append(_("Band: {0}.").format(band))
        return "\n".join(lines)
