"""The list of what a photo says of itself, which can be selected and copied."""

from __future__ import annotations

import re

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QResizeEvent,
    QTextCharFormat,
    QTextCursor,
    QTextFrameFormat,
    QTextLength,
    QTextTableFormat,
)
from PySide6.QtWidgets import QFrame, QSizePolicy, QTextEdit, QWidget

from lmpt_desktop.translation import _
from lmpt_desktop.ui.inspector.detail_texts import DetailRow
from lmpt_desktop.ui.kit import theme
from trainer.printable import shown_line

MOST_HEIGHT = 210
"""Pixels; a longer list scrolls."""
_MOST_NAME = 110
"""Pixels of the names; a longer one has several lines."""
_PADDING = 1
_MARGIN = 2
INDENT = 1 + _MARGIN + _PADDING
"""Pixels between the edge of the list and its text: its frame, the margin and the padding."""
_HELD = re.compile(r" (?=· |\(\d)|(?<=\d) (?=\w)|(?<=ISO) (?=\d)")
"""Spaces at which no line may end: within "0.3 megapixels", "ISO 400" and "Ann (3)"."""


class DetailsView(QTextEdit):
    """Two columns of plain text, one stop of the Tab key: the cursor keys move in it, with Shift
    they select.

    Texts of photos are put in as they are, never as HTML.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("photo-details")
        self.setAccessibleName(_("Details"))
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Maximum)
        self.document().setDocumentMargin(_MARGIN)
        self._rows: tuple[DetailRow, ...] = ()
        theme.manager().changed.connect(self._write)

    @property
    def rows(self) -> tuple[DetailRow, ...]:
        """What is shown."""
        return self._rows

    def show_rows(self, rows: tuple[DetailRow, ...]) -> None:
        """Show these; what is selected stays if they are the same."""
        if rows != self._rows:
            self._rows = rows
            self._write()

    def _write(self, *_args: object) -> None:
        document = self.document()
        document.clear()
        if self._rows:
            cursor = QTextCursor(document)
            longest = max(self.fontMetrics().horizontalAdvance(row.name) for row in self._rows)
            names = min(longest + 2 * _PADDING + 6, _MOST_NAME)
            table = cursor.insertTable(len(self._rows), 2, _table_format(names))
            muted, plain = QTextCharFormat(), QTextCharFormat()
            muted.setForeground(QColor(theme.current().muted))
            plain.setForeground(QColor(theme.current().text))
            plain.setFontWeight(QFont.Weight.Normal)
            for place, row in enumerate(self._rows):
                for column, (text, form) in enumerate(((row.name, muted), (row.text, plain))):
                    cell = table.cellAt(place, column).firstCursorPosition()
                    cell.insertText(_HELD.sub("\u00a0", shown_line(text)), form)
        self.moveCursor(QTextCursor.MoveOperation.Start)
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        document = self.document()
        width = max(self.viewport().width(), 120)
        if document.textWidth() != width:
            document.setTextWidth(width)
        return QSize(200, min(MOST_HEIGHT, int(document.size().height()) + 4))

    def minimumSizeHint(self) -> QSize:
        return QSize(100, min(self.sizeHint().height(), 3 * self.fontMetrics().lineSpacing()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()


def _table_format(names: int) -> QTextTableFormat:
    """``names``: pixels of the first column; the second has the rest."""
    form = QTextTableFormat()
    form.setBorder(0)
    form.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_None)
    form.setCellPadding(_PADDING)
    form.setCellSpacing(0)
    form.setMargin(0)
    form.setWidth(QTextLength(QTextLength.Type.PercentageLength, 100))
    form.setColumnWidthConstraints(
        [
            QTextLength(QTextLength.Type.FixedLength, names),
            QTextLength(QTextLength.Type.VariableLength, 0),
        ]
    )
    return form
