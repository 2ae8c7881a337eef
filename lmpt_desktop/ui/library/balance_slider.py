"""A slider whose middle means "as it is"."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSlider, QStyle, QStyleOptionSlider, QWidget

from lmpt_desktop.ui.kit import theme


class BalanceSlider(QSlider):
    """Marks its middle, and fills the groove from there to the handle."""

    def __init__(self, steps: int, parent: QWidget | None = None) -> None:
        """From ``-steps`` to ``steps``."""
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setProperty("role", "balance")
        self.setRange(-steps, steps)
        self.setSingleStep(1)
        self.setPageStep(max(1, steps // 4))

    def paintEvent(self, event: QPaintEvent) -> None:
        option = QStyleOptionSlider()
        self.initStyleOption(option)
        handle = QRectF(
            self.style().subControlRect(
                QStyle.ComplexControl.CC_Slider, option, QStyle.SubControl.SC_SliderHandle, self
            )
        )
        colours = theme.current()
        middle = QRectF(self.rect()).center()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        groove = QRectF(2, middle.y() - 2, self.width() - 4, 4)
        painter.setBrush(colours.colour("track"))
        painter.drawRoundedRect(groove, 2, 2)
        colour = colours.colour("accent" if self.isEnabled() else "disabled")
        painter.setBrush(colour)
        left, right = sorted((middle.x(), handle.center().x()))
        painter.drawRoundedRect(QRectF(left, groove.top(), right - left, 4), 2, 2)
        painter.setBrush(colours.colour("muted"))
        painter.drawRoundedRect(QRectF(middle.x() - 1, middle.y() - 6, 2, 12), 1, 1)
        painter.end()
        super().paintEvent(event)
