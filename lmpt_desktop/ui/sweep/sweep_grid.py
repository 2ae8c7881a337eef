"""The photos of one page, as large as fit, ticked by click or Space."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFontMetricsF,
    QKeyEvent,
    QKeySequence,
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

from lmpt_desktop.translation import _, decimal
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.check_box import paint_check_box
from lmpt_desktop.ui.kit.tables import Index
from lmpt_desktop.ui.kit.thumbnails import ThumbnailLoader, bucket_for
from lmpt_desktop.ui.sweep.page_layout import PageLayout, page_layout
from lmpt_desktop.ui.sweep.page_model import CELL_ROLE, SweepCell, SweepModel

TICK = 20
MARGIN = 3
SELECT_NONE = QKeySequence("Ctrl+Shift+A")


class SweepDelegate(QStyledItemDelegate):
    """Paints the picture, the tick in its corner, and the score below."""

    def __init__(self, loader: ThumbnailLoader, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._loader = loader
        self.cell_size = QSize(160, 160)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return self.cell_size

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        cell, model = index.data(CELL_ROLE), index.model()
        if not isinstance(cell, SweepCell) or not isinstance(model, SweepModel):
            return
        # PySide's stubs lack the option's fields.
        area = cast(QRect, option.rect)  # pyright: ignore[reportAttributeAccessIssue]
        state = cast(QStyle.StateFlag, option.state)  # pyright: ignore[reportAttributeAccessIssue]
        widget = cast(QWidget, option.widget)  # pyright: ignore[reportAttributeAccessIssue]
        ticked = model.is_ticked(index.row())
        failure = self._loader.failure(cell.image_id, cell.fingerprint)
        focused = bool(state & QStyle.StateFlag.State_HasFocus)
        selected = bool(state & QStyle.StateFlag.State_Selected)
        colours = theme.current()
        metrics = QFontMetricsF(widget.font())
        card = QRectF(area).adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        edge = colours.colour("accent" if focused else "present" if ticked else "border")
        painter.setPen(QPen(edge, 3 if focused else 2 if ticked else 1))
        painter.setBrush(colours.colour("selection" if selected else "surface"))
        painter.drawRoundedRect(card.adjusted(1, 1, -1, -1), 6, 6)
        inside = card.adjusted(3, 3, -3, -3)
        frame = QRectF(inside)
        frame.setBottom(inside.bottom() - metrics.height())
        painter.fillRect(frame, colours.colour("card_ground"))
        painted = self._loader.paint(painter, cell.image_id, cell.fingerprint, frame)
        painter.setPen(colours.colour("muted"))
        if failure and not painted:
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(frame.adjusted(6, 6, -6, -6), int(flags), failure)
        else:
            box = QRectF(frame.left() + 5, frame.top() + 5, TICK, TICK)
            paint_check_box(painter, box, ticked)
        line = QRectF(inside.left() + 3, frame.bottom(), inside.width() - 6, metrics.height())
        score = decimal(cell.score, 2)
        painter.setPen(colours.colour("text" if ticked else "muted"))
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft, score)
        room = line.width() - metrics.horizontalAdvance(score) - 10
        name = metrics.elidedText(cell.name, Qt.TextElideMode.ElideMiddle, room)
        painter.setPen(colours.colour("muted"))
        painter.drawText(line, Qt.AlignmentFlag.AlignRight, name)
        painter.restore()


class SweepGrid(QListView):
    """Shows as many photos as fit; :attr:`capacity_changed` says when that are others."""

    capacity_changed = Signal()

    def __init__(
        self, model: SweepModel, loader: ThumbnailLoader, size: int, parent: QWidget | None = None
    ) -> None:
        """``size`` is an index in :data:`.page_layout.EDGES`."""
        super().__init__(parent)
        self.setObjectName("sweep-grid")
        self.setAccessibleName(_("Photos that may show the class"))
        self._model = model
        self._loader = loader
        self._size = size
        self._anchor = -1
        self.arrangement: PageLayout = page_layout(640, 480, size, 16)
        self._delegate = SweepDelegate(loader, self)
        self.setItemDelegate(self._delegate)
        self.setModel(model)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setMovement(QListView.Movement.Static)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QListView.Shape.NoFrame)
        model.ticks_changed.connect(self._repaint)
        loader.loaded.connect(self._repaint)
        theme.manager().changed.connect(self._repaint)

    # ---------------------------------------------------------------------------- pictures

    @property
    def picture_bucket(self) -> int:
        """The size of the thumbnails that the page needs."""
        return bucket_for(self.arrangement.edge * self.devicePixelRatioF())

    def has_picture(self, cell: SweepCell) -> bool:
        """Whether a photo is, or can be, on screen; asks for its picture if not."""
        return self._loader.pixmap(cell.image_id, cell.fingerprint, self.picture_bucket) is not None

    def set_size(self, size: int) -> None:
        """Show larger or smaller photos."""
        self._size = size
        self._fit()

    def go_to_first(self) -> None:
        """Make the first photo the current one."""
        self._anchor = -1
        if self._model.rowCount():
            self.setCurrentIndex(self._model.index(0))

    # ------------------------------------------------------------------------------- input

    def event(self, event: QEvent) -> bool:
        # Window-wide keys that mean something else on this page.
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and self._ticking_all(event) is not None
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if (every := self._ticking_all(event)) is not None:
            self._model.tick(range(self._model.rowCount()), every)
        elif event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            rows = sorted({index.row() for index in self.selectedIndexes()})
            current = self.currentIndex().row()
            self._model.toggle(rows if current in rows else [current])
            self._anchor = current
        elif event.text().strip():  # QListView would search every cell for what is typed
            event.ignore()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if event.button() is not Qt.MouseButton.LeftButton or not index.isValid():
            super().mousePressEvent(event)
            return
        row = index.row()
        shift = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        if shift and 0 <= self._anchor < self._model.rowCount():
            first, last = sorted((self._anchor, row))
            self._model.tick(range(first, last + 1), self._model.is_ticked(self._anchor))
        else:
            self._model.toggle([row])
            self._anchor = row
        self.setCurrentIndex(index)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Nothing: a click that moves a little is no selection."""

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.mousePressEvent(event)

    @staticmethod
    def _ticking_all(event: QKeyEvent) -> bool | None:
        """Whether a key ticks (True) or unticks (False) all photos; None for other keys."""
        if event.matches(QKeySequence.StandardKey.SelectAll):
            return True
        if QKeySequence(event.keyCombination()) == SELECT_NONE:
            return False
        return None

    # -------------------------------------------------------------------------------- fit

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit()
        super().resizeEvent(event)

    def _fit(self) -> None:
        line = round(QFontMetricsF(self.font()).height())
        room = self.contentsRect()
        # A pixel to spare, or the list wraps before the last column.
        found = page_layout(room.width() - 2, room.height() - 1, self._size, line)
        scrolls = found.height * found.rows > room.height()
        if scrolls:
            bar = self.style().pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent)
            found = page_layout(room.width() - bar - 2, room.height() - 1, self._size, line)
        on, off = Qt.ScrollBarPolicy.ScrollBarAlwaysOn, Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        self.setVerticalScrollBarPolicy(on if scrolls else off)
        if found != self.arrangement:
            before, self.arrangement = self.arrangement, found
            self._delegate.cell_size = QSize(found.width, found.height)
            self.setGridSize(self._delegate.cell_size)
            if before.capacity != found.capacity:
                self.capacity_changed.emit()

    def _repaint(self, *_: object) -> None:
        self.viewport().update()
