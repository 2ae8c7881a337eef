"""What can go wrong with a catalogue; every message is a sentence for the user."""
# ruff: noqa: N818 - named after what happened, as docs/architecture.md has them

from __future__ import annotations

import errno
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from lmpt_desktop.catalogue.disk_access import NO_LOCKS, NO_SHARED_MEMORY, locks_work
from lmpt_desktop.domain.refusal import RefusedError
from lmpt_desktop.error_texts import reason_of
from lmpt_desktop.translation import N_, _

log = logging.getLogger(__name__)

_FULL = {sqlite3.SQLITE_FULL}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_UNWRITABLE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}
_DISK_FULL_ERRNOS = {errno.ENOSPC, errno.EDQUOT}


_UNOPENED = N_("its file could not be opened")
_SQLITE_REASONS = {
    sqlite3.SQLITE_READONLY: N_("its file or folder can only be read"),
    sqlite3.SQLITE_PERM: N_("permission is missing"),
}


class CatalogueError(Exception):
    """Base of everything the catalogue raises on purpose."""


class CatalogueLocked(CatalogueError):
    """Another process has the library open, or held it for longer than we wait."""


class CatalogueNewer(CatalogueError):
    """The catalogue was written by a newer version of the app."""


class CatalogueDamaged(CatalogueError):
    """The file is not a sound and complete catalogue.

    Attributes:
        library: its folder, where there are copies to restore or it may be repaired; None
            otherwise.
    """

    def __init__(self, message: str, library: Path | None = None) -> None:
        super().__init__(message)
        self.library = library


class CatalogueDiskFull(CatalogueError):
    """There is no room left on the disk."""


class CatalogueUnwritable(CatalogueError):
    """The library's folder or file cannot be written or opened."""


class CatalogueReadOnly(CatalogueError):
    """The disk has no locks: the library can be read there, but not changed."""


class NotInCatalogue(CatalogueError):
    """A change names an image, class, folder or batch that is not in the catalogue."""


class ClassNameTaken(CatalogueError, RefusedError):
    """Another class of the vocabulary has this name (upper and lower case are the same)."""


class ClassNameInvalid(CatalogueError, RefusedError):
    """The name is empty."""


class FolderOverlaps(CatalogueError, RefusedError):
    """A folder was relocated onto, into or around another folder of the library."""


def damaged(path: Path, detail: str = "") -> CatalogueDamaged:
    """The sentence for a damaged file, which names the backups beside it."""
    backups = path.parent / "backups"
    copies = list(backups.glob("*.sqlite"))
    found = f" ({detail})" if detail else ""
    advice = (
        _(
            "There are {count} backup copies in {backups}. Open the library in the app's window, "
            "which offers to restore one; nothing is deleted. By hand, move {name}, and {name}-wal "
            "and {name}-shm if they exist, to another place, and put a copy in its place."
        ).format(count=len(copies), backups=backups, name=path.name)
        if copies
        else _(
            "There is no backup copy yet. Restore the file from your own backups, or choose "
            "another library folder to start again."
        )
    )
    library = path.parent if copies else None
    return CatalogueDamaged(
        _("The catalogue {path} is damaged and was not opened{found}. {advice}").format(
            path=path, found=found, advice=advice
        ),
        library,
    )


@contextmanager
def translated(path: Path, *, locked: bool = True) -> Iterator[None]:
    """Turn the database's errors into :class:`CatalogueError`; see :func:`from_sqlite`."""
    try:
        yield
    except DBAPIError as error:
        original = error.orig
        if isinstance(original, sqlite3.Error):
            raise from_sqlite(original, path, locked=locked) from error
        raise
    except sqlite3.Error as error:
        raise from_sqlite(error, path, locked=locked) from error


