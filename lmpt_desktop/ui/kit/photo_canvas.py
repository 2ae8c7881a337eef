"""The photo on screen: fitted or zoomed, moved by hand, painted from decoded pixels."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from lmpt_desktop.translation import _, number
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.photo_pool import Decoded, fitted
from lmpt_desktop.ui.kit.region_overlay import TIP, RegionOverlay
from trainer.box import Box

STEP = 1.25
"""One press of + or one notch of the wheel."""
LARGEST = 16.0
"""Most screen pixels per photo pixel."""
PAN_SHARE = 0.1
"""Shift and an arrow key move this share of the view."""
_ARROWS = {
    Qt.Key.Key_Left: QPoint(1, 0),
    Qt.Key.Key_Right: QPoint(-1, 0),
    Qt.Key.Key_Up: QPoint(0, 1),
    Qt.Key.Key_Down: QPoint(0, -1),
}


@dataclass(frozen=True)
class Part:
    """What is shown of a photo, so that another photo can show the same part.

    ``zoom`` is 1.0 for the whole photo; ``x`` and ``y`` are where the middle of the view is, from
    0 to 1.
    """

    zoom: float = 1.0
    x: float = 0.5
    y: float = 0.5


class PhotoCanvas(QWidget):
    """Shows one photo.

    Scales are in device pixels per photo pixel.  While fitted, the pixels are painted as the
    pool decoded them; zoomed in, the visible part of the image with enough pixels is scaled by
    the painter.
    """

    painted = Signal(int)
    """The image with this id is on screen now (emitted once each time it is shown)."""
    full_requested = Signal()
    """Zoomed in further than the decoded pixels go."""
    room_changed = Signal()
    part_changed = Signal()
    """The user shows another part of the photo."""
    zoom_changed = Signal(float)
    """1.0 is one screen pixel per photo pixel."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("review-photo")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(240, 160)
        # Every pixel is painted, so Qt need not clear them first.
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._image_id = -1
        self._seen = True
        self._screen: QPixmap | None = None
        self._full: QPixmap | None = None
        self._size = QSize()
        self._message = ""
        self._scale: float | None = None
        self._centre = QPointF()
        self._grabbed: QPointF | None = None
        self.region = RegionOverlay(self)
        self.region.changed.connect(self.update)
        theme.manager().changed.connect(self._repaint)

    def sizeHint(self) -> QSize:
        return QSize(900, 640)

    # ----------------------------------------------------------------------------- content

    @property
    def room(self) -> QSize:
        """The size in device pixels."""
        return self.size() * self.devicePixelRatioF()

    @property
    def image_id(self) -> int:
        """The image on screen, -1 if there is none."""
        return self._image_id

    @property
    def message(self) -> str:
        """The text in place of a photo."""
        return self._message

    @property
    def showing(self) -> bool:
        """Whether a photo is shown."""
        return self._screen is not None

    @property
    def seen(self) -> bool:
        """Whether a photo is shown and has been painted."""
        return self.showing and self._seen

    def mark_unseen(self) -> None:
        """The question has changed: the photo counts as seen once it is painted again."""
        self._seen = False
        self.show_region(self._image_id, None)
        self.update()

    def show_photo(self, image_id: int, decoded: Decoded) -> None:
        """Show a photo; another one than before is fitted."""
        same = image_id == self._image_id and self._screen is not None
        self._screen = QPixmap.fromImage(decoded.image)
        self._size, self._message = decoded.size, ""
        self._image_id = image_id
        if not same:
            self.show_region(image_id, None)
            self._full = None
            self._seen = False
            self._set_scale(None)
        self.update()

    def show_full(self, image_id: int, image: QImage) -> None:
        """Show the same photo with more pixels."""
        if image_id == self._image_id:
            self._full = QPixmap.fromImage(image)
            self.update()

    def show_text(self, text: str, image_id: int = -1) -> None:
        """Show a sentence in place of a photo."""
        self._screen = self._full = None
        self.show_region(image_id, None)
        self._image_id, self._message = image_id, text
        self._seen = False
        self._set_scale(None)
        self.update()

    def show_region(self, image_id: int, box: Box | None) -> None:
        """Show where in the photo of this image a class is seen; None: nowhere.

        ``box`` is in fractions of the upright photo.  Nothing happens if another photo is shown.
        """
        if box is not None and (image_id != self._image_id or not self.showing):
            return
        self.region.show_box(box)
        self.setToolTip(_(TIP) if box is not None else "")

    @property
    def photo_area(self) -> QRectF:
        """Where the whole photo is, in logical pixels of the widget; zoomed in, parts of it are
        outside."""
        ratio, room, scale = self.devicePixelRatioF(), self.room, self.scale
        if self._scale is None:
            shown = self._fitted_size()
            left = (room.width() - shown.width()) // 2
            top = (room.height() - shown.height()) // 2
            area = QRectF(left, top, shown.width(), shown.height())
        else:
            area = QRectF(
                room.width() / 2 - self._centre.x() * scale,
                room.height() / 2 - self._centre.y() * scale,
                self._size.width() * scale,
                self._size.height() * scale,
            )
        return _divided(area, ratio)

    # -------------------------------------------------------------------------------- zoom

    @property
    def is_fitted(self) -> bool:
        return self._scale is None

    @property
    def scale(self) -> float:
        """Device pixels per photo pixel."""
        return self._scale if self._scale is not None else self._fit_scale()

    def fit(self) -> None:
        """Show the whole photo."""
        self._set_scale(None)
        self.part_changed.emit()

    def toggle(self, at: QPointF | None = None) -> None:
        """Switch between fitted and 100 %, or 200 % where fitted is about 100 %.

        ``at`` is the point of the widget that stays in place.
        """
        if self._scale is not None:
            self.fit()
        else:
            self._zoom_to(1.0 if self._fit_scale() < 0.9 else 2 * self._fit_scale(), at)

    def zoom(self, steps: float, at: QPointF | None = None) -> None:
        """Enlarge, or reduce for negative steps; the pixel under ``at`` stays there."""
        if self.showing:
            self._zoom_to(self.scale * STEP**steps, at)

    def pan(self, offset: QPointF) -> None:
        """Move the photo by logical pixels."""
        if self._scale is not None:
            ratio = self.devicePixelRatioF()
            self._centre -= offset * (ratio / self._scale)
            self._bound()
            self.update()
            self.part_changed.emit()

    @property
    def part(self) -> Part:
        """What is shown of the photo."""
        if self._scale is None or self._size.isEmpty():
            return Part()
        return Part(
            self._scale / self._fit_scale(),
            self._centre.x() / self._size.width(),
            self._centre.y() / self._size.height(),
        )

    def show_part(self, part: Part) -> None:
        """Show the part that another canvas shows of its photo."""
        if not self.showing or part == self.part:
            return
        if part.zoom <= 1.001:
            self._set_scale(None)
            return
        self._centre = QPointF(part.x * self._size.width(), part.y * self._size.height())
        self._set_scale(part.zoom * self._fit_scale())

    def _zoom_to(self, scale: float, at: QPointF | None) -> None:
        if not self.showing:
            return
        fit = self._fit_scale()
        scale = min(max(scale, fit), max(LARGEST, fit))
        middle = QPointF(self.width() / 2, self.height() / 2)
        off = (at if at is not None else middle) - middle
        ratio = self.devicePixelRatioF()
        if self._scale is None:
            self._centre = QPointF(self._size.width() / 2, self._size.height() / 2)
        fixed = self._centre + off * (ratio / self.scale)
        if scale <= fit * 1.001:
            self._set_scale(None)
        else:
            self._centre = fixed - off * (ratio / scale)
            self._set_scale(scale)
        self.part_changed.emit()

    def _set_scale(self, scale: float | None) -> None:
        self._scale = scale
        if scale is not None:
            self._bound()
            if self._full is None and scale > self._fit_scale() and self._fit_scale() < 1:
                self.full_requested.emit()
        self.setCursor(
            Qt.CursorShape.ArrowCursor if scale is None else Qt.CursorShape.OpenHandCursor
        )
        self.zoom_changed.emit(self.scale)
        self.update()

    def _bound(self) -> None:
        """Move the photo so that it leaves no avoidable empty space."""
        assert self._scale is not None
        room = self.room
        self._centre = QPointF(
            _bounded(self._centre.x(), self._size.width(), room.width() / self._scale),
            _bounded(self._centre.y(), self._size.height(), room.height() / self._scale),
        )

    def _fit_scale(self) -> float:
        if self._size.isEmpty():
            return 1.0
        return fitted(self._size, self.room).width() / self._size.width()

    def _fitted_size(self) -> QSize:
        """Device pixels that the fitted photo takes."""
        scale = self._fit_scale()
        return QSize(
            max(1, round(self._size.width() * scale)), max(1, round(self._size.height() * scale))
        )

    # ------------------------------------------------------------------------------- paint

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        colours = theme.current()
        painter.fillRect(event.rect(), colours.colour("photo_ground"))
        if self._screen is not None:
            self._paint_photo(painter, self._screen)
            self.region.paint(painter, self.photo_area)
        elif self._message:
            painter.setPen(colours.colour("on_photo"))
            font = self.font()
            font.setPointSizeF(font.pointSizeF() * 1.2)
            painter.setFont(font)
            inside = self.rect().adjusted(40, 20, -40, -20)
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(inside, flags, self._message)
        if self.hasFocus():
            painter.setPen(QPen(colours.colour("focus_on_photo"), 2))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))
        painter.end()
        if not self._seen:
            self._seen = True
            self.painted.emit(self._image_id)

    def _paint_photo(self, painter: QPainter, screen: QPixmap) -> None:
        ratio, room, scale = self.devicePixelRatioF(), self.room, self.scale
        if self._scale is None:
            shown = self._fitted_size()
            left = (room.width() - shown.width()) // 2
            top = (room.height() - shown.height()) // 2
            if abs(shown.width() - screen.width()) <= 1:
                # Pixel for pixel, as the pool made it.
                screen.setDevicePixelRatio(ratio)
                painter.drawPixmap(QPointF(left / ratio, top / ratio), screen)
                return
            target = QRectF(left, top, shown.width(), shown.height())
            visible = QRectF(0, 0, self._size.width(), self._size.height())
        else:
            whole = QRectF(0, 0, self._size.width(), self._size.height())
            view = QRectF(0, 0, room.width() / scale, room.height() / scale)
            view.moveCenter(self._centre)
            visible = view.intersected(whole)
            target = QRectF(
                (visible.x() - view.x()) * scale,
                (visible.y() - view.y()) * scale,
                visible.width() * scale,
                visible.height() * scale,
            )
        level = self._level(screen, scale)
        level.setDevicePixelRatio(1.0)
        across = level.width() / self._size.width()
        down = level.height() / self._size.height()
        source = QRectF(
            visible.x() * across,
            visible.y() * down,
            visible.width() * across,
            visible.height() * down,
        )
        # From 300 % on, single pixels should be visible.
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, scale < 3.0)
        painter.drawPixmap(_divided(target, ratio), level, source)

    def _level(self, screen: QPixmap, scale: float) -> QPixmap:
        """The pixels to paint from."""
        enough = screen.width() >= self._size.width() * scale * 0.8
        return screen if self._full is None or enough else self._full

    # -------------------------------------------------------------------------------- input

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._scale is not None:
            self._zoom_to(self._scale, None)
        self.room_changed.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.zoom(event.angleDelta().y() / 120, event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton and self._scale is not None:
            self._grabbed = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grabbed is not None:
            self.pan(event.position() - self._grabbed)
            self._grabbed = event.position()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._grabbed is not None:
            self._grabbed = None
            self.setCursor(Qt.CursorShape.OpenHandCursor)
        super().mouseReleaseEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self._grabbed = None
            self.toggle(event.position())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        direction = _ARROWS.get(Qt.Key(event.key()))
        if direction is not None and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            share = PAN_SHARE
            self.pan(QPointF(direction.x() * self.width(), direction.y() * self.height()) * share)
            return
        super().keyPressEvent(event)

    def _repaint(self, *_: object) -> None:
        self.update()


def _bounded(centre: float, size: float, view: float) -> float:
    """The centre of a view of ``view`` photo pixels over ``size`` of them."""
    if view >= size:
        return size / 2
    return min(max(centre, view / 2), size - view / 2)


def _divided(area: QRectF, ratio: float) -> QRectF:
    return QRectF(area.x() / ratio, area.y() / ratio, area.width() / ratio, area.height() / ratio)


def zoom_text(scale: float, *, is_fitted: bool) -> str:
    """The zoom in words: "Fits" or "150 %"."""
    percent = _("{percent} %").format(percent=number(round(scale * 100)))
    return _("Fitted ({percent})").format(percent=percent) if is_fitted else percent
