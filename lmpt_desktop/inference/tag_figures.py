"""What a strictness means for a library: tags per photo, and the share of them that is right."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.counting import row_blocks
from lmpt_desktop.domain.predictions import has_scores, predicted_classes
from lmpt_desktop.domain.snapshot import Snapshot

LEAST_VERDICTS = 20
"""With fewer verdicts on predictions nothing is said about how many are right."""
_Z = 1.959964
"""Standard deviations on either side that hold 95 % of a normal distribution."""

Cells = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Image ids and class ids, (m,) each."""


@dataclass(frozen=True)
class TagFigures:
    """Of one snapshot.

    Attributes:
        photos: those that the model has seen.
        tags: assigned classes of all of them.
        right, verdicts: of this many verdicts on predictions, how many say present.
    """

    photos: int
    tags: int
    right: int
    verdicts: int

    @property
    def average(self) -> float | None:
        """Tags per photo; None without a photo."""
        return self.tags / self.photos if self.photos else None

    @property
    def precision(self) -> tuple[float, float, float] | None:
        """The share of predictions that is right, and the ends of its 95 % interval; None with too
        few verdicts."""
        if self.verdicts < LEAST_VERDICTS:
            return None
        return (self.right / self.verdicts, *wilson(self.right, self.verdicts))


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The ends of Wilson's 95 % interval of a proportion, in [0, 1].

    It holds for few trials and for proportions near 0 or 1, too.
    """
    share, z2 = successes / trials, _Z**2
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = _Z / (1 + z2 / trials)
    half *= math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def tag_figures(snapshot: Snapshot, confirmed: NDArray[np.int64], machine: Cells) -> TagFigures:
    """Count in one pass.

    Args:
        snapshot: of the library.
        confirmed: (m,) ids, with repeats, of images whose predictions were only let stand.  All
            their verdicts are left out: right predictions were confirmed there, and those that
            the user corrected before would count alone.
        machine: verdicts that a model gave, which are left out, too.
    """
    if snapshot.unscored or not snapshot.classes:
        return TagFigures(0, 0, 0, 0)
    judged = np.ones(len(snapshot.images), np.bool_)
    rows = snapshot.rows(np.unique(confirmed))
    judged[rows[rows >= 0]] = False
    photos = tags = right = wrong = 0
    for block in row_blocks(len(snapshot.images)):
        verdicts, scores = snapshot.annotations[block], snapshot.scores[block]
        seen = has_scores(scores)
        predicted = predicted_classes(scores, snapshot.thresholds)
        present, absent = verdicts == 1, verdicts == 0
        photos += int(np.count_nonzero(seen))
        tags += int(np.count_nonzero((present | (predicted & ~absent))[seen]))
        counted = predicted & judged[block, None]
        right += int(np.count_nonzero(counted & present))
        wrong += int(np.count_nonzero(counted & absent))
    of_models = _of_models(snapshot, machine, judged)
    return TagFigures(photos, tags, right - of_models[0], right + wrong - sum(of_models))


def _of_models(snapshot: Snapshot, cells: Cells, judged: NDArray[np.bool_]) -> tuple[int, int]:
    """How many right and wrong predictions :func:`tag_figures` has counted among ``cells``."""
    rows = snapshot.rows(cells[0])
    columns = np.array([snapshot.column_of.get(id_, -1) for id_ in cells[1].tolist()], np.int64)
    known = (rows >= 0) & (columns >= 0)
    rows, columns = rows[known], columns[known]
    with np.errstate(invalid="ignore"):
        reached = snapshot.scores[rows, columns] >= snapshot.thresholds[columns]
    verdicts = snapshot.annotations[rows, columns][reached & judged[rows]]
    return int(np.count_nonzero(verdicts == 1)), int(np.count_nonzero(verdicts == 0))
