"""The annotations, and the journal of every change to them.

The journal is written first and the annotations are then updated from it, in the same transaction;
undo is one more batch, with before and after swapped.  Both are SQL over whole sets, so that ten
thousand changes take a few statements.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from lmpt_desktop.catalogue import declared_absent as declared
from lmpt_desktop.catalogue import journal, vocabulary_steps
from lmpt_desktop.catalogue.classes import read_classes
from lmpt_desktop.catalogue.history import history, newest_link
from lmpt_desktop.catalogue.journal import CLASS_COLUMNS, DECLARED_AT
from lmpt_desktop.catalogue.records import Absences, AnnotationCount, Change, ImageIds, distinct
from lmpt_desktop.catalogue.store import Store, as_json, now, rows
from lmpt_desktop.catalogue.undo import undo_batch
from lmpt_desktop.catalogue.verdicts import source_matrix, verdict_matrix
from lmpt_desktop.catalogue.vocabulary_steps import VOCABULARY
from lmpt_desktop.domain.records import Batch, BatchSummary, ClassEntry, Source, Verdict

_REVIEWED = Source.REVIEWED.value
_SOURCES = {source: number for number, source in enumerate(Source)}
_SOURCE_NAMES = " ".join(f"WHEN {number} THEN '{name.value}'" for name, number in _SOURCES.items())
_CLASS_SHIFT, _IMAGE_SHIFT = 5, 27
"""Where image and class are in a change, which is one number: JSON of a million of them is read in
a third of the time that rows of four take."""
MAX_CLASS = (1 << _IMAGE_SHIFT - _CLASS_SHIFT) - 1
MAX_IMAGE = (1 << 63 - _IMAGE_SHIFT) - 1

_APPLY = text(f"""
    WITH cells AS MATERIALIZED (
        SELECT w.image_id, w.class_id, w.verdict AS wanted, w.source AS new_source,
               a.verdict, a.at, a.source,
               CASE WHEN a.verdict IS NULL THEN {DECLARED_AT.format(cell="w")} END AS declared_at
        FROM (SELECT value >> {_IMAGE_SHIFT} AS image_id,
                     value >> {_CLASS_SHIFT} & {MAX_CLASS} AS class_id,
                     nullif((value >> 3 & 3) - 1, -1) AS verdict,
                     CASE value & 7 {_SOURCE_NAMES} END AS source
              FROM json_each(:changes)) AS w
        LEFT JOIN annotations AS a ON a.image_id = w.image_id AND a.class_id = w.class_id),
    current AS (
        SELECT image_id, class_id, wanted, new_source,
               CASE WHEN declared_at IS NULL THEN verdict ELSE 0 END AS verdict,
               coalesce(at, declared_at) AS at,
               CASE WHEN declared_at IS NULL THEN source ELSE '{_REVIEWED}' END AS source
        FROM cells)
    INSERT INTO journal ({CLASS_COLUMNS})
    SELECT :batch, image_id, class_id, verdict, at, source,
           wanted,
           CASE WHEN wanted IS NOT NULL THEN :at END,
           CASE WHEN wanted IS NOT NULL THEN new_source END
    FROM current
    WHERE verdict IS NOT wanted OR (wanted IS NOT NULL AND (source IS NOT new_source
        -- That the user stays with it answers a conflict with another library.
        OR (new_source = '{Source.USER.value}' AND EXISTS (
            SELECT 1 FROM conflicts AS k WHERE k.image_id = current.image_id
            AND k.class_id = current.class_id AND k.mine_at = current.at))))
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
        source: Source | str | Sequence[Source] = Source.USER,
        label: str = "",
        *,
        action: str = "",
        reviewed_ids: ImageIds = (),
        absences: Absences | None = None,
    ) -> Batch:
        """As :meth:`apply`, for many changes: row i sets class ``class_ids[i]`` of image
        ``image_ids[i]``.

        Args:
            image_ids, class_ids: (n,) int64.
            verdicts: (n,) values of :class:`Verdict`.
            source: where they come from, all or each of them.
            label: what the change is called in the undo menu.
            action: "confirmed", or "vocabulary" for changes that follow from editing classes, which
                undoes them itself: they are not in :meth:`history`.  Default: from ``source``.
            reviewed_ids: images that get the reviewed mark, too; no verdict follows from it.
            absences: many more absent classes, where nothing was known and none of the changes
                says otherwise; stored as a review stores them.

        Raises:
            NotInCatalogue, CatalogueError: as :meth:`apply`.
            ValueError: if a verdict is none of :class:`Verdict`, or the lengths differ.
        """
        if isinstance(source, str):
            is_import = Source(source) is Source.IMPORT
            sources = np.full(len(image_ids), _SOURCES[Source(source)], np.int64)
        else:
            is_import = True
            sources = np.fromiter(map(_SOURCES.__getitem__, source), np.int64, len(source))
        body = _changes_as_json(image_ids, class_ids, verdicts, sources)
        action = action or ("import" if is_import else "apply")
        at = now()
        with self._store.write() as connection:
            batch = journal.begin(connection, at, action, label=label)
            connection.execute(_APPLY, {"batch": batch.id, "at": at, "changes": body})
            reviews = []
            if len(reviewed_ids) or absences is not None:
                changed = np.asarray(image_ids, np.int64), np.asarray(class_ids, np.int64)
                reviews = [_declaration(connection, at, reviewed_ids, absences, changed)]
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

    def keep_step(
        self,
        label: str,
        old: Sequence[ClassEntry],
        batch: Batch | None = None,
    ) -> Batch | None:
        """Keep a change of the vocabulary in the journal, so that it can be undone like any other.

        Args:
            label: what the user calls it.
            old: all classes, archived ones too, before the transaction that this is part of.
            batch: the annotations that changed with them, in this transaction; None: a batch of
                its own is made.

        Returns:
            ``batch``, or the batch that was made; None if nothing has changed.
        """
        with self._store.write() as connection:
            now_there = read_classes(connection).values()
            before, after = vocabulary_steps.difference(old, now_there)
            if not after:
                return batch
            if batch is None:
                made = journal.begin(connection, now(), VOCABULARY, label=label)
                batch = journal.settle(connection, made)
            vocabulary_steps.record(connection, batch.id, before, after)
            return replace(batch, vocabulary=True)

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

    def sources(self, image_ids: ImageIds, class_ids: ImageIds) -> NDArray[np.int8]:
        """(N, C) int8: where each annotation comes from, as its place in :class:`Source`: 0 user,
        1 reviewed, 2 import, 3 machine, 4 confirmed; -1 without an annotation.  For some thousand
        images."""
        with self._store.read() as connection:
            return source_matrix(
                connection, np.asarray(image_ids, np.int64), np.asarray(class_ids, np.int64)
            )

    def of_source(
        self, source: Source
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int8]]:
        """Image ids, class ids and verdicts, (n,) each, of every annotation that comes from
        ``source``, except what reviews declared absent."""
        with self._store.read() as connection:
            found = rows(
                connection,
                "SELECT image_id, class_id, verdict FROM annotations WHERE source = ?",
                (source.value,),
            )
        table = np.array(found, np.int64).reshape(-1, 3)
        return table[:, 0], table[:, 1], table[:, 2].astype(np.int8)

    def images_of_source(self, source: Source) -> NDArray[np.int64]:
        """(n,) ids of the images that have an annotation from ``source``, in no order; those that
        reviews declared absent do not count."""
        with self._store.read() as connection:
            found = rows(
                connection,
                "SELECT DISTINCT image_id FROM annotations WHERE source = ?",
                (source.value,),
            )
        return np.fromiter(chain.from_iterable(found), np.int64, len(found))

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
        """What was annotated after ``at`` (microseconds since the epoch) and still holds, over
        images that are shown.

        Where the clock was ahead for a while, the order of the batches decides, not their time.

        Returns:
            Verdicts per class of the vocabulary, without the absents from marking images
            reviewed; and how many images were marked.
        """
        shown = (
            "JOIN images AS i ON i.id = {0}.image_id AND i.superseded = 0 "
            "JOIN folders AS f ON f.id = i.folder_id AND f.hidden = 0"
        )
        with self._store.read() as connection:
            later, limit = _later(connection, at)
            verdicts = rows(
                connection,
                "SELECT a.class_id, count(*) FROM annotations AS a "
                "JOIN classes AS c ON c.id = a.class_id AND c.archived = 0 "
                f"{shown.format('a')} "
                f"WHERE a.at {later} AND (a.verdict = 1 OR a.source <> ?) GROUP BY a.class_id",
                (limit, Source.REVIEWED.value),
            )
            (marked,) = rows(
                connection,
                f"SELECT count(*) FROM reviewed AS r {shown.format('r')} WHERE r.at {later}",
                (limit,),
            )
        return dict(verdicts), int(marked[0])  # pyright: ignore[reportArgumentType]

    def counts(self) -> dict[int, AnnotationCount]:
        """Present and absent annotations per class id, over images that are shown."""
        shown = (
            "JOIN images AS i ON i.id = a.image_id JOIN folders AS f ON f.id = i.folder_id "
            "WHERE f.hidden = 0 AND i.superseded = 0"
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


def _declaration(
    connection: Connection,
    at: int,
    reviewed_ids: ImageIds,
    absences: Absences | None,
    changed: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> journal.Review:
    """The absences of which nothing is known, without the cells that are ``changed`` otherwise
    (image ids, class ids), and the marks of those of the images that do not have them."""
    absences = absences or Absences.none()
    marked = np.unique(np.asarray(reviewed_ids, np.int64))
    only = "WHERE image_id IN (SELECT value FROM json_each(?))"
    found = rows(
        connection, f"SELECT image_id FROM reviewed {only}", (json.dumps(marked.tolist()),)
    )
    marked = np.setdiff1d(marked, np.array(found, np.int64).reshape(-1))
    image_ids = np.union1d(absences.image_ids, marked)
    place, _ = declared.positions(image_ids, absences.image_ids)
    cells = np.zeros((len(image_ids), len(absences.class_ids)), np.bool_)
    cells[place] = absences.cells
    cells &= verdict_matrix(connection, image_ids, absences.class_ids) < 0
    row, known_row = declared.positions(image_ids, changed[0])
    column, known_column = declared.positions(absences.class_ids, changed[1])
    keep = known_row & known_column
    cells[row[keep], column[keep]] = False
    mark: journal.Mark = (None, at)
    return journal.Review(
        image_ids,
        absences.class_ids,
        cells,
        declares=True,
        at=np.full(len(image_ids), at, np.int64),
        marks=[mark if one else None for one in np.isin(image_ids, marked).tolist()],
    )


def _changes_as_json(
    image_ids: NDArray[np.int64],
    class_ids: NDArray[np.int64],
    verdicts: NDArray[np.integer],
    sources: NDArray[np.int64],
) -> str:
    """The changes as ``_APPLY`` reads them; of several of a cell the last one."""
    images, classes, given, sources = table = [
        np.asarray(column, np.int64) for column in (image_ids, class_ids, verdicts, sources)
    ]
    if len({len(column) for column in table}) > 1:
        raise ValueError("images, classes, verdicts and sources differ in number")
    if len(wrong := given[(given < Verdict.UNKNOWN) | (given > Verdict.PRESENT)]):
        raise ValueError(f"{wrong[0]} is not a verdict")
    # What is out of range is no image or class, and neither is the largest number.
    images = np.where((images < 0) | (images > MAX_IMAGE), MAX_IMAGE, images)
    classes = np.where((classes < 0) | (classes > MAX_CLASS), MAX_CLASS, classes)
    cells = images << _IMAGE_SHIFT | classes << _CLASS_SHIFT
    changes = (cells | given + 1 << 3 | sources)[::-1]
    _, first = np.unique(cells[::-1], return_index=True)  # from the end: the last change
    return json.dumps(changes[first].tolist())
