"""Read every photo of the library again and compare it with what the catalogue remembers.

A scan reads only files that look changed.  Here every byte is read, so that what shows in neither
size nor date is found, too: a failing disk, a bad copy, a program that keeps the date.  Nothing is
written but the hashes of photos that were never read completely: the hashes of a damaged photo
stay, so that it is recognised when it is restored.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from lmpt_desktop.domain.records import Folder, KnownFile, ScannedFile
from lmpt_desktop.ingest.file_times import ctime_ns, mtime_ns
from lmpt_desktop.ingest.fill import UnhashedImages, record_hashes
from lmpt_desktop.ingest.inspect_file import inspect_file
from lmpt_desktop.ingest.placeholders import is_placeholder
from lmpt_desktop.ingest.reachable import is_reachable
from lmpt_desktop.ingest.scan import FoundFile

PAGE_FILES = 256
"""Files looked up together, and whose hashes are committed together."""


class Images(UnhashedImages, Protocol):
    """The part of :class:`lmpt_desktop.catalogue.images.Images` that is used here."""

    def existing(
        self, folder_id: int, after: str = ..., limit: int = ...
    ) -> list[tuple[str, KnownFile]]: ...


class FindingKind(StrEnum):
    """What a photo was found to be, the most serious first."""

    DAMAGED = "damaged"
    """Other bytes under the same date, or no longer a photo."""
    UNREADABLE = "unreadable"
    """Its bytes cannot be read, or never were a photo."""
    GONE = "gone"
    UNREACHABLE = "unreachable"
    """Its folder is on a disk that is not connected."""
    ALTERED = "altered"
    """The same picture with other metadata, under the same date."""
    CHANGED = "changed"
    """It has a new date: the next scan sees to it."""
    ONLINE_ONLY = "online only"
    """Reading it would download it."""
    FIRST_READ = "first read"
    """There was nothing to compare it with until now."""
    FINE = "fine"


QUIET = frozenset({FindingKind.FINE, FindingKind.FIRST_READ, FindingKind.ONLINE_ONLY})
"""Kinds that need no attention."""
LISTED = frozenset(FindingKind) - {FindingKind.FINE, FindingKind.FIRST_READ}
"""Kinds whose photos a report names."""
TAKEN_OVER = frozenset({FindingKind.ALTERED, FindingKind.DAMAGED})
"""Kinds that a scan sees only where a change is expected (``expect_change``)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A photo, or all photos of a folder that is not there.

    Attributes:
        kind: what it was found to be.
        folder: a folder of the library.
        path: relative to it; "" for the folder as a whole.
        image_id: 0 for a folder.
        size: bytes, as the catalogue knows them.
        photos: how many photos it is about.
        same_picture: whether the picture itself is as it was, metadata aside; None if unknown.
        reason: why it cannot be opened, a sentence in English; "" if it can.
    """

    kind: FindingKind
    folder: Path
    path: str = ""
    image_id: int = 0
    size: int = 0
    photos: int = 1
    same_picture: bool | None = None
    reason: str = ""

    @property
    def full_path(self) -> Path:
        return self.folder / self.path if self.path else self.folder


@dataclass(frozen=True)
class FolderPart:
    """A folder of the library to verify; ``below``: only this part of it, a relative path."""

    folder: Folder
    below: str = ""


@dataclass
class _Page:
    """Hashes that are to be recorded together."""

    known: list[KnownFile] = field(default_factory=list)
    read: dict[int, ScannedFile] = field(default_factory=dict)


def verify(
    images: Images,
    parts: Sequence[FolderPart],
    should_stop: Callable[[], bool],
    *,
    record: bool = True,
) -> Generator[Finding, None, None]:
    """Read the photos of these folders completely, each at most once.

    Photos that the catalogue has as missing are left out.  Memory does not depend on the number
    of photos.

    Args:
        images: of the catalogue.
        parts: which folders.
        should_stop: asked before every photo; it may block (a pause).
        record: whether to keep the hashes of photos read for the first time; not in a catalogue
            that can only be read.

    Yields:
        One finding for every photo, or for all that are left of a folder that is not there.

    Raises:
        CatalogueError: if the catalogue cannot be read, or hashes cannot be recorded.
    """
    for part in parts:
        yield from _Folder(images, part, should_stop, record=record).findings()


class _Folder:
    """One folder being verified."""

    def __init__(
        self,
        images: Images,
        part: FolderPart,
        should_stop: Callable[[], bool],
        *,
        record: bool,
    ) -> None:
        self._record = record
        self._images = images
        self._folder = part.folder
        self._below = f"{part.below}/" if part.below else ""
        self._should_stop = should_stop

    def findings(self) -> Iterator[Finding]:
        connected = is_reachable(self._folder)
        lost = lost_bytes = 0
        after = self._below
        while page := self._page(after):
            after = page[-1][0]
            record = _Page()
            try:
                for name, known in page:
                    if self._should_stop():
                        return
                    finding = self._verify(name, known, record) if connected else None
                    if finding is not None and finding.kind is FindingKind.GONE:
                        connected = is_reachable(self._folder)
                    if finding is not None and connected:
                        yield finding
                    else:
                        lost, lost_bytes = lost + 1, lost_bytes + known.size
            finally:
                if self._record:
                    record_hashes(self._images, record.known, record.read)
        if lost:
            yield Finding(FindingKind.UNREACHABLE, self._folder.path, size=lost_bytes, photos=lost)

    def _page(self, after: str) -> list[tuple[str, KnownFile]]:
        found = self._images.existing(self._folder.id, after, PAGE_FILES)
        if not self._below:
            return found
        return [item for item in found if item[0].startswith(self._below)]

    def _verify(  # noqa: PLR0911 - one for each kind, the first that applies
        self, name: str, known: KnownFile, record: _Page
    ) -> Finding:
        about = Finding(FindingKind.FINE, self._folder.path, name, known.id, known.size)
        found = self._look(name, known)
        if found is None:
            return replace(about, kind=FindingKind.GONE)
        if found.placeholder:
            return replace(about, kind=FindingKind.ONLINE_ONLY)
        file = inspect_file(self._folder.path, found, sample=not known.file_hash)
        if file is None:
            return replace(about, kind=FindingKind.GONE)
        about = replace(about, reason=file.reason)
        if file.size and not file.file_hash:
            return replace(about, kind=FindingKind.UNREADABLE)
        if not _has_same_bytes(known, file):
            return self._different(about, known, file)
        if known.file_hash or not file.size:
            kind = FindingKind.FINE
        elif (file.size, file.mtime_ns) == (known.size, known.mtime_ns):
            record.known.append(known)
            record.read[known.id] = file
            kind = FindingKind.FIRST_READ
        else:
            # Head, middle and tail are the same, which is no proof.
            kind = FindingKind.CHANGED
        if file.reason:
            return replace(about, kind=FindingKind.UNREADABLE, same_picture=True)
        return replace(about, kind=kind)

    def _look(self, name: str, known: KnownFile) -> FoundFile | None:
        """The file as it is now; None if it is gone."""
        beside = known.sidecar_mtime_ns
        try:
            status = (self._folder.path / name).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError):
            status = None
        if status is None or not stat.S_ISREG(status.st_mode):
            # Reading it will say what is wrong.
            return FoundFile(name, known.size, known.mtime_ns, beside)
        times = mtime_ns(status), beside
        placeholder = is_placeholder(status)
        return FoundFile(name, status.st_size, *times, placeholder, ctime_ns=ctime_ns(status))

    def _different(self, about: Finding, known: KnownFile, file: ScannedFile) -> Finding:
        """The finding on a file that has other bytes than it had."""
        # It may have been saved while it was read.
        latest = self._look(about.path, known)
        modified = latest.mtime_ns if latest is not None else file.mtime_ns
        same = file.picture_hash == known.picture_hash if known.file_hash else None
        kind = _kind(known, file, same, kept_date=modified == known.mtime_ns)
        return replace(about, kind=kind, same_picture=same)


def _has_same_bytes(known: KnownFile, file: ScannedFile) -> bool:
    if known.file_hash:
        return file.file_hash == known.file_hash
    return file.sample == known.fingerprint or not known.fingerprint


def _kind(
    known: KnownFile, file: ScannedFile, same: bool | None, *, kept_date: bool
) -> FindingKind:
    """What it means that a file has other bytes; ``same``: whether it has the same picture."""
    if _is_broken(known, file):
        return FindingKind.DAMAGED
    if not kept_date:
        return FindingKind.CHANGED
    # Programs can set the date back; that the file was changed the system notes all the same.
    untouched = file.ctime_ns != 0 and file.ctime_ns == known.ctime_ns
    return FindingKind.ALTERED if same and not untouched else FindingKind.DAMAGED


def _is_broken(known: KnownFile, file: ScannedFile) -> bool:
    """Whether a file that was a photo is none now."""
    if not known.was_readable:
        return False
    if file.reason:
        return True
    # In a file whose structure is damaged no picture is found, and the file stands for it.
    had_structure = bool(known.picture_hash) and known.picture_hash != known.file_hash
    return had_structure and file.picture_hash == file.file_hash
