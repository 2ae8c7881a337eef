"""How verdicts and predictions of each class meet, counted over the photos of a library."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.counting import count_columns, row_blocks
from lmpt_desktop.domain.predictions import is_unscored, predicted_classes

IntArray = NDArray[np.int64]


class _Kind(IntEnum):
    PRESENT = 0
    ABSENT = 1
    SCORED = 2
    PREDICTED = 3
    PREDICTED_PRESENT = 4
    PREDICTED_ABSENT = 5
    MISSED_PRESENT = 6
    """Present, scored and not predicted."""
    MISSED_ABSENT = 7
    REVIEWED_PREDICTED_PRESENT = 8
    REVIEWED_PREDICTED_ABSENT = 9
    REVIEWED_MISSED_PRESENT = 10
    REVIEWED_MISSED_ABSENT = 11


_OTHER, _PREDICTED = np.uint8(3), np.uint8(6)


@dataclass(frozen=True, eq=False)
class ClassTally:
    """Numbers of photos, per class: sums over photos, so that those of some photos can be taken
    out and put back.

    Attributes:
        counts: (12, C) int64, a row per :class:`_Kind`.
        images: N.
    """

    counts: IntArray
    images: int

    @property
    def present(self) -> IntArray:
        """(C,) annotated present."""
        return self.counts[_Kind.PRESENT]

    @property
    def absent(self) -> IntArray:
        """(C,) annotated absent."""
        return self.counts[_Kind.ABSENT]

    @property
    def scored(self) -> IntArray:
        """(C,) with a score of the class."""
        return self.counts[_Kind.SCORED]

    @property
    def predicted(self) -> IntArray:
        """(C,) whose score reaches the threshold."""
        return self.counts[_Kind.PREDICTED]

    @property
    def predicted_unknown(self) -> IntArray:
        """(C,) predicted, and without a verdict."""
        known = self.counts[_Kind.PREDICTED_PRESENT] + self.counts[_Kind.PREDICTED_ABSENT]
        return self.predicted - known

    @property
    def others_unknown(self) -> IntArray:
        """(C,) scored, not predicted, and without a verdict."""
        known = self.counts[_Kind.MISSED_PRESENT] + self.counts[_Kind.MISSED_ABSENT]
        return self.scored - self.predicted - known

    @property
    def unscored_unknown(self) -> IntArray:
        """(C,) without a score and without a verdict."""
        unknown = self.images - self.present - self.absent
        return unknown - self.predicted_unknown - self.others_unknown

    @property
    def scored_present(self) -> IntArray:
        """(C,) with a score, and annotated present."""
        return self.counts[_Kind.PREDICTED_PRESENT] + self.counts[_Kind.MISSED_PRESENT]

    @property
    def predictions(self) -> tuple[IntArray, IntArray]:
        """(C,) right and (C,) wrong predictions among all verdicts."""
        return self.counts[_Kind.PREDICTED_PRESENT], self.counts[_Kind.PREDICTED_ABSENT]

    @property
    def reviewed_predictions(self) -> tuple[IntArray, IntArray]:
        """(C,) right and (C,) wrong predictions in reviewed photos."""
        counts = self.counts
        return counts[_Kind.REVIEWED_PREDICTED_PRESENT], counts[_Kind.REVIEWED_PREDICTED_ABSENT]

    @property
    def reviewed_others(self) -> tuple[IntArray, IntArray]:
        """(C,) present and (C,) absent of what is not predicted in reviewed photos."""
        counts = self.counts
        return counts[_Kind.REVIEWED_MISSED_PRESENT], counts[_Kind.REVIEWED_MISSED_ABSENT]

    def replaced(self, before: ClassTally, after: ClassTally) -> ClassTally:
        """Of the library in which photos counted in ``before`` are now as in ``after``."""
        return ClassTally(
            self.counts - before.counts + after.counts, self.images - before.images + after.images
        )


@dataclass(frozen=True, eq=False)
class StaleTally:
    """A tally in which the scores of some classes have changed since.

    Attributes:
        tally: right in all other classes.
        columns: (k,) those classes, ascending.
    """

    tally: ClassTally
    columns: IntArray

    def renewed(
        self,
        annotations: NDArray[np.int8],
        scores: NDArray[np.float32],
        thresholds: NDArray[np.float32],
        reviewed: NDArray[np.bool_],
    ) -> ClassTally:
        """As :func:`class_tally` of the same, which is counted in ``columns`` alone."""
        columns = self.columns
        found = class_tally(
            annotations[:, columns], scores[:, columns], thresholds[columns], reviewed
        )
        counts = self.tally.counts.copy()
        counts[:, columns] = found.counts
        return ClassTally(counts, self.tally.images)


def class_tally(
    annotations: NDArray[np.int8],
    scores: NDArray[np.float32],
    thresholds: NDArray[np.float32],
    reviewed: NDArray[np.bool_],
) -> ClassTally:
    """Count in one pass, block by block.

    Args:
        annotations: (N, C) int8: 1 present, 0 absent, -1 unknown.
        scores: (N, C) float32, NaN if there is none; thresholds: (C,) float32.
        reviewed: (N,) bool.
    """
    n, c = annotations.shape
    counts = np.zeros((len(_Kind), c), np.int64)
    if not c:
        return ClassTally(counts, n)
    unscored = is_unscored(scores)
    for block in row_blocks(n):
        verdicts, marks = annotations[block], reviewed[block]
        codes = (verdicts + 1).view(np.uint8)  # 0 unknown, 1 absent, 2 present
        if not unscored:
            values = scores[block]
            scored, reached = ~np.isnan(values), predicted_classes(values, thresholds)
            counts[_Kind.SCORED] += count_columns(scored)
            counts[_Kind.PREDICTED] += count_columns(reached)
            codes += _OTHER * scored.view(np.uint8) + (_PREDICTED - _OTHER) * reached.view(np.uint8)
        if not (verdicts >= 0).any():
            continue
        met = _met(codes[~marks], unscored=unscored)
        counts += met
        if marks.any():
            met = _met(codes[marks], unscored=unscored)
            counts += met
            counts[_Kind.REVIEWED_PREDICTED_PRESENT :] += met[
                _Kind.PREDICTED_PRESENT : _Kind.REVIEWED_PREDICTED_PRESENT
            ]
    return ClassTally(counts, n)


def _met(codes: NDArray[np.uint8], *, unscored: bool) -> IntArray:
    """(12, C) int64, the kinds with a verdict among the (n, C) cells, but for reviewed ones."""
    counts = np.zeros((len(_Kind), codes.shape[1]), np.int64)
    for total, hit, missed, kind in (
        (_Kind.PRESENT, _Kind.PREDICTED_PRESENT, _Kind.MISSED_PRESENT, np.uint8(2)),
        (_Kind.ABSENT, _Kind.PREDICTED_ABSENT, _Kind.MISSED_ABSENT, np.uint8(1)),
    ):
        if not unscored:
            counts[hit] = count_columns(codes == kind + _PREDICTED)
            counts[missed] = count_columns(codes == kind + _OTHER)
        counts[total] = counts[hit] + counts[missed] + count_columns(codes == kind)
    return counts
