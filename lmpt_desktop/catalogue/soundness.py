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
from lmpt_desktop.catalogue.journal_replay import (
    SOURCES,
    Block,
    Cells,
    blocks,
    compare,
    differing,
    ids_of,
)
from lmpt_desktop.catalogue.store import Store, as_json, connect, now, rows, write_rows
from lmpt_desktop.domain.records import Source

log = logging.getLogger(__name__)

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
_SOURCE_NAMES = [source.value for source in Source]
_ENDED = "the check ended: the pages are in disorder"
_TREE = re.compile(r"[Tt]ree (\d+)|^Page (\d+)")
"""A page that is named without its tree is the first of one."""
_INDEX = re.compile(r"in(?:to)? index (\S+)|from index (\S+)|entries in index (\S+)")


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


@dataclass
class _Tally:
    lost: int = 0
    changed: int = 0
    added: int = 0
    marks: int = 0
    images: int = 0
    contradictions: int = 0

    def add(self, _block: Block, wanted: Cells, stored: Cells) -> None:
        differs = differing(wanted, stored)
        has, had = stored.verdicts >= 0, wanted.verdicts >= 0
        self.lost += int(np.count_nonzero(differs & had & ~has))
        self.added += int(np.count_nonzero(differs & has & ~had)) + stored.stray
        self.changed += int(np.count_nonzero(differs & has & had))
        marks = wanted.marked_at != stored.marked_at
        self.marks += int(np.count_nonzero(marks))
        self.images += int(np.count_nonzero(differs.any(axis=1) | marks)) + stored.stray
        self.contradictions += wanted.contradictions + wanted.stray


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
    for block in blocks(connection):
        if should_stop():
            return False
        tally.add(block, *compare(connection, block, frozenset(damaged)))
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
        for block in blocks(connection):
            wanted, stored = compare(connection, block, frozenset())
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
        column.name: set(ids_of(connection, f"SELECT id FROM {column.name.removesuffix('_id')}{s}"))
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
    write_rows(connection, f"INSERT INTO journal ({', '.join(names)}) VALUES ({places})", kept)
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
    connection: Connection, block: Block, wanted: Cells, stored: Cells, batch: int
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
    other = differing(wanted, stored).any(axis=1) | (wanted.marked_at != stored.marked_at)
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


def _mend(connection: Connection, block: Block, wanted: Cells, stored: Cells) -> None:
    """Store the verdicts of images that differ as the journal says."""
    if stored.stray:
        _remove_stray(connection, block)
    marks = np.flatnonzero(wanted.marked_at != stored.marked_at)
    ids = block.image_ids[marks]
    rows(connection, "DELETE FROM reviewed WHERE image_id IN (SELECT value FROM json_each(?))",
         (as_json(ids),))  # fmt: skip
    write_rows(
        connection,
        "INSERT INTO reviewed (image_id, at) VALUES (?, ?)",
        [
            (image, at)
            for image, at in zip(ids.tolist(), wanted.marked_at[marks].tolist(), strict=True)
            if at >= 0
        ],
    )
    differs = np.flatnonzero(differing(wanted, stored).any(axis=1))
    if not len(differs):
        return
    for name in (schema.annotations.name, schema.declared_absent.name):
        rows(
            connection,
            f"DELETE FROM {name} WHERE image_id IN (SELECT value FROM json_each(?))",
            (as_json(block.image_ids[differs]),),
        )
    left = wanted.verdicts >= 0
    write_rows(
        connection,
        "INSERT INTO declared_absent (image_id, batch_id, at, class_set_id, besides) "
        "VALUES (?, ?, ?, ?, ?)",
        list(_declarations(connection, block, wanted, set(differs.tolist()), left)),
    )
    row, column = np.nonzero(left[differs])
    row = differs[row]
    names = [_SOURCE_NAMES[number] for number in wanted.sources[row, column].tolist()]
    write_rows(
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


def _remove_stray(connection: Connection, block: Block) -> None:
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
    block: Block,
    wanted: Cells,
    differs: set[int],
    left: NDArray[np.bool_],
) -> Iterator[tuple[int, int, int, int, str]]:
    """Rows of ``declared_absent`` for these images; their cells are no longer ``left``."""
    sets = {
        key: declared.numbers([text])
        for key, text in rows(connection, "SELECT id, classes FROM class_sets")
    }
    reviewed = SOURCES[Source.REVIEWED.value]
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
