"""How far one is, as a thin line: repainted when there is time for it.

``QProgressBar`` paints at once whenever its value changes, before the photo that matters more.
"""

from __future__ import annotations

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from lmpt_desktop.ui.kit import theme

HEIGHT = 3


class ProgressLine(QWidget):
    """The counter beside it says the same in numbers, so screen readers pass over it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("queue-progress")
        self.setFixedHeight(HEIGHT)
        self._share = 0.0
        theme.manager().changed.connect(self._repaint)

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self._share

    def show_share(self, share: float) -> None:
        if share != self._share:
            self._share = share
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        colours = theme.current()
        painter.fillRect(self.rect(), colours.colour("border"))
        done = QRectF(0, 0, self.width() * self._share, self.height())
        painter.fillRect(done, colours.colour("accent"))

    def _repaint(self, *_: object) -> None:
        self.update()
