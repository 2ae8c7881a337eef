"""The chart of classes: photos that have them, and AP side by side, from left to right."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QHelpEvent, QKeyEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QToolTip, QWidget

from lmpt_desktop.inference.long_tail import LongTail
from lmpt_desktop.translation import _
from lmpt_desktop.translation import number as number_text
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.plain_text import Html
from lmpt_desktop.ui.long_tail.axes import CountAxis, NameAxis, focus_frame, height, heights
from lmpt_desktop.ui.long_tail.bars import BarsItem
from lmpt_desktop.ui.long_tail.columns import class_facts, class_sentence
from lmpt_desktop.ui.long_tail.dots import DotsItem
from trainer.bands import Band

ZOOM = 1.6
CLOSEST = 4.0
"""The least number of classes in view."""
PAGE = 10
AXIS_WIDTH = 62
PRECISION_HEIGHT = 62
NAMES_SHARE = 0.28
"""The largest share of the chart's height that names take."""
CLOSE_LIMITS = 0.2
"""Share of the chart's height below which the lines of two limits leave no room for a label."""
_PAD = 0.6


class ClassChart(pg.GraphicsLayoutWidget):
    """Arrow keys go from class to class, + and - zoom, Enter opens the current class."""

    current_changed = Signal(int)
    """The place from the left of the class that became current."""
    opened = Signal(int)
    """The place from the left of the class whose photos are requested."""
    view_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("class-chart")
        self.setAccessibleName(_("Chart of photos by class"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumHeight(100)
        self._tail: LongTail | None = None
        self._columns: NDArray[np.int64] = np.zeros(0, np.int64)
        self._current = -1
        self._bars = BarsItem()
        self._dots = DotsItem()
        self.names = NameAxis("bottom")
        # pyqtgraph's types leave out what it adds to its Qt base classes.
        layout: Any = self.ci
        scene: Any = self.scene()
        self.counts: Any = layout.addPlot(
            0, 0, enableMenu=False, axisItems={"left": CountAxis("left")}
        )
        self.precision: Any = layout.addPlot(
            1, 0, enableMenu=False, axisItems={"bottom": self.names}
        )
        self.counts.addItem(self._bars, ignoreBounds=True)
        self.precision.addItem(self._dots, ignoreBounds=True)
        self.counts.hideAxis("bottom")
        self._limits = {Band.HEAD: _limit_line(), Band.MEDIUM: _limit_line()}
        for line in self._limits.values():
            self.counts.addItem(line, ignoreBounds=True)
        layout.layout.setRowStretchFactor(0, 1)
        layout.layout.setRowStretchFactor(1, 0)
        layout.layout.setSpacing(4)
        layout.setContentsMargins(4, 8, 8, 2)
        for plot in (self.counts, self.precision):
            plot.setMouseEnabled(True, False)
            plot.hideButtons()
            left = plot.getAxis("left")
            left.setWidth(AXIS_WIDTH)
            left.setZValue(-1)  # its grid goes behind the bars
            left.setStyle(hideOverlappingLabels=False)
            plot.getViewBox().setDefaultPadding(0.0)
        self.precision.setXLink(self.counts)
        self.precision.setYRange(-22, 122, padding=0)
        self.precision.getAxis("left").setTicks([[(0, "0"), (50, "50"), (100, "100")]])
        self.counts.getViewBox().sigXRangeChanged.connect(self._range_changed)
        scene.sigMouseClicked.connect(self._clicked)
        scene.sigMouseMoved.connect(self._moved)
        self._restyle()
        theme.manager().changed.connect(self._restyle)

    # ------------------------------------------------------------------------------- state

    @property
    def current(self) -> int:
        """The current class, as a place from the left; -1 for none."""
        return self._current

    @property
    def shown(self) -> tuple[float, float]:
        """The first and the last place in view."""
        first, last = self.counts.getViewBox().viewRange()[0]
        return first, last

    def show_tail(self, tail: LongTail, columns: NDArray[np.int64]) -> None:
        """Draw ``columns`` (n,) of ``tail`` from left to right."""
        same_number = len(columns) == len(self._columns)
        self._tail, self._columns = tail, columns
        self._current = min(self._current, len(columns) - 1)
        tallest = tail.numbers.max(initial=0)
        # Above the upper limit there is room for its label.
        top = max(1.2 * height(tail.bands.limits.head), 1.06 * height(float(tallest)))
        places = {band: number for number, band in enumerate(Band)}
        bands = np.array([places[tail.bands.bands[column]] for column in columns], np.int64)
        self._bars.set_bars(
            heights(tail.numbers[columns]),
            heights(tail.present[columns]),
            # That every class needs some goes without saying while there is no annotation.
            tail.bands.needs_examples[columns] & tail.annotated,
            bands,
            top=top,
        )
        self.counts.setYRange(-0.07 * top, top, padding=0)
        self.names.set_names([tail.names[column] for column in columns])
        limits = tail.bands.limits
        for band, limit, text in (
            (Band.HEAD, limits.head, _("common from {count}")),
            (Band.MEDIUM, limits.medium, _("fairly common from {count}")),
        ):
            self._limits[band].setValue(height(limit))
            self._limits[band].label.setFormat(text.format(count=number_text(limit)))
        # Above its line the lower label hides no bar of the rare classes, which end at the right.
        close = height(limits.head) - height(limits.medium) < CLOSE_LIMITS * top
        label = self._limits[Band.MEDIUM].label
        label.anchors = [(1, 0.0 if close else 1.0)] * 2
        label.updatePosition()
        self._show_precision(tail, columns, bands)
        self.counts.setLimits(
            xMin=-_PAD, xMax=max(len(columns), 1) - 1 + _PAD, minXRange=min(CLOSEST, len(columns))
        )
        if not same_number:
            self.show_all()
        if self._current < 0 and self.hasFocus() and len(columns):
            self._go(0)
        else:
            self.set_current(self._current)

    def _show_precision(
        self, tail: LongTail, columns: NDArray[np.int64], bands: NDArray[np.int64]
    ) -> None:
        self._fit_names()
        self.precision.getViewBox().setVisible(tail.evaluated)
        self.precision.getAxis("left").setVisible(tail.evaluated)
        values = 100 * tail.average_precision[columns]
        self._dots.set_dots(values, bands)

    def set_current(self, place: int) -> None:
        """Mark a class and bring it into view, without a signal."""
        self._current = place
        self._bars.set_current(place)
        self.names.set_current(place)
        if self._tail is None or not 0 <= place < len(self._columns):
            self.setAccessibleDescription("")
            return
        self.setAccessibleDescription(class_sentence(self._tail, int(self._columns[place])))
        first, last = self.shown
        if not first + 0.4 <= place <= last - 0.4:
            middle = place - (last - first) / 2
            self.set_first(middle)

    def set_first(self, first: float) -> None:
        """Scroll so that this place is at the left edge."""
        left, right = self.shown
        self.counts.setXRange(first, first + right - left, padding=0)

    def show_all(self) -> None:
        """Zoom out as far as it goes."""
        self.counts.setXRange(-_PAD, max(len(self._columns), 1) - 1 + _PAD, padding=0)

    def zoom(self, factor: float) -> None:
        """Magnify ``factor`` times, around the current class."""
        first, last = self.shown
        centre = self._current if first <= self._current <= last else (first + last) / 2
        wide = max(min(CLOSEST, len(self._columns)), (last - first) / factor)
        share = (centre - first) / (last - first)
        left = max(-_PAD, centre - share * wide)
        self.counts.setXRange(left, left + wide, padding=0)

    # ---------------------------------------------------------------------- mouse and keys

    def place_at(self, scene: QPointF) -> int:
        """The class at a point of the scene, -1 if there is none."""
        view = self.counts.getViewBox()
        area = view.sceneBoundingRect()
        if not area.left() <= scene.x() <= area.right():
            return -1
        place = round(view.mapSceneToView(scene).x())
        return place if 0 <= place < len(self._columns) else -1

    def keyPressEvent(self, ev: QKeyEvent) -> None:
        steps = {
            Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1,
            Qt.Key.Key_PageUp: -PAGE, Qt.Key.Key_PageDown: PAGE,
            Qt.Key.Key_Home: -len(self._columns), Qt.Key.Key_End: len(self._columns),
        }  # fmt: skip
        key = ev.key()
        plain = ev.modifiers() & ~(
            Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ShiftModifier
        )
        if plain or not len(self._columns):
            ev.ignore()
        elif key in steps:
            start = max(self._current, 0) if steps[Qt.Key(key)] < 0 else self._current
            self._go(start + steps[Qt.Key(key)])
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(ZOOM)
        elif key == Qt.Key.Key_Minus:
            self.zoom(1 / ZOOM)
        elif key == Qt.Key.Key_0:
            self.show_all()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._current >= 0:
            self.opened.emit(self._current)
        else:
            ev.ignore()

    def _go(self, place: int) -> None:
        place = min(max(place, 0), len(self._columns) - 1)
        self.set_current(place)
        self.current_changed.emit(place)

    def wheelEvent(self, ev: QWheelEvent) -> None:
        delta = ev.angleDelta()
        sideways = delta.x()
        if ev.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            sideways = sideways or delta.y()
        if abs(sideways) > abs(delta.y()) or (
            sideways and ev.modifiers() & Qt.KeyboardModifier.ShiftModifier
        ):
            first, last = self.shown
            wide = last - first
            place = first - sideways / 120 * wide / 8
            self.set_first(min(max(place, -_PAD), len(self._columns) - 1 + _PAD - wide))
            ev.accept()
        else:
            super().wheelEvent(ev)

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            place = self.place_at(self.mapToScene(event.pos()))
            if place >= 0 and self._tail is not None:
                column = int(self._columns[place])
                QToolTip.showText(event.globalPos(), tool_tip(self._tail, column), self)
            else:
                QToolTip.hideText()
            return True
        return super().viewportEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if self._current < 0 and len(self._columns):
            self._go(0)

    def resizeEvent(self, ev: QResizeEvent) -> None:
        super().resizeEvent(ev)
        if hasattr(self, "names"):  # pyqtgraph resizes while it is being built
            self.names.set_limit(NAMES_SHARE * self.height())
            self._fit_names()

    def _clicked(self, event: Any) -> None:
        button, scene = event.button(), event.scenePos()
        place = self.place_at(scene)
        if button == Qt.MouseButton.LeftButton and place >= 0:
            self._go(place)
            self.opened.emit(place)

    def _moved(self, scene: QPointF) -> None:
        over = self.place_at(scene) >= 0
        shape = Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor
        self.viewport().setCursor(shape)

    def _range_changed(self, *_args: object) -> None:
        self._fit_names()
        self.view_changed.emit()

    def _fit_names(self) -> None:
        self.names.fit()
        evaluated = self._tail is not None and self._tail.evaluated
        high = self.names.room + (PRECISION_HEIGHT if evaluated else 2)
        if self.precision.maximumHeight() != high:
            self.precision.setMinimumHeight(high)
            self.precision.setMaximumHeight(high)

    def _restyle(self, *_args: object) -> None:
        colours = theme.current()
        self.setBackground(colours.surface)
        self.setStyleSheet(focus_frame("class-chart"))
        for plot, title in (
            (self.counts, _("Photos (log)")),
            (self.precision, _("AP, %")),
        ):
            plot.showGrid(y=True, alpha=0.12)
            for side in ("left", "bottom"):
                axis = plot.getAxis(side)
                axis.setPen(pg.mkPen(colours.border))
                axis.setTextPen(pg.mkPen(colours.muted))
            plot.getAxis("left").setLabel(title, color=colours.muted)
        for band, line in self._limits.items():
            line.setPen(pg.mkPen(colours.band(band), width=1, style=Qt.PenStyle.DashLine))
            line.label.setColor(colours.band(band))
            line.label.fill = pg.mkBrush(colours.surface)
        self.names.set_current(self._current)
        self._bars.update()
        self._dots.update()
        if self._tail is not None:
            self.show_tail(self._tail, self._columns)


def tool_tip(tail: LongTail, column: int) -> str:
    """Every figure of a class, as rich text."""
    lines = "".join(
        f"<tr><td>{escape(label)}&nbsp;&nbsp;</td><td align='right'>{escape(value)}</td></tr>"
        for label, value in class_facts(tail, column)
    )
    hint = escape(_("Click to see its photos"))
    return Html(f"<b>{escape(tail.names[column])}</b><table>{lines}</table>{hint}")


def _limit_line() -> pg.InfiniteLine:
    """A line across with a label above its right end."""
    return pg.InfiniteLine(
        angle=0,
        movable=False,
        label="",
        labelOpts={"position": 0.995, "anchors": [(1, 1), (1, 1)], "movable": False},
    )
