"""What the user said, and the journal of how it came to be said.

The journal is written first and the annotations are then made to agree with it, in the same
transaction; undo is one more batch, whose befores and afters are swapped.  Both are done by
SQL over whole sets, so that ten thousand changes cost a few statements.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, insert, text

from lmpt_desktop.catalogue import schema
from lmpt_desktop.catalogue.errors import NotInCatalogue
from lmpt_desktop.catalogue.records import (
    AnnotationCount,
    Batch,
    Change,
    ImageIds,
    JournalEntry,
    Source,
    Verdict,
)
from lmpt_desktop.catalogue.store import Store, as_datetime, now, rows
from lmpt_desktop.translation import _

_JOURNAL_COLUMNS = (
    "batch_id, image_id, class_id, before_verdict, before_at, before_source, "
    "after_verdict, after_at, after_source"
)

_APPLY = text(f"""
    INSERT INTO journal ({_JOURNAL_COLUMNS})
    SELECT :batch, w.image_id, w.class_id, a.verdict, a.at, a.source,
           w.verdict,
           CASE WHEN w.verdict IS NOT NULL THEN :at END,
           CASE WHEN w.verdict IS NOT NULL THEN :source END
    FROM (SELECT json_extract(value, '$[0]') AS image_id,
                 json_extract(value, '$[1]') AS class_id,
                 json_extract(value, '$[2]') AS verdict
          FROM json_each(:changes)) AS w
    LEFT JOIN annotations AS a ON a.image_id = w.image_id AND a.class_id = w.class_id
    WHERE a.verdict IS NOT w.verdict
       OR (w.verdict IS NOT NULL AND a.source IS NOT :source)
""")

_REVIEW_REST_ABSENT = text(f"""
    INSERT INTO journal ({_JOURNAL_COLUMNS})
    SELECT :batch, ids.value, c.id, NULL, NULL, NULL, 0, :at, :source
    FROM json_each(:ids) AS ids CROSS JOIN classes AS c
    WHERE c.archived = 0 AND NOT EXISTS (
        SELECT 1 FROM annotations AS a WHERE a.image_id = ids.value AND a.class_id = c.id)
""")

_REVIEW_MARKS = text(f"""
    INSERT INTO journal ({_JOURNAL_COLUMNS})
    SELECT :batch, ids.value, NULL,
           CASE WHEN r.image_id IS NOT NULL THEN 1 END, r.at, NULL,
           :mark, CASE WHEN :mark IS NOT NULL THEN :at END, NULL
    FROM json_each(:ids) AS ids LEFT JOIN reviewed AS r ON r.image_id = ids.value
    WHERE (r.image_id IS NOT NULL) <> (:mark IS NOT NULL)
""")

# Only what is still as the batch left it: something newer the user said is not overwritten.
_UNDO_ANNOTATIONS = text(f"""
    INSERT INTO journal ({_JOURNAL_COLUMNS})
    SELECT :batch, j.image_id, j.class_id, j.after_verdict, j.after_at, j.after_source,
           j.before_verdict, j.before_at, j.before_source
    FROM journal AS j
    LEFT JOIN annotations AS a ON a.image_id = j.image_id AND a.class_id = j.class_id
    WHERE j.batch_id = :undone AND j.class_id IS NOT NULL
      AND a.verdict IS j.after_verdict AND a.at IS j.after_at AND a.source IS j.after_source
""")

_UNDO_MARKS = text(f"""
    INSERT INTO journal ({_JOURNAL_COLUMNS})
    SELECT :batch, j.image_id, NULL, j.after_verdict, j.after_at, NULL,
           j.before_verdict, j.before_at, NULL
    FROM journal AS j LEFT JOIN reviewed AS r ON r.image_id = j.image_id
    WHERE j.batch_id = :undone AND j.class_id IS NULL AND r.at IS j.after_at
""")

# A batch's rows are the last of the journal while its transaction is open, and reading on from
# an id is several times as fast as looking up each row of a batch by its index.
_SETTLE = (
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
    text("""
    DELETE FROM reviewed WHERE image_id IN (
        SELECT image_id FROM journal
        WHERE id > :last AND class_id IS NULL AND after_verdict IS NULL)
"""),
    text("""
    INSERT OR REPLACE INTO reviewed (image_id, at)
    SELECT image_id, after_at FROM journal
    WHERE id > :last AND class_id IS NULL AND after_verdict IS NOT NULL
