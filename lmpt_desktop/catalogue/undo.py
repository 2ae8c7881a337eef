"""Undoing a batch: one more batch, with before and after swapped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sqlalchemy import Connection, text

from lmpt_desktop.catalogue import declared_absent as declared
from lmpt_desktop.catalogue import journal, successors, vocabulary_steps
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
        WHERE j.batch_id = :undone AND j.class_id IS NOT NULL
        AND (:only IS NULL OR j.image_id IN (SELECT value FROM json_each(:only))))
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
    WHERE j.batch_id = :undone AND j.class_id IS NULL
    AND (:only IS NULL OR j.image_id IN (SELECT value FROM json_each(:only))) ORDER BY j.id
"""


def undo_batch(connection: Connection, undone: int) -> tuple[Batch, bool]:
    """See :meth:`Annotations.undo`; ``connection`` has a write transaction open.

    Returns:
        The batch that undid it, and whether that one moved annotations between images.
    """
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
    reviews, more = revert(connection, made, undone)
    batch = journal.settle(connection, made, reviews, expected=total + more)
    if vocabulary_steps.revert(connection, undone, made.id):
        batch = replace(batch, vocabulary=True)
    return batch, successors.turn(connection, undone, made.id)


def revert(
    connection: Connection, made: journal.Open, undone: int, only: Sequence[int] | None = None
) -> tuple[list[journal.Review], int]:
    """Write the journal rows that undo a batch; what was changed since is left alone.

    Args:
        connection: in the transaction of ``made``.
        made: the batch that they belong to.
        undone: the batch to undo.
        only: undo what it changed about these images only; None: of all.

    Returns:
        The reviews to settle, and how many changes of reviews were to be undone.
    """
    images = None if only is None else json.dumps([int(image_id) for image_id in only])
    connection.execute(_UNDO_CLASSES, {"batch": made.id, "undone": undone, "only": images})
    found = rows(connection, _REVIEWS_OF, {"undone": undone, "only": images})
    more = 0
    reviews: list[journal.Review] = []
    # A transfer declares for some images and revokes for others, and an import may only mark some.
    for declared_then in (True, False):
        part = [row for row in found if (row[5] == _REVIEWED) is declared_then]
        if part:
            review, changed = _review_undone(connection, part, declared_then=declared_then)
            journal.write_review(connection, made, review)
            reviews.append(review)
            more += changed
    return reviews, more


def _review_undone(
    connection: Connection, found: list[tuple[Any, ...]], *, declared_then: bool
) -> tuple[journal.Review, int]:
    """How to undo rows of ``_REVIEWS_OF``, and how many changes these made."""
    ids = np.array([row[0] for row in found], np.int64)
    declared_at = np.array([row[8] or 0 for row in found], np.int64)
    sets = declared.Rows.of([(row[0], 0, 0, row[6] or 0, row[7]) for row in found])
    inside = declared.members(connection, sets.set_ids)
    class_ids = np.unique(np.concatenate(list(inside.values())))
    requested = declared.cells_of(connection, sets, class_ids)
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
