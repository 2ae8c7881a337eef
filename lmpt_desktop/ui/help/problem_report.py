"""*Report a problem*: what a report holds is shown, part by part, before it is saved."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QListWidget,
    QPlainTextEdit,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.catalogue.opening import CATALOGUE_NAME
from lmpt_desktop.diagnostics.report import Part, Sources, collect, write_zip
from lmpt_desktop.error_texts import message_of
from lmpt_desktop.logs import log_files
from lmpt_desktop.paths import log_dir
from lmpt_desktop.translation import N_, _
from lmpt_desktop.ui.help.about import version_lines
from lmpt_desktop.ui.kit.dialogs import MessageStrip, muted
from lmpt_desktop.ui.kit.tasks import LatestRequest, Task
from lmpt_desktop.ui.shell.context import ShellContext
from trainer import crash_files

LOOK_SECONDS = 10.0
"""A crash of a trainer process is noticed within this time."""
PART_CRASHED = N_("A part of the app has crashed")
CRASHED = {
    "encode": N_("The process that encodes photos has crashed"),
    "fit": N_("A retraining has crashed"),
    "caption": N_("The process that writes captions has crashed"),
}
"""By the command of the trainer."""


def sources(context: ShellContext) -> Sources:
    """What a report would be made of now."""
    library = context.library
    session = None if library is None else library.session
    folder = log_dir()
    return Sources(
        versions=version_lines(),
        logs=log_files(),
        crashes=[*crash_files.new(folder), *crash_files.seen(folder)],
        catalogue=None if session is None else session.library_folder / CATALOGUE_NAME,
        computer=context.settings,
        library=None if session is None else session.settings,
    )


class ProblemReportDialog(QDialog):
    """The parts of a report, the text of the chosen one, and whether names are in it."""

    def __init__(self, context: ShellContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(_("Report a problem"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(820, 560)
        self._context = context
        self._parts: list[Part] = []
        self._collecting = LatestRequest(self._show, self._failed, owner=self)
        self.strip = MessageStrip()
        self.names = QCheckBox(_("Include &names of files, folders and classes"))
        self.names.toggled.connect(self._collect)
        self.list = QListWidget()
        self.list.setAccessibleName(_("Files of the report"))
        self.list.currentRowChanged.connect(self._show_part)
        self.text = QPlainTextEdit()
        self.text.setAccessibleName(_("Text of the file"))
        self.text.setReadOnly(True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        parts = QSplitter()
        parts.addWidget(self.list)
        parts.addWidget(self.text)
        parts.setStretchFactor(1, 1)
        parts.setSizes([170, 650])
        explanation = muted(
            _(
                "This makes a file for a bug report. Nothing is sent: you decide to whom you give "
                "it. Below is all that it holds. Words that are not the program's own are replaced "
                "by “…”."
            )
        )
        explanation.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.save_button = buttons.addButton(
            _("&Save report..."), QDialogButtonBox.ButtonRole.ActionRole
        )
        self.save_button.clicked.connect(self._ask_where)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        for widget in (explanation, self.names, self.strip):
            layout.addWidget(widget)
        layout.addWidget(parts, 1)
        layout.addWidget(buttons)
        self._collect()

    def save_to(self, path: Path) -> None:
        """Write what is shown into a zip."""
        parts = list(self._parts)
        Task(
            lambda: write_zip(parts, path),
            lambda _none: self.strip.show_text(
                _("The report was saved as {name}.").format(name=path.name)
            ),
            self._failed,
            owner=self,
        )

    def _collect(self) -> None:
        self.save_button.setEnabled(False)
        context, with_names = self._context, self.names.isChecked()
        self._collecting.ask(lambda: collect(sources(context), with_names=with_names))

    def _show(self, parts: list[Part]) -> None:
        row = max(0, self.list.currentRow())
        self._parts = parts
        self.list.clear()
        self.list.addItems([part.name for part in parts])
        self.list.setCurrentRow(min(row, len(parts) - 1))
        self.save_button.setEnabled(True)

    def _show_part(self, row: int) -> None:
        self.text.setPlainText(self._parts[row].text if 0 <= row < len(self._parts) else "")

    def _failed(self, error: Exception) -> None:
        self.strip.show_text(message_of(error), "error")

    def _ask_where(self) -> None:
        name = f"lmpt-desktop report {date.today().isoformat()}.zip"
        chosen, _kind = QFileDialog.getSaveFileName(
            self, _("Save report"), str(Path.home() / name), _("ZIP files (*.zip)")
        )
        if chosen:
            path = Path(chosen)
            self.save_to(path if path.suffix else path.with_suffix(".zip"))


def show_report(context: ShellContext) -> None:
    """Open the dialog."""
    context.dialogs.show(
        "problem report", lambda: ProblemReportDialog(context, context.dialog_parent)
    )


class CrashWatch(QObject):
    """Offers a report of a crash: at the start of one of last time, and of one of a trainer process
    when it happens.  Of each kind of process once until the app is closed.
    """

    def __init__(self, context: ShellContext) -> None:
        super().__init__(context)
        self._context = context
        self._offered: set[str] = set()
        self._timer = QTimer(self)
        self._timer.setInterval(int(LOOK_SECONDS * 1000))
        self._timer.timeout.connect(self.look)

    def begin(self) -> None:
        """Look at what the last time has left, and then from time to time."""
        Task(_take, self._offer_last, owner=self)
        self._timer.start()

    def look(self) -> None:
        """Look for crashes since."""
        Task(_take, self._offer, owner=self)

    def _offer_last(self, names: list[str]) -> None:
        if "window" in names:
            self._notify(_("The app crashed last time"))
        elif names:
            self._notify(_("A part of the app crashed last time"))

    def _offer(self, names: list[str]) -> None:
        for name in dict.fromkeys(names):
            # The window of another start of the app tells so itself, when it is started again.
            if name != "window" and name not in self._offered:
                self._offered.add(name)
                self._notify(_(CRASHED.get(name, PART_CRASHED)))

    def _notify(self, title: str) -> None:
        note = self._context.notifications.notify(
            title,
            _(
                "All your annotations are kept. A report can help to find the fault; nothing "
                "is sent by itself."
            ),
        )
        note.add_button(_("Report a problem..."), lambda: show_report(self._context))


def _take() -> list[str]:
    """The kinds of processes that have crashed since this was last asked."""
    # "crash-<kind>-<process id>.txt"
    return [
        path.name.split("-", 1)[1].rsplit("-", 1)[0] for path in crash_files.mark_seen(log_dir())
    ]
