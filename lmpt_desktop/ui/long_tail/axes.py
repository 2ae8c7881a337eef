"""Axes of the charts: counts on a logarithmic scale that includes zero, and class names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter

from lmpt_desktop.translation import number
from lmpt_desktop.ui.kit import theme

LONGEST_NAME = 118.0
"""Pixels a class name may take before it is elided."""
_AIR = 6.0
_SAMPLE = 24
_TICK_ROOM = 17.0
"""The least distance between counts, in pixels."""
LONGEST_HORIZONTAL = 260.0


def focus_frame(name: str) -> str:
    """Style sheet for a chart of this object name: a frame while it has the keyboard focus."""
    colours = theme.current()
    return (
        f"#{name} {{ border: 1px solid {colours.surface}; }}"
        f"#{name}:focus {{ border: 1px solid {colours.accent}; }}"
    )


def heights(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Heights of counts on the chart: log10(1 + n), which is 0 for 0."""
    return np.log10(1.0 + counts)


def height(count: float) -> float:
    """The height of one count, as :func:`heights`."""
    return float(np.log10(1.0 + count))


class CountAxis(pg.AxisItem):
    """Labels counts at the heights that :func:`heights` gives them."""

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[Any]:
        decades = [10**decade for decade in range(int(max(maxVal, 0.0)) + 2)]
        kept: list[float] = []
        for counts in ([0], decades[::2], decades[1::2], [3 * count for count in decades]):
            for place in map(height, counts):
                apart = min((abs(place - other) for other in kept), default=np.inf)
                if minVal <= place <= maxVal and apart * size / (maxVal - minVal) >= _TICK_ROOM:
                    kept.append(place)
        return [(1.0, sorted(kept))]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        return [number(round(10.0**value - 1.0)) for value in values]


class NameAxis(pg.AxisItem):
    """Class names at whole numbers, as many as there is room for, and always the current one.

    At the bottom they are horizontal where there is room for that, else vertical.
    """

    def __init__(self, side: str) -> None:
        super().__init__(side, maxTickLength=0, showValues=False)
        self._names: Sequence[str] = ()
        self._widest = 0.0
        self._longest = 0.0
        self._limit = LONGEST_NAME
        self.room = 0
        """Its width (left) or height (bottom), in pixels."""
        self._current = -1
        self._font = QFont()

    def set_names(self, names: Sequence[str]) -> None:
        """``names[i]`` belongs to i."""
        self._names = names
        metrics = QFontMetricsF(self._font)
        sample = sorted(names, key=len, reverse=True)[:_SAMPLE]
        self._widest = max((metrics.horizontalAdvance(name) for name in sample), default=0.0) + 2
        self.fit()
        self._redraw()

    def set_current(self, place: int) -> None:
        if place != self._current:
            self._current = place
            self._redraw()

    def set_limit(self, pixels: float) -> None:
        """Limit the length of names to this and to ``LONGEST_NAME``."""
        self._limit = min(pixels, LONGEST_NAME)
        self.fit()

    def fit(self) -> None:
        """Take the room that the names need at the current zoom."""
        self._longest = min(self._widest, self._limit)
        if self.orientation == "bottom" and self._horizontal():
            self._longest = min(self._widest, LONGEST_HORIZONTAL)
            self.room = round(QFontMetricsF(self._font).height() + 2 * _AIR)
        else:
            self.room = round(self._longest + 2 * _AIR)
        (self.setWidth if self.orientation == "left" else self.setHeight)(self.room)

    def _redraw(self) -> None:
        self.picture = None
        self.update()

    def _room(self) -> float:
        """Pixels from one name to the next."""
        first, last = self.range
        size = self.geometry().width() if self.orientation == "bottom" else self.geometry().height()
        return size / abs(last - first) if last != first else 0.0

    def _horizontal(self) -> bool:
        return self._room() > min(self._widest, LONGEST_HORIZONTAL) + 2 * _AIR

    def generateDrawSpecs(self, p: QPainter) -> Any:
        area = self.mapRectFromParent(self.geometry())
        line = (
            (area.topRight(), area.bottomRight())
            if self.orientation == "left"
            else (area.topLeft(), area.topRight())
        )
        return (self.pen(), *line), [], []

    def drawPicture(self, p: QPainter, axisSpec: Any, tickSpecs: Any, textSpecs: Any) -> None:
        pen, start, end = axisSpec
        p.setPen(pen)
        p.drawLine(start, end)
        room = self._room()
        if not room or not self._names:
            return
        metrics = QFontMetricsF(self._font)
        across = (
            self._longest + 2 * _AIR
            if self.orientation == "bottom" and self._horizontal()
            else (metrics.height())
        )
        step = max(1, int(np.ceil(across / room)))
        first = max(0, int(np.ceil(min(self.range))))
        last = min(len(self._names) - 1, int(np.floor(max(self.range))))
        shown = list(range(first - first % step, last + 1, step))
        current = self._current if first <= self._current <= last else -1
        if current >= 0:
            near = max(1.0, across / room)
            shown = [place for place in shown if abs(place - current) >= near]
        colours = theme.current()
        p.setFont(self._font)
        p.setPen(colours.colour("muted"))
        for place in shown:
            if place >= first:
                self._draw_name(p, place, metrics)
        if current >= 0:
            bold = QFont(self._font)
            bold.setBold(True)
            p.setFont(bold)
            p.setPen(colours.colour("text"))
            self._draw_name(p, current, QFontMetricsF(bold))

    def _draw_name(self, p: QPainter, place: int, metrics: QFontMetricsF) -> None:
        area = self.mapRectFromParent(self.geometry())
        where = self._pixel(place, area)
        text = metrics.elidedText(self._names[place], Qt.TextElideMode.ElideRight, self._longest)
        high, wide = metrics.height(), self._longest
        if self.orientation == "left":
            flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            p.drawText(QRectF(area.left() + _AIR, where - high / 2, wide, high), flags, text)
        elif self._horizontal():
            box = QRectF(where - wide / 2, area.top() + _AIR, wide, high)
            p.drawText(box, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, text)
        else:
            p.save()
            p.translate(QPointF(where, area.top() + _AIR))
            p.rotate(-90)
            flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            p.drawText(QRectF(-wide, -high / 2, wide, high), flags, text)
            p.restore()

    def _pixel(self, place: int, area: QRectF) -> float:
        first, last = self.range
        share = (place - first) / (last - first)
        if self.orientation == "bottom":
            return area.left() + share * area.width()
        return area.bottom() - share * area.height()
