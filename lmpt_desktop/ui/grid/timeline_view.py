"""A strip of bars: how many photos there are of each time, and which times are shown."""

from __future__ import annotations

import math
from bisect import bisect_left
from datetime import date

from PySide6.QtCore import QEvent, QLocale, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QHelpEvent,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QShowEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.inference.filters import Dates
from lmpt_desktop.inference.timeline import DayCounts, Period, Timeline, Unit, day_counts, timeline
from lmpt_desktop.translation import _, format_date
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.tasks import LatestRequest
from lmpt_desktop.ui.kit.texts import photos_text

LEAST_BAR = 6
"""Pixels of a bar with the space beside it."""
WIDEST_BAR = 34
BARS_HEIGHT = 34
SIDE = 10
LABEL_SPACE = 10
"""Pixels between two labels."""


class TimelineView(QWidget):
    """Click or drag to show the photos of a time; arrow keys go from bar to bar, with Shift they
    extend, Enter shows these photos, Escape those of every time.

    Heights grow with the square root of the number, so that a few photos are seen beside many.
    """

    chosen = Signal(object)
    """The :class:`Dates` that the user wants to see; ``Dates()`` for all."""
    left = Signal()
    """Escape, where no time was chosen: the keyboard focus should go to the grid."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("timeline")
        self.setAccessibleName(_("Timeline"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self._snapshot: Snapshot | None = None
        self._days: DayCounts | None = None
        self._timeline = Timeline(Unit.YEAR, (), 0)
        self._dates = Dates()
        self._current = self._anchor = -1
        """Places among the periods, from the left."""
        self._dragging = self._moved = False
        self._counting: LatestRequest[DayCounts] = LatestRequest(
            self._show_days, owner=self, overlap=False
        )
        theme.manager().changed.connect(self._restyle)

    # ----------------------------------------------------------------------------- showing

    @property
    def timeline(self) -> Timeline:
        """What is drawn."""
        return self._timeline

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show its photos; they are counted in the background, while the strip is seen."""
        old, self._snapshot = self._snapshot, snapshot
        if self.isVisible() and (old is None or old.images is not snapshot.images):
            self._count()

    def show_dates(self, dates: Dates) -> None:
        """Mark the days that the grid shows."""
        if dates != self._dates:
            self._dates = dates
            self.update()

    def period_at(self, x: float) -> int:
        """The place of the period whose bar is nearest to a pixel; -1 if there is none."""
        periods = self._timeline.periods
        if not periods:
            return -1
        slot = (self._mirrored(x) - SIDE) / self._slot_width() - 0.5
        place = bisect_left([period.slot for period in periods], slot)
        beside = [at for at in (place - 1, place) if 0 <= at < len(periods)]
        return min(beside, key=lambda at: abs(periods[at].slot - slot))

    def bar(self, place: int) -> QRectF:
        """Where a bar is, as high as the strip."""
        width = self._slot_width()
        left = SIDE + self._timeline.periods[place].slot * width
        if self.layoutDirection() == Qt.LayoutDirection.RightToLeft:
            left = self.width() - left - width
        return QRectF(left, 2, width, BARS_HEIGHT)

    def period_text(self, period: Period) -> str:
        """ "June 2023: 214 photos"."""
        return _("{time}: {photos}").format(
            time=self._time_text(period), photos=photos_text(period.count)
        )

    def _time_text(self, period: Period) -> str:
        match self._timeline.unit:
            case Unit.DAY:
                return format_date(period.first)
            case Unit.MONTH:
                return f"{QLocale().standaloneMonthName(period.first.month)} {period.first.year}"
            case Unit.YEAR:
                return str(period.first.year)

    def _count(self) -> None:
        if (snapshot := self._snapshot) is not None:
            self._counting.ask(lambda: day_counts(snapshot))

    def _show_days(self, days: DayCounts) -> None:
        if days is not self._days:
            self._days = days
            self._arrange()

    def _arrange(self) -> None:
        if self._days is None:
            return
        at = self._current_period()
        room = max(1, (self.width() - 2 * SIDE) // LEAST_BAR)
        self._timeline = timeline(self._days, room)
        self._current = self._anchor = self._place_of(at.first) if at is not None else -1
        if at is None and self.hasFocus():
            self._go_to(self._start(), extend=False)
        self._describe()
        self.update()

    def _current_period(self) -> Period | None:
        periods = self._timeline.periods
        return periods[self._current] if 0 <= self._current < len(periods) else None

    def _place_of(self, day: date) -> int:
        """The place of the period of a day, or of the next one."""
        periods = self._timeline.periods
        return min(bisect_left([item.last for item in periods], day), len(periods) - 1)

    # ---------------------------------------------------------------------------- choosing

    def _choose(self) -> None:
        """Show the photos from the anchor to the current period."""
        periods = self._timeline.periods
        if not 0 <= self._current < len(periods):
            return
        first, last = sorted((max(0, self._anchor), self._current))
        dates = Dates(periods[first].first, periods[last].last)
        # The same once more: all again.
        self.chosen.emit(Dates() if dates == self._dates else dates)

    def _go_to(self, place: int, *, extend: bool) -> None:
        count = len(self._timeline.periods)
        if not count:
            return
        self._current = min(max(place, 0), count - 1)
        if not extend or self._anchor < 0:
            self._anchor = self._current
        self._describe()
        self.update()

    def _describe(self) -> None:
        period = self._current_period()
        self.setAccessibleDescription("" if period is None else self.period_text(period))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        extend = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        mirrored = self.layoutDirection() == Qt.LayoutDirection.RightToLeft
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        ends = {Qt.Key.Key_Home: 0, Qt.Key.Key_End: len(self._timeline.periods)}
        if key in steps:
            step = -steps[Qt.Key(key)] if mirrored else steps[Qt.Key(key)]
            self._go_to(self._start() if self._current < 0 else self._current + step, extend=extend)
        elif key in ends:
            self._go_to(ends[Qt.Key(key)], extend=extend)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._choose()
        elif key in (Qt.Key.Key_Escape, Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            if self._dates:
                self.chosen.emit(Dates())
            elif key == Qt.Key.Key_Escape:
                self.left.emit()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        # Else shortcuts of the window would take the keys that mean something here.
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            plain = event.modifiers() in (
                Qt.KeyboardModifier.NoModifier,
                Qt.KeyboardModifier.ShiftModifier,
            )
            if plain and event.key() in _KEYS:
                event.accept()
                return True
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            place = self.period_at(event.pos().x())
            text = self.period_text(self._timeline.periods[place]) if place >= 0 else ""
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        self._dragging = True
        extend = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        self._go_to(self.period_at(event.position().x()), extend=extend)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._dragging:
            self._go_to(self.period_at(event.position().x()), extend=True)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._dragging:
            self._dragging = False
            self._choose()

    def _start(self) -> int:
        """Where the keyboard begins: at what is chosen, else at the latest."""
        if self._dates.first is not None:
            return self._place_of(self._dates.first)
        return len(self._timeline.periods) - 1

    # ---------------------------------------------------------------------------- painting

    def sizeHint(self) -> QSize:
        return QSize(300, BARS_HEIGHT + self.fontMetrics().height() + 8)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, self.sizeHint().height())

    def resizeEvent(self, event: object) -> None:
        del event
        self._arrange()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._count()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._dragging = False

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if self._current < 0:
            self._go_to(self._start(), extend=False)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def _restyle(self, *_args: object) -> None:
        self.update()

    def _slot_width(self) -> float:
        room = self.width() - 2 * SIDE
        return min(float(WIDEST_BAR), room / max(1, self._timeline.slots))

    def _mirrored(self, x: float) -> float:
        return self.width() - x if self.layoutDirection() == Qt.LayoutDirection.RightToLeft else x

    def _is_marked(self, place: int, today: date) -> bool:
        """Whether a period is chosen, or about to be."""
        if self._dragging:
            first, last = sorted((self._anchor, self._current))
            return first <= place <= last
        period = self._timeline.periods[place]
        first, last = self._dates.days(today)
        return (first is None or period.last >= first) and (last is None or period.first <= last)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        periods = self._timeline.periods
        painter = QPainter(self)
        colours = theme.current()
        base = 2 + BARS_HEIGHT
        painter.setPen(QPen(QColor(colours.border), 1))
        painter.drawLine(QPointF(SIDE, base + 0.5), QPointF(self.width() - SIDE, base + 0.5))
        if not periods:
            painter.setPen(QColor(colours.muted))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, _("No dates yet"))
            return
        today = date.today()
        filtered = bool(self._dates) or self._dragging
        most = math.sqrt(max(period.count for period in periods))
        for place, period in enumerate(periods):
            bar = self.bar(place)
            gap = 1.0 if bar.width() < 10 else 2.0
            height = max(2.0, (BARS_HEIGHT - 3) * math.sqrt(period.count) / most)
            marked = self._is_marked(place, today)
            name = "accent" if filtered and marked else "bar" if not filtered else "edge"
            shape = QRectF(bar.left() + gap / 2, base - height, bar.width() - gap, height)
            painter.fillRect(shape, QColor(getattr(colours, name)))
            if period.after_gap:
                self._paint_gap(painter, place, base)
        self._paint_labels(painter, base)
        if self.hasFocus() and 0 <= self._current < len(periods):
            first, last = sorted((max(0, self._anchor), self._current))
            frame = self.bar(first).united(self.bar(last)).adjusted(-1, -1.5, 1, 1)
            painter.setPen(QPen(QColor(colours.accent), 1.5))
            painter.drawRect(frame)

    def _paint_gap(self, painter: QPainter, place: int, base: int) -> None:
        """Three dots before a period: many without photos are left out."""
        bar = self.bar(place)
        mirrored = self.layoutDirection() == Qt.LayoutDirection.RightToLeft
        # In the middle of the two slots that a gap takes.
        middle = bar.right() + bar.width() if mirrored else bar.left() - bar.width()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.current().muted))
        for step in (-1, 0, 1):
            painter.drawEllipse(QPointF(middle + 3 * step, base - 4), 1, 1)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _paint_labels(self, painter: QPainter, base: int) -> None:
        """A name where a year, or of days a month, begins; those without room are left out."""
        metrics = self.fontMetrics()
        painter.setPen(QColor(theme.current().muted))
        mirrored = self.layoutDirection() == Qt.LayoutDirection.RightToLeft
        free, before = 0.0, ""
        for place, period in enumerate(self._timeline.periods):
            text = self._label(period)
            if text == before:
                continue
            before = text
            bar, width = self.bar(place), metrics.horizontalAdvance(text)
            near = self.width() - bar.right() if mirrored else bar.left()
            near = min(near, self.width() - SIDE - width)
            if near < free:
                continue
            free = near + width + LABEL_SPACE
            left = self.width() - near - width if mirrored else near
            painter.drawText(QPointF(left, base + 3 + metrics.ascent()), text)

    def _label(self, period: Period) -> str:
        if self._timeline.unit is not Unit.DAY:
            return str(period.first.year)
        month = QLocale().standaloneMonthName(period.first.month, QLocale.FormatType.ShortFormat)
        return f"{month} {period.first.year}"


_KEYS = frozenset(
    (
        *(Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Return),
        *(Qt.Key.Key_Enter, Qt.Key.Key_Space, Qt.Key.Key_Escape, Qt.Key.Key_Delete),
        Qt.Key.Key_Backspace,
    )
)
