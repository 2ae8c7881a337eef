"""AP as dots in the shapes of the bands.

They are drawn as shapes so that an exported SVG stays small: pyqtgraph's own scatter plot copies
pictures of its symbols, each of which the SVG would hold.
"""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from lmpt_desktop.ui.kit import theme
from trainer.bands import Band

RADIUS = 4.0
"""In pixels."""
MANY = 300
"""With more classes in view than this, dots are plain points."""
POINT = 3.5


class DotsItem(pg.GraphicsObject):
    """One dot per class that has a value."""

    def __init__(self) -> None:
        super().__init__()
        self._values: NDArray[np.float64] = np.zeros(0)
        self._bands: NDArray[np.int64] = np.zeros(0, np.int64)

    def set_dots(self, values: NDArray[np.float64], bands: NDArray[np.int64]) -> None:
        """(n,) values in percent from left to right, NaN for none; places in ``list(Band)``."""
        self.prepareGeometryChange()
        self._values, self._bands = values, bands
        self.update()

    def boundingRect(self) -> QRectF:
        return QRectF(-1.0, -25.0, len(self._values) + 1.0, 150.0)

    def paint(
        self, p: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        view = self.getViewBox()
        if view is None or not len(self._values):
            return
        wide, high = (RADIUS * pixel for pixel in view.viewPixelSize())
        left, right = view.viewRange()[0]
        first = max(0, int(np.floor(left)))
        last = min(len(self._values), int(np.ceil(right)) + 1)
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        for number, band in enumerate(Band):
            here = (self._bands[first:last] == number) & ~np.isnan(self._values[first:last])
            places = np.flatnonzero(here) + first
            centres = [
                QPointF(x, y)
                for x, y in zip(places.tolist(), self._values[places].tolist(), strict=True)
            ]
            colour = theme.current().band(band)
            if last - first > MANY:
                pen = QPen(colour, POINT)
                pen.setCosmetic(True)
                pen.setCapStyle(Qt.PenCapStyle.RoundCap)
                p.setPen(pen)
                p.drawPoints(QPolygonF(centres))
                continue
            p.setPen(Qt.PenStyle.NoPen)
            p.setBrush(colour)
            for centre in centres:
                if band is Band.HEAD:
                    p.drawEllipse(centre, wide, high)
                else:
                    p.drawPolygon(_square(centre, wide, high, rotated=band is Band.TAIL))


def _square(centre: QPointF, wide: float, high: float, *, rotated: bool) -> QPolygonF:
    corners = (
        ((0, -1), (1, 0), (0, 1), (-1, 0)) if rotated else ((-1, -1), (1, -1), (1, 1), (-1, 1))
    )
    size = 1.15 if rotated else 0.88  # so that all shapes look equally large
    return QPolygonF(
        [QPointF(centre.x() + x * size * wide, centre.y() + y * size * high) for x, y in corners]
    )
