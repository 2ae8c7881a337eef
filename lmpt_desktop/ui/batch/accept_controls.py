"""Which predictions to accept: their classes, and the lowest score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.translation import _, decimal
from lmpt_desktop.ui.batch.accept_model import ChoiceModel
from lmpt_desktop.ui.batch.check_marks import ChoiceDelegate
from lmpt_desktop.ui.kit.dialogs import heading
from lmpt_desktop.ui.kit.label import Label

STEPS = 100
"""Steps of the slider between scores of 0 and 1."""


class ClassChooser(QWidget):
    """Classes with check boxes and counts; a double click checks only that one."""

    def __init__(self, model: ChoiceModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = model
        self.search = QLineEdit()
        self.search.setPlaceholderText(_("Find a class"))
        self.search.setAccessibleName(_("Find a class"))
        self.search.setClearButtonEnabled(True)
        self.list = QListView()
        self.list.setObjectName("classes-to-accept")
        self.list.setAccessibleName(_("Classes to accept predictions of"))
        self.list.setModel(model)
        self.list.setItemDelegate(ChoiceDelegate(self.list))
        self.list.setUniformItemSizes(True)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.all = QPushButton(_("&All"))
        self.none = QPushButton(_("&None"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 6, 0)
        column.addWidget(heading(_("Classes")))
        column.addWidget(self.search)
        column.addWidget(self.list, 1)
        both = QHBoxLayout()
        for button in (self.all, self.none):
            button.setAutoDefault(False)
            both.addWidget(button)
        column.addLayout(both)
        self.search.textChanged.connect(model.find)
        self.list.doubleClicked.connect(self._only)
        self.all.clicked.connect(lambda: model.choose(set(model.chosen) | model.shown_ids()))
        self.none.clicked.connect(lambda: model.choose(set(model.chosen) - model.shown_ids()))

    def _only(self, index: QModelIndex) -> None:
        self.model.choose({self.model.id_of(index.row())})


class LowestScore(QWidget):
    """Each class's own threshold, or one lowest score for all classes."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._thresholds = np.empty(0, np.float32)
        self.own = QCheckBox(_("Use each class's &threshold"))
        self.own.setChecked(True)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setObjectName("least-score")
        self.slider.setAccessibleName(_("Lowest score"))
        self.slider.setRange(1, STEPS)
        self.slider.setPageStep(5)
        self.slider.setMinimumWidth(160)
        self.slider.setValue(STEPS // 2)
        self.figure = Label()
        label = Label(_("&Lowest score"))
        label.setBuddy(self.slider)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.own)
        row.addStretch(1)
        row.addWidget(label)
        row.addWidget(self.slider)
        row.addWidget(self.figure)
        # Wide enough for two scores, so that the slider does not move while it is dragged.
        self.figure.setMinimumWidth(self.figure.fontMetrics().horizontalAdvance("0.00 – 0.00 "))
        self.own.toggled.connect(self._own_toggled)
        self.slider.valueChanged.connect(self._moved)

    @property
    def chosen(self) -> np.float32 | None:
        """The one score for all classes, or None for each class's own threshold."""
        return None if self.own.isChecked() else np.float32(self.slider.value() / STEPS)

    def show_thresholds(self, thresholds: NDArray[np.float32]) -> None:
        """Show the thresholds (c,) of the chosen classes; the slider is at the lowest."""
        self._thresholds = thresholds
        if self.own.isChecked() and len(thresholds):
            self.slider.blockSignals(True)
            self.slider.setValue(round(STEPS * float(thresholds.min())))
            self.slider.blockSignals(False)
        self._show_figure()

    def _own_toggled(self, _on: bool) -> None:
        self.show_thresholds(self._thresholds)
        self.changed.emit()

    def _moved(self, _value: int) -> None:
        if self.own.isChecked():
            self.own.setChecked(False)  # emits ``changed``
            return
        self._show_figure()
        self.changed.emit()

    def _show_figure(self) -> None:
        found = self._thresholds
        text = decimal(self.slider.value() / STEPS, 2)
        if self.own.isChecked() and len(found):
            low, high = decimal(float(found.min()), 2), decimal(float(found.max()), 2)
            text = low if low == high else f"{low} – {high}"
        self.figure.setText(text)
