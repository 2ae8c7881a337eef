"""The photo in the inspector: read off the window's thread, upright, at reduced size."""

from __future__ import annotations

import logging
from collections import OrderedDict
from pathlib import Path

from PIL import Image
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget
from shiboken6 import isValid

from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit import tasks, theme
from trainer.photo import read_photo

logger = logging.getLogger(__name__)

EDGE = 1024
"""Longest edge of the pixels kept, enough for a wide panel on a dense screen."""
KEPT = 12
"""Photos kept to go back and forth."""


def read_reduced(path: Path) -> QImage:
    """The photo, upright, its longest edge at most ``EDGE`` pixels.

    Raises:
        UnreadablePhoto: with a sentence for the user.
    """
    photo = read_photo(path, at_least=EDGE // 2)
    photo.thumbnail((EDGE, EDGE), Image.Resampling.BILINEAR)
    data = photo.convert("RGB").tobytes()
    stride = photo.width * 3
    return QImage(data, photo.width, photo.height, stride, QImage.Format.Format_RGB888).copy()


class PhotoView(QWidget):
    """Shows one photo, scaled to fit."""

    activated = Signal()
    """The photo was double-clicked."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspector-photo")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(120)
        self._path: Path | None = None
        self._pixmap: QPixmap | None = None
        self._scaled: QPixmap | None = None
        self._message = ""
        self._kept: OrderedDict[tuple[Path, str], QPixmap] = OrderedDict()
        self._task: tasks.Task | None = None
        theme.manager().changed.connect(self._repaint)

    def sizeHint(self) -> QSize:
        return QSize(320, 240)

    @property
    def loading(self) -> bool:
        return self._task is not None

    @property
    def message(self) -> str:
        """What is written where the photo cannot be shown."""
        return self._message

    @property
    def pixmap(self) -> QPixmap | None:
        """The photo on screen, or None."""
        return self._pixmap

    def show_photo(self, path: Path | None, spoken: str = "", version: str = "") -> None:
        """Show the photo at ``path`` as soon as it is read; ``spoken`` for screen readers.

        ``version`` changes with the file's content, so that an old reading is not shown.
        """
        self.setAccessibleName(spoken or _("Photo"))
        if self._task is not None:
            self._task.cancel()
            self._task = None
        same = path is not None and path == self._path
        self._path, self._message = path, ""
        kept = self._kept.get((path, version)) if path is not None else None
        if kept is not None or path is None or not same:
            self._set_pixmap(kept)
        if path is None or kept is not None:
            return
        self._task = tasks.start(
            lambda: read_reduced(path),
            lambda image: self._loaded(path, version, image),
            self._failed,
        )

    def say(self, message: str) -> None:
        """Show a sentence in place of a photo."""
        self.show_photo(None, message)
        self._message = message
        self.update()

    def _loaded(self, path: Path, version: str, image: QImage) -> None:
        if not isValid(self):  # the window was closed meanwhile
            return
        self._task = None
        pixmap = QPixmap.fromImage(image)
        self._kept[path, version] = pixmap
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        self._set_pixmap(pixmap)

    def _failed(self, error: Exception) -> None:
        if not isValid(self):
            return
        self._task = None
        logger.info("the photo cannot be shown: %s", error)
        self._set_pixmap(None)
        self._message = str(error)
        self.setAccessibleDescription(self._message)

    def _set_pixmap(self, pixmap: QPixmap | None) -> None:
        self._pixmap, self._scaled = pixmap, None
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        colours = theme.current()
        painter.fillRect(self.rect(), colours.colour("surface"))
        if self._pixmap is None:
            painter.setPen(colours.colour("muted"))
            inside = self.rect().adjusted(12, 8, -12, -8)
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            text = self._message or (_("Loading...") if self.loading else "")
            painter.drawText(inside, flags, text)
            return
        pixmap = self._fitted(self._pixmap)
        size = pixmap.deviceIndependentSize()
        left = (self.width() - size.width()) / 2
        top = (self.height() - size.height()) / 2
        painter.drawPixmap(QRectF(left, top, size.width(), size.height()).topLeft(), pixmap)

    def _fitted(self, pixmap: QPixmap) -> QPixmap:
        ratio = self.devicePixelRatioF()
        room = self.size() * ratio
        if self._scaled is None or not _fits(self._scaled.size(), pixmap.size(), room):
            wanted = pixmap.size().scaled(room, Qt.AspectRatioMode.KeepAspectRatio)
            self._scaled = pixmap.scaled(
                wanted,
                Qt.AspectRatioMode.IgnoreAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
            self._scaled.setDevicePixelRatio(ratio)
        return self._scaled

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self._path is not None:
            self.activated.emit()

    def _repaint(self, *_: object) -> None:
        self.update()


def _fits(scaled: QSize, source: QSize, room: QSize) -> bool:
    return scaled == source.scaled(room, Qt.AspectRatioMode.KeepAspectRatio)
