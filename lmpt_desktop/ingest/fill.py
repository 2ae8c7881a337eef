"""Read what an earlier version of the app has not read: all of a photo, or what it says of itself.

What was read is committed in small parts, and what is left follows from the catalogue, so that
either goes on after a restart.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from lmpt_desktop.domain.photo_details import NO_DETAILS, PhotoDetails
from lmpt_desktop.domain.records import (
    Folder,
    KnownFile,
    ScannedFile,
    UndescribedFile,
    UnhashedFile,
)
from lmpt_desktop.ingest.file_times import ctime_ns, mtime_ns
from lmpt_desktop.ingest.inspect_file import inspect_file
from lmpt_desktop.ingest.metadata import read_metadata
from lmpt_desktop.ingest.placeholders import is_placeholder
from lmpt_desktop.ingest.sampled_fingerprint import WHOLE_BYTES
from lmpt_desktop.ingest.scan import FoundFile
from lmpt_desktop.ingest.sidecars import FolderSidecars
from trainer.photo import UnreadablePhoto
from trainer.regular_file import open_regular

BATCH_FILES = 32
"""Files read and committed together."""
DETAILS_BATCH_FILES = 256
"""The same where only the beginnings are read."""


class UnhashedImages(Protocol):
    """The part of :class:`lmpt_desktop.catalogue.images.Images` that is used here."""

    def unhashed(
        self,
        folder_id: int,
        after: int = ...,
        limit: int = ...,
        *,
        only: Sequence[int] | None = ...,
    ) -> list[UnhashedFile]: ...
    def shared_fingerprints(self, fingerprints: Iterable[str]) -> set[str]: ...
    def set_hashes(self, files: Mapping[int, ScannedFile]) -> None: ...
    def expect_change(self, image_ids: list[int]) -> None: ...


@dataclass
class FillReport:
    """``read``: how many photos have their hashes now; ``changed``: images whose content has
    changed although size and time have not, which the next scan reads again; ``finished``: whether
    the end was reached."""

    read: int = 0
    changed: list[int] = field(default_factory=list)
    finished: bool = False


def fill_hashes(
    images: UnhashedImages,
    folder: Folder,
    should_stop: Callable[[], bool],
    on_progress: Callable[[int], None] | None = None,
    *,
    only: Sequence[int] | None = None,
) -> FillReport:
    """Compute the missing hashes of a folder's files and record them; features and thumbnails
    stay.

    Args:
        images: of the catalogue.
        folder: which folder.
        should_stop: asked between files; what was committed stays.
        on_progress: called with the number of photos read, after every commit.
        only: ids of images; None: all of the folder.

    Raises:
        CatalogueError: if it cannot be written.
    """
    report = FillReport()
    after = 0
    while files := images.unhashed(folder.id, after, BATCH_FILES, only=only):
        after = files[-1].id
        same: dict[int, ScannedFile] = {}
        changed: list[int] = []
        for known in files:
            if should_stop():
                record_hashes(images, files, same)
                report.read += len(same)
                return report
            file = _read(folder, known)
            if file is None:
                continue
            if file.sample == known.fingerprint or not known.fingerprint:
                same[known.id] = file
            else:
                changed.append(known.id)
        record_hashes(images, files, same)
        if changed:
            images.expect_change(changed)
        report.read += len(same)
        report.changed += changed
        if on_progress:
            on_progress(report.read)
    report.finished = True
    return report


def _read(folder: Folder, known: UnhashedFile) -> ScannedFile | None:
    """The file as it is; None if it is gone, changed (the next scan sees to it) or online only."""
    try:
        status = (folder.path / known.path).stat()
    except (OSError, ValueError):
        return None
    if (status.st_size, mtime_ns(status)) != (known.size, known.mtime_ns):
        return None
    if is_placeholder(status):
        return None
    found = FoundFile(
        known.path,
        known.size,
        known.mtime_ns,
        known.sidecar_mtime_ns,
        ctime_ns=ctime_ns(status),
    )
    file = inspect_file(folder.path, found, sample=True)
    return file if file is not None and file.file_hash else None


def record_hashes(
    images: UnhashedImages,
    known: Sequence[UnhashedFile | KnownFile],
    read: Mapping[int, ScannedFile],
) -> None:
    """Record the hashes of files that have not changed, by image id; ``known`` has them all."""
    if not read:
        return
    # Two files that differ only between the samples have shared thumbnail and feature until now.
    large = [item.fingerprint for item in known if item.size > WHOLE_BYTES]
    shared = images.shared_fingerprints(large)
    old = {item.id: item.fingerprint for item in known}
    images.set_hashes(
        {
            image_id: file if old[image_id] in shared else replace(file, fingerprint="")
            for image_id, file in read.items()
        }
    )


# --------------------------------------------------------------------------------- details


class UndescribedImages(Protocol):
    """The part of :class:`lmpt_desktop.catalogue.photo_details.StoredDetails` that is used here."""

    def unread(
        self, folder_id: int, after: int = ..., limit: int = ...
    ) -> list[UndescribedFile]: ...
    def put(self, details: Mapping[int, PhotoDetails]) -> None: ...


def fill_details(
    images: UndescribedImages,
    folder: Folder,
    should_stop: Callable[[], bool],
    on_progress: Callable[[int], None] | None = None,
) -> bool:
    """Read what the photos of a folder say of themselves, and record it.

    A photo that is gone, changed or kept online only is left for a later time.

    Args:
        images: of the catalogue.
        folder: which folder.
        should_stop: asked between files; what was committed stays.
        on_progress: called with the number of photos read, after every commit.

    Returns:
        whether the end was reached.

    Raises:
        CatalogueError: if it cannot be written.
    """
    after = done = 0
    beside = _Beside(folder.path)
    while files := images.unread(folder.id, after, DETAILS_BATCH_FILES):
        after = files[-1].id
        read: dict[int, PhotoDetails] = {}
        stopped = False
        for known in files:
            if stopped := should_stop():
                break
            if (details := _details(folder.path, known, beside)) is not None:
                read[known.id] = details
        if read:
            images.put(read)
            done += len(read)
            if on_progress:
                on_progress(done)
        if stopped:
            return False
    return True


class _Beside:
    """The sidecars of photos; keeps the last folder's listing, as photos of a folder follow each
    other."""

    def __init__(self, top: Path) -> None:
        self._top = top
        self._folder: str | None = None
        self._sidecars: FolderSidecars[str] = FolderSidecars(())

    def of(self, path: str) -> list[str]:
        """The names of those of a photo with this relative path."""
        folder, _, name = path.rpartition("/")
        if folder != self._folder:
            self._folder = folder
            try:
                listed = os.listdir(self._top / folder)  # noqa: PTH208 (names, not paths)
            except (OSError, ValueError):
                listed = []
            self._sidecars = FolderSidecars((item, item) for item in listed)
        return self._sidecars.of(name)


def _details(top: Path, known: UndescribedFile, beside: _Beside) -> PhotoDetails | None:
    """What a photo says; None if it is not the one that is known, or cannot be read now."""
    path = top / known.path
    try:
        status = path.stat()
        if (status.st_size, mtime_ns(status)) != (known.size, known.mtime_ns):
            return None
        if is_placeholder(status):
            return None
        with open_regular(path) as file:
            return read_metadata(path, file, beside.of(known.path)).details
    except UnreadablePhoto:
        return NO_DETAILS
    except (OSError, ValueError, MemoryError):
        return None
