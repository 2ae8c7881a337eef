"""Bring the catalogue in line with a folder on disk.

A photo is identified by its content: where files were moved, renamed or renumbered, the image
(with its annotations and features) follows the content, not the path.  So paths whose content
changed are handled last, when it is known which contents were found elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from lmpt_desktop.domain.records import Folder, ImagePlace, KnownFile, ScannedFile
from lmpt_desktop.ingest.inspect_file import inspect_file
from lmpt_desktop.ingest.scan import FolderProblem, FoundFile, scan
from lmpt_desktop.ingest.scope import EVERYTHING, Scope

BATCH_FILES = 128
"""Files read and committed together: about a second of work."""
WORKERS = max(1, min(4, os.cpu_count() or 1))


class _Folders(Protocol):
    def get(self, folder_id: int) -> Folder: ...


class _Images(Protocol):
    def known(self, folder_id: int) -> Mapping[str, KnownFile]: ...
    def by_fingerprint(self, fingerprints: Iterable[str]) -> Mapping[str, Sequence[ImagePlace]]: ...
    def upsert(
        self,
        folder_id: int,
        files: Sequence[ScannedFile],
        moved: Mapping[str, int] | None = None,
        displaced: Collection[str] = (),
    ) -> list[int]: ...
    def mark_missing(self, image_ids: Sequence[int]) -> None: ...
    def mark_found(self, image_ids: Sequence[int]) -> None: ...


class LibraryCatalogue(Protocol):
    """The part of :class:`lmpt_desktop.catalogue.Catalogue` that a sync needs.

    A protocol, because ingest and catalogue do not import each other.
    """

    @property
    def folders(self) -> _Folders: ...
    @property
    def images(self) -> _Images: ...


class SyncPhase(StrEnum):
    """What a sync is doing."""

    LISTING = "listing"
    READING = "reading"


@dataclass(frozen=True)
class SyncProgress:
    """``total`` is 0 while listing, when it is not known yet."""

    phase: SyncPhase
    done: int
    total: int = 0


@dataclass(frozen=True)
class SyncReport:
    """What a sync did; image ids.

    ``unreadable`` are images found with a reason; ``problems`` folders that could not be
    listed; ``available`` is False where the folder itself was not there, and then all of its
    images are missing; ``stopped`` means that it was stopped before the end.
    """

    new: list[int] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)
    moved: list[int] = field(default_factory=list)
    returned: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    unreadable: list[tuple[int, str]] = field(default_factory=list)
    problems: list[FolderProblem] = field(default_factory=list)
    unchanged: int = 0
    available: bool = True
    stopped: bool = False


def sync(
    catalogue: LibraryCatalogue,
    folder_id: int,
    on_progress: Callable[[SyncProgress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    on_commit: Callable[[], None] | None = None,
    *,
    scope: Scope = EVERYTHING,
) -> SyncReport:
    """Scan one folder, or a part of it, and record what is new, changed, moved, missing and
    unreadable.

    Args:
        catalogue: the library.
        folder_id: which folder.
        on_progress: called often, on this thread.
        should_stop: asked between files; it may block (a pause).  What was committed stays.
        on_commit: called after every commit that changed something.
        scope: look only here; the rest stays as it is.

    Raises:
        CatalogueError: if the catalogue cannot be written.
    """
    job = _Sync(
        catalogue,
        folder_id,
        on_progress or (lambda _: None),
        should_stop or (lambda: False),
        on_commit or (lambda: None),
        scope=scope,
    )
    return job.run()


class _Sync:
    def __init__(
        self,
        catalogue: LibraryCatalogue,
        folder_id: int,
        on_progress: Callable[[SyncProgress], None],
        should_stop: Callable[[], bool],
        on_commit: Callable[[], None],
        *,
        scope: Scope,
    ) -> None:
        self._scope = scope
        self._left_out: list[str] = []
        self._images = catalogue.images
        self._folder_id = folder_id
        self._folder = catalogue.folders.get(folder_id).path
        self._on_progress = on_progress
        self._should_stop = should_stop
        self._on_commit = on_commit
        self._known = self._images.known(folder_id)
        self._here: set[int] = set()
        """Images of this folder whose file is in its place and unchanged."""
        self._claimed: set[int] = set()
        self._report = SyncReport()
        self._stopped = False
        self._done = self._total = 0

    def run(self) -> SyncReport:
        new, changed = self._list()
        if self._stopped:
            return self._finished()
        if not self._folder.is_dir():
            self._mark_missing(self._known.values())
            return self._finished(available=False)
        self._total = len(new) + len(changed)
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="inspect") as pool:
            pending: list[ScannedFile] = []
            for batch in self._inspected(pool, changed):
                pending += self._commit_same_content(batch)
            for batch in self._inspected(pool, new):
                self._commit_new(batch)
        if not self._stopped:
            self._resolve_changed(pending)
            self._mark_missing(self._gone(pending))
        return self._finished()

    # ------------------------------------------------------------------------- listing

    def _list(self) -> tuple[list[FoundFile], list[FoundFile]]:
        new: list[FoundFile] = []
        changed: list[FoundFile] = []
        unchanged = 0
        batches = scan(
            self._folder,
            self._known,
            lambda seen: self._on_progress(SyncProgress(SyncPhase.LISTING, seen)),
            self._stop,
            self._scope,
        )
        for batch in batches:
            new += batch.new
            changed += batch.changed
            unchanged += len(batch.unchanged)
            self._here.update(batch.unchanged)
            self._here.update(batch.returned)
            self._report.returned.extend(batch.returned)
            self._report.problems.extend(batch.problems)
            self._left_out.extend(batch.left_out)
        self._unchanged = unchanged
        if self._report.returned:
            self._images.mark_found(self._report.returned)
            self._on_commit()
        return new, changed

    def _gone(self, pending: Sequence[ScannedFile]) -> list[KnownFile]:
        """Known files that the scan should have seen but did not."""
        resolved = {self._known[file.path].id for file in pending if file.path in self._known}
        if any(not problem.path for problem in self._report.problems):
            return []  # the top itself could not be listed: nothing is known to be gone
        hidden = tuple(f"{path}/" for path in self._unlisted())
        return [
            item
            for path, item in self._known.items()
            if self._scope.covers(path)
            and item.id not in self._here
            and item.id not in resolved
            and item.id not in self._claimed
            and not (hidden and path.startswith(hidden))
        ]

    def _mark_missing(self, items: Iterable[KnownFile]) -> None:
        ids = [item.id for item in items if not item.missing]
        if ids:
            self._images.mark_missing(ids)
            self._report.missing.extend(ids)
            self._on_commit()

    # ------------------------------------------------------------------------- reading

    def _inspected(
        self, pool: ThreadPoolExecutor, files: Sequence[FoundFile]
    ) -> Iterator[list[ScannedFile]]:
        for start in range(0, len(files), BATCH_FILES):
            batch: list[ScannedFile] = []
            part = files[start : start + BATCH_FILES]
            # Few at a time, so that a pause or a stop takes effect within a few files.
            for at in range(0, len(part), 2 * WORKERS):
                if self._stop():
                    break
                some = part[at : at + 2 * WORKERS]
                results = pool.map(lambda file: inspect_file(self._folder, file), some)
                batch += [file for file in results if file is not None]
                self._done += len(some)
                self._on_progress(SyncProgress(SyncPhase.READING, self._done, self._total))
            if batch:
                yield batch
            if self._stopped:
                return

    def _commit_same_content(self, batch: Sequence[ScannedFile]) -> list[ScannedFile]:
        """Record files whose time changed but not their content; return the others."""
        same: list[ScannedFile] = []
        other: list[ScannedFile] = []
        for file in batch:
            old = self._known[file.path]
            alike = bool(file.fingerprint) and file.fingerprint == old.fingerprint
            (same if alike else other).append(file)
        self._here.update(self._known[file.path].id for file in same)
        self._report.changed.extend(self._commit(same))
        return other

    def _commit_new(self, batch: Sequence[ScannedFile]) -> None:
        moved = self._moves(batch)
        ids = self._commit(batch, moved)
        for file, image_id in zip(batch, ids, strict=True):
            (self._report.moved if file.path in moved else self._report.new).append(image_id)

    def _resolve_changed(self, pending: Sequence[ScannedFile]) -> None:
        """Find out what happened to paths whose content changed."""
        moved = self._moves(pending)
        displaced: set[str] = set()
        for file in pending:
            if file.path in moved:
                continue
            old = self._known[file.path]
            if old.id in self._claimed:
                continue  # its image has moved to another path: this is a new one
            if _is_another_photo(old, file):
                displaced.add(file.path)
        ids = self._commit(pending, moved, displaced)
        for file, image_id in zip(pending, ids, strict=True):
            old = self._known[file.path]
            if file.path in moved:
                self._report.moved.append(image_id)
            elif image_id == old.id:
                self._report.changed.append(image_id)
            else:
                self._report.new.append(image_id)
            if old.id != image_id and old.id not in self._claimed and not old.missing:
                self._report.missing.append(old.id)

    def _moves(self, batch: Sequence[ScannedFile]) -> dict[str, int]:
        """Which files are images whose own path is empty or has other content now."""
        found = self._images.by_fingerprint(file.fingerprint for file in batch if file.fingerprint)
        moves: dict[str, int] = {}
        for file in batch:
            vacant = [item for item in found.get(file.fingerprint, ()) if self._is_vacant(item)]
            own = self._known.get(file.path)
            vacant = [item for item in vacant if own is None or item.id != own.id]
            if vacant:
                name = file.path.rpartition("/")[2]
                best = min(vacant, key=lambda item: (item.path.name != name, item.id))
                moves[file.path] = best.id
                self._claimed.add(best.id)
        return moves

    def _is_vacant(self, item: ImagePlace) -> bool:
        if item.id in self._claimed or item.id in self._here:
            return False
        if item.missing or item.folder_id != self._folder_id:
            return item.missing or not os.path.lexists(item.path)
        # Of this folder and not in its place; but in a folder that could not be listed it may
        # still be there.
        unlisted = [self._folder / path for path in self._unlisted()]
        if any(item.path.is_relative_to(folder) for folder in unlisted):
            return False
        # Outside the scope of this scan, ask the file system.
        inner = item.path.relative_to(self._folder).as_posix()
        return self._scope.covers(inner) or not os.path.lexists(item.path)

    def _unlisted(self) -> list[str]:
        return [problem.path for problem in self._report.problems] + self._left_out

    def _commit(
        self,
        files: Sequence[ScannedFile],
        moved: Mapping[str, int] | None = None,
        displaced: Collection[str] = (),
    ) -> list[int]:
        if not files:
            return []
        ids = self._images.upsert(self._folder_id, files, moved, displaced)
        self._here.update(ids)
        self._report.unreadable.extend(
            (image_id, file.reason)
            for image_id, file in zip(ids, files, strict=True)
            if file.reason
        )
        self._on_commit()
        return ids

    def _stop(self) -> bool:
        self._stopped = self._stopped or self._should_stop()
        return self._stopped

    def _finished(self, *, available: bool = True) -> SyncReport:
        values = {name: getattr(self._report, name) for name in _LISTS}
        return SyncReport(
            **values, unchanged=self._unchanged, available=available, stopped=self._stopped
        )


_LISTS = ("new", "changed", "moved", "returned", "missing", "unreadable", "problems")


def _is_another_photo(old: KnownFile, file: ScannedFile) -> bool:
    """Whether a path whose content changed now holds another photo, not an edited one.

    Editing keeps the date a photo was taken; a camera whose numbers start again, or a photo
    put in the place of a deleted one, does not.
    """
    if old.missing:
        # A file that could never be read has no content to differ from.
        return bool(old.fingerprint)
    return bool(old.taken and file.taken and old.taken != file.taken)
