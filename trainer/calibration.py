"""Calibration of cosines to probabilities, p = sigmoid(s cos + b_i), and a threshold per class
(imports no torch).

Fitted by Newton's method on held-out annotations.  Both s and the biases have a prior, so that a
few annotations, or annotations of one kind only, move them a little instead of to infinity.  A
class with fewer than :data:`MIN_PRESENT` held-out present (or absent) annotations gets the shared
bias and threshold, and is False in ``calibrated``; where unknown entries have an expected value, a
bias follows from it, and the threshold of a class whose entries are mostly unknown is the one
that its scores promise to be best (:mod:`trainer.expected_f1`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer import arrays
from trainer.expected_f1 import expected_thresholds
from trainer.job import ABSENT, PRESENT
from trainer.prompt_set import ThresholdBasis
from trainer.threshold_interval import HIGHEST, LOWEST, threshold_intervals

MIN_PRESENT = 5
DEFAULT_THRESHOLD = 0.5
SCALE_RANGE = (1.0, 200.0)
BIAS_PRIOR_STD = 2.0
"""Standard deviation of the class biases around the shared bias, in logits."""
UNKNOWN_WEIGHT = 0.3
"""Weight of an unknown entry's expected value relative to a known entry."""
MOSTLY_KNOWN = 0.5
"""Share of a class's entries from which its threshold is the best of the known ones."""
MAX_ENTRIES = 2_000_000
_ITERATIONS = 30
_MAX_STEP = 2.0
_ROUNDS = 3

Floats = NDArray[np.floating[Any]]
Targets = NDArray[np.int8]


@dataclass(frozen=True)
class Calibration:
    """s, b_i and thresholds with what each rests on; (C,) each if per class."""

    scale: float
    biases: NDArray[np.float32]
    thresholds: NDArray[np.float32]
    calibrated: NDArray[np.bool_]
    shared_bias: float
    shared_threshold: float
    bases: tuple[ThresholdBasis, ...]

    def scores(self, cosines: Floats) -> NDArray[np.float32]:
        """Probabilities of (N, C) cosines."""
        return sigmoid(self.scale * cosines + self.biases).astype(np.float32)


def sigmoid(logits: Floats) -> NDArray[np.float64]:
    """:func:`trainer.arrays.sigmoid` in double precision."""
    return arrays.sigmoid(np.asarray(logits, dtype=np.float64))


