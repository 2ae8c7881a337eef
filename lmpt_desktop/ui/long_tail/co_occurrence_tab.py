"""The tab of classes found together: heat map, its settings, and the pairs as a list."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHeaderView,
    QSplitter,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.inference.co_occurrence import CoOccurrence, Evidence, pairs
from lmpt_desktop.inference.long_tail import LongTail
from lmpt_desktop.translation import N_, _, decimal, number
from lmpt_desktop.ui.kit.flow_layout import FlowLayout
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.tables import Column, Index, TableModel
from lmpt_desktop.ui.long_tail.heat_map import HeatMap, Measure, ScaleStrip

SIZES = (10, 20, 40, 80)
DEFAULT_SIZE = 40
LISTED_PAIRS = 500
MOST, FEWEST, LISTED, CHOSEN = "most", "fewest", "listed", "chosen"
CHOICES = (
    (N_("Most examples"), MOST),
    (N_("Fewest examples"), FEWEST),
    (N_("First in the class list"), LISTED),
    (N_("Selected in the class list"), CHOSEN),
)
MEASURES = (
    (N_("Share of the row's photos"), Measure.SHARE),
    (N_("Number of photos"), Measure.COUNT),
)
EVIDENCE = (
    (N_("Marked present"), Evidence.ANNOTATED),
    (N_("Marked present or predicted"), Evidence.ASSIGNED),
)


class PairRow(NamedTuple):
    """Two classes found together."""

    places: tuple[int, int]
    """In ``CoOccurrence.columns``."""
    names: tuple[str, str]
    both: int
    """Images with both classes."""
    alone: tuple[int, int]
    """Images with the first class, and with the second."""


PAIR_COLUMNS = (
    Column[PairRow](N_("Class"), lambda row: row.names[0]),
    Column[PairRow](N_("With"), lambda row: row.names[1]),
    Column[PairRow](N_("Photos"), lambda row: number(row.both), numeric=True),
    Column[PairRow](
        N_("% of class"),
        lambda row: decimal(100 * row.both / row.alone[0], 0),
        N_("Photos of the first class that show the second too, in percent"),
        numeric=True,
    ),
    Column[PairRow](
        N_("% of with"),
        lambda row: decimal(100 * row.both / row.alone[1], 0),
        N_("Photos of the second class that show the first too, in percent"),
        numeric=True,
    ),
)


def chosen_columns(
    tail: LongTail, choice: str, size: int, listed: NDArray[np.int64], selected: list[int]
) -> NDArray[np.int64]:
    """The classes of the heat map: (k,) columns of the library's arrays.

    Args:
        listed: the class list from top to bottom.
        selected: the classes selected in it.
    """
    if choice == CHOSEN and len(selected) > 1:
        return np.array(selected[: max(SIZES)], np.int64)
    if choice in (LISTED, CHOSEN):
        return listed[:size]
    found = np.flatnonzero(tail.numbers > 0)
    counts = tail.numbers[found]
    order = np.argsort(-counts if choice == MOST else counts, kind="stable")
    return found[order][:size]


class PairModel(TableModel[PairRow]):
    """Pairs of classes, the most frequent first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(PAIR_COLUMNS, parent=parent)

    def show_found(self, tail: LongTail, found: CoOccurrence) -> None:
        """List the pairs of what was counted, at most ``LISTED_PAIRS``."""
        names = [tail.names[column] for column in found.columns.tolist()]
        alone = found.counts.diagonal().tolist()
        frequent = pairs(found, LISTED_PAIRS)
        sides = zip(
            frequent.first.tolist(), frequent.second.tolist(), frequent.counts.tolist(), strict=True
        )
        self.set_rows(
            [
                PairRow((first, second), (names[first], names[second]), both,
                        (alone[first], alone[second]))
                for first, second, both in sides
            ]
        )  # fmt: skip

    def cell(self, row: PairRow, column: int, role: int) -> Any:
        if role == Qt.ItemDataRole.ToolTipRole and not self.columns[column].numeric:
            return self.columns[column].text(row)
        return super().cell(row, column, role)


