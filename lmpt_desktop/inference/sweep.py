"""The photos that most likely have a class, of those without a verdict on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.records import ImageState
from lmpt_desktop.domain.snapshot import Snapshot

EVEN_ODDS = 0.5
"""Score from which a photo more likely has the class than not, as scores are frequencies."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Photos to sweep for one class, likeliest first; a part of all of them.

    Attributes:
        class_id: the class; None if the library has none.
        image_ids: (n,) int64.
        scores: (n,) float32.
        ticked_from: the score from which a photo is ticked at first.  A threshold is often far
            below even odds, which is good for finding photos; but what is ticked becomes the
            user's own verdict, and the fewest clicks are needed where the likelier answer is given.
        total: how many photos could be asked about.
        expected: about how many of those have the class.
    """

    class_id: int | None
    image_ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    ticked_from: float = 1.0
    total: int = 0
    expected: int = 0

    def __len__(self) -> int:
        return len(self.image_ids)


NO_CANDIDATES = Candidates(None, np.empty(0, np.int64), np.empty(0, np.float32))


def candidates(snapshot: Snapshot, class_id: int, most: int) -> Candidates:
    """The ``most`` likeliest readable photos that the model has seen and that have no verdict.

    Empty, with the id, if the class is not in the vocabulary.
    """
    column = snapshot.column_of.get(class_id)
    if column is None or snapshot.unscored:
        return Candidates(class_id, NO_CANDIDATES.image_ids, NO_CANDIDATES.scores)
    scores = snapshot.scores[:, column]
    open_rows = np.flatnonzero(
        (snapshot.annotations[:, column] < 0)
        & (snapshot.states == ImageState.OK)
        & ~np.isnan(scores)
    )
    found = scores[open_rows]
    if len(found) > most:
        # Ties at the border by row, so that the same photos come again.
        border = -np.partition(-found, most - 1)[most - 1]
        above, at = np.flatnonzero(found > border), np.flatnonzero(found == border)
        kept = np.concatenate((above, at[: most - len(above)]))
    else:
        kept = np.arange(len(found))
    kept = kept[np.lexsort((kept, -found[kept]))]
    known = int(np.count_nonzero(snapshot.annotations[:, column] == 1))
    expected = max(0, round(float(snapshot.bands.estimates[column])) - known)
    return Candidates(
        class_id,
        snapshot.image_ids[open_rows[kept]],
        found[kept],
        max(float(snapshot.thresholds[column]), EVEN_ODDS),
        len(open_rows),
        min(expected, len(open_rows)),
    )


def most_rewarding(snapshot: Snapshot) -> int | None:
    """The class with most predictions that have no verdict; None without classes."""
    if not snapshot.classes:
        return None
    return snapshot.classes[int(np.argmax(snapshot.tally.predicted_unknown))].id
