"""The tab of classes found together: heat map, what it shows, and the pairs as a list."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHeaderView,
    QLabel,
    QSplitter,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.inference.co_occurrence import CoOccurrence, Evidence, Pairs, pairs
from lmpt_desktop.inference.long_tail import LongTail
from lmpt_desktop.translation import N_, _, decimal, number
from lmpt_desktop.ui.grid.model import Index
from lmpt_desktop.ui.kit.flow_layout import FlowLayout
from lmpt_desktop.ui.long_tail.heat_map import HeatMap, Measure
from lmpt_desktop.ui.long_tail.scale_strip import ScaleStrip

SIZES = (10, 20, 40, 80)
USUAL_SIZE = 40
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
    (N_("As you said"), Evidence.ANNOTATED),
    (N_("As you said or predicted"), Evidence.ASSIGNED),
)
_TITLES = (N_("Class"), N_("With"), N_("Photos"), N_("% of class"), N_("% of with"))
_TIPS = ("", "", "", N_("Photos of the first class that show the second too, in percent"),
         N_("Photos of the second class that show the first too, in percent"))  # fmt: skip


def chosen_columns(
    tail: LongTail, choice: str, size: int, listed: NDArray[np.int64], selected: list[int]
) -> NDArray[np.int64]:
    """The classes of the heat map, (k,) columns of the library.

    Args:
        listed: the class list from top to bottom; selected: its selected classes.
    """
    if choice == CHOSEN and len(selected) > 1:
        return np.array(selected[: max(SIZES)], np.int64)
    if choice in (LISTED, CHOSEN):
        return listed[:size]
    found = np.flatnonzero(tail.counts > 0)
    counts = tail.counts[found]
    order = np.argsort(-counts if choice == MOST else counts, kind="stable")
    return found[order][:size]


class PairModel(QAbstractTableModel):
    """Pairs of classes, the most frequent first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tail: LongTail | None = None
        self.found: CoOccurrence | None = None
        self.pairs = Pairs(*(np.zeros(0, np.int64) for _side in range(3)))

    def show_found(self, tail: LongTail, found: CoOccurrence) -> None:
        self.beginResetModel()
        self.tail, self.found = tail, found
        self.pairs = pairs(found, LISTED_PAIRS)
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.pairs.first)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(_TITLES)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.ToolTipRole:
            return _(_TIPS[section]) or None
        if role == Qt.ItemDataRole.TextAlignmentRole and section < 2:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return _(_TITLES[section]) if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or self.tail is None or self.found is None:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() > 1:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        names = role == Qt.ItemDataRole.ToolTipRole and index.column() < 2
        if role != Qt.ItemDataRole.DisplayRole and not names:
            return None
        first, second = int(self.pairs.first[index.row()]), int(self.pairs.second[index.row()])
        both, own = int(self.pairs.counts[index.row()]), self.found.counts.diagonal()
        return (
            self.tail.names[int(self.found.columns[first])],
            self.tail.names[int(self.found.columns[second])],
            number(both),
            decimal(100 * both / own[first], 0),
            decimal(100 * both / own[second], 0),
        )[index.column()]


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
        for place, title in enumerate(_TITLES):
            stretches = place < 2
            header.setSectionResizeMode(
                place,
                QHeaderView.ResizeMode.Stretch if stretches else QHeaderView.ResizeMode.Interactive,
            )
            if not stretches:
                self.setColumnWidth(place, metrics.horizontalAdvance(_(title)) + 22)
        self.doubleClicked.connect(self._open)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._open(self.currentIndex())
        else:
            super().keyPressEvent(event)

    def _open(self, index: Index) -> None:
        if index.isValid():
            found = self._pairs.pairs
            self.opened.emit(int(found.first[index.row()]), int(found.second[index.row()]))


class TogetherTab(QWidget):
    """Emits :attr:`changed` when other classes or other evidence are wanted."""

    changed = Signal()
    opened = Signal(list)
    """The classes (one or two columns of the library) whose photos are wanted."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.choice = _combo("together-choice", _("Classes"), CHOICES)
        self.size_ = _combo("together-size", _("How many classes"), ())
        for size in SIZES:
            self.size_.addItem(_("{count} classes").format(count=size), size)
        self.size_.setCurrentIndex(SIZES.index(USUAL_SIZE))
        self.evidence = _combo("together-evidence", _("What counts"), EVIDENCE)
        self.measure = _combo("together-measure", _("What the colours mean"), MEASURES)
        self.map = HeatMap()
        self.strip = ScaleStrip()
        self.sentence = QLabel()
        self.sentence.setObjectName("together-sentence")
        self.sentence.setWordWrap(True)
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.model = PairModel(self)
        self.table = PairTable(self.model)
        self.found: CoOccurrence | None = None
        self._tail: LongTail | None = None
        self._untouched = True
        self.evidence.activated.connect(lambda _index: self._touched())
        self._build()
        for combo in (self.choice, self.size_, self.evidence):
            combo.currentIndexChanged.connect(lambda _index: self.changed.emit())
        self.measure.currentIndexChanged.connect(lambda _index: self._draw())
        self.map.current_changed.connect(lambda _row, _column: self._say())
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
    def evidence_(self) -> Evidence:
        return Evidence(self.evidence.currentData())

    def wanted(
        self, tail: LongTail, listed: NDArray[np.int64], selected: list[int]
    ) -> NDArray[np.int64]:
        """The classes to count, as :func:`chosen_columns`."""
        if tail.estimated and self._untouched:
            # Nothing is annotated: what the user said would be an empty map.
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

    def _touched(self) -> None:
        self._untouched = False

    def _draw(self) -> None:
        if self._tail is None or self.found is None:
            return
        measure = Measure(self.measure.currentData())
        self.map.show_found(self._tail, self.found, measure)
        self.strip.show_scale(measure, self.map.largest())
        self._say()

    def _say(self) -> None:
        if not self.map.size_:
            text = _("No class is in any photo yet.")
        else:
            text = self.map.sentence() or _("Arrow keys go from cell to cell; Enter opens one.")
        self.sentence.setText(text)

    def _open(self, row: int, column: int) -> None:
        if self.found is not None:
            both = {row, column}
            self.opened.emit([int(self.found.columns[place]) for place in sorted(both)])


def _combo(name: str, label: str, entries: tuple[tuple[str, str], ...]) -> QComboBox:
    combo = QComboBox()
    combo.setObjectName(name)
    combo.setAccessibleName(label)
    combo.setToolTip(label)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    for text, value in entries:
        combo.addItem(_(text), value)
    return combo
