"""The annotations, and the journal of every change to them.

The journal is written first and the annotations are then updated from it, in the same transaction;
undo is one more batch, with before and after swapped.  Both are SQL over whole sets, so that ten
thousand changes take a few statements.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from lmpt_desktop.catalogue import declared_absent as declared
from lmpt_desktop.catalogue import journal
from lmpt_desktop.catalogue.history import history, newest_link
from lmpt_desktop.catalogue.journal import CLASS_COLUMNS, DECLARED_AT
from lmpt_desktop.catalogue.records import AnnotationCount, Change, ImageIds, distinct
from lmpt_desktop.catalogue.store import Store, as_json, now, rows
from lmpt_desktop.catalogue.undo import undo_batch
from lmpt_desktop.catalogue.verdicts import verdict_matrix
from lmpt_desktop.domain.records import Batch, BatchSummary, Source, Verdict

_REVIEWED = Source.REVIEWED.value

_APPLY = text(f"""
    WITH cells AS MATERIALIZED (
        SELECT w.image_id, w.class_id, w.verdict AS wanted, a.verdict, a.at, a.source,
               CASE WHEN a.verdict IS NULL THEN {DECLARED_AT.format(cell="w")} END AS declared_at
        FROM (SELECT json_extract(value, '$[0]') AS image_id,
                     json_extract(value, '$[1]') AS class_id,
                     json_extract(value, '$[2]') AS verdict
              FROM json_each(:changes)) AS w
        LEFT JOIN annotations AS a ON a.image_id = w.image_id AND a.class_id = w.class_id),
    current AS (
        SELECT image_id, class_id, wanted,
               CASE WHEN declared_at IS NULL THEN verdict ELSE 0 END AS verdict,
               coalesce(at, declared_at) AS at,
               CASE WHEN declared_at IS NULL THEN source ELSE '{_REVIEWED}' END AS source
        FROM cells)
    INSERT INTO journal ({CLASS_COLUMNS})
    SELECT :batch, image_id, class_id, verdict, at, source,
           wanted,
           CASE WHEN wanted IS NOT NULL THEN :at END,
           CASE WHEN wanted IS NOT NULL THEN :source END
    FROM current
    WHERE verdict IS NOT wanted OR (wanted IS NOT NULL AND source IS NOT :source)
