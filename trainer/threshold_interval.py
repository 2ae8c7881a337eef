"""How sure the best threshold of a class is: a bootstrap over held-out photos (imports no torch).

The best F1 of a few photos is easily found by chance, so a threshold alone says more than is known.
Photos are drawn anew, with replacement, and the best threshold of each draw is found as
:func:`trainer.calibration.best_threshold` finds it; scores, and with them scale and biases, stay.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.job import PRESENT

RESAMPLES, FEWEST_RESAMPLES = 200, 40
MAX_CELLS = 16_000_000
"""Entries times resamples; of more entries there are fewer resamples."""
QUANTILES = (0.05, 0.95)
LOWEST, HIGHEST = 0.01, 0.99
"""Where a threshold can be."""

Floats = NDArray[np.floating[Any]]


def threshold_intervals(
    scores: Floats,
    targets: NDArray[np.int8],
    thresholds: Floats,
    own: NDArray[np.bool_],
    fallback: float,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> NDArray[np.float64]:
    """(C, 2) between which the best thresholds of 90 % of the resamples lie, and the threshold
    itself; NaN for other than ``own`` classes.

    Args:
        scores: (N, C) by which the thresholds were chosen.
        targets: (N, C); unknown entries take no part.
        thresholds: (C,), as chosen on all photos.
        own: (C,) classes whose threshold is the best of their own known entries, some present and
            some absent.
        fallback: of equally good thresholds the one nearest to it is taken.
        resamples: at most; see :data:`MAX_CELLS`.
        seed: of the resamples.
    """
    result = np.full((len(own), 2), np.nan)
    columns = np.flatnonzero(own)
    if not len(columns):
        return result
    known = targets >= 0
    affordable = MAX_CELLS // max(int(known[:, columns].sum()), 1)
    count = min(resamples, max(FEWEST_RESAMPLES, affordable))
    photos = len(targets)
    draws = np.random.default_rng(seed).multinomial(photos, np.full(photos, 1 / photos), count)
    drawn = np.ascontiguousarray(draws.T, np.int32)
    for column in columns:
        rows = np.flatnonzero(known[:, column])
        found = resampled_thresholds(
            scores[rows, column], targets[rows, column] == PRESENT, drawn[rows], fallback
        )
        values = found[~np.isnan(found)]
        low, high = np.quantile(values, QUANTILES) if len(values) else (np.inf, -np.inf)
        result[column] = min(low, thresholds[column]), max(high, thresholds[column])
    return result


def resampled_thresholds(
    scores: Floats, present: NDArray[np.bool_], drawn: NDArray[np.int32], fallback: float
) -> NDArray[np.float64]:
    """(R,) the best thresholds where entry k of (n,) counts ``drawn[k, r]`` times; NaN where a
    draw has no present, or no absent, entry.  Scores are above 0."""
    order = np.argsort(-scores, kind="stable")
    ordered, here = scores[order].astype(np.float64), present[order]
    drawn = drawn[order]
    chosen = np.cumsum(drawn, axis=0)
    hits = np.cumsum(drawn[here], axis=0)
    positives, entries = (
        item[-1] if len(item) else np.zeros(drawn.shape[1], np.int32) for item in (hits, chosen)
    )
    result = np.full(drawn.shape[1], np.nan)
    both = (positives > 0) & (positives < entries)
    if not both.any():
        return result
    # F1 is highest just below a present entry that was drawn; equal scores stay together.
    values, counts = np.unique(-ordered[here], return_counts=True)
    last = np.searchsorted(-ordered, values, side="right") - 1
    hits = hits[np.cumsum(counts) - 1]
    f1 = 2 * hits / np.maximum(chosen[last] + positives, 1)
    f1[np.diff(hits, axis=0, prepend=0) == 0] = -1.0
    group, draw = np.nonzero(f1 >= f1.max(axis=0) - 1e-12)
    midpoints = (ordered[last[group]] + _following(ordered, drawn, last[group], draw)) / 2
    nearest = np.lexsort((np.abs(midpoints - fallback), draw))
    draw = draw[nearest]
    first = np.flatnonzero(np.diff(draw, prepend=-1))
    result[draw[first]] = np.clip(midpoints[nearest[first]], LOWEST, HIGHEST)
    return np.where(both, result, np.nan)


def _following(
    ordered: NDArray[np.float64],
    drawn: NDArray[np.int32],
    places: NDArray[np.int64],
    draw: NDArray[np.int64],
) -> NDArray[np.float64]:
    """(m,) the next lower score in each ``draw`` (m,) after ``places`` (m,); 0 without one."""
    found = np.zeros(len(places))
    left = np.arange(len(places))
    at = places + 1
    while len(left := left[at[left] < len(ordered)]):
        included = drawn[at[left], draw[left]] > 0
        found[left[included]] = ordered[at[left[included]]]
        left = left[~included]
        at[left] += 1
    return found
