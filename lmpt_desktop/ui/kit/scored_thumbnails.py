"""A wrapping list of photos with captions such as scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QRect,
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

from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.tables import Index
from lmpt_desktop.ui.kit.thumbnails import ThumbnailLoader

THUMBNAIL_ROLE = Qt.ItemDataRole.UserRole + 1
PICTURE_HEIGHT = 112
MARGIN = 4

RowT = TypeVar("RowT")


@dataclass(frozen=True)
class Caption:
    """One line of text below a photo; colours are names of theme colours."""

    text: str
    colour: str = "text"
    sign: str = ""
    """Shown at the right end of the line."""
    sign_colour: str = ""
    """The same as ``colour`` if ""."""


@dataclass(frozen=True)
class ScoredThumbnail:
    """How a row is shown: the photo and the lines below it.

    ``description`` is for the tool tip and screen readers.
    """

    image_id: int
    fingerprint: str
    captions: tuple[Caption, ...]
    description: str


class ScoredThumbnailModel(QAbstractListModel, Generic[RowT]):
    """A photo per row; ``describe`` is called for rows that come into view."""

    def __init__(
        self,
        describe: Callable[[RowT], ScoredThumbnail],
        rows: Sequence[RowT] = (),
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._describe = describe
        self.rows: Sequence[RowT] = rows

    def set_rows(self, rows: Sequence[RowT]) -> None:
        """Replace the photos."""
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        shown = self._describe(self.rows[index.row()])
        if role == THUMBNAIL_ROLE:
            return shown
        if role in (
            Qt.ItemDataRole.DisplayRole,
            Qt.ItemDataRole.ToolTipRole,
            Qt.ItemDataRole.AccessibleTextRole,
        ):
            return shown.description
        return None


class _Delegate(QStyledItemDelegate):
    """Paints the picture, then its captions."""

    def __init__(
        self, loader: ThumbnailLoader | None, cell: QSize, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._loader = loader
        self._cell = cell

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return self._cell

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        shown = index.data(THUMBNAIL_ROLE)
        if not isinstance(shown, ScoredThumbnail):
            return
        # PySide's stubs lack the option's fields.
        rect = cast(QRect, option.rect)  # pyright: ignore[reportAttributeAccessIssue]
        state = cast(QStyle.StateFlag, option.state)  # pyright: ignore[reportAttributeAccessIssue]
        colours = theme.current()
        area = QRectF(rect).adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        selected = state & QStyle.StateFlag.State_Selected
        painter.fillRect(area, colours.colour("selection" if selected else "raised"))
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(colours.colour("accent"), 2))
            painter.drawRect(area.adjusted(1, 1, -1, -1))
        picture = QRectF(area.left() + 4, area.top() + 4, area.width() - 8, PICTURE_HEIGHT)
        painted = self._loader is not None and self._loader.paint(
            painter, shown.image_id, shown.fingerprint, picture
        )
        if not painted:
            painter.fillRect(picture, colours.colour("border"))
        metrics = QFontMetricsF(painter.font())
        line = QRectF(area.left() + 6, picture.bottom() + 3, area.width() - 12, metrics.height())
        for caption in shown.captions:
            width = line.width() - (metrics.horizontalAdvance(caption.sign) + 4) * bool(
                caption.sign
            )
            text = metrics.elidedText(caption.text, Qt.TextElideMode.ElideRight, width)
            painter.setPen(colours.colour(caption.colour))
            painter.drawText(line, Qt.AlignmentFlag.AlignLeft, text)
            painter.setPen(colours.colour(caption.sign_colour or caption.colour))
            painter.drawText(line, Qt.AlignmentFlag.AlignRight, caption.sign)
            line.translate(0, metrics.height() + 1)
        painter.restore()


class ScoredThumbnailView(QListView):
    """Photos side by side; ``lines`` is how many captions each has."""

    image_activated = Signal(int)
    """The id of an image opened by double click or Enter."""

    def __init__(
        self,
        model: ScoredThumbnailModel[Any],
        loader: ThumbnailLoader | None,
        lines: int,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        height = round(lines * (QFontMetricsF(self.font()).height() + 1))
        cell = QSize(PICTURE_HEIGHT + 40, PICTURE_HEIGHT + height + 2 * MARGIN + 10)
        self.setItemDelegate(_Delegate(loader, cell, self))
        self.setModel(model)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setGridSize(cell)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.activated.connect(self._activated)
        if loader is not None:
            loader.loaded.connect(self._repaint)
        theme.manager().changed.connect(self._repaint)

    def _activated(self, index: QModelIndex) -> None:
        shown = index.data(THUMBNAIL_ROLE)
        if isinstance(shown, ScoredThumbnail):
            self.image_activated.emit(shown.image_id)

    def _repaint(self, *_args: object) -> None:
        self.viewport().update()
