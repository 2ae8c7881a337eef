"""What the user is told of errors that are not ours: of the system, and of the database.

The raw text of such an error says nothing to most people; it goes to the log.
"""

from __future__ import annotations

import errno
import os
import sqlite3

from lmpt_desktop.translation import N_, _
from trainer.temporary_files import SUFFIX

_FULL = N_("the disk is full; free some space there, or choose another place, and try again")
_READ_ONLY = N_("the disk can only be read; choose another place, or make it writable")
_FORBIDDEN = N_(
    "permission is missing; change the permissions of the file and its folder, close other "
    "programs that have it open, or choose another place"
)
_NAME = N_("its name cannot be used on this disk; choose another name")
_LONG = N_("its name or path is too long; choose a shorter one")
_FAILING = N_(
    "the disk reports an error; check that it is connected and not failing, and try again"
)
_HANDLES = N_(
    "too many files are open; close other programs, or close this one and start it again, and try "
    "again"
)
_GONE = N_("it, or its folder, is not there any more")
_BUSY = N_("another program is using it; close it there and try again")
_MEMORY = N_("there is not enough memory; close other programs and try again")

_REASONS = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: N_("your share of the disk is used up; delete something there, and try again"),
    errno.EFBIG: N_("it is too large for this disk; choose a place on another one"),
    errno.EROFS: _READ_ONLY,
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.ENAMETOOLONG: _LONG,
    errno.EILSEQ: _NAME,
    errno.EINVAL: _NAME,
    errno.EIO: _FAILING,
    errno.ENXIO: _FAILING,
    errno.ENODEV: _FAILING,
    errno.ESTALE: _FAILING,
    errno.ETIMEDOUT: _FAILING,
    errno.ENOTCONN: _FAILING,
    errno.EMFILE: _HANDLES,
    errno.ENFILE: _HANDLES,
    errno.ENOENT: _GONE,
    errno.ENOTDIR: _GONE,
    errno.EEXIST: N_("something of this name is there already; choose another name"),
    errno.ENOTEMPTY: N_("the folder there is not empty; choose another one"),
    errno.EISDIR: N_("a folder has this name; choose another name"),
    errno.EBUSY: _BUSY,
    errno.ETXTBSY: _BUSY,
    errno.ENOMEM: _MEMORY,
}
_SQLITE_REASONS = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_PERM: _FORBIDDEN,
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_IOERR: _FAILING,
    sqlite3.SQLITE_NOMEM: _MEMORY,
}
UNEXPECTED = N_("Something unexpected happened; the log has the details.")
DATABASE = N_(
    "The library's file could not be read or changed because of an unexpected problem; the log has "
    "the details. What was saved before is not affected. Try Verify library."
)


def reason_of(error: BaseException) -> str:
    """Why something failed and what to do, as the end of a sentence that has no full stop yet.

    What is not of the system has its own text.
    """
    if isinstance(error, MemoryError):
        return _(_MEMORY)
    if not isinstance(error, OSError) or error.errno is None:
        return str(error).rstrip(".") or _(UNEXPECTED).rstrip(".")
    if (known := _REASONS.get(error.errno)) is not None:
        # A refusal of ours has a reason in its place: see interchange/atomic_file.py.
        ours = error.strerror and error.strerror != os.strerror(error.errno)
        return str(error.strerror) if ours and error.errno == errno.EPERM else _(known)
    return _("the system says “{text}”").format(text=error.strerror or type(error).__name__)


def message_of(error: object) -> str:
    """A sentence about an error for the user: its own text, unless that is the system's or the
    database's."""
    if isinstance(error, OSError) and error.errno is not None:
        given = error.filename2 or error.filename
        name = os.fsdecode(given) if isinstance(given, str | bytes) and given else ""
        if name.endswith(SUFFIX):
            name = os.path.dirname(name)  # noqa: PTH120 - a temporary file's name helps nobody
        if not name:
            return _("A file or folder could not be used: {reason}.").format(
                reason=reason_of(error)
            )
        return _("“{name}” could not be used: {reason}.").format(
            name=os.path.basename(name) or name,  # noqa: PTH119
            reason=reason_of(error),
        )
    if isinstance(error, MemoryError):
        return _("There is not enough memory. Close other programs and try again.")
    if _is_of_database(error):
        code = getattr(getattr(error, "orig", error), "sqlite_errorcode", 0) & 0xFF
        if (known := _SQLITE_REASONS.get(code)) is None:
            return _(DATABASE)
        return _("The library's file could not be used: {reason}.").format(reason=_(known))
    return str(error) or _(UNEXPECTED)


def _is_of_database(error: object) -> bool:
    # SQLAlchemy is not imported for this: where it has raised, it is there.
    raised_by = type(error).__module__.partition(".")[0]
    raw = isinstance(error, sqlite3.Error) and hasattr(error, "sqlite_errorcode")
    return raw or raised_by == "sqlalchemy"
