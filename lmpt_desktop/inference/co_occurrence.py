"""Which classes occur in the same images."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.counting import row_blocks
from lmpt_desktop.domain.predictions import assigned_classes, predicted_classes

IntArray = NDArray[np.int64]


class Evidence(StrEnum):
    """What counts as an image having a class."""

    ANNOTATED = "annotated"
    """Annotated present."""
    ASSIGNED = "assigned"
    """Annotated present, or predicted and not annotated absent."""


@dataclass(frozen=True, eq=False)
class CoOccurrence:
    """Of k classes.

    Attributes:
        columns: (k,) int64, columns of the library's arrays.
        counts: (k, k) int64, images with both classes; on the diagonal, images of the class.
    """

    columns: IntArray
    counts: IntArray

    def conditional(self) -> NDArray[np.float64]:
        """(k, k) P(column's class | row's class); NaN in the rows of classes found nowhere."""
        own = self.counts.diagonal().astype(np.float64)[:, None]
        return np.divide(self.counts, own, out=np.full(self.counts.shape, np.nan), where=own > 0)


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of places in ``CoOccurrence.columns``, most images first: (p,) int64 each."""

    first: IntArray
    second: IntArray
    counts: IntArray


def co_occurrence(
    annotations: NDArray[np.int8],
    scores: NDArray[np.float32],
    thresholds: NDArray[np.float32],
    columns: IntArray,
    evidence: Evidence = Evidence.ANNOTATED,
) -> CoOccurrence:
    """Count images per pair of ``columns`` (k,).

    Args:
        annotations, scores: (N, C), thresholds: (C,), as :func:`long_tail.long_tail`.

    Exact up to 2^53 images (single-precision products of blocks, summed in double).
    """
    counts = np.zeros((len(columns), len(columns)), np.float64)
    for block in row_blocks(len(annotations)):
        found = _found(annotations[block], scores[block], thresholds, columns, evidence)
        ones = found.astype(np.float32)
        counts += ones.T @ ones
    return CoOccurrence(columns, counts.astype(np.int64))


def rows_with_all(
    annotations: NDArray[np.int8],
    scores: NDArray[np.float32],
    thresholds: NDArray[np.float32],
    columns: IntArray,
    evidence: Evidence = Evidence.ANNOTATED,
) -> IntArray:
    """Rows of the images in which every one of ``columns`` (k,) is found: (n,) int64."""
    rows = [
        np.flatnonzero(
            _found(annotations[block], scores[block], thresholds, columns, evidence).all(axis=1)
        )
        + block.start
        for block in row_blocks(len(annotations))
    ]
    return np.concatenate(rows) if rows else np.zeros(0, np.int64)


def pairs(found: CoOccurrence, limit: int) -> Pairs:
    """The (at most ``limit``) pairs of different classes that share the most images."""
    first, second = np.triu_indices(len(found.columns), 1)
    counts = found.counts[first, second]
    best = np.argsort(-counts, kind="stable")[:limit]
    best = best[counts[best] > 0]
    return Pairs(first[best], second[best], counts[best])


def _found(
    annotations: NDArray[np.int8],
    scores: NDArray[np.float32],
    thresholds: NDArray[np.float32],
    columns: IntArray,
    evidence: Evidence,
) -> NDArray[np.bool_]:
    """(n, k) whether each class is in each image."""
    verdicts = np.take(annotations, columns, axis=1)
    if evidence is Evidence.ANNOTATED:
        return verdicts == 1
    predicted = predicted_classes(np.take(scores, columns, axis=1), thresholds[columns])
    return assigned_classes(verdicts, predicted)
