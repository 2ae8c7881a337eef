"""What the colours of the heat map mean: a strip of them with figures beside it."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from lmpt_desktop.translation import _, number
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.long_tail.heat_map import Measure, colour_table

_LONG = 160


class ScaleStrip(QWidget):
    """From "0" to the largest value, from left to right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._low, self._high = "0 %", "100 %"
        theme.manager().changed.connect(self._restyle)

    def show_scale(self, measure: Measure, largest: float) -> None:
        share = measure is Measure.SHARE
        self._low = "0 %" if share else "0"
        self._high = "100 %" if share else number(int(largest))
        self.setAccessibleName(
            _("Colours from {low} to {high}").format(low=self._low, high=self._high)
        )
        self.updateGeometry()
        self.update()

    def _restyle(self, *_args: object) -> None:
        self.update()

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        wide = metrics.horizontalAdvance(self._low) + metrics.horizontalAdvance(self._high)
        return QSize(_LONG + wide + 16, metrics.height() + 4)

    def paintEvent(self, event: QPaintEvent) -> None:
        colours, metrics = theme.current(), self.fontMetrics()
        painter = QPainter(self)
        painter.setPen(colours.colour("muted"))
        low, high = metrics.horizontalAdvance(self._low), metrics.horizontalAdvance(self._high)
        flags = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(0, 0, low + 2, self.height()), flags, self._low)
        painter.drawText(
            QRectF(self.width() - high - 2, 0, high + 2, self.height()), flags, self._high
        )
        bar = QRectF(low + 8, 4, self.width() - low - high - 18, self.height() - 8)
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        table = colour_table()
        for place in range(0, 256, 17):
            gradient.setColorAt(place / 255, QColor(*table[place].tolist()))
        painter.fillRect(bar, gradient)
        painter.setPen(colours.colour("border"))
        painter.drawRect(bar)
