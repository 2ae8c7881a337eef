"""The classes of a selection of images: their verdicts now, and those to set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QColor, QFont

from lmpt_desktop.domain.records import ClassEntry, Verdict
from lmpt_desktop.domain.search_text import folded
from lmpt_desktop.inference.verdict_changes import VerdictCounts
from lmpt_desktop.translation import N_, _, number
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.tables import Column, TableModel
from lmpt_desktop.ui.kit.texts import verdict_name
from lmpt_desktop.ui.kit.verdicts import verdict_colour

NAME, NOW, WILL_BE = range(3)
SIGNS = {Verdict.PRESENT: "✓", Verdict.ABSENT: "✕", Verdict.UNKNOWN: "?"}


class SelectionClassesModel(TableModel[int]):
    """One row for each class that matches the search text; a row is the class's column."""

    def __init__(self, parent: QObject | None = None) -> None:
        columns = (
            Column(N_("Class"), self._name),
            Column(N_("Now"), self._now),
            Column(N_("Will be"), self._will_be),
        )
        super().__init__(columns, parent=parent)
        self._classes: tuple[ClassEntry, ...] = ()
        self._texts: list[str] = []
        self._counts: VerdictCounts | None = None
        self._requested: dict[int, Verdict] = {}
        self._search = ""

    # -------------------------------------------------------------------------- content

    @property
    def verdict_counts(self) -> VerdictCounts | None:
        """The images' verdicts now; None until they are counted."""
        return self._counts

    @property
    def requested(self) -> dict[int, Verdict]:
        """Class id -> the verdict to set."""
        return dict(self._requested)

    @property
    def changing(self) -> int:
        """How many verdicts change."""
        return 0 if self._counts is None else self._counts.changing(self._requested_columns())

    def name(self, class_id: int) -> str:
        """The name of a class; "" if it is no longer in the vocabulary."""
        return next((entry.name for entry in self._classes if entry.id == class_id), "")

    def set_content(self, classes: tuple[ClassEntry, ...], found: VerdictCounts) -> None:
        """Show these classes and counts; verdicts chosen for classes that are left stay."""
        self.beginResetModel()
        if classes is not self._classes:
            self._classes = classes
            self._texts = [folded(f"{entry.name} {entry.description}") for entry in classes]
            known = {entry.id for entry in classes}
            self._requested = {i: verdict for i, verdict in self._requested.items() if i in known}
        self._counts = found
        self.rows = self._matching()
        self.endResetModel()

    def find(self, text: str) -> None:
        """Show the classes that contain every word of ``text``, those that begin with it first."""
        if text != self._search:
            self._search = text
            self.set_rows(self._matching())

    def set_requested(self, rows: Iterable[int], verdict: Verdict | None) -> None:
        """Choose a verdict for the classes in ``rows``; None leaves them as they are."""
        for row in rows:
            class_id = self._classes[self.rows[row]].id
            if verdict is None:
                self._requested.pop(class_id, None)
            else:
                self._requested[class_id] = verdict
        if self.rows:
            last = self.index(len(self.rows) - 1, WILL_BE)
            self.dataChanged.emit(self.index(0, WILL_BE), last)

    def requested_in(self, row: int) -> Verdict | None:
        """The verdict chosen for a row."""
        return self._requested_for(self.rows[row])

    def _requested_for(self, column: int) -> Verdict | None:
        return self._requested.get(self._classes[column].id)

    def _requested_columns(self) -> Mapping[int, int]:
        if not self._requested:
            return {}
        return {
            column: self._requested[entry.id]
            for column, entry in enumerate(self._classes)
            if entry.id in self._requested
        }

    def _matching(self) -> list[int]:
        words = folded(self._search).split()
        if not words:
            return list(range(len(self._classes)))
        found = [
            column for column, text in enumerate(self._texts) if all(word in text for word in words)
        ]
        begins = np.array([self._texts[column].startswith(words[0]) for column in found], np.bool_)
        return [found[at] for at in np.argsort(~begins, kind="stable")]

    # ------------------------------------------------------------------------------- cells

    def cell(self, row: int, column: int, role: int) -> Any:
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._colour(row, column)
        if role == Qt.ItemDataRole.FontRole:
            if column == NOW or self._requested_for(row) is None:
                return None
            font = QFont()
            font.setBold(True)
            return font
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._sentence(row)
        return super().cell(row, column, role)

    def _sentence(self, column: int) -> str:
        """A row in words: for the tooltip and for screen readers."""
        requested = self._requested_for(column)
        name, now = self._name(column), self._spoken(column)
        if requested is None:
            return _("{name}: {now}; stays as it is").format(name=name, now=now)
        return _("{name}: {now}; will be {verdict}").format(
            name=name, now=now, verdict=verdict_name(requested)
        )

    def _now(self, column: int) -> str:
        """The verdicts that the images have for a class."""
        found = self._counts
        if found is None or not found.images:
            return ""
        common = found.common(column)
        if common is not None:
            verdict = Verdict(common)
            if found.images == 1 or verdict is Verdict.UNKNOWN:
                return verdict_name(verdict)
            return _("present in all") if verdict is Verdict.PRESENT else _("absent in all")
        counts = self._verdict_counts(column)
        parts = [f"{SIGNS[verdict]} {number(count)}" for verdict, count in counts.items()]
        return _("mixed: {parts}").format(parts="  ".join(parts))

    def _spoken(self, column: int) -> str:
        """As :meth:`_now`, without signs."""
        counts = self._verdict_counts(column)
        if len(counts) < 2:
            return self._now(column)
        part = _("{verdict} in {count}")
        return ", ".join(
            part.format(verdict=verdict_name(verdict), count=number(count))
            for verdict, count in counts.items()
        )

    def _verdict_counts(self, column: int) -> dict[Verdict, int]:
        """In how many images a class has each verdict, without zeros."""
        found = self._counts
        if found is None:
            return {}
        return {verdict: count for verdict in SIGNS if (count := found.count(column, verdict))}

    def _name(self, column: int) -> str:
        return self._classes[column].name

    def _will_be(self, column: int) -> str:
        requested = self._requested_for(column)
        return "" if requested is None else f"{SIGNS[requested]} {verdict_name(requested)}"

    def _colour(self, column: int, part: int) -> QColor | None:
        verdict: Verdict | None = None
        if part == WILL_BE:
            verdict = self._requested_for(column)
        elif part == NOW and self._counts is not None:
            common = self._counts.common(column)
            verdict = None if common is None else Verdict(common)
        if verdict is None:
            return theme.current().colour("muted") if part == NOW else None
        return verdict_colour(verdict)
