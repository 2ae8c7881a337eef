"""The inspector's sections as one list model; the facts of a row are read when asked for.

One list of rows, not a widget per class: a thousand classes open as fast as ten, and the keyboard
moves through all sections alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.translation import _, decimal, ngettext, number
from lmpt_desktop.ui.inspector.summary import (
    Sections,
    Show,
    Summary,
    changed_columns,
    ordered_columns,
    sections,
)
from lmpt_desktop.ui.kit.texts import band_name, verdict_name
from trainer.bands import Band
from trainer.printable import isolated

Index = QModelIndex | QPersistentModelIndex

NUMBERED = 9
"""Suggestions that have a number key; further ones are folded away."""
FOLDED_FROM = 4
"""As many absent classes are folded into one line."""


class Role(IntEnum):
    """Roles in addition to Qt's own."""

    ROW = Qt.ItemDataRole.UserRole + 1
    """A :class:`ClassRow`; None in rows that are not about a class."""
    CLASS_ID = Qt.ItemDataRole.UserRole + 2


class Section(StrEnum):
    """The parts of the list, from top to bottom."""

    TAGS = "tags"
    ABSENT = "absent"
    SUGGESTED = "suggested"
    ALL = "all"


class Kind(StrEnum):
    """What a row is."""

    HEADING = "heading"
    CHIP = "chip"
    """A class with a verdict; chips stand side by side."""
    FOLD = "fold"
    """Shows or hides further rows of its section."""
    CLASS = "class"
    NOTE = "note"
    FIND = "find"
    """Room for the search field."""


class Item(NamedTuple):
    """One row; ``column`` is -1 and ``number`` 0 where there is none."""

    kind: Kind
    section: Section
    column: int = -1
    number: int = 0


@dataclass(frozen=True)
class ClassRow:
    """One class of ``images`` selected images.

    ``score`` is their mean, None while there is none.  ``verdict`` is None where the images
    differ; the counts then say how.  ``number`` is the key of a suggestion, 0 for none.
    """

    class_id: int
    name: str
    description: str
    score: float | None
    threshold: float
    predicted: int
    present: int
    absent: int
    open: int
    corrected: int
    images: int
    verdict: Verdict | None
    band: Band
    number: int = 0
    focused: bool = False
    pinned: bool = False

    @property
    def rare(self) -> bool:
        """Whether it gets the mark; without predictions rarity means nothing yet."""
        return self.band is Band.TAIL and (self.score is not None or self.present > 0)

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

    @property
    def count_text(self) -> str:
        """ "12 of 30" where only some of the images have the verdict, else ""."""
        some = self.present or self.absent
        if some == self.images:
            return ""
        return _("{count} of {all}").format(count=number(some), all=number(self.images))


