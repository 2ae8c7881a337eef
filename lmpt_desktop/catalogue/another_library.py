"""What another library says of the same pictures, read from its catalogue, which is never changed.

A catalogue that is at rest and of this version is read where it is, without a lock or a file made
beside it.  One of an earlier version, or with a log that is not merged into it, is copied first,
and the copy is brought up to date.  The file may come from anybody: whatever is not of the expected
type is left out and counted.
"""

from __future__ import annotations

import contextlib
import logging
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue import backups, opening, schema
from lmpt_desktop.catalogue.contents import SMALLEST, what_is_missing
from lmpt_desktop.catalogue.disk_access import LOCK_NAME
from lmpt_desktop.catalogue.errors import CatalogueError
from lmpt_desktop.catalogue.locks import is_held
from lmpt_desktop.domain.records import ClassSpec
from lmpt_desktop.domain.refusal import RefusedError
from lmpt_desktop.error_texts import reason_of
from lmpt_desktop.private_files import make_private
from lmpt_desktop.translation import _
from trainer.regular_file import NotAFileError, open_regular
from trainer.temporary_files import temporary_folder

log = logging.getLogger(__name__)

MOST_CELLS = 500_000_000
"""Pictures times classes that are read; each takes a byte."""
MOST_CLASSES = 100_000
MOST_NAME = 500
"""Characters of the name of a class; a longer one is none."""
CHUNK = 4096
"""Images read at once."""
_STEPS = 100_000
"""Steps of SQLite's between two looks at whether the user has cancelled."""
_MOST_ID = (1 << 22) - 1
_LOGS = ("-wal", "-journal")
_NUMBER = re.compile(r"(?<=.)-[0-9a-f]{8}$")

UNKNOWN, ABSENT, PRESENT, REVIEWED_ABSENT, MACHINE_ABSENT, MACHINE_PRESENT = -1, 0, 1, 2, 3, 4
CONTRADICTORY = 5
"""What is said of a cell; the last one where copies of a picture differ."""


class AnotherLibraryError(RefusedError, CatalogueError):
    """Another library cannot be merged; the message is a sentence for the user."""


class MergeCancelled(Exception):  # noqa: N818 (a way out, not an error)
    """The user has cancelled."""


@dataclass(frozen=True, eq=False)
class AnotherLibrary:
    """What another library says of pictures that this one has, too; P pictures, K classes.

    Attributes:
        path: its catalogue.
        name: what the user calls it: the name of its folder.
        classes: of its vocabulary.
        image_ids: (M,) int64 ascending, the images of this library that it knows.
        pictures: (M,) int64, which of the P pictures each of them shows.
        says: (P, K) int8, one of the codes above for each cell.
        reviewed: (P,) bool.
        photos: how many it has.
        unread: how many of them have no picture hash yet, so that they cannot be found.
        left_out: classes and annotations that were not what they must be.
    """

    path: Path
    name: str
    classes: tuple[ClassSpec, ...]
    image_ids: NDArray[np.int64]
    pictures: NDArray[np.int64]
    says: NDArray[np.int8]
    reviewed: NDArray[np.bool_]
    photos: int
    unread: int
    left_out: int


def combined(first: NDArray[np.int8], second: NDArray[np.int8]) -> NDArray[np.int8]:
    """What two say together, cell by cell: a person outweighs a machine, and whoever says
    something one who says nothing; two of a kind that differ are contradictory."""
    result = np.where(first == UNKNOWN, second, first)
    both = (first != UNKNOWN) & (second != UNKNOWN)
    first_machine, second_machine = is_machine(first), is_machine(second)
    result = np.where(both & first_machine & ~second_machine, second, result)
    alike = both & (first_machine == second_machine)
    differ = alike & (is_present(first) != is_present(second))
    # What a person said about this very class is more than what a review left over.
    result = np.where(alike & (first == REVIEWED_ABSENT), second, result)
    contradictory = differ | (first == CONTRADICTORY) | (second == CONTRADICTORY)
    return np.where(contradictory, np.int8(CONTRADICTORY), result).astype(np.int8)


