"""What confirming images changes: what is predicted becomes present, the rest absent (Qt-free)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.predictions import has_scores, predicted_classes
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.inference.verdict_changes import rows_of


@dataclass(frozen=True, eq=False)
class Confirmation:
    """Verdicts on the still unknown classes of n images; those of the user stay as they are.

    Attributes:
        image_ids: (n,) int64, ascending: the images that have predictions.
        class_ids: (C,) int64.
        present: (n, C) bool, unknown and predicted.
        absent: (n, C) bool, unknown and not predicted; a class without a score, whose name is not
            encoded yet, stays unknown.
        without_predictions: how many of the images were left out, not being encoded yet.
    """

    image_ids: NDArray[np.int64]
    class_ids: NDArray[np.int64]
    present: NDArray[np.bool_]
    absent: NDArray[np.bool_]
    without_predictions: int

    @property
    def present_cells(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(m,) int64 image ids and (m,) int64 class ids of what becomes present."""
        rows, columns = np.nonzero(self.present)
        return self.image_ids[rows], self.class_ids[columns]

    def same_as(self, other: Confirmation) -> bool:
        """Whether both give the same verdicts."""
        pairs = (
            (self.image_ids, other.image_ids),
            (self.class_ids, other.class_ids),
            (self.present, other.present),
            (self.absent, other.absent),
        )
        return all(np.array_equal(mine, theirs) for mine, theirs in pairs)


def confirmation(snapshot: Snapshot, image_ids: NDArray[np.int64]) -> Confirmation:
    """What :meth:`AnnotationEditor.confirm` would change in ``image_ids`` (m,), in any order and
    with repeats, as they are shown in ``snapshot``; ids that are not in it are ignored."""
    rows = rows_of(snapshot, image_ids)
    scored = has_scores(snapshot.scores[rows])
    left_out = int(np.count_nonzero(~scored))
    rows = rows[scored]
    unknown = snapshot.annotations[rows] == Verdict.UNKNOWN
    scores = snapshot.scores[rows]
    predicted = predicted_classes(scores, snapshot.thresholds)
    return Confirmation(
        snapshot.image_ids[rows],
        snapshot.class_ids,
        unknown & predicted,
        unknown & ~predicted & ~np.isnan(scores),
        left_out,
    )


def same_predictions(shown: Snapshot, now: Snapshot, image_ids: NDArray[np.int64]) -> bool:
    """Whether two snapshots predict the same classes in ``image_ids``."""
    if shown.scores is now.scores and shown.thresholds is now.thresholds:
        return True
    before, after = rows_of(shown, image_ids), rows_of(now, image_ids)
    return (
        np.array_equal(shown.class_ids, now.class_ids)
        and np.array_equal(shown.image_ids[before], now.image_ids[after])
        and np.array_equal(
            predicted_classes(shown.scores[before], shown.thresholds),
            predicted_classes(now.scores[after], now.thresholds),
        )
    )