class PairTable(QTableView):
    """Enter or a double click opens a pair."""

    opened = Signal(int, int)
    """Places in ``CoOccurrence.columns``."""

    def __init__(self, model: PairModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("pair-table")
        self.setAccessibleName(_("Pairs of classes found together, most often first"))
        self._pairs = model
        self.setModel(model)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        metrics = self.fontMetrics()
        self.verticalHeader().setDefaultSectionSize(metrics.height() + 8)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        modes = QHeaderView.ResizeMode
        for place, column in enumerate(PAIR_COLUMNS):
            mode = modes.Interactive if column.numeric else modes.Stretch
            header.setSectionResizeMode(place, mode)
            if column.numeric:
                self.setColumnWidth(place, metrics.horizontalAdvance(_(column.title)) + 22)
        self.doubleClicked.connect(self._open)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._open(self.currentIndex())
        else:
            super().keyPressEvent(event)

    def _open(self, index: Index) -> None:
        if index.isValid():
            self.opened.emit(*self._pairs.rows[index.row()].places)


class CoOccurrenceTab(QWidget):
    """Heat map and pairs of the classes that were counted last."""

    changed = Signal()
    """Other classes or other evidence are to be counted."""
    opened = Signal(list)
    """The classes (one or two columns of the library's arrays) whose photos are requested."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.choice = _combo("co-occurrence-classes", _("Classes"), CHOICES)
        self.size_ = _combo("co-occurrence-size", _("Number of classes"), ())
        for size in SIZES:
            self.size_.addItem(_("{count} classes").format(count=size), size)
        self.size_.setCurrentIndex(SIZES.index(DEFAULT_SIZE))
        self.evidence = _combo("co-occurrence-evidence", _("What counts"), EVIDENCE)
        self.measure = _combo("co-occurrence-measure", _("What the colours mean"), MEASURES)
        self.map = HeatMap()
        self.strip = ScaleStrip()
        self.sentence = Label()
        self.sentence.setObjectName("co-occurrence-sentence")
        self.sentence.setWordWrap(True)
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.model = PairModel(self)
        self.table = PairTable(self.model)
        self.found: CoOccurrence | None = None
        self._tail: LongTail | None = None
        self._evidence_chosen = False
        """Whether the user has chosen what counts."""
        self.evidence.activated.connect(self._choose_evidence)
        self._build()
        for combo in (self.choice, self.size_, self.evidence):
            combo.currentIndexChanged.connect(lambda _index: self.changed.emit())
        self.measure.currentIndexChanged.connect(lambda _index: self._draw())
        self.map.current_changed.connect(lambda _row, _column: self._show_sentence())
        self.map.opened.connect(self._open)
        self.table.opened.connect(self._open)

    def _build(self) -> None:
        controls = QWidget()
        flow = FlowLayout(controls)
        flow.setContentsMargins(0, 0, 0, 0)
        for part in (self.choice, self.size_, self.evidence, self.measure, self.strip):
            flow.addWidget(part)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.map, 1)
        column.addWidget(self.sentence)
        splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(left)
        splitter.addWidget(self.table)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 2)
        splitter.setSizes([700, 460])
        self.table.setMinimumWidth(300)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.addWidget(controls)
        layout.addWidget(splitter, 1)

    @property
    def chosen_evidence(self) -> Evidence:
        """What counts as a class being in a photo."""
        return Evidence(self.evidence.currentData())

    def choose_columns(
        self, tail: LongTail, listed: NDArray[np.int64], selected: list[int]
    ) -> NDArray[np.int64]:
        """The classes to count, as :func:`chosen_columns`."""
        if not tail.annotated and not self._evidence_chosen:
            # Nothing is annotated, so the map of annotations would be empty.
            self.evidence.blockSignals(True)
            self.evidence.setCurrentIndex(self.evidence.findData(Evidence.ASSIGNED))
            self.evidence.blockSignals(False)
        choice, size = str(self.choice.currentData()), int(self.size_.currentData())
        return chosen_columns(tail, choice, size, listed, selected)

    def show_found(self, tail: LongTail, found: CoOccurrence) -> None:
        """Draw what was counted."""
        self._tail, self.found = tail, found
        self.model.show_found(tail, found)
        self._draw()

    def _choose_evidence(self, _index: int) -> None:
        self._evidence_chosen = True

    def _draw(self) -> None:
        if self._tail is None or self.found is None:
            return
        measure = Measure(self.measure.currentData())
        self.map.show_found(self._tail, self.found, measure)
        self.strip.show_scale(measure, self.map.largest())
        self._show_sentence()

    def _show_sentence(self) -> None:
        if not self.map.size_:
            text = _("No class is in any photo yet.")
        else:
            text = self.map.sentence() or _(
                "Arrow keys move between cells; Enter shows the photos."
            )
        self.sentence.setText(text)

    def _open(self, row: int, column: int) -> None:
        if self.found is not None:
            places = sorted({row, column})
            self.opened.emit([int(self.found.columns[place]) for place in places])


def _combo(name: str, label: str, entries: tuple[tuple[str, str], ...]) -> QComboBox:
    combo = QComboBox()
    combo.setObjectName(name)
    combo.setAccessibleName(label)
    combo.setToolTip(label)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    for text, value in entries:
        combo.addItem(_(text), value)
    return combo
