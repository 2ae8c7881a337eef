"""Preferences: the look of the app, what belongs to the open library, and the shortcuts."""

from __future__ import annotations

from PySide6.QtCore import QLocale, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QSlider,
    QSpinBox,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop import translation
from lmpt_desktop.engine.pace import Pace
from lmpt_desktop.translation import _
from lmpt_desktop.ui.commands import CommandRegistry
from lmpt_desktop.ui.grid.view import ZOOM_MAX, ZOOM_MIN, ZOOM_STEP, ZOOM_USUAL
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.dialogs import muted
from lmpt_desktop.ui.kit.theme import ThemeChoice
from lmpt_desktop.ui.preferences.shortcut_page import ShortcutPage
from lmpt_desktop.ui.shell.settings import LANGUAGE, SUGGEST_RETRAIN, WindowMemory
from trainer.bands import BandLimits

MAX_LIMIT = 1_000_000


def device_box(parent: QWidget | None = None) -> QComboBox:
    """A choice of device; its data is "auto", "cuda", "mps" or "cpu"."""
    box = QComboBox(parent)
    box.setObjectName("device")
    box.setAccessibleName(_("Device"))
    for name, text in (
        ("auto", _("Automatic: the best there is")),
        ("cuda", _("NVIDIA GPU (CUDA)")),
        ("mps", _("Apple GPU (MPS)")),
        ("cpu", _("Processor (CPU)")),
    ):
        box.addItem(text, name)
    return box


def language_box(chosen: str) -> QComboBox:
    """A choice of language; its data is a code, or "" for the system's."""
    box = QComboBox()
    box.setObjectName("language")
    box.setAccessibleName(_("Language"))
    box.addItem(_("As the system"), "")
    for code in translation.languages():
        # Each in its own language, so that it is found from a foreign one.
        english = code == translation.SOURCE_LANGUAGE
        box.addItem("English" if english else QLocale(code).nativeLanguageName(), code)
    box.setCurrentIndex(max(0, box.findData(chosen)))
    return box


