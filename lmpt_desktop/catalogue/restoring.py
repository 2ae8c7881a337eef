"""Putting a copy of the catalogue in its place, and what that would change.

Nothing is deleted: a damaged catalogue is kept beside the new one, and one that is sound becomes a
copy itself, which can be restored in turn.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lmpt_desktop.catalogue import backups, opening
from lmpt_desktop.catalogue.contents import (
    CopyContents,
    contents,
    reading,
    unsound,
    what_is_missing,
)
from lmpt_desktop.catalogue.disk_access import LOCK_NAME
from lmpt_desktop.catalogue.errors import (
    CatalogueError,
    CatalogueLocked,
    damaged,
    from_os,
    from_sqlite,
)
from lmpt_desktop.catalogue.locks import ProcessLock
from lmpt_desktop.catalogue.migrations.run import known_revisions
from lmpt_desktop.error_texts import reason_of
from lmpt_desktop.private_files import make_private, make_private_folders
from lmpt_desktop.translation import _
from trainer.temporary_files import temporary_name

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Copy:
    """A copy that can perhaps be restored.

    Attributes:
        path: where it is.
        kind: "daily", "migration", "restore"; "" for a file that the user put there.
        made: by its name; of the file if its name does not tell.  The clock may have been wrong.
        size: bytes.
        contents: what it holds; None if it cannot be restored.
        problem: why not, as a part of a sentence.
    """

    path: Path
    kind: str
    made: datetime
    size: int
    contents: CopyContents | None
    problem: str = ""


@dataclass(frozen=True)
class Difference:
    """What restoring a copy would change, in annotations of single classes of photos.

    What reviews have declared absent is not compared one by one.

    Attributes:
        back: those that the copy has and the library has no longer.
        lost: those that the library has and the copy does not.
        other: those with another verdict.
        batches: changes made since the copy; negative if it has more.
    """

    back: int
    lost: int
    other: int
    batches: int


def find_copies(library: Path) -> list[Path]:
    """The files that may be restored, newest first; those with names of the user's come last."""
    ours = backups.copies(library)[::-1]
    known = {copy.path for copy in ours}
    others = sorted((library / backups.FOLDER).glob("*.sqlite"))
    return [copy.path for copy in ours] + [path for path in others if path not in known]


def examine(path: Path) -> Copy:
    """Read a copy completely: does it open, is it sound and complete, and what does it hold?

    Raises:
        OSError: if the file has gone.
    """
    status = path.stat()
    named = backups.parsed(path)
    made = named.made if named else datetime.fromtimestamp(status.st_mtime).astimezone()
    problem = ""
    held: CopyContents | None = None
    try:
        with reading(path) as connection:
            problem = what_is_missing(connection) or unsound(connection)
            if not problem:
                held = contents(connection)
                if held.revision not in known_revisions():
                    problem = _("it is of a newer version of the app")
    except OSError as error:
        problem = reason_of(error)
    except sqlite3.Error as error:
        log.info("the copy %s cannot be read: %s", path, error)
        # Ours, which are sentences, have no code of SQLite's.
        problem = _("it is damaged") if hasattr(error, "sqlite_errorcode") else str(error)
    return Copy(
        path=path,
        kind=named.kind if named else "",
        made=made,
        size=status.st_size,
        contents=None if problem else held,
        problem=problem,
    )


def present_contents(library: Path) -> CopyContents | None:
    """What the library's own catalogue holds; None if it is not a complete one."""
    try:
        with reading(library / opening.CATALOGUE_NAME, alone=False) as connection:
            return None if what_is_missing(connection) else contents(connection)
    except (sqlite3.Error, OSError) as error:
        log.info("the present catalogue cannot be read: %s", error)
        return None


