"""Bring the catalogue in line with a folder on disk.

A photo is identified by its picture: where files were moved, renamed or renumbered, the image
(with its annotations and features) follows the picture, not the path, whatever the metadata says.
So paths whose picture changed are handled last, when it is known which pictures were found
elsewhere.  No annotation is ever on another picture: an annotated image whose place another
picture has taken is missing until the two have been compared.  See docs/adr/0012.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple, Protocol

from lmpt_desktop.domain import ignore_list
from lmpt_desktop.domain.ignore_list import IgnoreList
from lmpt_desktop.domain.other_files import OtherFiles
from lmpt_desktop.domain.raw_pairs import PairReport, companions_of, is_raw
from lmpt_desktop.domain.records import (
    Batch,
    Folder,
    ImagePlace,
    KnownFile,
    ScannedFile,
)
from lmpt_desktop.ingest.fill import UnhashedImages, fill_hashes
from lmpt_desktop.ingest.follow import Transfers, follow_pictures
from lmpt_desktop.ingest.inspect_file import inspect_again, inspect_file
from lmpt_desktop.ingest.reachable import device_of, is_reachable
from lmpt_desktop.ingest.readers import Readers
from lmpt_desktop.ingest.reading_processes import GROUP_BYTES, GROUP_FILES, ReadingProcesses
from lmpt_desktop.ingest.sampled_fingerprint import WHOLE_BYTES
from lmpt_desktop.ingest.scan import FolderProblem, FoundFile, elsewhere_of, scan
from lmpt_desktop.ingest.scope import EVERYTHING, Scope
from lmpt_desktop.ingest.vacated import Copies, KnownCopies, best_of, file_name
from lmpt_desktop.translation import _

FIRST_FILES = 64
"""Of a folder of which nothing is known yet, this many are read and committed before the rest is
even listed: what the first screen shows."""
BATCH_FILES = 128
BATCH_SECONDS = 1.0
"""Files are read and committed together up to this number, or in this time if they are large."""
FEW_FILES, LATER_BATCH_FILES = 2048, 512
"""After the first ones, which may be looked at, more are: each commit waits for the disk."""
LATER_GROUP_FILES = 64
"""A process that reads waits for the answer to be taken, and that for Python's lock: with few files
at a time it would wait a third as long as it reads."""
LATER_ROUNDS, LATER_ROUND_BYTES = 4, 64 << 20
"""So much is read during a commit at most, and after a stop."""
WORKERS = max(1, min(4, os.cpu_count() or 1))
PROCESSES_FROM = 1000
"""So many files are read in processes of their own; for fewer, starting them takes longer."""


class _Folders(Protocol):
    def all(self, *, hidden: bool = ...) -> list[Folder]: ...
    def get(self, folder_id: int) -> Folder: ...
    def set_device(self, folder_id: int, device: int) -> None: ...


class _Images(UnhashedImages, Protocol):
    def known(self, folder_id: int) -> Mapping[str, KnownFile]: ...
    def last_id(self) -> int: ...
    def with_picture(
        self, hashes: Iterable[str], *, up_to: int
    ) -> Mapping[str, Sequence[ImagePlace]]: ...
    def by_fingerprint(
        self, fingerprints: Iterable[str], *, up_to: int
    ) -> Mapping[str, Sequence[ImagePlace]]: ...
    def with_user_data(self, image_ids: Sequence[int]) -> set[int]: ...
    def ever_annotated(self, image_ids: Sequence[int]) -> set[int]: ...
    def upsert(
        self,
        folder_id: int,
        files: Sequence[ScannedFile],
        moved: Mapping[str, int] | None = None,
        displaced: Collection[str] = (),
        companions: Collection[str] = (),
    ) -> list[int]: ...
    def mark_missing(self, image_ids: Sequence[int]) -> None: ...
    def leave_out(self, image_ids: Sequence[int]) -> None: ...
    def mark_found(self, image_ids: Sequence[int]) -> None: ...


class _Pairs(Protocol):
    def refresh(self, folder_ids: Sequence[int], label: str, *, enabled: bool) -> PairReport: ...


class LibraryCatalogue(Protocol):
    """The part of :class:`lmpt_desktop.catalogue.Catalogue` that a sync needs.

    A protocol, because ingest and catalogue do not import each other.
    """

    @property
    def folders(self) -> _Folders: ...
    @property
    def images(self) -> _Images: ...
    @property
    def pairs(self) -> _Pairs: ...
    @property
    def transfers(self) -> Transfers: ...


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

    ``returned`` were missing or left out; ``left_out`` are images that the ignore list leaves out
    now and did not before; ``ignored`` is how many folders and photos it leaves out, ``others``
    counts the files that are no photos, both in the scope of the scan.
    ``displaced`` are images whose place another picture has taken; ``paired`` what became of raw
    files and developed photos of the same name; ``followed`` changes of the
    journal that moved annotations to images with the same picture; ``unreadable`` images found
    with a reason; ``problems`` folders that could not be listed; ``available`` is False where the
    folder itself was not there, and then all of its images are missing; ``stopped`` means that it
    was stopped before the end.
    """

    new: list[int] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)
    moved: list[int] = field(default_factory=list)
    returned: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    displaced: list[int] = field(default_factory=list)
    paired: list[PairReport] = field(default_factory=list)
    followed: list[Batch] = field(default_factory=list)
    unreadable: list[tuple[int, str]] = field(default_factory=list)
    problems: list[FolderProblem] = field(default_factory=list)
    left_out: list[int] = field(default_factory=list)
    ignored: int = 0
    others: OtherFiles = field(default_factory=OtherFiles)
    unchanged: int = 0
    available: bool = True
    stopped: bool = False


