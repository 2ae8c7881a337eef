"""The colour and the sign of a verdict."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.ui.kit import theme

_COLOURS = {Verdict.PRESENT: "present", Verdict.ABSENT: "absent", Verdict.UNKNOWN: "muted"}


def verdict_colour(verdict: Verdict) -> QColor:
    return theme.current().colour(_COLOURS[verdict])


def paint_verdict_sign(
    painter: QPainter,
    area: QRectF,
    verdict: Verdict,
    ink: QColor,
    *,
    share: float = 0.2,
    width: float = 2.0,
) -> None:
    """Paint a tick or a cross in the middle of ``area``; nothing for unknown.

    Args:
        share: half of the sign's height, as a share of the area's side.
        width: of the pen.
    """
    if verdict is Verdict.UNKNOWN:
        return
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pen = QPen(ink, width)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    centre, unit = area.center(), min(area.width(), area.height()) * share
    if verdict is Verdict.PRESENT:
        painter.drawPolyline(
            [
                centre + QPointF(-unit * 1.2, 0),
                centre + QPointF(-unit * 0.3, unit),
                centre + QPointF(unit * 1.3, -unit),
            ]
        )
    else:
        painter.drawLine(centre + QPointF(-unit, -unit), centre + QPointF(unit, unit))
        painter.drawLine(centre + QPointF(-unit, unit), centre + QPointF(unit, -unit))
    painter.restore()
