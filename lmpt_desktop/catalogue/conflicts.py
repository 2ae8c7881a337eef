"""Where libraries that were merged into this one say the opposite, and the user decides later.

A conflict is open as long as its merge is in effect and this library's verdict is the very one
that it was then, with the same time.  So any answer closes it, undoing the answer opens it again,
and undoing the merge closes all of its conflicts: nothing else has to be kept in step.
"""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from lmpt_desktop.catalogue.journal import DECLARED_AT
from lmpt_desktop.catalogue.store import THESE, Store, as_json, rows
from lmpt_desktop.domain.conflicts import StoredConflicts

_IN_EFFECT = """
    WITH RECURSIVE chain(first, id, undos) AS (
        SELECT batch_id, batch_id, 0 FROM merges
        UNION ALL
        SELECT chain.first, b.id, undos + 1 FROM batches AS b JOIN chain ON b.undoes = chain.id)
    SELECT first FROM chain GROUP BY first HAVING max(undos) % 2 = 0
"""
_CLASS_SHIFT, _IMAGE_SHIFT = 1, 23
"""Where image and class are in a conflict, which is one number; below them is the verdict."""
_KEEP = text(f"""
    WITH cells AS MATERIALIZED (
        SELECT value >> {_IMAGE_SHIFT} AS image_id,
               value >> {_CLASS_SHIFT} & {(1 << _IMAGE_SHIFT - _CLASS_SHIFT) - 1} AS class_id,
               value & 1 AS verdict
        FROM json_each(:cells)),
    given AS (
        SELECT w.*, coalesce(a.at, {DECLARED_AT.format(cell="w")}) AS mine_at
        FROM cells AS w
        LEFT JOIN annotations AS a ON a.image_id = w.image_id AND a.class_id = w.class_id)
    INSERT OR REPLACE INTO conflicts (image_id, class_id, batch_id, verdict, mine_at)
    SELECT image_id, class_id, :batch, verdict, mine_at FROM given WHERE mine_at IS NOT NULL
""")
_OPEN = f"""
    SELECT k.image_id, k.class_id, k.verdict, m.name
    FROM conflicts AS k
    JOIN merges AS m ON m.batch_id = k.batch_id
    LEFT JOIN annotations AS a ON a.image_id = k.image_id AND a.class_id = k.class_id
    WHERE k.batch_id {THESE} AND coalesce(a.at, {DECLARED_AT.format(cell="k")}) = k.mine_at
    ORDER BY k.image_id, k.class_id, k.batch_id
"""


class Conflicts:
    """Conflicts with merged libraries that are to be decided later."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def keep(
        self,
        batch_id: int,
        name: str,
        image_ids: NDArray[np.int64],
        class_ids: NDArray[np.int64],
        verdicts: NDArray[np.int8],
    ) -> None:
        """Record that the library ``name`` was merged by a batch, and what it contradicts.

        Args:
            batch_id: of the merge, in the transaction that this is part of.
            name: whose answers they are, for the user.
            image_ids, class_ids: (n,) where this library has a verdict.
            verdicts: (n,) the other library's, present or absent.

        Raises:
            NotInCatalogue: if an image or class does not exist.
        """
        cells = (
            np.asarray(image_ids, np.int64) << _IMAGE_SHIFT
            | np.asarray(class_ids, np.int64) << _CLASS_SHIFT
            | np.asarray(verdicts, np.int64)
        )
        with self._store.write() as connection:
            rows(connection, "INSERT INTO merges (batch_id, name) VALUES (?, ?)", (batch_id, name))
            if len(cells):
                body = json.dumps(cells.tolist())
                connection.execute(_KEEP, {"batch": batch_id, "cells": body})

    def still_open(self) -> StoredConflicts:
        """The conflicts that nobody has decided."""
        return self._read(_OPEN)

    def asked(self, name: str) -> StoredConflicts:
        """All conflicts with the library ``name`` whose merges are in effect, those that were
        decided, too."""
        return self._read(
            "SELECT k.image_id, k.class_id, k.verdict, m.name FROM conflicts AS k "
            "JOIN merges AS m ON m.batch_id = k.batch_id "
            f"WHERE k.batch_id {THESE} AND m.name = ? ORDER BY k.image_id, k.class_id",
            name,
        )

    def _read(self, sql: str, *parameters: str) -> StoredConflicts:
        with self._store.read() as connection:
            merges = _in_effect(connection)
            found = rows(connection, sql, (as_json(merges), *parameters)) if merges else []
        if not found:
            return StoredConflicts.none()
        table = np.array([row[:3] for row in found], np.int64)
        return StoredConflicts(
            table[:, 0], table[:, 1], table[:, 2].astype(np.int8), tuple(row[3] for row in found)
        )


def _in_effect(connection: Connection) -> list[int]:
    """The batches of merges that are not undone."""
    return [row[0] for row in rows(connection, _IN_EFFECT)]
