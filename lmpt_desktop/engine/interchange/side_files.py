"""The XMP side files of a library's photos: previewed, written, taken back, kept up to date
(Qt-free).

Nothing is written that was not previewed.  A side file that changed since its preview is left
alone, and so is whatever other programs wrote: the catalogue remembers what we added, and only
that is ever removed.

Only what people said is written: a keyword does not tell who gave it, so that what a machine said
would look like a person's word.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

import numpy as np

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.errors import CatalogueError
from lmpt_desktop.catalogue.records import ImageIds
from lmpt_desktop.catalogue.side_files import SideFilePlace, SideFileRecord
from lmpt_desktop.domain.records import Source, Verdict
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.interchange.left_side_files import left_side_files
from lmpt_desktop.engine.interchange.photo_files import PhotoFiles
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.error_texts import reason_of
from lmpt_desktop.interchange.atomic_file import atomic_write_bytes, create_bytes
from lmpt_desktop.interchange.errors import Cancelled, InterchangeError
from lmpt_desktop.interchange.xmp.embedded import embedded_keywords
from lmpt_desktop.interchange.xmp.keywords import Keywords, key_of, keyword_of
from lmpt_desktop.interchange.xmp.side_files import (
    FolderNames,
    Naming,
    OurPart,
    SideFilePlan,
    digest,
    existing_side_files,
    keywords_from_stored,
    keywords_in,
    photos_of,
    plan_side_file,
    read_side_file,
    side_file_of,
    stored_keywords,
)
from lmpt_desktop.interchange.xmp.splice import Edit
from lmpt_desktop.translation import _
from trainer import checked_json
from trainer.checked_json import Count, JsonError, Limits
from trainer.temporary_files import sweep

log = logging.getLogger(__name__)

BACKUP_FOLDER = "side files before"
"""In the library: copies of other programs' side files, made before we touched them."""
BATCH = 64
"""Side files that are written between two notes in the catalogue."""

Progress = Callable[[int, int], None]
Verdicts = tuple[tuple[str, ...], tuple[str, ...]]
"""Keywords of the classes that a photo has, and of those that it does not have, as people said."""


_MACHINE = tuple(Source).index(Source.MACHINE)


OWN_CHANGE_SECONDS = 10.0
"""How long after a write of ours a change of the file is taken for it; one by another program is
found by the next scan."""


def _no_progress(_done: int, _total: int) -> None:
    pass


def _never() -> bool:
    return False


class SideFileStatus(StrEnum):
    """What becomes of a side file."""

    NEW = "new"
    CHANGE = "change"
    DELETE = "delete"
    """We made it, and nothing is left to say in it."""
    SAME = "same"
    BLOCKED = "blocked"
    """It is left alone, for a reason."""


@dataclass(frozen=True, slots=True)
class SideFileChange:
    """What is to become of one photo's side file.

    Attributes:
        image_id, photo: the photo.
        path: of the side file.
        status: what becomes of it.
        reason: why it is blocked, a sentence; else "".
        added, removed: keywords that it gains or loses.
        absent_added, absent_removed: classes that it calls absent, or no longer does.
        foreign: whether another program wrote it, or to it.
        contradicted: keywords of other programs that the library calls absent; they stay.
        present, absent: what the library says, as keywords.
        embedded: keywords of the photo itself, and of its side file of the other naming.
        seen: identifies the content that the preview saw.
    """

    image_id: int
    photo: Path
    path: Path
    status: SideFileStatus
    reason: str = ""
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    absent_added: tuple[str, ...] = ()
    absent_removed: tuple[str, ...] = ()
    foreign: bool = False
    contradicted: tuple[str, ...] = ()
    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    embedded: Keywords = Keywords()  # noqa: RUF009 (frozen)
    seen: str = ""


@dataclass(frozen=True)
class SideFilePreview:
    """What writing would change; one row per photo, in the order of the library."""

    naming: Naming
    changes: tuple[SideFileChange, ...]

    def counts(self) -> dict[SideFileStatus, int]:
        """How many side files there are of each status."""
        return dict(Counter(item.status for item in self.changes))

    @property
    def foreign(self) -> int:
        """How many side files of other programs would be changed."""
        return sum(item.foreign and item.status is SideFileStatus.CHANGE for item in self.changes)


