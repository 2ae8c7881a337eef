"""What reviews declared absent: one row for all the classes of an image.

A row says that a review declared these classes of this image absent, at this moment.  The classes
are those of a *class set*, which most images of a library share, without the few ``excluded``
ones (column ``besides``) that were annotated already.  The verdict on a class of an image is in
one place at most: in ``annotations``, or in one row here; see docs/adr/0008.

Nothing here loops over images where numpy can do it: cells are bool matrices, a row per image and
a column per class.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from lmpt_desktop.catalogue.store import rows

Ids = NDArray[np.int64]
Cells = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows that each declare many classes of one image absent, as columns.

    Attributes:
        image_ids, batch_ids, at: (m,) int64.
        set_ids: (m,) int64, the class sets.
        excluded: m texts, the ids of the set's classes that the row does not declare.
    """

    image_ids: Ids
    batch_ids: Ids
    at: Ids
    set_ids: Ids
    excluded: Sequence[str]

    @classmethod
    def of(cls, found: Sequence[tuple[Any, ...]]) -> Rows:
        """From tuples (image, batch, at, set, excluded)."""
        columns = list(zip(*found, strict=True)) or [()] * 5
        images, batches, at, sets = (np.array(column, np.int64) for column in columns[:4])
        return cls(images, batches, at, sets, columns[4])

    def __len__(self) -> int:
        return len(self.image_ids)


def read(connection: Connection, image_ids: Ids | None) -> Rows:
    """The rows of these images, or of all."""
    sql = "SELECT image_id, batch_id, at, class_set_id, besides FROM declared_absent"
    if image_ids is None:
        return Rows.of(rows(connection, sql))
    only = " WHERE image_id IN (SELECT value FROM json_each(?))"
    return Rows.of(rows(connection, sql + only, (json.dumps(image_ids.tolist()),)))


def members(connection: Connection, set_ids: Ids) -> dict[int, Ids]:
    """The classes of each of these sets, ascending; none for a set that does not exist."""
    requested = np.unique(set_ids).tolist()
    sql = "SELECT id, classes FROM class_sets WHERE id IN (SELECT value FROM json_each(?))"
    found = rows(connection, sql, (json.dumps(requested),))
    return dict.fromkeys(requested, np.empty(0, np.int64)) | {
        key: numbers([classes]) for key, classes in found
    }


def cells_of(connection: Connection, found: Rows, class_ids: Ids) -> Cells:
    """(m, C) bool: which of these classes each row declares absent."""
    if not len(found) or not len(class_ids):
        return np.zeros((len(found), len(class_ids)), np.bool_)
    sets, which = np.unique(found.set_ids, return_inverse=True)
    inside = members(connection, sets)
    table = np.stack([np.isin(class_ids, inside[int(key)]) for key in sets])
    cells = table[which]
    with_excluded = [i for i, text in enumerate(found.excluded) if text]
    if with_excluded:
        texts = [found.excluded[i] for i in with_excluded]
        row = np.repeat(with_excluded, [text.count(",") + 1 for text in texts])
        column, known = positions(class_ids, numbers(texts))
        cells[row[known], column[known]] = False
    return cells


def joined(image_ids: Ids, found: Rows, cells: Cells) -> Cells:
    """(n, C) bool by image rather than by row: what any row of the image declares absent."""
    result = np.zeros((len(image_ids), cells.shape[1]), np.bool_)
    row, known = positions(image_ids, found.image_ids)
    row, cells = row[known], cells[known]
    # An image has one row, or a few after the vocabulary grew: one of each image per round.
    while len(row):
        _, first = np.unique(row, return_index=True)
        result[row[first]] |= cells[first]
        rest = np.ones(len(row), np.bool_)
        rest[first] = False
        row, cells = row[rest], cells[rest]
    return result


def encode(connection: Connection, cells: Cells, class_ids: Ids) -> tuple[list[int], list[str]]:
    """How rows for these cells are written: set id and excluded classes of each row.

    Sets are interned: rows that lack a few classes share the set of all ``class_ids``, others
    have one of their own.  Rows without a cell get set 0.
    """
    if not cells.size:
        return [0] * len(cells), [""] * len(cells)
    packed = np.packbits(cells, axis=1)
    keys = np.ascontiguousarray(packed).view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, firsts, which = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(class_ids)
    ids = class_ids[order]
    whole = 0
    written: list[tuple[int, str]] = []
    for first in firsts:
        declared = cells[first][order]
        count = int(declared.sum())
        if not count:
            written.append((0, ""))
        elif 2 * count < len(declared):
            written.append((_intern(connection, ids[declared]), ""))
        else:
            whole = whole or _intern(connection, ids)
            written.append((whole, _text(ids[~declared])))
    set_ids, excluded = zip(*(written[i] for i in which.ravel()), strict=True)
    return list(set_ids), list(excluded)


