"""Thumbnails of the predictions to accept, each with its check box, class and score."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QRect,
    QRectF,
    QSize,
    Qt,
    QTimer,
)
from PySide6.QtGui import (
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from lmpt_desktop.translation import decimal
from lmpt_desktop.ui.batch.accept_model import CELL_ROLE, OfferedCell, OfferModel
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.check_box import paint_check_box
from lmpt_desktop.ui.kit.tables import Index
from lmpt_desktop.ui.kit.thumbnails import ThumbnailLoader

EDGE = 120
"""Height of the picture, and its least width."""
TICK = 18
PADDING = 6
SETTLE_MS = 80


class OfferDelegate(QStyledItemDelegate):
    """Paints the picture with a check box in its corner, and class and score below."""

    def __init__(self, loader: ThumbnailLoader, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._loader = loader
        self.cell_size = QSize(EDGE + 4 * PADDING, EDGE + 60)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return self.cell_size

    def tick_area(self, cell: QRect) -> QRect:
        """Where a click hits the check box: a little larger than the box."""
        return QRect(cell.left() + PADDING, cell.top() + PADDING, TICK + 12, TICK + 12)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        cell = index.data(CELL_ROLE)
        if not isinstance(cell, OfferedCell):
            return
        # PySide's stubs lack the option's fields.
        area = cast(QRect, option.rect)  # pyright: ignore[reportAttributeAccessIssue]
        state = cast(QStyle.StateFlag, option.state)  # pyright: ignore[reportAttributeAccessIssue]
        widget = cast(QWidget, option.widget)  # pyright: ignore[reportAttributeAccessIssue]
        colours = theme.current()
        card = QRectF(area).adjusted(3, 3, -3, -3)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        selected = bool(state & QStyle.StateFlag.State_Selected)
        focused = bool(state & QStyle.StateFlag.State_HasFocus)
        edge = colours.colour("accent" if selected or focused else "border")
        painter.setPen(QPen(edge, 2 if focused else 1))
        painter.setBrush(colours.colour("selection" if selected else "surface"))
        painter.drawRoundedRect(card.adjusted(1, 1, -1, -1), 5, 5)
        frame = QRectF(card.left() + 4, card.top() + 4, card.width() - 8, EDGE)
        self._paint_picture(painter, frame, cell, colours)
        box = QRectF(card.left() + PADDING + 2, card.top() + PADDING + 2, TICK, TICK)
        paint_check_box(painter, box, cell.ticked)
        metrics = QFontMetricsF(widget.font())
        line = QRectF(
            card.left() + PADDING, frame.bottom() + 4, card.width() - 2 * PADDING, metrics.height()
        )
        painter.setPen(colours.colour("text" if cell.ticked else "muted"))
        name = metrics.elidedText(cell.class_name, Qt.TextElideMode.ElideRight, line.width())
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft, name)
        line.translate(0, metrics.height() + 1)
        painter.setPen(colours.colour("muted"))
        score = decimal(cell.score, 2)
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft, score)
        line.setLeft(line.left() + metrics.horizontalAdvance(score) + 8)
        file = metrics.elidedText(cell.file_name, Qt.TextElideMode.ElideMiddle, line.width())
        painter.drawText(line, Qt.AlignmentFlag.AlignRight, file)
        painter.restore()

    def _paint_picture(
        self, painter: QPainter, frame: QRectF, cell: OfferedCell, colours: theme.Theme
    ) -> None:
        if not cell.ticked:
            painter.setOpacity(0.35)
        painted = self._loader.paint(painter, cell.image_id, cell.fingerprint, frame)
        painter.setOpacity(1.0)
        if not painted:
            painter.fillRect(frame, colours.colour("raised"))


class OfferView(QListView):
    """Space ticks and unticks the selected cells, a click on a check box its own cell."""

    def __init__(
        self, model: OfferModel, loader: ThumbnailLoader, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("offered-predictions")
        self._model = model
        self._loader = loader
        self.delegate = OfferDelegate(loader, self)
        self.setItemDelegate(self.delegate)
        self.setModel(model)
        # Equal cells in wrapping rows, laid out in batches.
        self.setViewMode(QListView.ViewMode.ListMode)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setLayoutMode(QListView.LayoutMode.Batched)
        self.setBatchSize(5000)
        self.setMovement(QListView.Movement.Static)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        # Qt's own slot visits every selected index; see GridView._listen_to_selection.
        chosen = self.selectionModel()
        chosen.disconnect(self)
        chosen.currentChanged.connect(self.currentChanged)
        chosen.selectionChanged.connect(self._repaint)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._drop_unseen)
        self.verticalScrollBar().valueChanged.connect(self._settle.start)
        model.ticks_changed.connect(self._repaint)
        loader.loaded.connect(self._repaint)
        theme.manager().changed.connect(self._repaint)

    def selected_rows(self) -> NDArray[np.int64]:
        """(n,) int64 rows, ascending; from ranges, so that 100,000 cost nothing."""
        ranges = self.selectionModel().selection().toList()
        if not ranges:
            return np.empty(0, np.int64)
        parts = [np.arange(part.top(), part.bottom() + 1) for part in ranges]
        return np.sort(np.concatenate(parts)).astype(np.int64)

    def toggle_selected(self) -> None:
        """Tick or untick the selected cells."""
        self._model.toggle(self.selected_rows())

    def selectAll(self) -> None:
        count = self._model.rowCount()
        if count:
            every = QItemSelection(self._model.index(0), self._model.index(count - 1))
            self.selectionModel().select(every, QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.modifiers():
            self.toggle_selected()
            return
        if event.text().strip():  # QListView would search every cell for what is typed
            event.ignore()
            return
        super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if index.isValid() and event.button() == Qt.MouseButton.LeftButton:
            area = self.delegate.tick_area(self.visualRect(index))
            if area.contains(event.position().toPoint()):
                self._model.toggle(np.array([index.row()], np.int64))
                return
        super().mousePressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit()
        super().resizeEvent(event)

    def _fit(self) -> None:
        """As many columns as fit; they share the remaining width."""
        height = EDGE + 14 + round(2 * QFontMetricsF(self.font()).height()) + 10
        width = self.viewport().width() - 1
        columns = max(1, width // (EDGE + 40))
        size = QSize(max(EDGE + 40, width // columns), height)
        if size != self.gridSize():
            self.delegate.cell_size = size
            self.setGridSize(size)
            self.verticalScrollBar().setSingleStep(height // 4)

    def _drop_unseen(self) -> None:
        size = self.gridSize()
        columns = max(1, self.viewport().width() // max(1, size.width()))
        top = self.verticalScrollBar().value() // max(1, size.height())
        rows = self.viewport().height() // max(1, size.height()) + 2
        seen = self._model.image_ids(top * columns, (top + rows) * columns)
        self._loader.keep_only(seen)

    def _repaint(self, *_: object) -> None:
        self.viewport().update()
