"""Walk a folder and find new, changed and unchanged photos (without reading any file)."""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lmpt_desktop.domain.records import KnownFile
from lmpt_desktop.ingest.metadata import sidecar_names
from lmpt_desktop.ingest.placeholders import is_placeholder
from lmpt_desktop.ingest.scope import EVERYTHING, Scope
from lmpt_desktop.translation import N_, _
from trainer.photo import PHOTO_SUFFIXES

log = logging.getLogger(__name__)

BATCH_FILES = 1000
"""Photos per batch, at least; a batch ends with a folder or with this many."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A photo file whose content must be read.

    ``path`` is relative to the folder, with "/" between parts; the content of a ``placeholder``
    is not on this disk (see :mod:`.placeholders`).
    """

    path: str
    size: int
    mtime_ns: int
    sidecar_mtime_ns: int
    placeholder: bool = False


@dataclass(frozen=True)
class FolderProblem:
    """A folder that could not be listed, or a photo that is only a link to nowhere.

    ``path`` is relative ("" for the top).
    """

    path: str
    reason: str


@dataclass(frozen=True)
class ScanBatch:
    """A part of what a scan found.

    Attributes:
        new: files that are not known.
        changed: known files whose size or time differs.
        unchanged: ids of known files that have not changed.
        returned: ids of missing files that are back, unchanged.
        problems: folders that could not be listed.
        left_out: links to folders that a scan of a part does not follow (relative paths).
    """

    new: list[FoundFile] = field(default_factory=list)
    changed: list[FoundFile] = field(default_factory=list)
    unchanged: list[int] = field(default_factory=list)
    returned: list[int] = field(default_factory=list)
    problems: list[FolderProblem] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.new) + len(self.changed) + len(self.unchanged) + len(self.returned)


