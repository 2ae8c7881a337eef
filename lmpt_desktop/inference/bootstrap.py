"""Average precision in many bootstrap resamples at once (Efron & Tibshirani 1993, chapter 13).

A resample draws as many images as there are, with replacement.  It is the same for all classes and
for both versions that are compared, so that differences are paired.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
LEAST_RESAMPLES = 200
"""Where there are so many images and classes that more would take too long."""
MAX_WORK = 300_000_000
"""Images x rankings x resamples: about a second on a quiet core."""
LEVEL = 0.95
"""Share of the resamples that an interval holds."""
BLOCK_RESAMPLES = 256
"""As many at a time as stay in the cache."""

Counts = NDArray[np.uint8]
Figures = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """An estimate, and the range that :data:`LEVEL` of the resamples lie in.

    ``low <= estimate <= high``: where the resamples lean to one side, the range is widened to
    include the estimate.
    """

    estimate: float
    low: float
    high: float

    @property
    def decided(self) -> bool:
        """Whether the range leaves out 0, so that the sign is known."""
        return self.low > 0 or self.high < 0


def interval(estimate: float, resampled: Figures) -> Interval:
    """The percentile interval around ``estimate``; resamples that are NaN are left out."""
    known = resampled[~np.isnan(resampled)]
    if not len(known):
        return Interval(estimate, estimate, estimate)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(known, (tail, 1 - tail))
    return Interval(estimate, min(float(low), estimate), max(float(high), estimate))


def resamples_for(images: int, rankings: int) -> int:
    """How many resamples to draw for so many images and so many rankings of them."""
    most = MAX_WORK // max(images * rankings, 1)
    return int(np.clip(most, LEAST_RESAMPLES, RESAMPLES))


def resample(images: int, count: int, seed: int = 0) -> Counts:
    """(images, count) uint8: how often each image is in each resample; a column sums to
    ``images``."""
    rng = np.random.default_rng(seed)
    drawn = np.empty((images, count), np.uint8)
    for column in range(count):
        picked = rng.integers(0, images, images) if images else np.empty(0, np.int64)
        drawn[:, column] = np.bincount(picked, minlength=images)
    return drawn


def resampled_average_precision(
    scores: NDArray[np.float32], present: NDArray[np.bool_], counts: Counts
) -> Figures:
    """Average precision of one class in every resample, with tied scores as one step.

    Args:
        scores: (n,) finite.
        present: (n,).
        counts: (n, B), see :func:`resample`.

    Returns:
        (B,); NaN where a resample lacks present or absent images.
    """
    resamples = counts.shape[1]
    answer = np.full(resamples, np.nan)
    if not present.any() or present.all():
        return answer
    order = np.argsort(-scores, kind="stable")
    hits = present[order]
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    # Thresholds that let in another present image.  What ranks below the last one changes nothing.
    ends = np.unique(ends[np.searchsorted(ends, np.flatnonzero(hits))])
    starts = np.append(0, ends[:-1] + 1)
    used, shown = order[: ends[-1] + 1], order[hits]
    # Where the present images of each step begin and end among all present ones.
    hit_ends = np.cumsum(hits)[ends] - 1
    hit_starts = np.append(0, hit_ends[:-1] + 1)
    absent = order[~present[order]]
    for first in range(0, resamples, BLOCK_RESAMPLES):
        block = slice(first, first + BLOCK_RESAMPLES)
        gained = _sums(counts[shown, block], hit_starts, hit_ends)
        found = np.cumsum(gained, axis=0)
        all_ = np.cumsum(_sums(counts[used, block], starts, ends), axis=0)
        area = (gained * (found / np.maximum(all_, 1))).sum(axis=0)
        total = found[-1]
        both = (total > 0) & (counts[absent, block].any(axis=0))
        answer[block] = np.where(both, area / np.maximum(total, 1), np.nan)
    return answer


def _sums(weights: Counts, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Figures:
    """(m, B) sums of the rows from each start to its end; several times faster than ``reduceat``,
    which does not vectorise over the columns."""
    sums = np.empty((len(starts), weights.shape[1]))
    for place, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        if start == end:
            sums[place] = weights[start]
        else:
            sums[place] = weights[start : end + 1].sum(axis=0, dtype=np.uint32)
    return sums
