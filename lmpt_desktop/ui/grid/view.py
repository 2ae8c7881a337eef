"""Selection, keyboard and mouse of the grid.

The selection is one byte per image (:mod:`~lmpt_desktop.ui.grid.selection`), so that selecting
tens of thousands is instant in any order.  Qt's selection model follows it as far as possible,
for assistive technology.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPoint,
    QRect,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent, QRegion
from PySide6.QtWidgets import QAbstractItemView, QApplication, QWidget

from lmpt_desktop.translation import _
from lmpt_desktop.ui.grid.cell_view import ZOOM_DEFAULT, ZOOM_MAX, ZOOM_MIN, ZOOM_STEP, CellView
from lmpt_desktop.ui.grid.geometry import Move
from lmpt_desktop.ui.grid.model import GridModel, Index
from lmpt_desktop.ui.kit.thumbnails import ThumbnailLoader

__all__ = ["ZOOM_DEFAULT", "ZOOM_MAX", "ZOOM_MIN", "ZOOM_STEP", "GridView"]

SCROLL_MS = 16
"""How often the view scrolls while a rubber band is drawn past its edge."""
SCROLL_SHARE = 4
"""Each time it scrolls by the pointer's distance from the edge, divided by this."""

_Modifier = Qt.KeyboardModifier

MAX_QT_RANGES = 200
"""Qt's selection model gets at most this number of ranges."""

_KEYS = {
    Qt.Key.Key_Left: Move.LEFT,
    Qt.Key.Key_Right: Move.RIGHT,
    Qt.Key.Key_Up: Move.UP,
    Qt.Key.Key_Down: Move.DOWN,
    Qt.Key.Key_Home: Move.HOME,
    Qt.Key.Key_End: Move.END,
    Qt.Key.Key_PageUp: Move.PAGE_UP,
    Qt.Key.Key_PageDown: Move.PAGE_DOWN,
}
_ACTIONS = {
    QAbstractItemView.CursorAction.MoveLeft: Move.LEFT,
    QAbstractItemView.CursorAction.MovePrevious: Move.PREVIOUS,
    QAbstractItemView.CursorAction.MoveRight: Move.RIGHT,
    QAbstractItemView.CursorAction.MoveNext: Move.NEXT,
    QAbstractItemView.CursorAction.MoveUp: Move.UP,
    QAbstractItemView.CursorAction.MoveDown: Move.DOWN,
    QAbstractItemView.CursorAction.MoveHome: Move.HOME,
    QAbstractItemView.CursorAction.MoveEnd: Move.END,
    QAbstractItemView.CursorAction.MovePageUp: Move.PAGE_UP,
    QAbstractItemView.CursorAction.MovePageDown: Move.PAGE_DOWN,
}
_Flag = QItemSelectionModel.SelectionFlag


