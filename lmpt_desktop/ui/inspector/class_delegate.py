"""Paints the rows of the inspector: headings, chips, and classes with score and buttons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.translation import _, decimal, number
from lmpt_desktop.ui.inspector.class_model import ClassListModel, ClassRow, Item, Kind, Section
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.verdicts import paint_verdict_sign, verdict_colour
from trainer.bands import Band

BUTTONS = (Verdict.PRESENT, Verdict.ABSENT)
MARGIN = 12.0
_GAP = 6.0
_BUTTON_WIDTH = 30.0
_SIGN = 15.0
"""Room for a chip's tick or cross."""
_REMOVE = 24.0
"""Width of a chip's button that takes the verdict back."""
_DIAMOND = 12.0


@dataclass(frozen=True)
class RowGeometry:
    """Where the parts of a class's row are; ``buttons`` are those of :data:`BUTTONS`."""

    number: QRectF
    name: QRectF
    bar: QRectF
    score: QRectF
    buttons: tuple[QRectF, QRectF]

    def button_at(self, place: QPointF) -> Verdict | None:
        """The verdict button under ``place``."""
        for verdict, area in zip(BUTTONS, self.buttons, strict=True):
            if area.adjusted(-2, -4, 2, 4).contains(place):
                return verdict
        return None


def row_geometry(area: QRectF, font: QFont, score_text: str) -> RowGeometry:
    """Lay a class's row out inside ``area``."""
    metrics, small = QFontMetricsF(font), QFontMetricsF(small_font(font))
    height = max(26.0, metrics.height() + 8)
    left_of_buttons = area.right() - MARGIN - 2 * _BUTTON_WIDTH - _GAP
    middle = area.center().y()
    first = QRectF(left_of_buttons, middle - height / 2, _BUTTON_WIDTH, height)
    number_width = small.horizontalAdvance("9") + 4
    left = area.left() + MARGIN + number_width + 4
    right = left_of_buttons - 10
    top = area.top() + (area.height() - metrics.height() - small.height() - 1) / 2
    second = top + metrics.height() + 1
    score_width = small.horizontalAdvance(score_text) + 2
    return RowGeometry(
        number=QRectF(area.left() + MARGIN, top, number_width, metrics.height()),
        name=QRectF(left, top, max(0.0, right - left), metrics.height()),
        bar=QRectF(
            left, second + small.height() / 2 - 2, max(0.0, right - score_width - 8 - left), 4
        ),
        score=QRectF(right - score_width, second, score_width, small.height()),
        buttons=(first, first.translated(_BUTTON_WIDTH + _GAP, 0)),
    )


def small_font(font: QFont) -> QFont:
    """The font of secondary text."""
    result = QFont(font)
    if font.pointSizeF() > 0:
        result.setPointSizeF(font.pointSizeF() * 0.86)
    else:
        result.setPixelSize(round(font.pixelSize() * 0.86))
    return result


def score_text(row: ClassRow) -> str:
    """The score of one photo; of several, in how many the class is predicted."""
    if row.images > 1:
        return _("{count} of {all}").format(count=number(row.predicted), all=number(row.images))
    return "–" if row.score is None else decimal(row.score, 2)


