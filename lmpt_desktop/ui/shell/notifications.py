"""Messages that wait beside the work instead of in front of it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QAccessible, QAccessibleEvent, QKeyEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit import theme

MAX_SHOWN = 3
PASSING_MS = 12_000
"""How long good news stays; what needs a decision or tells of a problem stays until dismissed."""


class Notification(QFrame):
    """One message: what happened, what it means, what to do."""

    def __init__(self, title: str, message: str, details: str, colour: str) -> None:
        super().__init__()
        self.setObjectName("notification")
        # A screen reader says a group's name when the keyboard enters it.
        self.setAccessibleName(f"{title}. {message}" if title else message)
        self.setAccessibleDescription(details)
        self.title = title
        self.message = message
        self._colour = colour
        self._mark = QLabel()
        self._mark.setAlignment(Qt.AlignmentFlag.AlignTop)
        heading = QLabel(title)
        heading.setProperty("role", "heading")
        heading.setTextFormat(Qt.TextFormat.PlainText)
        body = QLabel(message)
        body.setWordWrap(True)
        body.setTextFormat(Qt.TextFormat.PlainText)
        body.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        # Not Minimum: that takes the height of the text in a narrow column, for which the window
        # would grow.  How high it is at its real width, the layouts ask by themselves.
        body.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._details = QLabel(details)
        self._details.setWordWrap(True)
        self._details.setTextFormat(Qt.TextFormat.PlainText)
        self._details.setProperty("role", "muted")
        self._details.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._details.hide()
        self.buttons = QHBoxLayout()
        self.buttons.setSpacing(6)
        words = QVBoxLayout()
        words.setSpacing(2)
        for part in (heading, body, self._details):
            if part is not heading or title:
                words.addWidget(part)
        self.close_button = QToolButton()
        self.close_button.setAutoRaise(True)
        self.close_button.setToolTip(_("Dismiss"))
        self.close_button.setAccessibleName(_("Dismiss"))
        self.close_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 8, 8, 8)
        layout.setSpacing(10)
        layout.addWidget(self._mark)
        layout.addLayout(words, 1)
        layout.addLayout(self.buttons)
        layout.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignTop)
        if details:
            self.add_button(
                _("Details"), lambda: self._details.setVisible(self._details.isHidden())
            )
        self._restyle()
        theme.manager().changed.connect(self._restyle)
        self._passing = QTimer(self)
        self._passing.setSingleShot(True)
        self._passing.setInterval(PASSING_MS)
        self._passing.timeout.connect(self._pass)

    def pass_by_itself(self) -> None:
        """Go after a while, but not while the mouse or the keyboard is on it."""
        self._passing.start()

    def _pass(self) -> None:
        focus = QApplication.focusWidget()
        if self.underMouse() or (focus is not None and self.isAncestorOf(focus)):
            self._passing.start()
        else:
            self.close_button.click()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_button.click()
        else:
            super().keyPressEvent(event)

    def add_button(self, text: str, action: Callable[[], object]) -> QPushButton:
        button = QPushButton(text)
        button.clicked.connect(lambda _checked=False: action())
        self.buttons.addWidget(button, 0, Qt.AlignmentFlag.AlignVCenter)
        return button

    def _restyle(self, *_: object) -> None:
        colours = theme.current()
        edge = getattr(colours, self._colour)
        name = "info" if self._colour == "accent" else "warning"
        self._mark.setPixmap(theme.icon(name, self._colour).pixmap(20, 20))
        self.close_button.setIcon(theme.icon("clear", "muted"))
        self.setStyleSheet(
            f"#notification {{ background: {colours.raised}; border: 1px solid {colours.border};"
            f" border-left: 4px solid {edge}; border-radius: 4px; }}"
        )


class NotificationArea(QWidget):
    """The newest few messages, one above the other; empty it takes no room."""

    focus_left = Signal()
    """The message that had the keyboard is gone, and it was the last."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notifications")
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(8, 6, 8, 6)
        self._layout.setSpacing(6)
        self._shown: list[Notification] = []
        self.hide()

    @property
    def shown(self) -> tuple[Notification, ...]:
        """What is on screen, the newest first."""
        return tuple(self._shown)

    def notify(
        self, title: str, message: str, details: str = "", *, colour: str = "warning"
    ) -> Notification:
        """Show a message; one of the same title is replaced rather than repeated.

        ``colour`` is the theme's name of the edge colour: accent, warning or error.
        """
        for old in [old for old in self._shown if old.title == title]:
            self.dismiss(old)
        note = Notification(title, message, details, colour)
        note.close_button.clicked.connect(lambda: self.dismiss(note))
        self._shown.insert(0, note)
        self._layout.insertWidget(0, note)
        QAccessible.updateAccessibility(QAccessibleEvent(note, QAccessible.Event.Alert))
        for old in self._shown[MAX_SHOWN:]:
            self.dismiss(old)
        self.show()
        return note

    def take_focus(self) -> None:
        """Put the keyboard on the newest message: its first button, or the one to dismiss it."""
        if self._shown:
            first = self._shown[0].buttons.itemAt(0)
            button = first.widget() if first is not None else None
            (button or self._shown[0].close_button).setFocus(Qt.FocusReason.ShortcutFocusReason)

    def dismiss(self, note: Notification) -> None:
        if note in self._shown:
            focus = QApplication.focusWidget()
            if focus is not None and note.isAncestorOf(focus):
                self._give_focus_back(note)
            self._shown.remove(note)
            self._layout.removeWidget(note)
            note.hide()
            note.deleteLater()
        self.setVisible(bool(self._shown))

    def _give_focus_back(self, note: Notification) -> None:
        others = [other for other in self._shown if other is not note]
        if others:
            others[0].close_button.setFocus()
        else:
            self.focus_left.emit()

    def clear(self) -> None:
        for note in list(self._shown):
            self.dismiss(note)
