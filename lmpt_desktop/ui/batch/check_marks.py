"""The class list of accepting predictions: its check boxes and counts."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from lmpt_desktop.translation import number
from lmpt_desktop.ui.batch.accept_model import ChoiceRole
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.check_box import BOX, paint_check_box

MARGIN = 8


class ChoiceDelegate(QStyledItemDelegate):
    """A row of the class list: check box, name, and the count at the right."""

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        size = super().sizeHint(option, index)
        return QSize(size.width(), max(size.height(), BOX) + 8)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        # PySide's stubs lack the option's fields.
        area = cast(QRect, option.rect)  # pyright: ignore[reportAttributeAccessIssue]
        state = cast(QStyle.StateFlag, option.state)  # pyright: ignore[reportAttributeAccessIssue]
        widget = cast(QWidget, option.widget)  # pyright: ignore[reportAttributeAccessIssue]
        colours = theme.current()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(area, colours.colour("selection"))
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(colours.colour("accent"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(area).adjusted(0.5, 0.5, -0.5, -0.5))
        top = area.top() + (area.height() - BOX) / 2
        on = index.data(ChoiceRole.CHECKED) is True
        paint_check_box(painter, QRectF(area.left() + MARGIN, top, BOX, BOX), on)
        count = number(index.data(ChoiceRole.COUNT))
        metrics = widget.fontMetrics()
        line = area.adjusted(2 * MARGIN + BOX, 0, -MARGIN, 0)
        painter.setPen(colours.colour("muted"))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(line, Qt.AlignmentFlag.AlignRight | middle, count)
        line.setRight(line.right() - metrics.horizontalAdvance(count) - MARGIN)
        painter.setPen(colours.colour("text"))
        name = metrics.elidedText(
            index.data(ChoiceRole.NAME), Qt.TextElideMode.ElideRight, line.width()
        )
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | middle, name)
        painter.restore()

    def editorEvent(
        self,
        event: QEvent,
        model: QAbstractItemModel,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> bool:
        """A click on the box toggles it, as Space does."""
        if event.type() in (QEvent.Type.MouseButtonRelease, QEvent.Type.MouseButtonPress):
            area = cast(QRect, option.rect)  # pyright: ignore[reportAttributeAccessIssue]
            where = cast(QMouseEvent, event).position().x() - area.left()
            if where > 2 * MARGIN + BOX:
                return False
            if event.type() == QEvent.Type.MouseButtonRelease:
                model.setData(index, None, Qt.ItemDataRole.CheckStateRole)
            return True
        if event.type() == QEvent.Type.MouseButtonDblClick:
            return False
        return super().editorEvent(event, model, option, index)