def is_machine(codes: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Where a machine says so."""
    return (codes == MACHINE_ABSENT) | (codes == MACHINE_PRESENT)


def is_present(codes: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Where the class is called present."""
    return (codes == PRESENT) | (codes == MACHINE_PRESENT)


def catalogue_of(path: Path) -> Path:
    """The catalogue that a user means by a folder or a file.

    Raises:
        AnotherLibraryError: if there is none.
    """
    try:
        if not path.is_dir():
            return path
        found = path / opening.CATALOGUE_NAME
        there = found.exists()
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if not there:
        raise AnotherLibraryError(
            _(
                "There is no library in {folder}. Choose the folder that has {name}, that file, or "
                "a copy of it."
            ).format(folder=path, name=opening.CATALOGUE_NAME)
        )
    return found


def read_another_library(
    path: Path,
    own: Path,
    pictures: Mapping[str, list[int]],
    *,
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> AnotherLibrary:
    """Read what another library says.

    Args:
        path: its folder, its catalogue, or a copy of that.
        own: the folder of this library; a copy of the other one, if it takes one, is made there.
        pictures: the images of this library by picture hash.
        progress: called with images read and images in all.
        cancelled: asked now and then.

    Raises:
        AnotherLibraryError: with a sentence, if it cannot be read.
        MergeCancelled: if it was cancelled.
    """
    catalogue = catalogue_of(path)
    _refuse_own(catalogue, own)
    try:
        with _opened(catalogue, own, cancelled) as connection:
            try:
                return _Reader(connection, catalogue, pictures, progress, cancelled).read()
            except sqlite3.Error as error:
                raise _meant(catalogue, error, cancelled) from error
    except OSError as error:
        raise _unreadable(catalogue, error) from error


# -------------------------------------------------------------------------------------- opening


def _refuse_own(catalogue: Path, own: Path) -> None:
    try:
        same = catalogue.samefile(own / opening.CATALOGUE_NAME)
    except (OSError, ValueError):
        return  # whatever it is, opening it says so
    if same:
        raise AnotherLibraryError(
            _(
                "{path} is this library itself. Choose another one, or a copy in the folder "
                "“backups” of a library."
            ).format(path=catalogue.parent)
        )


@contextlib.contextmanager
def _opened(
    catalogue: Path, own: Path, cancelled: Callable[[], bool]
) -> Iterator[sqlite3.Connection]:
    """A connection on a sound catalogue of this version."""
    before = _state(catalogue)
    if is_held(catalogue.with_name(LOCK_NAME)):
        raise AnotherLibraryError(
            _(
                "The library {library} is open in another window or on another computer. Close it "
                "there first, or choose a copy in its folder “backups”."
            ).format(library=catalogue.parent)
        )
    with contextlib.ExitStack() as held:
        try:
            source = held.enter_context(_reading(catalogue, cancelled))
            revision = "" if _has_log(catalogue) else _checked(source, catalogue, cancelled)
        except sqlite3.Error as error:
            raise _meant(catalogue, error, cancelled) from error
        if revision != schema.HEAD:
            folder = held.enter_context(temporary_folder(own, "merge"))
            source = held.enter_context(_copied(catalogue, folder, cancelled))
        yield source
        if _state(catalogue) != before:
            raise AnotherLibraryError(
                _(
                    "The library {library} was changed while it was read. Close it where it is "
                    "open, and try again."
                ).format(library=catalogue.parent)
            )


def _state(catalogue: Path) -> tuple[int, ...]:
    """What changes whenever the file does.

    Raises:
        AnotherLibraryError: if it cannot be read, or is no file.
    """
    try:
        with open_regular(catalogue) as file:
            file.read(1)
        status = catalogue.stat()
    except NotAFileError as error:
        raise AnotherLibraryError(
            _("{path} is not a file, so it is no library's catalogue.").format(path=catalogue)
        ) from error
    except (OSError, ValueError) as error:
        raise _unreadable(catalogue, error) from error
    if status.st_size < SMALLEST:
        raise AnotherLibraryError(
            _("{path} is empty: there is nothing to merge.").format(path=catalogue)
        )
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _has_log(catalogue: Path) -> bool:
    for ending in _LOGS:
        with contextlib.suppress(FileNotFoundError):
            if catalogue.with_name(catalogue.name + ending).stat().st_size:
                return True
    return False


@contextlib.contextmanager
def _reading(
    path: Path, cancelled: Callable[[], bool], *, copy: bool = False
) -> Iterator[sqlite3.Connection]:
    option = "mode=ro" if copy else "immutable=1"
    uri = f"{path.absolute().as_uri()}?{option}"
    with closing(
        sqlite3.connect(uri, uri=True, timeout=5.0, isolation_level=None, check_same_thread=False)
    ) as connection:
        connection.set_progress_handler(lambda: int(cancelled()), _STEPS)
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        # What its schema names must not run anything.
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA query_only = ON")
        yield connection


def _checked(connection: sqlite3.Connection, catalogue: Path, cancelled: Callable[[], bool]) -> str:
    """The version of a catalogue, after checking that it is a sound one of ours.

    Raises:
        AnotherLibraryError: if it is not, or is of a newer version of the app.
        sqlite3.Error: if it cannot be read.
    """
    # Takes a tenth of the start's processor time, and merging is rare.
    from lmpt_desktop.catalogue.migrations.run import known_revisions  # noqa: PLC0415

    if problem := what_is_missing(connection):
        raise _damaged(catalogue, problem)
    (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    if revision not in known_revisions():
        if str(revision) > schema.HEAD:
            raise AnotherLibraryError(
                _(
                    "The library {library} was written by a newer version of LMPT Desktop. Install "
                    "that version here, too, and merge again."
                ).format(library=catalogue.parent)
            )
        raise _damaged(catalogue, _("its version is missing"))
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        log.info("%s: %s", catalogue, verdict)
        raise _damaged(catalogue, _("its pages are in disorder"))
    return str(revision)


@contextlib.contextmanager
def _copied(
    catalogue: Path, folder: Path, cancelled: Callable[[], bool]
) -> Iterator[sqlite3.Connection]:
    """A connection on a copy that is brought up to date in ``folder``."""
    work = folder / opening.CATALOGUE_NAME
    for ending in ("", *_LOGS):
        source = catalogue.with_name(catalogue.name + ending)
        try:
            with open_regular(source) as file, work.with_name(work.name + ending).open("xb") as to:
                while block := file.read(1 << 22):
                    if cancelled():
                        raise MergeCancelled
                    to.write(block)
        except FileNotFoundError:
            if not ending:
                raise
    make_private(work)
    try:
        with _reading(work, cancelled, copy=True) as connection:
            _checked(connection, catalogue, cancelled)
    except sqlite3.Error as error:
        raise _meant(catalogue, error, cancelled) from error
    try:
        opening.prepare(folder)
    except CatalogueError as error:
        log.info("%s cannot be brought up to date: %s", catalogue, error)
        raise _damaged(catalogue, _("it could not be brought up to date")) from error
    shutil.rmtree(folder / backups.FOLDER, ignore_errors=True)
    with _reading(work, cancelled, copy=True) as connection:
        yield connection


def _damaged(catalogue: Path, reason: str) -> AnotherLibraryError:
    return AnotherLibraryError(
        _("{path} cannot be merged: {reason}. Nothing was changed.").format(
            path=catalogue, reason=reason
        )
    )


def _unreadable(path: Path, error: Exception) -> AnotherLibraryError:
    reason = reason_of(error) if isinstance(error, OSError) else _("its name cannot be one")
    return AnotherLibraryError(
        _("{path} cannot be read: {reason}.").format(path=path, reason=reason)
    )


def _meant(catalogue: Path, error: sqlite3.Error, cancelled: Callable[[], bool]) -> Exception:
    if cancelled():
        return MergeCancelled()
    log.info("%s: %s", catalogue, error)
    return _damaged(catalogue, _("it is not a sound catalogue"))


# -------------------------------------------------------------------------------------- reading

_SHOWN = "i.superseded IN (0, 3) AND f.hidden = 0"
_IMAGES = f"""
    FROM images AS i JOIN folders AS f ON f.id = i.folder_id
    LEFT JOIN companions AS c ON c.image_id = i.id
    WHERE {_SHOWN} AND typeof(i.id) = 'integer'
"""
_EXPLICIT = f"""
    SELECT image_id, group_concat(class_id * 8 + CASE
        WHEN source = 'machine' THEN {MACHINE_ABSENT} + verdict
        WHEN source = 'reviewed' AND verdict = 0 THEN {REVIEWED_ABSENT}
        ELSE verdict END)
    FROM annotations WHERE image_id IN (SELECT value FROM json_each(?))
    AND typeof(class_id) = 'integer' AND class_id BETWEEN 1 AND {_MOST_ID}
    AND typeof(verdict) = 'integer' AND verdict IN (0, 1)
    GROUP BY image_id
"""
_ODD = f"""
    SELECT count(*) FROM annotations WHERE NOT (typeof(class_id) = 'integer'
    AND class_id BETWEEN 1 AND {_MOST_ID} AND typeof(verdict) = 'integer' AND verdict IN (0, 1))
"""
_DECLARED = """
    SELECT image_id, class_set_id, besides FROM declared_absent
    WHERE image_id IN (SELECT value FROM json_each(?)) AND typeof(class_set_id) = 'integer'
    AND typeof(besides) = 'text' AND besides NOT GLOB '*[^0-9,]*'
"""


class _Reader:
    """Reads a catalogue that is sound as a file, whatever is in its rows."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        pictures: Mapping[str, list[int]],
        progress: Callable[[int, int], None],
        cancelled: Callable[[], bool],
    ) -> None:
        self._connection = connection
        self._path = path
        self._pictures = pictures
        self._progress = progress
        self._cancelled = cancelled
        self._left_out = 0
        self._sets: dict[int, NDArray[np.bool_]] = {}

    def read(self) -> AnotherLibrary:
        class_ids, specs = self._classes()
        hashes, images = self._images()
        if len(hashes) * len(specs) > MOST_CELLS:
            raise AnotherLibraryError(
                _(
                    "{path} says something about more than {count} pairs of a photo and a class, "
                    "which is too much for one merge."
                ).format(path=self._path, count=f"{MOST_CELLS:,}")
            )
        photos, unread = self._connection.execute(
            "SELECT count(*), coalesce(sum(i.picture_hash = ''), 0) FROM images AS i "
            "JOIN folders AS f ON f.id = i.folder_id WHERE f.hidden = 0 AND i.superseded = 0"
        ).fetchone()
        self._left_out += int(self._connection.execute(_ODD).fetchone()[0])
        says = np.full((len(hashes), len(specs)), UNKNOWN, np.int8)
        self._fill(says, images, np.array(class_ids, np.int64))
        reviewed = self._reviewed(images, len(hashes))
        row_of: dict[int, int] = {}
        for row, value in enumerate(hashes):
            for image_id in self._pictures[value]:
                first = row_of.setdefault(image_id, row)
                if first != row:  # a raw file beside the photo: both say something of it
                    says[first] = combined(says[first], says[row])
                    reviewed[first] |= reviewed[row]
        ids = np.array(sorted(row_of), np.int64)
        return AnotherLibrary(
            path=self._path,
            name=_name_of(self._path),
            classes=tuple(specs),
            image_ids=ids,
            pictures=np.array([row_of[image_id] for image_id in ids.tolist()], np.int64),
            says=says,
            reviewed=reviewed,
            photos=int(photos),
            unread=int(unread),
            left_out=self._left_out,
        )

    def _classes(self) -> tuple[list[int], list[ClassSpec]]:
        found = self._connection.execute(
            "SELECT id, name, typeof(description) = 'text' AND length(description) <= 10000, "
            f"description FROM classes WHERE archived = 0 AND typeof(id) = 'integer' "
            f"AND id BETWEEN 1 AND {_MOST_ID} AND typeof(name) = 'text' "
            f"AND length(name) BETWEEN 1 AND {MOST_NAME} ORDER BY position, id LIMIT ?",
            (MOST_CLASSES,),
        ).fetchall()
        (every,) = self._connection.execute(
            "SELECT count(*) FROM classes WHERE archived = 0"
        ).fetchone()
        aliases: dict[int, list[str]] = {}
        for class_id, alias in self._connection.execute(
            "SELECT class_id, alias FROM class_aliases WHERE typeof(alias) = 'text' "
            f"AND length(alias) BETWEEN 1 AND {MOST_NAME} ORDER BY position LIMIT ?",
            (MOST_CLASSES,),
        ):
            aliases.setdefault(class_id, []).append(alias)
        ids: list[int] = []
        specs: list[ClassSpec] = []
        for class_id, name, short, description in found:
            if name.strip() and "\0" not in name:
                ids.append(class_id)
                specs.append(
                    ClassSpec(name, description if short else "", tuple(aliases.get(class_id, ())))
                )
        self._left_out += every - len(ids)
        return ids, specs

    def _images(self) -> tuple[list[str], list[tuple[int, int, int]]]:
        """The picture hashes that both libraries have, and the images with them: which copy of the
        picture it is (from 0), its id, and the row of its picture."""
        rows: dict[str, int] = {}
        copies: dict[int, int] = {}
        images: list[tuple[int, int, int]] = []
        seen: set[tuple[int, int]] = set()
        for value, image_id in self._connection.execute(
            f"SELECT i.picture_hash, coalesce(c.shown_id, i.id) {_IMAGES} "
            "AND typeof(i.picture_hash) = 'text' AND length(i.picture_hash) BETWEEN 1 AND 200"
        ):
            if value not in self._pictures or not isinstance(image_id, int):
                continue
            row = rows.setdefault(value, len(rows))
            if (image_id, row) not in seen:
                seen.add((image_id, row))
                images.append((copies.get(row, 0), image_id, row))
                copies[row] = copies.get(row, 0) + 1
        return list(rows), sorted(images)

    def _fill(
        self,
        says: NDArray[np.int8],
        images: list[tuple[int, int, int]],
        class_ids: NDArray[np.int64],
    ) -> None:
        order = np.argsort(class_ids)
        ascending = class_ids[order]
        start = 0
        while start < len(images):
            self._progress(start, len(images))
            if self._cancelled():
                raise MergeCancelled
            part = images[start : start + CHUNK]
            # Copies of one picture never share a chunk: each row is there once.
            part = [item for item in part if item[0] == part[0][0]]
            start += len(part)
            codes = self._said_of([item[1] for item in part], ascending, order)
            rows = np.array([item[2] for item in part], np.int64)
            says[rows] = codes if not part[0][0] else combined(says[rows], codes)
        self._progress(len(images), len(images))

    def _said_of(
        self, ids: list[int], ascending: NDArray[np.int64], order: NDArray[np.intp]
    ) -> NDArray[np.int8]:
        """(n, K) what is said of these images."""
        result = np.full((len(ids), len(order)), UNKNOWN, np.int8)
        place = {image_id: row for row, image_id in enumerate(ids)}
        if not result.size:
            return result
        body = "[" + ",".join(map(str, ids)) + "]"
        for image_id, set_id, besides in self._connection.execute(_DECLARED, (body,)):
            if image_id in place:
                inside = self._set(set_id, ascending, order)
                if besides:
                    inside = inside.copy()
                    columns, known = _positions(ascending, order, _numbers(besides))
                    inside[columns[known]] = False
                result[place[image_id], inside] = REVIEWED_ABSENT
        for image_id, text in self._connection.execute(_EXPLICIT, (body,)):
            if image_id in place:
                cells = np.fromstring(text, np.int64, sep=",")
                columns, known = _positions(ascending, order, cells >> 3)
                result[place[image_id], columns[known]] = (cells & 7)[known]
        return result

    def _set(
        self, set_id: int, ascending: NDArray[np.int64], order: NDArray[np.intp]
    ) -> NDArray[np.bool_]:
        """(K,) which classes are in a class set; none if it is not what it must be."""
        if set_id not in self._sets:
            found = self._connection.execute(
                "SELECT classes FROM class_sets WHERE id = ? AND typeof(classes) = 'text' "
                "AND classes NOT GLOB '*[^0-9,]*'",
                (set_id,),
            ).fetchone()
            columns, known = _positions(ascending, order, _numbers(found[0] if found else ""))
            inside = np.zeros(len(order), np.bool_)
            inside[columns[known]] = True
            self._sets[set_id] = inside
        return self._sets[set_id]

    def _reviewed(self, images: list[tuple[int, int, int]], count: int) -> NDArray[np.bool_]:
        result = np.zeros(count, np.bool_)
        marked = {
            row[0]
            for row in self._connection.execute(
                "SELECT image_id FROM reviewed WHERE typeof(image_id) = 'integer'"
            )
        }
        for _copy, image_id, row in images:
            if image_id in marked:
                result[row] = True
        return result


def _numbers(text: str) -> NDArray[np.int64]:
    """The numbers in a text of digits and commas; those that are no ids are left out."""
    parts = [int(part) for part in text.split(",") if 0 < len(part) <= 9]
    return np.array(parts, np.int64)


def _positions(
    ascending: NDArray[np.int64], order: NDArray[np.intp], found: NDArray[np.int64]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """The columns of class ids, and which of these are there."""
    at = np.minimum(np.searchsorted(ascending, found), len(ascending) - 1)
    return order[at], ascending[at] == found


def _name_of(catalogue: Path) -> str:
    """What to call the library that a catalogue, or a copy of one, belongs to: its folder, without
    the number that the window appends to the name of the photos' folder."""
    folder = catalogue.absolute().parent
    kept = folder.name == backups.FOLDER
    if kept:
        folder = folder.parent
    elif catalogue.name != opening.CATALOGUE_NAME:
        return catalogue.stem
    return _NUMBER.sub("", folder.name) or str(folder)
