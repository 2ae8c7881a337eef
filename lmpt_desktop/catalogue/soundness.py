"""Whether a catalogue is sound, and mending what its journal can mend.

Pages and indexes are checked by SQLite (``integrity_check``); then every verdict is compared with
what the journal, replayed from its beginning, results in.  Damage that leaves the pages well-formed
is found by that comparison only.

The journal says what was there before and after each change, so it can be checked against itself.
Where it contradicts itself, or cannot be read, no annotation is mended from it: they may be right.
Then they are kept, and the journal of the photos concerned is begun anew from them.
"""

from __future__ import annotations

import logging
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from lmpt_desktop.catalogue import declared_absent as declared
from lmpt_desktop.catalogue import schema
from lmpt_desktop.catalogue.declared_absent import Ids
from lmpt_desktop.catalogue.store import Store, as_json, connect, now, rows
from lmpt_desktop.domain.records import Source

log = logging.getLogger(__name__)

CELLS = 4_000_000
"""Classes of images that are compared at once (10 bytes each, twice)."""
MOST_DETAILS = 20
"""Sentences of SQLite that are kept."""

VERDICTS = (schema.annotations, schema.declared_absent, schema.reviewed)
"""Tables that can be made again from the journal."""
CACHES = (schema.feature_chunks, schema.text_embeddings)
"""Tables whose contents the encoder makes again."""
READ_AGAIN = (schema.photo_details,)
"""Tables whose contents are read again from the photos."""
MENDED = {table.name for table in (*VERDICTS, *CACHES, *READ_AGAIN)}
JOURNAL_AND_CACHES = {table.name for table in (schema.journal, *CACHES, *READ_AGAIN)}
"""What can be made again if the journal is damaged, too."""
REPAIRED = "repaired"
"""The action of the batch with which a journal begins anew."""
_SOURCES = {source.value: number for number, source in enumerate(Source)}
_SOURCE_NAMES = [source.value for source in Source]
_NO_SOURCE, _UNKNOWN_SOURCE = -1, 99
_CHUNK = 65_536
_ENDED = "the check ended: the pages are in disorder"
_TREE = re.compile(r"[Tt]ree (\d+)|^Page (\d+)")
"""A page that is named without its tree is the first of one."""
_INDEX = re.compile(r"in(?:to)? index (\S+)|from index (\S+)|entries in index (\S+)")

_JOURNAL = """
    SELECT batch_id, image_id, class_id, before_verdict, before_at, before_source,
           after_verdict, after_at, after_source, class_set_id, besides, declared_at
    FROM journal WHERE image_id BETWEEN ? AND ? ORDER BY id
"""
_ANNOTATIONS = (
    "SELECT image_id, class_id, verdict, at, source FROM annotations WHERE image_id BETWEEN ? AND ?"
)
_DECLARED = (
    "SELECT image_id, batch_id, at, class_set_id, besides FROM declared_absent "
    "WHERE image_id BETWEEN ? AND ?"
)
_REVIEWED = "SELECT image_id, at FROM reviewed WHERE image_id BETWEEN ? AND ?"
_LARGEST = 2**63 - 1


@dataclass(frozen=True)
class Soundness:
    """What was found.

    Attributes:
        damaged_tables: tables with damaged pages or rows.
        damaged_indexes: indexes that do not agree with their tables; they can be made again.
        lost: verdicts that the journal has and the annotations do not.
        changed: verdicts that are others than the journal says (verdict, time or source).
        added: verdicts that the journal does not know.
        marks: reviewed marks that are not as the journal says.
        images: how many images these are of.
        contradictions: changes of the journal that do not fit those before them.
        journal_readable: whether all of it could be read; if not, nothing was compared.
        details: what SQLite says, in English.
        complete: whether the check came to its end.
    """

    damaged_tables: tuple[str, ...] = ()
    damaged_indexes: tuple[str, ...] = ()
    lost: int = 0
    changed: int = 0
    added: int = 0
    marks: int = 0
    images: int = 0
    contradictions: int = 0
    journal_readable: bool = True
    details: tuple[str, ...] = ()
    complete: bool = True

    @property
    def differing(self) -> int:
        """Verdicts and reviewed marks that are not as the journal says."""
        return self.lost + self.changed + self.added + self.marks

    @property
    def sound(self) -> bool:
        """Nothing was found."""
        return not (
            self.damaged_tables
            or self.damaged_indexes
            or self.differing
            or self.contradictions
            or not self.journal_readable
        )

    @property
    def caches_lost(self) -> bool:
        """Whether :func:`repair` empties what the encoder makes again."""
        return any(table.name in self.damaged_tables for table in CACHES)

    @property
    def journal_damaged(self) -> bool:
        """Whether :func:`repair` mends the journal from the annotations, not the other way."""
        return not self.journal_readable or bool(self.contradictions)

    @property
    def can_be_repaired(self) -> bool:
        """Whether :func:`repair` mends all that was found."""
        if self.sound or not self.complete:
            return False
        if self.journal_damaged:
            # What cannot be read is the journal itself, and nothing that the rest rests on.
            unreadable = self.journal_readable or schema.journal.name in self.damaged_tables
            return unreadable and JOURNAL_AND_CACHES.issuperset(self.damaged_tables)
        return MENDED.issuperset(self.damaged_tables)


