"""Writing changes of annotations: the journal first, then the state, in one transaction.

A batch begins with :func:`begin`; its journal rows are inserted; :func:`settle` makes
``annotations``, ``declared_absent`` and ``reviewed`` agree with them and returns what changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, insert, text

from lmpt_desktop.catalogue import declared_absent as declared
from lmpt_desktop.catalogue import schema
from lmpt_desktop.catalogue.records import distinct, uniform
from lmpt_desktop.catalogue.store import as_datetime, rows
from lmpt_desktop.domain.records import Batch, Source
from trainer.checked_json import readable_text

CLASS_COLUMNS = (
    "batch_id, image_id, class_id, before_verdict, before_at, before_source, "
    "after_verdict, after_at, after_source"
)

# When a class of an image was declared absent by a review, if it still is so declared.
DECLARED_AT = """(
    SELECT d.at FROM declared_absent AS d JOIN class_set_members AS m
    ON m.class_set_id = d.class_set_id AND m.class_id = {cell}.class_id
    WHERE d.image_id = {cell}.image_id
      AND instr(',' || d.besides || ',', ',' || {cell}.class_id || ',') = 0)
"""

_INSERT_REVIEW = """
    INSERT INTO journal (batch_id, image_id, before_verdict, before_at, before_source,
                         after_verdict, after_at, after_source, class_set_id, besides, declared_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

# CROSS JOIN keeps the planner from beginning with the whole of declared_absent.
# A batch's rows are the last of the journal while its transaction is open, and reading on from
# an id is several times as fast as looking up each row of a batch by its index.
_SETTLE = (
    text(f"""
    UPDATE declared_absent SET besides = trim(besides || ',' || gone.classes, ',')
    FROM (SELECT d.image_id, d.batch_id, group_concat(j.class_id) AS classes
          FROM journal AS j CROSS JOIN declared_absent AS d CROSS JOIN class_set_members AS m
          WHERE d.image_id = j.image_id
            AND m.class_set_id = d.class_set_id AND m.class_id = j.class_id
            AND j.id > :last AND j.class_id IS NOT NULL
            AND j.before_source = '{Source.REVIEWED.value}'
            AND instr(',' || d.besides || ',', ',' || j.class_id || ',') = 0
          GROUP BY d.image_id, d.batch_id) AS gone
    WHERE declared_absent.image_id = gone.image_id AND declared_absent.batch_id = gone.batch_id
"""),
    # A row that declares nothing any more would still count as data of the user's.
    text(f"""
    DELETE FROM declared_absent WHERE besides <> '' AND image_id IN (
        SELECT image_id FROM journal WHERE id > :last AND class_id IS NOT NULL
            AND before_source = '{Source.REVIEWED.value}')
        AND length(besides) - length(replace(besides, ',', '')) + 1 = (
            SELECT count(*) FROM class_set_members AS m
            WHERE m.class_set_id = declared_absent.class_set_id)
"""),
    text("""
    DELETE FROM annotations WHERE (image_id, class_id) IN (
        SELECT image_id, class_id FROM journal
        WHERE id > :last AND class_id IS NOT NULL AND after_verdict IS NULL)
"""),
    text("""
    INSERT OR REPLACE INTO annotations (image_id, class_id, verdict, at, source)
    SELECT image_id, class_id, after_verdict, after_at, after_source FROM journal
    WHERE id > :last AND class_id IS NOT NULL AND after_verdict IS NOT NULL
"""),
    text(f"""
    INSERT INTO declared_absent (image_id, batch_id, at, class_set_id, besides)
    SELECT image_id, batch_id, declared_at, class_set_id, besides FROM journal
    WHERE id > :last AND class_set_id IS NOT NULL AND after_source = '{Source.REVIEWED.value}'
"""),
    text("""
    DELETE FROM reviewed WHERE image_id IN (
        SELECT image_id FROM journal
        WHERE id > :last AND class_id IS NULL AND before_verdict = 1 AND after_verdict IS NULL)
"""),
    text("""
    INSERT OR REPLACE INTO reviewed (image_id, at)
    SELECT image_id, after_at FROM journal
    WHERE id > :last AND class_id IS NULL AND after_verdict = 1 AND before_verdict IS NULL
"""),
    # It has annotations again, so it is shown again.
    text("""
    UPDATE images SET superseded = 0 WHERE superseded = 1 AND id IN (
        SELECT image_id FROM journal
        WHERE id > :last AND (after_verdict IS NOT NULL OR after_source IS NOT NULL))
"""),
)


_BLOCK = 4096
"""Images whose changes are written out at once."""

Mark = tuple[int | None, int | None] | None
"""When an image was marked as reviewed, before and after; None if that does not change."""


@dataclass(frozen=True)
class Open:
    """A batch whose transaction is open; its journal rows come after ``last``."""

    id: int
    last: int
    at: int
    action: str
    undoes: int | None
    label: str


@dataclass(frozen=True, eq=False)
class Review:
    """What a batch changes about reviews, image by image.

    Attributes:
        image_ids: (n,) int64, each once.
        class_ids: (C,) int64.
        cells: (n, C) bool, the classes that are declared absent, or no longer are.
        declares: which of the two.
        at: (n,) int64, the time of the declaration.
        marks: n of them.
    """

    image_ids: NDArray[np.int64]
    class_ids: NDArray[np.int64]
    cells: NDArray[np.bool_]
    declares: bool
    at: NDArray[np.int64]
    marks: list[Mark]


class _Changes:
    """The columns of a :class:`Batch`, filled from the front: a large batch is held once only."""

    def __init__(self, count: int) -> None:
        self.image_ids = np.empty(count, np.int64)
        self.class_ids = np.empty(count, np.int64)
        self.before_verdicts = np.empty(count, np.int8)
        self.after_verdicts = np.empty(count, np.int8)
        self._filled = 0

    def add(
        self,
        image_ids: NDArray[np.int64],
        class_ids: NDArray[np.int64],
        before: NDArray[np.integer] | int,
        after: NDArray[np.integer] | int,
    ) -> None:
        part = slice(self._filled, self._filled + len(image_ids))
        self.image_ids[part] = image_ids
        self.class_ids[part] = class_ids
        self.before_verdicts[part] = before
        self.after_verdicts[part] = after
        self._filled = part.stop

    def add_review(self, review: Review) -> None:
        before, after = (-1, 0) if review.declares else (0, -1)
        for start in range(0, len(review.image_ids), _BLOCK):
            cells = review.cells[start : start + _BLOCK]
            images = np.repeat(review.image_ids[start : start + _BLOCK], cells.sum(axis=1))
            classes = np.broadcast_to(review.class_ids, cells.shape)[cells]
            self.add(images, classes, before, after)


def begin(
    connection: Connection, at: int, action: str, undoes: int | None = None, label: str = ""
) -> Open:
    """Open a batch."""
    label = readable_text(label)
    done = connection.execute(
        insert(schema.batches).values(at=at, action=action, undoes=undoes, label=label)
    )
    assert done.inserted_primary_key is not None
    last = connection.scalar(text("SELECT coalesce(max(id), 0) FROM journal"))
    return Open(int(done.inserted_primary_key[0]), int(last or 0), at, action, undoes, label)


def write_review(connection: Connection, batch: Open, review: Review) -> None:
    """Write a review's journal rows, one per image; images it does not change have none."""
    set_ids, excluded = declared.encode(connection, review.cells, review.class_ids)
    source = Source.REVIEWED.value
    before, after = (None, source) if review.declares else (source, None)

    def journal() -> Iterable[tuple[Any, ...]]:
        for image, at, set_id, but, mark in zip(
            review.image_ids.tolist(), review.at.tolist(), set_ids, excluded, review.marks,
            strict=True,
        ):  # fmt: skip
            if not set_id and mark is None:
                continue
            was, becomes = mark or (None, None)
            cells = (before, after, set_id, but, at) if set_id else (None, None, None, "", None)
            yield (
                batch.id, image,
                None if was is None else 1, was, cells[0],
                None if becomes is None else 1, becomes, cells[1],
                *cells[2:],
            )  # fmt: skip

    driver = connection.connection.driver_connection
    assert driver is not None
    driver.executemany(_INSERT_REVIEW, journal())


def settle(
    connection: Connection,
    batch: Open,
    reviews: Sequence[Review] = (),
    *,
    expected: int | None = None,
) -> Batch:
    """Update the state from the journal rows of ``batch``.

    Args:
        connection: the batch's transaction.
        batch: from :func:`begin`.
        reviews: what :func:`write_review` has written; no image is in two of them.
        expected: how many changes were intended; the difference is counted as skipped.
    """
    for statement in _SETTLE:
        connection.execute(statement, {"last": batch.last})
    # One number for class and verdicts: in a large batch the tuples cost most.
    found = rows(
        connection,
        "SELECT image_id, class_id * 16 + (coalesce(before_verdict, -1) + 1) * 4 "
        "+ coalesce(after_verdict, -1) + 1 FROM journal "
        "WHERE id > ? AND class_id IS NOT NULL ORDER BY id",
        (batch.last,),
    )
    table = np.fromiter(chain.from_iterable(found), np.int64, 2 * len(found)).reshape(-1, 2)
    del found
    packed = table[:, 1]
    changes = _Changes(len(table) + sum(int(review.cells.sum()) for review in reviews))
    changes.add(table[:, 0], packed // 16, packed // 4 % 4 - 1, packed % 4 - 1)
    reviewed_ids, reviewed_after = np.empty(0, np.int64), np.empty(0, np.bool_)
    for review in reviews:
        if not review.declares:
            declared.remove(connection, review.image_ids, review.at, review.cells, review.class_ids)
        changes.add_review(review)
        marked = [(i, mark[1]) for i, mark in enumerate(review.marks) if mark is not None]
        becomes = np.array([at is not None for _, at in marked], np.bool_)
        reviewed_ids = np.concatenate([reviewed_ids, review.image_ids[[i for i, _ in marked]]])
        reviewed_after = np.concatenate([reviewed_after, becomes])
    done = len(changes.image_ids) + len(reviewed_ids)
    made = Batch(
        id=batch.id,
        at=as_datetime(batch.at),
        action=batch.action,
        undoes=batch.undoes,
        image_ids=changes.image_ids,
        class_ids=changes.class_ids,
        before=changes.before_verdicts,
        after=changes.after_verdicts,
        reviewed_ids=reviewed_ids,
        reviewed_after=reviewed_after,
        skipped=0 if expected is None else expected - done,
        label=batch.label,
    )
    _note(connection, made)
    return made


def _note(connection: Connection, batch: Batch) -> None:
    """Store with a batch what the undo menu shows of it."""
    images = len(distinct(batch.image_ids, batch.reviewed_ids))
    rows(
        connection,
        "UPDATE batches SET images = ?, changes = ?, class_id = ?, verdict = ? WHERE id = ?",
        (images, len(batch.image_ids), uniform(batch.class_ids), uniform(batch.after), batch.id),
    )
