"""What changes when one set of predictions replaces another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.predictions import predicted_classes


@dataclass(frozen=True, eq=False)
class PredictionChanges:
    """Predictions that appear or vanish, largest change of margin first.

    ``rows`` and ``columns`` are (m,) int64, ``gained`` (m,) bool.
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    gained: NDArray[np.bool_]

    @property
    def images(self) -> int:
        """How many images have a change."""
        return len(np.unique(self.rows))


def compare(
    old_scores: NDArray[np.float32],
    old_thresholds: NDArray[np.float32],
    new_scores: NDArray[np.float32],
    new_thresholds: NDArray[np.float32],
) -> PredictionChanges:
    """Where (N, C) predictions by the old and the new scores differ.

    Scores that are NaN on either side (no feature, no embedding) change nothing.
    """
    before = predicted_classes(old_scores, old_thresholds)
    after = predicted_classes(new_scores, new_thresholds)
    known = ~(np.isnan(old_scores) | np.isnan(new_scores))
    rows, columns = np.nonzero((before != after) & known)
    moved = np.abs(
        (new_scores[rows, columns] - new_thresholds[columns])
        - (old_scores[rows, columns] - old_thresholds[columns])
    )
    order = np.argsort(-moved, kind="stable")
    return PredictionChanges(rows[order], columns[order], after[rows, columns][order])
