"""Thumbnails: their source, and a loader that caches them as pixmaps.

They are decoded off the window's thread.  The newest request is served first, and requests that
were scrolled past are dropped, so that scrolling quickly through 100,000 photos decodes only what
stays visible.
"""

from __future__ import annotations

import io
import logging
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from PIL import Image
from PySide6.QtCore import QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPixmap

from lmpt_desktop.domain.records import ImageState
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.error_texts import message_of
from lmpt_desktop.translation import _
from lmpt_desktop.ui.kit.tasks import Task
from trainer.threads import begun_pool

log = logging.getLogger(__name__)

CACHE_BYTES = 96 * 1024 * 1024
BUCKETS = (160, 320, 512)
"""Edge lengths of stored thumbnails, in pixels; the smallest sufficient one is used."""
LARGEST_EDGE = 4 * BUCKETS[-1]
"""What is larger is no thumbnail, and is not decoded."""


def bucket_for(pixels: float) -> int:
    """The edge length of the stored thumbnail to show at ``pixels``."""
    return next((size for size in BUCKETS if size >= pixels), BUCKETS[-1])


class ThumbnailSource(Protocol):
    """Returns JPEG bytes; called on worker threads, and may take long.

    If there is no picture it raises an exception with a sentence for the user.
    """

    def __call__(self, image_id: int, version: str, size: int, /) -> bytes: ...


class NoThumbnailError(Exception):
    """There is no thumbnail; the message says why."""


class Store(Protocol):
    """The part of :class:`lmpt_desktop.ingest.ThumbnailStore` that is used here."""

    def get(self, fingerprint: str, size: int, /) -> bytes | None: ...
    def make(self, path: Path, fingerprint: str, size: int, /) -> bytes: ...


class SessionThumbnails:
    """The thumbnails of a library, from its store, which is filled as photos come into view."""

    def __init__(self, session: LibrarySession, store: Store) -> None:
        self._session = session
        self._store = store

    def __call__(self, image_id: int, version: str, size: int) -> bytes:
        """The thumbnail of an image with fingerprint ``version``.

        Raises:
            NoThumbnailError: if the photo is missing, unreadable or not in the library.
            trainer.photo.UnreadablePhoto: if the file turns out to be unreadable.
        """
        snapshot = self._session.snapshot()
        row = snapshot.row_of.get(image_id)
        if row is None:
            raise NoThumbnailError(_("This photo is no longer in the library."))
        state = ImageState(int(snapshot.images.states[row]))
        if state is ImageState.UNREADABLE:
            raise NoThumbnailError(self._session.images.details(image_id).reason)
        if version and (found := self._store.get(version, size)) is not None:
            return found
        if state is ImageState.MISSING:
            # Whatever is at its place now, it is not this photo.
            for other in reversed(BUCKETS):
                if version and (found := self._store.get(version, other)) is not None:
                    return found
            raise NoThumbnailError(_("The file is missing."))
        # Of another picture, which may be in its place by now, it would be a wrong one for good.
        if not self._session.images.is_unchanged(image_id):
            raise NoThumbnailError(
                _("The photo has changed. Look for new photos, and it is read again.")
            )
        with self._session.attention:
            return self._store.make(self._session.images.path(image_id), version, size)


@dataclass(frozen=True)
class _Key:
    image_id: int
    version: str
    size: int
    box: tuple[int, int] | None


def fitted(size: QSize, box: QSize) -> QSize:
    """``size`` scaled to fit ``box``, but enlarged at most twofold."""
    scaled = size.scaled(box, Qt.AspectRatioMode.KeepAspectRatio)
    return size * 2 if scaled.width() > 2 * size.width() else scaled


def decoded(jpeg: bytes, box: tuple[int, int] | None = None) -> QImage:
    """The picture in ``jpeg``, scaled to fit ``box`` (width, height) if there is one.

    Called off the window's thread, where Qt must not read pictures (docs/adr/0033): what it
    makes here is only memory.

    Raises:
        ValueError: if it is no thumbnail; the message is a sentence for the user.
    """
    try:
        with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as stored:
            if max(stored.size) > LARGEST_EDGE:
                raise ValueError(stored.size)
            picture = stored.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(_("The thumbnail could not be read.")) from error
    if box is not None:
        size = fitted(QSize(*picture.size), QSize(*box)).expandedTo(QSize(1, 1))
        picture = picture.resize((size.width(), size.height()), Image.Resampling.BICUBIC)
    width, height = picture.size
    # The format of the screen, so that making a pixmap of it on the window's thread costs nothing.
    pixels = picture.tobytes("raw", "BGRX")
    return QImage(pixels, width, height, width * 4, QImage.Format.Format_RGB32).copy()


