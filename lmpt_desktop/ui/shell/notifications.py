"""Non-modal messages above the photos."""

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
AUTO_DISMISS_MS = 12_000
"""How long a message that needs no reaction stays; others stay until dismissed."""


class Notification(QFrame):
    """One message: what happened, what it means, what to do."""

    def __init__(self, title: str, message: str, details: str, colour: str) -> None:
        super().__init__()
        self.setObjectName("notification")
        # A screen reader reads the name of a group when it gets the keyboard focus.
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
        # Not Minimum, which would make the window as high as the text in a narrow column.  The
        # layouts ask for the height at the real width themselves.
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
        self._dismiss_timer = QTimer(self)
        self._dismiss_timer.setSingleShot(True)
        self._dismiss_timer.setInterval(AUTO_DISMISS_MS)
        self._dismiss_timer.timeout.connect(self._auto_dismiss)

    def dismiss_later(self) -> None:
        """Dismiss the message after a while, unless it has the mouse or the keyboard focus."""
        self._dismiss_timer.start()

    def _auto_dismiss(self) -> None:
        focus = QApplication.focusWidget()
        if self.underMouse() or (focus is not None and self.isAncestorOf(focus)):
            self._dismiss_timer.start()
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
    """The newest few messages, one above the other; hidden if there are none."""

    focus_left = Signal()
    """The last message was dismissed while it had the keyboard focus."""

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
        """The messages on screen, newest first."""
        return tuple(self._shown)

    def notify(
        self, title: str, message: str, details: str = "", *, colour: str = "warning"
    ) -> Notification:
        """Show a message, replacing one with the same title.

        ``colour`` is the theme colour of the edge: accent, warning or error.
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
        """Give the newest message the keyboard focus: its first button, or *Dismiss*."""
        if self._shown:
            first = self._shown[0].buttons.itemAt(0)
            button = first.widget() if first is not None else None
            (button or self._shown[0].close_button).setFocus(Qt.FocusReason.ShortcutFocusReason)

    def dismiss(self, note: Notification) -> None:
        if note in self._shown:
            focus = QApplication.focusWidget()
            if focus is not None and note.isAncestorOf(focus):
                self._return_focus(note)
            self._shown.remove(note)
            self._layout.removeWidget(note)
            note.hide()
            note.deleteLater()
        self.setVisible(bool(self._shown))

    def _return_focus(self, note: Notification) -> None:
        others = [other for other in self._shown if other is not note]
        if others:
            others[0].close_button.setFocus()
        else:
            self.focus_left.emit()

    def clear(self) -> None:
        for note in list(self._shown):
            self.dismiss(note)
