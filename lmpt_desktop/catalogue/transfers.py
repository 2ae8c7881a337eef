"""What is known of an image goes to another: its copy, its edited version, or one the user chose.

Annotations and reviewed marks move in a batch of the journal, so that it can be undone like any
other change.  What the other image has already is kept: only classes unknown there are set, and a
verdict that contradicts stays with the old image.  Captions and the held-out side move outside the
journal.  See docs/adr/0012.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from lmpt_desktop.catalogue import declared_absent as declared
from lmpt_desktop.catalogue import journal, successors
from lmpt_desktop.catalogue.companions import COMPANION
from lmpt_desktop.catalogue.journal import CLASS_COLUMNS
from lmpt_desktop.catalogue.store import THESE, Store, as_json, now, rows
from lmpt_desktop.catalogue.stored_paths import IS_DISPLACED, PLACE_OF_DISPLACED, from_stored
from lmpt_desktop.catalogue.undo import revert
from lmpt_desktop.catalogue.user_data import HAS_USER_DATA
from lmpt_desktop.catalogue.verdicts import verdict_matrix
from lmpt_desktop.domain.records import Batch, CopyOfMissing, Source, Succession, TransferReason

SERIES = 8
"""A date that more images have says nothing: a camera whose clock stands still gives one to all."""
SEPARATED = "separated"
"""The ``action`` of a batch that gave annotations back."""

_INSERT = f"INSERT INTO journal ({CLASS_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"

_CAN_RECEIVE = f"""
    b.state = 'ok' AND b.superseded IN (0, {COMPANION})
    AND b.folder_id IN (SELECT id FROM folders WHERE hidden = 0)
"""
# Each picture is asked for once: there may be thousands of images with one, of which half are gone.
_GONE = f"""
    WITH gone AS MATERIALIZED (
        SELECT a.id, a.picture_hash, fa.id AS folder_id, fa.hidden, fa.path AS folder
        FROM images AS a JOIN folders AS fa ON fa.id = a.folder_id
        WHERE {{gone}} AND a.picture_hash <> '' AND a.superseded IN (0, {COMPANION})),
    there AS MATERIALIZED (
        SELECT picture_hash FROM (SELECT DISTINCT picture_hash FROM gone) AS one
        WHERE EXISTS (SELECT 1 FROM images AS b
                      WHERE b.picture_hash = one.picture_hash AND {_CAN_RECEIVE}))
    SELECT a.id, a.picture_hash, gone.folder_id, gone.hidden, gone.folder, a.path, a.file_hash,
           a.superseded, {HAS_USER_DATA.format(image="a")}
    FROM gone CROSS JOIN images AS a ON a.id = gone.id
    WHERE gone.picture_hash IN (SELECT picture_hash FROM there) ORDER BY a.id
"""
_COPIES = f"""
    SELECT b.picture_hash, b.id, coalesce(c.shown_id, b.id), b.path, b.file_hash
    FROM images AS b LEFT JOIN companions AS c ON c.image_id = b.id
    WHERE b.picture_hash {THESE} AND {_CAN_RECEIVE}
"""
_DECLINED = f"""
    SELECT image_id, successor_id FROM successors WHERE image_id {THESE} AND state <> 'followed'
"""
_WHERE_GONE = ("a.state = 'missing'", "a.state <> 'missing' AND fa.hidden = 1")
"""Two queries: the first, which finds most, has an index of its own."""

_DISPLACED = f"""
    WITH common (taken) AS MATERIALIZED (
        SELECT substr(taken, 1, 19) FROM images WHERE taken IS NOT NULL
        GROUP BY 1 HAVING count(*) > {{series}})
    SELECT a.id, b.id, EXISTS (
        SELECT 1 FROM successors AS s WHERE s.image_id = b.id AND s.successor_id = a.id
        AND s.reason = 'edit' AND s.state = 'followed'),
        CASE WHEN a.taken IS NULL OR b.taken IS NULL
                  OR substr(a.taken, 1, 19) IN common THEN 0
             WHEN substr(a.taken, 1, 19) = substr(b.taken, 1, 19) THEN 1 ELSE -1 END
    FROM images AS a
    JOIN images AS b ON b.folder_id = a.folder_id
         AND b.path = {PLACE_OF_DISPLACED.format(path="a.path")}
    WHERE a.state = 'missing' AND a.superseded = 0
      AND {IS_DISPLACED.format(path="a.path")}
      AND b.state = 'ok' AND {HAS_USER_DATA.format(image="a")}
      AND NOT EXISTS (SELECT 1 FROM successors AS s WHERE s.image_id = a.id
                      AND s.successor_id = b.id AND s.state <> 'followed')
    ORDER BY a.id