""")


class Annotations:
    """Annotations, reviewed marks and their journal."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def apply(self, changes: Iterable[Change], source: Source | str = Source.USER) -> Batch:
        """Make ``changes`` in one transaction; committed to disk on return.

        A later change of the same class and image wins over an earlier one; a change to what
        is already there (by the same source) is not recorded.

        Returns:
            What really changed.

        Raises:
            NotInCatalogue: if an image or class does not exist; then nothing is changed.
            CatalogueError: if it could not be written; then nothing is changed.
            ValueError: if a verdict is none of :class:`Verdict`.
        """
        requested = [(int(image), int(klass), int(verdict)) for image, klass, verdict in changes]
        table = np.array(requested, np.int64).reshape(-1, 3)
        return self.apply_arrays(table[:, 0], table[:, 1], table[:, 2], source)

    def apply_arrays(
        self,
        image_ids: NDArray[np.int64],
        class_ids: NDArray[np.int64],
        verdicts: NDArray[np.integer],
        source: Source | str = Source.USER,
        label: str = "",
        *,
        action: str = "",
        reviewed_ids: ImageIds = (),
    ) -> Batch:
        """As :meth:`apply`, for many changes: row i sets class ``class_ids[i]`` of image
        ``image_ids[i]``.

        Args:
            image_ids, class_ids: (n,) int64.
            verdicts: (n,) values of :class:`Verdict`.
            source: where they come from.
            label: what the change is called in the undo menu.
            action: "vocabulary" for changes that follow from editing classes, which undoes them
                itself: they are not in :meth:`history`.  Default: from ``source``.
            reviewed_ids: images that get the reviewed mark, too; no verdict follows from it.

        Raises:
            NotInCatalogue, CatalogueError: as :meth:`apply`.
            ValueError: if a verdict is none of :class:`Verdict`, or the lengths differ.
        """
        body = _changes_as_json(image_ids, class_ids, verdicts)
        source = Source(source)
        action = action or ("import" if source is Source.IMPORT else "apply")
        at = now()
        with self._store.write() as connection:
            batch = journal.begin(connection, at, action, label=label)
            connection.execute(
                _APPLY, {"batch": batch.id, "at": at, "source": source.value, "changes": body}
            )
            reviews = [_marks(connection, reviewed_ids, at)] if len(reviewed_ids) else []
            for review in reviews:
                journal.write_review(connection, batch, review)
            return journal.settle(connection, batch, reviews)

    def set_reviewed(self, image_ids: ImageIds, reviewed: bool) -> Batch:
        """Declare the unknown classes of the vocabulary absent and the images reviewed, or
        remove the mark (not the verdicts).

        Raises:
            NotInCatalogue: if an image does not exist; then nothing is changed.
        """
        ids = np.array(list(dict.fromkeys(int(image_id) for image_id in image_ids)), np.int64)
        at = now()
        with self._store.write() as connection:
            batch = journal.begin(connection, at, "reviewed" if reviewed else "unreviewed")
            classes = rows(connection, "SELECT id FROM classes WHERE archived = 0 ORDER BY id")
            class_ids = np.array(classes if reviewed else [], np.int64).reshape(-1)
            only = "WHERE image_id IN (SELECT value FROM json_each(?))"
            marked = dict(
                rows(
                    connection,
                    f"SELECT image_id, at FROM reviewed {only}",
                    (json.dumps(ids.tolist()),),
                )
            )
            review = journal.Review(
                ids,
                class_ids,
                verdict_matrix(connection, ids, class_ids) < 0,
                declares=True,
                at=np.full(len(ids), at, np.int64),
                marks=[
                    None
                    if (image in marked) == reviewed
                    else (marked.get(image), at if reviewed else None)
                    for image in ids.tolist()
                ],
            )
            journal.write_review(connection, batch, review)
            return journal.settle(connection, batch, [review])

    def undo(self, batch: Batch | int) -> Batch:
        """Restore exactly what was there before ``batch`` (verdict, time and source).

        What has been changed since is kept and counted in ``skipped``.  Undoing the returned
        batch redoes it.

        Raises:
            NotInCatalogue: if there is no such batch.
        """
        undone = batch.id if isinstance(batch, Batch) else int(batch)
        with self._store.write() as connection:
            return self._undo(connection, undone)

    def toggle_undo(self, batch: Batch | int) -> Batch:
        """Undo ``batch``, or redo it if it is undone: undoes the newest link of the chain of undos
        that began with ``batch``.

        Raises:
            NotInCatalogue: if there is no such batch.
        """
        first = batch.id if isinstance(batch, Batch) else int(batch)
        with self._store.write() as connection:
            return self._undo(connection, newest_link(connection, first))

    def _undo(self, connection: Connection, undone: int) -> Batch:
        made, moved = undo_batch(connection, undone)
        if moved:
            # Which of the images are shown, and whether they are edited, has changed, too.
            self._store.mark_changed(distinct(made.image_ids, made.reviewed_ids).tolist())
        return made

    def history(self, limit: int = 100) -> list[BatchSummary]:
        """The last ``limit`` changes that can be undone or redone, as an undo stack holds them:
        oldest first, undone ones (``done`` False) after those in effect.

        Changes that were undone before another change was made are not included, nor are
        changes without effect.
        """
        with self._store.read() as connection:
            return history(connection, limit)

    def matrix(self, image_ids: ImageIds, class_ids: ImageIds) -> NDArray[np.int8]:
        """(N, C) int8: 1 present, 0 absent, -1 unknown, in the order of the arguments."""
        with self._store.read() as connection:
            return verdict_matrix(
                connection, np.asarray(image_ids, np.int64), np.asarray(class_ids, np.int64)
            )

    def of_classes(
        self, class_ids: ImageIds
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int8]]:
        """Every annotation of these classes, those of hidden folders included.

        Returns:
            Image ids, class ids, verdicts: (n,) each, by ascending image id.
        """
        requested = np.asarray(class_ids, np.int64)
        with self._store.read() as connection:
            found = rows(connection, "SELECT id FROM images ORDER BY id")
        image_ids = np.fromiter(chain.from_iterable(found), np.int64, len(found))
        verdicts = self.matrix(image_ids, requested)
        rows_, columns = np.nonzero(verdicts >= 0)
        return image_ids[rows_], requested[columns], verdicts[rows_, columns]

    def since(self, at: int) -> tuple[dict[int, int], int]:
        """What was annotated after ``at`` (microseconds since the epoch) and still holds.

        Where the clock was ahead for a while, the order of the batches decides, not their time.

        Returns:
            Verdicts per class of the vocabulary, without the absents from marking images
            reviewed; and how many images were marked.
        """
        with self._store.read() as connection:
            later, limit = _later(connection, at)
            verdicts = rows(
                connection,
                "SELECT a.class_id, count(*) FROM annotations AS a "
                "JOIN classes AS c ON c.id = a.class_id AND c.archived = 0 "
                f"WHERE a.at {later} AND (a.verdict = 1 OR a.source <> ?) GROUP BY a.class_id",
                (limit, Source.REVIEWED.value),
            )
            (marked,) = rows(
                connection, f"SELECT count(*) FROM reviewed WHERE at {later}", (limit,)
            )
        return dict(verdicts), int(marked[0])  # pyright: ignore[reportArgumentType]

    def counts(self) -> dict[int, AnnotationCount]:
        """Present and absent annotations per class id, over folders that are not hidden."""
        shown = (
            "JOIN images AS i ON i.id = a.image_id JOIN folders AS f ON f.id = i.folder_id "
            "WHERE f.hidden = 0"
        )
        with self._store.read() as connection:
            single = rows(
                connection,
                "SELECT a.class_id, sum(a.verdict), count(*) - sum(a.verdict) "
                f"FROM annotations AS a {shown} GROUP BY a.class_id",
            )
            sets = rows(
                connection,
                f"SELECT a.class_set_id, count(*) FROM declared_absent AS a {shown} "
                "GROUP BY a.class_set_id",
            )
            excluded = rows(
                connection,
                f"SELECT a.besides FROM declared_absent AS a {shown} AND a.besides <> ''",
            )
            inside = declared.members(connection, np.array([key for key, _ in sets], np.int64))
        present = {class_id: int(count) for class_id, count, _ in single}
        absent = Counter({class_id: int(count) for class_id, _, count in single})
        for set_id, count in sets:
            absent.update(dict.fromkeys(inside[set_id].tolist(), count))
        left_out = declared.numbers(text for (text,) in excluded)
        for class_id, count in zip(*np.unique(left_out, return_counts=True), strict=True):
            absent[int(class_id)] -= int(count)
        return {
            class_id: AnnotationCount(present.get(class_id, 0), absent[class_id])
            for class_id in sorted(present.keys() | absent.keys())
            if present.get(class_id, 0) or absent[class_id]
        }

    def reviewed(self, image_ids: ImageIds | None = None) -> set[int]:
        """Ids of the images with a reviewed mark, of all or of these."""
        sql = "SELECT image_id FROM reviewed"
        if image_ids is None:
            with self._store.read() as connection:
                return {row[0] for row in rows(connection, sql)}
        if not len(image_ids):
            return set()
        requested = as_json(image_ids)
        sql += " WHERE image_id IN (SELECT value FROM json_each(?))"
        with self._store.read() as connection:
            return {row[0] for row in rows(connection, sql, (requested,))}


