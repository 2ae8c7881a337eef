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
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lmpt_desktop.catalogue.contents import CopyContents, batches_made, read_contents
from lmpt_desktop.private_files import create_private, make_private_folders
from trainer.temporary_files import temporary_name

log = logging.getLogger(__name__)

CATALOGUE_NAME = "catalogue.sqlite"
FOLDER = "backups"
DAILY = "daily"
MIGRATION = "migration"
RESTORE = "restore"
REPAIRED = "repaired"
"""Kinds of copies: made once a day, before a migration, before another copy was restored, and by
repairing a damaged catalogue (:mod:`.repairing`)."""
EVERY = timedelta(days=1)
BATCHES_BETWEEN = 1000
"""A daily copy is due after so many changes, whatever the clock says."""
_STAMP = "%Y%m%dT%H%M%S%f"
_NAME = re.compile(r"([a-z]+)-(\d{8}T\d{12})(?:-(\d{1,9}))?")

KEEP = 5
"""The newest copies of each kind, which are kept whatever their dates."""
PERIODS: tuple[tuple[str, int, Callable[[datetime], object]], ...] = (
    ("day", 7, lambda made: made.date()),
    ("week", 8, lambda made: made.isocalendar()[:2]),
    ("month", 12, lambda made: (made.year, made.month)),
)
"""Of how many days, weeks and months the newest copy is kept, and which of them a date is in."""
CLEARLY_FEWER = 0.9
"""A copy with less than this share of another's annotations does not stand for it."""


@dataclass(frozen=True)
class BackupCopy:
    """A copy that we made, by its name.

    ``number`` rises from copy to copy; copies of earlier versions of the app have none (0).
    """

    path: Path
    kind: str
    made: datetime
    number: int


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
        kind: :data:`DAILY`, :data:`MIGRATION` or :data:`RESTORE`.

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
    return target


def prune(library: Path, kind: str) -> None:
    """Delete the copies of a kind that :func:`kept` leaves out.

    A copy that cannot be read stands for nothing and is left where it is.
    """
    found = copies(library, kind)
    if len(found) <= KEEP:
        return
    read = [(copy, _contents(copy.path)) for copy in found]
    sound = [(copy, contents) for copy, contents in read if contents is not None]
    keep = kept([copy for copy, _ in sound], [contents.annotations for _, contents in sound])
    for copy, _contents_of in sound:
        if copy not in keep:
            copy.path.unlink(missing_ok=True)


def kept(found: Sequence[BackupCopy], annotations: Sequence[int]) -> set[BackupCopy]:
    """Which copies of one kind are kept.

    Those are the newest :data:`KEEP`; the newest of each of the last days, weeks and months that
    have one (:data:`PERIODS`); the newest of those with the most annotations; and every copy that
    all newer ones have clearly fewer annotations than.  Nothing depends on what time it is now.

    Args:
        found: the copies, oldest first.
        annotations: how many annotations each of them has.
    """
    newest = list(zip(found, annotations, strict=True))[::-1]
    keep = {copy for copy, _count in newest[:KEEP]}
    for _name, most, period in PERIODS:
        seen: set[object] = set()
        for copy, _count in newest:
            if len(seen) < most and (at := period(copy.made)) not in seen:
                seen.add(at)
                keep.add(copy)
    most_since = 0
    for copy, count in newest:
        if most_since < CLEARLY_FEWER * count:
            keep.add(copy)
        most_since = max(most_since, count)
    # By itself, since many small steps down are never one that is clear.
    return keep | {max(newest, key=lambda item: item[1])[0]} if newest else keep


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


def _contents(copy: Path) -> CopyContents | None:
    try:
        return read_contents(copy)
    except (OSError, sqlite3.Error) as error:
        log.warning("the copy %s cannot be read: %s", copy, error)
        return None
