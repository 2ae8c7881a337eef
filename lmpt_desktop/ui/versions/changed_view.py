"""Thumbnails of the images whose predictions change."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter
from PySide6.QtWidgets import (
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from lmpt_desktop.translation import _, decimal
from lmpt_desktop.ui.grid.loader import ThumbnailLoader, bucket_for
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.versions.comparison_models import CHANGED_ROLE, ChangedLine, ChangedModel

EDGE = 112
CELL = QSize(EDGE + 40, EDGE + 62)


class ChangedDelegate(QStyledItemDelegate):
    """Thumbnail, then "+ class" or "− class", then the two scores."""

    def __init__(self, loader: ThumbnailLoader, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._loader = loader

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return CELL

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        line = index.data(CHANGED_ROLE)
        if not isinstance(line, ChangedLine):
            return
        colours = theme.current()
        area = QRectF(option.rect).adjusted(4, 4, -4, -4)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        selected = option.state & QStyle.StateFlag.State_Selected
        painter.fillRect(area, colours.colour("selection" if selected else "raised"))
        picture = QRectF(area.left() + 4, area.top() + 4, area.width() - 8, EDGE)
        self._paint_picture(painter, picture, line, colours)
        metrics = QFontMetricsF(option.font)
        text = QRectF(area.left() + 6, picture.bottom() + 3, area.width() - 12, metrics.height())
        gained = line.change.gained
        painter.setPen(colours.colour("present" if gained else "absent"))
        name = f"{'+' if gained else '−'} {line.class_name}"
        shown = metrics.elidedText(name, Qt.TextElideMode.ElideRight, text.width())
        painter.drawText(text, Qt.AlignmentFlag.AlignLeft, shown)
        painter.setPen(colours.colour("muted"))
        scores = f"{decimal(line.change.old_score, 2)} → {decimal(line.change.new_score, 2)}"
        below = text.translated(0, metrics.height() + 1)
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft, scores)
        if line.agrees is not None:
            painter.setPen(colours.colour("present" if line.agrees else "error"))
            sign = "✓" if line.agrees else "≠"
            painter.drawText(below, Qt.AlignmentFlag.AlignRight, sign)
        painter.restore()

    def _paint_picture(
        self, painter: QPainter, area: QRectF, line: ChangedLine, colours: theme.Theme
    ) -> None:
        bucket = bucket_for(EDGE)
        image = line.change.image_id
        pixmap = self._loader.pixmap(image, line.fingerprint, bucket)
        if pixmap is None:
            painter.fillRect(area, colours.colour("border"))
            return
        size = pixmap.size().scaled(area.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRectF(0, 0, size.width(), size.height())
        place.moveCenter(area.center())
        painter.drawPixmap(place, pixmap, QRectF(pixmap.rect()))


class ChangedView(QListView):
    """A wrapping list of :class:`ChangedModel`."""

    image_activated = Signal(int)

    def __init__(
        self, model: ChangedModel, loader: ThumbnailLoader, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("changed-predictions")
        self.setAccessibleName(_("Predictions that change"))
        self.setItemDelegate(ChangedDelegate(loader, self))
        self.setModel(model)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setGridSize(CELL)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.activated.connect(self._activated)
        loader.loaded.connect(self._loaded)
        theme.manager().changed.connect(self._loaded)

    def _activated(self, index: QModelIndex) -> None:
        line = index.data(CHANGED_ROLE)
        if isinstance(line, ChangedLine):
            self.image_activated.emit(line.change.image_id)

    def _loaded(self, *_: object) -> None:
        self.viewport().update()
