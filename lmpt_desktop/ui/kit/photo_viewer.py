"""The photo with its name and zoom below it, and the pool that decodes the next ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.photo_canvas import PhotoCanvas, zoom_text
from lmpt_desktop.ui.kit.photo_pool import Key, PhotoPool, UnshownPhoto

RESIZE_PAUSE_MS = 150
"""Photos are decoded in another size once the window has kept its size for this long."""
LOADING_MS = 250
"""Photos that take longer show that they are loading."""


class PhotoViewer(QWidget):
    """Shows one photo, as soon as it is decoded."""

    room_changed = Signal()
    """The photos are needed in another size: call :meth:`preload` again."""

    def __init__(self, locate: Callable[[int], Path], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.canvas = PhotoCanvas()
        self.pool = PhotoPool(locate, self)
        self.name = Label()
        self.name.setObjectName("review-name")
        self.name.setTextFormat(Qt.TextFormat.PlainText)
        self.name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.zoom_label = Label()
        self.zoom_label.setObjectName("review-zoom")
        for label in (self.name, self.zoom_label):
            label.setProperty("role", "muted")
        self._key: Key | None = None
        self._shown: Key | None = None
        """The photo on the canvas."""
        self._loading = self._timer(LOADING_MS)
        self._loading.timeout.connect(self._show_loading)
        self._resized = self._timer(RESIZE_PAUSE_MS)
        self._resized.timeout.connect(self.room_changed)
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
        self.canvas.full_requested.connect(self._request_full)
        self.canvas.room_changed.connect(self._resized.start)
        self.canvas.zoom_changed.connect(self._show_zoom)

    def show_image(self, key: Key, name: str) -> bool:
        """Show this photo, now or as soon as it is decoded; returns whether it was decoded."""
        self._key = key
        self._loading.stop()
        self.canvas.mark_unseen()
        self.name.setText(name)
        self.name.setToolTip(name)
        self.canvas.setAccessibleName(_("Photo {name}").format(name=name))
        decoded = self._show_decoded()
        if not decoded:
            self.canvas.show_text("")
            self._loading.start()
        return decoded

    def preload(self, keys: Sequence[Key]) -> None:
        """Decode these, in this order, and no others."""
        self.pool.want(keys, self.canvas.room)

    def shows(self, image_id: int) -> bool:
        """Whether this image is on screen."""
        return self.canvas.showing and self.canvas.image_id == image_id

    @property
    def version(self) -> str:
        """The version of the photo that :meth:`show_image` was called with last."""
        return self._key[1] if self._key is not None else ""

    def has_shown(self, image_id: int) -> bool:
        """Whether this image is on screen and has been painted."""
        return self.canvas.seen and self.canvas.image_id == image_id

    def cannot_show(self, key: Key) -> bool:
        """Whether it is known that this photo cannot be shown."""
        return isinstance(self.pool.get(key), UnshownPhoto)

    def close_viewer(self) -> None:
        self.stop_loading()
        self._resized.stop()
        self.pool.close()

    def stop_loading(self) -> None:
        """The page is hidden: stop showing "Loading..."."""
        self._loading.stop()

    # ------------------------------------------------------------------------------ inside

    def _timer(self, interval: int) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(interval)
        return timer

    def _show_decoded(self) -> bool:
        """Show the photo if the pool has it, perhaps in another size than before."""
        if self._key is None:
            return False
        found = self.pool.get(self._key)
        if found is None:
            return self.shows(self._key[0]) and self._shown == self._key
        self._loading.stop()
        if isinstance(found, UnshownPhoto):
            reason = _(found.reason)
            skip = _("Continue with the next one.")
            self.canvas.show_text(f"{reason}\n{skip}", self._key[0])
            self.canvas.setAccessibleDescription(reason)
        else:
            self.canvas.setAccessibleDescription("")
            if self._shown != self._key and self._shown and self._shown[0] == self._key[0]:
                self.canvas.show_text("")  # the file has other content than before
            self.canvas.show_photo(self._key[0], found)
        self._shown = self._key
        return True

    def _photo_ready(self, image_id: int) -> None:
        if self._key is not None and self._key[0] == image_id:
            self._show_decoded()
            self._show_zoom(self.canvas.scale)

    def _request_full(self) -> None:
        if self._key is not None:
            self.pool.request_full(self._key)

    def _show_loading(self) -> None:
        if not self.canvas.showing and not self.canvas.message:
            self.canvas.show_text(_("Loading..."))

    def _show_zoom(self, scale: float) -> None:
        text = zoom_text(scale, is_fitted=self.canvas.is_fitted) if self.canvas.showing else ""
        self.zoom_label.setText(text)
