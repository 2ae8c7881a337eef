"""The stack that the photo under review is in, and a verdict for all its photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolTip, QVBoxLayout, QWidget

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.translation import _, number
from lmpt_desktop.ui.commands import CommandRegistry
from lmpt_desktop.ui.grid.delegate import paint_focus_verdict
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.elided_label import ElidedLabel
from lmpt_desktop.ui.kit.key_button import KeyButton
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.thumbnails import ThumbnailLoader, ThumbnailSource

HEIGHT = 60
"""Pixels of the row of photos."""
WIDTH = 78
"""Pixels of one of them."""
GAP = 6
SIGN = 18


@dataclass(frozen=True)
class StripPhoto:
    """A photo of the stack, and the verdict in it on the class that the keys apply to."""

    image_id: int
    version: str
    name: str
    verdict: Verdict


class StripPhotos(QWidget):
    """The photos in a row; as many as there is room for, the current one always."""

    def __init__(self, source: ThumbnailSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._loader = ThumbnailLoader(source, threads=1, parent=self)
        self._loader.loaded.connect(self._repaint)
        self._photos: tuple[StripPhoto, ...] = ()
        self._current = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.manager().changed.connect(self._repaint)

    def _repaint(self, *_: object) -> None:
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(4 * (WIDTH + GAP), HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(WIDTH, HEIGHT)

    def show_photos(self, photos: Sequence[StripPhoto], current: int) -> None:
        """Show these photos; ``current`` is the place of the one under review."""
        if (tuple(photos), current) != (self._photos, self._current):
            self._photos, self._current = tuple(photos), current
            self._loader.keep_only(photo.image_id for photo in photos)
            self.update()

    def placed(self) -> list[tuple[StripPhoto, QRect]]:
        """The photos that have room, and where they are."""
        room = max(1, (self.width() + GAP) // (WIDTH + GAP))
        if room < len(self._photos):
            room = max(1, room - 1)  # a place for how many there are besides
        first = max(0, min(self._current - room // 2, len(self._photos) - room))
        places: list[tuple[StripPhoto, QRect]] = []
        for step, photo in enumerate(self._photos[first : first + room]):
            left = step * (WIDTH + GAP)
            if self.isRightToLeft():
                left = self.width() - left - WIDTH
            places.append((photo, QRect(left, 0, WIDTH, HEIGHT)))
        return places

    def close_strip(self) -> None:
        """Load nothing more."""
        self._loader.close()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            self._paint(painter)
        finally:
            painter.end()

    def _paint(self, painter: QPainter) -> None:
        colours = theme.current()
        placed = self.placed()
        for photo, place in placed:
            is_current = photo is self._photos[self._current]
            painter.setPen(QPen(colours.colour("accent"), 2) if is_current else Qt.PenStyle.NoPen)
            painter.setBrush(colours.colour("card_ground"))
            painter.drawRoundedRect(QRectF(place).adjusted(1, 1, -1, -1), 5, 5)
            inside = QRectF(place).adjusted(4, 4, -4, -4)
            self._loader.paint(painter, photo.image_id, photo.version, inside)
            sign = QRect(place.left() + 5, place.bottom() - 4 - SIGN, SIGN, SIGN)
            paint_focus_verdict(painter, sign, photo.verdict, colours)
        hidden = len(self._photos) - len(placed)
        if hidden and placed:
            last = placed[-1][1]
            beside = last.translated(-last.width() if self.isRightToLeft() else last.width(), 0)
            painter.setPen(colours.colour("muted"))
            painter.drawText(
                beside.adjusted(GAP, 0, 0, 0),
                Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeading,
                f"+{number(hidden)}",
            )

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            for photo, place in self.placed():
                if place.contains(event.pos()):
                    QToolTip.showText(event.globalPos(), photo.name, self, place)
                    return True
        return super().event(event)


class StackStrip(QWidget):
    """Hidden where the photo is in no stack."""

    def __init__(
        self, commands: CommandRegistry, source: ThumbnailSource, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("review-stack")
        self.heading = Label()
        self.heading.setProperty("role", "heading")
        # Else its words would widen the window's smallest size.
        self.note = ElidedLabel()
        self.note.setProperty("role", "muted")
        self.note.setText(_("Taken within seconds, and alike"))
        self.photos = StripPhotos(source)
        action = commands.action
        self.present = KeyButton(action("image.stack-present"), _("Present in all"), "present")
        self.absent = KeyButton(action("image.stack-absent"), _("Absent in all"), "absent")
        words = QHBoxLayout()
        words.setSpacing(10)
        words.addWidget(self.heading)
        words.addWidget(self.note, 1)
        buttons = QVBoxLayout()
        buttons.setSpacing(4)
        buttons.addWidget(self.present)
        buttons.addWidget(self.absent)
        row = QHBoxLayout()
        row.setSpacing(14)
        row.addWidget(self.photos, 1)
        row.addLayout(buttons)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 6, 12, 8)
        layout.setSpacing(4)
        layout.addLayout(words)
        layout.addLayout(row)
        self.hide()

    def show_stack(self, photos: Sequence[StripPhoto], current_id: int) -> None:
        """Show the photos of a stack, in the order taken; none hides the strip."""
        ids = [photo.image_id for photo in photos]
        if len(photos) < 2 or current_id not in ids:
            self.hide()
            return
        place = ids.index(current_id)
        text = _("Stack: photo {place} of {count}").format(
            place=number(place + 1), count=number(len(photos))
        )
        self.heading.setText(text)
        self.photos.setAccessibleName(text)
        self.photos.show_photos(photos, place)
        self.show()
