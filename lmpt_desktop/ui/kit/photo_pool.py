"""Photos for the review view: decoded ahead at the size they will have on screen.

A few threads decode the photos the page will need, in order; those it no longer needs are
cancelled.  Full resolution is read only for the photo on screen, when it is zoomed into.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtGui import QImage

from lmpt_desktop.error_texts import message_of
from lmpt_desktop.ui.kit.tasks import Task
from trainer.decoding import Wanted, shared_pool
from trainer.photo import UnreadablePhoto, photo_size
from trainer.threads import begun_pool

THREADS = 2
KEPT_BYTES = 64_000_000
"""Size of the decoded photos kept for going back."""
LARGEST_PIXELS = 40_000_000
"""A photo with more pixels is reduced even at 100 %, to save memory."""
MOST_ENLARGED = 4.0
"""A small photo is enlarged to fit, but no further than this."""

Key = tuple[int, str]
"""Image id, and what changes with the content of its file."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """``image`` is the photo at the size it has on screen, ``size`` its own size in pixels."""

    image: QImage
    size: QSize


@dataclass(frozen=True)
class UnshownPhoto:
    """The photo cannot be shown; ``reason`` is a sentence for the user."""

    reason: str


def fitted(size: QSize, room: QSize) -> QSize:
    """The size in pixels at which a photo of ``size`` fits ``room``."""
    if size.isEmpty() or room.isEmpty():
        return QSize(1, 1)
    requested = size.scaled(room, Qt.AspectRatioMode.KeepAspectRatio)
    if requested.width() > size.width() * MOST_ENLARGED:
        requested = size * MOST_ENLARGED
    return requested.expandedTo(QSize(1, 1))


def decode(path: Path, room: QSize) -> Decoded:
    """The photo at the size at which it fits ``room`` device pixels.

    Raises:
        UnreadablePhoto: with a sentence for the user.
    """
    own = QSize(*photo_size(path))
    requested = fitted(own, room)
    size = (requested.width(), requested.height())
    # A JPEG is decoded at a fraction of its size where that is enough.
    return Decoded(_decoded(path, size, at_least=min(size)), own)


def decode_full(path: Path) -> QImage:
    """The photo at its own size, or at ``LARGEST_PIXELS`` if it has more.

    Raises:
        UnreadablePhoto: with a sentence for the user.
    """
    width, height = photo_size(path)
    if width * height <= LARGEST_PIXELS:
        return _decoded(path, (width, height), at_least=None)
    share = (LARGEST_PIXELS / (width * height)) ** 0.5
    size = (max(1, int(width * share)), max(1, int(height * share)))
    return _decoded(path, size, at_least=min(size))


def _decoded(path: Path, size: tuple[int, int], *, at_least: int | None) -> QImage:
    # The format of the screen, so that making a pixmap of it on the window's thread costs nothing.
    wanted = Wanted("BGRX", at_least=at_least, size=size, exact=True, resampling="BICUBIC")
    photo = shared_pool().decode(path, wanted)
    stride = photo.width * 4
    return QImage(photo.data, photo.width, photo.height, stride, QImage.Format.Format_RGB32).copy()


class PhotoPool(QObject):
    """Decodes the requested photos and caches them; lives on the window's thread."""

    ready = Signal(int)
    """Image id: ask :meth:`get`."""
    full_ready = Signal(int, object)
    """Image id, its :class:`QImage` at full resolution."""

    def __init__(self, locate: Callable[[int], Path], parent: QObject | None = None) -> None:
        """``locate`` finds the file of an image; it is called on the pool's threads."""
        super().__init__(parent)
        self._locate = locate
        self._threads = begun_pool(THREADS, "review photos")
        self._room = QSize(1, 1)
        self._kept: OrderedDict[Key, Decoded | UnshownPhoto] = OrderedDict()
        self._tasks: dict[Key, Task] = {}
        self._requested: tuple[Key, ...] = ()
        self._full: tuple[Key, Task] | None = None
        self._closed = False

    def get(self, key: Key) -> Decoded | UnshownPhoto | None:
        """The photo, if it has been decoded."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def want(self, keys: Sequence[Key], room: QSize) -> None:
        """Decode these, the first one first, to fit ``room`` device pixels; nothing else."""
        if self._closed:
            return  # a page on its way out may still ask
        if room != self._room:
            self._room = room
            self._cancel(set(self._tasks))
            self._kept.clear()
        self._requested = tuple(dict.fromkeys(keys))
        self._cancel(set(self._tasks) - set(self._requested))
        for key in self._requested:
            if key not in self._kept and key not in self._tasks:
                self._tasks[key] = self._decode(key, room)
        if self._full is not None and self._full[0] not in self._requested[:1]:
            self._full[1].cancel()
            self._full = None

    def request_full(self, key: Key) -> None:
        """Decode this one at full resolution."""
        if self._full is not None and self._full[0] == key:
            return
        if self._full is not None:
            self._full[1].cancel()

        def done(image: QImage) -> None:
            self._full = None
            self.full_ready.emit(key[0], image)

        def failed(_error: Exception) -> None:  # what is on screen stays there
            self._full = None

        task = Task(
            lambda: decode_full(self._locate(key[0])),
            done,
            failed,
            owner=self,
            pool=self._threads,
        )
        self._full = (key, task)

    def forget_failures(self) -> None:
        """Try again what could not be read: the files may have changed."""
        for key in [key for key, found in self._kept.items() if isinstance(found, UnshownPhoto)]:
            del self._kept[key]

    def close(self) -> None:
        """Stop decoding."""
        self._closed = True
        self._cancel(set(self._tasks))
        if self._full is not None:
            self._full[1].cancel()
            self._full = None
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _cancel(self, keys: set[Key]) -> None:
        for key in keys:
            self._tasks.pop(key).cancel()

    def _decode(self, key: Key, room: QSize) -> Task:
        def read() -> Decoded | UnshownPhoto:
            try:
                return decode(self._locate(key[0]), room)
            except UnreadablePhoto as problem:
                return UnshownPhoto(problem.reason)

        def failed(error: Exception) -> None:
            self._keep(key, UnshownPhoto(message_of(error)))

        return Task(
            read,
            lambda found: self._keep(key, found),
            failed,
            owner=self,
            pool=self._threads,
        )

    def _keep(self, key: Key, found: Decoded | UnshownPhoto) -> None:
        self._tasks.pop(key, None)
        self._kept[key] = found
        total = sum(_size(kept) for kept in self._kept.values())
        for old in list(self._kept):
            if total <= KEPT_BYTES:
                break
            if old not in self._requested:
                total -= _size(self._kept.pop(old))
        self.ready.emit(key[0])


def _size(found: Decoded | UnshownPhoto) -> int:
    return found.image.sizeInBytes() if isinstance(found, Decoded) else 0
