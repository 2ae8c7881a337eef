"""The photo with its name and zoom below it, and the pool that has the next ones ready."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from lmpt_desktop.translation import _
from lmpt_desktop.ui.review.canvas import PhotoCanvas, zoom_text
from lmpt_desktop.ui.review.photos import Key, PhotoPool, Unseen

ROOM_CALM_MS = 150
"""A window that is being resized asks for photos of another size after this pause."""
LOADING_MS = 250
"""A photo that takes longer than this is said to be loading."""


class PhotoViewer(QWidget):
    """Shows the image with the key it was given last."""

    room_changed = Signal()
    """There is more or less room: ask for the photos again."""

    def __init__(self, locate: Callable[[int], Path], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.canvas = PhotoCanvas()
        self.pool = PhotoPool(locate, self)
        self.name = QLabel()
        self.name.setObjectName("review-name")
        self.name.setTextFormat(Qt.TextFormat.PlainText)
        self.name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.zoom_label = QLabel()
        self.zoom_label.setObjectName("review-zoom")
        for label in (self.name, self.zoom_label):
            label.setProperty("role", "muted")
        self._key: Key | None = None
        self._shown: Key | None = None
        """What the canvas has."""
        self._loading = self._timer(LOADING_MS)
        self._loading.timeout.connect(self._say_loading)
        self._calm = self._timer(ROOM_CALM_MS)
        self._calm.timeout.connect(self.room_changed)
        foot = QHBoxLayout()
        foot.setContentsMargins(10, 3, 10, 3)
        foot.addWidget(self.name, 1)
        foot.addWidget(self.zoom_label)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.canvas, 1)
        layout.addLayout(foot)
        self.pool.ready.connect(self._photo_ready)
        self.pool.full_ready.connect(self.canvas.show_full)
        self.canvas.full_wanted.connect(self._want_full)
        self.canvas.room_changed.connect(self._calm.start)
        self.canvas.zoom_changed.connect(self._show_zoom)

    def show_image(self, key: Key, name: str) -> bool:
        """Show this photo, now if it is decoded, else as soon as it is; whether it was."""
        self._key = key
        self._loading.stop()
        self.canvas.look_anew()
        self.name.setText(name)
        self.name.setToolTip(name)
        self.canvas.setAccessibleName(_("Photo {name}").format(name=name))
        decoded = self._show_decoded()
        if not decoded:
            self.canvas.say("")
            self._loading.start()
        return decoded

    def have_ready(self, keys: Sequence[Key]) -> None:
        """Decode these, the first one first, and nothing else."""
        self.pool.want(keys, self.canvas.room)

    def sees(self, image_id: int) -> bool:
        """Whether this image is on screen."""
        return self.canvas.showing and self.canvas.image_id == image_id

    @property
    def version(self) -> str:
        """Of the photo that was to be shown last."""
        return self._key[1] if self._key is not None else ""

    def has_shown(self, image_id: int) -> bool:
        """Whether this image is on screen and was painted there."""
        return self.canvas.seen and self.canvas.image_id == image_id

    def cannot_show(self, key: Key) -> bool:
        """Whether it is known that this photo cannot be shown."""
        return isinstance(self.pool.get(key), Unseen)

    def close_viewer(self) -> None:
        self.rest()
        self._calm.stop()
        self.pool.close()

    def rest(self) -> None:
        """Nobody looks."""
        self._loading.stop()

    # ------------------------------------------------------------------------------ inside

    def _timer(self, interval: int) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(interval)
        return timer

    def _show_decoded(self) -> bool:
        """Show the photo if the pool has it; it may also have become another size."""
        if self._key is None:
            return False
        found = self.pool.get(self._key)
        if found is None:
            return self.sees(self._key[0]) and self._shown == self._key
        self._loading.stop()
        if isinstance(found, Unseen):
            reason = _(found.reason)
            skip = _("Go on to the next one.")
            self.canvas.say(f"{reason}\n{skip}", self._key[0])
            self.canvas.setAccessibleDescription(reason)
        else:
            self.canvas.setAccessibleDescription("")
            if self._shown != self._key and self._shown and self._shown[0] == self._key[0]:
                self.canvas.say("")  # the same image, but what its file held before
            self.canvas.show_photo(self._key[0], found)
        self._shown = self._key
        return True

    def _photo_ready(self, image_id: int) -> None:
        if self._key is not None and self._key[0] == image_id:
            self._show_decoded()
            self._show_zoom(self.canvas.scale)

    def _want_full(self) -> None:
        if self._key is not None:
            self.pool.want_full(self._key)

    def _say_loading(self) -> None:
        if not self.canvas.showing and not self.canvas.message:
            self.canvas.say(_("Loading..."))

    def _show_zoom(self, scale: float) -> None:
        text = zoom_text(scale, is_fitted=self.canvas.is_fitted) if self.canvas.showing else ""
        self.zoom_label.setText(text)
