"""How a verdict looks and reads, in one place."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.translation import N_, _
from lmpt_desktop.ui.kit import theme

_WORDS = {
    Verdict.PRESENT: N_("present"),
    Verdict.ABSENT: N_("absent"),
    Verdict.UNKNOWN: N_("unknown"),
}
NEXT = {
    Verdict.UNKNOWN: Verdict.PRESENT,
    Verdict.PRESENT: Verdict.ABSENT,
    Verdict.ABSENT: Verdict.UNKNOWN,
}
"""What a number key or a click makes of a verdict."""


def verdict_word(verdict: Verdict) -> str:
    return _(_WORDS[verdict])


def verdict_colour(verdict: Verdict) -> QColor:
    name = {Verdict.PRESENT: "present", Verdict.ABSENT: "absent"}.get(verdict, "muted")
    return theme.current().colour(name)


def paint_sign(painter: QPainter, area: QRectF, verdict: Verdict, ink: QColor) -> None:
    """A tick or a cross in the middle of ``area``; nothing for unknown."""
    if verdict is Verdict.UNKNOWN:
        return
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pen = QPen(ink, 2.0)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    centre, unit = area.center(), min(area.width(), area.height()) * 0.2
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