"""


class Transfers:
    """Moves what is known of images to their successors."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def copies_of_missing(self) -> list[CopyOfMissing]:
        """Images that are missing or in a hidden folder, each with the best of those that have the
        same picture and can be read; without pairs that the user has declined.

        The best copy is of equal bytes, then of the same name, then the one known longest.
        """
        with self._store.read() as connection:
            gone = [
                row for where in _WHERE_GONE for row in rows(connection, _GONE.format(gone=where))
            ]
            if not gone:
                return []
            pictures = json.dumps(sorted({row[1] for row in gone}))
            copies = rows(connection, _COPIES, (pictures,))
            refused: defaultdict[int, set[int]] = defaultdict(set)
            for image_id, successor_id in rows(
                connection, _DECLINED, (as_json(row[0] for row in gone),)
            ):
                refused[image_id].add(successor_id)
        # What was known of a companion goes to another companion, of which the photo has its own;
        # what was known of an image that was shown goes where it is seen.
        shown, single = _CopiesByPicture(), _CopiesByPicture()
        for picture, image_id, shown_id, stored, file_hash in copies:
            path = from_stored(stored)
            shown.add(picture, shown_id, path, file_hash)
            single.add(picture, image_id, path, file_hash)
        found: list[CopyOfMissing] = []
        for image_id, picture, folder_id, hidden, folder, stored, file_hash, kind, known in gone:
            path = from_stored(stored)
            among = single if kind == COMPANION else shown
            copy_id = among.best(
                picture, path, file_hash, refused.get(image_id, set()) | {image_id}
            )
            if copy_id is not None:
                place = f"{from_stored(folder)}/{path}"
                found.append(
                    CopyOfMissing(
                        image_id, copy_id, folder_id, bool(hidden), place, has_user_data=bool(known)
                    )
                )
        return found

    def displaced(self) -> list[Succession]:
        """Displaced images with data of the user's, each with the image that has its place, as far
        as they have not been compared."""
        with self._store.read() as connection:
            return [
                Succession(row[0], row[1], bool(row[2]), row[3])
                for row in rows(connection, _DISPLACED.format(series=SERIES))
            ]

    def follow(
        self,
        pairs: Iterable[tuple[int, int]],
        reason: TransferReason,
        label: str,
        *,
        edited: bool = False,
    ) -> Batch:
        """Move what is known of the first image of each pair to the second, in one transaction.

        An old image of which nothing is left is no longer shown.

        Args:
            pairs: image ids, old and new; several old images may go to one new image, and what
                the first of them has counts.
            reason: why.
            label: what the change is called in the undo menu.
            edited: whether the new images are listed as changed since they were annotated.

        Returns:
            What really changed; empty where the old images had no annotations.

        Raises:
            CatalogueError: if it could not be written; then nothing is changed.
            ValueError: if an image is old in two pairs, or old and new.
        """
        at = now()
        requested = list(dict.fromkeys((int(old), int(new)) for old, new in pairs if old != new))
        gone = {old for old, _ in requested}
        if len(gone) < len(requested) or any(new in gone for _, new in requested):
            raise ValueError("each image can have one successor, which has none itself")
        with self._store.write() as connection:
            batch = journal.begin(connection, at, successors.FOLLOWED, label=label)
            reviews = _move_verdicts(connection, batch, requested) if requested else []
            _move_the_rest(connection, requested, at)
            made = journal.settle(connection, batch, reviews)
            successors.supersede(connection, [old for old, _ in requested])
            _record_moves(connection, requested, reason, made.id)
            if edited and len(made):
                successors.set_edited(connection, [new for _, new in requested], True)
            self._store.mark_changed(image_id for pair in requested for image_id in pair)
        return made

    def separate(self, image_ids: Sequence[int], label: str) -> Batch:
        """These edited images are other photos: what followed to them goes back to the images
        that had it, and does not come again.

        What was annotated since stays.  Images to which nothing has followed are left out.

        Args:
            image_ids: edited images.
            label: what the change is called in the undo menu.

        Returns:
            What really changed.

        Raises:
            CatalogueError: if it could not be written; then nothing is changed.
        """
        at = now()
        with self._store.write() as connection:
            found = successors.predecessors(connection, image_ids)
            # Of several edits of one photo, the last.
            receiving = {old for old, _ in found.values()}
            found = {new: origin for new, origin in found.items() if new not in receiving}
            by_batch: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
            for new, (old, moved_by) in found.items():
                by_batch[moved_by].append((new, old))
            made = journal.begin(connection, at, SEPARATED, label=label)
            reviews: list[journal.Review] = []
            for moved_by, pairs in by_batch.items():
                only = [image_id for pair in pairs for image_id in pair]
                reviews += revert(connection, made, moved_by, only)[0]
            back = [(new, old) for new, (old, _) in found.items()]
            _move_captions(connection, back)
            result = journal.settle(connection, made, reviews)
            successors.show_again(connection, [old for _, old in back])
            successors.record(
                connection,
                [(old, new) for new, old in back],
                TransferReason.EDIT,
                "declined",
                made.id,
            )
            successors.set_edited(connection, list(found), False)
            self._store.mark_changed(image_id for pair in back for image_id in pair)
        return result

    def supersede(self, image_ids: Sequence[int]) -> None:
        """No longer show those of these missing images that have no data of the user's."""
        with self._store.write() as connection:
            successors.supersede(connection, image_ids)
            self._store.mark_changed(image_ids)

    def mark_unlike(self, pairs: Iterable[tuple[int, int]], reason: TransferReason) -> None:
        """The images of each pair were compared and are different photos."""
        with self._store.write() as connection:
            successors.record(connection, pairs, reason, "unlike")

    def decline(self, pairs: Iterable[tuple[int, int]], reason: TransferReason) -> None:
        """Never move anything from the first image of a pair to the second unasked."""
        with self._store.write() as connection:
            successors.record(connection, pairs, reason, "declined")

    def set_edited(self, image_ids: Sequence[int], edited: bool) -> None:
        """List these images as changed since they were annotated, or no longer."""
        with self._store.write() as connection:
            successors.set_edited(connection, image_ids, edited)
            self._store.mark_changed(image_ids)

    def predecessors(self, image_ids: Sequence[int]) -> dict[int, int]:
        """For each of these images to which annotations followed, because it is an edited version:
        the image that had them last."""
        with self._store.read() as connection:
            found = successors.predecessors(connection, image_ids)
        return {new: old for new, (old, _) in found.items()}

    def receivers(self, batch_ids: Sequence[int]) -> list[int]:
        """The images to which these batches moved annotations, ascending; none where a batch was
        undone."""
        with self._store.read() as connection:
            return successors.receivers(connection, batch_ids)


