"""Where a class is seen, drawn over a photo: a rounded outline that fades in and hides nothing."""

from __future__ import annotations

from PySide6.QtCore import QEasingCurve, QObject, QRectF, Qt, QVariantAnimation, Signal
from PySide6.QtGui import QColor, QPainter, QPen

from lmpt_desktop.translation import N_
from lmpt_desktop.ui.kit import theme
from trainer.box import Box

TIP = N_("Where the model sees this class, roughly")

FADE_MS = 180
RADIUS = 12.0
_GLOW = ((13.0, 20), (9.0, 34), (6.0, 52))
"""Widths and opacities (of 255) of the strokes under the outline."""
_DARK, _LIGHT = 4.0, 2.0
"""Widths of the outline's dark ground, for bright photos, and of its colour, for dark ones."""


class RegionOverlay(QObject):
    """The region on one photo; the widget of the photo paints it and repaints when it changes."""

    changed = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._box: Box | None = None
        self._opacity = 0.0
        self._fade = QVariantAnimation(self)
        self._fade.setDuration(FADE_MS)
        self._fade.setStartValue(0.0)
        self._fade.setEndValue(1.0)
        self._fade.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._fade.valueChanged.connect(self._faded)

    @property
    def box(self) -> Box | None:
        """The region in fractions of the photo."""
        return self._box

    def show_box(self, box: Box | None) -> None:
        """Show a region, or none, which is at once."""
        if box == self._box:
            return
        self._box = box
        self._fade.stop()
        self._opacity = 0.0
        if box is not None:
            self._fade.start()
        self.changed.emit()

    def place(self, photo: QRectF) -> QRectF:
        """Where the region is if the whole photo fills ``photo``; empty if there is none."""
        if self._box is None:
            return QRectF()
        box = self._box
        return QRectF(
            photo.x() + box.left * photo.width(),
            photo.y() + box.top * photo.height(),
            (box.right - box.left) * photo.width(),
            (box.bottom - box.top) * photo.height(),
        )

    def paint(self, painter: QPainter, photo: QRectF) -> None:
        """Draw it over the photo, which fills ``photo`` as a whole, seen or not."""
        area = self.place(photo)
        if area.isEmpty() or self._opacity <= 0:
            return
        inset = min(_DARK / 2, area.width() / 4, area.height() / 4)
        area = area.adjusted(inset, inset, -inset, -inset)
        radius = min(RADIUS, area.width() / 4, area.height() / 4)
        colour = theme.current().colour("focus_on_photo")
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setClipRect(photo)
        painter.setOpacity(self._opacity)
        strokes = [(width, _with_alpha(colour, alpha)) for width, alpha in _GLOW]
        strokes += [(_DARK, QColor(0, 0, 0, 170)), (_LIGHT, colour)]
        for width, stroke in strokes:
            painter.setPen(QPen(stroke, width))
            painter.drawRoundedRect(area, radius, radius)
        painter.restore()

    def _faded(self, opacity: float) -> None:
        self._opacity = float(opacity)
        self.changed.emit()


def _with_alpha(colour: QColor, alpha: int) -> QColor:
    made = QColor(colour)
    made.setAlpha(alpha)
    return made
