"""How much a few more examples of each class would raise its average precision.

Examples teach less and less.  With n of them a class lacks 1 - AP, and k more make up for

    gain = (1 - AP) x rate x log((n + k + START) / (n + START))

of that.  The *rate* of a class is learned in three steps, each of which corrects the one before by
as much as there is evidence: a built-in prior, measured in simulations (docs/queues.md); what the
library's own runs gained on held-out photos; and what this class gained in them.  The prior
expects less of classes whose neighbourhood is pure (:mod:`lmpt_desktop.inference.neighbourhood`).

Everything is normal and linear, so there is a closed form and an uncertainty: of the rate, of the
AP it starts from, and of what the training does besides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MORE = 5
"""Examples that a forecast is made for."""
TRAIN_SHARE = 0.8
"""Of the annotated photos; the others are held out (:func:`trainer.dataset.split_images`)."""

# Measured by tests/benchmarks/gain_forecast.py --fit on seed 0 (Corel5k through Lite's features:
# three users, 16 retrainings, 515 gains; docs/queues.md).  Spreads between libraries are guesses.
START = 1.0
"""Examples that the class's name counts for."""
RATE, RATE_SPREAD = 0.118, 0.06
"""The prior rate and how far libraries may be from it."""
PURITY_MEAN, PURITY_SCALE = 3.0, 1.3
PURITY_EFFECT, PURITY_SPREAD = -0.03, 0.02
"""What a purity one scale above the mean adds to the rate: what stands out has less to gain."""
CLASS_SPREAD = 0.05
"""Of the rates of a library's classes."""
LUCK = 0.10
"""How much it matters which example is the first; of n, 1 / sqrt(n + START) as much each."""
DRIFT = 0.02
"""What a retraining does to a class without new examples of it."""
FLIP = 0.2
"""Error of a gain that was measured on one held-out photo; of n, 1 / sqrt(n) as much."""
PRIOR_AP, AP_SPREAD = 0.4, 0.28
MEAN_WEIGHT, AP_WEIGHT = 50.0, 5.0
"""Held-out photos that the prior counts for against the mean of a library, and this against the AP
of a class."""
MIN_SUPPORT = 5
"""Held-out photos with a class from which it counts as measured."""
REACH = 0.85
"""Standard deviations to each side of an interval that four of five gains lie in: fewer than of a
normal distribution, since most gains are small and a few large."""
PRIOR = np.array([RATE, PURITY_EFFECT])

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PastSteps:
    """What classes gained in runs, an entry per class and run: before and after it, both measured
    on the same held-out photos.

    Attributes:
        columns: (m,) int64, the classes.
        runs: (m,) int64, a number for each run.
        examples_before, examples_after: (m,) int64, present annotations that were learned from.
        ap_before, ap_after: (m,) float64 in [0, 1].
        support: (m,) int64, held-out photos with the class, at least 1.
    """

    columns: IntArray
    runs: IntArray
    examples_before: IntArray
    examples_after: IntArray
    ap_before: FloatArray
    ap_after: FloatArray
    support: IntArray

    @classmethod
    def none(cls) -> PastSteps:
        """No run was measured yet."""
        nothing, values = np.empty(0, np.int64), np.empty(0)
        return cls(nothing, nothing, nothing, nothing, values, values, nothing)


@dataclass(frozen=True, eq=False)
class GainForecast:
    """Of C classes; APs and gains in [0, 1].

    Attributes:
        gains: (C,) float64, expected gain from :data:`MORE` more examples.
        spreads: (C,) float64, half the width of the interval that four of five gains lie in;
            never 0.
        own_runs: (C,) int64, runs in which this class was measured and got examples.
        measured: (C,) bool, whether the AP it starts from is measured, else guessed.
        runs: of the library that anything was learned from.
    """

    gains: FloatArray
    spreads: FloatArray
    own_runs: IntArray
    measured: NDArray[np.bool_]
    runs: int


@dataclass(frozen=True, eq=False)
class Levels:
    """Where classes stand now.

    Attributes:
        examples: (C,) present annotations that a training would learn from.
        ap: (C,) float64 in [0, 1], measured with the version in use; NaN where it was not.
        support: (C,) int64, held-out photos with the class that it was measured on.
    """

    examples: NDArray[np.floating | np.integer]
    ap: FloatArray
    support: IntArray


