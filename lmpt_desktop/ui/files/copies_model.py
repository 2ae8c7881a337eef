"""The groups of copies as a list, and what the copies of one group differ in as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePath
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractListModel, QAbstractTableModel, QObject, Qt, Signal

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.files.copies import LEAVE, NEWEST, CopySurvey
from lmpt_desktop.translation import _, join_names, ngettext, number
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.tables import Index
from lmpt_desktop.ui.kit.texts import shorten, verdict_name
from lmpt_desktop.ui.kit.verdicts import verdict_colour
from trainer.printable import isolated

COPIES = 2
"""The first column with a copy; before it are the class and what it becomes."""

CELL_ROLE = int(Qt.ItemDataRole.UserRole)
SIGNS = {Verdict.PRESENT: "✓", Verdict.ABSENT: "✗", Verdict.UNKNOWN: "–"}


class Show(Enum):
    """Which groups are listed."""

    DIFFERING = "differing"
    CONTRADICTING = "contradicting"
    ALL = "all"


@dataclass(frozen=True)
class GroupCell:
    """What is painted of a group.

    ``image_id`` and ``fingerprint`` are of the copy whose picture is shown; ``is_open`` tells that
    contradictions are left alone.
    """

    image_id: int
    fingerprint: str
    title: str
    names: str
    difference: str
    contradiction: str
    is_open: bool


class GroupModel(QAbstractListModel):
    """Groups of copies, in the order in which they were added to the library.

    A choice is kept by the oldest image of its group, so that it survives a new survey.
    """

    choices_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._survey: CopySurvey | None = None
        self._show = Show.DIFFERING
        self._shown: list[int] = []
        self._choices: dict[int, int] = {}
        self._firsts: list[int] = []
        self._contradictions: list[int] = []
        self._cells: dict[int, GroupCell] = {}

    @property
    def survey(self) -> CopySurvey | None:
        return self._survey

    def set_content(self, survey: CopySurvey) -> None:
        """List the groups of a survey; choices for images that are no longer copies are
        forgotten."""
        self.beginResetModel()
        self._survey = survey
        self._firsts = survey.image_ids[survey.starts].tolist()
        self._contradictions = survey.contradictions.tolist()
        kept: dict[int, int] = {}
        group_of = {first: group for group, first in enumerate(self._firsts)}
        for first, choice in self._choices.items():
            group = group_of.get(first, -1)
            if group >= 0 and (
                choice == NEWEST or choice in survey.image_ids[survey.members(group)]
            ):
                kept[first] = choice
        self._choices = kept
        self._match()
        self.endResetModel()

    def show_only(self, show: Show) -> None:
        self.beginResetModel()
        self._show = show
        self._match()
        self.endResetModel()

    def _match(self) -> None:
        self._cells.clear()
        survey = self._survey
        if survey is None:
            return
        if self._show is Show.CONTRADICTING:
            wanted = survey.contradictions > 0
        elif self._show is Show.DIFFERING:
            wanted = survey.differing.any(axis=1) | survey.marks_differ
        else:
            wanted = np.ones(len(survey), np.bool_)
        self._shown = np.flatnonzero(wanted).tolist()

    # ----------------------------------------------------------------------------- choices

    def choices(self) -> Mapping[int, int]:
        """What counts where copies contradict, by group of the survey."""
        if not self._choices:
            return {}
        return {
            group: self._choices[first]
            for group, first in enumerate(self._firsts)
            if first in self._choices
        }

    def choice(self, row: int) -> int:
        """What counts in the group of a row."""
        return self._choices.get(self._first_id(row), LEAVE)

    def choose(self, rows: Iterable[int], choice: int) -> None:
        """Choose what counts in these rows, as far as they contradict."""
        for row in rows:
            if self.contradicts(row):
                if choice == LEAVE:
                    self._choices.pop(self._first_id(row), None)
                else:
                    self._choices[self._first_id(row)] = choice
        self._cells.clear()
        if self._shown:
            self.dataChanged.emit(self.index(0), self.index(len(self._shown) - 1))
        self.choices_changed.emit()

    def contradicts(self, row: int) -> bool:
        """Whether copies of the group in this row contradict each other."""
        return self._contradictions[self._shown[row]] > 0

    def _first_id(self, row: int) -> int:
        return self._firsts[self._shown[row]]

    # ------------------------------------------------------------------------------- rows

    def group(self, row: int) -> int:
        """The group of the survey in a row."""
        return self._shown[row]

    def row_of(self, first_id: int) -> int:
        """The row of the group whose oldest image this is; -1 if there is none."""
        return next((r for r in range(len(self._shown)) if self._first_id(r) == first_id), -1)

    def image_ids(self, first: int, last: int) -> list[int]:
        """The images whose pictures are in the rows from ``first`` to before ``last``."""
        return [self._first_id(r) for r in range(max(0, first), min(last, len(self._shown)))]

    def members(self, row: int) -> list[int]:
        """The images of the group in a row."""
        assert self._survey is not None
        return self._survey.image_ids[self._survey.members(self._shown[row])].tolist()

    def cell(self, row: int) -> GroupCell:
        """What to paint in a row."""
        found = self._cells.get(row)
        if found is None:
            found = self._cells[row] = self._make_cell(row)
        return found

    def _make_cell(self, row: int) -> GroupCell:
        survey = self._survey
        assert survey is not None
        group = self._shown[row]
        members = survey.members(group)
        names = list(dict.fromkeys(PurePath(survey.paths[i]).name for i in members))
        first = members[0]
        return GroupCell(
            image_id=int(survey.image_ids[first]),
            fingerprint=survey.fingerprints[first],
            title=copies_text(len(members)),
            names=join_names(names, 4),
            difference=self._difference(group),
            contradiction=self._contradiction(row),
            is_open=self.choice(row) == LEAVE,
        )

    def _difference(self, group: int) -> str:
        survey = self._survey
        assert survey is not None
        added = int(survey.to_add[group])
        if added:
            return ngettext(
                "{count} annotation to add", "{count} annotations to add", added
            ).format(count=number(added))
        if survey.marks_differ[group]:
            return _("Not all copies are reviewed")
        return "" if self._contradictions[group] else _("The annotations are the same")

    def _contradiction(self, row: int) -> str:
        survey = self._survey
        assert survey is not None
        count = self._contradictions[self._shown[row]]
        if not count:
            return ""
        text = ngettext("{count} contradiction", "{count} contradictions", count).format(
            count=number(count)
        )
        choice = self.choice(row)
        if choice == LEAVE:
            return _("{contradictions}: left alone").format(contradictions=text)
        if choice == NEWEST:
            return _("{contradictions}: the newest counts").format(contradictions=text)
        place = self.members(row).index(choice)
        name = PurePath(survey.paths[survey.members(self._shown[row])[place]]).name
        return _("{contradictions}: {name} counts").format(contradictions=text, name=shorten(name))

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._shown)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not 0 <= index.row() < len(self._shown):
            return None
        if role == CELL_ROLE:
            return self.cell(index.row())
        if role == Qt.ItemDataRole.DisplayRole:
            return self.cell(index.row()).names
        if role in (Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole):
            cell = self.cell(index.row())
            parts = (f"{isolated(cell.title)}: {cell.names}", cell.difference, cell.contradiction)
            return "\n".join(part for part in parts if part)
        return None


@dataclass(frozen=True)
class _Row:
    """A row of the table: its title, a text, tip and verdict (None if it is no class) for every
    copy, and what all of them get."""

    title: str
    texts: tuple[str, ...]
    verdicts: tuple[Verdict, ...] | None = None
    becomes: Verdict | None = None
    tips: tuple[str, ...] = ()
    will_be: str = ""


class DifferencesModel(QAbstractTableModel):
    """The copies of one group side by side: folder, reviewed mark, and the classes they differ
    in."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[_Row] = []
        self._names: list[str] = []
        self._paths: list[str] = []

    def show_group(self, survey: CopySurvey | None, group: int, choice: int) -> None:
        """Show a group of a survey and what ``choice`` makes of it; None: nothing."""
        self.beginResetModel()
        self._rows, self._names, self._paths = [], [], []
        if survey is not None:
            members = survey.members(group)
            paths = [PurePath(survey.paths[i]) for i in members]
            self._paths = [str(path) for path in paths]
            self._names = [path.name for path in paths]
            self._rows.append(
                _Row(
                    _("Folder"), tuple(path.parent.name for path in paths), tips=tuple(self._paths)
                )
            )
            reviewed = [bool(survey.reviewed[i]) for i in members]
            if bool(survey.marks_differ[group]):
                texts = tuple(_("yes") if mark else _("no") for mark in reviewed)
                self._rows.append(_Row(_("Reviewed"), texts))
            order = np.argsort(~survey.contradicting[group], kind="stable")
            self._rows += [
                self._class_row(survey, group, column, choice)
                for column in order.tolist()
                if survey.differing[group, column]
            ]
        self.endResetModel()

    def _class_row(self, survey: CopySurvey, group: int, column: int, choice: int) -> _Row:
        members = survey.members(group)
        verdicts = tuple(Verdict(int(survey.verdicts[i, column])) for i in members)
        becomes: Verdict | None
        if not survey.contradicting[group, column]:
            becomes = max(verdicts)
        elif choice == LEAVE:
            becomes = None
        elif choice == NEWEST:
            becomes = Verdict(int(survey.newest[group, column]))
        else:
            becomes = verdicts[survey.image_ids[members].tolist().index(choice)]
            becomes = None if becomes is Verdict.UNKNOWN else becomes
        return _Row(
            survey.classes[column].name,
            tuple(f"{SIGNS[verdict]} {verdict_name(verdict)}" for verdict in verdicts),
            verdicts,
            becomes,
            will_be=_("left alone")
            if becomes is None
            else f"{SIGNS[becomes]} {verdict_name(becomes)}",
        )

    @property
    def names(self) -> list[str]:
        """A name for each copy: its file name, with its folder where several have the same."""
        return [
            f"{PurePath(path).parent.name}/{name}" if self._names.count(name) > 1 else name
            for path, name in zip(self._paths, self._names, strict=True)
        ]

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._names) + COPIES

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._titles()[section]
        if role == Qt.ItemDataRole.ToolTipRole and section >= COPIES:
            return self._paths[section - COPIES]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        row, column = self._rows[index.row()], index.column()
        texts = (row.title, row.will_be, *row.texts)
        if role == Qt.ItemDataRole.DisplayRole:
            return texts[column]
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._colour(row, column)
        if role == Qt.ItemDataRole.ToolTipRole and row.tips and column >= COPIES:
            return row.tips[column - COPIES]
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{row.title}, {self._titles()[column]}: {texts[column]}"
        return None

    def _titles(self) -> list[str]:
        return [_("Class"), _("Will be"), *self._names]

    def _colour(self, row: _Row, column: int) -> Any:
        colours = theme.current()
        if column == 0:
            return None
        if row.verdicts is None:
            return colours.colour("muted")
        if column >= COPIES:
            return verdict_colour(row.verdicts[column - COPIES])
        return colours.colour("warning") if row.becomes is None else verdict_colour(row.becomes)


def copies_text(count: int) -> str:
    """ "2 copies"."""
    return ngettext("{count} copy", "{count} copies", count).format(count=number(count))
