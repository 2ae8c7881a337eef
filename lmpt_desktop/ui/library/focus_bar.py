"""Names the class that the verdict keys apply to, at the foot of the grid, with a pin."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.label import Label

NAME_WIDTH = 260
"""Pixels that a class name may take, before it is elided."""


class FocusBar(QWidget):
    """ "P, A, U: dog" and a button that keeps the class; hidden while there is none."""

    pin_requested = Signal(bool)
    """Keep the class in focus, or follow the selection again."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("focus-bar")
        self._keys = ""
        self._name = ""
        self._pinned = False
        self.text = Label()
        self.text.setObjectName("focus-text")
        self.text.setProperty("role", "small")
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.pin = QToolButton()
        self.pin.setObjectName("focus-pin")
        self.pin.setCheckable(True)
        self.pin.setAutoRaise(True)
        self.pin.clicked.connect(self.pin_requested)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.text)
        layout.addWidget(self.pin)
        theme.manager().changed.connect(self._show)
        self.hide()

    def show_keys(self, keys: str) -> None:
        """The keys of the verdicts, as this platform writes them."""
        self._keys = keys
        self._show()

    def show_class(self, name: str, *, pinned: bool) -> None:
        """``name`` is "" for no class."""
        if (name, pinned) == (self._name, self._pinned):
            return
        self._name, self._pinned = name, pinned
        self._show()

    def _show(self, *_args: object) -> None:
        self.setVisible(bool(self._name))
        metrics = self.text.fontMetrics()
        short = metrics.elidedText(self._name, Qt.TextElideMode.ElideRight, NAME_WIDTH)
        text = _("{keys}: {name}").format(keys=self._keys, name=short) if self._keys else short
        self.text.setText(text)
        meant = _("Present, Absent and Unknown apply to “{name}”").format(name=self._name)
        self.text.setToolTip(meant)
        self.text.setAccessibleName(meant)
        self.pin.setIcon(theme.icon("pin", "accent" if self._pinned else "muted"))
        self.pin.setChecked(self._pinned)
        if self._pinned:
            tip = _("“{name}” stays the class of the keys. Click to follow the selection again.")
        else:
            tip = _("Keep “{name}” the class of the keys, whatever is selected")
        self.pin.setToolTip(tip.format(name=self._name))
        self.pin.setAccessibleName(tip.format(name=self._name))