def check(store: Store, should_stop: Callable[[], bool] = lambda: False) -> Soundness:
    """Check pages, indexes and verdicts; writes nothing.

    Memory does not depend on the number of images.  ``should_stop`` is asked between parts.

    Raises:
        CatalogueError: if the catalogue cannot be read at all.
    """
    with store.read() as connection:
        tables, indexes, details = _check_pages(connection)
        found = Soundness(tables, indexes, details=details)
        tally = _Tally()
        try:
            if not _tallied(connection, tally, tables, should_stop):
                return replace(found, complete=False)
        except (sqlite3.DatabaseError, DBAPIError) as error:
            if not _is_damage(error):
                raise
            log.warning("not all verdicts can be read", exc_info=True)
            # Pages may be in order, and values in them none.
            names = (table.name for table in schema.metadata.sorted_tables)
            bad = {name for name in names if not _can_be_read(connection, name)} | {*tables}
            found = replace(found, damaged_tables=tuple(sorted(bad)))
            if schema.journal.name in bad or bad == {*tables}:
                return replace(found, journal_readable=False)
            tally = _Tally()
            try:
                if not _tallied(connection, tally, found.damaged_tables, should_stop):
                    return replace(found, complete=False)
            except (sqlite3.DatabaseError, DBAPIError) as again:
                if not _is_damage(again):
                    raise
                return replace(found, journal_readable=False)
    return replace(
        found,
        lost=tally.lost,
        changed=tally.changed,
        added=tally.added,
        marks=tally.marks,
        images=tally.images,
        contradictions=tally.contradictions,
    )


def _tallied(
    connection: Connection, tally: _Tally, damaged: Sequence[str], should_stop: Callable[[], bool]
) -> bool:
    """Compare all images; False if it was stopped before the end."""
    for block in _blocks(connection):
        if should_stop():
            return False
        tally.add(block, *_compare(connection, block, frozenset(damaged)))
    return True


def repair(store: Store, found: Soundness) -> None:
    """Make verdicts again from the journal, or a damaged journal from the verdicts, and indexes
    from their tables; damaged caches are emptied.  All of it or nothing.

    Raises:
        ValueError: if ``found`` says that this would not mend everything.
        CatalogueError: if the catalogue cannot be written; then nothing is changed.
    """
    if not found.can_be_repaired:
        raise ValueError("this damage cannot be repaired from the journal")
    damaged = frozenset(found.damaged_tables)
    readable: list[Any] = []
    if schema.journal.name in damaged:
        # Not on the connection that writes: what failed on it would fail what follows.
        with store.read() as connection:
            readable = _readable_rows(connection)
    with store.write() as connection, _without_guards(connection, found.journal_damaged):
        if schema.journal.name in damaged:
            _keep(connection, readable)
        for table in (*VERDICTS, *CACHES, *READ_AGAIN):
            if table.name in damaged:
                _make_again(connection, table)
        for index in found.damaged_indexes:
            _index_again(connection, index)
        anew = _batch_to_begin_with(connection) if found.journal_damaged else None
        for block in _blocks(connection):
            wanted, stored = _compare(connection, block, frozenset())
            if anew is None:
                _mend(connection, block, wanted, stored)
            else:
                _begin_anew(connection, block, wanted, stored, anew)
        store.mark_all_changed()
    if damaged or found.damaged_indexes:
        _drop_loose_pages(store)


