"""A check box that looks the same on photos and in lists, light and dark."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF

from lmpt_desktop.ui.kit import theme

BOX = 14
"""Pixels of a check box in a list."""
_TICK = ((0.25, 0.52), (0.43, 0.70), (0.76, 0.32))


def paint_check_box(painter: QPainter, box: QRectF, on: bool) -> None:
    """Paint a box, checked or not."""
    colours = theme.current()
    painter.setPen(QPen(colours.colour("accent" if on else "muted"), 1.5))
    painter.setBrush(colours.colour("accent" if on else "surface"))
    painter.drawRoundedRect(box, 4, 4)
    if on:
        pen = QPen(colours.colour("on_accent"), 2)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        points = [
            QPointF(box.left() + x * box.width(), box.top() + y * box.height()) for x, y in _TICK
        ]
        painter.drawPolyline(QPolygonF(points))
