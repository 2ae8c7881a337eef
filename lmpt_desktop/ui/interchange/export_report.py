"""What an export has done, where it takes more than a sentence to say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QFontDatabase, QGuiApplication, QShowEvent
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.translation import N_, _
from lmpt_desktop.ui.interchange.import_work import plain_line
from lmpt_desktop.ui.interchange.section import plain_label, plain_tip
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.dialogs import grow_to_text, heading, larger, style_table
from lmpt_desktop.ui.kit.tables import Column, TableModel

Row = tuple[str, str]
"""A photo (or ""), and what is said of it."""


class ReportModel(TableModel[Row]):
    """Texts of files are shown as they are."""

    def cell(self, row: Row, column: int, role: int) -> object:
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(plain_line(row[column]))
        return super().cell(row, column, role)


class ExportReport(QDialog):
    """A headline, sentences, and what there is to copy or to look through."""

    def __init__(
        self, title: str, message: str, *, alarming: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setModal(False)
        self.setWindowTitle(_("Export"))
        self.setObjectName("export-report")
        self.title = plain_label(title)
        self.title.setFont(larger(self.title.font(), 1.2))
        self.title.setProperty("role", "heading")
        self.message = plain_label(message)
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        mark = plain_label()
        name, colour = ("warning", "error") if alarming else ("info", "accent")
        mark.setPixmap(theme.icon(name, colour).pixmap(24, 24))
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(self.title)
        words.addWidget(self.message)
        top = QHBoxLayout()
        top.setSpacing(12)
        top.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        top.addLayout(words, 1)
        self._layout = QVBoxLayout(self)
        self._layout.setSpacing(10)
        self._layout.addLayout(top)
        self.box = QDialogButtonBox()
        close = self.box.addButton(QDialogButtonBox.StandardButton.Close)
        close.setText(_("Close"))
        self.box.rejected.connect(self.reject)
        close.setDefault(True)
        self._close = close
        self._layout.addWidget(self.box)
        self.command: QPlainTextEdit | None = None
        self.table: QTableView | None = None
        self.resize(QSize(640, 200))

    def add_command(self, title: str, text: str, hint: str) -> None:
        """A text to be typed elsewhere, with a button that copies it."""
        field = self.command = QPlainTextEdit(text)
        field.setReadOnly(True)
        field.setObjectName("command")
        field.setAccessibleName(title)
        field.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        field.setTabChangesFocus(True)
        lines = 3 * (text.count("\n") + 1)
        field.setFixedHeight(field.fontMetrics().lineSpacing() * min(12, lines) + 18)
        copy = QPushButton(_("&Copy"))
        copy.setObjectName("copy-command")
        copy.setAutoDefault(False)
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(text))
        row = QHBoxLayout()
        row.addWidget(heading(title), 1)
        row.addWidget(copy)
        self._insert(row)
        self._insert(field)
        self._insert(plain_label(hint, role="muted"))

    def add_table(self, titles: tuple[str, str], rows: Sequence[Row]) -> None:
        """Rows under titles (N_)."""
        columns = (
            Column[Row](titles[0], lambda row: plain_line(row[0])),
            Column[Row](titles[1], lambda row: plain_line(row[1])),
        )
        self.table = QTableView()
        self.table.setObjectName("report-rows")
        self.table.setAccessibleName(self.title.text())
        self.table.setModel(ReportModel(columns, rows, self))
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        style_table(self.table, 1, {0: 30 * self.fontMetrics().averageCharWidth()})
        self.table.setMinimumHeight(180)
        self._insert(self.table)
        self.resize(QSize(760, 420))

    def add_button(self, text: str, act: Callable[[], object]) -> None:
        """A button beside *Close*."""
        button = self.box.addButton(text, QDialogButtonBox.ButtonRole.ActionRole)
        button.setAutoDefault(False)
        button.clicked.connect(lambda _on=False: act())

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        # After Qt has given it to the first part.
        QTimer.singleShot(0, self._close, self._close.setFocus)

    def _insert(self, part: QWidget | QHBoxLayout) -> None:
        place = self._layout.count() - 1
        if isinstance(part, QWidget):
            self._layout.insertWidget(place, part)
        else:
            self._layout.insertLayout(place, part)
        grow_to_text(self)


DIFFERENCE_TITLES = (N_("Photo"), N_("What differs"))
SKIPPED_TITLES = (N_("Photo"), N_("Why it was left alone"))


def skipped_rows(skipped: Sequence[tuple[Path, str]]) -> list[Row]:
    """Photos that were left alone, and why."""
    return [(str(photo), reason) for photo, reason in skipped]
