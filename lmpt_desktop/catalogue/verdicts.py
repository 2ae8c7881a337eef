"""Reading verdicts: annotations of single classes and what reviews declared absent, and where
they come from."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from lmpt_desktop.catalogue import declared_absent as declared
from lmpt_desktop.catalogue.bulk import put_verdicts
from lmpt_desktop.catalogue.store import rows
from lmpt_desktop.domain.records import Source

MANY = 20_000
"""From this many images on the whole table is read rather than the rows of each image."""


def verdict_matrix(
    connection: Connection, image_ids: NDArray[np.int64], class_ids: NDArray[np.int64]
) -> NDArray[np.int8]:
    """See :meth:`Annotations.matrix`."""
    result = np.full((len(image_ids), len(class_ids)), -1, np.int8)
    if not result.size:
        return result
    few = len(image_ids) < MANY
    found = declared.read(connection, image_ids if few else None)
    if len(found):
        cells = declared.cells_of(connection, found, class_ids)
        result[declared.joined(image_ids, found, cells)] = 0
    if not few and bool(np.all(np.diff(image_ids) > 0)):
        put_verdicts(connection, result, image_ids, class_ids)
        return result
    # One row per image rather than per annotation: numpy reads numbers far faster from one
    # long text than Python does from a million tuples.
    sql = (
        "SELECT image_id, count(*), group_concat(class_id), group_concat(verdict) "
        "FROM annotations {} GROUP BY image_id"
    )
    if few:
        only = "WHERE image_id IN (SELECT value FROM json_each(?))"
        found_rows = rows(connection, sql.format(only), (json.dumps(image_ids.tolist()),))
    else:
        found_rows = rows(connection, sql.format(""))
    if found_rows:
        images, counts, classes, verdicts = zip(*found_rows, strict=True)
        row, row_found = declared.positions(image_ids, np.repeat(images, counts))
        column, column_found = declared.positions(class_ids, declared.numbers(classes))
        keep = row_found & column_found
        result[row[keep], column[keep]] = declared.numbers(verdicts)[keep]
    return result


_SOURCE_NUMBERS = " ".join(f"WHEN '{source}' THEN {i}" for i, source in enumerate(Source))


def source_matrix(
    connection: Connection, image_ids: NDArray[np.int64], class_ids: NDArray[np.int64]
) -> NDArray[np.int8]:
    """See :meth:`Annotations.sources`."""
    result = np.full((len(image_ids), len(class_ids)), -1, np.int8)
    if not result.size:
        return result
    found = declared.read(connection, image_ids)
    if len(found):
        cells = declared.cells_of(connection, found, class_ids)
        result[declared.joined(image_ids, found, cells)] = list(Source).index(Source.REVIEWED)
    found_rows = rows(
        connection,
        "SELECT image_id, count(*), group_concat(class_id), "
        f"group_concat(CASE source {_SOURCE_NUMBERS} ELSE 0 END) FROM annotations "
        "WHERE image_id IN (SELECT value FROM json_each(?)) GROUP BY image_id",
        (json.dumps(image_ids.tolist()),),
    )
    if found_rows:
        images, counts, classes, sources = zip(*found_rows, strict=True)
        row, row_found = declared.positions(image_ids, np.repeat(images, counts))
        column, column_found = declared.positions(class_ids, declared.numbers(classes))
        keep = row_found & column_found
        result[row[keep], column[keep]] = declared.numbers(sources)[keep]
    return result
