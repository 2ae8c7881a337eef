"""A condition of the filter as a button that can be removed."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from lmpt_desktop.translation import _
from lmpt_desktop.ui.grid.filter_texts import Condition
from lmpt_desktop.ui.kit import theme

WIDEST = 230
PADDING = 9
CROSS = 7
"""Pixels of the cross; its area is the whole right end."""


class FilterToken(QAbstractButton):
    """A click edits the condition; a click on the cross, Delete or Backspace removes it."""

    removed = Signal(object)
    """Its :class:`Condition`."""

    def __init__(self, condition: Condition, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"filter-token-{condition.name.lower()}")
        self.condition = condition
        # The grid keeps the keyboard when a token is clicked.
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self._over_cross = False
        self.show_text(text)
        theme.manager().changed.connect(self._repaint)

    def show_text(self, text: str) -> None:
        """Show another text for the same condition."""
        self.setText(text)
        self.setAccessibleName(_("Filter: {text}").format(text=text))
        self.setAccessibleDescription(_("Enter edits it, Delete removes it"))
        self.setToolTip(
            _("{text}\nClick to edit. The cross or Delete removes it.").format(text=text)
        )
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        width = metrics.horizontalAdvance(self.text()) + 3 * PADDING + CROSS + 2
        return QSize(min(WIDEST, width), metrics.height() + 8)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def _cross_area(self) -> QRectF:
        width = CROSS + 2 * PADDING
        return QRectF(self.width() - width, 0, width, self.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        focused = self.hasFocus()
        painter.setPen(QPen(colours.colour("accent" if focused else "border"), 2 if focused else 1))
        painter.setBrush(colours.colour("selection" if self.underMouse() else "raised"))
        body = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.drawRoundedRect(body, body.height() / 2, body.height() / 2)
        cross = self._cross_area()
        room = QRectF(PADDING + 1, 0, cross.left() - PADDING + 2, self.height())
        painter.setPen(colours.colour("text"))
        text = self.fontMetrics().elidedText(
            self.text(), Qt.TextElideMode.ElideRight, int(room.width())
        )
        painter.drawText(
            room, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), text
        )
        pen = QPen(colours.colour("text" if self._over_cross else "muted"), 1.5)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        centre = cross.center() + QPointF(-2, 0)
        half = CROSS / 2
        painter.drawLine(centre + QPointF(-half, -half), centre + QPointF(half, half))
        painter.drawLine(centre + QPointF(-half, half), centre + QPointF(half, -half))
        painter.end()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.removed.emit(self.condition)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        self._show_over_cross(self._cross_area().contains(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._show_over_cross(False)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if (
            event.button() == Qt.MouseButton.LeftButton
            and self.isDown()
            and self._cross_area().contains(event.position())
        ):
            self.setDown(False)
            self.removed.emit(self.condition)
        else:
            super().mouseReleaseEvent(event)

    def _show_over_cross(self, over: bool) -> None:
        if over != self._over_cross:
            self._over_cross = over
            self.update()

    def _repaint(self, *_: object) -> None:
        self.update()
