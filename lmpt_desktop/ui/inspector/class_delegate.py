"""Paints one class: name, band, score bar with its threshold, and the three verdict buttons."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPointF,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.translation import _, decimal
from lmpt_desktop.ui.inspector.class_model import ClassRow, Role
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.texts import band_name
from lmpt_desktop.ui.kit.verdicts import paint_verdict_sign, verdict_colour
from trainer.bands import Band

BUTTONS = (Verdict.PRESENT, Verdict.ABSENT, Verdict.UNKNOWN)
_MARGIN = 8.0
_GAP = 6.0


@dataclass(frozen=True)
class RowGeometry:
    """Where the parts of a row are."""

    mark: QRectF
    name: QRectF
    band: QRectF
    bar: QRectF
    score: QRectF
    buttons: tuple[QRectF, QRectF, QRectF]

    def button_at(self, place: QPointF) -> Verdict | None:
        """The verdict button under ``place``."""
        for verdict, area in zip(BUTTONS, self.buttons, strict=True):
            if area.adjusted(-1, -3, 1, 3).contains(place):
                return verdict
        return None


def row_geometry(area: QRectF, font: QFont, band: Band, band_text: str) -> RowGeometry:
    """Lay a row out inside ``area``."""
    metrics, small = QFontMetricsF(font), QFontMetricsF(small_font(font))
    side = max(22.0, metrics.height() + 4)
    right = area.right() - _MARGIN
    left_of_buttons = right - 3 * side - 2
    middle = area.center().y()
    buttons = tuple(
        QRectF(left_of_buttons + i * (side + 1), middle - side / 2, side, side) for i in range(3)
    )
    mark_side = small.height() * 0.72
    text_left = area.left() + _MARGIN + mark_side + _GAP
    text_right = left_of_buttons - _GAP - 2
    top = area.top() + (area.height() - metrics.height() - small.height() - 2) / 2
    band_width = QFontMetricsF(_band_font(font, band)).horizontalAdvance(band_text) + 2
    score_width = small.horizontalAdvance("0.00") + 2
    second = top + metrics.height() + 2
    return RowGeometry(
        mark=QRectF(
            area.left() + _MARGIN, top + (metrics.height() - mark_side) / 2, mark_side, mark_side
        ),
        name=QRectF(
            text_left, top, max(0.0, text_right - band_width - _GAP - text_left), metrics.height()
        ),
        band=QRectF(text_right - band_width, top, band_width, metrics.height()),
        bar=QRectF(
            text_left,
            second + small.height() / 2 - 3,
            max(0.0, text_right - score_width - _GAP - text_left),
            6,
        ),
        score=QRectF(text_right - score_width, second, score_width, small.height()),
        buttons=(buttons[0], buttons[1], buttons[2]),
    )


def small_font(font: QFont) -> QFont:
    """The font of secondary text."""
    result = QFont(font)
    if font.pointSizeF() > 0:
        result.setPointSizeF(font.pointSizeF() * 0.86)
    else:
        result.setPixelSize(round(font.pixelSize() * 0.86))
    return result


class ClassDelegate(QStyledItemDelegate):
    """Paints rows of a :class:`ClassListModel` and hears clicks on their buttons."""

    verdict_clicked = Signal(int, object)
    """Class id, :class:`Verdict`."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.hovered: tuple[int, Verdict | None] = (-1, None)
        """Row and button under the mouse."""

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        metrics, small = QFontMetricsF(option.font), QFontMetricsF(small_font(option.font))
        return QSize(240, round(metrics.height() + small.height() + 16))

    def geometry(self, option: QStyleOptionViewItem, row: ClassRow) -> RowGeometry:
        return row_geometry(QRectF(option.rect), option.font, row.band, _band_text(row))

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        row = index.data(Role.ROW)
        if not isinstance(row, ClassRow):
            return
        colours = theme.current()
        place = self.geometry(option, row)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_background(painter, option, colours, index.row())
        shade = colours.band(row.band)
        if row.band_known:
            theme.paint_band_mark(painter, place.mark, row.band, shade)
        self._paint_name(painter, option, place, row, colours)
        painter.setFont(_band_font(option.font, row.band))
        painter.setPen(shade if row.band is Band.TAIL else colours.colour("muted"))
        painter.drawText(place.band, _RIGHT, _band_text(row))
        self._paint_bar(painter, place, row, colours, option.font)
        hovered = self.hovered[1] if self.hovered[0] == index.row() else None
        for verdict, area in zip(BUTTONS, place.buttons, strict=True):
            _paint_button(
                painter,
                area,
                row,
                verdict,
                colours=colours,
                hovered=hovered is verdict,
                font=option.font,
            )
        painter.restore()

    def _paint_background(
        self, painter: QPainter, option: QStyleOptionViewItem, colours: theme.Theme, row: int
    ) -> None:
        area = QRectF(option.rect)
        state = option.state
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(area, colours.colour("selection"))
            if state & QStyle.StateFlag.State_HasFocus:
                painter.setPen(QPen(colours.colour("accent"), 2))
                painter.drawRect(area.adjusted(1, 1, -1, -1))
        elif self.hovered[0] == row:
            painter.fillRect(area, colours.colour("raised"))
        painter.setPen(colours.colour("border"))
        painter.drawLine(area.bottomLeft(), area.bottomRight())

    def _paint_name(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        place: RowGeometry,
        row: ClassRow,
        colours: theme.Theme,
    ) -> None:
        font = QFont(option.font)
        font.setBold(row.predicted > 0 or row.present > 0)
        metrics = QFontMetricsF(font)
        area = QRectF(place.name)
        sign = " ≠" if row.corrected else ""
        room = area.width() - metrics.horizontalAdvance(sign)
        name = metrics.elidedText(row.name, Qt.TextElideMode.ElideRight, room)
        painter.setFont(font)
        painter.setPen(colours.colour("text"))
        painter.drawText(area, _LEFT, name)
        if sign:
            painter.setPen(colours.colour("warning"))
            painter.drawText(area.adjusted(metrics.horizontalAdvance(name), 0, 0, 0), _LEFT, sign)

    def _paint_bar(
        self,
        painter: QPainter,
        place: RowGeometry,
        row: ClassRow,
        colours: theme.Theme,
        font: QFont,
    ) -> None:
        bar = place.bar
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colours.colour("border"))
        painter.drawRoundedRect(bar, 3, 3)
        painter.setFont(small_font(font))
        painter.setPen(colours.colour("muted"))
        if row.score is None:
            painter.drawText(place.score, _RIGHT, "–")
            return
        painter.drawText(place.score, _RIGHT, decimal(row.score, 2))
        filled = QRectF(bar)
        filled.setWidth(max(3.0, bar.width() * min(1.0, row.score)))
        shade = QColor(colours.band(row.band))
        if not row.predicted:
            shade.setAlphaF(0.5)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(shade)
        painter.drawRoundedRect(filled, 3, 3)
        across = bar.left() + bar.width() * min(1.0, max(0.0, row.threshold))
        tick = QRectF(across - 1, bar.top() - 3, 2, bar.height() + 6)
        painter.fillRect(tick.adjusted(-1, 0, 1, 0), colours.colour("surface"))
        painter.fillRect(tick, colours.colour("text"))

    def editorEvent(self, event, model, option, index) -> bool:
        requested = (QEvent.Type.MouseButtonRelease, QEvent.Type.MouseButtonDblClick)
        if isinstance(event, QMouseEvent) and event.button() is Qt.MouseButton.LeftButton:
            row = index.data(Role.ROW)
            if isinstance(row, ClassRow) and event.type() in requested:
                verdict = self.geometry(option, row).button_at(event.position())
                if verdict is not None:
                    if event.type() == QEvent.Type.MouseButtonRelease:
                        self.verdict_clicked.emit(row.class_id, verdict)
                    return True
        return super().editorEvent(event, model, option, index)


