"""Repairing a catalogue that is too damaged to be opened, into a copy beside it.

Where the damage is confined to indexes, verdicts or what the encoder makes, the rest of the file
has all that is needed to make these again: see :mod:`.soundness`.  The damaged file is only read.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sqlite3
from pathlib import Path

from lmpt_desktop.catalogue import backups, opening, restoring, schema, soundness
from lmpt_desktop.catalogue.contents import reading, what_is_missing
from lmpt_desktop.catalogue.disk_access import LOCK_NAME
from lmpt_desktop.catalogue.errors import CatalogueDamaged, from_os, from_sqlite
from lmpt_desktop.catalogue.locks import ProcessLock
from lmpt_desktop.catalogue.soundness import Soundness
from lmpt_desktop.catalogue.store import Store
from lmpt_desktop.private_files import make_private, make_private_folders
from lmpt_desktop.translation import _
from trainer.temporary_files import temporary_folder

log = logging.getLogger(__name__)

_LOGS = ("-wal", "-journal")
"""What SQLite keeps beside a file whose last change is not merged into it."""


class _BeyondRepair(CatalogueDamaged):
    """What is damaged cannot be made again."""


def repair_into_copy(library: Path) -> tuple[Path, Soundness]:
    """Make a sound copy of a library's damaged catalogue in ``backups/``, to be restored as any
    other.  The library must not be open.

    Returns:
        The copy, and what was made again in it.

    Raises:
        CatalogueDamaged: if the damage is of another kind, with a sentence that says of what.
        CatalogueError: if the library is open elsewhere, or the disk refuses.
    """
    path = library / opening.CATALOGUE_NAME
    with contextlib.ExitStack() as held:
        held.enter_context(ProcessLock(library / LOCK_NAME, wait_seconds=2.0))
        held.enter_context(ProcessLock(library / opening.OPENING_LOCK_NAME, wait_seconds=60.0))
        try:
            place = make_private_folders(library, backups.FOLDER)
            folder = held.enter_context(temporary_folder(place, "repair"))
            work = folder / path.name
            shutil.copyfile(path, work)
            for ending in _LOGS:
                with contextlib.suppress(FileNotFoundError):
                    shutil.copyfile(f"{path}{ending}", f"{work}{ending}")
            found = _repair(work, path)
            with work.open("rb+") as file:
                os.fsync(file.fileno())
            make_private(work)
            target = backups.name_for(library, backups.REPAIRED)
            work.rename(target)
        except OSError as error:
            raise from_os(error, path) from error
        except sqlite3.Error as error:
            log.warning("%s cannot be repaired: %s", path, error)
            raise _meant(error, path) from error
    log.warning("repaired %s into %s: %s", path, target, found)
    return target, found


def _repair(work: Path, path: Path) -> Soundness:
    """Repair a copy in its place; ``path`` is the file that it was made of."""
    with reading(work, alone=False) as connection:
        if missing := what_is_missing(connection):
            raise _beyond_repair(missing)
        version = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
        if version != schema.HEAD:
            raise _beyond_repair(_("it is of another version of the app"))
    store = Store(work)
    try:
        found = soundness.check(store)
        if not found.can_be_repaired:
            raise _beyond_repair(_what(found))
        soundness.repair(store, found)
        if not soundness.check(store).sound:
            raise _beyond_repair(_("its pages are in disorder"))
    except _BeyondRepair:
        raise
    except CatalogueDamaged as error:
        # It speaks of the copy, and of what can be done before a repair is tried.
        raise _beyond_repair(_("its pages are in disorder")) from error
    finally:
        store.close()
    opening.leave_wal(work)
    if problem := restoring.examine(work).problem:
        raise _beyond_repair(problem)
    return found


def _meant(error: sqlite3.Error, path: Path) -> Exception:
    """What the user is told of a file that SQLite does not read."""
    if not hasattr(error, "sqlite_errorcode"):  # a reason of our own: see contents.reading
        return _beyond_repair(str(error))
    meant = from_sqlite(error, path)
    # That it is damaged, and how to get here, is known.
    damaged = isinstance(meant, CatalogueDamaged)
    return _beyond_repair(_("its pages are in disorder")) if damaged else meant


def _what(found: Soundness) -> str:
    if found.journal_damaged:
        return _("the record of changes is damaged, too")
    tables = [name for name in found.damaged_tables if name not in soundness.MENDED]
    if tables:
        return _("what is damaged cannot be made again from the rest ({tables})").format(
            tables=", ".join(tables)
        )
    return _("its pages are in disorder")


def _beyond_repair(reason: str) -> _BeyondRepair:
    return _BeyondRepair(
        _("The file cannot be repaired: {reason}. Restore a copy instead.").format(reason=reason)
    )
