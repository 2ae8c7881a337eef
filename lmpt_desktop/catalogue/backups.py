"""Copies of the catalogue: before every migration, and once a day.

Which copy is newer is told by a number in its name, never by its date alone: a clock that was once
ahead, or was reset, gives dates that are not in order.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lmpt_desktop.catalogue.contents import batches_made, is_whole, read_contents, reading
from lmpt_desktop.catalogue.kept_copies import (
    KEEP,
    BackupCopy,
    SoundCopy,
    beyond,
    kept,
    needed,
)
from lmpt_desktop.catalogue.stored_json import from_json
from lmpt_desktop.private_files import create_private, make_private_folders
from lmpt_desktop.settings import SPACE_FOR_COPIES
from trainer.temporary_files import temporary_name

log = logging.getLogger(__name__)

CATALOGUE_NAME = "catalogue.sqlite"
FOLDER = "backups"
DAILY = "daily"
MIGRATION = "migration"
RESTORE = "restore"
REPAIR = "repair"
REPAIRED = "repaired"
"""Kinds of copies: made once a day, before a migration, before another copy was restored, before
verdicts were repaired, and by repairing a damaged catalogue (:mod:`.repairing`)."""
GIGABYTE = 10**9
EVERY = timedelta(days=1)
BATCHES_BETWEEN = 1000
"""A daily copy is due after so many changes, whatever the clock says."""
_STAMP = "%Y%m%dT%H%M%S%f"
_NAME = re.compile(r"([a-z]+)-(\d{8}T\d{12})(?:-(\d{1,9}))?")


def _now() -> datetime:
    return datetime.now(UTC)


def parsed(path: Path) -> BackupCopy | None:
    """What the name of a copy says; None if it is not a name of ours."""
    found = _NAME.fullmatch(path.stem)
    if found is None or path.suffix != ".sqlite":
        return None
    try:
        made = datetime.strptime(found[2], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
    return BackupCopy(path, found[1], made, int(found[3] or 0))


def copies(library: Path, kind: str | None = None) -> list[BackupCopy]:
    """The copies that we made, oldest first, of one kind or of all.

    Those without a number come first, in the order of their dates; among these, dates that are
    still to come were given by a clock that was ahead, and count as the oldest.
    """
    now = _now()
    found = (parsed(path) for path in (library / FOLDER).glob("*.sqlite"))
    made = [copy for copy in found if copy is not None and kind in (None, copy.kind)]
    return sorted(made, key=lambda copy: (copy.number, copy.made <= now, copy.made, copy.path.name))


def existing(library: Path, kind: str | None = None) -> list[Path]:
    """Paths of the copies, oldest first; those that the user has named come before ours."""
    named = sorted((library / FOLDER).glob(f"{kind or '*'}-*.sqlite"))
    own = [path for path in named if parsed(path) is None]
    return own + [copy.path for copy in copies(library, kind)]


def any_copy(library: Path) -> bool:
    """Whether there is a copy at all, the user's own among them."""
    return any((library / FOLDER).glob("*.sqlite"))


def name_for(library: Path, kind: str) -> Path:
    """Where the next copy of this kind belongs."""
    number = 1 + max((copy.number for copy in copies(library)), default=0)
    return library / FOLDER / f"{kind}-{_now().strftime(_STAMP)}-{number:06d}.sqlite"


def back_up(catalogue: Path, kind: str) -> Path:
    """Copy ``catalogue`` to ``backups/`` and drop copies that newer ones stand for.

    SQLite's own backup: a consistent copy even while others write.  The copy gets its
    name once it is complete and on disk.

    Args:
        catalogue: the file to copy.
        kind: :data:`DAILY`, :data:`MIGRATION` or :data:`REPAIR`.

    Raises:
        sqlite3.Error: if the catalogue cannot be read or the copy not written.
        OSError: if the folder cannot be written.
    """
    if not catalogue.is_file():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(catalogue))
    make_private_folders(catalogue.parent, FOLDER)
    target = name_for(catalogue.parent, kind)
    partial = temporary_name(target)
    uri = f"{catalogue.absolute().as_uri()}?mode=rw"
    try:
        create_private(partial)
        with (
            # Not made anew if it goes at this moment.
            closing(sqlite3.connect(uri, uri=True, timeout=15.0)) as source,
            closing(sqlite3.connect(partial)) as copy,
        ):
            source.backup(copy)
            # One file that can be put in place of the catalogue: no WAL beside it.
            copy.execute("PRAGMA journal_mode = DELETE")
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    prune(catalogue.parent, kind)
    make_room(catalogue.parent)
    return target


