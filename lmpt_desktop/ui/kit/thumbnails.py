"""Thumbnails: their source, and a loader that caches them as pixmaps.

They are decoded off the window's thread.  The newest request is served first, and requests that
were scrolled past are dropped, so that scrolling quickly through 100,000 photos decodes only what
stays visible.  What is about to come into view is decoded when nothing in view waits.
"""

from __future__ import annotations

import io
import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

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
AHEAD_SHARE = 4
"""What is made before it is in view takes at most this part of the cache."""
SPARE_TASKS = 2
"""Tasks that wait for a thread, so that none is idle until the window's thread answers."""
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
        path = self._session.images.unchanged_path(image_id)
        if path is None:
            raise NoThumbnailError(
                _("The photo has changed. Look for new photos, and it is read again.")
            )
        with self._session.attention:
            return self._store.make(path, version, size)


class _Key(NamedTuple):
    image_id: int
    version: str
    size: int
    box: tuple[int, int] | None


@dataclass(frozen=True)
class _Loaded:
    """``image`` is None, with a reason, if there is none."""

    key: _Key
    image: QImage | None
    reason: str = ""


class _Requests:
    """What is to be loaded, and in which order; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: dict[_Key, None] = {}
        """The newest last."""
        self._ahead: dict[_Key, None] = {}
        """The next last."""
        self._running: set[_Key] = set()
        self._early: set[_Key] = set()
        """Those of the running that nobody has asked for yet."""

    def add(self, key: _Key) -> bool:
        """Ask for something; returns whether it is not being loaded already."""
        with self._lock:
            self._ahead.pop(key, None)
            self._early.discard(key)
            if key in self._running:
                return False
            self._asked.pop(key, None)
            self._asked[key] = None
            return True

    def expect(self, keys: Iterable[_Key]) -> None:
        """What will be asked for, the next first, instead of what was expected before."""
        with self._lock:
            taken = self._asked.keys() | self._running
            self._ahead = dict.fromkeys(reversed([key for key in keys if key not in taken]))

    def keep_only(self, image_ids: set[int]) -> None:
        """Drop what was asked of other images, and has not begun."""
        with self._lock:
            for key in [key for key in self._asked if key.image_id not in image_ids]:
                del self._asked[key]

    def take(self) -> _Key | None:
        """What to load next; call :meth:`done` afterwards."""
        with self._lock:
            if self._asked:
                key, _none = self._asked.popitem()
            elif self._ahead:
                key, _none = self._ahead.popitem()
                self._early.add(key)
            else:
                return None
            self._running.add(key)
            return key

    def done(self, key: _Key) -> None:
        """It has been loaded, or cannot be."""
        with self._lock:
            self._running.discard(key)
            self._early.discard(key)

    def clear(self) -> None:
        """Drop all that has not begun."""
        with self._lock:
            self._asked.clear()
            self._ahead.clear()

    @property
    def waiting(self) -> int:
        """How many were asked for and have not begun."""
        with self._lock:
            return len(self._asked)

    @property
    def busy(self) -> bool:
        """Whether anything that was asked for is not there yet."""
        with self._lock:
            return bool(self._asked or self._running - self._early)

    @property
    def count(self) -> int:
        """How much is to be loaded or being loaded."""
        with self._lock:
            return len(self._asked) + len(self._ahead) + len(self._running)


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
    """The pixmap, or the failure, of this image id is available, or the failure forgotten."""

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
        self._requests = _Requests()
        self._tasks = 0
        """Begun or waiting for a thread."""
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
        if (image_id, version) not in self._failures and self._requests.add(key):
            self._start()
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
        """Try again what failed, once it is asked for: the files may be back."""
        failed, self._failures = self._failures, {}
        for image_id, _version in failed:
            self.loaded.emit(image_id)

    def failure(self, image_id: int, version: str) -> str:
        """Why the thumbnail cannot be made, in the window's language, or ""."""
        # The trainer and the catalogue give sentences that are not translated yet.
        reason = self._failures.get((image_id, version), "")
        return _(reason) if reason else ""

    def keep_only(self, image_ids: Iterable[int]) -> None:
        """Drop waiting requests for other images, which are no longer visible."""
        self._requests.keep_only(set(image_ids))

    def expect(
        self, images: Sequence[tuple[int, str]], size: int, box: QSize | None = None
    ) -> None:
        """These are about to come into view: load them while no other request waits.

        Args:
            images: ids and versions, the next first, instead of those of the last call; as many
                are loaded as the cache has room for.
            size, box: as they will be asked for of :meth:`pixmap`.
        """
        limits = (box.width(), box.height()) if box is not None else None
        edges = limits or (size, size)
        most = max(1, CACHE_BYTES // (AHEAD_SHARE * 4 * max(1, edges[0] * edges[1])))
        keys = (_Key(image_id, version, size, limits) for image_id, version in images[:most])
        self._requests.expect(
            key
            for key in keys
            if key not in self._pixmaps and (key.image_id, key.version) not in self._failures
        )
        self._start()

    @property
    def waiting(self) -> int:
        """The number of requests not started yet; not of what is only expected."""
        return self._requests.waiting

    @property
    def busy(self) -> bool:
        """Whether a picture that was asked for is being loaded or waiting."""
        return self._requests.busy

    @property
    def loaded_ids(self) -> set[int]:
        """Ids of images with a cached pixmap."""
        return {image_id for image_id, _version in self._newest}

    def close(self) -> None:
        """Stop; what is being decoded is dropped when it is done."""
        self._closed = True
        self._requests.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _start(self) -> None:
        """Have as many tasks as there is work for; on which, each decides when it begins."""
        most = min(self._threads + SPARE_TASKS, self._requests.count)
        while self._tasks < most and not self._closed:
            self._tasks += 1
            Task(self._load_next, self._answered, owner=self, pool=self._pool)

    def _load_next(self) -> _Loaded | None:
        key = self._requests.take()
        if key is None:
            return None
        try:
            return _Loaded(key, decoded(self._source(key.image_id, key.version, key.size), key.box))
        except Exception as error:
            return _Loaded(key, None, message_of(error))
        except BaseException as error:  # else it would be waited for for ever
            return _Loaded(key, None, repr(error))

    def _answered(self, loaded: _Loaded | None) -> None:
        self._tasks -= 1
        if self._closed:
            return
        if loaded is not None:
            self._requests.done(loaded.key)
            if loaded.image is None:
                self._fail(loaded.key, loaded.reason)
            else:
                self._store(loaded.key, loaded.image)
        self._start()

    def _store(self, key: _Key, image: QImage) -> None:
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

    def _fail(self, key: _Key, reason: str) -> None:
        log.info("no thumbnail for image %d: %s", key.image_id, reason)
        self._failures[key.image_id, key.version] = reason
        self.loaded.emit(key.image_id)