_Key = tuple[str, str | None, str | None]
"""Picture, and where they are of interest bytes and file name."""


class _CopiesByPicture:
    """Images that can receive something, by picture; finding one takes no longer the more there
    are."""

    def __init__(self) -> None:
        self._ids: defaultdict[_Key, list[int]] = defaultdict(list)
        self._ordered = False

    def add(self, picture: str, image_id: int, path: str, file_hash: str) -> None:
        for key in _keys(picture, path, file_hash):
            self._ids[key].append(image_id)

    def best(self, picture: str, path: str, file_hash: str, not_these: set[int]) -> int | None:
        """The best for an image with this path and these bytes."""
        if not self._ordered:
            for ids in self._ids.values():
                ids.sort()
            self._ordered = True
        for key in _keys(picture, path, file_hash):
            for image_id in self._ids.get(key, ()):
                if image_id not in not_these:
                    return image_id
        return None


def _keys(picture: str, path: str, file_hash: str) -> tuple[_Key, ...]:
    """Under which a copy is found, the surest first."""
    name = path.rpartition("/")[2]
    return (
        (picture, file_hash, name),
        (picture, file_hash, None),
        (picture, None, name),
        (picture, None, None),
    )


def _move_verdicts(
    connection: Connection, batch: journal.Open, pairs: Sequence[tuple[int, int]]
) -> list[journal.Review]:
    """Write the journal rows that move verdicts and marks; no image is old in two pairs."""
    old = np.array([pair[0] for pair in pairs], np.int64)
    new, target = np.unique([pair[1] for pair in pairs], return_inverse=True)
    classes = [row[0] for row in rows(connection, "SELECT id FROM classes ORDER BY id")]
    class_ids = np.array(classes, np.int64)
    held = verdict_matrix(connection, old, class_ids)
    known = verdict_matrix(connection, new, class_ids)

    # Where several images go to one, each sees what those before it have given.
    goes, arrives = np.zeros(held.shape, np.bool_), np.zeros(held.shape, np.bool_)
    turn = _occurrence(target)
    for part in (np.flatnonzero(turn == k) for k in range(int(turn.max()) + 1)):
        there = known[target[part]]
        arrives[part] = (held[part] >= 0) & (there < 0)
        # Where they contradict, the old verdict stays: the user decides.
        goes[part] = (held[part] >= 0) & ((there < 0) | (there == held[part]))
        known[target[part]] = np.where(arrives[part], held[part], there)

    # One declaration of an image stays one row; where there are several, each class gets a row.
    found = declared.read(connection, old)
    cells = declared.cells_of(connection, found, class_ids)
    place, _ = declared.positions(old, found.image_ids)
    whole = (np.bincount(place, minlength=len(old)) == 1)[place] & (turn[place] == 0)
    declares = np.zeros(held.shape, np.bool_)
    declared_at = np.zeros(len(old), np.int64)
    declares[place[whole]] = cells[whole]
    declared_at[place[whole]] = found.at[whole]
    row, column = np.nonzero(cells & ~whole[:, None])
    loose = [
        (int(place[r]), int(c), 0, int(found.at[r]), Source.REVIEWED.value)
        for r, c in zip(row.tolist(), column.tolist(), strict=True)
    ]
    explicit = rows(
        connection,
        f"SELECT image_id, class_id, verdict, at, source FROM annotations WHERE image_id {THESE}",
        (as_json(old),),
    )
    row_of = {image: i for i, image in enumerate(old.tolist())}
    column_of = {class_id: i for i, class_id in enumerate(classes)}
    loose += [(row_of[i], column_of[c], v, at, by) for i, c, v, at, by in explicit]

    entries: list[tuple[object, ...]] = []
    for i, j, *stored in loose:
        if goes[i, j]:
            entries.append((batch.id, pairs[i][0], classes[j], *stored, None, None, None))
        if arrives[i, j]:
            entries.append((batch.id, pairs[i][1], classes[j], None, None, None, *stored))
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.executemany(_INSERT, entries)

    first = np.flatnonzero(turn == 0)
    given = np.zeros(known.shape, np.bool_)
    given[target[first]] = (declares & arrives)[first]
    given_at = np.zeros(len(new), np.int64)
    given_at[target[first]] = declared_at[first]
    was, becomes = _marks(connection, old, new, target)
    reviews = [
        journal.Review(old, class_ids, declares & goes, False, declared_at, was),
        journal.Review(new, class_ids, given, True, given_at, becomes),
    ]
    for review in reviews:
        journal.write_review(connection, batch, review)
    return reviews


