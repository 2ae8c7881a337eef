"""What the values of the file mean, and what it means that a class is not listed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QPushButton,
    QRadioButton,
    QWidget,
)

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.interchange.importing.importer import ValueRow
from lmpt_desktop.interchange.record import NotListed
from lmpt_desktop.translation import N_, _, ngettext, number
from lmpt_desktop.ui.interchange.import_texts import not_listed_text, value_text
from lmpt_desktop.ui.interchange.import_work import Comparison
from lmpt_desktop.ui.interchange.section import (
    CHOICES_ROLE,
    Choices,
    ChoiceTable,
    Section,
    fill_choices,
    plain_label,
    plain_tip,
)
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.tables import Column, Index, TableModel
from lmpt_desktop.ui.kit.texts import verdict_name
from lmpt_desktop.ui.kit.verdicts import verdict_colour

VALUE, COUNT, MEANS = range(3)

USUAL_THRESHOLD = 0.5
"""Of the scores of another model."""

_VERDICTS = (Verdict.PRESENT, Verdict.ABSENT, Verdict.UNKNOWN)
_KEYS = {
    Qt.Key.Key_P: Verdict.PRESENT,
    Qt.Key.Key_A: Verdict.ABSENT,
    Qt.Key.Key_U: Verdict.UNKNOWN,
}


def means_text(row: ValueRow) -> str:
    """What a value means, or that it is to be chosen."""
    return _("Choose") if row.verdict is None else verdict_name(row.verdict)


class ValuesModel(TableModel[ValueRow]):
    """Values of the file; remembers what the user says they mean."""

    chosen = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        columns = (
            Column[ValueRow](N_("Value in the file"), lambda row: value_text(row.value)),
            Column[ValueRow](N_("Entries"), lambda row: number(row.count), numeric=True),
            Column[ValueRow](N_("Means"), means_text),
        )
        super().__init__(columns, (), parent)
        self._chosen: dict[str, Verdict] = {}

    def choices(self) -> dict[str, Verdict]:
        """What the user has chosen, by value as written."""
        return dict(self._chosen)

    def forget(self) -> None:
        """Another file."""
        self._chosen.clear()

    def show_values(self, rows: tuple[ValueRow, ...]) -> None:
        """Show these rows; the selection stays if they are of the same values."""
        if [row.value for row in rows] != [row.value for row in self.rows]:
            self.set_rows(rows)
        elif rows:
            self.rows = rows
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, MEANS))

    @property
    def open_rows(self) -> list[int]:
        """Rows of values that have no meaning yet."""
        return [place for place, row in enumerate(self.rows) if row.verdict is None]

    def choose(self, rows: Iterable[int], verdict: Verdict) -> None:
        """Say what the values in these rows mean."""
        shown = list(self.rows)
        for place in rows:
            self._chosen[shown[place].value] = verdict
            shown[place] = replace(shown[place], verdict=verdict)
        self.rows = shown
        if shown:
            self.dataChanged.emit(self.index(0, 0), self.index(len(shown) - 1, MEANS))
        self.chosen.emit()

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() == MEANS else flags

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if index.column() != MEANS or not isinstance(value, Verdict):
            return False
        self.choose([index.row()], value)
        return True

    def cell(self, row: ValueRow, column: int, role: int) -> Any:
        if role == CHOICES_ROLE and column == MEANS:
            return Choices(tuple(map(verdict_name, _VERDICTS)), _VERDICTS, row.verdict)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(self.columns[column].text(row))
        if role == Qt.ItemDataRole.AccessibleTextRole and column == MEANS:
            return _("{value} means: {choice}").format(
                value=value_text(row.value), choice=means_text(row)
            )
        if role == Qt.ItemDataRole.ForegroundRole and column == MEANS:
            if row.verdict is None:
                return theme.current().colour("warning")
            return verdict_colour(row.verdict)
        return super().cell(row, column, role)


class ValuesSection(Section):
    """Values as a table; below it, what is not listed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(_("Values"), parent)
        self.open = plain_label()
        self.open.setObjectName("open-values")
        self.rest = QPushButton(_("Count the rest as &unknown"))
        self.rest.setObjectName("rest-unknown")
        self.rest.setAutoDefault(False)
        self.model = ValuesModel(self)
        self.table = ChoiceTable(MEANS)
        self.table.setObjectName("values")
        self.table.setAccessibleName(_("Values of the file"))
        self.table.setModel(self.model)
        self.table.prepare(VALUE, {COUNT: 110, MEANS: 190})
        self.keys = plain_label(_("Selected values: press P, A or U."), role="muted")
        self.not_listed = QComboBox()
        self.not_listed.setObjectName("not-listed")
        fill_choices(self.not_listed, [(not_listed_text(choice), choice) for choice in NotListed])
        label = Label(_("A class that a photo does no&t list is"))
        label.setBuddy(self.not_listed)
        self.hint = plain_label(role="muted")
        self.hint.setObjectName("not-listed-hint")
        top = QHBoxLayout()
        top.addWidget(self.open, 1)
        top.addWidget(self.rest)
        self.body.addLayout(top)
        self.body.addWidget(self.table)
        self.body.addWidget(self.keys)
        row = QHBoxLayout()
        row.addWidget(label)
        row.addWidget(self.not_listed)
        row.addStretch(1)
        self.body.addLayout(row)
        self.body.addWidget(self.hint)
        self.model.chosen.connect(self.changed)
        self.model.modelReset.connect(self.table.fit)
        self.table.keys.connect(self._key)
        self.rest.clicked.connect(lambda: self.model.choose(self.model.open_rows, Verdict.UNKNOWN))
        self.not_listed.currentIndexChanged.connect(lambda _index: self.changed.emit())

    @property
    def not_listed_choice(self) -> NotListed:
        return NotListed(self.not_listed.currentData())

    def _key(self, key: int) -> None:
        verdict = _KEYS.get(Qt.Key(key))
        if verdict is not None and (rows := self.table.selected()):
            self.model.choose(rows, verdict)

    def reset(self) -> None:
        """Another file."""
        self.model.forget()
        self.not_listed.blockSignals(True)
        self.not_listed.setCurrentIndex(0)
        self.not_listed.blockSignals(False)

    def show_comparison(self, shown: Comparison, hint: str) -> None:
        """Show the values of a preview; ``hint``: what the format says of classes not listed."""
        rows = shown.preview.values
        # Where a file only lists what is there, there is nothing to ask.
        asks = any(row.value or row.verdict is not Verdict.PRESENT for row in rows)
        self.model.show_values(rows)
        self.table.setVisible(asks)
        self.keys.setVisible(asks and len(rows) > 1)
        left = len(self.model.open_rows)
        self.open.setText(
            ngettext(
                "It is not certain what {count} value means: choose it.",
                "It is not certain what {count} values mean: choose it for each.",
                left,
            ).format(count=number(left))
        )
        self.open.setVisible(bool(left))
        self.rest.setVisible(bool(left))
        self.hint.setText(hint)
        self.hint.setVisible(bool(hint))