class ClassListModel(QAbstractListModel):
    """*Your tags*, *Suggested* and *All classes*; while something is sought only the finds."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._summary: Summary | None = None
        self._items: list[Item] = []
        self._find = ""
        self._show = Show.ALL
        self._open: set[Section] = set()
        self._focus: int | None = None
        self._pinned = False
        self._numbers: list[int] = []
        """Ids of the classes that have number keys, in their order; 0 for a key that means nothing
        any more.  From the first answer on, classes keep their numbers until other images are
        shown: ``1`` then ``2`` means what was on the screen."""

    @property
    def summary(self) -> Summary | None:
        return self._summary

    @property
    def items(self) -> list[Item]:
        return self._items

    @property
    def focus(self) -> int | None:
        """The id of the class in focus."""
        return self._focus

    @property
    def pinned(self) -> bool:
        return self._pinned

    @property
    def finding(self) -> bool:
        """Whether only what was found is listed."""
        return bool(self._find)

    @property
    def shown(self) -> Show:
        """Which classes are listed under *All classes*."""
        return self._show

    def is_open(self, section: Section) -> bool:
        """Whether all rows of a section are shown."""
        return section in self._open

    # ------------------------------------------------------------------------- what to show

    def set_summary(self, summary: Summary | None) -> None:
        """Show other images, or the same ones again.

        Where the classes stay in place only rows that differ are repainted, and the keyboard keeps
        its place.
        """
        before, self._summary = self._summary, summary
        same = (
            before is not None
            and summary is not None
            and before.snapshot.classes == summary.snapshot.classes
        )
        changed = None
        if same and before is not None and summary is not None and before.images == summary.images:
            changed = changed_columns(before, summary)
        self._rebuild(same, changed)

    def set_find(self, text: str) -> None:
        """List classes that hold every word of ``text``, and nothing else; all again for ""."""
        self._find = text.strip()
        self._rebuild()

    def set_show(self, show: Show) -> None:
        """List some of the classes under *All classes*, and open that section."""
        self._show = show
        self._open.add(Section.ALL)
        self._rebuild()

    def set_open(self, section: Section, opened: bool) -> None:
        """Show all rows of a section, or the first only."""
        if opened:
            self._open.add(section)
        else:
            self._open.discard(section)
        self._rebuild()

    def set_focus(self, class_id: int | None, pinned: bool) -> None:
        """Set the class to be marked; one that no section has is suggested."""
        if (class_id, pinned) != (self._focus, self._pinned):
            self._focus, self._pinned = class_id, pinned
            self._rebuild()

    def forget_focus(self) -> None:
        """Other images are about to be shown: only a pinned class stays in focus, and suggestions
        are numbered anew."""
        self._numbers = []
        if not self._pinned:
            self._focus = None

    def _rebuild(self, same_classes: bool = True, changed: NDArray[np.bool_] | None = None) -> None:
        """List the rows again; ``changed`` (C,), where only these classes look different."""
        items = self._requested(self._summary)
        if same_classes and items == self._items:
            rows = [
                row
                for row, item in enumerate(items)
                if changed is None or item.column < 0 or changed[item.column]
            ]
            for run in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
                if len(run):
                    self.dataChanged.emit(self.index(int(run[0])), self.index(int(run[-1])))
            return
        # Inside the reset: until then views may ask for the rows they have.
        self.beginResetModel()
        self._items = items
        self.endResetModel()

    def _requested(self, summary: Summary | None) -> list[Item]:
        if summary is None or not summary.images or not len(summary.scores):
            return []
        listed = [Item(Kind.HEADING, Section.ALL), Item(Kind.FIND, Section.ALL)]
        if self._find:
            columns = ordered_columns(summary, Show.ALL, self._find)
            listed += [Item(Kind.CLASS, Section.ALL, column) for column in columns.tolist()]
            if not len(columns):
                listed.append(Item(Kind.NOTE, Section.ALL))
            return listed
        if self.is_open(Section.ALL):
            columns = ordered_columns(summary, self._show)
            listed += [Item(Kind.CLASS, Section.ALL, column) for column in columns.tolist()]
            if not len(columns):
                listed.append(Item(Kind.NOTE, Section.ALL))
        focus = self._focus_column(summary)
        found = sections(summary)
        own = {*found.present, *found.absent}
        # A class that is listed below need not be pulled up, unless it is pinned.
        listed_below = any(item.column == focus for item in listed)
        if focus >= 0 and (
            self._pinned or not (focus in own or focus in found.suggested or listed_below)
        ):
            found = sections(summary, (focus,))
        self._number(summary, found)
        return self._tags(found, focus) + self._suggested(summary, found) + listed

    def _number(self, summary: Summary, found: Sections) -> None:
        """Give numbers to suggestions while there are some left; all anew while no class that has
        one is answered, and once every one is."""
        classes, column_of = summary.snapshot.classes, summary.snapshot.column_of
        suggested = [classes[column].id for column in found.suggested]
        columns = {class_id: column_of.get(class_id, -1) for class_id in self._numbers}
        answered = {
            class_id
            for class_id, column in columns.items()
            if column >= 0 and summary.unknown(column) < summary.images
        }
        if suggested and not (answered and set(self._numbers) & set(suggested)):
            self._numbers = []
        for place, class_id in enumerate(self._numbers):
            if class_id not in answered and class_id not in suggested:
                self._numbers[place] = 0
        new = [class_id for class_id in suggested if class_id not in self._numbers]
        self._numbers += new[: NUMBERED - len(self._numbers)]

    def _focus_column(self, summary: Summary) -> int:
        return -1 if self._focus is None else summary.snapshot.column_of.get(self._focus, -1)

    def _tags(self, found: Sections, focus: int) -> list[Item]:
        items = [Item(Kind.HEADING, Section.TAGS)]
        items += [Item(Kind.CHIP, Section.TAGS, column) for column in found.present]
        absent = list(found.absent)
        if len(absent) >= FOLDED_FROM:
            items.append(Item(Kind.FOLD, Section.ABSENT, number=len(absent)))
            if not self.is_open(Section.ABSENT):
                absent = [column for column in absent if column == focus]
        items += [Item(Kind.CHIP, Section.ABSENT, column) for column in absent]
        if len(items) == 1:
            items.append(Item(Kind.NOTE, Section.TAGS))
        return items

    def _suggested(self, summary: Summary, found: Sections) -> list[Item]:
        items = [Item(Kind.HEADING, Section.SUGGESTED)]
        shown = found.suggested
        if not self.is_open(Section.SUGGESTED):
            shown = shown[:NUMBERED]
        keys = {class_id: key for key, class_id in enumerate(self._numbers, 1)}
        for column in shown:
            key = keys.get(summary.snapshot.classes[column].id, 0)
            items.append(Item(Kind.CLASS, Section.SUGGESTED, column, key))
        if len(found.suggested) > NUMBERED:
            further = len(found.suggested) - NUMBERED
            items.append(Item(Kind.FOLD, Section.SUGGESTED, number=further))
        if not shown:
            items.append(Item(Kind.NOTE, Section.SUGGESTED))
        return items

    # ------------------------------------------------------------------------------ reading

    def suggested(self) -> tuple[int, ...]:
        """The ids of the classes that have numbers, in their order, those that were answered since
        the images are shown included; 0 for a number without a class."""
        return () if self._summary is None else tuple(self._numbers)

    def row_of_class(self, class_id: int) -> int:
        """The first row a class is on, or -1."""
        if self._summary is None:
            return -1
        column = self._summary.snapshot.column_of.get(class_id, -1)
        if column < 0:
            return -1
        return next((row for row, item in enumerate(self._items) if item.column == column), -1)

    def has_class(self, class_id: int) -> bool:
        """Whether the images can have the class at all."""
        return self._summary is not None and class_id in self._summary.snapshot.column_of

    def class_of(self, class_id: int) -> ClassRow | None:
        """The facts of a class, listed or not."""
        summary = self._summary
        column = -1 if summary is None else summary.snapshot.column_of.get(class_id, -1)
        if summary is None or column < 0 or not summary.images:
            return None
        return self._class_row(summary, column, 0)

    def class_row(self, row: int) -> ClassRow | None:
        """The class at place ``row``; None where there is something else.

        Raises:
            IndexError: if there is no such row.
        """
        item = self._items[row]
        if self._summary is None or item.column < 0:
            return None
        return self._class_row(self._summary, item.column, item.number)

    def _class_row(self, summary: Summary, column: int, key: int) -> ClassRow:
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
            open=int(summary.open[column]),
            corrected=int(summary.corrected[column]),
            images=summary.images,
            verdict=summary.verdict(column),
            band=summary.bands.bands[column],
            number=key,
            focused=entry.id == self._focus,
            pinned=entry.id == self._focus and self._pinned,
        )

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._items)

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid() or not 0 <= index.row() < len(self._items):
            return Qt.ItemFlag.NoItemFlags
        item = self._items[index.row()]
        if is_reachable(item):
            return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return Qt.ItemFlag.ItemIsEnabled

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or not 0 <= index.row() < len(self._items):
            return None
        row = self.class_row(index.row())
        if row is None:
            named = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole)
            return self.text(index.row()) if role in named else None
        answers: dict[int, Callable[[ClassRow], Any]] = {
            Role.ROW: lambda row: row,
            Role.CLASS_ID: lambda row: row.class_id,
            Qt.ItemDataRole.DisplayRole: lambda row: row.name,
            Qt.ItemDataRole.AccessibleTextRole: self.accessible_text,
            Qt.ItemDataRole.ToolTipRole: self.tool_tip,
        }
        answer = answers.get(role)
        return None if answer is None else answer(row)

    # -------------------------------------------------------------------------------- texts

    def text(self, row: int) -> str:
        """The words of a row that is not about a class."""
        item = self._items[row]
        if item.kind is Kind.HEADING:
            return {
                Section.TAGS: _("Your tags"),
                Section.SUGGESTED: _("Suggested"),
                Section.ALL: _("All classes"),
            }[item.section]
        if item.kind is Kind.FOLD:
            if item.section is Section.ABSENT:
                return ngettext("{count} absent", "{count} absent", item.number).format(
                    count=number(item.number)
                )
            if self.is_open(item.section):
                return _("Show fewer")
            return ngettext("{count} more", "{count} more", item.number).format(
                count=number(item.number)
            )
        return self._note(item) if item.kind is Kind.NOTE else ""

    def _note(self, item: Item) -> str:
        summary = self._summary
        if item.section is Section.TAGS:
            return _("None yet")
        if item.section is Section.ALL:
            if self._find:
                return _("No class matches “{0}”.").format(self._find)
            return _("No class to show here. Choose “All classes” in the menu above.")
        if summary is None or not summary.scored:
            return _unscored_note(summary)
        if summary.predicted.any():
            return _("Every predicted class has your verdict.")
        return _("No class is predicted.")

    def accessible_text(self, row: ClassRow) -> str:
        """The row as a screen reader reads it."""
        parts = [isolated(row.name), self.verdict_text(row)]
        if row.number:
            parts.insert(0, number(row.number))
        if row.score is None:
            parts.append(_("no score yet"))
        else:
            parts.append(_("score {0}").format(decimal(row.score, 2)))
            if row.images == 1:
                parts.append(_("predicted") if row.predicted else _("not predicted"))
        if row.rare:
            parts.append(band_name(row.band))
        if row.corrected:
            parts.append(_("corrected"))
        if row.focused:
            parts.append(_("pinned as the class in focus") if row.pinned else _("class in focus"))
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
        name = isolated(row.name)
        title = f"{name} ({isolated(row.description)})" if row.description else name
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
        if row.rare:
            lines.append(_("◆ {rarity} in this library").format(rarity=band_name(row.band)))
        return "\n".join(lines)


def is_reachable(item: Item) -> bool:
    """Whether the keyboard stops at a row."""
    if item.kind is Kind.HEADING:
        return item.section is Section.ALL
    return item.kind in (Kind.CHIP, Kind.CLASS, Kind.FOLD)


def _unscored_note(summary: Summary | None) -> str:
    if summary is None or summary.predictable:
        return _("Predictions follow once the photo is encoded.")
    return _("Only photos whose file can be read get predictions.")
