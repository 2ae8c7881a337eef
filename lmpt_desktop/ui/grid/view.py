"""The list view of the grid: layout, selection and keyboard for 100,000 images.

``ListMode`` with wrapping lays 100,000 equal cells out in a few milliseconds per batch (icon
mode keeps an object and a tree node per item: 160 ms at once, measured).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QPoint,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QAbstractItemView, QListView, QWidget

from lmpt_desktop.ui import theme
from lmpt_desktop.ui.grid.delegate import GridDelegate
from lmpt_desktop.ui.grid.loader import ThumbnailLoader
from lmpt_desktop.ui.grid.model import GridModel, Index

ZOOM_MIN, ZOOM_MAX, ZOOM_STEP, ZOOM_USUAL = 80, 400, 20, 160
SETTLE_MS = 120
"""How long the view must rest before the visible images count as looked at."""


class GridView(QListView):
    """Thumbnails in rows; sizes follow :attr:`zoom`."""

    current_changed = Signal(int)
    """The image id the keyboard is on; -1 for none."""
    selection_settled = Signal()
    """The selection is another one; ask :meth:`selected_ids`."""
    visible_changed = Signal(list)
    """Image ids in sight, top left first, after the view has come to rest."""
    zoom_changed = Signal(int)
    menu_wanted = Signal(QPoint)
    """A context menu at this place on the screen."""
    activated_image = Signal(int)

    def __init__(
        self, model: GridModel, loader: ThumbnailLoader, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("grid")
        self.setAccessibleName("Photos")
        self._model = model
        self._loader = loader
        self._delegate = GridDelegate(loader, self)
        self.setModel(model)
        self.setItemDelegate(self._delegate)
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
        # A bar that comes and goes would change the width, and with it the columns.
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setMouseTracking(True)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._settled)
        self._selection_timer = QTimer(self)
        self._selection_timer.setSingleShot(True)
        self._selection_timer.setInterval(0)
        self._selection_timer.timeout.connect(self.selection_settled)
        self._listen_to_selection()
        self.verticalScrollBar().valueChanged.connect(self._moved)
        model.modelReset.connect(self._moved)
        # A reset empties the selection without a word from the selection model.
        model.modelReset.connect(self._selection_timer.start)
        model.repaint_wanted.connect(self._repaint)
        loader.loaded.connect(self._thumbnail_loaded)
        theme.manager().changed.connect(self._repaint)
        self.activated.connect(
            lambda index: self.activated_image.emit(self._model.image_id(index.row()))
        )
        self.set_zoom(ZOOM_USUAL)

    # ----------------------------------------------------------------------------- zoom

    @property
    def zoom(self) -> int:
        return self._delegate.zoom

    def set_zoom(self, pixels: int) -> None:
        """Make thumbnails this high at most; the image in sight stays in sight."""
        pixels = max(ZOOM_MIN, min(ZOOM_MAX, pixels))
        if pixels == self._delegate.zoom and self.gridSize().isValid():
            return
        anchor = self.currentIndex()
        visible = self.visible_positions()
        if (not anchor.isValid() or anchor.row() not in visible) and len(visible):
            anchor = self._model.index(visible[0])
        self._delegate.set_zoom(pixels)
        self._fit_columns()
        if anchor.isValid():
            self.scrollTo(anchor, QAbstractItemView.ScrollHint.PositionAtCenter)
        self.zoom_changed.emit(pixels)
        self._moved()

    def _fit_columns(self) -> None:
        """As many columns as fit, which share what is left of the width."""
        size = self._delegate.cell_size(self.font())
        # Cells that fill the width to the last pixel make Qt wrap one column early.
        width = self.viewport().width() - 1
        columns = max(1, width // size.width())
        size.setWidth(max(size.width(), width // columns))
        if size != self.gridSize():
            self._delegate.set_cell_size(size)
            self.setGridSize(size)
            self.verticalScrollBar().setSingleStep(max(20, size.height() // 4))
            self.scheduleDelayedItemsLayout()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            step = ZOOM_STEP if event.angleDelta().y() > 0 else -ZOOM_STEP
            self.set_zoom(self.zoom + step)
            event.accept()
            return
        super().wheelEvent(event)

    # ------------------------------------------------------------------------- selection

    def selected_positions(self) -> NDArray[np.int64]:
        """(n,) int64 grid positions, rising; from ranges, so that 100,000 cost nothing."""
        ranges = self.selectionModel().selection()
        parts = [np.arange(part.top(), part.bottom() + 1) for part in ranges.toList()]
        if not parts:
            return np.empty(0, np.int64)
        return np.sort(np.concatenate(parts)).astype(np.int64)

    def selected_count(self) -> int:
        """How many images are selected."""
        return sum(part.height() for part in self.selectionModel().selection().toList())

    def selected_ids(self) -> list[int]:
        """Image ids of the selection, in grid order."""
        return self._model.ids[self.selected_positions()].tolist()

    def current_id(self) -> int:
        index = self.currentIndex()
        return self._model.image_id(index.row()) if index.isValid() else -1

    def select_ids(self, image_ids: list[int], current: int = -1) -> None:
        """Select these images as far as they are shown, and put the keyboard on one."""
        positions = sorted(
            place for id_ in image_ids if (place := self._model.position_of(id_)) >= 0
        )
        selection = QItemSelection()
        for first, last in runs(positions):
            selection.select(self._model.index(first), self._model.index(last))
        model = self.selectionModel()
        model.select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        place = self._model.position_of(current)
        if place >= 0:
            model.setCurrentIndex(
                self._model.index(place), QItemSelectionModel.SelectionFlag.NoUpdate
            )

    def selectAll(self) -> None:
        count = self._model.rowCount()
        if count:
            every = QItemSelection(self._model.index(0), self._model.index(count - 1))
            self.selectionModel().select(every, QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def _listen_to_selection(self) -> None:
        """Hear the selection model without Qt's own slots.

        Qt's slot visits every index of a selection to find what to repaint: 0.7 s for 100,000
        images.  It is disconnected rather than overridden, because overriding a virtual that
        takes a QItemSelection corrupts memory in PySide 6.10 and 6.11.
        """
        chosen = self.selectionModel()
        chosen.disconnect(self)
        chosen.currentChanged.connect(self.currentChanged)
        chosen.selectionChanged.connect(self._selection_moved)

    def _selection_moved(self) -> None:
        self.viewport().update()
        self._selection_timer.start()

    def currentChanged(self, current: Index, previous: Index) -> None:
        super().currentChanged(current, previous)
        self.current_changed.emit(self._model.image_id(current.row()) if current.isValid() else -1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Typing would search by name here, and swallow P, A, U and R before the commands.
        if event.text().strip() and event.key() not in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.ignore()
            return
        super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            place = self.viewport().mapToGlobal(self.visualRect(self.currentIndex()).center())
        else:
            place = event.globalPos()
        self.menu_wanted.emit(place)

    # --------------------------------------------------------------------------- visible

    def visible_positions(self) -> range:
        """Grid positions in sight, computed from the geometry alone."""
        size, count = self.gridSize(), self._model.rowCount()
        if not size.isValid() or not count:
            return range(0)
        columns = max(1, self.viewport().width() // size.width())
        top = self.verticalScrollBar().value()
        first = (top // size.height()) * columns
        last = (-(-(top + self.viewport().height()) // size.height())) * columns
        return range(min(first, count), min(last, count))

    def visible_ids(self) -> list[int]:
        seen = self.visible_positions()
        return self._model.ids[seen.start : seen.stop].tolist()

    def restore_scroll(self, offset: int) -> None:
        """Scroll back to where the view was before the rows were set anew.

        The batched layout is not done yet then, so the scroll bar is told its range first.
        """
        size, count = self.gridSize(), self._model.rowCount()
        columns = max(1, self.viewport().width() // size.width())
        height = -(-count // columns) * size.height()
        bar = self.verticalScrollBar()
        bar.setMaximum(max(bar.maximum(), height - self.viewport().height()))
        bar.setValue(offset)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit_columns()
        super().resizeEvent(event)
        self._moved()

    def _repaint(self, *_: object) -> None:
        self.viewport().update()

    def _moved(self) -> None:
        seen = self.visible_positions()
        near = len(seen)
        ids = self._model.ids[max(0, seen.start - near) : seen.stop + near].tolist()
        self._loader.keep_only(ids)
        self._settle.start()

    def _settled(self) -> None:
        ids = self.visible_ids()
        if ids:
            self.visible_changed.emit(ids)

    def _thumbnail_loaded(self, image_id: int) -> None:
        place = self._model.position_of(image_id)
        if place in self.visible_positions():
            self.update(self._model.index(place))


def runs(positions: list[int]) -> list[tuple[int, int]]:
    """Rising positions as closed ranges: [1, 2, 3, 7] is [(1, 3), (7, 7)]."""
    if not positions:
        return []
    array = np.asarray(positions)
    breaks = np.flatnonzero(np.diff(array) > 1)
    starts = np.concatenate(([0], breaks + 1))
    ends = np.concatenate((breaks, [len(array) - 1]))
    return [(int(array[s]), int(array[e])) for s, e in zip(starts, ends, strict=True)]