# ------------------------------------------------------------------------------------- pages


def _check_pages(
    connection: Connection,
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Damaged tables, damaged indexes, and what SQLite says."""
    said = _integrity(connection, "")
    if not said:
        return (), (), ()
    roots = dict(rows(connection, "SELECT rootpage, name FROM sqlite_master WHERE type = 'index'"))
    tables: list[str] = []
    indexes: set[str] = set()
    for table in schema.metadata.sorted_tables:
        of_table = _integrity(connection, table.name)
        named = {_index_of(line, roots) for line in of_table}
        readable = _can_be_read(connection, table.name)
        if readable and of_table == [_ENDED]:
            # The check did not get past an index.  What else there is, the next one finds.
            named = {str(index.name) for index in table.indexes}
        indexes |= {name for name in named if name is not None}
        if None in named or not readable:
            tables.append(table.name)
    return tuple(tables), tuple(sorted(indexes)), tuple(said[:MOST_DETAILS])


def _integrity(connection: Connection, table: str) -> list[str]:
    """What ``integrity_check`` finds in a table ("": in all), line by line."""
    try:
        of = f"('{table}')" if table else ""
        answers = [str(row[0]) for row in rows(connection, f"PRAGMA integrity_check{of}")]
    except sqlite3.DatabaseError as error:
        if not _is_damage(error):
            raise
        log.warning("the check of %s ended: %s", table or "all", error)
        return [_ENDED]
    lines = [line for answer in answers for line in answer.splitlines()]
    return [line for line in lines if line != "ok" and not line.startswith("***")]


def _index_of(line: str, roots: dict[int, str]) -> str | None:
    """The index that a line of ``integrity_check`` is about; None if it is about a table."""
    if tree := _TREE.search(line):
        return roots.get(int(tree[1] or tree[2]))
    if named := _INDEX.search(line):
        return next(name for name in named.groups() if name)
    return None


def _can_be_read(connection: Connection, table: str) -> bool:
    driver = connection.connection.driver_connection
    assert driver is not None
    try:
        with closing(driver.cursor()) as cursor:
            for _row in cursor.execute(f"SELECT * FROM {table} NOT INDEXED"):
                pass
    except sqlite3.DatabaseError as error:
        if not _is_damage(error):
            raise
        return False
    return True


def _is_damage(error: Exception) -> bool:
    original = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(original, "sqlite_errorcode", 0) & 0xFF
    # The driver's own error for text that is none has no code.
    no_text = "Could not decode" in str(original)
    return no_text or code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _make_again(connection: Connection, table: Any) -> None:
    """Replace a table whose pages are damaged by an empty one, without reading it."""
    old = f"damaged_{table.name}"
    names = [str(index.name) for index in table.indexes]
    connection.exec_driver_sql(f"ALTER TABLE {table.name} RENAME TO {old}")
    # Dropping it would read its pages.
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    try:
        for name in (old, *names):
            connection.exec_driver_sql(
                "DELETE FROM sqlite_master WHERE name = ? OR tbl_name = ?", (name, name)
            )
    finally:
        connection.exec_driver_sql("PRAGMA writable_schema = RESET")
    table.create(connection)


def _index_again(connection: Connection, name: str) -> None:
    """Rebuild an index, also where its pages are so damaged that SQLite cannot clear them."""
    of = "FROM sqlite_master WHERE type = 'index' AND name = ?"
    made_by = connection.exec_driver_sql(f"SELECT sql {of}", (name,)).scalar()
    if not made_by:  # of a key: it has no statement of its own
        connection.exec_driver_sql(f'REINDEX "{name}"')
        return
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    try:
        connection.exec_driver_sql(f"DELETE {of}", (name,))
    finally:
        connection.exec_driver_sql("PRAGMA writable_schema = RESET")
    connection.exec_driver_sql(made_by)


def _drop_loose_pages(store: Store) -> None:
    """Give back the pages of tables that were replaced; a failure costs only room."""
    try:
        with closing(connect(store.path)) as connection:
            connection.execute("VACUUM")
    except sqlite3.Error:
        log.warning("the damaged pages were not removed", exc_info=True)


# ---------------------------------------------------------------------------------- verdicts


@dataclass(frozen=True, eq=False)
class _Block:
    """Images that are compared together: all rows from ``first`` to ``last`` are of them."""

    first: int
    last: int
    image_ids: Ids
    class_ids: Ids


class _Cells:
    """Verdicts of a block: (n, C) arrays, and what is of no image or class that there is."""

    def __init__(self, block: _Block) -> None:
        shape = len(block.image_ids), len(block.class_ids)
        self.verdicts = np.full(shape, -1, np.int8)
        self.at = np.zeros(shape, np.int64)
        self.sources = np.full(shape, _NO_SOURCE, np.int8)
        self.marked_at = np.full(len(block.image_ids), -1, np.int64)
        self.stray = 0
        """Rows of images or classes that there are not."""
        self.contradictions = 0
        self.contradicted = np.zeros(len(block.image_ids), np.bool_)
        """Images with changes that do not fit those before them."""
        self.reviews: list[tuple[int, int, int, int]] = []
        """Row, batch, class set and time of what reviews declared."""

    def set(self, where: Any, verdicts: Any, at: Any, sources: Any) -> None:
        self.verdicts[where] = verdicts
        self.at[where] = at
        self.sources[where] = sources

    def differ(self, where: Any, verdicts: Any, at: Any, sources: Any) -> NDArray[np.bool_]:
        """Whether cells are other than this; where nothing is known, time and source are none."""
        now = self.verdicts[where]
        known = now >= 0
        other = known & ((self.at[where] != at) | (self.sources[where] != sources))
        return (now != verdicts) | other


@dataclass
class _Tally:
    lost: int = 0
    changed: int = 0
    added: int = 0
    marks: int = 0
    images: int = 0
    contradictions: int = 0

    def add(self, _block: _Block, wanted: _Cells, stored: _Cells) -> None:
        differs = _differing(wanted, stored)
        has, had = stored.verdicts >= 0, wanted.verdicts >= 0
        self.lost += int(np.count_nonzero(differs & had & ~has))
        self.added += int(np.count_nonzero(differs & has & ~had)) + stored.stray
        self.changed += int(np.count_nonzero(differs & has & had))
        marks = wanted.marked_at != stored.marked_at
        self.marks += int(np.count_nonzero(marks))
        self.images += int(np.count_nonzero(differs.any(axis=1) | marks)) + stored.stray
        self.contradictions += wanted.contradictions + wanted.stray


def _differing(wanted: _Cells, stored: _Cells) -> NDArray[np.bool_]:
    return wanted.differ(..., stored.verdicts, stored.at, stored.sources)


def _blocks(connection: Connection) -> Iterator[_Block]:
    """All images, in parts that have about ``CELLS`` cells."""
    image_ids = _ids(connection, "SELECT id FROM images ORDER BY id")
    class_ids = _ids(connection, "SELECT id FROM classes ORDER BY id")
    size = max(1, CELLS // max(1, len(class_ids)))
    starts = range(0, max(1, len(image_ids)), size)
    for start in starts:
        part = image_ids[start : start + size]
        first = int(part[0]) if start else -_LARGEST
        following = start + size
        last = int(image_ids[following]) - 1 if following < len(image_ids) else _LARGEST
        yield _Block(first, last, part, class_ids)


def _ids(connection: Connection, sql: str) -> Ids:
    return np.array(rows(connection, sql), np.int64).reshape(-1)


def _compare(
    connection: Connection, block: _Block, damaged: frozenset[str]
) -> tuple[_Cells, _Cells]:
    """A block as the journal says, and as it is stored; tables that are ``damaged`` count as
    empty."""
    sets = {
        key: np.isin(block.class_ids, declared.numbers([text]))
        for key, text in rows(connection, "SELECT id, classes FROM class_sets")
    }
    return _replay(connection, block, sets), _stored(connection, block, sets, damaged)


def _pages_of(connection: Connection, sql: str, block: _Block) -> Iterator[list[Any]]:
    driver = connection.connection.driver_connection
    assert driver is not None
    with closing(driver.cursor()) as cursor:
        cursor.execute(sql, (block.first, block.last))
        while found := cursor.fetchmany(_CHUNK):
            yield found


def _stored(
    connection: Connection,
    block: _Block,
    sets: dict[int, NDArray[np.bool_]],
    damaged: frozenset[str],
) -> _Cells:
    cells = _Cells(block)
    if schema.declared_absent.name not in damaged:
        for page in _pages_of(connection, _DECLARED, block):
            for image_id, _batch, at, set_id, besides in page:
                row = _place(block.image_ids, image_id)
                inside = _inside(sets, set_id, block, besides)
                if row is None:
                    cells.stray += 1
                elif inside is not None:
                    cells.set((row, inside), 0, at, _SOURCES[Source.REVIEWED.value])
    if schema.annotations.name not in damaged:
        for page in _pages_of(connection, _ANNOTATIONS, block):
            images, classes, verdicts, at, sources = zip(*page, strict=True)
            row, column, known = _places(block, images, classes)
            cells.stray += int(np.count_nonzero(~known))
            where = row[known], column[known]
            values = _verdicts(verdicts), _numbers(at), _source_numbers(sources)
            cells.set(where, *(value[known] for value in values))
    if schema.reviewed.name not in damaged:
        for page in _pages_of(connection, _REVIEWED, block):
            for image_id, at in page:
                row = _place(block.image_ids, image_id)
                if row is None:
                    cells.stray += 1
                else:
                    cells.marked_at[row] = at
    return cells


def _replay(connection: Connection, block: _Block, sets: dict[int, NDArray[np.bool_]]) -> _Cells:
    """What the journal results in."""
    cells = _Cells(block)
    for page in _pages_of(connection, _JOURNAL, block):
        times = _times(connection, {row[0] for row in page})
        run: list[Any] = []
        for row in page:
            if row[2] is not None:
                run.append(row)
                continue
            _replay_classes(cells, block, times, run)
            run = []
            _replay_review(cells, block, sets, times, row)
        _replay_classes(cells, block, times, run)
    return cells


def _times(connection: Connection, batches: set[int]) -> dict[int, int]:
    """When what these batches say was said; not those that bring back what was there before."""
    return dict(
        rows(
            connection,
            "SELECT id, at FROM batches WHERE action IN ('apply', 'import', 'confirmed', "
            "'reviewed') AND id IN (SELECT value FROM json_each(?))",
            (as_json(batches),),
        )
    )


def _replay_classes(
    cells: _Cells, block: _Block, times: dict[int, int], run: Sequence[Any]
) -> None:
    """Changes of single classes, in their order."""
    if not run:
        return
    columns = list(zip(*run, strict=True))
    row, column, known = _places(block, columns[1], columns[2])
    cells.stray += int(np.count_nonzero(~known))
    none = np.array(
        [
            verdict not in (None, 0, 1)
            or (verdict is not None and (source not in _SOURCES or times.get(batch, at) != at))
            for batch, verdict, at, source in zip(
                columns[0], columns[6], columns[7], columns[8], strict=True
            )
        ],
        np.bool_,
    )
    cells.contradictions += int(np.count_nonzero(none))
    cells.contradicted[row[none & known]] = True
    before = _verdicts(columns[3]), _numbers(columns[4]), _source_numbers(columns[5])
    after = _verdicts(columns[6]), _numbers(columns[7]), _source_numbers(columns[8])
    for turn in _turns(row * len(block.class_ids) + column, known):
        where = row[turn], column[turn]
        other = cells.differ(where, *(value[turn] for value in before))
        cells.contradictions += int(np.count_nonzero(other))
        cells.contradicted[row[turn][other]] = True
        cells.set(where, *(value[turn] for value in after))


def _turns(keys: Ids, known: NDArray[np.bool_]) -> Iterator[Ids]:
    """Positions in ``keys`` in an order in which each comes after its earlier equals, as groups
    without equals."""
    places = np.flatnonzero(known)
    while len(places):
        _, first = np.unique(keys[places], return_index=True)
        yield places[np.sort(first)]
        rest = np.ones(len(places), np.bool_)
        rest[first] = False
        places = places[rest]


def _replay_review(
    cells: _Cells,
    block: _Block,
    sets: dict[int, NDArray[np.bool_]],
    times: dict[int, int],
    change: Sequence[Any],
) -> None:
    batch, image_id = change[:2]
    set_id, besides = change[9:11]
    row = _place(block.image_ids, image_id)
    inside = None if set_id is None else _inside(sets, set_id, block, besides)
    if row is None or (set_id is not None and inside is None):
        cells.stray += 1
        if row is not None:
            cells.contradicted[row] = True
        return
    before_this = cells.contradictions
    _replay_row_of_review(cells, row, inside, times.get(batch), change)
    cells.contradicted[row] |= cells.contradictions > before_this


def _replay_row_of_review(
    cells: _Cells,
    row: int,
    inside: NDArray[np.bool_] | None,
    made: int | None,
    change: Sequence[Any],
) -> None:
    batch, _image_id, _class, was_marked, was_at, was, is_marked, is_at, becomes = change[:9]
    set_id, _besides, declared_at = change[9:]
    if was_marked != is_marked:
        expected = -1 if was_marked is None else was_at
        cells.contradictions += int(cells.marked_at[row] != expected)
        cells.marked_at[row] = -1 if is_marked is None else is_at
        cells.contradictions += int(is_marked is not None and made not in (None, is_at))
    if inside is None:
        return
    where = row, inside
    reviewed = 0, declared_at, _SOURCES[Source.REVIEWED.value]
    nothing = -1, 0, _NO_SOURCE
    declares = becomes == Source.REVIEWED.value
    if not declares and was != Source.REVIEWED.value:
        cells.contradictions += 1
        return
    before, after = (nothing, reviewed) if declares else (reviewed, nothing)
    cells.contradictions += int(np.count_nonzero(cells.differ(where, *before)))
    cells.set(where, *after)
    if declares:
        cells.contradictions += int(made not in (None, declared_at))
        cells.reviews.append((row, batch, set_id, declared_at))


def _without(
    inside: NDArray[np.bool_], class_ids: Ids, besides: object
) -> NDArray[np.bool_] | None:
    """The classes of a set without those ``besides``; None if these are no numbers."""
    if besides == "":
        return inside
    try:
        return inside & ~np.isin(class_ids, [int(text) for text in str(besides).split(",")])
    except (ValueError, OverflowError):
        return None


def _inside(
    sets: dict[int, NDArray[np.bool_]], set_id: int, block: _Block, besides: object
) -> NDArray[np.bool_] | None:
    """(C,) the classes of a set without those ``besides``; None if there is no such set."""
    return _without(sets[set_id], block.class_ids, besides) if set_id in sets else None


def _place(ids: Ids, requested: int) -> int | None:
    at = int(np.searchsorted(ids, requested))
    return at if at < len(ids) and ids[at] == requested else None


def _places(
    block: _Block, images: Sequence[Any], classes: Sequence[Any]
) -> tuple[Ids, Ids, NDArray[np.bool_]]:
    row, row_known = declared.positions(block.image_ids, _numbers(images))
    column, column_known = declared.positions(block.class_ids, _numbers(classes))
    return row, column, row_known & column_known


def _numbers(values: Sequence[Any]) -> Ids:
    """Integers; what is none counts as 0."""
    return np.fromiter(
        (value if isinstance(value, int) else 0 for value in values), np.int64, len(values)
    )


def _verdicts(values: Sequence[Any]) -> NDArray[np.int8]:
    return np.fromiter((value if value in (0, 1) else -1 for value in values), np.int8, len(values))


def _source_numbers(values: Sequence[Any]) -> NDArray[np.int8]:
    numbers = (
        _NO_SOURCE if value is None else _SOURCES.get(value, _UNKNOWN_SOURCE) for value in values
    )
    return np.fromiter(numbers, np.int8, len(values))


# ---------------------------------------------------------------------------------- the journal


@contextmanager
def _without_guards(connection: Connection, needed: bool) -> Iterator[None]:
    """The triggers that let nobody change the journal are gone within the block, if ``needed``."""
    if not needed:
        yield
        return
    of = "FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'journal'"
    guards = [tuple(row) for row in connection.exec_driver_sql(f"SELECT name, sql {of}").all()]
    for name, _sql in guards:
        connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
    yield
    for _name, sql in guards:
        connection.exec_driver_sql(sql)


def _keep(connection: Connection, readable: Sequence[Any]) -> None:
    """Replace a journal with damaged pages by one of those of its rows that can be read."""
    known = {
        column.name: set(_ids(connection, f"SELECT id FROM {column.name.removesuffix('_id')}{s}"))
        for column, s in (
            (schema.journal.c.batch_id, "es"),
            (schema.journal.c.image_id, "s"),
            (schema.journal.c.class_id, "es"),
            (schema.journal.c.class_set_id, "s"),
        )
    }
    names = [column.name for column in schema.journal.columns]
    last = _last_row(connection)
    kept = [
        row
        for row in readable
        if all(
            value is None or value in known[name]
            for name, value in zip(names, row, strict=True)
            if name in known
        )
        and None not in (row[names.index("batch_id")], row[names.index("image_id")])
        and isinstance(row[names.index("besides")], str)
    ]
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    try:
        connection.exec_driver_sql("DELETE FROM sqlite_master WHERE tbl_name = 'journal'")
    finally:
        connection.exec_driver_sql("PRAGMA writable_schema = RESET")
    schema.journal.create(connection)
    places = ", ".join("?" * len(names))
    _insert(connection, f"INSERT INTO journal ({', '.join(names)}) VALUES ({places})", kept)
    # No number is given twice.
    connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = 'journal'")
    connection.exec_driver_sql("INSERT INTO sqlite_sequence VALUES ('journal', ?)", (last,))
    log.warning("%d rows of the journal are kept, of numbers up to %d", len(kept), last)


def _last_row(connection: Connection) -> int:
    of = "FROM sqlite_sequence WHERE name = 'journal'"
    return int(connection.exec_driver_sql(f"SELECT seq {of}").scalar() or 0)


def _readable_rows(connection: Connection) -> list[Any]:
    """Rows of the journal, without those that cannot be read."""
    driver = connection.connection.driver_connection
    assert driver is not None
    names = ", ".join(column.name for column in schema.journal.columns)
    sql = f"SELECT {names} FROM journal NOT INDEXED"
    found: list[Any] = []
    last = _last_row(connection)
    ranges = [(1, last)]
    while ranges:
        low, high = ranges.pop()
        if low > high:
            continue
        try:
            # Closed also if it fails: it would hold on to what the file was at this moment.
            with closing(driver.cursor()) as cursor:
                cursor.execute(f"{sql} WHERE id BETWEEN ? AND ?", (low, high))
                found += cursor.fetchall()
        except (sqlite3.DatabaseError, DBAPIError) as error:
            if not _is_damage(error):
                raise
            if low < high:
                middle = (low + high) // 2
                ranges += [(middle + 1, high), (low, middle)]
    # A page in the wrong place may give rows twice, or of other numbers.
    return [row for _number, row in sorted({row[0]: row for row in found}.items())]


def _batch_to_begin_with(connection: Connection) -> int:
    sql = "INSERT INTO batches (at, action) VALUES (?, ?)"
    driver = connection.connection.driver_connection
    assert driver is not None
    return int(driver.execute(sql, (now(), REPAIRED)).lastrowid)


def _begin_anew(
    connection: Connection, block: _Block, wanted: _Cells, stored: _Cells, batch: int
) -> None:
    """Let the journal of images that it contradicts, or says otherwise about, begin with what is
    stored of them."""
    if wanted.stray:
        connection.exec_driver_sql(
            "DELETE FROM journal WHERE image_id BETWEEN ? AND ? AND ("
            "image_id NOT IN (SELECT id FROM images) OR (class_id IS NOT NULL AND class_id NOT IN "
            "(SELECT id FROM classes)) OR (class_set_id IS NOT NULL AND class_set_id NOT IN "
            "(SELECT id FROM class_sets)))",
            (block.first, block.last),
        )
    if stored.stray:
        _remove_stray(connection, block)
    other = _differing(wanted, stored).any(axis=1) | (wanted.marked_at != stored.marked_at)
    ids = as_json(block.image_ids[wanted.contradicted | other])
    of = "WHERE image_id IN (SELECT value FROM json_each(?))"
    rows(connection, f"DELETE FROM journal {of}", (ids,))
    begins = "INSERT INTO journal (batch_id, image_id, class_id, after_verdict, after_at,"
    reviewed = Source.REVIEWED.value
    for statement in (
        f"{begins} after_source, class_set_id, besides, declared_at) SELECT ?, image_id, NULL, "
        f"NULL, NULL, '{reviewed}', class_set_id, besides, at FROM declared_absent {of}",
        f"{begins} after_source) SELECT ?, image_id, class_id, verdict, at, source "
        f"FROM annotations {of}",
        f"{begins} after_source) SELECT ?, image_id, NULL, 1, at, NULL FROM reviewed {of}",
    ):
        rows(connection, statement, (batch, ids))


# ----------------------------------------------------------------------------------- mending


def _mend(connection: Connection, block: _Block, wanted: _Cells, stored: _Cells) -> None:
    """Store the verdicts of images that differ as the journal says."""
    if stored.stray:
        _remove_stray(connection, block)
    marks = np.flatnonzero(wanted.marked_at != stored.marked_at)
    ids = block.image_ids[marks]
    rows(connection, "DELETE FROM reviewed WHERE image_id IN (SELECT value FROM json_each(?))",
         (as_json(ids),))  # fmt: skip
    _insert(
        connection,
        "INSERT INTO reviewed (image_id, at) VALUES (?, ?)",
        [
            (image, at)
            for image, at in zip(ids.tolist(), wanted.marked_at[marks].tolist(), strict=True)
            if at >= 0
        ],
    )
    differs = np.flatnonzero(_differing(wanted, stored).any(axis=1))
    if not len(differs):
        return
    for name in (schema.annotations.name, schema.declared_absent.name):
        rows(
            connection,
            f"DELETE FROM {name} WHERE image_id IN (SELECT value FROM json_each(?))",
            (as_json(block.image_ids[differs]),),
        )
    left = wanted.verdicts >= 0
    _insert(
        connection,
        "INSERT INTO declared_absent (image_id, batch_id, at, class_set_id, besides) "
        "VALUES (?, ?, ?, ?, ?)",
        list(_declarations(connection, block, wanted, set(differs.tolist()), left)),
    )
    row, column = np.nonzero(left[differs])
    row = differs[row]
    names = [_SOURCE_NAMES[number] for number in wanted.sources[row, column].tolist()]
    _insert(
        connection,
        "INSERT INTO annotations (image_id, class_id, verdict, at, source) VALUES (?, ?, ?, ?, ?)",
        list(
            zip(
                block.image_ids[row].tolist(),
                block.class_ids[column].tolist(),
                wanted.verdicts[row, column].tolist(),
                wanted.at[row, column].tolist(),
                names,
                strict=True,
            )
        ),
    )


def _remove_stray(connection: Connection, block: _Block) -> None:
    """Delete verdicts of images and classes that there are not."""
    for table in VERDICTS:
        stray = "image_id NOT IN (SELECT id FROM images)"
        if "class_id" in table.c:
            stray += " OR class_id NOT IN (SELECT id FROM classes)"
        connection.exec_driver_sql(
            f"DELETE FROM {table.name} WHERE image_id BETWEEN ? AND ? AND ({stray})",
            (block.first, block.last),
        )


def _declarations(
    connection: Connection,
    block: _Block,
    wanted: _Cells,
    differs: set[int],
    left: NDArray[np.bool_],
) -> Iterator[tuple[int, int, int, int, str]]:
    """Rows of ``declared_absent`` for these images; their cells are no longer ``left``."""
    sets = {
        key: declared.numbers([text])
        for key, text in rows(connection, "SELECT id, classes FROM class_sets")
    }
    reviewed = _SOURCES[Source.REVIEWED.value]
    # An undone declaration that was done again has one row, of the newest batch.
    for row, batch, set_id, at in reversed(wanted.reviews):
        if row not in differs:
            continue
        holds = (
            left[row]
            & np.isin(block.class_ids, sets[set_id])
            & (wanted.verdicts[row] == 0)
            & (wanted.at[row] == at)
            & (wanted.sources[row] == reviewed)
        )
        if holds.any():
            left[row, holds] = False
            besides = np.setdiff1d(sets[set_id], block.class_ids[holds])
            text = ",".join(map(str, besides.tolist()))
            yield int(block.image_ids[row]), batch, at, set_id, text


def _insert(connection: Connection, sql: str, values: Sequence[tuple[Any, ...]]) -> None:
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.executemany(sql, values)
