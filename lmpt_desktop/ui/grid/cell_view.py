"""Layout, scrolling and painting of equal cells, for a million images.

The position of a cell is computed (:mod:`~lmpt_desktop.ui.grid.geometry`), not stored: the cost of
opening, resizing, zooming and painting does not depend on the number of images.

This is a ``QListView`` only for assistive technology: Qt exposes the items of a list, but nothing
in a plain ``QAbstractItemView``.  ``QListView``'s own layout, which asks for the number of rows
once per row, is bypassed by calling its base class.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPoint, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QListView,
    QStyle,
    QStyleOptionViewItem,
    QWidget,
)

from lmpt_desktop import settings
from lmpt_desktop.ui.grid.card_pictures import CardPictures
from lmpt_desktop.ui.grid.cells import Cell
from lmpt_desktop.ui.grid.delegate import GridDelegate
from lmpt_desktop.ui.grid.geometry import Geometry
from lmpt_desktop.ui.grid.model import GridModel, Index
from lmpt_desktop.ui.grid.selection import GridSelection
from lmpt_desktop.ui.grid.stack_layout import StackLayout
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.thumbnails import ThumbnailLoader

ZOOM_STEP = 20
ZOOM_MIN, ZOOM_MAX = settings.ZOOM.bounds
ZOOM_DEFAULT = settings.ZOOM.default
AHEAD_SCREENS = 2
"""How far the thumbnails are loaded before they come into view."""
SETTLE_MS = 120
"""How long the view must not scroll before ``visible_changed`` is emitted."""

_State = QStyle.StateFlag


class CellView(QListView):
    """Thumbnails in rows, sized by :attr:`zoom`.

    The selection is only painted here; :class:`lmpt_desktop.ui.grid.view.GridView` changes it.
    """

    visible_changed = Signal(list)
    """Ids of the visible images, top left first, once the view has stopped scrolling."""
    zoom_changed = Signal(int)

    def __init__(
        self, model: GridModel, loader: ThumbnailLoader, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._model = model
        self._loader = loader
        self._delegate = GridDelegate(loader, self)
        self._delegate.set_zoom(ZOOM_DEFAULT)
        self.cells = Geometry(0, 1, 1, 1, 0, 0)
        """The layout of the cells."""
        self.chosen = GridSelection()
        """The selected positions."""
        self.band: QRect | None = None
        """The rubber band being drawn, in viewport pixels."""
        self._hovered = -1
        self._pictures = CardPictures()
        self._last_offset = 0
        self._upwards = False
        """Whether the view was last scrolled towards the top."""
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._settled)
        self.setModel(model)
        self.setItemDelegate(self._delegate)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # A scroll bar that appears and disappears would change the number of columns.
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.verticalScrollBar().valueChanged.connect(self._moved)
        model.modelReset.connect(self._rows_replaced)
        model.repaint_requested.connect(self._repaint)
        model.cells_renewed.connect(self._repaint_changed)
        loader.loaded.connect(self._thumbnail_loaded)
        theme.manager().changed.connect(self._repaint)
        self._lay_out()

    # ---------------------------------------------------------------------------- layout

    @property
    def zoom(self) -> int:
        return self._delegate.zoom

    def set_zoom(self, pixels: int) -> None:
        """Set the maximum thumbnail height; the image in view stays in view."""
        pixels = max(ZOOM_MIN, min(ZOOM_MAX, pixels))
        if pixels == self._delegate.zoom:
            return
        anchor = self._anchor()
        self._delegate.set_zoom(pixels)
        self._lay_out()
        if anchor >= 0:
            self.verticalScrollBar().setValue(self.cells.scroll_to_centre(anchor))
        self.zoom_changed.emit(pixels)
        self._moved()

    def _anchor(self) -> int:
        """The position to keep in view when the layout changes: the current one if it is visible,
        else the first visible one."""
        visible, current = self.visible_positions(), self.currentIndex().row()
        if current in visible:
            return current
        return visible[0] if len(visible) else -1

    def _lay_out(self) -> None:
        """Compute the geometry again, update the scroll bar, and paint all."""
        self._fit()
        self.viewport().update()

    def _fit(self) -> None:
        """Compute the geometry again and update the scroll bar."""
        cell = self._delegate.cell_size(self.font())
        view = self.viewport().size()
        self.cells = Geometry.fitting(
            self._model.rowCount(),
            (cell.width(), cell.height()),
            (view.width(), view.height()),
            mirrored=self.isRightToLeft(),
        )
        self._delegate.set_cell_size(QSize(self.cells.cell_width, self.cells.cell_height))
        bar = self.verticalScrollBar()
        bar.setRange(0, self.cells.scroll_range)
        bar.setPageStep(max(1, view.height()))
        bar.setSingleStep(max(20, self.cells.cell_height // 4))

    def doItemsLayout(self) -> None:
        QAbstractItemView.doItemsLayout(self)  # calls updateGeometries

    def updateGeometries(self) -> None:
        self._lay_out()
        QAbstractItemView.updateGeometries(self)

    def resizeEvent(self, event: QResizeEvent) -> None:
        before, top, anchor = self.cells, self.verticalOffset(), self._anchor()
        QAbstractItemView.resizeEvent(self, event)  # calls updateGeometries
        if anchor >= 0 and self.cells.columns != before.columns:
            inside = top - before.top_left(anchor)[1]
            self.verticalScrollBar().setValue(self.cells.top_left(anchor)[1] + inside)
        self._moved()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (
            QEvent.Type.FontChange,
            QEvent.Type.StyleChange,
            QEvent.Type.LayoutDirectionChange,
        ):
            self._pictures.clear()
            self._lay_out()

    def _rows_replaced(self) -> None:
        self.chosen.reset(self._model.rowCount())
        self._hovered = -1
        self._lay_out()
        self._moved()

    def rowsInserted(self, parent: Index, start: int, end: int) -> None:
        """Photos came after the others, of which none has another place."""
        QAbstractItemView.rowsInserted(self, parent, start, end)  # QListView's lays out all
        self.chosen.grow(self._model.rowCount())
        self._fit()
        seen = self.visible_positions()
        for position in range(max(start, seen.start), min(end + 1, seen.stop)):
            self._repaint_cell(position)
        if start < seen.stop:
            self._moved()
        else:
            self._look_ahead(seen)

    def horizontalOffset(self) -> int:
        return 0

    def verticalOffset(self) -> int:
        return self.verticalScrollBar().value()

    def visualRect(self, index: Index) -> QRect:
        if not index.isValid() or index.row() >= self.cells.count:
            return QRect()
        return self._rect(index.row())

    def _rect(self, position: int) -> QRect:
        left, top = self.cells.top_left(position)
        return QRect(
            left, top - self.verticalOffset(), self.cells.cell_width, self.cells.cell_height
        )

    def indexAt(self, point: QPoint) -> QModelIndex:
        position = self.position_at(point)
        return self._model.index(position) if position >= 0 else QModelIndex()

    def position_at(self, point: QPoint) -> int:
        """The position at a viewport pixel, or -1."""
        return self.content_position_at(point + QPoint(0, self.verticalOffset()))

    def content_position_at(self, point: QPoint) -> int:
        """The position at a content pixel, or -1."""
        return self.cells.position_at(point.x(), point.y())

    @property
    def stacks(self) -> StackLayout | None:
        """How stacks are shown; None if they are not."""
        return self._model.stacks

    def on_stack_sign(self, point: QPoint) -> bool:
        """Whether a viewport pixel is on the sign of a stack."""
        position = self.position_at(point)
        part = self._model.cell(position).stack if position >= 0 else None
        if part is None or (part.open and not part.first):
            return False
        return self._delegate.stack_sign(self._rect(position), part).contains(point)

    def scrollTo(
        self,
        index: Index,
        hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible,
    ) -> None:
        if not index.isValid() or index.row() >= self.cells.count:
            return
        bar, position = self.verticalScrollBar(), index.row()
        match hint:
            case QAbstractItemView.ScrollHint.PositionAtCenter:
                bar.setValue(self.cells.scroll_to_centre(position))
            case QAbstractItemView.ScrollHint.PositionAtTop:
                bar.setValue(self.cells.top_left(position)[1])
            case QAbstractItemView.ScrollHint.PositionAtBottom:
                below = self.cells.top_left(position)[1] + self.cells.cell_height
                bar.setValue(below - self.cells.height)
            case _:
                bar.setValue(self.cells.scroll_to_show(position, bar.value()))

    def isIndexHidden(self, index: Index) -> bool:
        return False

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        # Pixels that stay visible are copied; only newly exposed ones are painted.
        self.viewport().scroll(0, dy)
        if self.band is not None:
            self.viewport().update()
        elif self.viewport().underMouse():
            self.hover(self.viewport().mapFromGlobal(self.cursor().pos()))

    def restore_scroll(self, offset: int) -> None:
        """Restore the scroll offset from before the rows were replaced."""
        self.verticalScrollBar().setValue(offset)

    # --------------------------------------------------------------------------- painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        try:
            self._paint(painter, event.rect())
        finally:
            # After an error too: its traceback would keep the painter alive.
            painter.end()

    def _paint(self, painter: QPainter, area: QRect) -> None:
        current = self.currentIndex().row() if self.hasFocus() else -1
        for position in self.cells.visible(self.verticalOffset() + area.top(), area.height()):
            place = self._rect(position)
            if not place.intersects(area):
                continue
            state = _State.State_Enabled | _State.State_Active
            if position in self.chosen:
                state |= _State.State_Selected
            if position == current:
                state |= _State.State_HasFocus
            if position == self._hovered:
                state |= _State.State_MouseOver
            painter.drawPixmap(place.topLeft(), self._picture(position, state))
        if self.band is not None:
            accent = theme.current().colour("accent")
            fill = QColor(accent)
            fill.setAlpha(40)
            painter.setPen(QPen(accent, 1))
            painter.setBrush(fill)
            painter.drawRect(self.band.adjusted(0, 0, -1, -1))

    def _picture(self, position: int, state: QStyle.StateFlag) -> QPixmap:
        """The card at a position, as it was painted before if it looks the same."""
        cell, ratio = self._model.cell(position), self.devicePixelRatioF()
        size = QSize(self.cells.cell_width, self.cells.cell_height)
        look = (cell, state, size, ratio, self._delegate.thumbnail(cell, ratio))
        picture = self._pictures.get(position, look)
        if picture is None:
            picture = self._painted(position, state, size, ratio)
            self._pictures.keep(position, look, picture, self.visible_positions())
        return picture

    def _painted(
        self, position: int, state: QStyle.StateFlag, size: QSize, ratio: float
    ) -> QPixmap:
        picture = QPixmap(size * ratio)
        picture.setDevicePixelRatio(ratio)
        # Not transparent: text is smoothed for the ground that it stands on.
        picture.fill(self.viewport().palette().color(self.viewport().backgroundRole()))
        option = QStyleOptionViewItem()
        self.initViewItemOption(option)
        # PySide's stubs lack the option's fields.
        option.rect = QRect(QPoint(0, 0), size)  # pyright: ignore[reportAttributeAccessIssue]
        option.state = state  # pyright: ignore[reportAttributeAccessIssue]
        painter = QPainter(picture)
        try:
            painter.setFont(self.font())
            painter.setLayoutDirection(self.layoutDirection())
            self._delegate.paint(painter, option, self._model.index(position))
        finally:
            painter.end()
        return picture

    def _repaint(self, *_: object) -> None:
        self._pictures.clear()
        self.viewport().update()

    def _repaint_changed(self, before: dict[int, Cell]) -> None:
        """Repaint the cells whose content is another than ``before``, by position: a verdict
        changes one of them."""
        for position in self.visible_positions():
            if before.get(position) != self._model.cell(position):
                self._repaint_cell(position)

    def _repaint_cell(self, position: int) -> None:
        if position >= 0:
            self.viewport().update(self._rect(position))

    def _thumbnail_loaded(self, image_id: int) -> None:
        place = self._model.position_of(image_id)
        if place in self.visible_positions():
            self._repaint_cell(place)

    # ----------------------------------------------------------------------------- mouse

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self.hover(None)
        return super().viewportEvent(event)

    def hover(self, point: QPoint | None) -> None:
        """Update the hovered cell; ``point`` is in viewport pixels, None outside of the view."""
        inside = point is not None and self.viewport().rect().contains(point)
        hovered = self.position_at(point) if point is not None and inside else -1
        if hovered != self._hovered:
            self._repaint_cell(self._hovered)
            self._repaint_cell(hovered)
            self._hovered = hovered

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            step = ZOOM_STEP if event.angleDelta().y() > 0 else -ZOOM_STEP
            self.set_zoom(self.zoom + step)
            event.accept()
            return
        super().wheelEvent(event)

    # ---------------------------------------------------------------------------- visible

    def visible_positions(self) -> range:
        """The visible grid positions, computed from the geometry alone."""
        return self.cells.visible(self.verticalOffset())

    def visible_ids(self) -> list[int]:
        seen = self.visible_positions()
        return self._model.ids[seen.start : seen.stop].tolist()

    def _moved(self) -> None:
        offset, seen = self.verticalOffset(), self.visible_positions()
        if offset != self._last_offset:
            self._upwards = offset < self._last_offset
            self._last_offset = offset
        self._loader.keep_only(self._model.ids[seen.start : seen.stop].tolist())
        self._look_ahead(seen)
        self._settle.start()

    def _look_ahead(self, seen: range) -> None:
        """Have the thumbnails made that come into view next."""
        self._loader.expect(
            self._ahead(seen), *self._delegate.thumbnail_size(self.devicePixelRatioF())
        )

    def _ahead(self, seen: range) -> list[tuple[int, str]]:
        """Ids and fingerprints of what comes into view next if scrolling goes on, the next
        first."""
        most, model = AHEAD_SCREENS * len(seen), self._model
        if self._upwards:
            coming = range(seen.start - 1, max(-1, seen.start - 1 - most), -1)
        else:
            coming = range(seen.stop, min(model.rowCount(), seen.stop + most))
        return [(model.image_id(position), model.fingerprint(position)) for position in coming]

    def _settled(self) -> None:
        ids = self.visible_ids()
        if ids:
            self.visible_changed.emit(ids)
