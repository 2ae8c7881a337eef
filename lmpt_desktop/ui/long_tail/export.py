"""Export of a chart as PNG or SVG, with a title and a legend."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from PySide6.QtCore import QBuffer, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QImage, QPainter, QTextDocument
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QGraphicsView

from lmpt_desktop.error_texts import reason_of
from lmpt_desktop.interchange.atomic_file import atomic_write_bytes
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit import theme
from trainer.temporary_files import sweep

MARGIN = 16
PNG_SCALE = 2.0
"""Pixels of the picture per pixel of the screen, so that prints are sharp."""
FORMATS = (".png", ".svg", ".csv")


@dataclass(frozen=True)
class Drawing:
    """A chart with its texts; ``heading`` and ``legend`` are rich text."""

    view: QGraphicsView
    heading: str
    legend: str


def picture(drawing: Drawing, scale: float = PNG_SCALE) -> QImage:
    """The chart as it is on screen, at ``scale`` times its resolution."""
    size, paint = _composition(drawing)
    image = QImage(size * scale, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(scale)
    image.fill(theme.current().colour("surface"))
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    paint(painter)
    painter.end()
    return image


def svg(drawing: Drawing) -> bytes:
    """The chart as an SVG document."""
    size, paint = _composition(drawing)
    buffer = QBuffer()
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    # As the screen: the axes replay what they recorded for it, scaled by the difference.
    generator.setResolution(drawing.view.logicalDpiX())
    generator.setSize(size)
    generator.setViewBox(QRectF(0, 0, size.width(), size.height()))
    generator.setTitle("LMPT Desktop")
    painter = QPainter(generator)
    painter.fillRect(QRectF(0, 0, size.width(), size.height()), theme.current().colour("surface"))
    paint(painter)
    painter.end()
    return bytes(buffer.data().data())


def png(image: QImage) -> bytes:
    """A :func:`picture` as PNG; slow, so call it off the window's thread.

    Qt must not write it there (docs/adr/0033).

    Raises:
        OSError: if there is not enough memory.
    """
    size = (image.width(), image.height())
    written = io.BytesIO()
    try:
        pixels = Image.frombuffer(
            "RGB", size, bytes(image.constBits()), "raw", "BGRX", image.bytesPerLine(), 1
        )
        pixels.save(written, "PNG")
    except MemoryError as error:
        raise OSError(
            _("The picture could not be created. Close other programs and try again.")
        ) from error
    return written.getvalue()


def write_whole(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``, completely or not at all.

    Raises:
        OSError: if the file cannot be written.
    """
    sweep(path.parent)
    try:
        atomic_write_bytes(path, data)
    except OSError as error:
        raise OSError(
            _("“{name}” could not be written: {reason}. Nothing was changed.").format(
                name=path.name, reason=reason_of(error)
            )
        ) from error


def _composition(drawing: Drawing) -> tuple[QSize, Callable[[QPainter], None]]:
    view = drawing.view
    wide = max(view.width(), 320)
    head = QTextDocument()
    head.setDocumentMargin(0)
    head.setTextWidth(wide)
    colours = theme.current()
    head.setHtml(
        f"<div style='color:{colours.text}'><h3 style='margin:0'>{drawing.heading}</h3>"
        f"<p style='margin-top:4px'>{drawing.legend}</p></div>"
    )
    above = head.size().height() + MARGIN / 2
    size = QSizeF(wide + 2 * MARGIN, view.height() + above + 2 * MARGIN).toSize()

    def paint(painter: QPainter) -> None:
        painter.save()
        painter.translate(MARGIN, MARGIN)
        head.drawContents(painter)
        painter.restore()
        target = QRectF(MARGIN, MARGIN + above, view.width(), view.height())
        view.render(painter, target, view.viewport().rect(), Qt.AspectRatioMode.IgnoreAspectRatio)

    return size, paint
