"""The classes of a selection: what it has of each now, and what it is to have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QObject, Qt
from PySide6.QtGui import QColor, QFont

from lmpt_desktop.domain.records import ClassEntry, Verdict
from lmpt_desktop.inference.verdict_changes import VerdictCounts
from lmpt_desktop.translation import N_, _, number
from lmpt_desktop.ui.grid.model import NO_PARENT, Index
from lmpt_desktop.ui.kit import theme

NAME, NOW, WILL_BE = range(3)
SIGNS = {Verdict.PRESENT: "✓", Verdict.ABSENT: "✕", Verdict.UNKNOWN: "?"}
WORDS = {
    Verdict.PRESENT: N_("present"),
    Verdict.ABSENT: N_("absent"),
    Verdict.UNKNOWN: N_("unknown"),
}
_COLOURS = {Verdict.PRESENT: "present", Verdict.ABSENT: "absent", Verdict.UNKNOWN: "muted"}
_HEADERS = (N_("Class"), N_("Now"), N_("Will be"))


class SelectionClassesModel(QAbstractTableModel):
    """One row for each class that matches the text looked for."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._classes: tuple[ClassEntry, ...] = ()
        self._texts: list[str] = []
        self._columns: list[int] = []
        self._verdict_counts: VerdictCounts | None = None
        self._wanted: dict[int, Verdict] = {}
        self._find = ""

    # -------------------------------------------------------------------------- content

    @property
    def verdict_counts(self) -> VerdictCounts | None:
        return self._verdict_counts

    @property
    def wanted(self) -> dict[int, Verdict]:
        """Class id -> the verdict the images are to have."""
        return dict(self._wanted)

    @property
    def changing(self) -> int:
        """How many verdicts change."""
        if self._verdict_counts is None:
            return 0
        return self._verdict_counts.changing(self._wanted_columns())

    def name(self, class_id: int) -> str:
        """How a class is called; "" if it is not in the vocabulary any more."""
        return next((entry.name for entry in self._classes if entry.id == class_id), "")

    def set_content(self, classes: tuple[ClassEntry, ...], found: VerdictCounts) -> None:
        """Show these classes and counts; what was chosen stays as far as its class does."""
        self.beginResetModel()
        if classes is not self._classes:
            self._classes = classes
            self._texts = [f"{entry.name} {entry.description}".casefold() for entry in classes]
            known = {entry.id for entry in classes}
            self._wanted = {i: said for i, said in self._wanted.items() if i in known}
        self._verdict_counts = found
        self._columns = self._matching()
        self.endResetModel()

    def find(self, text: str) -> None:
        """Keep the classes that hold every word of ``text``, those that begin with it first."""
        if text == self._find:
            return
        self.beginResetModel()
        self._find = text
        self._columns = self._matching()
        self.endResetModel()

    def set_wanted(self, rows: Iterable[int], verdict: Verdict | None) -> None:
        """Give the classes in ``rows`` this verdict; None leaves them as they are."""
        for row in rows:
            class_id = self._classes[self._columns[row]].id
            if verdict is None:
                self._wanted.pop(class_id, None)
            else:
                self._wanted[class_id] = verdict
        if self._columns:
            last = self.index(len(self._columns) - 1, WILL_BE)
            self.dataChanged.emit(self.index(0, WILL_BE), last)

    def row_of(self, class_id: int) -> int:
        """Where a class is shown, or -1."""
        for row, column in enumerate(self._columns):
            if self._classes[column].id == class_id:
                return row
        return -1

    def wanted_in(self, row: int) -> Verdict | None:
        return self._wanted.get(self._classes[self._columns[row]].id)

    def _wanted_columns(self) -> Mapping[int, int]:
        if not self._wanted:
            return {}
        return {
            column: self._wanted[entry.id]
            for column, entry in enumerate(self._classes)
            if entry.id in self._wanted
        }

    def _matching(self) -> list[int]:
        words = self._find.casefold().split()
        if not words:
            return list(range(len(self._classes)))
        found = [
            column for column, text in enumerate(self._texts) if all(word in text for word in words)
        ]
        begins = np.array([self._texts[column].startswith(words[0]) for column in found], np.bool_)
        return [found[at] for at in np.argsort(~begins, kind="stable")]

    # -------------------------------------------------------------------------- Qt model

    def rowCount(self, parent: Index = NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._columns)

    def columnCount(self, parent: Index = NO_PARENT) -> int:
        return 0 if parent.isValid() else len(_HEADERS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return _(_HEADERS[section]) if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not 0 <= index.row() < len(self._columns):
            return None
        row, part = index.row(), index.column()
        answer: Any = None
        if role == Qt.ItemDataRole.DisplayRole:
            answer = (self._name, self.now, self._will_be)[part](row)
        elif role == Qt.ItemDataRole.ForegroundRole:
            answer = self._colour(row, part)
        elif role == Qt.ItemDataRole.FontRole and part != NOW and self.wanted_in(row) is not None:
            answer = QFont()
            answer.setBold(True)
        elif role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            answer = self.sentence(row)
        return answer

    def sentence(self, row: int) -> str:
        """A row in words: for the tooltip and for screen readers."""
        wanted = self.wanted_in(row)
        name, now = self._name(row), self._spoken(row)
        if wanted is None:
            return _("{name}: {now}; stays as it is").format(name=name, now=now)
        return _("{name}: {now}; will be {verdict}").format(
            name=name, now=now, verdict=_(WORDS[wanted])
        )

    def now(self, row: int) -> str:
        """What the images have of a class."""
        found = self._verdict_counts
        if found is None or not found.images:
            return ""
        column = self._columns[row]
        common = found.common(column)
        if common is not None:
            verdict = Verdict(common)
            if found.images == 1 or verdict is Verdict.UNKNOWN:
                return _(WORDS[verdict])
            return _("present in all") if verdict is Verdict.PRESENT else _("absent in all")
        counts = self._counts(row)
        parts = [f"{SIGNS[verdict]} {number(count)}" for verdict, count in counts.items()]
        return _("mixed: {parts}").format(parts="  ".join(parts))

    def _spoken(self, row: int) -> str:
        """As :meth:`now`, without signs."""
        counts = self._counts(row)
        if len(counts) < 2:
            return self.now(row)
        said = _("{verdict} in {count}")
        return ", ".join(
            said.format(verdict=_(WORDS[verdict]), count=number(count))
            for verdict, count in counts.items()
        )

    def _counts(self, row: int) -> dict[Verdict, int]:
        """In how many images each verdict is what is known, without zeros."""
        found, column = self._verdict_counts, self._columns[row]
        if found is None:
            return {}
        return {verdict: count for verdict in SIGNS if (count := found.count(column, verdict))}

    def _name(self, row: int) -> str:
        return self._classes[self._columns[row]].name

    def _will_be(self, row: int) -> str:
        wanted = self.wanted_in(row)
        return "" if wanted is None else f"{SIGNS[wanted]} {_(WORDS[wanted])}"

    def _colour(self, row: int, part: int) -> QColor | None:
        verdict: Verdict | None = None
        if part == WILL_BE:
            verdict = self.wanted_in(row)
        elif part == NOW and self._verdict_counts is not None:
            common = self._verdict_counts.common(self._columns[row])
            verdict = None if common is None else Verdict(common)
        if verdict is None:
            return theme.current().colour("muted") if part == NOW else None
        return theme.current().colour(_COLOURS[verdict])
