"""The end of a log file, to read and to copy into a report."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontDatabase, QGuiApplication, QTextCursor
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPlainTextEdit, QVBoxLayout, QWidget

from lmpt_desktop.error_texts import reason_of
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit import file_manager
from lmpt_desktop.ui.kit.dialogs import muted

TAIL_BYTES = 200_000


def read_tail(path: Path, limit: int = TAIL_BYTES) -> str:
    """The last ``limit`` bytes of a text file, from the start of a line.

    Raises:
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - limit))
        data = file.read()
    if size > limit:
        data = data.partition(b"\n")[2]
    return data.decode("utf-8", "replace")


class LogDialog(QDialog):
    """Shows the log as it was when the dialog was opened."""

    def __init__(self, path: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(_("Log"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(760, 440)
        self._path = path
        self.text = QPlainTextEdit()
        self.text.setObjectName("log-text")
        self.text.setAccessibleName(_("Log"))
        self.text.setReadOnly(True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        try:
            content = read_tail(path)
        except OSError as error:
            content = _("The log cannot be read: {reason}.").format(reason=reason_of(error))
        self.text.setPlainText(content or _("The log is empty."))
        self.text.moveCursor(QTextCursor.MoveOperation.End)
        place = muted(str(path))
        place.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = buttons.addButton(_("&Copy"), QDialogButtonBox.ButtonRole.ActionRole)
        folder = buttons.addButton(_("Show in &folder"), QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.text.toPlainText()))
        folder.clicked.connect(lambda: file_manager.reveal(path))
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(place)
        layout.addWidget(self.text, 1)
        layout.addWidget(buttons)