class PreferencesDialog(QDialog):
    """Each change takes effect at once and is said by a signal; the language at the next start."""

    theme_chosen = Signal(object)
    """:class:`~lmpt_desktop.ui.kit.theme.ThemeChoice`."""
    zoom_chosen = Signal(int)
    """Height of thumbnails in pixels."""
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
        *,
        commands: CommandRegistry | None = None,
        memory: WindowMemory | None = None,
        zoom: int = ZOOM_USUAL,
    ) -> None:
        """``limits`` None: no library is open, so what belongs to one cannot be set."""
        super().__init__(parent)
        self.setObjectName("preferences")
        self.setWindowTitle(_("Preferences"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._memory = memory
        self._said = limits or BandLimits()
        self.tabs = QTabWidget()
        self.tabs.setObjectName("preference-pages")
        self.tabs.addTab(self._general_page(choice, zoom), _("&General"))
        self.tabs.addTab(self._library_page(limits, device, pace), _("&Library"))
        self.shortcuts = ShortcutPage(commands) if commands is not None else None
        if self.shortcuts is not None:
            self.tabs.addTab(self.shortcuts, _("&Shortcuts"))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        # Enter in a field must not close the window.
        buttons.button(QDialogButtonBox.StandardButton.Close).setAutoDefault(False)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.tabs, 1)
        layout.addWidget(buttons)
        self.resize(620, 600)
        theme.manager().changed.connect(self._theme_changed)

    def _theme_changed(self, _theme: object) -> None:
        self.set_theme(theme.manager().choice)

    def show_shortcuts(self, command_id: str = "") -> None:
        """Turn to the shortcuts, to those of one command if one is named."""
        if self.shortcuts is not None:
            self.tabs.setCurrentWidget(self.shortcuts)
            if command_id:
                self.shortcuts.select(command_id)
            self.shortcuts.line.setFocus()

    def set_theme(self, choice: ThemeChoice) -> None:
        """Show a theme that was chosen elsewhere."""
        with QSignalBlocker(self.theme_box):
            self.theme_box.setCurrentIndex(list(ThemeChoice).index(choice))

    def set_zoom(self, zoom: int) -> None:
        """Show a thumbnail size that was chosen elsewhere."""
        with QSignalBlocker(self.zoom_slider):
            self.zoom_slider.setValue(zoom)

    # -------------------------------------------------------------------------------- pages

    def _general_page(self, choice: ThemeChoice, zoom: int) -> QWidget:
        self.language_box = language_box(self._memory.text(LANGUAGE) if self._memory else "")
        self.language_note = muted(_("The language changes when you start the app again."))
        self.language_note.hide()
        self.theme_box = QComboBox()
        self.theme_box.setObjectName("theme")
        self.theme_box.setAccessibleName(_("Theme"))
        for value, text in (
            (ThemeChoice.SYSTEM, _("As the system")),
            (ThemeChoice.LIGHT, _("Light")),
            (ThemeChoice.DARK, _("Dark")),
        ):
            self.theme_box.addItem(text, value)
        self.theme_box.setCurrentIndex(list(ThemeChoice).index(choice))
        self.zoom_slider = QSlider(Qt.Orientation.Horizontal)
        self.zoom_slider.setObjectName("zoom")
        self.zoom_slider.setAccessibleName(_("Thumbnail size"))
        self.zoom_slider.setRange(ZOOM_MIN, ZOOM_MAX)
        self.zoom_slider.setSingleStep(ZOOM_STEP)
        self.zoom_slider.setPageStep(2 * ZOOM_STEP)
        self.zoom_slider.setValue(zoom)
        sizes = QHBoxLayout()
        sizes.addWidget(QLabel(_("small")))
        sizes.addWidget(self.zoom_slider, 1)
        sizes.addWidget(QLabel(_("large")))
        self.suggest_box = QCheckBox(_("&Suggest retraining when there are enough new verdicts"))
        self.suggest_box.setObjectName("suggest-retrain")
        self.suggest_box.setChecked(
            self._memory is None or bool(self._memory.number(SUGGEST_RETRAIN, 1))
        )
        look = QGroupBox(_("Look"))
        form = QFormLayout(look)
        form.addRow(_("Lan&guage"), self.language_box)
        form.addRow("", self.language_note)
        form.addRow(_("&Theme"), self.theme_box)
        form.addRow(_("Thumbnail si&ze"), sizes)
        form.labelForField(sizes).setBuddy(self.zoom_slider)  # pyright: ignore[reportAttributeAccessIssue]
        learning = QGroupBox(_("Learning"))
        QVBoxLayout(learning).addWidget(self.suggest_box)
        page = QWidget()
        layout = QVBoxLayout(page)
        for part in (look, learning):
            layout.addWidget(part)
        layout.addStretch(1)
        self.language_box.currentIndexChanged.connect(self._language_picked)
        self.theme_box.currentIndexChanged.connect(
            lambda _index: self.theme_chosen.emit(ThemeChoice(self.theme_box.currentData()))
        )
        self.zoom_slider.valueChanged.connect(self.zoom_chosen)
        self.suggest_box.toggled.connect(lambda on: self._remember(SUGGEST_RETRAIN, int(on)))
        return page

    def _library_page(self, limits: BandLimits | None, device: str, pace: Pace) -> QWidget:
        self.device_box = device_box()
        self.device_box.setCurrentIndex(max(0, self.device_box.findData(device)))
        self.pace_box = QComboBox()
        self.pace_box.setObjectName("pace")
        self.pace_box.setAccessibleName(_("Encoding speed"))
        self.pace_box.setToolTip(
            _("Slowly: half of the processor, and only when other programs leave it idle.")
        )
        for value, text in (
            (Pace.AUTOMATIC, _("Full speed, slowly on battery")),
            (Pace.GENTLE, _("Slowly, beside other work")),
            (Pace.FULL, _("Full speed, also on battery")),
        ):
            self.pace_box.addItem(text, value)
        self.pace_box.setCurrentIndex(list(Pace).index(pace))
        self.medium = self._limit_box("medium-limit", self._said.medium)
        self.head = self._limit_box("head-limit", self._said.head)
        self._set_ranges()
        bands = QGroupBox(_("Bands of this library"))
        form = QFormLayout(bands)
        form.addRow(
            muted(
                _(
                    "A class belongs to a band by how many photos you have marked it present "
                    "in. The paper's limits are 20 and 100; a library of fewer than 1,000 photos "
                    "begins with lower ones in proportion."
                )
            )
        )
        form.addRow(_("&Medium from"), self.medium)
        form.addRow(_("&Head from"), self.head)
        machine = QGroupBox(_("Device of this library"))
        form = QFormLayout(machine)
        form.addRow(_("Look at &photos with"), self.device_box)
        form.addRow(_("Spee&d"), self.pace_box)
        self.no_library = muted(_("Open a library first: these belong to one."))
        self.no_library.setVisible(limits is None)
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.addWidget(self.no_library)
        for part in (bands, machine):
            part.setEnabled(limits is not None)
            layout.addWidget(part)
        layout.addStretch(1)
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
        return page

    # ------------------------------------------------------------------------------- inside

    def _remember(self, key: str, value: object) -> None:
        if self._memory is not None:
            self._memory.put(key, value)

    def _language_picked(self, _index: int) -> None:
        self._remember(LANGUAGE, self.language_box.currentData())
        self.language_note.show()

    def _limit_box(self, name: str, value: int) -> QSpinBox:
        box = QSpinBox()
        box.setObjectName(name)
        box.setMaximum(MAX_LIMIT)
        box.setSuffix(_(" photos"))
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
