"""The images of an open library: facts about one, and keeping the table up to date (Qt-free)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.changed_images import updated
from lmpt_desktop.catalogue.images import Image
from lmpt_desktop.domain.photo_details import PhotoDetails
from lmpt_desktop.domain.records import ImageState
from lmpt_desktop.engine.common_details import CommonDetails, common_details
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.engine.model_service import ModelService
from lmpt_desktop.engine.notices import ImagesChanged, Notice
from lmpt_desktop.engine.scanner import Scanner
from lmpt_desktop.engine.tasks import Worker
from lmpt_desktop.ingest.file_times import is_unchanged
from lmpt_desktop.ingest.reading import fingerprint
from lmpt_desktop.translation import _
from trainer.photo import UnreadablePhoto

RELOAD_SECONDS = 0.5
"""While a scan runs, its images are shown at intervals of at least this length."""
FIRST_RELOAD_SECONDS = 0.1
FIRST_IMAGES = 256
"""... and more often while there are less than these, which may not fill the screen yet."""


@dataclass(frozen=True)
class ImageDetails:
    """What only the catalogue knows of one image.

    ``reason`` is a sentence where ``state`` is UNREADABLE; ``caption`` is the user's own or the
    one that came with the file.  ``held_out``: no run trains on it.  ``taken`` is by the
    camera's clock, with its zone where it is said; ``size`` in bytes, ``pixels`` as (width,
    height), ``modified``: when the file was last changed.  ``photo`` is what the photo says of
    itself, None if that was not read yet.
    """

    image_id: int
    path: Path
    state: ImageState
    reason: str
    caption: str
    held_out: bool = False
    taken: datetime | None = None
    size: int = 0
    pixels: tuple[int, int] | None = None
    modified: datetime | None = None
    photo: PhotoDetails | None = None


def image_details(image: Image) -> ImageDetails:
    """Details of ``image``."""
    return ImageDetails(
        image_id=image.id,
        path=image.path,
        state=image.state,
        reason=image.reason,
        caption=image.caption,
        taken=image.taken,
        size=image.size,
        pixels=(image.width, image.height) if image.width and image.height else None,
        # Added, since some systems take no time before 1970.
        modified=datetime.fromtimestamp(0, UTC) + timedelta(microseconds=image.mtime_ns // 1000),
    )


class ImageReader:
    """Answers questions about single images and sets their captions."""

    def __init__(
        self, catalogue: Catalogue, state: LibraryState, notify: Callable[[Notice], None]
    ) -> None:
        self._catalogue = catalogue
        self._state = state
        self._notify = notify

    def details(self, image_id: int) -> ImageDetails:
        """Path, state and caption of one image.  Reads the catalogue.

        Raises:
            KeyError: if the library has no such image.
        """
        if image_id not in self._state.snapshot.row_of:
            raise KeyError(image_id)
        details = image_details(self._catalogue.images.details(image_id))
        return replace(
            details,
            held_out=self._catalogue.runs.is_held_out(image_id),
            photo=self._catalogue.photo_details.of([image_id]).get(image_id),
        )

    def common_details(self, image_ids: NDArray[np.int64]) -> CommonDetails:
        """What several photos say of themselves together.  Reads the catalogue."""
        read = self._catalogue.photo_details.of
        return common_details(self._state.snapshot, image_ids, read)

    def path(self, image_id: int) -> Path:
        """Where the image's file is.  Reads the catalogue."""
        return self.paths([image_id])[0]

    def paths(self, image_ids: Sequence[int]) -> list[Path]:
        """Where the images' files are, in the order asked.  Reads the catalogue."""
        return self._catalogue.images.paths([int(i) for i in image_ids])

    def path_of_picture(self, image_id: int) -> Path:
        """Where the image's file is, if it still shows the picture that was scanned: a verdict on
        another one would be given to this.  Reads catalogue and disk.

        Raises:
            UnreadablePhoto: with a sentence, if another picture is there.
            OSError: if the file has changed and cannot be read.
        """
        image = self._catalogue.images.details(image_id)
        if image.state is ImageState.MISSING:
            raise UnreadablePhoto(_("The file is missing."))
        if (
            is_unchanged(image.path, image.size, image.mtime_ns)
            or fingerprint(image.path) == image.fingerprint
        ):
            return image.path
        raise UnreadablePhoto(
            _("The photo has changed. Look for new photos, and it is read again.")
        )

    def unchanged_path(self, image_id: int) -> Path | None:
        """Where the image's file is; None if it has changed since it was scanned.  Reads catalogue
        and disk."""
        [file] = self._catalogue.images.files([image_id])
        return file.path if is_unchanged(file.path, file.size, file.modified) else None

    def set_caption(self, image_id: int, text: str) -> None:
        """Set the user's own caption; "" removes it."""
        self._catalogue.images.set_caption(image_id, text)
        self._notify(ImagesChanged())


