"""The photo in the inspector: read off the window's thread, upright, at reduced size."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from lmpt_desktop.error_texts import message_of
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.region_overlay import TIP, RegionOverlay
from lmpt_desktop.ui.kit.tasks import LatestRequest
from trainer.box import Box
from trainer.decoding import Wanted, shared_pool

logger = logging.getLogger(__name__)

EDGE = 1024
"""Longest edge in pixels, enough for a wide panel on a dense screen."""
CACHED = 12
"""Photos kept for going back and forth."""


def read_reduced(path: Path) -> QImage:
    """The photo, upright, its longest edge at most ``EDGE`` pixels.

    Raises:
        UnreadablePhoto: with a sentence for the user.
    """
    wanted = Wanted("RGB", at_least=EDGE // 2, size=(EDGE, EDGE), resampling="BILINEAR")
    photo = shared_pool().decode(path, wanted)
    stride = photo.width * 3
    return QImage(photo.data, photo.width, photo.height, stride, QImage.Format.Format_RGB888).copy()


class PhotoView(QWidget):
    """Shows one photo, scaled to fit."""

    activated = Signal()
    """The photo was double-clicked."""

    def __init__(self, locate: Callable[[int], Path], parent: QWidget | None = None) -> None:
        """``locate`` finds the file of an image; it is called on a pool thread."""
        super().__init__(parent)
        self.setObjectName("inspector-photo")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(120)
        self._locate = locate
        self._image_id = -1
        self._asked = (-1, "")
        self._pixmap: QPixmap | None = None
        self._scaled: QPixmap | None = None
        self._message = ""
        self._cache: OrderedDict[tuple[int, str], QPixmap] = OrderedDict()
        self._reading: LatestRequest[tuple[int, str, QImage]] = LatestRequest(
            self._photo_read, self._reading_failed, owner=self
        )
        self.region = RegionOverlay(self)
        self.region.changed.connect(self.update)
        theme.manager().changed.connect(self._repaint)

    def sizeHint(self) -> QSize:
        return QSize(320, 240)

    @property
    def loading(self) -> bool:
        return self._reading.busy

    @property
    def message(self) -> str:
        """The text in place of a photo that cannot be shown."""
        return self._message

    @property
    def pixmap(self) -> QPixmap | None:
        """The photo on screen, or None."""
        return self._pixmap

    def show_region(self, image_id: int, box: Box | None) -> None:
        """Show where in the photo of this image a class is seen; None: nowhere.

        ``box`` is in fractions of the upright photo.  Nothing happens if another photo is shown.
        """
        if box is not None and image_id != self._image_id:
            return
        self.region.show_box(box)
        self.setToolTip(_(TIP) if box is not None else "")

    @property
    def photo_area(self) -> QRectF:
        """Where the photo is, in logical pixels; empty while none is shown."""
        if self._pixmap is None:
            return QRectF()
        size = self._fitted(self._pixmap).deviceIndependentSize()
        left = (self.width() - size.width()) / 2
        top = (self.height() - size.height()) / 2
        return QRectF(left, top, size.width(), size.height())

    def show_photo(self, image_id: int, description: str, version: str) -> None:
        """Show the photo of an image as soon as it is read.

        Args:
            image_id: the image.
            description: for screen readers.
            version: changes with the file's content, so that an old reading is not shown.
        """
        self.setAccessibleName(description)
        cached = self._cache.get((image_id, version))
        if (cached is not None or image_id != self._image_id) and cached is not self._pixmap:
            self._set_pixmap(cached)
        if image_id != self._image_id:
            self.show_region(image_id, None)
        self.update()
        self._image_id, self._message = image_id, ""
        if cached is not None:
            self._reading.cancel()
        elif not self._reading.busy or self._asked != (image_id, version):
            self._asked = (image_id, version)
            self._reading.ask(lambda: (image_id, version, read_reduced(self._locate(image_id))))

    def show_text(self, message: str) -> None:
        """Show a sentence in place of a photo."""
        self._reading.cancel()
        self.setAccessibleName(message or _("Photo"))
        self._image_id, self._message = -1, message
        self.show_region(-1, None)
        self._set_pixmap(None)

    def _photo_read(self, read: tuple[int, str, QImage]) -> None:
        image_id, version, image = read
        pixmap = QPixmap.fromImage(image)
        self._cache[image_id, version] = pixmap
        while len(self._cache) > CACHED:
            self._cache.popitem(last=False)
        self._set_pixmap(pixmap)

    def _reading_failed(self, error: Exception) -> None:
        logger.info("the photo cannot be shown: %s", error)
        self._message = message_of(error)
        self._set_pixmap(None)
        self.setAccessibleDescription(self._message)

    def _set_pixmap(self, pixmap: QPixmap | None) -> None:
        self._pixmap, self._scaled = pixmap, None
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        colours = theme.current()
        painter.fillRect(self.rect(), colours.colour("photo_ground"))
        if self._pixmap is None:
            painter.setPen(colours.colour("on_photo"))
            inside = self.rect().adjusted(12, 8, -12, -8)
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            text = self._message or (_("Loading...") if self.loading else "")
            painter.drawText(inside, flags, text)
            return
        area = self.photo_area
        painter.drawPixmap(area.topLeft(), self._fitted(self._pixmap))
        self.region.paint(painter, area)

    def _fitted(self, pixmap: QPixmap) -> QPixmap:
        ratio = self.devicePixelRatioF()
        room = self.size() * ratio
        if self._scaled is None or not _fits(self._scaled.size(), pixmap.size(), room):
            requested = pixmap.size().scaled(room, Qt.AspectRatioMode.KeepAspectRatio)
            self._scaled = pixmap.scaled(
                requested,
                Qt.AspectRatioMode.IgnoreAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
            self._scaled.setDevicePixelRatio(ratio)
        return self._scaled

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self._image_id >= 0:
            self.activated.emit()

    def _repaint(self, *_: object) -> None:
        self.update()


def _fits(scaled: QSize, source: QSize, room: QSize) -> bool:
    return scaled == source.scaled(room, Qt.AspectRatioMode.KeepAspectRatio)