class ClassDelegate(QStyledItemDelegate):
    """Paints rows of a :class:`ClassListModel` and hears clicks on their buttons."""

    verdict_clicked = Signal(int, object)
    """Class id, :class:`Verdict`."""
    fold_clicked = Signal(object)
    """The :class:`Section` to open or close."""

    def __init__(self, model: ClassListModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self.hovered: tuple[int, Verdict | None] = (-1, None)
        """Row and button under the mouse."""
        self.part: Verdict | None = None
        """The button of the current row that the keyboard is on."""
        self.keys: tuple[str, str, str] = ("P", "A", "U")
        """The keys of the verdicts, named beside the class in focus."""

    # ------------------------------------------------------------------------------- sizes

    def item_size(self, row: int, font: QFont, width: int) -> QSize:
        """The size of a row in a view ``width`` pixels wide; chips are as wide as their text."""
        item = self._model.items[row]
        metrics, small = QFontMetricsF(font), QFontMetricsF(small_font(font))
        if item.kind is Kind.CLASS:
            return QSize(width, round(metrics.height() + small.height() + 13))
        if item.kind is Kind.HEADING:
            return QSize(width, round(small.height() + 16))
        if item.kind is Kind.NOTE:
            room = QRectF(0, 0, width - 2 * MARGIN, 10_000)
            words = metrics.boundingRect(room, _NOTE, self._model.text(row))
            return QSize(width, round(words.height() + 8))
        height = max(26, round(small.height() + 10))
        widest = width - 2 * int(MARGIN)
        if item.kind is Kind.FOLD:
            text = QFontMetricsF(small_font(font)).horizontalAdvance(self._model.text(row))
            return QSize(min(widest, round(text + 34)), height)
        class_row = self._model.class_row(row)
        assert class_row is not None
        text = QFontMetricsF(_chip_font(font, class_row)).horizontalAdvance(_chip_text(class_row))
        wanted = 10 + _SIGN + text + _REMOVE + 4 + (_DIAMOND if class_row.rare else 0)
        return QSize(min(widest, round(wanted)), height)

    def geometry(self, option: QStyleOptionViewItem, row: ClassRow) -> RowGeometry:
        return row_geometry(QRectF(_rect(option)), _font(option), score_text(row))

    def button_at(self, option: QStyleOptionViewItem, row: int, place: QPointF) -> Verdict | None:
        """The verdict that a click at ``place`` gives; None beside the buttons."""
        item, class_row = self._model.items[row], self._model.class_row(row)
        if class_row is None:
            return None
        if item.kind is Kind.CHIP:
            area = QRectF(_rect(option))
            area.setLeft(area.right() - _REMOVE)
            return Verdict.UNKNOWN if area.contains(place) else None
        button = self.geometry(option, class_row).button_at(place)
        # The verdict that is there already is taken back.
        return Verdict.UNKNOWN if button is not None and button is class_row.verdict else button

    # ---------------------------------------------------------------------------- painting

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        item = self._model.items[index.row()]
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if item.kind is Kind.HEADING:
            self._paint_heading(painter, option, index.row(), item)
        elif item.kind is Kind.FOLD:
            self._paint_fold(painter, option, index.row(), item)
        elif item.kind is Kind.NOTE:
            painter.setPen(theme.current().colour("muted"))
            area = QRectF(_rect(option)).adjusted(MARGIN, 0, -MARGIN, 0)
            painter.drawText(area, _NOTE, self._model.text(index.row()))
        elif item.kind is not Kind.FIND:
            row = self._model.class_row(index.row())
            if row is not None and item.kind is Kind.CHIP:
                self._paint_chip(painter, option, index.row(), row)
            elif row is not None:
                self._paint_class(painter, option, index.row(), row)
        painter.restore()

    def _paint_heading(
        self, painter: QPainter, option: QStyleOptionViewItem, row: int, item: Item
    ) -> None:
        colours = theme.current()
        area = QRectF(_rect(option)).adjusted(MARGIN, 8, -MARGIN, -2)
        font = small_font(_font(option))
        font.setBold(True)
        font.setCapitalization(QFont.Capitalization.AllUppercase)
        painter.setFont(font)
        painter.setPen(colours.colour("muted"))
        text = self._model.text(row)
        painter.drawText(area, _LEFT, text)
        summary = self._model.summary
        if item.section is not Section.ALL or summary is None:
            return
        count = f"{number(len(summary.scores))}"
        painter.setFont(small_font(_font(option)))
        painter.drawText(area.adjusted(0, 0, -14, 0), _RIGHT, count)
        middle = QPointF(area.right() - 4, area.center().y())
        _paint_arrow(painter, middle, colours.colour("muted"), self._model.is_open(Section.ALL))
        if _has_focus(option):
            painter.setPen(QPen(colours.colour("accent"), 2))
            painter.drawRoundedRect(area.adjusted(-6, -2, 6, 2), 4, 4)

    def _paint_fold(
        self, painter: QPainter, option: QStyleOptionViewItem, row: int, item: Item
    ) -> None:
        colours = theme.current()
        area = QRectF(_rect(option)).adjusted(0.5, 1.5, -0.5, -1.5)
        hovered = self.hovered[0] == row
        painter.setPen(QPen(colours.colour("edge"), 1))
        painter.setBrush(colours.colour("raised") if hovered else Qt.BrushStyle.NoBrush)
        if _has_focus(option):
            painter.setPen(QPen(colours.colour("accent"), 2))
        painter.drawRoundedRect(area, area.height() / 2, area.height() / 2)
        middle = QPointF(area.left() + 13, area.center().y())
        ink = colours.colour("text" if hovered else "muted")
        _paint_arrow(painter, middle, ink, self._model.is_open(item.section))
        painter.setFont(small_font(_font(option)))
        painter.setPen(ink)
        _draw_elided(painter, area.adjusted(22, 0, -8, 0), self._model.text(row))

    def _paint_chip(
        self, painter: QPainter, option: QStyleOptionViewItem, number_: int, row: ClassRow
    ) -> None:
        colours = theme.current()
        area = QRectF(_rect(option)).adjusted(0.5, 1.5, -0.5, -1.5)
        present = row.present > 0
        ink = colours.colour("on_chip" if present else "muted")
        hovered = self.hovered[0] == number_
        painter.setBrush(colours.colour("chip") if present else Qt.BrushStyle.NoBrush)
        edge = ink if present and hovered else colours.colour("muted" if hovered else "edge")
        painter.setPen(QPen(edge, 1) if hovered or not present else Qt.PenStyle.NoPen)
        if row.focused:
            painter.setPen(QPen(colours.colour("accent"), 2))
        radius = area.height() / 2
        painter.drawRoundedRect(area, radius, radius)
        if _has_focus(option) and not row.focused:
            painter.setPen(QPen(colours.colour("accent"), 1, Qt.PenStyle.DotLine))
            painter.drawRoundedRect(area, radius, radius)
        left = area.left() + 8
        sign = QRectF(left, area.top(), _SIGN, area.height())
        verdict = Verdict.PRESENT if present else Verdict.ABSENT
        paint_verdict_sign(painter, sign, verdict, ink, share=0.22, width=1.8)
        font = _chip_font(_font(option), row)
        painter.setFont(font)
        painter.setPen(ink)
        right = area.right() - _REMOVE - (_DIAMOND if row.rare else 0)
        words = QRectF(left + _SIGN + 2, area.top(), 0, area.height())
        words.setRight(right)
        used = _draw_elided(painter, words, _chip_text(row))
        if row.rare:
            _paint_diamond(painter, words.left() + used + 3, area.center().y())
        remove = QRectF(area.right() - _REMOVE + 1, area.top() + 1, _REMOVE - 2, area.height() - 2)
        on_remove = hovered and self.hovered[1] is Verdict.UNKNOWN
        if on_remove:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ink)
            painter.drawEllipse(remove.center(), 8.5, 8.5)
        cross = colours.colour("chip" if present else "window") if on_remove else ink
        paint_verdict_sign(painter, remove, Verdict.ABSENT, cross, share=0.15, width=1.4)

    def _paint_class(
        self, painter: QPainter, option: QStyleOptionViewItem, number_: int, row: ClassRow
    ) -> None:
        colours = theme.current()
        place = self.geometry(option, row)
        area = QRectF(_rect(option))
        hovered = self.hovered[0] == number_
        if row.focused:
            painter.fillRect(area, colours.colour("raised"))
            painter.fillRect(QRectF(area.left(), area.top(), 3, area.height()), colours.accent)
        elif hovered:
            faint = colours.colour("raised")
            faint.setAlphaF(0.6)
            painter.fillRect(area, faint)
        if _has_focus(option) and self.part is None:
            painter.setPen(QPen(colours.colour("accent"), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(area.adjusted(1.5, 1.5, -1.5, -1.5), 4, 4)
        painter.setPen(colours.colour("muted"))
        painter.setFont(small_font(_font(option)))
        if row.number:
            painter.drawText(place.number, _LEFT, number(row.number))
        elif row.present or row.absent:
            verdict = Verdict.PRESENT if row.present else Verdict.ABSENT
            ink = verdict_colour(verdict)
            paint_verdict_sign(painter, place.number, verdict, ink, share=0.4, width=1.8)
        self._paint_name(painter, _font(option), place, row)
        _paint_score(painter, place, row, small_font(_font(option)))
        for verdict, button in zip(BUTTONS, place.buttons, strict=True):
            on = row.verdict is verdict
            pressed = Verdict.UNKNOWN if on else verdict
            _paint_button(
                painter,
                button,
                verdict,
                chosen=on,
                some=not on and row.count(verdict) > 0,
                hovered=hovered and self.hovered[1] is pressed,
                focused=_has_focus(option) and self.part is verdict,
                raised=row.focused or hovered,
            )

    def _paint_name(
        self, painter: QPainter, font: QFont, place: RowGeometry, row: ClassRow
    ) -> None:
        colours = theme.current()
        area = QRectF(place.name)
        if row.focused:
            hint = " ".join(key for key in self.keys if key)
            painter.setFont(small_font(font))
            painter.setPen(colours.colour("accent"))
            wide = QFontMetricsF(painter.font()).horizontalAdvance(hint)
            # Names matter more; a long one shows its keys in the line below the list.
            if wide < area.width() / 3:
                painter.drawText(area, _RIGHT, hint)
                area.setRight(area.right() - wide - 6)
        named = QFont(font)
        named.setBold(row.predicted * 2 > row.images or row.present > 0)
        painter.setFont(named)
        painter.setPen(colours.colour("text"))
        extra = (_DIAMOND + 3 if row.rare else 0) + (14 if row.corrected else 0)
        words = area.adjusted(0, 0, -extra, 0)
        right = words.left() + _draw_elided(painter, words, row.name)
        if row.rare:
            _paint_diamond(painter, right + 4, area.center().y())
            right += _DIAMOND + 3
        if row.corrected:
            painter.setPen(colours.colour("warning"))
            painter.drawText(QRectF(right + 3, area.top(), 14, area.height()), _LEFT, "≠")

    # -------------------------------------------------------------------------------- mouse

    def editorEvent(self, event, model, option, index) -> bool:
        requested = (QEvent.Type.MouseButtonRelease, QEvent.Type.MouseButtonDblClick)
        if not isinstance(event, QMouseEvent) or event.button() is not Qt.MouseButton.LeftButton:
            return super().editorEvent(event, model, option, index)
        if event.type() not in requested:
            return super().editorEvent(event, model, option, index)
        item, row = self._model.items[index.row()], self._model.class_row(index.row())
        released = event.type() == QEvent.Type.MouseButtonRelease
        if row is not None:
            verdict = self.button_at(option, index.row(), event.position())
            if verdict is not None:
                if released:
                    self.verdict_clicked.emit(row.class_id, verdict)
                return True
        elif item.kind is Kind.FOLD or (item.kind is Kind.HEADING and item.section is Section.ALL):
            if released:
                self.fold_clicked.emit(item.section)
            return True
        return super().editorEvent(event, model, option, index)


_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_NOTE = int(_LEFT) | int(Qt.TextFlag.TextWordWrap)
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


# PySide's stubs lack the option's fields.


def _rect(option: QStyleOptionViewItem) -> QRect:
    return cast(QRect, option.rect)  # pyright: ignore[reportAttributeAccessIssue]


def _font(option: QStyleOptionViewItem) -> QFont:
    return cast(QFont, option.font)  # pyright: ignore[reportAttributeAccessIssue]


def _has_focus(option: QStyleOptionViewItem) -> bool:
    state = cast(QStyle.StateFlag, option.state)  # pyright: ignore[reportAttributeAccessIssue]
    return bool(state & QStyle.StateFlag.State_HasFocus)


def _chip_font(font: QFont, row: ClassRow) -> QFont:
    result = small_font(font)
    result.setBold(row.present > 0)
    result.setStrikeOut(row.present == 0)
    return result


def _chip_text(row: ClassRow) -> str:
    return " ".join(filter(None, (row.name, row.count_text)))


def _draw_elided(painter: QPainter, area: QRectF, text: str) -> float:
    """Draw ``text`` at the left of ``area``; returns its width."""
    metrics = QFontMetricsF(painter.font())
    # Half a pixel too little would cost the last letters.
    shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, area.width() + 1)
    painter.drawText(area.adjusted(0, 0, 2, 0), _LEFT, shown)
    return metrics.horizontalAdvance(shown)


def _paint_diamond(painter: QPainter, left: float, middle: float) -> None:
    area = QRectF(left, middle - 4.5, 9, 9)
    theme.paint_band_mark(painter, area, Band.TAIL, theme.current().band(Band.TAIL))


def _paint_arrow(painter: QPainter, middle: QPointF, ink: QColor, opened: bool) -> None:
    """A triangle that points down where something is open, else to the right."""
    painter.save()
    pen = QPen(ink, 1.5)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    painter.translate(middle)
    painter.rotate(90 if opened else 0)
    painter.drawPolyline([QPointF(-1.5, -3.5), QPointF(2, 0), QPointF(-1.5, 3.5)])
    painter.restore()


def _paint_score(painter: QPainter, place: RowGeometry, row: ClassRow, font: QFont) -> None:
    """A neutral bar; of one photo with the threshold above which the class is predicted."""
    colours = theme.current()
    bar = place.bar
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colours.colour("track"))
    painter.drawRoundedRect(bar, 2, 2)
    painter.setFont(font)
    painter.setPen(colours.colour("muted"))
    painter.drawText(place.score, _RIGHT, score_text(row))
    if row.score is None:
        return
    share = row.score if row.images == 1 else row.predicted / row.images
    filled = QRectF(bar)
    filled.setWidth(bar.width() * min(1.0, max(0.0, share)))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colours.colour("bar"))
    painter.drawRoundedRect(filled, 2, 2)
    if row.images == 1:
        across = bar.left() + bar.width() * min(1.0, max(0.0, row.threshold))
        tick = QRectF(across - 0.75, bar.top() - 2.5, 1.5, bar.height() + 5)
        painter.fillRect(tick.adjusted(-1, 0, 1, 0), colours.colour("window"))
        painter.fillRect(tick, colours.colour("text"))


def _paint_button(
    painter: QPainter,
    area: QRectF,
    verdict: Verdict,
    *,
    chosen: bool,
    some: bool,
    hovered: bool,
    focused: bool,
    raised: bool,
) -> None:
    """The verdict's sign on a key; filled when it is the verdict, with a dot when some of the
    images have it."""
    colours = theme.current()
    shade = verdict_colour(verdict)
    painter.setBrush(colours.colour("surface" if raised else "raised"))
    painter.setPen(Qt.PenStyle.NoPen)
    ink = colours.colour("text")
    if chosen:
        painter.setBrush(shade)
        ink = colours.colour("surface")
    elif hovered:
        painter.setPen(QPen(shade, 1.5))
        ink = shade
    if focused:
        painter.setPen(QPen(colours.colour("accent"), 2))
    painter.drawRoundedRect(area.adjusted(1, 1, -1, -1), 6, 6)
    paint_verdict_sign(painter, area, verdict, ink, share=0.17, width=1.8)
    if some:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(shade)
        painter.drawEllipse(QPointF(area.right() - 6, area.top() + 6), 2.5, 2.5)