_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


def _band_text(row: ClassRow) -> str:
    if not row.band_known:
        return ""
    name = band_name(row.band)
    return _("{word} (est.)").format(word=name) if row.estimated else name


def _band_font(font: QFont, band: Band) -> QFont:
    result = small_font(font)
    result.setBold(band is Band.TAIL)
    return result


def _paint_button(
    painter: QPainter,
    area: QRectF,
    row: ClassRow,
    verdict: Verdict,
    *,
    colours: theme.Theme,
    hovered: bool,
    font: QFont,
) -> None:
    """A square with the verdict's sign; filled when it is the verdict, hatched when some of
    the images have it."""
    shade = verdict_colour(verdict)
    chosen = row.verdict is verdict
    some = row.verdict is None and row.count(verdict) > 0
    painter.setPen(QPen(shade if chosen or some or hovered else colours.colour("border"), 1.2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if chosen and verdict is not Verdict.UNKNOWN:
        painter.setBrush(shade)
    elif chosen:
        painter.setBrush(colours.colour("raised"))
    painter.drawRoundedRect(area.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
    if some:
        painter.setBrush(shade)
        painter.setPen(Qt.PenStyle.NoPen)
        dot = area.width() * 0.12
        painter.drawEllipse(QPointF(area.center().x(), area.bottom() - dot - 2.5), dot, dot)
    if chosen and verdict is not Verdict.UNKNOWN:
        ink = colours.colour("surface")
    else:
        ink = shade if chosen or some or hovered else colours.colour("muted")
    _paint_sign(painter, area, verdict, ink, font, raised=some)


def _paint_sign(
    painter: QPainter, area: QRectF, verdict: Verdict, ink: QColor, font: QFont, *, raised: bool
) -> None:
    """A tick, a cross or a question mark."""
    area = area.translated(0, -2 if raised else 0)
    if verdict is not Verdict.UNKNOWN:
        share = 0.15 if raised else 0.18
        paint_verdict_sign(painter, area, verdict, ink, share=share, width=1.8)
        return
    bold = small_font(font)
    bold.setBold(True)
    painter.setFont(bold)
    painter.setPen(ink)
    painter.drawText(area, Qt.AlignmentFlag.AlignCenter, "?")
