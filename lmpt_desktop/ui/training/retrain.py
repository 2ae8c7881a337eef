"""Before a retraining: the annotations it would learn from, or why it cannot start."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialogButtonBox,
    QFormLayout,
    QGridLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.engine.notices import (
    AnnotationsChanged,
    ClassesChanged,
    EncoderChanged,
    PredictionsChanged,
    RunChanged,
)
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.engine.training.jobs import Preflight, RetrainOptions
from lmpt_desktop.error_texts import message_of
from lmpt_desktop.settings import DEVICE
from lmpt_desktop.translation import _, join_names, ngettext, number
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.kit.dialogs import LibraryDialog, heading, muted, tint
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.setting_editors import device_box
from lmpt_desktop.ui.kit.tasks import LatestRequest
from lmpt_desktop.ui.kit.texts import (
    annotations_text,
    backbone_name,
    band_name,
    duration,
    photos_text,
)
from trainer.bands import Band
from trainer.printable import isolated

MAX_NAMES = 12
"""How many classes without an example are named."""


class BandTable(QWidget):
    """Classes and present annotations per band."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(28)
        for column, text in enumerate((_("Rarity"), _("Classes"), _("Present annotations"))):
            title = muted(text)
            title.setWordWrap(False)
            self._grid.addWidget(title, 0, column, _alignment(column))
        self._names: dict[Band, Label] = {}
        self._numbers: dict[Band, tuple[Label, Label]] = {}
        for row, band in enumerate(Band, 1):
            name = Label(f"{theme.BAND_SHAPES[band]} {band_name(band)}")
            numbers = (Label(), Label())
            self._grid.addWidget(name, row, 0)
            for column, label in enumerate(numbers, 1):
                label.setObjectName(f"{band.value}-{('classes', 'present')[column - 1]}")
                self._grid.addWidget(label, row, column, _alignment(column))
            self._names[band], self._numbers[band] = name, numbers
        self._grid.setColumnStretch(3, 1)
        self._restyle()
        theme.manager().changed.connect(self._restyle)

    def show_counts(self, classes: dict[Band, int], present: dict[Band, int]) -> None:
        """Show the number of classes and of present annotations per band."""
        for band, (first, second) in self._numbers.items():
            first.setText(number(classes.get(band, 0)))
            second.setText(number(present.get(band, 0)))

    def _restyle(self, *_: object) -> None:
        for band, name in self._names.items():
            tint(name, theme.current().band(band))


def _alignment(column: int) -> Qt.AlignmentFlag:
    return Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft


def _where_box(machine: str, away: bool) -> QComboBox:
    """This computer, and ``machine`` if there is one; its data is the name, "" for this one."""
    box = QComboBox()
    box.setObjectName("where")
    box.setAccessibleName(_("Where"))
    box.addItem(_("This computer"), "")
    if machine:
        box.addItem(isolated(machine), machine)
        box.setCurrentIndex(int(away))
    return box


