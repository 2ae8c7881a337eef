"""*Report a problem*: what a report holds is shown, part by part, before it is saved."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from PySide6.QtCore import Qt
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
from lmpt_desktop.translation import _
from lmpt_desktop.ui.help.about import version_lines
from lmpt_desktop.ui.kit.dialogs import MessageStrip, muted
from lmpt_desktop.ui.kit.tasks import LatestRequest, Task
from lmpt_desktop.ui.shell.context import ShellContext
from trainer import crash_files


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