def from_sqlite(error: sqlite3.Error, path: Path, *, locked: bool = True) -> Exception:
    """The catalogue's error for one of SQLite's; SQLite's own where it is a bug of ours.

    ``locked``: whether the catalogue is read under locks.  Without them another program may change
    it at the same time, which looks like damage.
    """
    log.info("%s: %s (%s)", path, error, getattr(error, "sqlite_errorname", ""))
    extended = getattr(error, "sqlite_errorcode", 0)
    code = extended & 0xFF
    meant: Exception = error
    if code in _DAMAGED and not locked:
        meant = read_only(path, NOT_STEADY)
    elif code in _FULL:
        meant = disk_full(path)
    elif extended in NO_SHARED_MEMORY:
        meant = no_shared_memory(path)
    elif extended in NO_LOCKS or (code in _BUSY and not locks_work(path.parent)):
        meant = read_only(path)
    elif code in _BUSY:
        meant = busy(path)
    elif code in _DAMAGED:
        meant = damaged(path, _("its pages are in disorder"))
    elif code in _UNWRITABLE:
        meant = unwritable(path, _no_handle() or _(_SQLITE_REASONS.get(code, _UNOPENED)))
    elif code == sqlite3.SQLITE_IOERR:
        meant = CatalogueUnwritable(
            _(
                "The disk that holds {path} reported an error, so the change was not saved. Check "
                "that the disk is connected and has free space."
            ).format(path=path)
        )
    elif code == sqlite3.SQLITE_CONSTRAINT and "FOREIGN KEY" in str(error):
        meant = NotInCatalogue(
            _(
                "The change names a photo or class that is not in this library, so nothing was "
                "saved. Scan the folders again."
            )
        )
    return meant


def _no_handle() -> str:
    """Why no file can be opened, where this process has no handle left; SQLite does not tell."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return reason_of(error)
    return ""


def busy(path: Path) -> CatalogueLocked:
    return CatalogueLocked(
        _(
            "Another program is busy writing to the library {library}, so this "
            "change was not saved. Try again in a moment."
        ).format(library=path.parent)
    )


def in_use_elsewhere(path: Path) -> CatalogueLocked:
    """The catalogue must be brought into another form, which takes it alone."""
    return CatalogueLocked(
        _(
            "The library {library} is open in another program or on another computer, in a way "
            "that cannot be shared with this one: from here its disk has no shared memory. Close "
            "it there first."
        ).format(library=path.parent)
    )


def no_shared_memory(path: Path) -> CatalogueUnwritable:
    """It was there when the library was opened, or another program has changed its form."""
    return CatalogueUnwritable(
        _(
            "The disk that holds {library} has no shared memory, as is the case for some network "
            "shares, so the change was not saved. Everything saved before is safe. Close the "
            "library and open it again; it is then used in a way that works there."
        ).format(library=path.parent)
    )


NOT_SAVED = N_(
    "The library is open for reading only, and the change was not saved. To work on it, move it "
    "to a disk of this computer, or have locks switched on for the share."
)
NOT_MADE = N_("Choose a folder on a disk of this computer for a new library.")
NOT_MIGRATED = N_(
    "The library is of an earlier version and must be brought up to date before it is read. Copy "
    "it to a disk of this computer and open it there."
)
NOT_FINISHED = N_(
    "The last change to the library was interrupted and must be completed before it is read. Copy "
    "its whole folder to a disk of this computer and open it there."
)
NOT_STEADY = N_(
    "It could not be read completely: perhaps another program is changing it at this moment. Close "
    "it there, and open it again here."
)


def read_only(path: Path, consequence: str = NOT_SAVED) -> CatalogueReadOnly:
    """``consequence``: one of the sentences above, not translated."""
    return CatalogueReadOnly(
        _(
            "The disk that holds {library} does not support file locks, without which two "
            "programs could destroy each other's changes. {consequence}"
        ).format(library=path.parent, consequence=_(consequence))
    )


def disk_full(path: Path) -> CatalogueDiskFull:
    return CatalogueDiskFull(
        _(
            "The disk that holds {library} is full, so the last change was not "
            "saved. Everything saved before is safe. Free some space and try again."
        ).format(library=path.parent)
    )


def unwritable(path: Path, detail: str) -> CatalogueUnwritable:
    return CatalogueUnwritable(
        _(
            "The library {library} cannot be opened for writing ({detail}). Check "
            "its permissions, or choose another library folder."
        ).format(library=path.parent, detail=detail)
    )


def library_gone(path: Path) -> CatalogueUnwritable:
    """Its folder was deleted, moved or replaced while it was open."""
    return CatalogueUnwritable(
        _(
            "The library {library} is no longer where it was opened: it was moved, deleted or "
            "replaced, so the change was not saved. Put its folder back, from the trash or a copy, "
            "and repeat the change; or close the library and open it where it is now."
        ).format(library=path.parent)
    )


def from_os(error: OSError, path: Path) -> CatalogueError:
    """The catalogue's error for one of the system's."""
    if error.errno in _DISK_FULL_ERRNOS:
        return disk_full(path)
    # Without what to do, which the sentence itself says.
    return unwritable(path, reason_of(error).partition(";")[0])