def _occurrence(values: NDArray[np.intp]) -> NDArray[np.int64]:
    """(n,) how often each value has occurred before."""
    seen: defaultdict[int, int] = defaultdict(int)
    result = np.zeros(len(values), np.int64)
    for i, value in enumerate(values.tolist()):
        result[i] = seen[value]
        seen[value] += 1
    return result


def _marks(
    connection: Connection,
    old: NDArray[np.int64],
    new: NDArray[np.int64],
    target: NDArray[np.intp],
) -> tuple[list[journal.Mark], list[journal.Mark]]:
    """How the reviewed marks of ``old`` (n,) and ``new`` (m,) change."""
    marked = {
        row[0]: row[1]
        for row in rows(
            connection,
            f"SELECT image_id, at FROM reviewed WHERE image_id {THESE}",
            (as_json(np.concatenate([old, new])),),
        )
    }
    becomes: list[journal.Mark] = [None] * len(new)
    for image, place in zip(old.tolist(), target.tolist(), strict=True):
        if image in marked and int(new[place]) not in marked and becomes[place] is None:
            becomes[place] = (None, marked[image])
    return [(marked[i], None) if i in marked else None for i in old.tolist()], becomes


def _move_the_rest(connection: Connection, pairs: Sequence[tuple[int, int]], at: int) -> None:
    """Captions that the user wrote, whether the photo was edited since it was annotated, and the
    held-out side: training and judging stay apart."""
    _move_captions(connection, pairs)
    successors.hand_on_edited(connection, pairs)
    for old, new in pairs:
        rows(
            connection,
            "INSERT OR IGNORE INTO held_out (image_id, at) "
            "SELECT ?, ? FROM held_out WHERE image_id = ?",
            (new, at, old),
        )


def _move_captions(connection: Connection, pairs: Sequence[tuple[int, int]]) -> None:
    for old, new in pairs:
        rows(
            connection,
            "UPDATE images SET caption = o.caption, caption_source = 'user' "
            "FROM (SELECT caption FROM images WHERE id = ? AND caption_source = 'user') AS o "
            "WHERE id = ? AND caption_source <> 'user'",
            (old, new),
        )
        rows(
            connection,
            "UPDATE images SET caption = '', caption_source = '' WHERE id = ? "
            "AND caption_source = 'user' AND caption = (SELECT caption FROM images WHERE id = ?)",
            (old, new),
        )


def _record_moves(
    connection: Connection,
    pairs: Sequence[tuple[int, int]],
    reason: TransferReason,
    batch_id: int,
) -> None:
    """What contradicts has stayed: moving it is for the user to decide, not for the next scan."""
    found = rows(
        connection,
        f"SELECT i.id FROM images AS i WHERE i.id {THESE} AND {HAS_USER_DATA.format(image='i')}",
        (as_json(old for old, _ in pairs),),
    )
    left = {row[0] for row in found}
    gone = [pair for pair in pairs if pair[0] not in left]
    successors.record(connection, gone, reason, "followed", batch_id)
    kept = [pair for pair in pairs if pair[0] in left]
    successors.record(connection, kept, reason, "declined", batch_id)
