"""Undoing a batch: one more batch, with before and after swapped."""

from __future__ import annotations

from typing import Any

import numpy as np
from sqlalchemy import Connection, text

from lmpt_desktop.catalogue import declared_absent as declared
from lmpt_desktop.catalogue import journal
from lmpt_desktop.catalogue.errors import NotInCatalogue
from lmpt_desktop.catalogue.journal import CLASS_COLUMNS, DECLARED_AT
from lmpt_desktop.catalogue.store import now, rows
from lmpt_desktop.catalogue.verdicts import verdict_matrix
from lmpt_desktop.domain.records import Batch, Source
from lmpt_desktop.translation import _

_REVIEWED = Source.REVIEWED.value

# Only what is still as the batch left it: newer changes are not overwritten.
_UNDO_CLASSES = text(f"""
    WITH cells AS MATERIALIZED (
        SELECT j.*, a.verdict, a.at, a.source,
               CASE WHEN a.verdict IS NULL THEN {DECLARED_AT.format(cell="j")} END AS now_declared
        FROM journal AS j
        LEFT JOIN annotations AS a ON a.image_id = j.image_id AND a.class_id = j.class_id
        WHERE j.batch_id = :undone AND j.class_id IS NOT NULL)
    INSERT INTO journal ({CLASS_COLUMNS})
    SELECT :batch, image_id, class_id, after_verdict, after_at, after_source,
           before_verdict, before_at, before_source
    FROM cells
    WHERE CASE WHEN now_declared IS NULL
          THEN verdict IS after_verdict AND at IS after_at AND source IS after_source
          ELSE after_verdict = 0 AND after_at = now_declared AND after_source = '{_REVIEWED}' END
""")

_REVIEWS_OF = """
    SELECT j.image_id, j.before_verdict, j.before_at, j.after_verdict, j.after_at,
           j.after_source, j.class_set_id, j.besides, j.declared_at, r.at
    FROM journal AS j LEFT JOIN reviewed AS r ON r.image_id = j.image_id
    WHERE j.batch_id = ? AND j.class_id IS NULL ORDER BY j.id
"""


def undo_batch(connection: Connection, undone: int) -> Batch:
    """See :meth:`Annotations.undo`; ``connection`` has a write transaction open."""
    total = connection.scalar(
        text(
            "SELECT (SELECT count(class_id) FROM journal WHERE batch_id = b.id) "
            "FROM batches AS b WHERE b.id = :undone"
        ),
        {"undone": undone},
    )
    if total is None:
        raise NotInCatalogue(_("The change to undo is not in this library; nothing was changed."))
    made = journal.begin(connection, now(), "undo", undone)
    if total:
        connection.execute(_UNDO_CLASSES, {"batch": made.id, "undone": undone})
    review, more = _review_undone(connection, rows(connection, _REVIEWS_OF, (undone,)))
    if review is not None:
        journal.write_review(connection, made, review)
    return journal.settle(connection, made, review, expected=total + more)


def _review_undone(
    connection: Connection, found: list[tuple[Any, ...]]
) -> tuple[journal.Review | None, int]:
    """How to undo rows of ``_REVIEWS_OF``, and how many changes these made."""
    if not found:
        return None, 0
    ids = np.array([row[0] for row in found], np.int64)
    declared_at = np.array([row[8] or 0 for row in found], np.int64)
    sets = declared.Rows.of([(row[0], 0, 0, row[6] or 0, row[7]) for row in found])
    inside = declared.members(connection, sets.set_ids)
    class_ids = np.unique(np.concatenate(list(inside.values())))
    requested = declared.cells_of(connection, sets, class_ids)
    # A batch either declares or revokes.
    declared_then = any(row[5] == _REVIEWED for row in found)
    if declared_then:
        cells = requested & declared.still_declared(connection, ids, declared_at, class_ids)
    else:
        cells = requested & (verdict_matrix(connection, ids, class_ids) < 0)
    marks = [
        (after_at, before_at) if before != after and now_at == after_at else None
        for _image, before, before_at, after, after_at, *_rest, now_at in found
    ]
    changed = int(requested.sum()) + sum(row[1] != row[3] for row in found)
    return journal.Review(ids, class_ids, cells, not declared_then, declared_at, marks), changed