def compare(library: Path, copy: Path) -> Difference | None:
    """What restoring ``copy`` would change; None if the present catalogue cannot be read."""
    with (
        contextlib.suppress(sqlite3.Error, OSError),
        reading(library / opening.CATALOGUE_NAME, alone=False) as connection,
    ):
        if what_is_missing(connection):
            return None
        uri = f"{copy.absolute().as_uri()}?immutable=1"
        connection.execute("ATTACH ? AS copy", (uri,))

        def one(sql: str) -> int:
            return int(connection.execute(sql).fetchone()[0] or 0)

        def only(here: str, there: str) -> int:
            return one(
                f"SELECT count(*) FROM {here}.annotations AS a WHERE NOT EXISTS (SELECT 1 "
                f"FROM {there}.annotations AS b WHERE b.image_id = a.image_id "
                "AND b.class_id = a.class_id)"
            )

        other = one(
            "SELECT count(*) FROM main.annotations AS a JOIN copy.annotations AS b "
            "USING (image_id, class_id) WHERE a.verdict <> b.verdict"
        )
        changes = one("SELECT max(id) FROM main.batches") - one("SELECT max(id) FROM copy.batches")
        return Difference(only("copy", "main"), only("main", "copy"), other, changes)
    return None


def restore(library: Path, copy: Path) -> Path | None:
    """Put ``copy`` in the place of the library's catalogue, which must not be open.

    In order: the copy is copied and read completely; the present file is set aside; the copy takes
    its place.  Killed in between, the library has no catalogue, and offers its copies again.

    Returns:
        Where the present catalogue is now, a copy that can be restored if it was sound; None if
        there was none.

    Raises:
        CatalogueError: with a sentence, if the library is open elsewhere, the copy is not sound,
            or the disk refuses; the present catalogue is then as it was.
    """
    path = library / opening.CATALOGUE_NAME
    with contextlib.ExitStack() as held:
        held.enter_context(ProcessLock(library / LOCK_NAME, wait_seconds=2.0))
        held.enter_context(ProcessLock(library / opening.OPENING_LOCK_NAME, wait_seconds=60.0))
        fresh = temporary_name(path)
        try:
            shutil.copyfile(copy, fresh)
            make_private(fresh)
            with fresh.open("rb+") as file:
                os.fsync(file.fileno())
            if problem := examine(fresh).problem:
                raise damaged(copy, problem)
            kept = _set_aside(path)
            fresh.replace(path)
            (library / opening.SHUTDOWN_RECORD_NAME).unlink(missing_ok=True)
        except OSError as error:
            raise from_os(error, path) from error
        finally:
            fresh.unlink(missing_ok=True)
    log.warning("restored %s; the catalogue before is %s", copy, kept)
    return kept


def _set_aside(path: Path) -> Path | None:
    """Move the present catalogue out of the way; returns where it is.

    Raises:
        CatalogueError: if another process has it open.
        OSError: if it cannot be moved.
    """
    beside = target = _free_name(path)
    if _is_sound(path) and _merged(path):
        target = backups.name_for(path.parent, backups.RESTORE)
        make_private_folders(path.parent, backups.FOLDER)
    there = os.path.lexists(path)
    if there:
        path.replace(target)
        make_private(target)
    # They belong to that file, and would be mixed with the next one, page by page.
    for ending in ("-wal", "-shm", "-journal"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + ending).replace(beside.with_name(beside.name + ending))
    return target if there else None


def _is_sound(path: Path) -> bool:
    try:
        with reading(path, alone=False) as connection:
            return not (what_is_missing(connection) or unsound(connection))
    except (sqlite3.Error, OSError) as error:
        log.info("the present catalogue cannot be read: %s", error)
        return False


def _merged(path: Path) -> bool:
    """Make one file of a sound catalogue and its log; False if that fails.

    Raises:
        CatalogueError: if another process has it open.
    """
    try:
        opening.leave_wal(path)
    except CatalogueError as error:
        if isinstance(error, CatalogueLocked):
            raise
        log.warning("the log of %s cannot be merged into it: %s", path, error)
        return False
    except sqlite3.Error as error:
        raise from_sqlite(error, path) from error
    return True


def _free_name(path: Path) -> Path:
    number = 1
    while True:
        free = path.with_name(f"{path.stem} before restore {number}{path.suffix}")
        if not os.path.lexists(free):
            return free
        number += 1