class RetrainDialog(LibraryDialog):
    """Shows what a retraining would learn from, and starts it."""

    started = Signal(int)
    """The id of the run."""

    def __init__(
        self,
        session: LibrarySession,
        bridge: SessionBridge | None = None,
        parent: QWidget | None = None,
        *,
        machine: str = "",
        away: bool = False,
    ) -> None:
        """``machine``: another computer that can be chosen, "" for none; ``away``: it is chosen at
        first."""
        super().__init__(session, bridge, parent)
        self.setWindowTitle(_("Retrain prompts"))
        self.setMinimumWidth(500)
        self._request = LatestRequest(self._show, self._failed, owner=self, overlap=False)
        intro = muted(
            _(
                "Learns better prompts from your annotations. The photos are not read "
                "again and the model itself is not changed; you compare the result "
                "before it is used."
            )
        )
        self.total = Label()
        self.total.setObjectName("total")
        self.bands = BandTable()
        self.without = muted()
        self.without.setObjectName("without")
        self.backbone = Label()
        self.where = _where_box(machine, away)
        self.device = device_box()
        self.device.setEnabled(False)
        self.time = Label()
        self.time.setObjectName("time")
        form = QFormLayout()
        form.addRow(_("Backbone"), self.backbone)
        form.addRow(_("&Where"), self.where)
        form.setRowVisible(self.where, bool(machine))
        form.addRow(_("&Device"), self.device)
        self._form = form
        form.addRow(_("Expected time"), self.time)
        self.warnings = muted()
        self.warnings.setObjectName("warnings")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.start = QPushButton(_("&Start"))
        self.start.setObjectName("start")
        self.start.setDefault(True)
        buttons.addButton(self.start, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.rejected.connect(self.reject)
        self.start.clicked.connect(self.start_run)
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addWidget(intro)
        layout.addWidget(heading(_("Training data")))
        for widget in (self.total, self.bands, self.without):
            layout.addWidget(widget)
        layout.addWidget(heading(_("Settings")))
        layout.addLayout(form)
        layout.addWidget(self.warnings)
        layout.addWidget(self.strip)
        layout.addStretch(1)
        layout.addWidget(buttons)
        self.preflight: Preflight | None = None
        for kind in (
            AnnotationsChanged,
            ClassesChanged,
            PredictionsChanged,
            EncoderChanged,
            RunChanged,
        ):
            self.listen(kind, lambda _notice: self.refresh())
        self.start.setEnabled(False)
        self.total.setText(_("Counting annotations..."))
        self.where.currentIndexChanged.connect(self.refresh)
        self.refresh()

    @property
    def machine(self) -> str:
        """The other computer that is chosen, "" for this one."""
        return str(self.where.currentData())

    def refresh(self) -> None:
        """Ask again what a retraining would do."""
        session, machine = self.session, self.machine
        # The devices of the other computer are its own.
        self._form.setRowVisible(self.device, not machine)
        self._request.ask(
            lambda: (session.settings.get(DEVICE), session.training.preflight(machine))
        )

    def _show(self, answer: tuple[str, Preflight]) -> None:
        device, preflight = answer
        if self.preflight is None:  # later, the device is what the user has chosen
            self.device.setCurrentIndex(max(0, self.device.findData(device)))
            self.device.setEnabled(True)
        self.preflight = preflight
        annotations, photos = annotations_text(preflight.annotations), photos_text(preflight.images)
        self.total.setText(_("{0} on {1}").format(annotations, photos))
        self.bands.show_counts(preflight.classes_per_band, preflight.present_per_band)
        self.without.setText(self._without(preflight.classes_without_present))
        self.without.setToolTip(", ".join(map(isolated, preflight.classes_without_present)))
        self.without.setVisible(bool(preflight.classes_without_present))
        name, device = backbone_name(preflight.backbone), preflight.device
        self.backbone.setText(
            _("{name} on {device}").format(name=name, device=device) if device else name
        )
        self.time.setText(duration(preflight.expected_seconds))
        self.warnings.setText("\n".join(preflight.warnings))
        self.warnings.setVisible(bool(preflight.warnings))
        self.start.setEnabled(preflight.ok)
        # Loading torch takes longer than reading this dialog should.  An answer may come after it
        # was closed.
        expected = preflight.ok and not self.machine and self.isVisible()
        self.session.training.expect_run(expected)
        if preflight.ok:
            self.strip.clear()
        else:
            self.strip.show_text("\n".join(preflight.refusals), "warning")

    def _failed(self, error: Exception) -> None:
        self.strip.show_text(message_of(error), "error")

    def _without(self, names: tuple[str, ...]) -> str:
        return ngettext(
            "{count} class has no present annotation and keeps the plain prompt: {names}",
            "{count} classes have no present annotation and keep the plain prompt: {names}",
            len(names),
        ).format(count=number(len(names)), names=join_names(names, MAX_NAMES))

    def done(self, result: int) -> None:
        """Close, however that is done."""
        self.session.training.expect_run(False)
        super().done(result)

    def start_run(self) -> None:
        """Start and close, or show why it cannot start."""
        options = RetrainOptions(device=self.device.currentData(), machine=self.machine)
        self.start.setEnabled(False)
        self.strip.show_text(_("Starting..."))
        self.run(lambda: self.session.training.start(options), self._started, self._refused)

    def _started(self, run_id: int) -> None:
        self.started.emit(run_id)
        self.accept()

    def _refused(self, error: Exception) -> None:
        self.start.setEnabled(True)
        self._failed(error)