class ThumbnailLoader(QObject):
    """Provides pixmaps by image id, loading them as needed.

    ``version`` is a text that changes with the file's content: its fingerprint.
    """

    loaded = Signal(int)
    """The pixmap, or the failure, of this image id is available."""

    def __init__(
        self, source: ThumbnailSource, threads: int = 2, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._source = source
        self._pool = begun_pool(threads, "thumbnails")
        self._threads = threads
        self._pixmaps: OrderedDict[_Key, QPixmap] = OrderedDict()
        self._bytes = 0
        self._newest: dict[tuple[int, str], _Key] = {}
        self._failures: dict[tuple[int, str], str] = {}
        self._pending: dict[_Key, None] = {}
        self._running: dict[_Key, Task[QImage]] = {}
        self._closed = False

    def pixmap(
        self, image_id: int, version: str, size: int, box: QSize | None = None
    ) -> QPixmap | None:
        """The thumbnail; None while it is loading, or if it cannot be loaded (see :meth:`failure`).

        ``size`` is one of ``BUCKETS``.  With ``box`` (in screen pixels) it is scaled to fit
        on the worker thread, so that painting only copies.  Until the right size is loaded, the
        last size is returned.
        """
        limits = (box.width(), box.height()) if box is not None else None
        key = _Key(image_id, version, size, limits)
        found = self._pixmaps.get(key)
        if found is not None:
            self._pixmaps.move_to_end(key)
            return found
        if (image_id, version) not in self._failures and key not in self._running:
            self._pending.pop(key, None)
            self._pending[key] = None
            self._start_next()
        substitute = self._newest.get((image_id, version))
        return self._pixmaps.get(substitute) if substitute is not None else None

    def paint(self, painter: QPainter, image_id: int, version: str, area: QRectF) -> bool:
        """Draw the thumbnail centred in ``area``; returns False if there is none (yet)."""
        ratio = painter.device().devicePixelRatioF()
        pixmap = self.pixmap(image_id, version, bucket_for(area.height() * ratio))
        if pixmap is None:
            return False
        size = pixmap.size().scaled(area.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRectF(0, 0, size.width(), size.height())
        place.moveCenter(area.center())
        painter.drawPixmap(place, pixmap, QRectF(pixmap.rect()))
        return True

    def forget_failures(self) -> None:
        """Try again what failed: the files may be back."""
        self._failures.clear()

    def failure(self, image_id: int, version: str) -> str:
        """Why the thumbnail cannot be made, in the window's language, or ""."""
        # The trainer and the catalogue give sentences that are not translated yet.
        reason = self._failures.get((image_id, version), "")
        return _(reason) if reason else ""

    def keep_only(self, image_ids: Iterable[int]) -> None:
        """Drop waiting requests for other images, which are no longer visible."""
        requested = set(image_ids)
        for key in [key for key in self._pending if key.image_id not in requested]:
            del self._pending[key]

    @property
    def waiting(self) -> int:
        """The number of requests not started yet."""
        return len(self._pending)

    @property
    def busy(self) -> bool:
        """Whether a picture is being loaded or waiting."""
        return bool(self._pending or self._running)

    @property
    def loaded_ids(self) -> set[int]:
        """Ids of images with a cached pixmap."""
        return {image_id for image_id, _version in self._newest}

    def close(self) -> None:
        """Stop; what is being decoded is dropped when it is done."""
        self._closed = True
        self._pending.clear()
        for task in self._running.values():
            task.cancel()
        self._running.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _start_next(self) -> None:
        while self._pending and len(self._running) < self._threads and not self._closed:
            key, _none = self._pending.popitem()
            self._running[key] = Task(
                lambda key=key: self._decode(key),
                lambda image, key=key: self._store(key, image),
                lambda error, key=key: self._fail(key, error),
                owner=self,
                pool=self._pool,
            )

    def _decode(self, key: _Key) -> QImage:
        return decoded(self._source(key.image_id, key.version, key.size), key.box)

    def _store(self, key: _Key, image: QImage) -> None:
        self._running.pop(key, None)
        pixmap = QPixmap.fromImage(image)
        self._pixmaps[key] = pixmap
        self._newest[key.image_id, key.version] = key
        self._bytes += pixmap.width() * pixmap.height() * 4
        while self._bytes > CACHE_BYTES and len(self._pixmaps) > 1:
            old, dropped = self._pixmaps.popitem(last=False)
            self._bytes -= dropped.width() * dropped.height() * 4
            if self._newest.get((old.image_id, old.version)) == old:
                del self._newest[old.image_id, old.version]
        self.loaded.emit(key.image_id)
        self._start_next()

    def _fail(self, key: _Key, error: Exception) -> None:
        self._running.pop(key, None)
        reason = message_of(error)
        log.info("no thumbnail for image %d: %s", key.image_id, reason)
        self._failures[key.image_id, key.version] = reason
        self.loaded.emit(key.image_id)
        self._start_next()
