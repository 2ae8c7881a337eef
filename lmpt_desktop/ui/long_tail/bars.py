"""The bars: one item that draws only what is in view, so that thousands of classes stay fast."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from lmpt_desktop.ui.kit import theme
from trainer.bands import Band

LIGHT = 0.38
"""Opacity of the estimated part of a bar."""
FILL = 0.4
"""Half of a bar's width where there is room, as a share of a class's place."""
WIDEST = 28.0
"""The largest half width of a bar, in pixels."""
CROWDED = 4.0
"""Below this many pixels per class, bars touch."""
BOX_DEPTH = 6.0
"""How far the box of a class that needs examples reaches below the line, in pixels."""


class BarsItem(pg.GraphicsObject):
    """Bars in band colours, solid up to what is marked present; a box below where a class needs
    examples."""

    def __init__(self) -> None:
        super().__init__()
        self._heights: NDArray[np.float64] = np.zeros(0)
        self._solid: NDArray[np.float64] = np.zeros(0)
        self._needs: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._bands: NDArray[np.int64] = np.zeros(0, np.int64)
        self._current = -1
        self._top = 1.0

    def set_bars(
        self,
        heights: NDArray[np.float64],
        solid: NDArray[np.float64],
        needs: NDArray[np.bool_],
        bands: NDArray[np.int64],
        *,
        top: float,
    ) -> None:
        """Draw these, from left to right.

        Args:
            heights, solid: (n,) of bars and of their solid parts.
            needs: (n,) bool, a box below.
            bands: (n,) places in ``list(Band)``.
            top: of the chart.
        """
        self.prepareGeometryChange()
        self._heights, self._solid, self._bands = heights, solid, bands
        self._needs, self._top = needs, top
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
        x, tops, solid, bands, needs = self._in_view(first, last, x_pixel)
        half = max(half, 0.5 * x_pixel)
        p.setPen(Qt.PenStyle.NoPen)
        for number, band in enumerate(Band):
            here = bands == number
            colour = colours.band(band)
            light = QColor(colour)
            light.setAlphaF(LIGHT)
            for brush, low, high in ((light, solid, tops), (colour, np.zeros_like(solid), solid)):
                places = np.flatnonzero(here & (high > low))
                p.setBrush(brush)
                p.drawRects(
                    [
                        QRectF(middle - half, bottom, 2 * half, end - bottom)
                        for middle, bottom, end in zip(
                            x[places].tolist(), low[places].tolist(), high[places].tolist(),
                            strict=True,
                        )
                    ]
                )  # fmt: skip
        self._draw_needs(p, x[needs], half, y_pixel, crowded)

    def _in_view(self, first: int, last: int, pixel: float) -> tuple[NDArray[Any], ...]:
        """What to draw of the classes from ``first`` up to, not including, ``last``.

        Middles, tops, tops of the solid parts, bands and whether a class needs examples: (n,)
        each.  Classes that fall on one pixel are drawn as one, in the colour of the tallest.
        """
        tops, solid = self._heights[first:last], self._solid[first:last]
        needs = self._needs[first:last]
        bands, x = self._bands[first:last], np.arange(first, last, dtype=np.float64)
        per_pixel = int(pixel)
        if per_pixel < 2 or not len(x):
            return x, tops, solid, bands, needs
        starts = np.arange(0, len(x), per_pixel)
        tallest = np.maximum.reduceat(tops, starts)
        numbers = np.repeat(np.arange(len(starts)), per_pixel)[: len(x)]
        leading = np.flatnonzero(tops >= tallest[numbers])
        _groups, found = np.unique(numbers[leading], return_index=True)
        return (
            np.add.reduceat(x, starts) / np.bincount(numbers),
            tallest,
            np.maximum.reduceat(solid, starts),
            bands[leading[found]],
            np.logical_or.reduceat(needs, starts),
        )

    def _draw_needs(
        self, p: QPainter, x: NDArray[np.float64], half: float, pixel: float, crowded: bool
    ) -> None:
        colour = theme.current().colour("muted")
        if crowded:
            p.setPen(Qt.PenStyle.NoPen)
            p.setBrush(colour)
        else:
            p.setPen(_pen(colour, 1.0))
            p.setBrush(Qt.BrushStyle.NoBrush)
        depth = BOX_DEPTH * pixel
        p.drawRects([QRectF(left - half, -depth, 2 * half, depth - pixel) for left in x.tolist()])


def _pen(colour: QColor, width: float) -> QPen:
    pen = QPen(colour, width)
    pen.setCosmetic(True)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    return pen