FileReaders = Readers[Sequence[FoundFile], list[ScannedFile | None]]


def file_readers() -> FileReaders:
    """The threads that :func:`sync` reads photos with."""
    return Readers(WORKERS)


def sync(
    catalogue: LibraryCatalogue,
    folder_id: int,
    on_progress: Callable[[SyncProgress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    on_commit: Callable[[], None] | None = None,
    *,
    scope: Scope = EVERYTHING,
    ignore: IgnoreList = ignore_list.DEFAULT,
    readers: FileReaders | None = None,
    raw_pairs: bool = False,
    make_way: Callable[[], None] | None = None,
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
        ignore: what is left out.  Of images that are left out nothing changes, but that they are
            not shown until a scan without this finds their files.
        readers: the threads that read photos, else of its own.
        raw_pairs: whether a raw file and a developed photo of the same name are one photo.
        make_way: called between files, but not before the first are there; it may wait a moment
            for what is more urgent.

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
        ignore=ignore,
        raw_pairs=raw_pairs,
        make_way=make_way or (lambda: None),
    )
    with contextlib.ExitStack() as own:
        return job.run(readers or own.enter_context(file_readers()))


class _Round(NamedTuple):
    """Files that are being read; ``size`` in bytes."""

    files: int
    size: int
    results: Callable[[], list[list[ScannedFile | None]]]


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
        ignore: IgnoreList,
        raw_pairs: bool,
        make_way: Callable[[], None],
    ) -> None:
        self._make_way = make_way
        self._scope = scope
        self._raw_pairs = raw_pairs
        self._companions: frozenset[str] = frozenset()
        """New files that are to be shown as part of another image."""
        self._ignore = ignore
        self._not_followed: list[str] = []
        """Links to folders, of what is below which nothing is known."""
        self._ignored: frozenset[str] = frozenset()
        self._others = OtherFiles()
        self._folders = catalogue.folders
        self._images = catalogue.images
        self._pairs = catalogue.pairs
        self._transfers = catalogue.transfers
        self._folder_id = folder_id
        self._library_folder = catalogue.folders.get(folder_id)
        self._folder = self._library_folder.path
        self._reachable = {
            folder.id: is_reachable(folder) for folder in catalogue.folders.all(hidden=True)
        }
        self._on_progress = on_progress
        self._should_stop = should_stop
        self._on_commit = on_commit
        self._known = self._images.known(folder_id)
        self._here: set[int] = set()
        """Images of this folder whose file is in its place, with the same picture."""
        self._claimed: set[int] = set()
        # What is recorded from now on is in its place: of a picture with many copies, each further
        # file would ask for all before it.
        last = self._images.last_id()
        self._copies = KnownCopies(
            lambda hashes: self._images.with_picture(hashes, up_to=last) if last else {},
            self._is_vacant,
        )
        self._unread_copies = KnownCopies(
            lambda hashes: self._images.by_fingerprint(hashes, up_to=last) if last else {},
            self._is_vacant,
        )
        self._copied: dict[int, set[int]] = {}
        """Images of which an earlier version has read only a sample, and of which there seems to
        be a copy now, by folder."""
        self._report = SyncReport()
        self._stopped = False
        self._unchanged = self._done = self._total = 0
        self._taken_first: set[str] = set()
        """Paths that were read at first sight."""
        self._processes: ReadingProcesses | None = None

    def run(self, readers: FileReaders) -> SyncReport:
        try:
            report = self._run(readers)
        finally:
            if self._processes is not None:
                self._processes.close()
        if self._stopped:
            self._pair()
        return report

    def _run(self, readers: FileReaders) -> SyncReport:
        new, changed = self._list(readers)
        if self._stopped:
            return self._finished()
        if not (self._folder.is_dir() and self._reachable[self._folder_id]):
            if not self._report.problems:
                reason = _(
                    "The folder is empty, and its disk is not connected. Connect it, and its "
                    "photos are back."
                )
                self._report.problems.append(FolderProblem("", reason))
            # Of those that are left out it would show that they are.
            self._mark_missing(item for item in self._known.values() if not item.left_out)
            self._pair()
            self._follow()
            return self._finished(available=False)
        self._remember_device()
        self._total = self._done + len(new) + len(changed)
        if self._done:
            self._on_progress(SyncProgress(SyncPhase.READING, self._done, self._total))
        self._companions = self._new_companions(new, changed)
        if len(new) + len(changed) >= PROCESSES_FROM:
            self._processes = ReadingProcesses(self._folder, WORKERS)
        pending: list[ScannedFile] = []
        for batch in self._inspected(readers, changed):
            pending += self._commit_same_picture(batch)
        for batch in self._inspected(readers, new):
            self._commit_new(batch)
        self._read_copied()
        if not self._stopped:
            self._resolve_changed(pending)
            gone, left_out = self._gone(pending)
            self._mark_missing(gone)
            self._leave_out(left_out)
            # Before annotations of what is gone go to copies: the other half of a pair has them,
            # too.
            self._pair()
            self._follow()
        return self._finished()

    def _new_companions(
        self, new: Sequence[FoundFile], changed: Sequence[FoundFile]
    ) -> frozenset[str]:
        """New raw files beside a developed photo of the same name, so that they are not shown for
        a moment."""
        if not (self._raw_pairs and any(is_raw(file.path) for file in new)):
            return frozenset()
        paths = {file.path for file in (*new, *changed)} | self._taken_first
        paths.update(path for path, item in self._known.items() if item.id in self._here)
        return frozenset(companions_of(paths))

    def _pair(self) -> None:
        """Bring raw files and developed photos of the same name together, or apart."""
        report = self._report
        if not (
            *report.new, *report.changed, *report.moved, *report.returned, *report.missing,
            *report.displaced, *report.left_out,
        ):  # fmt: skip
            return
        found = self._pairs.refresh([self._folder_id], shared_text(), enabled=self._raw_pairs)
        if found:
            report.paired.append(found)
            self._on_commit()

    def _remember_device(self) -> None:
        device = device_of(self._folder)
        if device is not None and device != self._library_folder.device:
            self._folders.set_device(self._folder_id, device)

    def _follow(self) -> None:
        """Let annotations of images that are gone follow to their copies, in any folder."""
        batches = follow_pictures(self._transfers, self._folders.all(hidden=True))
        self._report.followed.extend(batches)
        if batches:
            self._on_commit()
            self._pair()

    # ------------------------------------------------------------------------- listing

    def _list(self, readers: FileReaders) -> tuple[list[FoundFile], list[FoundFile]]:
        """What is to be read; files that were read at first sight are not among it."""
        first = not self._known and self._reachable[self._folder_id]
        new: list[FoundFile] = []
        changed: list[FoundFile] = []
        unchanged = 0
        ignored: set[str] = set()
        batches = scan(
            self._folder,
            self._known,
            lambda seen: self._on_progress(SyncProgress(SyncPhase.LISTING, seen)),
            self._stop,
            self._scope,
            elsewhere=elsewhere_of(self._library_folder, self._folders.all()),
            ignore=self._ignore,
        )
        for batch in batches:
            if first and batch.new:
                first = False
                new += self._commit_first(readers, batch.new)
            else:
                new += batch.new
            self._make_way()
            changed += batch.changed
            unchanged += len(batch.unchanged)
            self._here.update(batch.unchanged)
            self._here.update(batch.returned)
            self._report.returned.extend(batch.returned)
            self._report.problems.extend(batch.problems)
            self._not_followed.extend(batch.left_out)
            ignored.update(batch.ignored)
            self._others = OtherFiles.joined([self._others, OtherFiles.of(batch.others)])
        self._unchanged = unchanged
        self._ignored = frozenset(ignored)
        if self._report.returned:
            self._images.mark_found(self._report.returned)
            self._on_commit()
        return new, changed

    def _commit_first(self, readers: FileReaders, found: Sequence[FoundFile]) -> list[FoundFile]:
        """Read and commit a few of a folder's first files; returns the others.

        Only where nothing is known of the folder: else a file that was moved within it could be
        taken for a new one before its old place was looked at.  Raw files wait until all names are
        known (:meth:`_new_companions`).
        """
        first = [file for file in found if not is_raw(file.path)][:FIRST_FILES]
        read = self._done
        for batch in self._inspected(readers, first):
            self._commit_new(batch)
        self._taken_first = {file.path for file in first[: self._done - read]}
        return [file for file in found if file.path not in self._taken_first]

    def _gone(self, pending: Sequence[ScannedFile]) -> tuple[list[KnownFile], list[KnownFile]]:
        """Known files that the scan should have seen but did not, and those that it has left
        out."""
        resolved = {self._known[file.path].id for file in pending if file.path in self._known}
        if any(not problem.path for problem in self._report.problems):
            return [], []  # the top itself could not be listed: nothing is known to be gone
        hidden = tuple(f"{path}/" for path in self._unlisted())
        unread = {problem.path for problem in self._report.problems if not problem.gone}
        unseen = {
            path: item
            for path, item in self._known.items()
            if self._scope.covers(path)
            and item.id not in self._here
            and item.id not in resolved
            and item.id not in self._claimed
            and path not in unread
            and not (hidden and path.startswith(hidden))
        }
        left_out = {path for path in unseen if self._is_ignored(path)}
        return (
            [item for path, item in unseen.items() if path not in left_out],
            [unseen[path] for path in unseen if path in left_out],
        )

    def _is_ignored(self, path: str) -> bool:
        """Whether the scan has left out this file, or a folder that it is in."""
        while path and path not in self._ignored:
            path = path.rpartition("/")[0]
        return path in self._ignored

    def _leave_out(self, items: Iterable[KnownFile]) -> None:
        ids = [item.id for item in items if not item.left_out]
        if ids:
            self._images.leave_out(ids)
            self._report.left_out.extend(ids)
            self._on_commit()

    def _mark_missing(self, items: Iterable[KnownFile]) -> None:
        ids = [item.id for item in items if not item.missing or item.left_out]
        if ids:
            self._images.mark_missing(ids)
            self._report.missing.extend(ids)
            self._on_commit()

    # ------------------------------------------------------------------------- reading

    def _inspected(
        self, readers: FileReaders, files: Sequence[FoundFile]
    ) -> Iterator[list[ScannedFile]]:
        batch: list[ScannedFile] = []
        began = time.monotonic()
        rounds: deque[_Round] = deque()
        at, stopped = 0, False
        while True:
            while at < len(files) and not stopped and self._is_room(rounds):
                if stopped := self._stop():
                    break
                groups = self._next_groups(files, at)
                count = sum(map(len, groups))
                if self._done >= FIRST_FILES:
                    # For each few files once, however many are read together: processes that read
                    # as fast as they can would take the processors from what is looked at.
                    for _few in range(0, count, 2 * WORKERS):
                        self._make_way()
                size = sum(file.size for group in groups for file in group)
                rounds.append(_Round(count, size, readers.begin(self._inspect_some, groups)))
                at += count
            if not rounds:
                break
            most = BATCH_FILES if self._done < FEW_FILES else LATER_BATCH_FILES
            if len(batch) >= most or time.monotonic() - began > BATCH_SECONDS:
                # Committed while the next are being read.
                yield batch
                batch, began = [], time.monotonic()
            read = rounds.popleft()
            batch += [file for found in read.results() for file in found if file is not None]
            self._done += read.files
            self._on_progress(SyncProgress(SyncPhase.READING, self._done, self._total))
        if batch:
            yield batch

    def _is_room(self, rounds: Sequence[_Round]) -> bool:
        """Whether to begin a further round: while the first ones are read one at a time, later
        there are enough to be read during a commit."""
        if not rounds:
            return True
        known = self._processes is not None and self._processes.ready
        small = sum(item.size for item in rounds) < LATER_ROUND_BYTES
        return known and small and self._done >= FEW_FILES and len(rounds) < LATER_ROUNDS

    def _next_groups(self, files: Sequence[FoundFile], at: int) -> list[Sequence[FoundFile]]:
        """The files from ``at`` on that are read next, in groups: few, so that a pause or a stop
        takes effect within a few files."""
        if self._processes is None or not self._processes.wait_until_ready():
            return [[file] for file in files[at : at + 2 * WORKERS]]
        most = GROUP_FILES if self._done < FEW_FILES else LATER_GROUP_FILES
        groups: list[Sequence[FoundFile]] = []
        for _number in range(WORKERS):
            group: list[FoundFile] = []
            size = 0
            while at < len(files) and len(group) < most and size < GROUP_BYTES:
                group.append(files[at])
                size += files[at].size
                at += 1
            if group:
                groups.append(group)
        return groups

    def _inspect_some(self, files: Sequence[FoundFile]) -> list[ScannedFile | None]:
        if self._processes is None or any(file.only_sidecars for file in files):
            return [self._inspect(file) for file in files]
        return self._processes.inspect(files)

    def _inspect(self, file: FoundFile) -> ScannedFile | None:
        if file.only_sidecars:
            return inspect_again(self._folder, file, self._known[file.path])
        return inspect_file(self._folder, file, sample=True)

    def _read_copied(self) -> None:
        """Read what has been copied for its hashes, as long as it is there: once it is gone, they
        say where its annotations go."""
        for folder_id, image_ids in self._copied.items():
            folder = self._folders.get(folder_id)
            only = sorted(image_ids - self._claimed)
            fill_hashes(self._images, folder, self._stop, only=only)
        if self._copied:
            self._copies.forget()
            self._unread_copies.forget()

    def _commit_same_picture(self, batch: Sequence[ScannedFile]) -> list[ScannedFile]:
        """Record files that changed but not their picture; return the others."""
        same: list[ScannedFile] = []
        other: list[ScannedFile] = []
        for file in batch:
            old = self._known[file.path]
            found = _same_photo(old, file)
            if found is None:
                other.append(file)
            else:
                same.append(found)
        self._here.update(self._known[file.path].id for file in same)
        ids = self._commit(same)
        for file, image_id in zip(same, ids, strict=True):
            old = self._known[file.path]
            back = old.missing or old.left_out
            (self._report.returned if back else self._report.changed).append(image_id)
        return other

    def _commit_new(self, batch: Sequence[ScannedFile]) -> None:
        batch, moved = self._moves(batch)
        ids = self._commit(batch, moved)
        for file, image_id in zip(batch, ids, strict=True):
            (self._report.moved if file.path in moved else self._report.new).append(image_id)

    def _resolve_changed(self, pending: Sequence[ScannedFile]) -> None:
        """Find out what happened to paths that have another picture now."""
        pending, moved = self._moves(pending)
        # An image without data of the user's simply has another picture now; but not if undo could
        # bring back annotations of the old one.
        ids = [self._known[file.path].id for file in pending if file.path not in moved]
        kept = self._images.with_user_data(ids)
        if left := [image_id for image_id in ids if image_id not in kept]:
            kept |= self._images.ever_annotated(left)
        displaced = {
            file.path
            for file in pending
            if file.path not in moved
            and self._known[file.path].id in kept
            and self._known[file.path].id not in self._claimed
        }
        ids = self._commit(pending, moved, displaced)
        for file, image_id in zip(pending, ids, strict=True):
            old = self._known[file.path]
            if file.path in moved:
                self._report.moved.append(image_id)
            elif image_id == old.id:
                self._report.changed.append(image_id)
            else:
                self._report.new.append(image_id)
            if old.id != image_id and old.id not in self._claimed:
                self._report.displaced.append(old.id)
                if not old.missing:
                    self._report.missing.append(old.id)

    def _moves(self, batch: Sequence[ScannedFile]) -> tuple[list[ScannedFile], dict[str, int]]:
        """Which files are images whose own place is empty or has another picture now.

        Returns:
            The files, and image ids by path.
        """
        unread, seen = self._unread_copies.of(file.sample for file in batch if file.sample)
        for item in seen:
            if not (item.missing or item.displaced):
                self._copied.setdefault(item.folder_id, set()).add(item.id)
        found, _seen = self._copies.of(file.picture_hash for file in batch if file.picture_hash)
        moves: dict[str, int] = {}
        files = {file.path: file for file in batch}
        known = [
            (file, kinds) for file in batch if (kinds := _of_same_picture(file, found, unread))
        ]
        # Of several files with one picture, one that kept its name comes first.
        for renamed in (False, True):
            for file, kinds in known:
                if file.path in moves:
                    continue
                best = self._best(file, kinds, renamed=renamed)
                if best is None:
                    continue
                moves[file.path] = best.id
                self._claimed.add(best.id)
                if not best.file_hash:
                    # All bytes are as they were, and so are thumbnail and feature.
                    files[file.path] = replace(file, fingerprint=file.sample)
        return list(files.values()), moves

    def _best(
        self, file: ScannedFile, kinds: Sequence[Copies], *, renamed: bool
    ) -> ImagePlace | None:
        """Which image a file is, of those with its picture."""
        own = self._known.get(file.path)
        own_id = own.id if own is not None else None
        name = None if renamed else file_name(file.path)
        found = [kind.best(file.file_hash, name, own_id) for kind in kinds]
        return best_of(found, file.file_hash)

    def _is_vacant(self, item: ImagePlace) -> bool:
        if item.id in self._claimed or item.id in self._here:
            return False
        if not self._reachable.get(item.folder_id, True):
            return False  # its disk is not connected: nothing is known of it
        if item.missing or item.displaced or item.folder_id != self._folder_id:
            return item.missing or item.displaced or not os.path.lexists(item.path)
        # Of this folder and not in its place; but in a folder that could not be listed it may
        # still be there.
        unlisted = [self._folder / path for path in self._unlisted()]
        if any(item.path.is_relative_to(folder) for folder in unlisted):
            return False
        # Outside the scope of this scan, or left out of it, ask the file system.
        inner = item.path.relative_to(self._folder).as_posix()
        looked_at = self._scope.covers(inner) and not self._is_ignored(inner)
        return looked_at or not os.path.lexists(item.path)

    def _unlisted(self) -> list[str]:
        """What could not be looked at: nothing below it is known to be gone."""
        problems = [problem.path for problem in self._report.problems if not problem.gone]
        return problems + self._not_followed

    def _commit(
        self,
        files: Sequence[ScannedFile],
        moved: Mapping[str, int] | None = None,
        displaced: Collection[str] = (),
    ) -> list[int]:
        if not files:
            return []
        ids = self._images.upsert(self._folder_id, files, moved, displaced, self._companions)
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
            **values,
            ignored=len(self._ignored),
            others=self._others,
            unchanged=self._unchanged,
            available=available,
            stopped=self._stopped,
        )


