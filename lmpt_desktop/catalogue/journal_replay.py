"""What the journal, replayed from its beginning, results in, beside the verdicts that are stored.

For :mod:`.soundness`, which compares the two and mends one from the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from lmpt_desktop.catalogue import declared_absent as declared
from lmpt_desktop.catalogue import schema
from lmpt_desktop.catalogue.declared_absent import Ids
from lmpt_desktop.catalogue.store import as_json, rows
from lmpt_desktop.domain.records import Source

CELLS = 4_000_000
"""Classes of images that are compared at once (10 bytes each, twice)."""
SOURCES = {source.value: number for number, source in enumerate(Source)}
"""Sources of verdicts, as numbers."""
_NO_SOURCE, _UNKNOWN_SOURCE = -1, 99
_CHUNK = 65_536

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


@dataclass(frozen=True, eq=False)
class Block:
    """Images that are compared together: all rows from ``first`` to ``last`` are of them."""

    first: int
    last: int
    image_ids: Ids
    class_ids: Ids


class Cells:
    """Verdicts of a block: (n, C) arrays, and what is of no image or class that there is."""

    def __init__(self, block: Block) -> None:
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


def differing(wanted: Cells, stored: Cells) -> NDArray[np.bool_]:
    """(n, C) which cells are stored otherwise than the journal says."""
    return wanted.differ(..., stored.verdicts, stored.at, stored.sources)


def blocks(connection: Connection) -> Iterator[Block]:
    """All images, in parts that have about ``CELLS`` cells."""
    image_ids = ids_of(connection, "SELECT id FROM images ORDER BY id")
    class_ids = ids_of(connection, "SELECT id FROM classes ORDER BY id")
    size = max(1, CELLS // max(1, len(class_ids)))
    starts = range(0, max(1, len(image_ids)), size)
    for start in starts:
        part = image_ids[start : start + size]
        first = int(part[0]) if start else -_LARGEST
        following = start + size
        last = int(image_ids[following]) - 1 if following < len(image_ids) else _LARGEST
        yield Block(first, last, part, class_ids)


def ids_of(connection: Connection, sql: str) -> Ids:
    """(n,) int64 of a query with one column."""
    return np.array(rows(connection, sql), np.int64).reshape(-1)


def compare(connection: Connection, block: Block, damaged: frozenset[str]) -> tuple[Cells, Cells]:
    """A block as the journal says, and as it is stored; tables that are ``damaged`` count as
    empty."""
    sets = {
        key: np.isin(block.class_ids, declared.numbers([text]))
        for key, text in rows(connection, "SELECT id, classes FROM class_sets")
    }
    return _replay(connection, block, sets), _stored(connection, block, sets, damaged)


def _pages_of(connection: Connection, sql: str, block: Block) -> Iterator[list[Any]]:
    driver = connection.connection.driver_connection
    assert driver is not None
    with closing(driver.cursor()) as cursor:
        cursor.execute(sql, (block.first, block.last))
        while found := cursor.fetchmany(_CHUNK):
            yield found


def _stored(
    connection: Connection,
    block: Block,
    sets: dict[int, NDArray[np.bool_]],
    damaged: frozenset[str],
) -> Cells:
    cells = Cells(block)
    if schema.declared_absent.name not in damaged:
        for page in _pages_of(connection, _DECLARED, block):
            for image_id, _batch, at, set_id, besides in page:
                row = _place(block.image_ids, image_id)
                inside = _inside(sets, set_id, block, besides)
                if row is None:
                    cells.stray += 1
                elif inside is not None:
                    cells.set((row, inside), 0, at, SOURCES[Source.REVIEWED.value])
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


def _replay(connection: Connection, block: Block, sets: dict[int, NDArray[np.bool_]]) -> Cells:
    """What the journal results in."""
    cells = Cells(block)
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


def _replay_classes(cells: Cells, block: Block, times: dict[int, int], run: Sequence[Any]) -> None:
    """Changes of single classes, in their order."""
    if not run:
        return
    columns = list(zip(*run, strict=True))
    row, column, known = _places(block, columns[1], columns[2])
    cells.stray += int(np.count_nonzero(~known))
    none = np.array(
        [
            verdict not in (None, 0, 1)
            or (verdict is not None and (source not in SOURCES or times.get(batch, at) != at))
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
    cells: Cells,
    block: Block,
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
    cells: Cells,
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
    reviewed = 0, declared_at, SOURCES[Source.REVIEWED.value]
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
    sets: dict[int, NDArray[np.bool_]], set_id: int, block: Block, besides: object
) -> NDArray[np.bool_] | None:
    """(C,) the classes of a set without those ``besides``; None if there is no such set."""
    return _without(sets[set_id], block.class_ids, besides) if set_id in sets else None


def _place(ids: Ids, requested: int) -> int | None:
    at = int(np.searchsorted(ids, requested))
    return at if at < len(ids) and ids[at] == requested else None


def _places(
    block: Block, images: Sequence[Any], classes: Sequence[Any]
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
        _NO_SOURCE if value is None else SOURCES.get(value, _UNKNOWN_SOURCE) for value in values
    )
    return np.fromiter(numbers, np.int8, len(values))