class GridView(CellView):
    """The grid of thumbnails, with selection, keyboard and mouse."""

    current_changed = Signal(int)
    """The id of the current image; -1 for none."""
    selection_settled = Signal()
    """The selection has changed; see :meth:`selected_array`."""
    menu_requested = Signal(QPoint)
    """A context menu at this point of the screen."""
    activated_image = Signal(int)
    stack_pressed = Signal(int)
    """The sign of a stack was pressed, on the card at this position."""

    def __init__(
        self, model: GridModel, loader: ThumbnailLoader, parent: QWidget | None = None
    ) -> None:
        super().__init__(model, loader, parent)
        self.setObjectName("grid")
        self.setAccessibleName(_("Photos"))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self._pointer = GridPointer(self)
        self._updating_qt = False
        self._selection_timer = QTimer(self)
        self._selection_timer.setSingleShot(True)
        self._selection_timer.setInterval(0)
        self._selection_timer.timeout.connect(self._announce_selection)
        self._listen_to_selection()
        # A reset empties the selection.
        model.modelReset.connect(self._pointer.release)
        model.modelReset.connect(self._selection_timer.start)

    # -------------------------------------------------------------------------- selection

    def selected_positions(self) -> NDArray[np.int64]:
        """(n,) int64 grid positions, ascending."""
        return self.chosen.positions

    def selected_count(self) -> int:
        """How many images are selected."""
        return len(self.chosen)

    def selected_array(self) -> NDArray[np.int64]:
        """(n,) int64 image ids of the selection, in grid order."""
        return self._model.ids[self.chosen.positions]

    def current_id(self) -> int:
        index = self.currentIndex()
        return self._model.image_id(index.row()) if index.isValid() else -1

    def select_ids(self, image_ids: Sequence[int] | NDArray[np.int64], current: int = -1) -> None:
        """Select the images that are in the grid, and make ``current`` the current one."""
        positions = self._model.positions_of(np.asarray(image_ids, np.int64))
        self.chosen.replace(positions[positions >= 0])
        self.selection_moved()
        place = self._model.position_of(current)
        if place >= 0:
            self.chosen.anchor = place
            self.go_to(place)

    def selectAll(self) -> None:
        self.chosen.select_all()
        self.selection_moved()

    def clearSelection(self) -> None:
        self.chosen.clear()
        self.selection_moved()

    def choose_only(self, position: int) -> None:
        """Select one cell and make it current."""
        self.chosen.only(position)
        self.go_to(position)
        self.selection_moved()

    def go_to(self, position: int, *, scroll: bool = True) -> None:
        """Make a cell current without changing the selection."""
        held = self.hasAutoScroll()
        self.setAutoScroll(scroll)
        self.selectionModel().setCurrentIndex(self._model.index(position), _Flag.NoUpdate)
        self.setAutoScroll(held)

    def selection_moved(self) -> None:
        """Show the changed selection, and announce it soon."""
        self.viewport().update()
        self._selection_timer.start()

    def settle_selection(self) -> None:
        """Announce a changed selection now."""
        if self._selection_timer.isActive():
            self._selection_timer.stop()
            self._announce_selection()

    def _announce_selection(self) -> None:
        self._update_qt_selection()
        self.selection_settled.emit()

    def _update_qt_selection(self) -> None:
        """Copy the selection to Qt's selection model, for assistive technology.

        Of a selection in very many ranges only the current image is copied, because all of them
        would take longer than the window may pause.
        """
        ranges = self.chosen.ranges(MAX_QT_RANGES)
        if ranges is None:
            current = self.currentIndex().row()
            ranges = [(current, current)] if current in self.chosen else []
        selection = QItemSelection()
        for first, last in ranges:
            selection.select(self._model.index(first), self._model.index(last))
        self._updating_qt = True
        self.selectionModel().select(selection, _Flag.ClearAndSelect)
        self._updating_qt = False

    def _listen_to_selection(self) -> None:
        """Listen to the selection model without Qt's own slots.

        Qt's slot visits every selected index to find what to repaint: 0.7 s for 100,000 images.
        It is disconnected rather than overridden, because overriding a virtual that
        takes a QItemSelection corrupts memory in PySide 6.10 and 6.11.
        """
        qt = self.selectionModel()
        qt.disconnect(self)
        qt.currentChanged.connect(self.currentChanged)
        qt.selectionChanged.connect(self._qt_selection_changed)

    def _qt_selection_changed(self) -> None:
        """Adopt a selection made through Qt's model, by a screen reader for example."""
        if self._updating_qt:
            return
        ranges = self.selectionModel().selection().toList()
        parts = [np.arange(part.top(), part.bottom() + 1) for part in ranges]
        self.chosen.replace(np.concatenate(parts) if parts else [])
        self.selection_moved()

    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:
        area = rect.normalized().translated(0, self.verticalOffset())
        touched = self.cells.inside(area.left(), area.top(), area.right(), area.bottom())
        if command & _Flag.Clear:
            self.chosen.clear()
        if command & (_Flag.Select | _Flag.Toggle):
            toggle = bool(command & _Flag.Toggle)
            self.chosen.combine(self.chosen.copy_mask(), touched, toggle=toggle)
        self.selection_moved()

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:
        return QRegion(self.viewport().rect())

    def currentChanged(self, current: Index, previous: Index) -> None:
        super().currentChanged(current, previous)
        self.current_changed.emit(self._model.image_id(current.row()) if current.isValid() else -1)

    # ------------------------------------------------------------------ keyboard and mouse

    def moveCursor(
        self,
        cursorAction: QAbstractItemView.CursorAction,
        modifiers: Qt.KeyboardModifier,
    ) -> QModelIndex:
        position = self.cells.moved(self.currentIndex().row(), _ACTIONS[cursorAction])
        return self._model.index(position) if position >= 0 else QModelIndex()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, modifiers = Qt.Key(event.key()), event.modifiers()
        control = bool(modifiers & Qt.KeyboardModifier.ControlModifier)
        shift = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
        current = self.currentIndex().row()
        # Alt with an arrow key belongs to other commands, such as going back.
        if key in _KEYS and not modifiers & Qt.KeyboardModifier.AltModifier:
            position = self.cells.moved(current, _KEYS[key])
            if position >= 0:
                self._step(position, control=control, shift=shift)
            event.accept()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not modifiers & ~(
            Qt.KeyboardModifier.KeypadModifier
        ):
            if current >= 0:
                self.activated_image.emit(self._model.image_id(current))
            event.accept()
        elif key == Qt.Key.Key_Space and current >= 0:
            if shift:
                self.chosen.extend(current, keep=control)
            elif control:
                self.chosen.toggle(current)
            else:
                self.chosen.add(current)
            self.selection_moved()
            event.accept()
        elif key == Qt.Key.Key_A and modifiers == Qt.KeyboardModifier.ControlModifier:
            self.selectAll()
            event.accept()
        else:
            # Qt would search by name and swallow P, A, U and R before the commands see them.
            event.ignore()

    def _step(self, position: int, *, control: bool, shift: bool) -> None:
        if shift:
            self.chosen.extend(position, keep=control)
        elif not control:
            self.chosen.only(position)
        self.go_to(position)
        self.selection_moved()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pointer.press(event)
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._pointer.move(event)
        self.hover(event.position().toPoint())
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._pointer.release()
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        position = self.position_at(event.position().toPoint())
        plain = event.modifiers() == Qt.KeyboardModifier.NoModifier
        if self.on_stack_sign(event.position().toPoint()):
            plain = False  # the second click of two
        if event.button() == Qt.MouseButton.LeftButton and plain and position >= 0:
            self.activated_image.emit(self._model.image_id(position))
        else:
            self._pointer.press(event)
        event.accept()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            place = self.viewport().mapToGlobal(self.visualRect(self.currentIndex()).center())
        else:
            place = event.globalPos()
        self.menu_requested.emit(place)


