"""Where to train and encode: this computer or another one, in the computer's preferences."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QFileDialog,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from lmpt_desktop.error_texts import message_of
from lmpt_desktop.settings import (
    ENCODE_AWAY,
    FOLDER_HERE,
    FOLDER_THERE,
    MACHINE,
    TRAIN_AWAY,
    Settings,
)
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit.dialogs import muted
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.tasks import LatestRequest, Task, call_soon
from lmpt_desktop.ui.kit.texts import file_size
from trainer.printable import one_line
from trainer.remote.install import (
    INSTALLED,
    Installation,
    InstallationCancelled,
    Step,
    can_install,
)
from trainer.remote.machine import LONGEST_DESTINATION, Found, SshMachine, checked_destination
from trainer.remote.report import commands, sentences
from trainer.remote.trouble import MachineError
from trainer.threads import begun_pool


class EncodeThere(QWidget):
    """Whether the other computer encodes photos too, and which folder it sees itself."""

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self.encode = QCheckBox(_("Encode &photos there, too"))
        self.encode.setObjectName("encode-away")
        self.encode.setChecked(settings.get(ENCODE_AWAY))
        self.here = QLineEdit(settings.get(FOLDER_HERE))
        self.here.setObjectName("folder-here")
        self.there = QLineEdit(settings.get(FOLDER_THERE))
        self.there.setObjectName("folder-there")
        self.there.setPlaceholderText(_("if it sees them, too: /mnt/photos"))
        self.choose = QPushButton(_("C&hoose..."))
        self.choose.setAutoDefault(False)
        self.says = Label()
        self.says.setObjectName("folder-says")
        self.says.setWordWrap(True)
        self.says.hide()
        row = QHBoxLayout()
        row.addWidget(self.here, 1)
        row.addWidget(self.choose)
        self.folders = QWidget()
        form = QFormLayout(self.folders)
        form.setContentsMargins(0, 0, 0, 0)
        here_label = Label(_("Photos he&re:"))
        here_label.setBuddy(self.here)
        form.addRow(here_label, row)
        form.addRow(_("The sa&me there:"), self.there)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.addWidget(self.encode)
        layout.addWidget(
            muted(
                _(
                    "Photos are decoded here, and go there as small as the backbone takes them. "
                    "If the other computer sees the same folder, only paths go there."
                )
            )
        )
        layout.addWidget(self.folders)
        layout.addWidget(self.says)
        self.folders.setEnabled(self.encode.isChecked())
        self.encode.toggled.connect(self._choose_encoding)
        self.choose.clicked.connect(self._choose_folder)
        for line in (self.here, self.there):
            line.textEdited.connect(lambda _text: self.says.hide())
            line.editingFinished.connect(self._keep)

    def _choose_encoding(self, there: bool) -> None:
        self.folders.setEnabled(there)
        self._settings.set(ENCODE_AWAY, there)

    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(
            self, _("Choose the folder that the other computer sees, too"), self.here.text()
        )
        if chosen:
            self.here.setText(chosen)
            self._keep()
            self.there.setFocus()

    def _keep(self) -> None:
        """Keep the folders, or say what is wrong with one."""
        here, there = self.here.text().strip(), self.there.text().strip()
        if (here and not Path(here).is_absolute()) or (there and not there.startswith("/")):
            self.says.setText(_("Write whole paths, from the root of the disk."))
            self.says.show()
            return
        for setting, path in ((FOLDER_HERE, here), (FOLDER_THERE, there)):
            if path != self._settings.get(setting):
                self._settings.set(setting, path)


class WhereToTrainBox(QGroupBox):
    """Two choices, the name of the other computer, what is found there, its installation, and
    whether it encodes."""

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(_("Where to train and encode"), parent)
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
        self.install = QPushButton()
        self.install.setObjectName("install-there")
        self.install.setAutoDefault(False)
        self.install.hide()
        self._installation: Installation | None = None
        row = QHBoxLayout()
        row.addWidget(self.away)
        row.addWidget(self.machine, 1)
        row.addWidget(self.test)
        layout = QVBoxLayout(self)
        layout.addWidget(self.here)
        layout.addLayout(row)
        layout.addWidget(self.says)
        layout.addWidget(self.install, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(
            muted(
                _(
                    "The training data goes there: features, annotations, captions and class "
                    "names, but no photos. The training goes on there when this window is closed."
                )
            )
        )
        self.encoding = EncodeThere(settings)
        layout.addWidget(self.encoding)
        self._probing: LatestRequest[Found] = LatestRequest(self._found, self._failed, owner=self)
        self._probed: SshMachine | None = None
        # The program may end while the preferences are open, and would wait for both.
        if (application := QApplication.instance()) is not None:
            application.aboutToQuit.connect(self.stop)
        chosen = self.away if settings.get(TRAIN_AWAY) else self.here
        chosen.setChecked(True)
        self._show_choice()
        self.away.toggled.connect(self._choose)
        self.machine.textEdited.connect(self._edited)
        self.machine.editingFinished.connect(self._keep)
        self.test.clicked.connect(self._test)
        self.install.clicked.connect(self._install_or_cancel)

    def stop(self) -> None:
        """Cancel what goes on, as nobody sees it any more."""
        self._stop_testing()
        if self._installation is not None:
            self._installation.cancel()

    def _show_choice(self) -> None:
        free, away = self._installation is None, self.away.isChecked()
        self.here.setEnabled(free)
        self.away.setEnabled(free)
        self.machine.setEnabled(free and away)
        self.test.setEnabled(free and away and bool(self.machine.text().strip()))
        self.encoding.setEnabled(away)

    def _choose(self, away: bool) -> None:
        self._show_choice()
        self._settings.set(TRAIN_AWAY, away)
        if away:
            self.machine.setFocus()
        else:
            self._stop_testing()
            self._say("")

    def _edited(self) -> None:
        self._stop_testing()
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
        self._stop_testing()
        machine = self._probed = SshMachine(self._settings.get(MACHINE))
        # The button stays enabled: else it would lose the focus, and the second of two presses of
        # Space would be one of another button.
        self._say(_("Connecting..."))
        self._probing.ask(machine.probe)

    def _stop_testing(self) -> None:
        """Without it, a thread of the window would wait for a computer that is not there."""
        self._probing.cancel()
        if self._probed is not None:
            self._probed.close()
            self._probed = None

    def _found(self, found: Found) -> None:
        self._show_choice()
        lines = [" ".join(sentences(found, _, file_size)), *commands(found)]
        if offered := can_install(found):
            lines.append(
                _(
                    "Or let it be installed from here, in ~/.lmpt-desktop there: pip downloads up "
                    "to 3 GB there, and up to 6 GB of disk space is taken."
                )
            )
        self._say("\n".join(lines), one_line(found.detail.replace("\n", " · ")))
        self.install.setText(_("&Install there"))
        self.install.setVisible(offered)

    def _failed(self, error: Exception) -> None:
        self._show_choice()
        self._say(message_of(error))

    def _say(self, text: str, tip: str = "") -> None:
        self.says.setText(text)
        self.says.setToolTip(tip)
        self.says.setVisible(bool(text))
        self.install.hide()

    # ------------------------------------------------------------------- its installation

    def _install_or_cancel(self) -> None:
        if self._installation is not None:
            self._installation.cancel()
            return
        machine = SshMachine(self._settings.get(MACHINE))
        work = Installation(machine, lambda *told: call_soon(partial(self._goes_on, work, *told)))
        self._installation = work
        self._show_choice()
        self._show_progress(_("Connecting..."))
        self.install.setFocus()
        # A thread of its own: it takes minutes, and those of the window are few.
        pool = begun_pool(1, "installation")
        Task(work.run, self._installed, self._not_installed, owner=self, pool=pool)
        pool.shutdown(wait=False)

    def _goes_on(self, work: Installation, step: Step, detail: str) -> None:
        if work is self._installation and isValid(self):
            self._show_progress(_(step.sentence), detail)

    def _show_progress(self, *lines: str) -> None:
        self._say("\n".join([*filter(None, lines), _("Closing the preferences cancels this.")]))
        self.install.setText(_("Cancel"))
        self.install.show()

    def _installed(self, _nothing: None) -> None:
        self._end(_(INSTALLED))
        self._test()

    def _not_installed(self, error: Exception) -> None:
        if isinstance(error, InstallationCancelled):
            self._end(_("Cancelled. Nothing of it is left there."))
        elif isinstance(error, MachineError):
            self._end(_(error.trouble.sentence), one_line(error.detail))
        else:
            self._end(message_of(error))

    def _end(self, text: str, tip: str = "") -> None:
        focused = self.install.hasFocus()
        self._installation = None
        self._show_choice()
        self._say(text, tip)
        if focused:
            self.test.setFocus()
