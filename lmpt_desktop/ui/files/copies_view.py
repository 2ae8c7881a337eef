"""The list of groups of copies: a thumbnail and what there is to do, one below the other."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import QEvent, QItemSelectionModel, QRect, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from lmpt_desktop.engine.files.copies import LEAVE, NEWEST
from lmpt_desktop.ui.files.copies_model import CELL_ROLE, GroupCell, GroupModel
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.tables import Index
from lmpt_desktop.ui.kit.thumbnails import ThumbnailLoader

PADDING = 8
LINES = 4
SETTLE_MS = 80
_KEYS = {Qt.Key.Key_N: NEWEST, Qt.Key.Key_L: LEAVE}


class GroupDelegate(QStyledItemDelegate):
    """Paints a group."""

    def __init__(self, loader: ThumbnailLoader, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._loader = loader

    @staticmethod
    def height(widget: QWidget) -> int:
        """The height of a row."""
        return round(LINES * (QFontMetricsF(widget.font()).height() + 2)) + 2 * PADDING

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        # PySide's stubs lack the option's fields.
        widget = cast(QWidget, option.widget)  # pyright: ignore[reportAttributeAccessIssue]
        return QSize(200, self.height(widget))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        cell = index.data(CELL_ROLE)
        if not isinstance(cell, GroupCell):
            return
        area = cast(QRect, option.rect)  # pyright: ignore[reportAttributeAccessIssue]
        state = cast(QStyle.StateFlag, option.state)  # pyright: ignore[reportAttributeAccessIssue]
        widget = cast(QWidget, option.widget)  # pyright: ignore[reportAttributeAccessIssue]
        colours = theme.current()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(area, colours.colour("selection"))
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(colours.colour("accent"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(area).adjusted(0.5, 0.5, -0.5, -0.5))
        side = area.height() - 2 * PADDING
        frame = QRectF(area.left() + PADDING, area.top() + PADDING, side * 1.2, side)
        if not self._loader.paint(painter, cell.image_id, cell.fingerprint, frame):
            painter.fillRect(frame, colours.colour("raised"))
        self._text(
            painter, area.adjusted(round(frame.width()) + 3 * PADDING, 0, 0, 0), cell, widget
        )
        painter.restore()

    def _text(self, painter: QPainter, area: QRect, cell: GroupCell, widget: QWidget) -> None:
        colours = theme.current()
        font = widget.font()
        step = QFontMetricsF(font).height() + 2
        parts = [
            (cell.title, "text", True),
            (cell.names, "muted", False),
            (cell.difference, "text", False),
            (cell.contradiction, "warning" if cell.is_open else "text", False),
        ]
        shown = [part for part in parts if part[0]]
        top = area.top() + (area.height() - step * len(shown)) / 2
        for text, colour, bold in shown:
            font.setBold(bold)
            painter.setFont(font)
            metrics = QFontMetricsF(font)
            line = QRectF(area.left(), top, area.width() - PADDING, step)
            painter.setPen(colours.colour(colour))
            mode = Qt.TextElideMode.ElideRight
            painter.drawText(
                line,
                Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
                metrics.elidedText(text, mode, line.width()),
            )
            top += step


class GroupView(QListView):
    """N lets the newest verdict count in the selected groups, L leaves contradictions alone."""

    def __init__(
        self, model: GroupModel, loader: ThumbnailLoader, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("copies")
        self._model = model
        self._loader = loader
        self.setItemDelegate(GroupDelegate(loader, self))
        self.setModel(model)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._drop_unseen)
        self.verticalScrollBar().valueChanged.connect(self._settle.start)
        loader.loaded.connect(self._repaint)
        theme.manager().changed.connect(self._repaint)
        self._fit()

    def selected_rows(self) -> list[int]:
        """The selected rows, ascending."""
        ranges = self.selectionModel().selection().toList()
        return sorted(row for part in ranges for row in range(part.top(), part.bottom() + 1))

    def select_row(self, row: int) -> None:
        """Select a row only, whichever keys are held down."""
        chosen = self.selectionModel()
        chosen.setCurrentIndex(
            self._model.index(row), QItemSelectionModel.SelectionFlag.ClearAndSelect
        )
        self.scrollTo(self._model.index(row))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        choice = _KEYS.get(Qt.Key(event.key()))
        if choice is not None and not event.modifiers():
            self._model.choose(self.selected_rows(), choice)
            return
        if event.text().strip():  # QListView would search every group for what is typed
            event.ignore()
            return
        super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit()

    def _fit(self) -> None:
        self.verticalScrollBar().setSingleStep(GroupDelegate.height(self) // 2)

    def _drop_unseen(self) -> None:
        height = GroupDelegate.height(self)
        top = self.verticalScrollBar().value() // height
        rows = self.viewport().height() // height + 2
        self._loader.keep_only(self._model.image_ids(top, top + rows))

    def _repaint(self, *_: object) -> None:
        self.viewport().update()
