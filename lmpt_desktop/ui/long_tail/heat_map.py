"""The heat map of how often each class is found with each other one, and its colour scale."""

from __future__ import annotations

from enum import StrEnum
from html import escape
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFont,
    QHelpEvent,
    QKeyEvent,
    QLinearGradient,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QStyleOptionGraphicsItem, QToolTip, QWidget

from lmpt_desktop.inference.co_occurrence import CoOccurrence
from lmpt_desktop.inference.long_tail import LongTail
from lmpt_desktop.translation import _, decimal, number
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.plain_text import Html
from lmpt_desktop.ui.long_tail import texts
from lmpt_desktop.ui.long_tail.axes import NameAxis, focus_frame

COLOUR_MAPS = {False: "CET-L17", True: "viridis"}
"""For the light and the dark theme: perceptually uniform, readable by brightness alone."""
NAMES_SHARE = 0.28
"""The largest share of the map's width and height that names take."""
_WRITTEN = 30.0
"""Pixels a cell needs to have its figure written in it."""
_SCALE_LENGTH = 160
"""Of the colour scale, in pixels."""


class Measure(StrEnum):
    """What the colours mean."""

    SHARE = "share"
    """P(column | row), from 0 to 1."""
    COUNT = "count"
    """Images with both, on a logarithmic scale."""


