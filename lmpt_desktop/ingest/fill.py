"""Read photos of which an earlier version of the app has read only a sample."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from lmpt_desktop.domain.records import Folder, KnownFile, ScannedFile, UnhashedFile
from lmpt_desktop.ingest.file_times import ctime_ns, mtime_ns
from lmpt_desktop.ingest.inspect_file import inspect_file
from lmpt_desktop.ingest.placeholders import is_placeholder
from lmpt_desktop.ingest.sampled_fingerprint import WHOLE_BYTES
from lmpt_desktop.ingest.scan import FoundFile

BATCH_FILES = 32
"""Files read and committed together."""


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