"""),
)


class Annotations:
    """Annotations, reviewed marks and their journal."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def apply(self, changes: Iterable[Change], source: Source | str = Source.USER) -> Batch:
        """Make ``changes`` in one transaction; committed to disk on return.

        A later change of the same class and image wins over an earlier one; a change that
        says what is already so (by the same source) leaves no trace.

        Returns:
            What really changed.

        Raises:
            NotInCatalogue: if an image or class does not exist; then nothing is changed.
            CatalogueError: if it could not be written; then nothing is changed.
            ValueError: if a verdict is none of :class:`Verdict`.
        """
        wanted = [(int(image), int(klass), int(verdict)) for image, klass, verdict in changes]
        table = np.array(wanted, np.int64).reshape(-1, 3)
        return self.apply_arrays(table[:, 0], table[:, 1], table[:, 2], source)

    def apply_arrays(
        self,
        image_ids: NDArray[np.int64],
        class_ids: NDArray[np.int64],
        verdicts: NDArray[np.integer],
        source: Source | str = Source.USER,
        label: str = "",
    ) -> Batch:
        """As :meth:`apply`, for many changes: row i sets class ``class_ids[i]`` of image
        ``image_ids[i]``.

        Args:
            image_ids, class_ids: (n,) int64.
            verdicts: (n,) values of :class:`Verdict`.
            source: by what they came about.
            label: what the change is called in the undo menu.

        Raises:
            NotInCatalogue, CatalogueError: as :meth:`apply`.
            ValueError: if a verdict is none of :class:`Verdict`, or the lengths differ.
        """
        body = _changes_as_json(image_ids, class_ids, verdicts)
        source = Source(source)
        action = "import" if source is Source.IMPORT else "apply"
        at = now()
        with self._store.write() as connection:
            batch = _begin(connection, at, action)
            connection.execute(
                _APPLY, {"batch": batch.id, "at": at, "source": source.value, "changes": body}
            )
            return _settle(connection, batch)

    def set_reviewed(self, image_ids: ImageIds, reviewed: bool) -> Batch:
        """Declare the unknown classes of the vocabulary absent and the images reviewed, or
        take the mark (not the verdicts) off.

        Raises:
            NotInCatalogue: if an image does not exist; then nothing is changed.
        """
        ids = json.dumps(list(dict.fromkeys(int(image_id) for image_id in image_ids)))
        action = "reviewed" if reviewed else "unreviewed"
        at = now()
        with self._store.write() as connection:
            batch = _begin(connection, at, action)
            values = {"batch": batch.id, "at": at, "ids": ids}
            if reviewed:
                connection.execute(_REVIEW_REST_ABSENT, {**values, "source": Source.REVIEWED.value})
            connection.execute(_REVIEW_MARKS, {**values, "mark": 1 if reviewed else None})
            return _settle(connection, batch)

    def undo(self, batch: Batch | int) -> Batch:
        """Put back exactly what was there before ``batch`` (verdict, time and source).

        What something newer has changed since is left alone and counted in ``skipped``.
        Undoing the returned batch does it again.

        Raises:
            NotInCatalogue: if there is no such batch.
        """
        undone = batch.id if isinstance(batch, Batch) else int(batch)
        at = now()
        with self._store.write() as connection:
            total = connection.scalar(
                text(
                    "SELECT (SELECT count(*) FROM journal WHERE batch_id = b.id) "
                    "FROM batches AS b WHERE b.id = :undone"
                ),
                {"undone": undone},
            )
            if total is None:
                raise NotInCatalogue(
                    _("The change to undo is not in this library; nothing was changed.")
                )
            made = _begin(connection, at, "undo", undone)
            connection.execute(_UNDO_ANNOTATIONS, {"batch": made.id, "undone": undone})
            connection.execute(_UNDO_MARKS, {"batch": made.id, "undone": undone})
            return _settle(connection, made, expected=total)

    def matrix(self, image_ids: ImageIds, class_ids: ImageIds) -> NDArray[np.int8]:
        """(N, C) int8: 1 present, 0 absent, -1 unknown, in the order of the arguments."""
        wanted_images = np.asarray(image_ids, np.int64)
        wanted_classes = np.asarray(class_ids, np.int64)
        result = np.full((len(wanted_images), len(wanted_classes)), -1, np.int8)
        if not result.size:
            return result
        # One row per image rather than per annotation: numpy reads numbers far faster from
        # one long text than Python does from a million tuples.
        sql = (
            "SELECT image_id, count(*), group_concat(class_id), group_concat(verdict) "
            "FROM annotations {} GROUP BY image_id"
        )
        with self._store.read() as connection:
            if len(wanted_images) <= 2000:
                only = "WHERE image_id IN (SELECT value FROM json_each(?))"
                found = rows(connection, sql.format(only), (json.dumps(wanted_images.tolist()),))
            else:
                found = rows(connection, sql.format(""))
        if not found:
            return result
        images, counts, classes, verdicts = zip(*found, strict=True)
        row, row_found = _positions(wanted_images, np.repeat(images, counts))
        column, column_found = _positions(wanted_classes, _numbers(classes))
        keep = row_found & column_found
        result[row[keep], column[keep]] = _numbers(verdicts)[keep]
        return result

    def counts(self) -> dict[int, AnnotationCount]:
        """Present and absent annotations per class id, over folders that are not hidden."""
        with self._store.read() as connection:
            found = rows(
                connection,
                "SELECT a.class_id, sum(a.verdict), count(*) FROM annotations AS a "
                "JOIN images AS i ON i.id = a.image_id JOIN folders AS f ON f.id = i.folder_id "
                "WHERE f.hidden = 0 GROUP BY a.class_id",
            )
        return {
            class_id: AnnotationCount(int(present), int(total - present))
            for class_id, present, total in found
        }

    def reviewed(self) -> set[int]:
        """Ids of the images with a reviewed mark."""
        with self._store.read() as connection:
            return {row[0] for row in rows(connection, "SELECT image_id FROM reviewed")}

    def journal(self, image_id: int | None = None) -> Iterator[JournalEntry]:
        """Every change ever made, oldest first; with ``image_id`` only that image's."""
        sql = (
            "SELECT j.id, j.batch_id, b.at, b.action, j.image_id, j.class_id, "
            "j.before_verdict, j.after_verdict, j.after_source "
            "FROM journal AS j JOIN batches AS b ON b.id = j.batch_id "
        )
        with self._store.read() as connection:
            if image_id is None:
                found = rows(connection, sql + "ORDER BY j.id")
            else:
                found = rows(connection, sql + "WHERE j.image_id = ? ORDER BY j.id", (image_id,))
        for row in found:
            yield JournalEntry(
                id=row[0],
                batch_id=row[1],
                at=as_datetime(row[2]),
                action=row[3],
                image_id=row[4],
                class_id=row[5],
                before=_verdict(row[6]),
                after=_verdict(row[7]),
                source=row[8] or "",
            )


