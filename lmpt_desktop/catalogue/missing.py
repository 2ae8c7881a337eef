"""Missing images that have data of the user's, and what could be their photos now."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from lmpt_desktop.catalogue import declared_absent as declared
from lmpt_desktop.catalogue.store import THESE, Store, as_json, rows
from lmpt_desktop.catalogue.stored_paths import (
    IS_DISPLACED,
    PLACE_OF_DISPLACED,
    from_stored,
    is_displaced,
)
from lmpt_desktop.catalogue.user_data import HAS_USER_DATA
from lmpt_desktop.catalogue.verdicts import verdict_matrix

MOST_COPIES = 4
"""Images with the same picture that are named for each missing one."""
PAIRS_AT_ONCE = 2000
"""Pairs whose verdicts are compared at a time, which bounds the memory."""

_LIST = """
    SELECT i.id, i.folder_id, i.path, i.fingerprint, i.size,
           CASE i.caption_source WHEN 'user' THEN i.caption ELSE '' END
    FROM images AS i JOIN folders AS f ON f.id = i.folder_id
    WHERE i.state = 'missing' AND i.superseded = 0 AND f.hidden = 0 ORDER BY i.id
"""
# What a review declared absent counts as "reviewed", also where an undo has put it back as
# annotations of single classes.
_VERDICTS = f"""
    SELECT group_concat(image_id), group_concat(present), group_concat(absent) FROM (
        SELECT image_id, sum(verdict) AS present,
               sum(verdict = 0 AND source <> 'reviewed') AS absent
        FROM annotations WHERE image_id {THESE} GROUP BY image_id)
"""
_REVIEWED = f"SELECT group_concat(image_id) FROM reviewed WHERE image_id {THESE}"
_DECLARED = f"SELECT group_concat(image_id) FROM declared_absent WHERE image_id {THESE}"
_COUNT = f"""
    SELECT count(*) FROM images AS i JOIN folders AS f ON f.id = i.folder_id
    WHERE i.state = 'missing' AND i.superseded = 0 AND f.hidden = 0
    AND NOT {IS_DISPLACED.format(path="i.path")} AND {HAS_USER_DATA.format(image="i")}
"""

_PICTURES = f"""
    SELECT id, picture_hash, file_hash FROM images
    WHERE id {THESE} AND picture_hash <> '' ORDER BY id
"""
# Each picture is asked for once, since there may be thousands of images with it.
_WITH_PICTURES = f"""
    SELECT b.picture_hash, b.file_hash, b.id FROM images AS b
    JOIN folders AS f ON f.id = b.folder_id
    WHERE b.picture_hash {THESE} AND b.state = 'ok' AND b.superseded = 0 AND f.hidden = 0
    ORDER BY b.id
"""
_AT_ITS_PLACE = f"""
    SELECT a.id, b.id FROM images AS a
    JOIN images AS b ON b.folder_id = a.folder_id
         AND b.path = {PLACE_OF_DISPLACED.format(path="a.path")}
    JOIN folders AS f ON f.id = b.folder_id
    WHERE a.id {THESE} AND {IS_DISPLACED.format(path="a.path")} AND b.state = 'ok'
      AND f.hidden = 0
"""
# Not what an undo has set back: that is not repeated by itself, but may be chosen.
_DECLINED = f"""
    SELECT image_id, successor_id FROM successors
    WHERE image_id {THESE} AND state = 'declined' AND batch_id IS NULL
"""


class MissingImage(NamedTuple):
    """An image whose file is missing, and what the user has given it."""

    id: int
    folder_id: int
    name: str
    """Its relative path with "/" between parts."""
    fingerprint: str
    size: int
    """Of its file, in bytes."""
    caption: str
    """The user's own; "" if there is none."""
    present: int
    absent: int
    """Classes annotated present and absent, without those that a review declared absent."""
    reviewed: bool
    displaced: bool
    """Another photo has taken its place."""


@dataclass(frozen=True)
class TransferPreview:
    """What giving the annotations of missing images to others will do.

    Attributes:
        photos: missing images from which something moves.
        annotations: verdicts on single classes that move, or that the other image has too.
        reviewed: reviewed marks that move.
        captions: captions of the user that move.
        contradictions: verdicts that stay with the missing image, because the other image has the
            opposite one.
        kept: missing images that stay in the list, because of such verdicts or another caption.
    """

    photos: int = 0
    annotations: int = 0
    reviewed: int = 0
    captions: int = 0
    contradictions: int = 0
    kept: int = 0


