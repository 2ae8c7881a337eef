"""Images that have the same picture, and when their verdicts were given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue import declared_absent as declared
from lmpt_desktop.catalogue.records import ImageIds
from lmpt_desktop.catalogue.store import THESE, Store, as_json, rows

_SHOWN = (
    "state = 'ok' AND superseded = 0 AND folder_id IN (SELECT id FROM folders WHERE hidden = 0)"
)
# Which pictures occur several times is read from the index alone; most photos have no copy.  One
# row per picture: a few thousand texts are read far faster than all their images.
_GROUPS = f"""
    SELECT group_concat(i.id) FROM (
        SELECT picture_hash FROM images WHERE picture_hash <> '' {{only}}
        GROUP BY picture_hash HAVING count(*) > 1) AS several
    CROSS JOIN images AS i ON i.picture_hash = several.picture_hash
    WHERE {_SHOWN} GROUP BY i.picture_hash HAVING count(*) > 1 ORDER BY min(i.id)
"""


@dataclass(frozen=True, eq=False)
class SamePictures:
    """Groups of images with the same picture.

    Attributes:
        image_ids: (m,) int64, group after group, ascending within each.
        starts: (g,) int64, where each group begins; it has two images or more.
    """

    image_ids: NDArray[np.int64]
    starts: NDArray[np.int64]


class SamePictureFinder:
    """Finds them by the hash of their pictures."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def groups(self, image_ids: ImageIds | None = None) -> SamePictures:
        """Photos that are there, in folders not hidden, and have the same picture.

        Args:
            image_ids: only groups with one of these images; None: all.
        """
        only, parameters = "", ()
        if image_ids is not None:
            only = f"AND picture_hash IN (SELECT picture_hash FROM images WHERE id {THESE})"
            parameters = (as_json(image_ids),)
        with self._store.read() as connection:
            found = rows(connection, _GROUPS.format(only=only), parameters)
        # In which order group_concat takes them is not defined.
        texts = [",".join(sorted(row[0].split(","), key=int)) for row in found]
        counts = np.array([text.count(",") + 1 for text in texts], np.int64)
        return SamePictures(declared.numbers(texts), np.cumsum(counts) - counts)

    def unread(self) -> int:
        """How many photos that are there have not been read completely yet, so that their copies
        are not known."""
        with self._store.read() as connection:
            sql = f"SELECT count(*) FROM images WHERE picture_hash = '' AND {_SHOWN}"
            return int(rows(connection, sql)[0][0])

    def given_at(self, image_ids: ImageIds, class_ids: Sequence[int]) -> NDArray[np.int64]:
        """(n, C) when each verdict was given, microseconds since the epoch; 0 where unknown."""
        images, classes = np.asarray(image_ids, np.int64), np.asarray(class_ids, np.int64)
        result = np.zeros((len(images), len(classes)), np.int64)
        if not result.size:
            return result
        with self._store.read() as connection:
            reviews = declared.read(connection, images)
            cells = declared.cells_of(connection, reviews, classes)
            explicit = rows(
                connection,
                f"SELECT image_id, class_id, at FROM annotations WHERE image_id {THESE}",
                (as_json(images),),
            )
        place, _ = declared.positions(images, reviews.image_ids)
        row, column = np.nonzero(cells)
        result[place[row], column] = reviews.at[row]
        table = np.array(explicit, np.int64).reshape(-1, 3)
        row, known_row = declared.positions(images, table[:, 0])
        column, known_column = declared.positions(classes, table[:, 1])
        keep = known_row & known_column
        result[row[keep], column[keep]] = table[keep, 2]
        return result
