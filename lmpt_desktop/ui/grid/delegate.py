"""Paints a cell: the thumbnail, its classes (tail first) and its annotations."""

from __future__ import annotations

import math
from typing import cast

from PySide6.QtCore import (
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from lmpt_desktop.domain.records import ImageState, Verdict
from lmpt_desktop.translation import _, decimal
from lmpt_desktop.ui.grid.cells import MAX_CHIPS, Cell, Chip
from lmpt_desktop.ui.grid.model import GridModel
from lmpt_desktop.ui.kit import theme as themes
from lmpt_desktop.ui.kit.texts import band_name
from lmpt_desktop.ui.kit.thumbnails import ThumbnailLoader, bucket_for, fitted
from trainer.bands import Band

MARGIN = 5
"""Pixels between a card and the edge of its cell."""
PADDING = 6
"""Pixels between a card's edge and its content."""
LINE_GAP = 4
"""Pixels between the lines of classes under a thumbnail."""
COMPACT_BELOW = 120
"""Thumbnails smaller than this show one line of classes instead of three."""

SCORES_FROM = 150
"""Thumbnails at least this wide have room for scores."""


class GridDelegate(QStyledItemDelegate):
    """Paints the model's cells with pixels from the thumbnail loader."""

    def __init__(self, loader: ThumbnailLoader, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._loader = loader
        self._zoom = 160
        self._cell_size = QSize(200, 250)

    def set_zoom(self, pixels: int) -> None:
        """Set the height, and the minimum width, of the frame that thumbnails are fitted into."""
        self._zoom = pixels

    @property
    def zoom(self) -> int:
        return self._zoom

    @property
    def lines(self) -> int:
        return 1 if self._zoom < COMPACT_BELOW else MAX_CHIPS

    def set_cell_size(self, size: QSize) -> None:
        """Set the cell size chosen by the view, as wide as its columns allow."""
        self._cell_size = size

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
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._card(painter, card, state, theme)
        # The grid distributes spare width over its columns, which wide pictures use.
        square = QRect(
            card.left() + PADDING, card.top() + PADDING, card.width() - 2 * PADDING, self._zoom
        )
        fingerprint = model.fingerprint(index.row())
        self._picture(painter, square, fingerprint, cell, widget.devicePixelRatioF())
        self._badges(painter, square, cell, theme)
        self._classes(painter, square, cell, theme)
        painter.restore()

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
        fingerprint: str,
        cell: Cell,
        ratio: float,
    ) -> None:
        size = bucket_for(max(square.width(), square.height()) * ratio)
        box = square.size() * ratio
        pixmap = self._loader.pixmap(cell.image_id, fingerprint, size, box)
        reason = self._loader.failure(cell.image_id, fingerprint)
        if cell.state is not ImageState.OK or (pixmap is None and reason):
            self._placeholder(painter, square, cell.state, reason)
        elif pixmap is None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(themes.current().colour("raised"))
            painter.drawRoundedRect(square, 4, 4)
        else:
            shown = fitted(pixmap.size(), box) / ratio
            place = QRect(QPoint(0, 0), shown)
            place.moveCenter(square.center())
            if shown * ratio != pixmap.size():  # a substitute of another size
                painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawPixmap(place, pixmap)

    def _placeholder(
        self, painter: QPainter, square: QRect, state: ImageState, reason: str
    ) -> None:
        theme = themes.current()
        painter.setPen(QPen(theme.colour("border"), 1, Qt.PenStyle.DashLine))
        painter.setBrush(theme.colour("raised"))
        painter.drawRoundedRect(QRectF(square).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
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

    def _badges(self, painter: QPainter, square: QRect, cell: Cell, theme: themes.Theme) -> None:
        """Small marks on the picture: edited, verdict on the class in focus, reviewed."""
        names: list[tuple[str, str]] = []
        if cell.edited:
            names.append(("edited", "warning"))
        if cell.focus is Verdict.PRESENT:
            names.append(("present", "present"))
        elif cell.focus is Verdict.ABSENT:
            names.append(("absent", "absent"))
        if cell.reviewed:
            names.append(("reviewed", "accent"))
        side = 22
        right = square.right() - 4
        for name, colour in reversed(names):
            spot = QRect(right - side, square.top() + 4, side, side)
            painter.setPen(QPen(theme.colour("border"), 1))
            painter.setBrush(theme.colour("surface"))
            painter.drawRoundedRect(spot, 6, 6)
            themes.icon(name, colour).paint(painter, spot.adjusted(3, 3, -3, -3))
            right -= side + 4

    def _classes(self, painter: QPainter, square: QRect, cell: Cell, theme: themes.Theme) -> None:
        metrics = painter.fontMetrics()
        height = metrics.height() + LINE_GAP
        top = square.bottom() + 5
        if cell.chips:
            shown = cell.chips[: self.lines]
            hidden = cell.more + len(cell.chips) - len(shown)
            for number, chip in enumerate(shown):
                line = QRect(square.left(), top + number * height, square.width(), height)
                extra = f"+{hidden}" if hidden and number == len(shown) - 1 else ""
                self._class_line(painter, line, chip, extra, cell.estimated)
            return
        line = QRect(square.left(), top, square.width(), height)
        painter.setPen(theme.colour("muted"))
        cut = Qt.TextElideMode.ElideRight
        if cell.state is not ImageState.OK:
            text, cut = cell.name, Qt.TextElideMode.ElideMiddle
        elif cell.pending:
            text = _("Waiting for the model") if self.lines > 1 else _("Waiting")
        else:
            text = _("No class predicted") if self.lines > 1 else _("No class")
        painter.drawText(
            line,
            Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
            metrics.elidedText(text, cut, line.width()),
        )

    def _class_line(
        self,
        painter: QPainter,
        line: QRect,
        chip: Chip,
        extra: str,
        estimated: bool,
    ) -> None:
        theme = themes.current()
        metrics = painter.fontMetrics()
        colour = theme.band(chip.band)
        mark = metrics.ascent()
        mark_top = line.top() + (line.height() - mark) / 2
        themes.paint_band_mark(
            painter, QRectF(line.left(), mark_top, mark, mark), chip.band, colour
        )
        right = line.right()
        vertical = Qt.AlignmentFlag.AlignVCenter
        if extra:
            width = metrics.horizontalAdvance(extra)
            painter.setPen(theme.colour("muted"))
            painter.drawText(
                QRect(right - width, line.top(), width + 1, line.height()), vertical, extra
            )
            right -= width + 6
        left = line.left() + mark + 5
        score = "" if math.isnan(chip.score) else decimal(chip.score, 2)
        width = metrics.horizontalAdvance(score)
        # The score gives way to the name; the inspector shows it too.
        room = right - width - 6 - left
        if (
            score
            and line.width() >= SCORES_FROM
            and room >= self._name_width(metrics, chip, line, estimated)
        ):
            painter.setPen(theme.colour("muted"))
            painter.drawText(
                QRect(right - width, line.top(), width + 1, line.height()), vertical, score
            )
            right -= width + 6
        if chip.band is Band.TAIL:
            right = self._draw_tail_tag(painter, line, right, estimated, colour)
        if chip.confirmed:
            side = mark
            right -= side
            spot = QRect(right, int(mark_top), side, side)
            themes.icon("present", "present").paint(painter, spot)
            right -= 4
        painter.setPen(colour if chip.band is Band.TAIL else theme.colour("text"))
        text = metrics.elidedText(chip.name, Qt.TextElideMode.ElideRight, right - left)
        painter.drawText(QRect(left, line.top(), right - left, line.height()), vertical, text)

    def _name_width(self, metrics: QFontMetrics, chip: Chip, line: QRect, estimated: bool) -> int:
        """Width of a class name with its tail tag and verdict mark, in pixels."""
        width = metrics.horizontalAdvance(chip.name)
        if chip.band is Band.TAIL:
            width += metrics.horizontalAdvance(self._tail_text(line, estimated)) + 15
        if chip.confirmed:
            width += metrics.ascent() + 4
        return width

    def _tail_text(self, line: QRect, estimated: bool) -> str:
        return _("tail, est.") if estimated and line.width() >= 220 else band_name(Band.TAIL)

    def _draw_tail_tag(
        self, painter: QPainter, line: QRect, right: int, estimated: bool, colour: QColor
    ) -> int:
        """Draw the tail tag in a small frame that ends at ``right``; returns its left edge."""
        word = self._tail_text(line, estimated)
        width = painter.fontMetrics().horizontalAdvance(word) + 10
        frame = QRectF(right - width + 0.5, line.top() + 2.5, width, line.height() - 5)
        painter.setPen(QPen(colour, 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(frame, 4, 4)
        painter.drawText(frame, Qt.AlignmentFlag.AlignCenter, word)
        return right - width - 5