_LISTS = (
    "new", "changed", "moved", "returned", "missing", "displaced", "paired", "followed",
    "unreadable", "problems", "left_out",
)  # fmt: skip


def shared_text() -> str:
    """What giving verdicts to the other half of a pair is called in the undo menu."""
    return _("Verdicts of a raw file and its photo joined")


_ENTROPY_CODED = frozenset(
    f".{name}"
    for name in (
        *("jpg", "jpeg", "jpe", "jfif", "mpo", "webp"),
        *("avif", "avifs", "heic", "heics", "heif", "hif"),
        *("jp2", "j2k", "jpx", "jpf"),
    )
)
"""Formats in which a changed pixel changes all that follows."""


def _proves_same(file: ScannedFile) -> bool:
    """Whether an equal sample means that all bytes are equal: the sample was of the whole file, or
    its format does not allow a difference between head, middle and tail alone."""
    suffix = file.path[file.path.rfind(".") :].lower()
    return bool(file.sample) and (file.size <= WHOLE_BYTES or suffix in _ENTROPY_CODED)


def _of_same_picture(
    file: ScannedFile, found: Mapping[str, Copies], unread: Mapping[str, Copies]
) -> list[Copies]:
    """The images with the picture of a file: those that were read, and those that were not."""
    kinds = [found[file.picture_hash]] if file.picture_hash in found else []
    if file.sample in unread and _proves_same(file):
        kinds.append(unread[file.sample])
    return kinds


def _same_photo(old: KnownFile, file: ScannedFile) -> ScannedFile | None:
    """``file`` as it is to be recorded, if the image at this path is still the same photo."""
    if file.reason or not old.was_readable:
        # It cannot be read now, or never could be: there is no picture to compare.
        return file
    if file.picture_hash and file.picture_hash == old.picture_hash:
        return file
    if not old.picture_hash and _proves_same(file) and file.sample == old.fingerprint:
        return replace(file, fingerprint=old.fingerprint)
    return None
