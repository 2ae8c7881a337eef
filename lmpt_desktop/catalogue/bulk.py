"""Reads of a whole library.

SQLite joins a few thousand rows into a handful of long texts, without holding Python's lock, and
numpy reads the numbers in them.  A hundred thousand rows as tuples take twice the time, most of
it with the lock held, and the window freezes for as long.  Each call that does hold the lock
is about a chunk, so that the window can run between two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from lmpt_desktop.catalogue.store import rows
from lmpt_desktop.catalogue.stored_paths import from_stored
from lmpt_desktop.domain.records import ImageState
from lmpt_desktop.domain.texts import Texts

CHUNK_BITS = 12
CHUNK = 1 << CHUNK_BITS
"""Images read at once."""

_STATES = " ".join(f"WHEN '{state.key}' THEN {int(state)}" for state in ImageState)
_PLACE_BITS = 4
_PLACE = (
    f"((folder_id << {_PLACE_BITS}) | (damaged << 3) | (edited << 2) | CASE state {_STATES} END)"
)
"""Folder, whether it is damaged and edited, and state, in one number."""
_CELL_BITS = 22
"""Bits of a cell number that hold class and verdict; those of the image are above."""

_SHOWN = "superseded = 0 AND +folder_id IN (SELECT id FROM folders WHERE hidden = 0)"
# All of SQLite's bit operators bind equally, from left to right.  The plus keeps SQLite from
# going through the index on folders, which would mean a sort.
_IMAGES = f"""
    SELECT
        group_concat({_PLACE} << {CHUNK_BITS} | (id - :first), ' '),
        group_concat(size, ' '),
        group_concat(mtime_ns, ' '),
        group_concat((coalesce(width, 0) << 32) | coalesce(height, 0), ' '),
        group_concat(coalesce(taken, ''), char(0)),
        group_concat(path, char(0)),
        group_concat(fingerprint, char(0)),
        group_concat(camera_id, ' ')
    FROM (
        SELECT * FROM images WHERE id BETWEEN :first AND :last
        AND {_SHOWN} ORDER BY id
    )
"""
_VERDICTS = f"""
    SELECT group_concat((image_id << {_CELL_BITS}) | (class_id << 1) | verdict, ' ')
    FROM annotations WHERE image_id BETWEEN :first AND :last
"""

_USABLE = f"""
    SELECT group_concat(id, ' ') FROM images
    WHERE id BETWEEN :first AND :last AND state = 'ok' AND {_SHOWN}
"""
_PRINTS = """
    SELECT group_concat(id, ' '), group_concat(fingerprint, char(0))
    FROM images WHERE id BETWEEN :first AND :last
"""


def image_columns(
    connection: Connection, seconds: Callable[[Sequence[str]], NDArray[np.int64]]
) -> dict[str, Any]:
    """Columns of :class:`~lmpt_desktop.catalogue.records.ImageTable`, over the
    images of folders that are not hidden, by ascending id.

    Args:
        connection: in a transaction, so that all chunks are of one moment.
        seconds: makes seconds since the epoch of dates as stored ("" if there is none).
    """
    numbers: list[list[NDArray[np.int64]]] = [[], [], [], [], [], []]
    taken: list[NDArray[np.int64]] = []
    names: list[Texts] = []
    fingerprints: list[Texts] = []
    for first, (packed, sizes, mtimes, shapes, dates, paths, prints, cameras) in _chunks(
        connection, "images", "id", _IMAGES
    ):
        keys = _numbers(packed)
        columns = (
            (keys & (CHUNK - 1)) + first,
            keys >> CHUNK_BITS,
            _numbers(sizes),
            _numbers(mtimes),
            _numbers(shapes),
            _numbers(cameras),
        )
        for column, part in zip(numbers, columns, strict=True):
            column.append(part)
        taken.append(seconds(dates.split("\0")))
        names.append(
            Texts.of(map(from_stored, paths.split("\0"))) if "//" in paths else Texts.joined(paths)
        )
        fingerprints.append(Texts.joined(prints))
    ids, places, sizes, mtime, shapes, cameras = (_joined(parts) for parts in numbers)
    return {
        "ids": ids,
        "folder_ids": places >> _PLACE_BITS,
        "states": (places & 3).astype(np.int8),
        "edited": (places & 4) > 0,
        "damaged": (places & 8) > 0,
        "cameras": cameras.astype(np.int32),
        "sizes": sizes,
        "mtime": mtime,
        "taken": _joined(taken),
        "widths": (shapes >> 32).astype(np.int32),
        "heights": (shapes & 0xFFFFFFFF).astype(np.int32),
        "names": Texts.concatenated(names),
        "fingerprints": Texts.concatenated(fingerprints),
    }


def usable_ids(connection: Connection) -> NDArray[np.int64]:
    """(n,) ascending ids of images that exist and can be read, in folders not hidden."""
    chunks = _chunks(connection, "images", "id", _USABLE)
    return np.sort(_joined([_numbers(ids) for _first, (ids,) in chunks]))


def fingerprints(connection: Connection) -> Iterator[tuple[NDArray[np.int64], list[str]]]:
    """Ids and fingerprints of all images, hidden ones too, in chunks; ids rise from one to the
    next and within each."""
    for _first, (ids, prints) in _chunks(connection, "images", "id", _PRINTS):
        numbers, texts = _numbers(ids), prints.split("\0")
        order = np.argsort(numbers, kind="stable")
        if np.array_equal(order, np.arange(len(order))):
            yield numbers, texts
        else:
            yield numbers[order], [texts[place] for place in order.tolist()]


def put_verdicts(
    connection: Connection,
    matrix: NDArray[np.int8],
    image_ids: NDArray[np.int64],
    class_ids: NDArray[np.int64],
) -> None:
    """Write 1 or 0 wherever a verdict was given into an (N, C) ``matrix``, for very many images
    by ascending id."""
    if not matrix.size:
        return
    order = np.argsort(class_ids)
    ascending = class_ids[order]
    for _first, (text,) in _chunks(connection, "annotations", "image_id", _VERDICTS):
        cells = _numbers(text)
        images, classes = cells >> _CELL_BITS, (cells & ((1 << _CELL_BITS) - 1)) >> 1
        row = np.minimum(np.searchsorted(image_ids, images), len(image_ids) - 1)
        place = np.minimum(np.searchsorted(ascending, classes), len(class_ids) - 1)
        known = (image_ids[row] == images) & (ascending[place] == classes)
        matrix[row[known], order[place[known]]] = (cells & 1)[known]


def _chunks(
    connection: Connection, table: str, key: str, sql: str
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Where each chunk begins, and its texts; chunks without rows are left out."""
    ((lowest, highest),) = rows(connection, f"SELECT min({key}), max({key}) FROM {table}")
    if lowest is None:
        return
    for first in range(lowest, highest + 1, CHUNK):
        (texts,) = rows(connection, sql, {"first": first, "last": first + CHUNK - 1})
        if texts[0] is not None:
            yield first, texts


def _numbers(text: str) -> NDArray[np.int64]:
    return np.fromstring(text, np.int64, sep=" ")


def _joined(parts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate(parts) if parts else np.empty(0, np.int64)
