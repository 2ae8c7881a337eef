"""File name, facts and caption of the photo in focus."""

from __future__ import annotations

from datetime import UTC, datetime

from PySide6.QtCore import QDate, QEvent, QLocale, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from lmpt_desktop.domain.records import ImageState
from lmpt_desktop.engine.images import ImageDetails
from lmpt_desktop.translation import _, number


class ElidedLabel(QLabel):
    """A label that shortens its text in the middle to fit; the tool tip has it whole."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._whole = ""
        self.setMinimumWidth(40)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)

    def set_whole(self, text: str, tip: str = "") -> None:
        self._whole = text
        self.setToolTip(tip or text)
        self.setAccessibleName(text)
        self._elide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._elide()

    def _elide(self) -> None:
        mode = Qt.TextElideMode.ElideMiddle
        self.setText(self.fontMetrics().elidedText(self._whole, mode, self.width()))


class CaptionEdit(QPlainTextEdit):
    """One or two lines; committed by Enter or by leaving, taken back by Escape."""

    committed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kept = ""
        self.setObjectName("caption")
        self.setAccessibleName(_("Caption"))
        self.setPlaceholderText(_("Add a caption: it helps training"))
        self.setTabChangesFocus(True)
        self.setFixedHeight(self.fontMetrics().lineSpacing() * 2 + 16)

    def set_caption(self, text: str) -> None:
        """Show ``text``, unless the user is in the middle of writing another."""
        if self.hasFocus() and self.toPlainText() != self._kept:
            return
        self._kept = text
        if self.toPlainText() != text:
            self.setPlainText(text)

    def flush(self) -> None:
        """Commit what was typed, if anything."""
        text = " ".join(self.toPlainText().split())
        if text != self._kept:
            self._kept = text
            self.committed.emit(text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.flush()
        elif key == Qt.Key.Key_Escape:
            self.setPlainText(self._kept)
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.flush()
        super().focusOutEvent(event)


class FactsPanel(QWidget):
    """Name, one line of facts, what is wrong with the file if anything, caption."""

    caption_committed = Signal(int, str)
    """Image id, text."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image_id = -1
        self.name = ElidedLabel()
        self.name.setObjectName("inspector-name")
        self.name.setProperty("role", "heading")
        self.facts = ElidedLabel()
        self.facts.setObjectName("inspector-facts")
        self.facts.setProperty("role", "muted")
        self.problem = QLabel()
        self.problem.setObjectName("inspector-problem")
        self.problem.setWordWrap(True)
        self.caption = CaptionEdit()
        self.caption.committed.connect(self._committed)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 6, 10, 4)
        layout.setSpacing(3)
        for widget in (self.name, self.facts, self.problem):
            layout.addWidget(widget)
        layout.addSpacing(3)
        layout.addWidget(self.caption)
        self.clear()

    def clear(self) -> None:
        self.caption.flush()
        self._image_id = -1
        self.name.set_whole("")
        self.facts.set_whole("")
        self.problem.hide()
        self.caption.hide()

    def show_image(self, details: ImageDetails) -> None:
        """The facts of one image."""
        if details.image_id != self._image_id:
            self.caption.flush()
            self._image_id = details.image_id
            self.caption.clearFocus()
        self.name.set_whole(details.path.name, str(details.path))
        self.facts.set_whole(facts_line(details))
        self.problem.setText(_(details.reason) or self._state_sentence(details.state))
        self.problem.setVisible(details.state is not ImageState.OK)
        self.caption.show()
        self.caption.set_caption(details.caption)

    def show_many(self, count: int, reviewed: int) -> None:
        """The facts of a selection."""
        self.clear()
        self.name.set_whole(_("{0} photos selected").format(number(count)))
        self.facts.set_whole(
            _("{0} reviewed; a verdict applies to all of them").format(number(reviewed))
        )

    def _state_sentence(self, state: ImageState) -> str:
        if state is ImageState.MISSING:
            return _("The file is no longer there. Its annotations are kept.")
        return _("The file cannot be read.") if state is ImageState.UNREADABLE else ""

    def _committed(self, text: str) -> None:
        if self._image_id >= 0:
            self.caption_committed.emit(self._image_id, text)


def facts_line(details: ImageDetails) -> str:
    """Size and date, in the user's own format."""
    parts: list[str] = []
    if details.size is not None:
        parts.append(f"{number(details.size[0])} × {number(details.size[1])}")
    if details.date is not None:
        # Camera clocks know no zone: seconds count from the epoch as if it were UTC.
        when = datetime.fromtimestamp(details.date, UTC)
        parts.append(
            QLocale().toString(
                QDate(when.year, when.month, when.day), QLocale.FormatType.ShortFormat
            )
        )
    parts.append(_("reviewed") if details.reviewed else _("not reviewed"))
    return "  ·  ".join(parts)
