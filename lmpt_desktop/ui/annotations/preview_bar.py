"""A bar that says what a key is about to change in many photos: Enter does it, Escape does not."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleEvent,
    QFocusEvent,
    QHideEvent,
    QKeyEvent,
    QKeySequence,
)
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QPushButton, QWidget
from shiboken6 import isValid

from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.label import Label

_KEPT_REASONS = (
    Qt.FocusReason.ActiveWindowFocusReason,
    Qt.FocusReason.PopupFocusReason,
    Qt.FocusReason.MenuBarFocusReason,
)
"""The focus comes back: another program, a menu, a list that is open."""


class PreviewBar(QFrame):
    """Hidden until :meth:`ask`; then it holds the keyboard focus and lets no key do anything else.

    Menus (Alt) stay open to the user.
    """

    accepted = Signal()
    """Enter was pressed while the sentence was ready."""
    dismissed = Signal()
    """Escape was pressed, or the user went on with something else."""

    def __init__(self, fallback: QWidget, parent: QWidget | None = None) -> None:
        """``fallback`` gets the focus where the widget that had it cannot take it back."""
        super().__init__(parent)
        self.setObjectName("preview-bar")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._fallback = fallback
        self._before: QWidget | None = None
        self._ready = False
        self.sentence = Label()
        self.sentence.setObjectName("preview-sentence")
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.sentence.setWordWrap(True)
        self.sentence.setProperty("role", "heading")
        self.do = QPushButton()
        self.do.setObjectName("preview-do")
        self.do.setDefault(True)
        self.leave = QPushButton()
        self.leave.setObjectName("preview-leave")
        self.do.setProperty("role", "primary")
        self.do.setText(_named(_("Do it"), Qt.Key.Key_Enter))
        self.leave.setText(_named(_("Cancel"), Qt.Key.Key_Escape))
        self.leave.setToolTip(_("Leave everything as it is"))
        for button in (self.do, self.leave):
            # The bar keeps the focus, or Enter on one button would do what Escape says.
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.do.clicked.connect(self._accept)
        self.leave.clicked.connect(self._dismiss)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 8, 10, 8)
        layout.setSpacing(8)
        layout.addWidget(self.sentence, 1)
        layout.addWidget(self.do)
        layout.addWidget(self.leave)
        self._restyle()
        theme.manager().changed.connect(self._restyle)
        self.hide()

    @property
    def asking(self) -> bool:
        """Whether it waits for Enter or Escape."""
        return not self.isHidden()

    @property
    def ready(self) -> bool:
        """Whether Enter would do it: what will change has been counted."""
        return self.asking and self._ready

    def ask(self, sentence: str, *, ready: bool) -> None:
        """Show a sentence and take the keyboard focus."""
        fresh, said = not self.asking, self.sentence.text()
        if fresh:
            self._before = QApplication.focusWidget()
        self._ready = ready
        self.sentence.setText(sentence)
        self.do.setEnabled(ready)
        self.setAccessibleName(sentence)
        self.setAccessibleDescription(_("Enter does it, Escape leaves everything as it is"))
        if fresh:
            self.show()
            self.setFocus(Qt.FocusReason.OtherFocusReason)
        if ready and (fresh or sentence != said):
            QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.Alert))

    def close_bar(self) -> None:
        """Hide it and give the focus back."""
        if not self.asking:
            return
        before, self._before = self._before, None
        has_focus = self.hasFocus()
        self._ready = False
        self.hide()
        if has_focus:
            usable = before is not None and isValid(before) and before.isVisible()
            widget = before if usable and before is not None else self._fallback
            widget.setFocus(Qt.FocusReason.OtherFocusReason)

    # ------------------------------------------------------------------------------ events

    def _accept(self) -> None:
        if self.ready:
            self.accepted.emit()

    def _dismiss(self) -> None:
        if self.asking:
            self.close_bar()
            self.dismissed.emit()

    def event(self, event: QEvent) -> bool:
        """Every key is the bar's own, also those of the window's commands."""
        if isinstance(event, QKeyEvent) and not event.modifiers() & Qt.KeyboardModifier.AltModifier:
            if event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress:
                self.keyPressEvent(event)  # also Tab, which would leave the bar
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        event.accept()
        if event.isAutoRepeat() or not plain:
            return
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._accept()
        elif event.key() == Qt.Key.Key_Escape:
            self._dismiss()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() not in _KEPT_REASONS:
            self._dismiss()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        if not event.spontaneous() and self.asking:  # with the page it is on
            self._dismiss()

    def _restyle(self, *_: object) -> None:
        colours = theme.current()
        self.setStyleSheet(
            f"#preview-bar {{ background: {colours.window};"
            f" border-top: 2px solid {colours.accent}; }}"
        )


def _named(text: str, key: Qt.Key) -> str:
    """The label of a button with the key that presses it."""
    name = QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
    return f"{text}  {name}"