@dataclass(frozen=True)
class SideFileReport:
    """What was done.

    Attributes:
        written: side files made or changed.
        deleted: those of ours that had nothing left to say.
        same: those that were right already.
        skipped: (photo, reason) of those left alone, in order; reasons are sentences.
        copied: how many side files of other programs were copied first.
        copies: where the copies are.
        cancelled: whether the user stopped it; what was written by then stays.
    """

    written: int = 0
    deleted: int = 0
    same: int = 0
    skipped: tuple[tuple[Path, str], ...] = ()
    copied: int = 0
    copies: Path = field(default_factory=Path)
    cancelled: bool = False


class _Shared:
    """Keeps one of each equal tuple: many reviewed photos lack the same hundreds of classes."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], tuple[str, ...]] = {}

    def change(self, change: SideFileChange) -> SideFileChange:
        one = self._one
        return replace(
            change,
            present=one(change.present),
            absent=one(change.absent),
            added=one(change.added),
            removed=one(change.removed),
            absent_added=one(change.absent_added),
            absent_removed=one(change.absent_removed),
        )

    def _one(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return self._known.setdefault(names, names)


class SideFiles:
    """Writes the annotations of one library beside its photos, which it never opens for writing."""

    def __init__(self, catalogue: Catalogue, state: LibraryState) -> None:
        self._catalogue = catalogue
        self._state = state
        self._writing = threading.Lock()
        self._written_at: dict[str, float] = {}

    def has_just_written(self, path: str) -> bool:
        """Whether a change of the side file at ``path`` is our own: nothing is read from it that is
        not known."""
        at = self._written_at.get(path)
        return at is not None and time.monotonic() - at < OWN_CHANGE_SECONDS

    def _note_write(self, path: Path) -> None:
        """Before the file is written, so that the system tells of it afterwards."""
        now = time.monotonic()
        for known, at in list(self._written_at.items()):
            if now - at >= OWN_CHANGE_SECONDS:
                self._written_at.pop(known, None)
        self._written_at[os.fspath(path)] = now

    # ------------------------------------------------------------------------- preview

    def preview(
        self,
        image_ids: ImageIds | None = None,
        naming: Naming | str = Naming.WITH_SUFFIX,
        *,
        absent: bool = True,
        progress: Progress = _no_progress,
        cancelled: Callable[[], bool] = _never,
    ) -> SideFilePreview:
        """What writing the annotations would change.  Reads the photos and their side files.

        Args:
            image_ids: the photos; None: all that are annotated, and all whose side files we have
                written.
            naming: how side files are called.
            absent: whether absent verdicts are written, too.
            progress: called with photos done and photos in all.
            cancelled: asked before each photo.

        Raises:
            Cancelled: if the user cancelled.
            CatalogueError: with a sentence.
        """
        naming = Naming(naming)
        snapshot = self._state.snapshot
        recorded = self._catalogue.side_files.places(naming)
        if image_ids is None:
            known = snapshot.annotations >= 0 if absent else snapshot.annotations == 1
            ids = snapshot.image_ids[known.any(axis=1)]
            ids = np.union1d(ids, np.array([place.image_id for place in recorded], np.int64))
        else:
            ids = np.asarray(image_ids, np.int64)
        only = None if image_ids is None else ids.tolist()
        files = PhotoFiles.of(self._catalogue, snapshot, only)
        # Those that are missing and not annotated are there only for what we wrote.
        listed = [
            image_id
            for image_id in each_file(ids.tolist(), naming, files)
            if files.is_there(snapshot, image_id)
            or (
                (row := snapshot.row_of.get(image_id)) is not None
                and (snapshot.annotations[row] >= 0).any()
            )
        ]
        return self._preview(
            listed,
            self._left(naming, None if image_ids is None else set(ids.tolist())),
            naming,
            files,
            lambda part: self.verdicts(snapshot, part, absent, files),
            progress=progress,
            cancelled=cancelled,
        )

    def preview_removal(
        self,
        image_ids: ImageIds | None = None,
        naming: Naming | str = Naming.WITH_SUFFIX,
        *,
        progress: Progress = _no_progress,
        cancelled: Callable[[], bool] = _never,
    ) -> SideFilePreview:
        """What taking back all that we wrote would change.

        Args:
            image_ids: the photos; None: all whose side files we have written.
            naming, progress, cancelled: as of :meth:`preview`.

        Raises:
            Cancelled, CatalogueError: as :meth:`preview`.
        """
        naming = Naming(naming)
        snapshot = self._state.snapshot
        requested = None if image_ids is None else set(np.asarray(image_ids, np.int64).tolist())
        files = PhotoFiles.of(self._catalogue, snapshot)
        recorded = dict.fromkeys(
            place.image_id
            for place in self._catalogue.side_files.places(naming)
            if (requested is None or files.photo_of(place.image_id) in requested)
            and files.is_there(snapshot, place.image_id)
        )
        return self._preview(
            list(recorded),
            self._left(naming, requested),
            naming,
            files,
            lambda _part: {},
            progress=progress,
            cancelled=cancelled,
        )

    def _left(self, naming: Naming, requested: set[int] | None) -> list[SideFilePlace]:
        left = left_side_files(self._catalogue, self._state.snapshot, naming)
        return [place for place in left if requested is None or place.image_id in requested]

    def _preview(
        self,
        image_ids: Sequence[int],
        left: Sequence[SideFilePlace],
        naming: Naming,
        files: PhotoFiles,
        verdicts: Callable[[Sequence[int]], Mapping[int, Verdicts]],
        *,
        progress: Progress,
        cancelled: Callable[[], bool],
    ) -> SideFilePreview:
        """Look at photos, and at side files ``left`` where their photo is no more."""
        names = FolderNames()
        snapshot = self._state.snapshot
        shared = _Shared()
        changes: list[SideFileChange] = []
        total = len(image_ids) + len(left)
        for start in range(0, len(image_ids), BATCH):
            part = image_ids[start : start + BATCH]
            photos = self._catalogue.images.paths(part)
            said = verdicts(part)
            for image_id, photo in zip(part, photos, strict=True):
                if cancelled():
                    raise Cancelled(_("The export was cancelled."))
                present, absent = said.get(image_id, ((), ()))
                change = SideFileChange(
                    image_id, photo, photo, SideFileStatus.BLOCKED, present=present, absent=absent
                )
                if files.is_there(snapshot, image_id):
                    together = files.together(image_id)
                    change = self._beside_photo(change, naming, names, together)
                else:
                    change = replace(change, reason=_("The photo is missing."))
                changes.append(shared.change(change))
                progress(len(changes), total)
        looked_at = {change.path for change in changes}
        for number, place in enumerate(left, len(image_ids) + 1):
            if cancelled():
                raise Cancelled(_("The export was cancelled."))
            if place.path not in looked_at:
                [photo] = self._catalogue.images.paths([place.image_id])
                change = SideFileChange(place.image_id, photo, place.path, SideFileStatus.BLOCKED)
                change = self._left_behind(change, names)
                if change.status is not SideFileStatus.SAME:
                    changes.append(change)
            progress(number, total)
        return SideFilePreview(naming, tuple(changes))

    def _beside_photo(
        self,
        change: SideFileChange,
        naming: Naming,
        names: FolderNames,
        together: Collection[str],
    ) -> SideFileChange:
        """The change, after a look at the photo and its side file."""
        try:
            change = replace(change, path=side_file_of(change.photo, naming, names, together))
        except InterchangeError as error:
            return replace(change, reason=str(error))
        return self._examined(change, names, together)

    def _left_behind(self, change: SideFileChange, names: FolderNames) -> SideFileChange:
        """The change, after a look at a side file whose photo is not there."""
        examined = self._examined(change, names)
        if examined.status in (SideFileStatus.SAME, SideFileStatus.BLOCKED):
            return examined
        record = self._catalogue.side_files.at([change.path]).get(change.path)
        if not is_ours(examined.seen, record) and photos_of(change.path, names):
            # Its keywords may be those of the picture beside it.
            reason = _("{path} was written for another picture, and another program changed it.")
            return replace(change, reason=reason.format(path=change.path))
        return examined

    def _examined(
        self, change: SideFileChange, names: FolderNames, together: Collection[str] = ()
    ) -> SideFileChange:
        """The change, after a look at the side file and, where needed, at the photo."""
        path = change.path
        try:
            found = read_side_file(path)
            raw = found[0] if found else None
            record = self.known(change.image_id, path, digest(raw))
            if not change.present and not change.absent and record is None:
                return replace(change, status=SideFileStatus.SAME)
            needs_photo = change.present or change.absent
            embedded = self._elsewhere(change, names, together) if needs_photo else Keywords()
        except InterchangeError as error:
            return replace(change, reason=str(error))
        try:
            made = plan_side_file(raw, _written(record), embedded, change.present, change.absent)
        except InterchangeError as error:
            return replace(change, reason=f"{path.name}: {error}")
        status = _status(raw, made)
        if status is not SideFileStatus.SAME and not os.access(path.parent, os.W_OK):
            reason = _("{folder} is read-only.").format(folder=path.parent)
            return replace(change, reason=reason)
        before, after = made.before, made.after
        return replace(
            change,
            status=status,
            added=_lacking(after.flat, before.flat),
            removed=_lacking(before.flat, after.flat),
            absent_added=_lacking(after.absent, before.absent),
            absent_removed=_lacking(before.absent, after.absent),
            foreign=made.foreign,
            contradicted=made.contradicted,
            embedded=embedded,
            seen=digest(raw),
        )

    def _elsewhere(
        self, change: SideFileChange, names: FolderNames, together: Collection[str]
    ) -> Keywords:
        """Keywords of other programs in the photo, and in its side file of the other naming: some
        programs read one of the two, and nothing else then."""
        found = embedded_keywords(change.photo)
        for path in existing_side_files(change.photo, names, together):
            if path == change.path:
                continue
            try:
                raw, _mode = read_side_file(path) or (None, None)
                there = keywords_in(raw)
            except InterchangeError as error:
                log.debug("a side file of the other naming is left out: %s", error)
                continue
            ours = _written(self.known(change.image_id, path, digest(raw)))
            found = found.and_those_of(there if ours is None else there.without(ours.names))
        return found

    def known(self, image_id: int, path: Path, seen: str) -> SideFileRecord | None:
        """What we wrote into a side file of this photo; ``seen``: the digest of what is in it.

        One that was copied or moved with its photo is known by its content, which is exactly what
        we wrote beside the other photo.
        """
        stored = self._catalogue.side_files
        record = stored.at([path]).get(path)
        if not seen or is_ours(seen, record):
            return record
        moved = [
            item
            for item in stored.of([image_id])
            if item.path != path and not os.path.lexists(item.path)
        ]
        for item in moved:
            if is_ours(seen, item):
                return item
        if (copied := stored.with_digest(seen)) is not None:
            return copied
        if record is not None:
            # What we wrote for another photo may have gone with that one.
            return record if record.image_id == image_id else None
        return moved[0] if moved else None

    # ------------------------------------------------------------------------- writing

    def write(
        self,
        preview: SideFilePreview,
        *,
        progress: Progress = _no_progress,
        cancelled: Callable[[], bool] = _never,
    ) -> SideFileReport:
        """Do what a preview says, except where a side file has changed since.

        A side file that cannot be written is skipped, with a reason, and the rest goes on.

        Args:
            preview: of :meth:`preview` or :meth:`preview_removal`.
            progress: called with side files done and side files in all.
            cancelled: asked now and then.

        Raises:
            CatalogueError: with a sentence; side files of the last few photos may be written then.
        """
        skipped = [
            (item.photo, item.reason)
            for item in preview.changes
            if item.status is SideFileStatus.BLOCKED
        ]
        same = sum(item.status is SideFileStatus.SAME for item in preview.changes)
        settled = (SideFileStatus.SAME, SideFileStatus.BLOCKED)
        todo = [item for item in preview.changes if item.status not in settled]
        counts: Counter[str] = Counter()
        stopped = False
        with self._writing:
            if todo:
                # Raises where nothing can be noted, before a file is touched.
                with self._catalogue.transaction():
                    pass
                copies = self._catalogue.library_folder / BACKUP_FOLDER
                sweep(*{item.path.parent for item in todo})
                sweep(*{copies.joinpath(*self._copy_folders(item)) for item in todo})
            for start in range(0, len(todo), BATCH):
                if stopped := cancelled():
                    break
                self._write_batch(todo[start : start + BATCH], preview.naming, counts, skipped)
                progress(min(start + BATCH, len(todo)), len(todo))
        return SideFileReport(
            counts["written"],
            counts["deleted"],
            same,
            tuple(skipped),
            counts["copied"],
            self._catalogue.library_folder / BACKUP_FOLDER,
            stopped,
        )

    def remove(
        self,
        image_ids: ImageIds | None = None,
        naming: Naming | str = Naming.WITH_SUFFIX,
        *,
        progress: Progress = _no_progress,
        cancelled: Callable[[], bool] = _never,
    ) -> SideFileReport:
        """Take back all that we wrote, and nothing else.  Arguments and errors as of
        :meth:`preview_removal`."""
        preview = self.preview_removal(image_ids, naming, cancelled=cancelled)
        return self.write(preview, progress=progress, cancelled=cancelled)

    def _write_batch(
        self,
        changes: Sequence[SideFileChange],
        naming: Naming,
        counts: Counter[str],
        skipped: list[tuple[Path, str]],
    ) -> None:
        stored = self._catalogue.side_files
        records = stored.at([item.path for item in changes])
        planned: list[tuple[SideFileChange, SideFilePlan, int | None, SideFileRecord | None]] = []
        for item in changes:
            try:
                raw, mode = _read_as_seen(item)
                record = self.known(item.image_id, item.path, item.seen)
                made = plan_side_file(
                    raw, _written(record), item.embedded, item.present, item.absent
                )
                if raw is not None and not is_ours(item.seen, record):
                    self._copy(item, raw)
                    counts["copied"] += 1
                planned.append((item, made, mode, record))
            except InterchangeError as error:
                skipped.append((item.photo, str(error)))
        # Noted before anything is written: if this process is killed, it is still known what in
        # the file is ours.
        stored.put(
            [
                _record(item, naming, made.written, record)
                for item, made, _mode, record in planned
                if made.written is not None
            ]
        )
        done: list[SideFileRecord] = []
        gone: list[Path] = []
        for item, made, mode, record in planned:
            old = records.get(item.path)
            self._note_write(item.path)
            try:
                _put(item, made.new, mode)
            except InterchangeError as error:
                skipped.append((item.photo, str(error)))
                if old is None:
                    gone.append(item.path)
                else:
                    done.append(old)
                continue
            counts["deleted" if made.new is None else "written"] += 1
            if made.written is None:
                gone.append(item.path)
            else:
                new = _record(item, naming, made.written, None)
                done.append(new._replace(verdicts=verdicts_digest((item.present, item.absent))))
            if record is not None and record.path != item.path and not os.path.lexists(record.path):
                # It was moved here with its photo.
                gone.append(record.path)
        stored.put(done)
        stored.forget(gone)

    def _copy_folders(self, item: SideFileChange) -> tuple[str, ...]:
        """Where its copy is, within the folder of copies."""
        snapshot = self._state.snapshot
        row = snapshot.row_of.get(item.image_id)
        folder = "other" if row is None else str(snapshot.folder_ids[row])
        inner = Path(item.photo.name if row is None else snapshot.names[row]).parent
        return (folder, *inner.parts)

    def _copy(self, item: SideFileChange, raw: bytes) -> None:
        """Keep a side file of another program as it is before we touch it."""
        try:
            place = self._catalogue.make_folder(BACKUP_FOLDER, *self._copy_folders(item))
            path, number = place / item.path.name, 1
            while path.exists():
                if path.stat().st_size == len(raw) and path.read_bytes() == raw:
                    return
                number += 1
                path = place / f"{item.path.name}.{number}"
            atomic_write_bytes(path, raw)
        except (OSError, CatalogueError) as error:
            raise InterchangeError(
                _("{path} could not be copied first: {reason}.").format(
                    path=item.path, reason=reason_of(error)
                )
            ) from error

    def verdicts(
        self,
        snapshot: Snapshot,
        image_ids: Sequence[int],
        absent: bool,
        files: PhotoFiles | None = None,
    ) -> dict[int, Verdicts]:
        """What people said of some photos; ``absent``: also what these do not have.  What was said
        of a photo is said of all its ``files``."""
        files = files or PhotoFiles()
        photos = list(dict.fromkeys(map(files.photo_of, image_ids)))
        found = self._verdicts(snapshot, photos, absent)
        return {image_id: found[files.photo_of(image_id)] for image_id in image_ids}

    def _verdicts(
        self, snapshot: Snapshot, image_ids: Sequence[int], absent: bool
    ) -> dict[int, Verdicts]:
        keywords = [keyword_of(entry.name) for entry in snapshot.classes]
        sources = self._catalogue.annotations.sources(image_ids, snapshot.class_ids)
        found: dict[int, Verdicts] = {}
        for image_id, by_class in zip(image_ids, sources, strict=True):
            row = snapshot.row_of.get(image_id)
            if row is None:
                found[image_id] = ((), ())
                continue
            said = np.where(by_class == _MACHINE, Verdict.UNKNOWN, snapshot.annotations[row])
            present = _named(keywords, said == Verdict.PRESENT)
            found[image_id] = present, _named(keywords, said == Verdict.ABSENT) if absent else ()
        return found


def each_file(image_ids: Sequence[int], naming: Naming, files: PhotoFiles) -> list[int]:
    """Which images have a side file of their own: where its name has the photo's suffix, every file
    of a photo, else the photo."""
    if naming is Naming.WITH_SUFFIX:
        return files.with_companions(image_ids)
    return list(dict.fromkeys(map(files.photo_of, image_ids)))


def is_ours(seen: str, record: SideFileRecord | None) -> bool:
    """Whether a side file with this digest is as we wrote it, or as it was right before."""
    return record is not None and seen in (record.digest, record.base_digest)


def verdicts_digest(verdicts: Verdicts) -> str:
    """What a record remembers of the verdicts that its side file says."""
    return digest(json.dumps(verdicts).encode())


def _named(keywords: Sequence[str], chosen: np.ndarray) -> tuple[str, ...]:
    return tuple(keywords[i] for i in np.flatnonzero(chosen).tolist() if keywords[i])


def _status(raw: bytes | None, made: SideFilePlan) -> SideFileStatus:
    if made.new == raw:
        return SideFileStatus.SAME
    if made.new is None:
        return SideFileStatus.DELETE
    return SideFileStatus.NEW if raw is None else SideFileStatus.CHANGE


def _lacking(names: Sequence[str], there: Sequence[str]) -> tuple[str, ...]:
    known = set(map(key_of, there))
    return tuple(name for name in names if key_of(name) not in known)


def _read_as_seen(item: SideFileChange) -> tuple[bytes | None, int | None]:
    """The side file and its permissions.

    Raises:
        InterchangeError: with a sentence, if it is not what the preview saw.
    """
    raw, mode = read_side_file(item.path) or (None, None)
    if digest(raw) != item.seen:
        raise _changed(item.path)
    return raw, mode


def _changed(path: Path) -> InterchangeError:
    return InterchangeError(_("{path} has changed since the preview.").format(path=path))


def _put(item: SideFileChange, data: bytes | None, mode: int | None) -> None:
    """Make, replace or delete a side file, unless it is not what the preview saw.

    Raises:
        InterchangeError: with a sentence.
    """
    try:
        if data is None:
            _read_as_seen(item)
            item.path.unlink(missing_ok=True)
        elif not item.seen:
            create_bytes(item.path, data)
        else:

            def look() -> None:
                _read_as_seen(item)

            # Noting what is written, and writing the files before, takes a while.
            atomic_write_bytes(item.path, data, mode=mode, last_look=look)
    except FileExistsError as error:
        raise _changed(item.path) from error
    except OSError as error:
        raise InterchangeError(
            _("{path} cannot be written: {reason}.").format(path=item.path, reason=reason_of(error))
        ) from error


def _written(record: SideFileRecord | None) -> OurPart | None:
    if record is None:
        return None
    try:
        back = tuple(
            Edit(start, stop, text.encode())
            for start, stop, text in checked_json.to_type(
                checked_json.parse(record.back, Limits()), list[tuple[Count, Count, str]]
            )
        )
        names = keywords_from_stored(checked_json.parse(record.names, Limits()))
    except JsonError:
        log.warning("what was written to %r is not known any more", record.path)
        back, names = (), {}
    return OurPart(record.digest, record.base_digest, back, names)


def _record(
    item: SideFileChange, naming: Naming, written: OurPart, before: SideFileRecord | None
) -> SideFileRecord:
    """What to remember; with ``before``, also what the file may still hold from then."""
    names = {which: list(keywords) for which, keywords in written.names.items()}
    if (old := _written(before)) is not None:
        for which, keywords in old.names.items():
            names[which] = list(dict.fromkeys((*names.get(which, ()), *keywords)))
    return SideFileRecord(
        item.image_id,
        naming,
        item.path,
        written.digest,
        written.base_digest,
        json.dumps([(edit.start, edit.stop, edit.new.decode()) for edit in written.back]),
        json.dumps(stored_keywords(names), ensure_ascii=False),
    )
