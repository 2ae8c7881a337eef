"""A button for a command that shows the key which runs it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QPushButton, QWidget

from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.plain_text import Html


class KeyButton(QPushButton):
    """Runs an action, is enabled with it, and shows its current first key."""

    def __init__(
        self, action: QAction, text: str, icon: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._action = action
        self._text = text
        self._icon = icon
        self.setObjectName(f"button-{action.objectName()}")
        # Enter belongs to the review, and Space presses a button.
        self.setAutoDefault(False)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.clicked.connect(lambda _on=False: action.trigger())
        action.changed.connect(self._follow)
        theme.manager().changed.connect(self._restyle)
        self._follow()
        self._restyle()

    def set_text(self, text: str) -> None:
        self._text = text
        self._follow()

    def _follow(self) -> None:
        key = self._action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        label = f"{self._text}  {key}" if key else self._text
        if label != self.text():
            self.setText(label)
        self.setAccessibleName(f"{self._text} ({key})" if key else self._text)
        self.setToolTip(Html(self._action.toolTip()))
        self.setEnabled(self._action.isEnabled())

    def _restyle(self, *_: object) -> None:
        if self._icon:
            self.setIcon(theme.icon(self._icon))