class ImageReloader:
    """Brings the snapshot's images up to date with the catalogue."""

    def __init__(
        self,
        catalogue: Catalogue,
        state: LibraryState,
        *,
        model: ModelService,
        scanner: Scanner,
        worker: Worker,
        notify: Callable[[Notice], None],
    ) -> None:
        self._catalogue = catalogue
        self._state = state
        self._model = model
        self._scanner = scanner
        self._worker = worker
        self._notify = notify
        self._spacing = RELOAD_SECONDS
        self._reading = threading.Lock()

    def reload_soon(self, *, spaced: bool = True) -> None:
        """Read on the worker what this process has written, and encode what it lacks;
        ``spaced``: not more often than every ``RELOAD_SECONDS``."""
        few = len(self._state.snapshot.images) < FIRST_IMAGES
        spacing = FIRST_RELOAD_SECONDS if few else self._spacing
        self._worker.post("images", self._reload_changed, spacing if spaced else 0.0)

    def reload(self) -> None:
        """Read all images again, now."""
        self._read(everything=True)

    def _reload_changed(self) -> None:
        began = time.monotonic()
        changed = self._read(everything=False)
        try:
            self._model.queue_missing(changed)
        except BaseException:
            self._catalogue.images.changed.note(() if changed is None else changed.tolist())
            raise
        if self._scanner.idle:
            self._worker.post("names", self._rank_names)
        # A large library takes long to read: leave the worker time for predictions.
        self._spacing = max(RELOAD_SECONDS, 4 * (time.monotonic() - began))

    def keep(self) -> None:
        """Have the next start find the images as they are, if there are many; for the worker."""
        if not self._catalogue.read_only:
            self._catalogue.images.keep_table(len(self._state.snapshot.images))

    def _rank_names(self) -> None:
        """Prepare sorting by name, which takes a while, before it is asked for."""
        _ = self._state.snapshot.name_ranks
        self._worker.post("keep images", self.keep)

    def _read(self, *, everything: bool) -> NDArray[np.int64] | None:
        """Read the images again: all, or those that this process has written since.

        Returns:
            (n,) ids of those that were read; None for all.
        """
        catalogue = self._catalogue
        with self._reading:
            touched = catalogue.images.changed.take()
            everything |= touched.everything
            if not (everything or touched):
                # A snapshot of its own would be one that nobody is told of.
                return touched.ids
            try:
                old = self._state.snapshot.images
                if everything:
                    images = catalogue.images.table()
                else:
                    part = catalogue.images.table(ids=touched.ids)
                    images = updated(old, touched.ids, part)
                new = np.setdiff1d(images.ids, old.ids, assume_unique=True)
                reviewed = catalogue.annotations.reviewed(new)
                self._state.set_images(images, catalogue.annotations.matrix, reviewed)
            except BaseException:
                catalogue.images.changed.put_back(touched)
                raise
        self._notify(ImagesChanged())
        self._model.refresh_scores()
        return None if everything else touched.ids