class HeatMap(pg.PlotWidget):
    """Arrow keys go from cell to cell, Enter opens the photos with both classes."""

    current_changed = Signal(int, int)
    """Row and column of the cell that became current."""
    opened = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        self.rows, self.columns = NameAxis("left"), NameAxis("bottom")
        super().__init__(
            parent, enableMenu=False, axisItems={"left": self.rows, "bottom": self.columns}
        )
        self.setObjectName("heat-map")
        self.setAccessibleName(_("Heat map of classes found together"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(260, 240)
        self.measure = Measure.SHARE
        self.current = (-1, -1)
        self._tail: LongTail | None = None
        self._found: CoOccurrence | None = None
        self._image = pg.ImageItem(axisOrder="row-major")
        self._overlay = _Overlay(self)
        # pyqtgraph's types leave out what it adds to its Qt base classes.
        self._plot: Any = self.getPlotItem()
        scene: Any = self.scene()
        plot = self._plot
        for item in (self._image, self._overlay):
            plot.addItem(item, ignoreBounds=True)
        plot.setMouseEnabled(False, False)
        plot.hideButtons()
        plot.getViewBox().invertY(True)
        plot.getViewBox().setDefaultPadding(0.0)
        plot.getViewBox().sigRangeChanged.connect(self._fit_names)
        scene.sigMouseClicked.connect(self._clicked)
        scene.sigMouseMoved.connect(self._moved)
        self._restyle()
        theme.manager().changed.connect(self._restyle)

    @property
    def size_(self) -> int:
        """Classes on each side."""
        return 0 if self._found is None else len(self._found.columns)

    def show_found(self, tail: LongTail, found: CoOccurrence, measure: Measure) -> None:
        """Draw these classes, in the order of ``found.columns``."""
        self._tail, self._found, self.measure = tail, found, measure
        count = len(found.columns)
        names = [tail.names[column] for column in found.columns.tolist()]
        self.rows.set_names(names)
        self.columns.set_names(names)
        self._paint_image()
        plot = self._plot
        plot.setXRange(-0.5, count - 0.5, padding=0)
        plot.setYRange(-0.5, count - 0.5, padding=0)
        self.set_current(min(self.current[0], count - 1), min(self.current[1], count - 1))

    def values(self) -> NDArray[np.float64]:
        """(k, k) the values shown; NaN if there is none and on the diagonal."""
        assert self._found is not None
        if self.measure is Measure.SHARE:
            values = self._found.conditional()
        else:
            values = self._found.counts.astype(np.float64)
        np.fill_diagonal(values, np.nan)
        return values

    def largest(self) -> float:
        """The value at the upper end of the colours."""
        if self.measure is Measure.SHARE:
            return 1.0
        values = self.values()
        return max(1.0, float(np.nanmax(values, initial=0.0)))

    def _paint_image(self) -> None:
        if self._found is None or not self.size_:
            self._image.clear()
            return
        values = self.values()
        shares = (
            values
            if self.measure is Measure.SHARE
            else (np.log1p(values) / np.log1p(self.largest()))
        )
        self._image.setImage(paint(shares), autoLevels=False)
        self._image.setRect(QRectF(-0.5, -0.5, self.size_, self.size_))

    def set_current(self, row: int, column: int) -> None:
        """Mark a cell, without a signal."""
        self.current = (row, column)
        self.rows.set_current(row)
        self.columns.set_current(column)
        self._overlay.update()
        self.setAccessibleDescription(self.sentence())

    def sentence(self) -> str:
        """What the current cell means; "" if there is no current cell."""
        row, column = self.current
        if self._tail is None or self._found is None or row < 0 or column < 0:
            return ""
        return texts.pair_sentence(self._tail, self._found, row, column)

    def cell_at(self, scene: QPointF) -> tuple[int, int] | None:
        view = self._plot.getViewBox()
        if not view.sceneBoundingRect().contains(scene):
            return None
        point = view.mapSceneToView(scene)
        row, column = round(point.y()), round(point.x())
        if 0 <= row < self.size_ and 0 <= column < self.size_:
            return row, column
        return None

    # ---------------------------------------------------------------------- mouse and keys

    def keyPressEvent(self, ev: QKeyEvent) -> None:
        last = self.size_ - 1
        row, column = max(self.current[0], 0), max(self.current[1], 0)
        places = {
            Qt.Key.Key_Left: (row, column - 1),
            Qt.Key.Key_Right: (row, column + 1),
            Qt.Key.Key_Up: (row - 1, column),
            Qt.Key.Key_Down: (row + 1, column),
            Qt.Key.Key_Home: (row, 0),
            Qt.Key.Key_End: (row, last),
            Qt.Key.Key_PageUp: (0, column),
            Qt.Key.Key_PageDown: (last, column),
        }
        key = ev.key()
        plain = ev.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if plain or last < 0:
            ev.ignore()
        elif key in places:
            row, column = places[Qt.Key(key)]
            self._go(min(max(row, 0), last), min(max(column, 0), last))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit(row, column)
        else:
            ev.ignore()

    def _go(self, row: int, column: int) -> None:
        self.set_current(row, column)
        self.current_changed.emit(row, column)

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            cell = self.cell_at(self.mapToScene(event.pos()))
            if cell is not None and self._tail is not None and self._found is not None:
                text = escape(texts.pair_sentence(self._tail, self._found, *cell))
                hint = escape(_("Click to see these photos"))
                QToolTip.showText(event.globalPos(), Html(f"<p>{text}</p><p>{hint}</p>"), self)
            else:
                QToolTip.hideText()
            return True
        return super().viewportEvent(event)

    def wheelEvent(self, ev: QEvent) -> None:
        ev.ignore()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if self.current[0] < 0 and self.size_:
            self._go(0, 0)

    def resizeEvent(self, ev: QResizeEvent) -> None:
        super().resizeEvent(ev)
        if self.plotItem is not None:
            self.rows.set_limit(NAMES_SHARE * self.width())
            self.columns.set_limit(NAMES_SHARE * self.height())

    def _fit_names(self, *_args: object) -> None:
        self.rows.fit()
        self.columns.fit()

    def _clicked(self, event: Any) -> None:
        button, scene = event.button(), event.scenePos()
        cell = self.cell_at(scene)
        if button == Qt.MouseButton.LeftButton and cell is not None:
            self._go(*cell)
            self.opened.emit(*cell)

    def _moved(self, scene: QPointF) -> None:
        over = self.cell_at(scene) is not None
        shape = Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor
        self.viewport().setCursor(shape)

    def _restyle(self, *_args: object) -> None:
        colours = theme.current()
        self.setBackground(colours.surface)
        self.setStyleSheet(focus_frame("heat-map"))
        for axis in (self.rows, self.columns):
            axis.setPen(pg.mkPen(colours.border))
            axis.setTextPen(pg.mkPen(colours.muted))
            axis.picture = None
            axis.update()
        self._paint_image()
        self._overlay.update()


def colour_table() -> NDArray[np.uint8]:
    """(256, 3) uint8, from the brightness of the background away from it."""
    colour_map: Any = pg.colormap.get(COLOUR_MAPS[theme.current().dark])
    return np.asarray(colour_map.getLookupTable(nPts=256, alpha=False), np.uint8)


def paint(shares: NDArray[np.float64]) -> NDArray[np.uint8]:
    """(k, k) values in [0, 1] as (k, k, 4) uint8; 0 is the background, NaN a shade off it."""
    colours = theme.current()
    known = np.nan_to_num(shares, nan=0.0)
    painted = np.full((*shares.shape, 4), 255, np.uint8)
    painted[..., :3] = colour_table()[np.clip(known * 255, 0, 255).astype(np.int64)]
    painted[known == 0, :3] = _rgb(colours.surface)
    painted[np.isnan(shares), :3] = _rgb(colours.raised)
    return painted


def _rgb(colour: str) -> tuple[int, int, int]:
    parts = QColor(colour)
    return parts.red(), parts.green(), parts.blue()


class ScaleStrip(QWidget):
    """The colours from 0 to the largest value, with figures on both sides."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._low, self._high = "0 %", "100 %"
        theme.manager().changed.connect(self._restyle)

    def show_scale(self, measure: Measure, largest: float) -> None:
        share = measure is Measure.SHARE
        self._low = "0 %" if share else "0"
        self._high = "100 %" if share else number(int(largest))
        self.setAccessibleName(
            _("Colours from {low} to {high}").format(low=self._low, high=self._high)
        )
        self.updateGeometry()
        self.update()

    def _restyle(self, *_args: object) -> None:
        self.update()

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        wide = metrics.horizontalAdvance(self._low) + metrics.horizontalAdvance(self._high)
        return QSize(_SCALE_LENGTH + wide + 16, metrics.height() + 4)

    def paintEvent(self, event: QPaintEvent) -> None:
        colours, metrics = theme.current(), self.fontMetrics()
        painter = QPainter(self)
        painter.setPen(colours.colour("muted"))
        low, high = metrics.horizontalAdvance(self._low), metrics.horizontalAdvance(self._high)
        flags = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(0, 0, low + 2, self.height()), flags, self._low)
        painter.drawText(
            QRectF(self.width() - high - 2, 0, high + 2, self.height()), flags, self._high
        )
        bar = QRectF(low + 8, 4, self.width() - low - high - 18, self.height() - 8)
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        table = colour_table()
        for place in range(0, 256, 17):
            gradient.setColorAt(place / 255, QColor(*table[place].tolist()))
        painter.fillRect(bar, gradient)
        painter.setPen(colours.colour("border"))
        painter.drawRect(bar)


class _Overlay(pg.GraphicsObject):
    """Figures where cells are large, lines between them, and a frame around the current one."""

    def __init__(self, owner: HeatMap) -> None:
        super().__init__()
        self._owner = owner

    def boundingRect(self) -> QRectF:
        return QRectF(-0.5, -0.5, max(self._owner.size_, 1), max(self._owner.size_, 1))

    def paint(
        self, p: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        owner, view = self._owner, self.getViewBox()
        if view is None or not owner.size_:
            return
        colours = theme.current()
        wide, high = (1 / pixel if pixel > 0 else 0 for pixel in view.viewPixelSize())
        pen = pg.mkPen(colours.surface, width=1)
        p.setPen(pen)
        if min(wide, high) > 8:
            edges = np.arange(owner.size_ + 1) - 0.5
            for edge in edges.tolist():
                p.drawLine(QPointF(edge, -0.5), QPointF(edge, owner.size_ - 0.5))
                p.drawLine(QPointF(-0.5, edge), QPointF(owner.size_ - 0.5, edge))
        if wide > _WRITTEN and high > _WRITTEN / 2:
            self._write(p, wide, high)
        row, column = owner.current
        if row >= 0 and column >= 0:
            box = QRectF(column - 0.5, row - 0.5, 1, 1)
            p.setBrush(Qt.BrushStyle.NoBrush)
            for colour, width in ((colours.surface, 5), (colours.text, 2)):
                p.setPen(pg.mkPen(colour, width=width))
                p.drawRect(box)

    def _write(self, p: QPainter, wide: float, high: float) -> None:
        owner = self._owner
        values = owner.values()
        share = owner.measure is Measure.SHARE
        shades = values if share else np.log1p(values) / np.log1p(owner.largest())
        painted = paint(shades)
        p.save()
        p.setFont(QFont())
        p.scale(1 / wide, 1 / high)
        for (row, column), value in np.ndenumerate(values):
            if np.isnan(value):
                continue
            red, green, blue, _alpha = painted[row, column].tolist()
            bright = 0.299 * red + 0.587 * green + 0.114 * blue > 140
            p.setPen(QColor(theme.LIGHT.text if bright else theme.DARK.text))
            text = decimal(100 * value, 0) if share else number(int(value))
            box = QRectF((column - 0.5) * wide, (row - 0.5) * high, wide, high)
            p.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
        p.restore()