def evidence(
    targets: Targets, expected: Floats | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The assumed value and the weight of each entry, (N, C) each.

    Known entries have their own value and weight 1.  Unknown entries have the score of the prompt
    set in use, ``expected``, and weight :data:`UNKNOWN_WEIGHT`: people annotate wrong predictions,
    so a few annotations alone would suggest that classes are far more common (or rarer) than they
    are.  Without ``expected``, unknown entries have weight 0.
    """
    known = targets >= 0
    y = (targets == PRESENT).astype(np.float64)
    if expected is None:
        return y, known.astype(np.float64)
    assumed = np.array(expected, dtype=np.float64)
    assumed[known] = y[known]
    return assumed, np.where(known, 1.0, UNKNOWN_WEIGHT)


def shared_scale_and_bias(
    cosines: Floats,
    targets: Targets,
    start_scale: float,
    start_bias: float,
    *,
    expected: Floats | None = None,
    offsets: Floats | None = None,
) -> tuple[float, float]:
    """s and one b for all classes, by maximum likelihood with a weak Gaussian prior.

    The prior (standard deviations: s itself, and 4 logits for b) weighs as much as one annotation;
    without annotations the start values are returned.  ``expected``: see :func:`evidence`;
    ``offsets`` (C,): known differences of the class biases from the shared bias.
    """
    assumed, weights = evidence(targets, expected)
    used = _sampled(weights)
    x, y = cosines[used].astype(np.float64), assumed[used]
    weight = weights[used] * (weights.sum() / max(float(weights[used].sum()), 1e-12))
    start = np.array([np.clip(start_scale, *SCALE_RANGE), start_bias], dtype=np.float64)
    if not len(x):
        return float(start[0]), float(start[1])
    problem = _Logistic(
        features=np.stack([x, np.ones_like(x)], 1),
        offset=np.zeros_like(x)
        if offsets is None
        else np.broadcast_to(np.asarray(offsets, np.float64), weights.shape)[used],
        y=y,
        weight=weight,
        start=start,
        precision=np.diag([start[0] ** -2, 1 / 16]),
    )
    point, value = start.copy(), problem.value(start)
    for _ in range(_ITERATIONS):
        step = problem.newton_step(point)
        size, new, trial = 1.0, math.inf, point
        while new > value and size > 1e-4:
            trial = point - size * step
            trial[0] = np.clip(trial[0], *SCALE_RANGE)
            new = problem.value(trial)
            size /= 2
        if new > value:
            break
        point, gain, value = trial, value - new, new
        if gain < 1e-9 * max(1.0, abs(value)):
            break
    return float(point[0]), float(point[1])


def _sampled(weights: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Entries to use: all with positive weight, or a fixed random sample of :data:`MAX_ENTRIES`."""
    used = weights > 0
    count = int(used.sum())
    if count > MAX_ENTRIES:
        used &= np.random.default_rng(0).random(used.shape) < MAX_ENTRIES / count
    return used


@dataclass(frozen=True)
class _Logistic:
    """Weighted logistic regression of two unknowns with a Gaussian prior."""

    features: NDArray[np.float64]
    offset: NDArray[np.float64]
    y: NDArray[np.float64]
    weight: NDArray[np.float64]
    start: NDArray[np.float64]
    precision: NDArray[np.float64]

    def value(self, point: NDArray[np.float64]) -> float:
        z = self.features @ point + self.offset
        deviation = point - self.start
        fit = self.weight @ (np.logaddexp(0.0, z) - self.y * z)
        return float(fit + 0.5 * deviation @ self.precision @ deviation)

    def newton_step(self, point: NDArray[np.float64]) -> NDArray[np.float64]:
        p = sigmoid(self.features @ point + self.offset)
        gradient = self.features.T @ (self.weight * (p - self.y))
        gradient += self.precision @ (point - self.start)
        curvature = (self.weight * p * (1 - p))[:, None]
        hessian = (self.features * curvature).T @ self.features + self.precision
        return np.asarray(np.linalg.solve(hessian, gradient), dtype=np.float64)


def class_biases(
    cosines: Floats,
    targets: Targets,
    scale: float,
    shared_bias: float,
    *,
    expected: Floats | None = None,
) -> NDArray[np.float64]:
    """b_i of every class given s, (C,), shrunk towards the shared bias if data is scarce."""
    y, weight = evidence(targets, expected)
    base = scale * cosines.astype(np.float64)
    bias = np.full(targets.shape[1], shared_bias, dtype=np.float64)
    precision = 1.0 / BIAS_PRIOR_STD**2
    for _ in range(_ITERATIONS):
        p = sigmoid(base + bias)
        gradient = ((p - y) * weight).sum(0) + precision * (bias - shared_bias)
        curvature = (p * (1 - p) * weight).sum(0) + precision
        step = np.clip(gradient / curvature, -_MAX_STEP, _MAX_STEP)
        bias -= step
        if np.abs(step).max(initial=0.0) < 1e-6:
            break
    return bias


def best_threshold(
    scores: Floats, present: NDArray[np.bool_], fallback: float = DEFAULT_THRESHOLD
) -> float:
    """The threshold of (n,) scores with the highest F1, and among equals the one nearest to
    ``fallback``.  ``fallback`` itself if there are too few present or absent annotations.
    """
    positives = int(present.sum())
    if positives < MIN_PRESENT or len(present) - positives < MIN_PRESENT:
        return fallback
    order = np.argsort(-scores, kind="stable")
    sorted_scores = scores[order].astype(np.float64)
    hits = np.cumsum(present[order])
    f1 = 2 * hits / (np.arange(1, len(scores) + 1) + positives)
    # A threshold is possible only between two different scores.
    following = np.append(sorted_scores[1:], 0.0)
    possible = sorted_scores > following
    f1 = np.where(possible, f1, -1.0)
    midpoints = (sorted_scores + following) / 2
    best = np.flatnonzero(f1 >= f1.max() - 1e-12)
    choice = best[np.argmin(np.abs(midpoints[best] - fallback))]
    return float(np.clip(midpoints[choice], LOWEST, HIGHEST))


def calibrate(
    cosines: Floats,
    targets: Targets,
    start_scale: float,
    start_bias: float,
    *,
    expected: Floats | None = None,
) -> Calibration:
    """Calibrate on held-out annotations.

    Args:
        cosines: (N, C) of feature and class embedding.
        targets: (N, C) int8.
        start_scale, start_bias: learned in training; the centre of the prior.
        expected: (N, C), see :func:`evidence`.  They must be frequencies: scores that are too high
            by a shift stay too high.
    """
    scale, shared = shared_scale_and_bias(
        cosines, targets, start_scale, start_bias, expected=expected
    )
    present = (targets == PRESENT).sum(0)
    absent = (targets == ABSENT).sum(0)
    enough = (present >= MIN_PRESENT) & (absent >= MIN_PRESENT)
    biases = np.full(targets.shape[1], shared)
    # What is expected of unknown entries tells common classes from rare ones without any verdict.
    own_bias = enough if expected is None else np.ones_like(enough)
    for _ in range(_ROUNDS if own_bias.any() else 0):
        own = class_biases(cosines, targets, scale, shared, expected=expected)
        biases = np.where(own_bias, own, shared)
        # A single bias for classes of different frequency makes the scale too small, so fit it
        # again now that the differences are known.
        scale, shared = shared_scale_and_bias(
            cosines, targets, scale, shared, expected=expected, offsets=biases - shared
        )
        biases = np.where(own_bias, biases, shared)
    scores = sigmoid(scale * cosines + biases)
    known = targets >= 0
    pooled = best_threshold(scores[known], targets[known] == PRESENT)
    thresholds = np.full(targets.shape[1], pooled)
    by_known, bases = enough, np.array([ThresholdBasis.SHARED] * len(enough), object)
    if expected is not None and len(known):
        # People annotate what is likely or wrong: the best threshold of a few known entries is not
        # that of all images.
        mostly = known.mean(axis=0) >= MOSTLY_KNOWN
        thresholds = np.where(mostly, thresholds, expected_thresholds(scores))
        by_known = enough & mostly
        bases[~mostly] = ThresholdBasis.EXPECTED
        if not mostly.any():
            pooled = float(np.median(thresholds))
    bases[by_known] = ThresholdBasis.OWN
    for index in np.flatnonzero(by_known):
        rows = known[:, index]
        thresholds[index] = best_threshold(
            scores[rows, index], targets[rows, index] == PRESENT, pooled
        )
    return Calibration(
        scale=scale,
        biases=biases.astype(np.float32),
        thresholds=thresholds.astype(np.float32),
        calibrated=enough,
        shared_bias=shared,
        shared_threshold=pooled,
        bases=tuple(bases),
    )


def intervals(
    fitted: Calibration, cosines: Floats, targets: Targets, seed: int = 0
) -> NDArray[np.float64]:
    """(C, 2) how sure the thresholds of a calibration are, fitted on the (N, C) cosines and
    targets; NaN for those that are not of the class's own annotations
    (:func:`trainer.threshold_interval.threshold_intervals`).
    """
    return threshold_intervals(
        sigmoid(fitted.scale * cosines + fitted.biases),
        targets,
        fitted.thresholds,
        np.array([basis is ThresholdBasis.OWN for basis in fitted.bases], np.bool_),
        fitted.shared_threshold,
        seed=seed,
    )


def cross_fitted(
    cosines: Floats,
    targets: Targets,
    start_scale: float,
    start_bias: float,
    *,
    expected: Floats | None = None,
    seed: int = 0,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Scores and predictions, (N, C) each, of every image by a calibration that did not use it (two
    folds), so that calibration error and F1 on the held-out part are not biased by the fit.
    """
    count = len(targets)
    folds = np.random.default_rng(seed).permutation(count) % 2
    scores = np.zeros(targets.shape, dtype=np.float32)
    predicted = np.zeros(targets.shape, dtype=bool)
    for fold in (0, 1):
        own, other = folds == fold, folds != fold
        fitted = calibrate(
            cosines[other],
            targets[other],
            start_scale,
            start_bias,
            expected=None if expected is None else expected[other],
        )
        scores[own] = fitted.scores(cosines[own])
        predicted[own] = scores[own] >= fitted.thresholds
    return scores, predicted