def forecast(
    levels: Levels,
    purity: FloatArray,
    steps: PastSteps,
    more: NDArray[np.floating | np.integer] | float = TRAIN_SHARE * MORE,
) -> GainForecast:
    """Predict what examples would gain.

    Args:
        levels: of C classes.
        purity: (C,) of the same, see :mod:`lmpt_desktop.inference.neighbourhood`.
        steps: what the library's runs have gained.
        more: further examples to learn from, (C,) or the same number for every class.
    """
    ap, ap_variance = shrunk(levels)
    rates, rate_variance, used = _rates(purity, steps)
    added = effort(levels.examples, more)
    room = 1 - ap
    gains = np.clip(room * added * rates, 0, room)
    variance = (room * added) ** 2 * rate_variance + (added * rates) ** 2 * ap_variance
    variance += _luck(levels.examples)
    return GainForecast(
        gains,
        np.minimum(REACH * np.sqrt(variance), 1.0),
        np.bincount(steps.columns[used], minlength=len(ap)),
        np.isfinite(levels.ap) & (levels.support >= MIN_SUPPORT),
        len(np.unique(steps.runs[used])),
    )


def effort(
    examples: NDArray[np.floating | np.integer], more: NDArray[np.floating | np.integer] | float
) -> FloatArray:
    """(C,) how far ``more`` examples go where there are ``examples``: less and less."""
    start = np.asarray(examples, np.float64) + START
    return np.log1p(np.asarray(more, np.float64) / start)


def traits_of(purity: FloatArray) -> FloatArray:
    """(C, 2) what a rate is a weighted sum of: 1, and the purity, 0 where it is not known."""
    scaled = np.clip((purity - PURITY_MEAN) / PURITY_SCALE, -2, 2)
    return np.column_stack([np.ones(len(scaled)), np.where(np.isfinite(scaled), scaled, 0.0)])


def shrunk(levels: Levels) -> tuple[FloatArray, FloatArray]:
    """(C,) the APs that forecasts start from, and their variance."""
    known = np.isfinite(levels.ap)
    support = np.where(known, levels.support, 0)
    return _shrunk(np.where(known, levels.ap, 0.0), support, ap_mean(levels))


def ap_mean(levels: Levels) -> float:
    """What a class of this library that was not measured may reach."""
    known = np.isfinite(levels.ap)
    support = levels.support[known].astype(np.float64)
    return float(
        (PRIOR_AP * MEAN_WEIGHT + (support * levels.ap[known]).sum())
        / (MEAN_WEIGHT + support.sum())
    )


def _shrunk(ap: FloatArray, support: IntArray, mean: float) -> tuple[FloatArray, FloatArray]:
    """(m,) APs that count for as much as was measured, and their variance."""
    own = support / (support + AP_WEIGHT)
    return mean + own * (ap - mean), AP_SPREAD**2 * (1 - own)


def _luck(examples: NDArray[np.floating | np.integer]) -> FloatArray:
    """(m,) variance of a gain, whatever is expected."""
    return DRIFT**2 + LUCK**2 / (np.asarray(examples, np.float64) + START)


def _rates(
    purity: FloatArray, steps: PastSteps
) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
    """(C,) the rates and their variance; (m,) which steps say anything on them."""
    traits, count = traits_of(purity), len(purity)
    before, _variance = _shrunk(steps.ap_before, steps.support, PRIOR_AP)
    added = effort(steps.examples_before, steps.examples_after - steps.examples_before)
    used = (steps.examples_after > steps.examples_before) & (steps.support > 0)
    size = (1 - before) * added
    noise = _luck(steps.examples_before) + FLIP**2 / np.maximum(steps.support, 1)
    weight = np.where(used, 1 / noise, 0.0)
    evidence = np.bincount(steps.columns, weight * size**2, count)
    total = np.bincount(steps.columns, weight * size * (steps.ap_after - steps.ap_before), count)
    found = np.flatnonzero(evidence > 0)
    rates = total[found] / evidence[found]
    trust = 1 / (CLASS_SPREAD**2 + 1 / evidence[found])
    prior = np.diag([RATE_SPREAD**-2.0, PURITY_SPREAD**-2.0])
    matrix = prior + (traits[found].T * trust) @ traits[found]
    covariance = np.linalg.inv(matrix)
    common = traits @ (covariance @ (prior @ PRIOR + traits[found].T @ (trust * rates)))
    own = evidence / (evidence + CLASS_SPREAD**-2.0)
    made = common.copy()
    made[found] += own[found] * (rates - common[found])
    shared = np.einsum("ij,jk,ik->i", traits, covariance, traits)
    variance = (1 - own) ** 2 * shared + 1 / (evidence + CLASS_SPREAD**-2.0)
    return np.maximum(made, 0.0), variance, used
