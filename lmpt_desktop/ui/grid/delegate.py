"""Paints a cell: the thumbnail, the marks of its states, and its classes."""

from __future__ import annotations

import math
from typing import cast

from PySide6.QtCore import (
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen, QPixmap, QPolygonF
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from lmpt_desktop.domain.records import ImageState, Verdict
from lmpt_desktop.translation import _, decimal, number
from lmpt_desktop.ui.grid.card_layout import Line, lay_out
from lmpt_desktop.ui.grid.cells import Cell, Chip
from lmpt_desktop.ui.grid.marks import MARK_TEXTS, Mark
from lmpt_desktop.ui.grid.model import GridModel
from lmpt_desktop.ui.grid.stack_layout import StackPart
from lmpt_desktop.ui.kit import theme as themes
from lmpt_desktop.ui.kit.thumbnails import ThumbnailLoader, bucket_for, fitted
from lmpt_desktop.ui.kit.verdicts import paint_verdict_sign
from trainer.bands import Band

MARGIN = 5
"""Pixels between a card and the edge of its cell."""
PADDING = 6
"""Pixels between a card's edge and its content."""
LINE_GAP = 4
"""Pixels between the lines of classes under a thumbnail."""
LINES = 3
"""Lines of classes under a thumbnail."""
COMPACT_BELOW = 120
"""Thumbnails smaller than this show one line of classes."""
SCORES_FROM = 150
"""Thumbnails at least this wide have room for scores."""
INSET = 3
"""Pixels of ground around a photo."""
CORNER = 4
"""Pixels between a mark and the edge of the ground."""
SPOT, SMALL_SPOT = 20, 16
"""Pixels of a mark on a photo."""
RAW_WIDTH = 2.2
"""How much wider than high the kind of a raw file is."""
CHIP_PADDING = 7
"""Pixels between the ends of a chip and its content."""
BRACKET = 7
"""Pixels that the ends of the bracket over an open stack reach down."""
GAP = 6
"""Pixels between a name and what stands beside it."""
MOST_WIDTHS = 20_000
"""Of texts whose width is known; then all are measured anew."""
_TICK = QPolygonF([QPointF(0.5, 5.5), QPointF(3.5, 8.5), QPointF(9, 2.5)])
_TICK_WIDTH = 10


class _Words:
    """Widths and heights of text in one font, measured once per text."""

    def __init__(self, font: QFont) -> None:
        self.font = font
        self.bold = QFont(font)
        self.bold.setWeight(QFont.Weight.DemiBold)
        self._metrics = {False: QFontMetrics(self.font), True: QFontMetrics(self.bold)}
        plain = self._metrics[False]
        self.height, self.ascent = plain.height(), plain.ascent()
        self._widths: dict[tuple[str, bool], int] = {}

    def width(self, text: str, bold: bool = False) -> int:
        """Pixels from the first to the last character of ``text``."""
        found = self._widths.get((text, bold))
        if found is None:
            found = self._metrics[bold].horizontalAdvance(text)
            if len(self._widths) >= MOST_WIDTHS:  # names and scores, in every combination
                self._widths.clear()
            self._widths[text, bold] = found
        return found

    def cut(
        self,
        text: str,
        room: int,
        bold: bool = False,
        *,
        mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
    ) -> str:
        """``text``, with an ellipsis if it is wider than ``room``."""
        if self.width(text, bold) <= room:
            return text
        return self._metrics[bold].elidedText(text, mode, room)

    @property
    def diamond(self) -> int:
        """The side of the mark of a rare class."""
        return round(self.ascent * 0.72)


class GridDelegate(QStyledItemDelegate):
    """Paints the model's cells with pixels from the thumbnail loader."""

    def __init__(self, loader: ThumbnailLoader, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._loader = loader
        self._zoom = 160
        self._cell_size = QSize(200, 250)
        self._thumbnail_sizes: dict[float, tuple[int, QSize]] = {}
        """By the ratio of the screen."""
        self._words = _Words(QFont())

    def set_zoom(self, pixels: int) -> None:
        """Set the height, and the minimum width, of the frame that thumbnails are fitted into."""
        self._zoom = pixels
        self._thumbnail_sizes.clear()

    @property
    def zoom(self) -> int:
        return self._zoom

    @property
    def lines(self) -> int:
        return 1 if self._zoom < COMPACT_BELOW else LINES

    def set_cell_size(self, size: QSize) -> None:
        """Set the cell size chosen by the view, as wide as its columns allow."""
        self._cell_size = size
        self._thumbnail_sizes.clear()

    def cell_size(self, font: QFont) -> QSize:
        """The minimum size of a cell, including margins."""
        line = QFontMetrics(font).height() + LINE_GAP
        around = 2 * (MARGIN + PADDING)
        return QSize(self._zoom + around, self._zoom + self.lines * line + 4 + around)

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return self._cell_size

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        model = cast(GridModel, index.model())
        cell = model.cell(index.row())
        theme = themes.current()
        # PySide's stubs lack the option's fields.
        area = cast(QRect, option.rect)  # pyright: ignore[reportAttributeAccessIssue]
        state = cast(QStyle.StateFlag, option.state)  # pyright: ignore[reportAttributeAccessIssue]
        widget = cast(QWidget, option.widget)  # pyright: ignore[reportAttributeAccessIssue]
        card = area.adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)
        square = self._square(area)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._card(painter, card, state, theme)
        if cell.stack is not None:
            if cell.stack.open:
                paint_bracket(painter, area, cell.stack, theme, mirrored=widget.isRightToLeft())
            else:
                paint_cards_below(painter, square, theme)
        self._picture(painter, square, cell, widget.devicePixelRatioF())
        for mark, spot in zip(cell.marks, mark_spots(square, len(cell.marks)), strict=True):
            paint_mark(painter, spot, mark, theme)
        if model.focus_everywhere or state & QStyle.StateFlag.State_Selected:
            paint_focus_verdict(painter, focus_spot(square), cell.focus, theme)
        if cell.raw:
            paint_raw(painter, raw_spot(square), cell.raw, theme)
        if painter.font() != self._words.font:
            self._words = _Words(painter.font())
        if cell.stack is not None and (cell.stack.first or not cell.stack.open):
            paint_stack_sign(
                painter, self.stack_sign(area, cell.stack), cell.stack, self._words, theme
            )
        self._classes(painter, square, cell, theme)
        painter.restore()

    def stack_sign(self, area: QRect, part: StackPart) -> QRect:
        """Where the sign of a stack is in a cell: the corner at the top left of the photo."""
        square = self._square(area)
        side = _spot_side(square)
        width = side + self._words.width(number(part.size), bold=True) + 6
        return QRect(square.left() + CORNER, square.top() + CORNER, width, side)

    def _square(self, area: QRect) -> QRect:
        """The ground of the photo in a cell.  The grid distributes spare width over its columns,
        which wide pictures use."""
        around = MARGIN + PADDING
        return QRect(
            area.left() + around, area.top() + around, area.width() - 2 * around, self._zoom
        )

    def thumbnail_size(self, ratio: float) -> tuple[int, QSize]:
        """What the loader is asked for: the edge of the stored thumbnail, and the box that it is
        fitted into, in pixels of a screen with this ratio."""
        known = self._thumbnail_sizes.get(ratio)
        if known is None:
            square = self._square(QRect(QPoint(0, 0), self._cell_size))
            inside = square.adjusted(INSET, INSET, -INSET, -INSET)
            known = bucket_for(max(inside.width(), inside.height()) * ratio), inside.size() * ratio
            self._thumbnail_sizes[ratio] = known
        return known

    def thumbnail(self, cell: Cell, ratio: float) -> tuple[QPixmap | None, str]:
        """The thumbnail of a cell, None if there is none (yet), and why there will be none, or
        ""; asking for it has it made."""
        pixmap = self._loader.pixmap(cell.image_id, cell.fingerprint, *self.thumbnail_size(ratio))
        return pixmap, self._loader.failure(cell.image_id, cell.fingerprint)

    # --------------------------------------------------------------------------- parts

    def _card(
        self, painter: QPainter, card: QRect, state: QStyle.StateFlag, theme: themes.Theme
    ) -> None:
        selected = bool(state & QStyle.StateFlag.State_Selected)
        focused = bool(state & QStyle.StateFlag.State_HasFocus)
        hovered = bool(state & QStyle.StateFlag.State_MouseOver)
        if not (selected or focused or hovered):
            return
        fill = theme.colour("selection" if selected else "raised")
        edge = theme.colour("accent") if selected or focused else QColor(Qt.GlobalColor.transparent)
        painter.setPen(QPen(edge, 2 if focused else 1))
        painter.setBrush(fill if selected or hovered else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(card).adjusted(1, 1, -1, -1), 6, 6)

    def _picture(
        self,
        painter: QPainter,
        square: QRect,
        cell: Cell,
        ratio: float,
    ) -> None:
        inside = square.adjusted(INSET, INSET, -INSET, -INSET)
        _size, box = self.thumbnail_size(ratio)
        pixmap, reason = self.thumbnail(cell, ratio)
        if cell.state is not ImageState.OK or (pixmap is None and reason):
            self._placeholder(painter, square, cell.state, reason)
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(themes.current().colour("card_ground"))
        painter.drawRoundedRect(square, 6, 6)
        if pixmap is not None:
            shown = fitted(pixmap.size(), box) / ratio
            place = QRect(QPoint(0, 0), shown)
            place.moveCenter(inside.center())
            if shown * ratio != pixmap.size():  # a substitute of another size
                painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawPixmap(place, pixmap)

    def _placeholder(
        self, painter: QPainter, square: QRect, state: ImageState, reason: str
    ) -> None:
        theme = themes.current()
        painter.setPen(QPen(theme.colour("edge"), 1, Qt.PenStyle.DashLine))
        painter.setBrush(theme.colour("card_ground"))
        painter.drawRoundedRect(QRectF(square).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        missing = state is ImageState.MISSING
        side = min(48, square.height() // 3)
        mark: QPixmap = themes.icon("image-missing" if missing else "image-broken", "muted").pixmap(
            side, side
        )
        roomy = square.width() >= COMPACT_BELOW
        top = square.center().y() - side // 2 - (square.height() // 6 if roomy else 0)
        painter.drawPixmap(QPoint(square.center().x() - side // 2, top), mark)
        if roomy:
            text = reason or (_("The file is missing") if missing else _("The file cannot be read"))
            painter.setPen(theme.colour("muted"))
            words = square.adjusted(10, top + side + 6 - square.top(), -10, -6)
            flags = (
                Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
            )
            painter.drawText(words, flags, text)

    def _classes(self, painter: QPainter, square: QRect, cell: Cell, theme: themes.Theme) -> None:
        words = self._words
        height = words.height + LINE_GAP
        top = square.bottom() + 5
        if not cell.chips:
            line = QRect(square.left(), top, square.width(), height)
            self._no_classes(painter, line, cell, theme)
            return
        placed = lay_out(cell, square.width(), self.lines, self._chip_width, self._more_width)
        for place_down, content in enumerate(placed):
            line = QRect(square.left(), top + place_down * height, square.width(), height)
            right = line.right() + 1
            if not content.chips[0][0].confirmed:
                self._other(painter, line, content, theme)
                continue
            for chip, left, width in content.chips:
                place = QRect(line.left() + left, line.top() + 1, width, height - 2)
                self._own(painter, place, chip, theme)
            if content.hidden:
                self._more(painter, line, right, content.hidden, theme)

    def _no_classes(self, painter: QPainter, line: QRect, cell: Cell, theme: themes.Theme) -> None:
        """Say why there is no class, or which file it is that cannot be seen."""
        cut = Qt.TextElideMode.ElideRight
        if cell.state is not ImageState.OK:
            text, cut = cell.name, Qt.TextElideMode.ElideMiddle
        elif cell.pending:
            text = _("Waiting for the model") if self.lines > 1 else _("Waiting")
        else:
            text = _("No class predicted") if self.lines > 1 else _("No class")
        painter.setPen(theme.colour("muted"))
        painter.drawText(
            line,
            Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
            self._words.cut(text, line.width(), mode=cut),
        )

    def _chip_width(self, chip: Chip) -> int:
        words = self._words
        rare = words.diamond + 5 if chip.band is Band.TAIL else 0
        return 2 * CHIP_PADDING + _TICK_WIDTH + 5 + words.width(chip.name, chip.asked) + rare

    def _more_width(self, hidden: int) -> int:
        return GAP + self._words.width(f"+{hidden}")

    def _own(self, painter: QPainter, place: QRect, chip: Chip, theme: themes.Theme) -> None:
        """A class that the user says is present: a solid chip with a tick."""
        words = self._words
        left = paint_chip(painter, place, theme)
        right = place.right() + 1 - CHIP_PADDING
        if chip.band is Band.TAIL:
            right -= words.diamond + 5
        room = QRect(left, place.top(), right - left, place.height())
        self._name(painter, room, chip, theme.colour("on_chip"))

    def _other(self, painter: QPainter, line: QRect, content: Line, theme: themes.Theme) -> None:
        """A class that is only predicted or asked for: quiet, its score at the right."""
        words, chip = self._words, content.chips[0][0]
        right = line.right() + 1
        score = "" if math.isnan(chip.score) else decimal(chip.score, 2)
        name = words.width(chip.name, chip.asked)
        if chip.band is Band.TAIL:
            name += words.diamond + 5
        roomy = line.width() >= SCORES_FROM
        # In a narrow line a score that is asked for is worth more than the number of the others.
        hidden = content.hidden if roomy or not chip.asked else 0
        more = self._more_width(hidden) if hidden else 0
        # The score gives way to the name, unless it is asked for; the inspector shows it too.
        fits = line.width() - words.width(score) - GAP - more >= name
        if score and (chip.asked or (roomy and fits)):
            right -= words.width(score)
            painter.setPen(theme.colour("text" if chip.asked else "muted"))
            painter.drawText(right, self._baseline(line), score)
            right -= GAP
        if hidden:
            right = self._more(painter, line, right, hidden, theme)
        if chip.band is Band.TAIL:
            right -= words.diamond + 5
        colour = theme.colour("text" if chip.asked else "muted")
        left = line.left() + 2
        room = QRect(left, line.top(), right - left, line.height())
        self._name(painter, room, chip, colour)

    def _name(self, painter: QPainter, room: QRect, chip: Chip, colour: QColor) -> None:
        """A name, bold if it is asked for, and the mark of a rare class right after it."""
        words = self._words
        text = words.cut(chip.name, room.width(), chip.asked)
        painter.setPen(colour)
        if chip.asked:
            painter.setFont(words.bold)
        painter.drawText(room.left(), self._baseline(room), text)
        if chip.asked:
            painter.setFont(words.font)
        if chip.band is Band.TAIL:
            side = words.diamond
            left = room.left() + words.width(text, chip.asked) + 5
            place = QRectF(left, room.top() + (room.height() - side) / 2, side, side)
            themes.paint_band_mark(painter, place, Band.TAIL, themes.current().colour("tail"))

    def _more(
        self, painter: QPainter, line: QRect, right: int, hidden: int, theme: themes.Theme
    ) -> int:
        """ "+5", ending at ``right``; returns where it begins, less a gap."""
        text = f"+{hidden}"
        left = right - self._words.width(text)
        painter.setPen(theme.colour("muted"))
        painter.drawText(left, self._baseline(line), text)
        return left - GAP

    def _baseline(self, line: QRect) -> int:
        return line.top() + (line.height() - self._words.height) // 2 + self._words.ascent


def _spot_side(square: QRect) -> int:
    return SPOT if square.width() >= COMPACT_BELOW else SMALL_SPOT


def mark_spots(square: QRect, count: int) -> list[QRect]:
    """Where the marks of a photo go: one row that begins in the corner at the top right."""
    side = _spot_side(square)
    top, right = square.top() + CORNER, square.right() + 1 - CORNER - side
    return [QRect(right - place * (side + 2), top, side, side) for place in range(count)]


def focus_spot(square: QRect) -> QRect:
    """Where the verdict on the class in focus goes: always the corner at the bottom left."""
    side = _spot_side(square)
    return QRect(square.left() + CORNER, square.bottom() + 1 - CORNER - side, side, side)


def paint_cards_below(painter: QPainter, square: QRect, theme: themes.Theme) -> None:
    """The edges of the cards under a closed stack."""
    painter.setPen(QPen(theme.colour("edge"), 1))
    painter.setBrush(theme.colour("card_ground"))
    for step in (2, 1):
        inset = 5 * step
        card = QRectF(square).adjusted(inset + 0.5, 0.5 - 3 * step, -inset - 0.5, 0)
        card.setHeight(14)
        painter.drawRoundedRect(card, 4, 4)


def paint_bracket(
    painter: QPainter, area: QRect, part: StackPart, theme: themes.Theme, *, mirrored: bool
) -> None:
    """A bracket over an open stack, from its first card to its last."""
    begins, ends = (part.last, part.first) if mirrored else (part.first, part.last)
    left = area.left() + (MARGIN + 1 if begins else 0)
    right = area.right() + 1 - (MARGIN + 1 if ends else 0)
    top, down = area.top() + 2, area.top() + 2 + BRACKET
    points = [QPointF(left, top), QPointF(right, top)]
    if begins:
        points.insert(0, QPointF(left, down))
    if ends:
        points.append(QPointF(right, down))
    pen = QPen(theme.colour("muted"), 2)
    pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    # Else its pale edges are seen twice as strong where two cells meet, at 150 %.
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.drawPolyline(QPolygonF(points))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)


def paint_stack_sign(
    painter: QPainter, place: QRect, part: StackPart, words: _Words, theme: themes.Theme
) -> None:
    """Cards on each other and how many they are; on a ground of the accent while they are open."""
    ink = "on_accent" if part.open else "text"
    painter.setPen(QPen(theme.colour("accent" if part.open else "border"), 1))
    painter.setBrush(theme.colour("accent" if part.open else "surface"))
    painter.drawRoundedRect(QRectF(place).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
    sign = QRect(place.left() + 2, place.top() + 2, place.height() - 4, place.height() - 4)
    themes.icon("stack", ink).paint(painter, sign)
    painter.setPen(theme.colour(ink))
    before = painter.font()
    painter.setFont(words.bold)
    baseline = place.top() + (place.height() - words.height) // 2 + words.ascent
    painter.drawText(sign.right() + 4, baseline, number(part.size))
    painter.setFont(before)


def paint_stack_sample(painter: QPainter, place: QRect, theme: themes.Theme) -> None:
    """The sign of a stack of three, for the legend."""
    paint_stack_sign(painter, place, StackPart(3, open=False), _Words(painter.font()), theme)


def raw_spot(square: QRect) -> QRect:
    """Where the kind of a photo's raw file goes: the corner at the bottom right."""
    side = _spot_side(square)
    width = round(side * RAW_WIDTH)
    return QRect(
        square.right() + 1 - CORNER - width, square.bottom() + 1 - CORNER - side, width, side
    )


def paint_raw(painter: QPainter, spot: QRect, kind: str, theme: themes.Theme) -> None:
    """The kind of raw file that is part of a photo."""
    painter.save()
    painter.setPen(QPen(theme.colour("border"), 1))
    painter.setBrush(theme.colour("surface"))
    painter.drawRoundedRect(QRectF(spot).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
    font = QFont(painter.font())
    font.setPixelSize(round(spot.height() * 0.55))
    font.setWeight(QFont.Weight.DemiBold)
    painter.setFont(font)
    painter.setPen(theme.colour("muted"))
    painter.drawText(spot, Qt.AlignmentFlag.AlignCenter, f"+{kind}")
    painter.restore()


def paint_mark(painter: QPainter, spot: QRect, mark: Mark, theme: themes.Theme) -> None:
    """A state of a photo, on a ground of its own, as photos have any colour."""
    painter.setPen(QPen(theme.colour("border"), 1))
    painter.setBrush(theme.colour("surface"))
    painter.drawRoundedRect(QRectF(spot).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
    look = MARK_TEXTS[mark]
    themes.icon(look.icon, look.colour).paint(painter, spot.adjusted(2, 2, -2, -2))


def paint_chip(painter: QPainter, place: QRect, theme: themes.Theme) -> int:
    """The ground and the tick of a class that is the user's own; returns where its name begins."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.colour("chip"))
    round_corner = place.height() / 2
    painter.drawRoundedRect(place, round_corner, round_corner)
    pen = QPen(theme.colour("on_chip"), 1.8)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    left = place.left() + CHIP_PADDING
    painter.drawPolyline(_TICK.translated(left, place.top() + (place.height() - 11) / 2))
    return left + _TICK_WIDTH + 5


def paint_focus_verdict(
    painter: QPainter, spot: QRect, verdict: Verdict | None, theme: themes.Theme
) -> None:
    """A full disc with a tick, or an empty one with a cross: present is what to look for.
    Nothing where nothing is said."""
    if verdict is None or verdict is Verdict.UNKNOWN:
        return
    present = verdict is Verdict.PRESENT
    painter.setPen(QPen(theme.colour("surface" if present else "border"), 1))
    painter.setBrush(theme.colour("present" if present else "surface"))
    painter.drawEllipse(QRectF(spot).adjusted(0.5, 0.5, -0.5, -0.5))
    ink = theme.colour("surface" if present else "absent")
    paint_verdict_sign(painter, QRectF(spot), verdict, ink)
