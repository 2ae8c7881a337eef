"""The bars: one item that draws only what is in view, so that thousands of classes stay fast."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from lmpt_desktop.ui.kit import theme
from trainer.bands import Band

FILL = 0.4
"""Half of a bar's width where there is room, as a share of a class's place."""
WIDEST = 28.0
"""The largest half width of a bar, in pixels."""
CROWDED = 4.0
"""Below this many pixels per class, bars touch."""
ZERO_DEPTH = 6.0
"""How far the mark of a class without examples reaches below the line, in pixels."""


class BarsItem(pg.GraphicsObject):
    """Bars in band colours, a line across each for predictions, a box below for no example."""

    def __init__(self) -> None:
        super().__init__()
        self._heights: NDArray[np.float64] = np.zeros(0)
        self._marks: NDArray[np.float64] = np.zeros(0)
        self._bands: NDArray[np.int64] = np.zeros(0, np.int64)
        self._estimated = False
        self._current = -1
        self._top = 1.0

    def set_bars(
        self,
        heights: NDArray[np.float64],
        marks: NDArray[np.float64],
        bands: NDArray[np.int64],
        *,
        estimated: bool,
        top: float,
    ) -> None:
        """Draw these, from left to right.

        Args:
            heights, marks: (n,) of bars and of the lines across; no line where NaN.
            bands: (n,) places in ``list(Band)``.
            estimated: hatch the bars, since they are estimates.
            top: of the chart.
        """
        self.prepareGeometryChange()
        self._heights, self._marks, self._bands = heights, marks, bands
        self._estimated, self._top = estimated, top
        self.update()

    def set_current(self, place: int) -> None:
        self._current = place
        self.update()

    def boundingRect(self) -> QRectF:
        return QRectF(-0.5, -self._top, max(len(self._heights), 1), 2 * self._top)

    def paint(
        self, p: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        view = self.getViewBox()
        if view is None or not len(self._heights):
            return
        x_pixel, y_pixel = view.viewPixelSize()
        left, right = view.viewRange()[0]
        first = max(0, int(np.floor(left)))
        last = min(len(self._heights), int(np.ceil(right)) + 1)
        crowded = x_pixel <= 0 or 1 / x_pixel < CROWDED
        half = 0.5 if crowded else min(FILL, WIDEST * x_pixel)
        colours = theme.current()
        p.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        if first <= self._current < last:
            wide = max(1.25 * half, 2 * x_pixel)
            box = QRectF(self._current - wide, -self._top, 2 * wide, 3 * self._top)
            p.fillRect(box, colours.colour("selection"))
        x, tops, marks, bands, zeros = self._in_view(first, last, x_pixel)
        half = max(half, 0.5 * x_pixel)
        p.setPen(Qt.PenStyle.NoPen)
        for number, band in enumerate(Band):
            places = np.flatnonzero((bands == number) & (tops > 0))
            p.setBrush(self._brush(colours.band(band)))
            p.drawRects(
                [
                    QRectF(left - half, 0.0, 2 * half, high)
                    for left, high in zip(x[places].tolist(), tops[places].tolist(), strict=True)
                ]
            )
        self._draw_zeros(p, x[zeros], half, y_pixel, crowded)
        self._draw_marks(p, x, marks, half)

    def _in_view(self, first: int, last: int, pixel: float) -> tuple[NDArray[Any], ...]:
        """What to draw of the classes from ``first`` up to, not including, ``last``.

        Middles, tops, marks, bands and whether a class has no example: (n,) each.  Classes that
        fall on one pixel are drawn as one, in the colour of the tallest.
        """
        tops, marks = self._heights[first:last], self._marks[first:last]
        bands, x = self._bands[first:last], np.arange(first, last, dtype=np.float64)
        per_pixel = int(pixel)
        if per_pixel < 2 or not len(x):
            return x, tops, marks, bands, tops <= 0
        starts = np.arange(0, len(x), per_pixel)
        tallest = np.maximum.reduceat(tops, starts)
        numbers = np.repeat(np.arange(len(starts)), per_pixel)[: len(x)]
        leading = np.flatnonzero(tops >= tallest[numbers])
        _groups, found = np.unique(numbers[leading], return_index=True)
        return (
            np.add.reduceat(x, starts) / np.bincount(numbers),
            tallest,
            np.fmax.reduceat(marks, starts),
            bands[leading[found]],
            np.minimum.reduceat(tops, starts) <= 0,
        )

    def _brush(self, colour: QColor) -> QBrush:
        style = Qt.BrushStyle.Dense4Pattern if self._estimated else Qt.BrushStyle.SolidPattern
        return QBrush(colour, style)

    def _draw_zeros(
        self, p: QPainter, x: NDArray[np.float64], half: float, pixel: float, crowded: bool
    ) -> None:
        colour = theme.current().band(Band.TAIL)
        if crowded:
            p.setPen(Qt.PenStyle.NoPen)
            p.setBrush(colour)
        else:
            p.setPen(_pen(colour, 1.0))
            p.setBrush(Qt.BrushStyle.NoBrush)
        depth = ZERO_DEPTH * pixel
        p.drawRects([QRectF(left - half, -depth, 2 * half, depth - pixel) for left in x.tolist()])

    def _draw_marks(
        self, p: QPainter, x: NDArray[np.float64], marks: NDArray[np.float64], half: float
    ) -> None:
        known = ~np.isnan(marks)
        lines = [
            QLineF(left - half, high, left + half, high)
            for left, high in zip(x[known].tolist(), marks[known].tolist(), strict=True)
        ]
        colours = theme.current()
        for colour, width in ((colours.colour("surface"), 4.0), (colours.colour("text"), 2.0)):
            p.setPen(_pen(colour, width))
            p.drawLines(lines)


def _pen(colour: QColor, width: float) -> QPen:
    pen = QPen(colour, width)
    pen.setCosmetic(True)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    return pen