def remove(connection: Connection, image_ids: Ids, at: Ids, cells: Cells, class_ids: Ids) -> None:
    """Remove cells of image i that were declared at ``at[i]``.

    They may be in rows here, or in ``annotations`` where an undo has restored them.
    """
    if not cells.size:
        return
    found = read(connection, image_ids)
    place, _ = positions(image_ids, found.image_ids)
    same = np.flatnonzero(found.at == at[place])
    found = Rows(
        found.image_ids[same],
        found.batch_ids[same],
        found.at[same],
        found.set_ids[same],
        [found.excluded[i] for i in same.tolist()],
    )
    inside = members(connection, found.set_ids)
    every = np.unique(np.concatenate([class_ids, *inside.values()]))
    column, _ = positions(every, class_ids)
    now = cells_of(connection, found, every)
    going = np.zeros((len(found), len(every)), np.bool_)
    going[:, column] = cells[place[same]]
    going &= now
    left = now & ~going
    keys = list(zip(found.image_ids.tolist(), found.batch_ids.tolist(), strict=True))
    empty: Cells = ~np.asarray(left.any(axis=1))
    _many(
        connection,
        "DELETE FROM declared_absent WHERE image_id = ? AND batch_id = ?",
        [key for key, none in zip(keys, empty.tolist(), strict=True) if none],
    )
    changed = np.flatnonzero(going.any(axis=1) & ~empty)
    _many(
        connection,
        "UPDATE declared_absent SET besides = ? WHERE image_id = ? AND batch_id = ?",
        [
            (_text(np.setdiff1d(inside[int(found.set_ids[i])], every[left[i]])), *keys[i])
            for i in changed
        ],
    )
    row, where = explicit(connection, image_ids, at, class_ids)
    gone = cells[row, where]
    _many(
        connection,
        "DELETE FROM annotations WHERE image_id = ? AND class_id = ?",
        zip(image_ids[row[gone]].tolist(), class_ids[where[gone]].tolist(), strict=True),
    )


def explicit(
    connection: Connection, image_ids: Ids, at: Ids, class_ids: Ids
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of the cells that ``annotations`` has as a review at ``at[i]`` left
    them."""
    found = rows(
        connection,
        "SELECT image_id, class_id, at FROM annotations WHERE source = 'reviewed' "
        "AND verdict = 0 AND image_id IN (SELECT value FROM json_each(?))",
        (json.dumps(image_ids.tolist()),),
    )
    table = np.array(found, np.int64).reshape(-1, 3)
    row, known_row = positions(image_ids, table[:, 0])
    column, known_column = positions(class_ids, table[:, 1])
    keep = known_row & known_column
    row, column, table = row[keep], column[keep], table[keep]
    same = table[:, 2] == at[row]
    return row[same], column[same]


def still_declared(connection: Connection, image_ids: Ids, at: Ids, class_ids: Ids) -> Cells:
    """(n, C) bool: the cells that are as a review at ``at[i]`` left them."""
    found = read(connection, image_ids)
    place, _ = positions(image_ids, found.image_ids)
    cells = cells_of(connection, found, class_ids)
    cells &= (found.at == at[place])[:, None]
    result = joined(image_ids, found, cells)
    result[explicit(connection, image_ids, at, class_ids)] = True
    return result


def numbers(texts: Iterable[str]) -> Ids:
    """The integers in texts that separate them by commas."""
    return np.fromstring(",".join(texts), np.int64, sep=",")


def positions(requested: Ids, found: Ids) -> tuple[NDArray[np.int64], Cells]:
    """Where each of ``found`` is in ``requested``, and whether it is there."""
    if not len(requested):
        return np.zeros(len(found), np.int64), np.zeros(len(found), np.bool_)
    order = np.argsort(requested, kind="stable")
    at = np.searchsorted(requested, found, sorter=order)
    at = np.minimum(at, len(requested) - 1)
    position = order[at]
    return position, requested[position] == found


def _text(ids: Ids) -> str:
    return ",".join(map(str, ids.tolist()))


def _intern(connection: Connection, class_ids: Ids) -> int:
    """The id of the set of exactly these classes (ascending)."""
    text = _text(class_ids)
    found = rows(connection, "SELECT id FROM class_sets WHERE classes = ?", (text,))
    if found:
        return int(found[0][0])
    rows(connection, "INSERT INTO class_sets (classes) VALUES (?)", (text,))
    set_id = int(rows(connection, "SELECT last_insert_rowid()")[0][0])
    _many(
        connection,
        "INSERT INTO class_set_members (class_set_id, class_id) VALUES (?, ?)",
        [(set_id, class_id) for class_id in class_ids.tolist()],
    )
    return set_id


def _many(connection: Connection, sql: str, parameters: Iterable[tuple[Any, ...]]) -> None:
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.executemany(sql, parameters)