def _changes_as_json(
    image_ids: NDArray[np.int64], class_ids: NDArray[np.int64], verdicts: NDArray[np.integer]
) -> str:
    """[[image, class, verdict or null], ...]; of changes of the same cell the last one."""
    table = np.stack(
        [np.asarray(column, np.int64) for column in (image_ids, class_ids, verdicts)], axis=1
    )
    said = table[:, 2]
    if len(wrong := said[(said < Verdict.UNKNOWN) | (said > Verdict.PRESENT)]):
        raise ValueError(f"{wrong[0]} is not a verdict")
    backwards = table[::-1]
    order = np.lexsort((backwards[:, 1], backwards[:, 0]))  # stable: the last said comes first
    cells = backwards[order]
    first = np.ones(len(cells), np.bool_)
    first[1:] = (cells[1:, :2] != cells[:-1, :2]).any(axis=1)
    return json.dumps(
        [
            (image, klass, None if verdict < 0 else verdict)
            for image, klass, verdict in cells[first].tolist()
        ]
    )


def _verdict(stored: int | None) -> Verdict:
    return Verdict.UNKNOWN if stored is None else Verdict(stored)


def _numbers(texts: Iterable[str]) -> NDArray[np.int64]:
    """The whole numbers in texts that separate them by commas."""
    return np.fromstring(",".join(texts), np.int64, sep=",")


@dataclass(frozen=True)
class _Open:
    """A batch whose transaction is open; its journal rows come after ``last``."""

    id: int
    last: int
    at: int
    action: str
    undoes: int | None


def _begin(connection: Connection, at: int, action: str, undoes: int | None = None) -> _Open:
    done = connection.execute(insert(schema.batches).values(at=at, action=action, undoes=undoes))
    assert done.inserted_primary_key is not None
    last = connection.scalar(text("SELECT coalesce(max(id), 0) FROM journal"))
    return _Open(int(done.inserted_primary_key[0]), int(last or 0), at, action, undoes)


def _settle(connection: Connection, batch: _Open, *, expected: int | None = None) -> Batch:
    """Make the annotations agree with what the journal says of ``batch``."""
    for statement in _SETTLE:
        connection.execute(statement, {"last": batch.last})
    # One number for class and verdicts: a large batch is mostly the cost of its tuples.
    found = rows(
        connection,
        "SELECT image_id, coalesce(class_id, 0) * 16 + (coalesce(before_verdict, -1) + 1) * 4 "
        "+ coalesce(after_verdict, -1) + 1 FROM journal WHERE id > ? ORDER BY id",
        (batch.last,),
    )
    table = np.fromiter(chain.from_iterable(found), np.int64, 2 * len(found)).reshape(-1, 2)
    marks = table[:, 1] < 16  # class ids begin at 1
    images, said = table[~marks].T
    return Batch(
        id=batch.id,
        at=as_datetime(batch.at),
        action=batch.action,
        undoes=batch.undoes,
        image_ids=images.copy(),
        class_ids=said // 16,
        before=(said // 4 % 4 - 1).astype(np.int8),
        after=(said % 4 - 1).astype(np.int8),
        reviewed_ids=table[marks, 0],
        reviewed_after=table[marks, 1] % 4 - 1 == 1,
        skipped=0 if expected is None else expected - len(table),
    )


def _positions(
    wanted: NDArray[np.int64], found: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where each of ``found`` is in ``wanted``, and whether it is there at all."""
    order = np.argsort(wanted, kind="stable")
    at = np.searchsorted(wanted, found, sorter=order)
    at = np.minimum(at, len(wanted) - 1)
    position = order[at]
    return position, wanted[position] == found