def _later(connection: Connection, at: int) -> tuple[str, int]:
    """A condition on a stored time, with its parameter: later than ``at``."""
    current = now()
    query = "SELECT EXISTS (SELECT 1 FROM batches WHERE at > ?)"
    if at <= current and not rows(connection, query, (current,))[0][0]:
        return "> ?", at
    # With a wrong clock ``at`` comes after whatever was written in the same future.
    query = (
        "SELECT coalesce(max(id), 0) FROM batches WHERE at <= :at AND (:at <= :now OR at > :now)"
    )
    last = rows(connection, query, {"at": at, "now": current})[0][0]
    return "IN (SELECT at FROM batches WHERE id > ?)", int(last)  # pyright: ignore[reportArgumentType]


def _marks(connection: Connection, image_ids: ImageIds, at: int) -> journal.Review:
    """The mark alone, for those of these images that do not have it."""
    ids = np.unique(np.asarray(image_ids, np.int64))
    only = "WHERE image_id IN (SELECT value FROM json_each(?))"
    found = rows(connection, f"SELECT image_id FROM reviewed {only}", (json.dumps(ids.tolist()),))
    ids = np.setdiff1d(ids, np.array(found, np.int64).reshape(-1))
    return journal.Review(
        ids,
        np.empty(0, np.int64),
        np.zeros((len(ids), 0), np.bool_),
        declares=True,
        at=np.full(len(ids), at, np.int64),
        marks=[(None, at)] * len(ids),
    )


def _changes_as_json(
    image_ids: NDArray[np.int64], class_ids: NDArray[np.int64], verdicts: NDArray[np.integer]
) -> str:
    """[[image, class, verdict or null], ...]; of several changes of a cell the last one."""
    table = np.stack(
        [np.asarray(column, np.int64) for column in (image_ids, class_ids, verdicts)], axis=1
    )
    given = table[:, 2]
    if len(wrong := given[(given < Verdict.UNKNOWN) | (given > Verdict.PRESENT)]):
        raise ValueError(f"{wrong[0]} is not a verdict")
    backwards = table[::-1]
    order = np.lexsort((backwards[:, 1], backwards[:, 0]))  # stable: the last change comes first
    cells = backwards[order]
    first = np.ones(len(cells), np.bool_)
    first[1:] = (cells[1:, :2] != cells[:-1, :2]).any(axis=1)
    return json.dumps(
        [
            (image, klass, None if verdict < 0 else verdict)
            for image, klass, verdict in cells[first].tolist()
        ]
    )
