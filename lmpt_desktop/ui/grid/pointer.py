"""The mouse on the grid: clicks with Shift and Ctrl, and the rubber band."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QPoint, QRect, Qt, QTimer
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

if TYPE_CHECKING:
    from lmpt_desktop.ui.grid.view import GridView

SCROLL_MS = 16
"""How often the view scrolls while a rubber band is drawn past its edge."""
SCROLL_SHARE = 4
"""Each time it scrolls by this part of how far the pointer is outside."""

_Modifier = Qt.KeyboardModifier


class GridPointer(QObject):
    """Turns what the mouse does into selections of its view."""

    def __init__(self, view: GridView) -> None:
        super().__init__(view)
        self._view = view
        self._pressed: QPoint | None = None
        """Where the left button went down, in pixels of the content."""
        self._base: NDArray[np.bool_] | None = None
        """What a rubber band adds to; None while there is no band."""
        self._toggle = self._keep = False
        self._at = QPoint()
        self._scroll = QTimer(self)
        self._scroll.setInterval(SCROLL_MS)
        self._scroll.timeout.connect(self._scroll_on)

    def press(self, event: QMouseEvent) -> None:
        """A button went down."""
        view, chosen = self._view, self._view.chosen
        place = event.position().toPoint()
        position = view.position_at(place)
        control = bool(event.modifiers() & _Modifier.ControlModifier)
        shift = bool(event.modifiers() & _Modifier.ShiftModifier)
        if event.button() != Qt.MouseButton.LeftButton:
            # The menu is about the selection; elsewhere it selects what it is about.
            if position >= 0 and position not in chosen:
                view.choose_only(position)
            elif position >= 0:
                view.go_to(position)
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
        """The left button came up, or the view lost the mouse."""
        self._scroll.stop()
        drawn = self._base is not None
        self._pressed = self._base = self._view.band = None
        if drawn:
            self._view.viewport().update()

    def _begin(self) -> None:
        """From here on it is a rubber band; the click that began it is part of it."""
        assert self._pressed is not None
        chosen = self._view.chosen
        position = self._view.geometry_at(self._pressed)
        if self._toggle and position >= 0:
            chosen.toggle(position)  # the band turns it round again
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
        under = view.geometry_at(here)
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