def scan(
    folder: Path,
    known: Mapping[str, KnownFile],
    on_progress: Callable[[int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    scope: Scope = EVERYTHING,
) -> Iterator[ScanBatch]:
    """Walk ``folder`` and everything below it, or the part of it in ``scope``.

    Hidden files and folders (a leading dot, or Windows' attribute) are left out.  Links are
    followed; a folder that several paths lead to is visited once, by its own path rather than
    by a link.  A folder that cannot be listed is a problem in a batch; one that vanishes while
    being listed is ignored.  A file whose content is kept online is not opened: it stays as it
    was, or is found as a placeholder.

    Args:
        folder: the top.
        known: the files known to the catalogue, by relative path.
        on_progress: called with the number of photos seen, after every batch.
        should_stop: asked between folders and batches; True ends the walk.
        scope: look only here; links to folders are then not followed.

    Yields:
        Batches; the last one may be empty.
    """
    walk = _Walk(folder, known, scope)
    seen = 0
    for batch in walk.batches(should_stop or (lambda: False)):
        seen += len(batch)
        if on_progress:
            on_progress(seen)
        yield batch


class _Walk:
    """One scan in progress."""

    def __init__(self, folder: Path, known: Mapping[str, KnownFile], scope: Scope) -> None:
        self._folder = folder
        self._known = known
        self._scope = scope
        self._visited: set[tuple[int, int]] = set()

    def batches(self, should_stop: Callable[[], bool]) -> Iterator[ScanBatch]:
        batch = ScanBatch()
        waiting = self._scope.roots()
        links: list[str] = []
        while waiting or links:
            if should_stop():
                return
            # Links last, so that a folder is known by its own path and not by a link to it.
            inner = waiting.pop() if waiting else links.pop(0)
            entries = self._list(inner, batch)
            folders: list[str] = []
            descend = self._scope.is_deep(inner)
            sidecars = {entry.name: entry for entry in entries if entry.name[-4:].lower() == ".txt"}
            for entry in entries:
                name = entry.name
                if name[0] == ".":
                    continue
                path = f"{inner}/{name}" if inner else name
                try:
                    if entry.is_dir(follow_symlinks=False):
                        if descend and not _is_hidden(entry):
                            folders.append(path)
                    elif _is_photo_name(name):
                        self._take(entry, path, sidecars, batch)
                    elif descend and entry.is_symlink() and entry.is_dir():
                        # Its target may be in a part of the folder that is not walked now.
                        (links if self._scope == EVERYTHING else batch.left_out).append(path)
                except OSError as error:
                    log.debug("left out %r: %s", path, error)
                    # A file deleted in the meantime is ignored; a broken link is reported.
                    if entry.is_symlink() and _is_photo_name(name):
                        batch.problems.append(FolderProblem(path, _link_reason(error)))
                if len(batch) >= BATCH_FILES:
                    yield batch
                    batch = ScanBatch()
                    if should_stop():
                        return
            waiting.extend(reversed(folders))
        yield batch

    def _list(self, inner: str, batch: ScanBatch) -> list[os.DirEntry[str]]:
        """Entries of a folder by name; nothing if it was visited or cannot be listed."""
        path = self._folder / inner
        try:
            status = path.stat()
            place = (status.st_dev, status.st_ino)
            if place in self._visited:
                return []
            self._visited.add(place)
            with os.scandir(path) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError) as error:
            if not inner:
                batch.problems.append(FolderProblem(inner, _reason(error)))
        except OSError as error:
            batch.problems.append(FolderProblem(inner, _reason(error)))
        return []

    def _take(
        self,
        entry: os.DirEntry[str],
        path: str,
        sidecars: Mapping[str, os.DirEntry[str]],
        batch: ScanBatch,
    ) -> None:
        status = entry.stat()
        if not stat.S_ISREG(status.st_mode) or _is_hidden(entry):
            return
        beside = 0
        if sidecars:
            for name in sidecar_names(entry.name):
                if name in sidecars:
                    beside = max(beside, sidecars[name].stat().st_mtime_ns)
        old = self._known.get(path)
        size, mtime_ns = status.st_size, status.st_mtime_ns
        if is_placeholder(status):
            self._take_placeholder(FoundFile(path, size, mtime_ns, beside, True), old, batch)
        elif old is None:
            batch.new.append(FoundFile(path, size, mtime_ns, beside))
        elif (
            (old.size, old.mtime_ns, old.sidecar_mtime_ns) != (size, mtime_ns, beside)
            # It could not be read, and new permissions would show neither in size nor in time.
            or old.retry
            or (size and not old.fingerprint)
        ):
            batch.changed.append(FoundFile(path, size, mtime_ns, beside))
        elif old.missing:
            batch.returned.append(old.id)
        else:
            batch.unchanged.append(old.id)

    def _take_placeholder(self, found: FoundFile, old: KnownFile | None, batch: ScanBatch) -> None:
        """A file whose content is not on this disk: a known one stays as it is."""
        if old is None:
            batch.new.append(found)
        elif not old.missing:
            batch.unchanged.append(old.id)
        elif (old.size, old.mtime_ns) == (found.size, found.mtime_ns):
            batch.returned.append(old.id)
        else:
            batch.changed.append(found)


if os.name == "nt":

    def _is_hidden(entry: os.DirEntry[str]) -> bool:
        attributes = entry.stat(follow_symlinks=False).st_file_attributes
        return bool(attributes & stat.FILE_ATTRIBUTE_HIDDEN)

else:

    def _is_hidden(entry: os.DirEntry[str]) -> bool:
        return entry.name[0] == "."


def _is_photo_name(name: str) -> bool:
    return name[name.rfind(".") :].lower() in PHOTO_SUFFIXES


def _link_reason(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return N_("This is a link that leads back to itself.")
    return N_("This is a link to a file that does not exist.")


def _reason(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return _("You do not have permission to open this folder.")
    if isinstance(error, FileNotFoundError):
        return _("The folder was not found: it may have been moved, or its disk is not connected.")
    if isinstance(error, NotADirectoryError):
        return _("This is not a folder.")
    return _("The folder could not be read: {reason}.").format(reason=error.strerror or error)
