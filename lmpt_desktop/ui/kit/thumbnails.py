"""Where the grid's thumbnails come from: the library's store, filled as photos come in sight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from lmpt_desktop.domain.records import ImageState
from lmpt_desktop.translation import _

if TYPE_CHECKING:
    from pathlib import Path

    from lmpt_desktop.engine.session import LibrarySession


class NoPicture(Exception):  # noqa: N818 (what is so, not an error of ours)
    """There is nothing to show; the message says why."""


class Store(Protocol):
    """The part of :class:`lmpt_desktop.ingest.ThumbnailStore` used here."""

    def get(self, fingerprint: str, size: int, /) -> bytes | None: ...
    def make(self, path: Path, fingerprint: str, size: int, /) -> bytes: ...


class SessionThumbnails:
    """JPEG bytes by image id; called on worker threads."""

    def __init__(self, session: LibrarySession, store: Store) -> None:
        self._session = session
        self._store = store

    def __call__(self, image_id: int, version: str, size: int) -> bytes:
        """The thumbnail of an image with fingerprint ``version``.

        Raises:
            NoPicture: with the reason the catalogue gives.
            trainer.photo.UnreadablePhoto: if the file turns out to be unreadable only now.
        """
        snapshot = self._session.snapshot()
        row = snapshot.row_of.get(image_id)
        if row is None:
            raise NoPicture(_("This photo is no longer in the library."))
        state = ImageState(int(snapshot.images.states[row]))
        if state is ImageState.UNREADABLE:
            raise NoPicture(self._session.images.details(image_id).reason)
        if version and (found := self._store.get(version, size)) is not None:
            return found
        if state is ImageState.MISSING:
            raise NoPicture(_("The file is missing."))
        return self._store.make(self._session.images.path(image_id), version, size)
