"""Where to train: this computer or another one, in the computer's preferences."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QGroupBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.error_texts import message_of
from lmpt_desktop.settings import MACHINE, TRAIN_AWAY, Settings
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit.dialogs import muted
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.tasks import LatestRequest
from lmpt_desktop.ui.kit.texts import file_size
from trainer.printable import one_line
from trainer.remote.machine import LONGEST_DESTINATION, Found, SshMachine, checked_destination
from trainer.remote.report import commands, sentences
from trainer.remote.trouble import MachineError


class WhereToTrainBox(QGroupBox):
    """Two choices, the name of the other computer, and what is found there."""

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(_("Where to train"), parent)
        self.setObjectName("where-to-train")
        self._settings = settings
        self.here = QRadioButton(_("This &computer"))
        self.here.setObjectName("train-here")
        self.away = QRadioButton(_("&Another computer, by ssh:"))
        self.away.setObjectName("train-away")
        self.machine = QLineEdit(settings.get(MACHINE))
        self.machine.setObjectName("machine")
        self.machine.setAccessibleName(_("Another computer"))
        self.machine.setPlaceholderText(_("user@host, or a name from your ssh configuration"))
        self.machine.setMaxLength(LONGEST_DESTINATION)
        self.test = QPushButton(_("T&est"))
        self.test.setObjectName("test-machine")
        self.test.setAutoDefault(False)
        self.says = Label()
        self.says.setObjectName("machine-says")
        self.says.setWordWrap(True)
        self.says.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.says.hide()
        row = QHBoxLayout()
        row.addWidget(self.away)
        row.addWidget(self.machine, 1)
        row.addWidget(self.test)
        layout = QVBoxLayout(self)
        layout.addWidget(self.here)
        layout.addLayout(row)
        layout.addWidget(self.says)
        layout.addWidget(
            muted(
                _(
                    "The training data goes there: features, annotations, captions and class "
                    "names, but no photos. The training goes on there when this window is closed."
                )
            )
        )
        self._probing: LatestRequest[Found] = LatestRequest(self._found, self._failed, owner=self)
        chosen = self.away if settings.get(TRAIN_AWAY) else self.here
        chosen.setChecked(True)
        self._show_choice()
        self.away.toggled.connect(self._choose)
        self.machine.textEdited.connect(self._edited)
        self.machine.editingFinished.connect(self._keep)
        self.test.clicked.connect(self._test)

    def _show_choice(self) -> None:
        self.machine.setEnabled(self.away.isChecked())
        self.test.setEnabled(self.away.isChecked() and bool(self.machine.text().strip()))

    def _choose(self, away: bool) -> None:
        self._show_choice()
        self._settings.set(TRAIN_AWAY, away)
        if away:
            self.machine.setFocus()
        else:
            self._say("")

    def _edited(self) -> None:
        self._probing.cancel()
        self._say("")
        self._show_choice()

    def _keep(self) -> bool:
        """Keep the name, or say what is wrong with it."""
        text = self.machine.text().strip()
        try:
            name = checked_destination(text) if text else ""
        except MachineError as error:
            self._say(_(error.trouble.sentence))
            return False
        if name != self._settings.get(MACHINE):
            self._settings.set(MACHINE, name)
        return True

    def _test(self) -> None:
        if not self._keep():
            return
        name = self._settings.get(MACHINE)
        self.test.setEnabled(False)
        self._say(_("Connecting..."))
        self._probing.ask(lambda: SshMachine(name).probe())

    def _found(self, found: Found) -> None:
        self._show_choice()
        text = " ".join(sentences(found, _, file_size))
        self._say("\n".join([text, *commands(found)]), one_line(found.detail.replace("\n", " · ")))

    def _failed(self, error: Exception) -> None:
        self._show_choice()
        self._say(message_of(error))

    def _say(self, text: str, tip: str = "") -> None:
        self.says.setText(text)
        self.says.setToolTip(tip)
        self.says.setVisible(bool(text))