class MachineSection(Section):
    """Whether what a model said is imported."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(_("Predictions of a model"), parent)
        self._scored = True
        self.about = plain_label()
        self.about.setObjectName("machine-count")
        self.leave = QRadioButton(_("Do not i&mport them"))
        self.leave.setObjectName("machine-none")
        self.take = QRadioButton(_("Import those &with a score of at least"))
        self.take.setObjectName("machine-threshold")
        self.leave.setChecked(True)
        group = QButtonGroup(self)
        group.addButton(self.leave)
        group.addButton(self.take)
        self.least = QDoubleSpinBox()
        self.least.setObjectName("least-score")
        self.least.setRange(0, 1)
        self.least.setSingleStep(0.05)
        self.least.setDecimals(2)
        self.least.setValue(USUAL_THRESHOLD)
        self.least.setAccessibleName(_("Least score"))
        self.least.setKeyboardTracking(False)
        self.marked = plain_label(
            _("They are marked as a model's, so that they can be told from what people said."),
            role="muted",
        )
        self.body.addWidget(self.about)
        self.body.addWidget(self.leave)
        row = QHBoxLayout()
        row.addWidget(self.take)
        row.addWidget(self.least)
        row.addStretch(1)
        self.body.addLayout(row)
        self.body.addWidget(self.marked)
        self.take.toggled.connect(self._toggled)
        self.least.valueChanged.connect(self._score_changed)
        self._toggled(False)

    @property
    def threshold(self) -> float | None:
        """The least score; None if nothing is imported."""
        if not self.take.isChecked():
            return None
        return self.least.value() if self._scored else 0.0

    def _toggled(self, on: bool) -> None:
        self.least.setEnabled(on)
        self.changed.emit()

    def _score_changed(self, _value: float) -> None:
        if self.take.isChecked():
            self.changed.emit()

    def reset(self) -> None:
        """Another file."""
        self.blockSignals(True)
        self.leave.setChecked(True)
        self.least.setValue(USUAL_THRESHOLD)
        self.blockSignals(False)

    def show_count(self, cells: int, *, scored: bool) -> None:
        """How many there are; without scores there is no threshold."""
        self.about.setText(
            ngettext(
                "{count} entry of the file was made by a model, not by a person.",
                "{count} entries of the file were made by a model, not by a person.",
                cells,
            ).format(count=number(cells))
        )
        self.take.setText(
            _("Import those &with a score of at least") if scored else _("Import them all")
        )
        self._scored = scored
        self.least.setVisible(scored)
        self.setVisible(bool(cells))
