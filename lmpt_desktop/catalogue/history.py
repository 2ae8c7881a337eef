"""What can be undone and redone, read from the journal."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from lmpt_desktop.catalogue.store import as_datetime, rows
from lmpt_desktop.catalogue.vocabulary_steps import VOCABULARY
from lmpt_desktop.domain.records import BatchSummary, Verdict

BATCHES_PER_CHANGE = 20
"""Batches read for each one asked for: undos, redos and what changed nothing are among them."""


def history(connection: Connection, limit: int) -> list[BatchSummary]:
    """See :meth:`Annotations.history`."""
    found = rows(
        connection,
        "SELECT b.id, b.undoes, b.at, b.action, b.label, b.images, b.changes, b.class_id, c.name, "
        "b.verdict, s.batch_id IS NOT NULL OR m.batch_id IS NOT NULL FROM batches AS b "
        "LEFT JOIN classes AS c ON c.id = b.class_id "
        "LEFT JOIN vocabulary_steps AS s ON s.batch_id = b.id "
        "LEFT JOIN merges AS m ON m.batch_id = b.id "
        "ORDER BY b.id DESC LIMIT ?",
        (limit * BATCHES_PER_CHANGE,),
    )
    known: dict[int, tuple[Any, ...]] = {}
    first_of: dict[int, int] = {}  # the batch that a chain of undos began with
    done: list[int] = []
    undone: list[int] = []
    for row in reversed(found):
        batch: int = row[0]
        undoes: int | None = row[1]
        if undoes is None:
            if row[3] == VOCABULARY and not row[10]:
                continue  # half of a merge or split of an earlier version of the app
            if row[5] or row[10]:
                known[batch] = row
                done.append(batch)
                undone.clear()
            continue
        first = first_of[batch] = first_of.get(undoes, undoes)
        if first in done:
            done.remove(first)
            undone.append(first)
        elif first in undone:
            undone.remove(first)
            done.append(first)
    stack = [(known[i], True) for i in done[-limit:]]
    stack += [(known[i], False) for i in reversed(undone)]
    return [
        BatchSummary(
            id=row[0],
            at=as_datetime(row[2]),
            action=row[3],
            label=row[4],
            images=row[5],
            changes=row[6],
            class_id=row[7],
            class_name=row[8] or "",
            verdict=None if row[9] is None else Verdict(row[9]),
            done=in_effect,
        )
        for row, in_effect in stack
    ]


def newest_link(connection: Connection, first: int) -> int:
    """The batch that undid or redid ``first`` last; ``first`` itself if none did."""
    found = rows(
        connection,
        "WITH RECURSIVE chain(id) AS (SELECT ? UNION SELECT b.id FROM batches AS b "
        "JOIN chain ON b.undoes = chain.id) SELECT max(id) FROM chain",
        (first,),
    )
    return int(found[0][0])
