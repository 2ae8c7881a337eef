"""Widgets that edit settings: one class for each kind of setting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QLocale, QSignalBlocker, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QSlider,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop import translation
from lmpt_desktop.settings import BAND_LIMITS, DEVICE, LANGUAGE, Kind, Setting
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit.dialogs import muted
from lmpt_desktop.ui.kit.label import Label
from trainer.bands import BandLimits

MAX_LIMIT = 1_000_000
SLIDER_STEPS = 16

Changed = Callable[[Any], object]


def device_box(parent: QWidget | None = None) -> QComboBox:
    """A choice of device; its data is "auto", "cuda", "mps" or "cpu"."""
    box = QComboBox(parent)
    box.setObjectName("device")
    box.setAccessibleName(_("Device"))
    for item in DEVICE.choices:
        box.addItem(_(item.label), item.value)
    return box


class SettingEditor(QWidget):
    """Shows the value of one setting, and calls ``changed`` with the user's choice."""

    own_label = False
    """Whether the label is part of the widget, as for a check box."""

    def show_value(self, value: Any) -> None:
        """Show a value without calling ``changed``."""
        raise NotImplementedError

    @property
    def field(self) -> QWidget:
        """The widget that gets the keyboard focus."""
        raise NotImplementedError


class ChoiceEditor(SettingEditor):
    """A choice among a few values."""

    def __init__(
        self, setting: Setting[Any], choices: list[tuple[str, Any]], changed: Changed
    ) -> None:
        """``choices`` are translated labels and their values."""
        super().__init__()
        self.box = QComboBox()
        self.box.setToolTip(_(setting.help) if setting.help else "")
        for label, value in choices:
            self.box.addItem(label, value)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.box)
        self.box.currentIndexChanged.connect(lambda _index: changed(self.box.currentData()))

    @property
    def field(self) -> QWidget:
        return self.box

    def show_value(self, value: Any) -> None:
        with QSignalBlocker(self.box):
            self.box.setCurrentIndex(max(0, self.box.findData(value)))


class LanguageEditor(ChoiceEditor):
    """The available languages, and a note once another one is chosen."""

    def __init__(self, setting: Setting[str], changed: Changed) -> None:
        choices = [(_("System default"), "")]
        for code in translation.languages():
            # In the language itself, so that its speakers recognise it.
            english = code == translation.SOURCE_LANGUAGE
            choices.append(("English" if english else QLocale(code).nativeLanguageName(), code))
        super().__init__(setting, choices, changed)
        self.box.setToolTip("")
        self.note = muted(_(setting.help))
        self.note.hide()
        layout = self.layout()
        assert layout is not None
        layout.addWidget(self.note)
        self.box.currentIndexChanged.connect(lambda _index: self.note.show())


class FlagEditor(SettingEditor):
    """A check box."""

    own_label = True

    def __init__(self, setting: Setting[bool], changed: Changed) -> None:
        super().__init__()
        self.box = QCheckBox(_(setting.label))
        self.box.setToolTip(_(setting.help) if setting.help else "")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.box)
        self.box.toggled.connect(changed)

    @property
    def field(self) -> QWidget:
        return self.box

    def show_value(self, value: Any) -> None:
        with QSignalBlocker(self.box):
            self.box.setChecked(bool(value))


class NumberEditor(SettingEditor):
    """A slider from the smallest to the largest value."""

    def __init__(self, setting: Setting[int], changed: Changed) -> None:
        super().__init__()
        least, most = setting.bounds
        step = max(1, (most - least) // SLIDER_STEPS)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(least, most)
        self.slider.setSingleStep(step)
        self.slider.setPageStep(2 * step)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(Label(_("small")))
        row.addWidget(self.slider, 1)
        row.addWidget(Label(_("large")))
        self.slider.valueChanged.connect(changed)

    @property
    def field(self) -> QWidget:
        return self.slider

    def show_value(self, value: Any) -> None:
        with QSignalBlocker(self.slider):
            self.slider.setValue(int(value))


class BandLimitsEditor(SettingEditor):
    """The limits of the medium and head bands, in photos."""

    own_label = True

    def __init__(self, setting: Setting[BandLimits | None], changed: Changed) -> None:
        super().__init__()
        self._changed = changed
        self._shown = BandLimits()
        self.medium = _limit_box("medium-limit")
        self.head = _limit_box("head-limit")
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow(muted(_(setting.help)))
        form.addRow(_("&Fairly common from"), self.medium)
        form.addRow(_("&Common from"), self.head)
        self.show_value(self._shown)
        for box in (self.medium, self.head):
            box.valueChanged.connect(self._set_ranges)
            box.editingFinished.connect(self._edited)

    @property
    def field(self) -> QWidget:
        return self.medium

    def show_value(self, value: Any) -> None:
        self._shown = limits = value or BandLimits()
        with QSignalBlocker(self.medium), QSignalBlocker(self.head):
            for box in (self.medium, self.head):
                box.setRange(1, MAX_LIMIT)
            self.medium.setValue(limits.medium)
            self.head.setValue(limits.head)
        self._set_ranges()

    def _set_ranges(self, *_: object) -> None:
        # Keeps 0 < medium < head, so that every value is valid.
        self.medium.setRange(1, self.head.value() - 1)
        self.head.setRange(self.medium.value() + 1, MAX_LIMIT)

    def _edited(self) -> None:
        limits = BandLimits(self.medium.value(), self.head.value())
        if limits != self._shown:
            self._shown = limits
            self._changed(limits)


def _limit_box(name: str) -> QSpinBox:
    box = QSpinBox()
    box.setObjectName(name)
    box.setMaximum(MAX_LIMIT)
    box.setSuffix(_(" photos"))
    box.setGroupSeparatorShown(True)
    return box


def editor_for(setting: Setting[Any], changed: Changed) -> SettingEditor:
    """The widget that edits a setting."""
    if setting is LANGUAGE:
        editor: SettingEditor = LanguageEditor(setting, changed)
    elif setting is BAND_LIMITS:
        editor = BandLimitsEditor(setting, changed)
    elif setting.kind is Kind.CHOICE:
        choices = [(_(item.label), item.value) for item in setting.choices]
        editor = ChoiceEditor(setting, choices, changed)
    elif setting.kind is Kind.FLAG:
        editor = FlagEditor(setting, changed)
    elif setting.kind is Kind.NUMBER:
        editor = NumberEditor(setting, changed)
    else:
        raise ValueError(f"no widget edits settings of the kind of {setting.key!r}")
    if setting is not BAND_LIMITS:
        editor.field.setObjectName(setting.key)
        editor.field.setAccessibleName(_(setting.label).replace("&", ""))
    return editor