class GridPointer(QObject):
    """Turns mouse events into selections of its view."""

    def __init__(self, view: GridView) -> None:
        super().__init__(view)
        self._view = view
        self._pressed: QPoint | None = None
        """Where the left button was pressed, in content pixels."""
        self._base: NDArray[np.bool_] | None = None
        """The selection before the rubber band; None while there is no band."""
        self._toggle = self._keep = False
        self._at = QPoint()
        self._scroll = QTimer(self)
        self._scroll.setInterval(SCROLL_MS)
        self._scroll.timeout.connect(self._scroll_on)

    def press(self, event: QMouseEvent) -> None:
        """A button was pressed."""
        view, chosen = self._view, self._view.chosen
        place = event.position().toPoint()
        position = view.position_at(place)
        control = bool(event.modifiers() & _Modifier.ControlModifier)
        shift = bool(event.modifiers() & _Modifier.ShiftModifier)
        if event.button() != Qt.MouseButton.LeftButton:
            # A context menu applies to the selection; a click outside of it selects first.
            if position >= 0 and position not in chosen:
                view.choose_only(position)
            elif position >= 0:
                view.go_to(position)
            return
        if position >= 0 and not (control or shift) and view.on_stack_sign(place):
            view.choose_only(position)
            view.stack_pressed.emit(position)
            return
        self._pressed = place + QPoint(0, view.verticalOffset())
        self._at = place
        self._toggle, self._keep = control, shift
        if position < 0:
            if not (control or shift):
                chosen.clear()
                view.selection_moved()
            return
        if shift:
            chosen.extend(position, keep=control)
        elif control:
            chosen.toggle(position)
        else:
            chosen.only(position)
        view.go_to(position)
        view.selection_moved()

    def move(self, event: QMouseEvent) -> None:
        """The pointer moved, with or without a button."""
        self._at = event.position().toPoint()
        if self._pressed is None or not event.buttons() & Qt.MouseButton.LeftButton:
            return
        if self._base is None:
            begun = self._pressed - QPoint(0, self._view.verticalOffset())
            if (self._at - begun).manhattanLength() < QApplication.startDragDistance():
                return
            self._begin()
        self._stretch()
        outside = not 0 <= self._at.y() < self._view.viewport().height()
        if outside != self._scroll.isActive():
            (self._scroll.start if outside else self._scroll.stop)()

    def release(self) -> None:
        """The left button was released, or the rows were replaced."""
        self._scroll.stop()
        drawn = self._base is not None
        self._pressed = self._base = self._view.band = None
        if drawn:
            self._view.viewport().update()

    def _begin(self) -> None:
        """Begin a rubber band; the click that began it is part of it."""
        assert self._pressed is not None
        chosen = self._view.chosen
        position = self._view.content_position_at(self._pressed)
        if self._toggle and position >= 0:
            chosen.toggle(position)  # the band toggles it again
        elif not self._keep:
            chosen.clear()
        self._base = chosen.copy_mask()

    def _stretch(self) -> None:
        view = self._view
        assert self._pressed is not None and self._base is not None
        here = self._at + QPoint(0, view.verticalOffset())
        area = QRect(self._pressed, here).normalized()
        view.band = area.translated(0, -view.verticalOffset())
        touched = view.cells.inside(area.left(), area.top(), area.right(), area.bottom())
        view.chosen.combine(self._base, touched, toggle=self._toggle)
        under = view.content_position_at(here)
        if under >= 0:
            view.go_to(under, scroll=False)
        view.selection_moved()

    def _scroll_on(self) -> None:
        bar, height = self._view.verticalScrollBar(), self._view.viewport().height()
        past = self._at.y() if self._at.y() < 0 else max(0, self._at.y() - height + 1)
        before = bar.value()
        bar.setValue(before + past // SCROLL_SHARE + (1 if past > 0 else -1 if past < 0 else 0))
        if bar.value() != before and self._base is not None:
            self._stretch()
