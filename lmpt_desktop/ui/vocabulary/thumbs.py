"""A wrapping list of photos with a score beneath each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import (
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from lmpt_desktop.translation import _, decimal
from lmpt_desktop.ui.grid.loader import ThumbnailLoader, bucket_for
from lmpt_desktop.ui.grid.model import Index
from lmpt_desktop.ui.kit import theme

EDGE = 104
LINE_ROLE = Qt.ItemDataRole.UserRole + 1


@dataclass(frozen=True)
class ScoredPhoto:
    """A photo and how well a class fits it; ``predicted``: well enough."""

    image_id: int
    fingerprint: str
    file_name: str
    score: float
    predicted: bool


class ScoredModel(QAbstractListModel):
    """One row a photo."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.lines: list[ScoredPhoto] = []

    def set_lines(self, lines: list[ScoredPhoto]) -> None:
        self.beginResetModel()
        self.lines = list(lines)
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.lines)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self.lines):
            return None
        line = self.lines[index.row()]
        if role == LINE_ROLE:
            return line
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            word = _("predicted") if line.predicted else _("not predicted")
            return _("{file}: {score}, {predicted}").format(
                file=line.file_name, score=decimal(line.score, 2), predicted=word
            )
        return line.file_name if role == Qt.ItemDataRole.ToolTipRole else None


class ScoredDelegate(QStyledItemDelegate):
    """Thumbnail, then the score, green with a tick where it is enough."""

    def __init__(self, loader: ThumbnailLoader | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._loader = loader

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return cell_size(option.fontMetrics.height())

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        line = index.data(LINE_ROLE)
        if not isinstance(line, ScoredPhoto):
            return
        colours = theme.current()
        area = QRectF(option.rect).adjusted(3, 3, -3, -3)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        selected = option.state & QStyle.StateFlag.State_Selected
        painter.fillRect(area, colours.colour("selection" if selected else "raised"))
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(colours.colour("accent"), 2))
            painter.drawRect(area.adjusted(1, 1, -1, -1))
        picture = QRectF(area.left() + 4, area.top() + 4, area.width() - 8, EDGE)
        pixmap = self._loader and self._loader.pixmap(
            line.image_id, line.fingerprint, bucket_for(EDGE)
        )
        if pixmap:
            size = pixmap.size().scaled(picture.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio)
            place = QRectF(0, 0, size.width(), size.height())
            place.moveCenter(picture.center())
            painter.drawPixmap(place, pixmap, QRectF(pixmap.rect()))
        else:
            painter.fillRect(picture, colours.colour("border"))
        metrics = QFontMetricsF(option.font)
        text = QRectF(area.left() + 6, picture.bottom() + 2, area.width() - 12, metrics.height())
        painter.setPen(colours.colour("present" if line.predicted else "muted"))
        painter.drawText(text, Qt.AlignmentFlag.AlignLeft, decimal(line.score, 2))
        if line.predicted:
            painter.drawText(text, Qt.AlignmentFlag.AlignRight, "✓")
        painter.restore()


def cell_size(text_height: int) -> QSize:
    return QSize(EDGE + 16, EDGE + text_height + 16)


class ScoredView(QListView):
    """Photos side by side; Enter or a double click opens one in the grid."""

    image_activated = Signal(int)

    def __init__(
        self, model: ScoredModel, loader: ThumbnailLoader | None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setItemDelegate(ScoredDelegate(loader, self))
        self.setModel(model)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setGridSize(cell_size(self.fontMetrics().height()))
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.activated.connect(self._activated)
        if loader is not None:
            loader.loaded.connect(self._loaded)
        theme.manager().changed.connect(self._loaded)

    def _activated(self, index: QModelIndex) -> None:
        line = index.data(LINE_ROLE)
        if isinstance(line, ScoredPhoto):
            self.image_activated.emit(line.image_id)

    def _loaded(self, *_args: object) -> None:
        self.viewport().update()