class MissingImages:
    """Reads; nothing here changes anything."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> list[MissingImage]:
        """Missing images with data of the user's, of folders that are not hidden; in no particular
        order."""
        # Joined here: SQLite would look everything up once more for each image.
        with self._store.read() as connection:
            found = rows(connection, _LIST)
            listed = np.array([row[0] for row in found], np.int64)
            these = (as_json(listed),)
            given = [
                declared.numbers([text or ""]) for text in rows(connection, _VERDICTS, these)[0]
            ]
            reviewed = _listed(connection, _REVIEWED, listed)
            listable = reviewed | _listed(connection, _DECLARED, listed)
        counts = np.zeros((2, len(listed)), np.int64)
        place = np.searchsorted(listed, given[0])
        counts[:, place] = given[1:]
        listable[place] = True
        return [
            MissingImage._make(
                (*row[:2], from_stored(row[2]), *row[3:], *counted, is_displaced(row[2]))
            )
            for row, *counted, has_data in zip(
                found, *counts.tolist(), reviewed.tolist(), listable.tolist(), strict=True
            )
            if has_data or row[5]
        ]

    def count_gone(self) -> int:
        """How many :meth:`all` lists whose place no other photo has taken."""
        with self._store.read() as connection:
            return int(rows(connection, _COUNT)[0][0])

    def same_picture(self, image_ids: Iterable[int]) -> list[tuple[int, int]]:
        """Each of these images with those that have the same picture and can be read, equal files
        first, at most ``MOST_COPIES``."""
        with self._store.read() as connection:
            wanted = rows(connection, _PICTURES, (as_json(image_ids),))
            pictures = json.dumps(sorted({row[1] for row in wanted}))
            there = rows(connection, _WITH_PICTURES, (pictures,))
        # One more than are named, as it may be the image itself.
        equal: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        others: defaultdict[str, list[int]] = defaultdict(list)
        for picture, file_hash, image_id in there:
            if len(same := equal[picture, file_hash]) <= MOST_COPIES:
                same.append(image_id)
                # Enough to find that many whose bytes differ from those of any one of them.
                if len(others[picture]) <= 2 * MOST_COPIES + 1:
                    others[picture].append(image_id)
        found: list[tuple[int, int]] = []
        for image_id, picture, file_hash in wanted:
            best = dict.fromkeys((*equal.get((picture, file_hash), ()), *others.get(picture, ())))
            best.pop(image_id, None)
            found += [(image_id, other) for other in itertools.islice(best, MOST_COPIES)]
        return found

    def at_its_place(self, image_ids: Iterable[int]) -> list[tuple[int, int]]:
        """Those of these images whose place another one has taken, with that one."""
        return self._pairs(_AT_ITS_PLACE, image_ids)

    def declined(self, image_ids: Iterable[int]) -> set[tuple[int, int]]:
        """Pairs of these images and others that the user has declined."""
        return set(self._pairs(_DECLINED, image_ids))

    def preview(self, pairs: Sequence[tuple[int, int]]) -> TransferPreview:
        """What :meth:`Transfers.follow` will do with these pairs, missing image first."""
        total = TransferPreview()
        with self._store.read() as connection:
            classes = [row[0] for row in rows(connection, "SELECT id FROM classes ORDER BY id")]
            for start in range(0, len(pairs), PAIRS_AT_ONCE):
                part = pairs[start : start + PAIRS_AT_ONCE]
                total = _added(total, _preview(connection, part, np.array(classes, np.int64)))
        return total

    def _pairs(self, sql: str, image_ids: Iterable[int]) -> list[tuple[int, int]]:
        requested = as_json(image_ids)
        with self._store.read() as connection:
            return [(row[0], row[1]) for row in rows(connection, sql, (requested,))]


def _listed(connection: Connection, sql: str, listed: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n,): which of these images ``sql`` names."""
    text = rows(connection, sql, (as_json(listed),))[0][0]
    return np.isin(listed, declared.numbers([text or ""]))


def _preview(
    connection: Connection, pairs: Sequence[tuple[int, int]], classes: NDArray[np.int64]
) -> TransferPreview:
    old = np.array([pair[0] for pair in pairs], np.int64)
    new = np.array([pair[1] for pair in pairs], np.int64)
    # A matrix has one row per image: an image may be in several pairs.
    old_ids, old_row = np.unique(old, return_inverse=True)
    new_ids, new_row = np.unique(new, return_inverse=True)
    before = verdict_matrix(connection, old_ids, classes)[old_row]
    there = verdict_matrix(connection, new_ids, classes)[new_row]
    against = (before >= 0) & (there >= 0) & (before != there)
    explicit = _explicit(connection, old_ids, classes)[old_row]
    ids = as_json(np.union1d(old, new))
    marked = {row[0] for row in rows(
        connection, f"SELECT image_id FROM reviewed WHERE image_id {THESE}", (ids,)
    )}  # fmt: skip
    captions = dict(rows(
        connection,
        f"SELECT id, caption FROM images WHERE caption_source = 'user' AND id {THESE}",
        (ids,),
    ))  # type: ignore[arg-type]  # fmt: skip
    moved_captions = [
        a in captions and captions.get(b, captions[a]) == captions[a] for a, b in pairs
    ]
    stuck_captions = [
        a in captions and not moves for (a, _), moves in zip(pairs, moved_captions, strict=True)
    ]
    stays = against.any(axis=1) | np.array(stuck_captions, np.bool_)
    return TransferPreview(
        photos=len(old_ids),
        annotations=int(np.count_nonzero(explicit & ~against)),
        reviewed=sum(a in marked for a in old_ids.tolist()),
        captions=sum(moved_captions),
        contradictions=int(np.count_nonzero(against)),
        kept=len(np.unique(old[stays])),
    )


def _explicit(
    connection: Connection, image_ids: NDArray[np.int64], classes: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """(n, C): the verdicts of these images (ascending) on single classes."""
    cells = np.zeros((len(image_ids), len(classes)), np.bool_)
    found = rows(
        connection,
        "SELECT image_id, class_id FROM annotations "
        f"WHERE (verdict = 1 OR source <> 'reviewed') AND image_id {THESE}",
        (as_json(image_ids),),
    )
    table = np.array(found, np.int64).reshape(-1, 2)
    cells[np.searchsorted(image_ids, table[:, 0]), np.searchsorted(classes, table[:, 1])] = True
    return cells


def _added(first: TransferPreview, second: TransferPreview) -> TransferPreview:
    return TransferPreview(
        *(a + b for a, b in zip(vars(first).values(), vars(second).values(), strict=True))
    )
