"""Preferences: theme, and of the library its band limits, device and encoding pace."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QGroupBox,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.engine.pace import Pace
from lmpt_desktop.ui.dialogs.base import muted
from lmpt_desktop.ui.theme import ThemeChoice
from trainer.bands import BandLimits

MAX_LIMIT = 1_000_000


def device_box(parent: QWidget | None = None) -> QComboBox:
    """A choice of device; its data is "auto", "cuda", "mps" or "cpu"."""
    box = QComboBox(parent)
    box.setObjectName("device")
    box.setAccessibleName(box.tr("Device"))
    for name, text in (
        ("auto", box.tr("Automatic: the best there is")),
        ("cuda", box.tr("NVIDIA GPU (CUDA)")),
        ("mps", box.tr("Apple GPU (MPS)")),
        ("cpu", box.tr("Processor (CPU)")),
    ):
        box.addItem(text, name)
    return box


class PreferencesDialog(QDialog):
    """Each change takes effect at once and is said by a signal."""

    theme_chosen = Signal(object)
    """:class:`~lmpt_desktop.ui.theme.ThemeChoice`."""
    limits_chosen = Signal(object)
    """:class:`~trainer.bands.BandLimits`."""
    device_chosen = Signal(str)
    pace_chosen = Signal(object)
    """:class:`~lmpt_desktop.engine.pace.Pace`."""

    def __init__(
        self,
        choice: ThemeChoice,
        limits: BandLimits | None = None,
        device: str = "auto",
        parent: QWidget | None = None,
        pace: Pace = Pace.AUTOMATIC,
    ) -> None:
        """``limits`` None: no library is open, so what belongs to one cannot be set."""
        super().__init__(parent)
        self.setWindowTitle(self.tr("Preferences"))
        self.theme_box = QComboBox()
        self.theme_box.setObjectName("theme")
        self.theme_box.setAccessibleName(self.tr("Theme"))
        for value, text in (
            (ThemeChoice.SYSTEM, self.tr("As the system")),
            (ThemeChoice.LIGHT, self.tr("Light")),
            (ThemeChoice.DARK, self.tr("Dark")),
        ):
            self.theme_box.addItem(text, value)
        self.theme_box.setCurrentIndex(list(ThemeChoice).index(choice))
        self.device_box = device_box()
        self.device_box.setCurrentIndex(max(0, self.device_box.findData(device)))
        self.pace_box = QComboBox()
        self.pace_box.setObjectName("pace")
        self.pace_box.setAccessibleName(self.tr("Encoding speed"))
        self.pace_box.setToolTip(
            self.tr("Slowly: half of the processor, and only when other programs leave it idle.")
        )
        for value, text in (
            (Pace.AUTOMATIC, self.tr("Full speed, slowly on battery")),
            (Pace.GENTLE, self.tr("Slowly, beside other work")),
            (Pace.FULL, self.tr("Full speed, also on battery")),
        ):
            self.pace_box.addItem(text, value)
        self.pace_box.setCurrentIndex(list(Pace).index(pace))
        shown = limits or BandLimits()
        self.medium = self._limit_box("medium-limit", shown.medium)
        self.head = self._limit_box("head-limit", shown.head)
        self._set_ranges()

        look = QGroupBox(self.tr("Look"))
        form = QFormLayout(look)
        form.addRow(self.tr("&Theme"), self.theme_box)
        bands = QGroupBox(self.tr("Bands of this library"))
        form = QFormLayout(bands)
        form.addRow(
            muted(
                self.tr(
                    "A class belongs to a band by how many photos you have marked it present "
                    "in. The paper's limits are 20 and 100; a library of fewer than 1,000 photos "
                    "begins with lower ones in proportion."
                )
            )
        )
        form.addRow(self.tr("&Medium from"), self.medium)
        form.addRow(self.tr("&Head from"), self.head)
        machine = QGroupBox(self.tr("Device of this library"))
        form = QFormLayout(machine)
        form.addRow(self.tr("&Look at photos with"), self.device_box)
        form.addRow(self.tr("&Speed"), self.pace_box)
        for part in (bands, machine):
            part.setEnabled(limits is not None)
            if limits is None:
                part.setToolTip(self.tr("Open a library first."))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        for widget in (look, bands, machine):
            layout.addWidget(widget)
        layout.addStretch(1)
        layout.addWidget(buttons)
        self.setMinimumWidth(420)
        self.theme_box.currentIndexChanged.connect(
            lambda _index: self.theme_chosen.emit(ThemeChoice(self.theme_box.currentData()))
        )
        self.device_box.currentIndexChanged.connect(
            lambda _index: self.device_chosen.emit(self.device_box.currentData())
        )
        self.pace_box.currentIndexChanged.connect(
            lambda _index: self.pace_chosen.emit(Pace(self.pace_box.currentData()))
        )
        self.medium.editingFinished.connect(self._limits_edited)
        self.head.editingFinished.connect(self._limits_edited)
        self.medium.valueChanged.connect(self._set_ranges)
        self.head.valueChanged.connect(self._set_ranges)
        self._said = shown

    def _limit_box(self, name: str, value: int) -> QSpinBox:
        box = QSpinBox()
        box.setObjectName(name)
        box.setMaximum(MAX_LIMIT)
        box.setSuffix(self.tr(" photos"))
        box.setGroupSeparatorShown(True)
        box.setValue(value)
        return box

    def _set_ranges(self, *_: object) -> None:
        # 0 < medium < head always holds, so there is nothing to refuse.
        self.medium.setRange(1, self.head.value() - 1)
        self.head.setRange(self.medium.value() + 1, MAX_LIMIT)

    def _limits_edited(self) -> None:
        limits = BandLimits(self.medium.value(), self.head.value())
        if limits != self._said:
            self._said = limits
            self.limits_chosen.emit(limits)