def prune(library: Path, kind: str) -> None:
    """Delete the copies of a kind that :func:`.kept_copies.kept` leaves out.

    A copy that cannot be read stands for nothing and is left where it is.
    """
    found = copies(library, kind)
    if len(found) <= KEEP:
        return
    sound = _sound(found)
    keep = kept([item.copy for item in sound], [item.annotations for item in sound])
    for item in sound:
        if item.copy not in keep:
            _delete(item, "newer ones stand for it")


def make_room(library: Path) -> None:
    """Delete copies until they take no more than the library's setting allows, see
    :func:`space_taken`; a failure is logged, since the newest copy is there all the same."""
    try:
        for item in space_taken(library, space_allowed(library)).next_deleted:
            _delete(item, "the copies take more space than they may")
    except (OSError, sqlite3.Error):
        log.warning("the copies of %s may take too much space", library, exc_info=True)


@dataclass(frozen=True)
class CopySpace:
    """How much space the copies of a library take.

    Attributes:
        count, size: of those that the app has made, and their bytes.
        own, own_size: of those that the user has made or named, which are never deleted.
        limit: bytes that those of the app may take; 0 if there is no limit.
        next_deleted: those that would be deleted if a copy were made now, the first one first.
        needed_size: bytes of those that stay whatever they take; 0 if all of them may stay.
    """

    count: int
    size: int
    own: int
    own_size: int
    limit: int
    next_deleted: tuple[SoundCopy, ...] = ()
    needed_size: int = 0

    @property
    def exceeded(self) -> bool:
        """Whether those that must be kept take more than they may."""
        return 0 < self.limit < self.needed_size


def space_taken(library: Path, limit: int) -> CopySpace:
    """How much space the copies take, and which are too many.

    Those that cannot be read, and newest ones that are damaged, stand for nothing: they are not
    deleted, and none is deleted on their account.

    Args:
        limit: bytes; 0 for no limit.

    Raises:
        OSError: if the folder cannot be read.
    """
    found = copies(library)
    ours = {copy.path for copy in found}
    others = [path for path in (library / FOLDER).glob("*.sqlite") if path not in ours]
    sizes, own_sizes = ([_size(path) for path in paths] for paths in (ours, others))
    space = CopySpace(len(found), sum(sizes), len(others), sum(own_sizes), limit)
    if not limit or space.size <= limit:
        return space
    sound = _sound(found)
    # Only of the newest: what is deleted relies on it most, and reading it all takes a second.
    while sound and not is_whole(sound[-1].copy.path):
        log.warning("the copy %s is damaged", sound.pop().copy.path)
    stay = needed(sound)
    return replace(
        space,
        next_deleted=tuple(beyond(sound, limit)),
        needed_size=sum(item.size for item in sound if item.copy in stay),
    )


def space_allowed(library: Path) -> int:
    """How many bytes the copies may take by the library's setting; 0 for no limit, also where the
    catalogue cannot be read."""
    try:
        with reading(library / CATALOGUE_NAME, alone=False) as connection:
            stored = connection.execute(
                "SELECT value FROM settings WHERE key = ?", (SPACE_FOR_COPIES.key,)
            ).fetchone()
    except (OSError, sqlite3.Error) as error:
        log.info("the setting of %s cannot be read: %s", library, error)
        return 0
    value = None if stored is None else from_json(stored[0], int, None, where="a setting")
    return SPACE_FOR_COPIES.read(value) * GIGABYTE


def daily_due(library: Path) -> bool:
    """Whether the newest daily copy is not of the last day, or much was changed since."""
    made = copies(library, DAILY)
    if not made or not timedelta(0) <= _now() - made[-1].made < EVERY:
        return True
    try:
        # Fewer than in the copy, if an older one was restored since.
        since = batches_made(library / CATALOGUE_NAME) - batches_made(made[-1].path)
    except sqlite3.Error:
        return True
    return abs(since) >= BATCHES_BETWEEN


def back_up_daily(catalogue: Path) -> None:
    """Make the daily copy if due; a failure is logged, since it must not stop the work."""
    try:
        if daily_due(catalogue.parent):
            back_up(catalogue, DAILY)
    except (OSError, sqlite3.Error):
        log.warning("the daily backup of %s failed", catalogue, exc_info=True)


def _sound(found: Sequence[BackupCopy]) -> list[SoundCopy]:
    """Those copies that can be read."""
    sound: list[SoundCopy] = []
    for copy in found:
        try:
            held = read_contents(copy.path)
            sound.append(SoundCopy(copy, copy.path.stat().st_size, held.annotations))
        except (OSError, sqlite3.Error) as error:
            log.warning("the copy %s cannot be read: %s", copy.path, error)
    return sound


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # deleted by another process in between
        return 0


def _delete(item: SoundCopy, reason: str) -> None:
    log.info(
        "deleting the copy %s (%d bytes, %d annotations): %s",
        item.copy.path.name,
        item.size,
        item.annotations,
        reason,
    )
    item.copy.path.unlink(missing_ok=True)
