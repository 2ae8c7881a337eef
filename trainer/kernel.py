"""The kernel part of a prompt set: how like the annotated photos a photo is (imports no torch).

A class embedding is a direction, the same for all kinds of photos of a class.  The kernel part
adds what a direction cannot say: for each class a weighted sum of similarities to *landmarks*,
which are annotated photos.  The weights are those of kernel ridge regression on what the
hand-written prompts get wrong, in closed form (Bendou et al., ProKeR, CVPR 2025, arXiv
2501.11175); the kernel is that of Tip-Adapter (Zhang et al., ECCV 2022, arXiv 2111.03930).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.arrays import sigmoid
from trainer.job import PRESENT

MAX_LANDMARKS = 1024
"""Bounds the time of a prediction (docs/benchmarks.md)."""
PENALTY = 1.0
"""Of the weights, in annotations: the kernel of a photo with itself is 1."""
DECAY = 1.6
"""Mean exponent of the kernel between two photos, whatever the backbone: 2 on Corel5k with Lite,
where the mean cosine of two photos is 0.2."""
PRIOR_SOFTNESS = 0.34
"""Factor of the scale of zero-shot scores where residuals are computed: the prompts of rare
classes are surer than they are right."""
GAIN_UNIT = 14.0
"""A gain of 1 gives the kernel part this many times the spread of the zero-shot cosines."""
GAINS = (0.5, 1.0, 2.0, 4.0)
"""Tried on the inner validation; the more annotations, the larger the best one."""
FALLBACK_GAIN = 1.0

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class KernelPart:
    """Adds sum_l weights[c, l] exp(sharpness (feature . landmarks[l] - 1)) to the cosine of c.

    landmarks: (L, D) float32 unit norm.
    weights: (C, L) float32.
    """

    landmarks: Floats
    weights: Floats
    sharpness: float

    @classmethod
    def none(cls, classes: int, dim: int) -> KernelPart:
        """Adds nothing."""
        return cls(np.zeros((0, dim), np.float32), np.zeros((classes, 0), np.float32), 0.0)

    def cosines(self, features: NDArray[np.floating[Any]]) -> Floats:
        """(n, C) float32, what is added for (n, D) unit-norm features."""
        return similarities(features, self.landmarks, self.sharpness) @ self.weights.T

    def of_classes(self, rows: NDArray[np.int64]) -> KernelPart:
        """Of some classes, (m,) in this order; -1 is a class to which nothing is added."""
        weights = np.where((rows >= 0)[:, None], self.weights[rows], np.float32(0))
        return KernelPart(self.landmarks, np.asarray(weights, np.float32), self.sharpness)

    def times(self, gain: float) -> KernelPart:
        """The same with a factor."""
        return KernelPart(self.landmarks, self.weights * np.float32(gain), self.sharpness)


@dataclass(frozen=True, eq=False)
class KernelFit:
    """A kernel part at a gain of 1, and what it adds for the photos it was fitted on.

    left_out: (N, C) float32; what is added for a known entry by a fit without this entry, so that
        it says what will be added for a new photo.
    """

    part: KernelPart
    left_out: Floats


def similarities(
    features: NDArray[np.floating[Any]], landmarks: Floats, sharpness: float
) -> Floats:
    """(n, L) float32 in (0, 1]: exp(sharpness (cosine - 1))."""
    exponents = np.asarray(features, np.float32) @ landmarks.T
    exponents -= 1.0
    exponents *= np.float32(sharpness)
    return np.exp(exponents, out=exponents)


def fit_kernel(
    features: Floats,
    targets: NDArray[np.int8],
    zero_shot: Floats,
    *,
    scale: float,
    bias: float,
    known: NDArray[np.floating[Any]] | None = None,
    most: int = MAX_LANDMARKS,
) -> KernelFit:
    """Weights in closed form, at a gain of 1.

    Args:
        features: (N, D) float32 unit norm.
        targets: (N, C) int8; a class learns from its known entries alone.
        zero_shot: (C, D) unit norm.
        scale, bias: of the zero-shot scores, such that they are about frequencies.
        known: (N, C), weights of the known entries in (0, 1]; default 1.
        most: landmarks at most.  With more annotated photos, those with the rarest classes are
            the landmarks, and every photo still teaches (Nystroem's approximation).
    """
    annotated = np.flatnonzero((targets >= 0).any(1))
    count, dim = len(zero_shot), features.shape[1]
    spread = float((features[annotated] @ zero_shot.T).std(0).mean()) if len(annotated) else 0.0
    if len(annotated) < 2 or spread < 1e-9:
        return KernelFit(KernelPart.none(count, dim), np.zeros(targets.shape, np.float32))
    x, y = np.ascontiguousarray(features[annotated]), targets[annotated]
    sharpness = DECAY / max(_mean_distance(x), 1e-3)
    chosen = _landmarks(y, most)
    landmarks = x[chosen]
    # In double precision: neighbouring photos make the matrices nearly singular.
    basis, back = _basis(x, landmarks, sharpness)
    logits = PRIOR_SOFTNESS * scale * (x @ zero_shot.T).astype(np.float64) + bias
    residuals = (y == PRESENT) - sigmoid(logits)
    given = np.ones(y.shape) if known is None else np.asarray(known, np.float64)[annotated]
    strength = np.where(y >= 0, given, 0.0)
    solved, left_out = _solve(basis, residuals, strength)
    unit = GAIN_UNIT * spread
    part = KernelPart(landmarks, (unit * (back @ solved).T).astype(np.float32), float(sharpness))
    cosines = part.cosines(features)
    cosines[annotated] = np.where(strength > 0, unit * left_out, cosines[annotated])
    return KernelFit(part, cosines)


def _mean_distance(x: Floats) -> float:
    """Mean of 1 - cosine over pairs of different rows."""
    count = len(x)
    total = x.sum(0, dtype=np.float64)
    return float(1 - (total @ total - count) / (count * (count - 1)))


def _landmarks(targets: NDArray[np.int8], most: int) -> NDArray[np.intp]:
    """Rows of the photos to compare with, ascending: all, or those of the rarest classes."""
    if len(targets) <= most:
        return np.arange(len(targets))
    present = targets == PRESENT
    importance = present @ (1.0 / np.maximum(present.sum(0), 1))
    return np.sort(np.argsort(-importance, kind="stable")[:most])


def _basis(
    x: Floats, landmarks: Floats, sharpness: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N, R) coordinates whose inner products are the kernel, exact between landmarks, and (L, R)
    to come from weights of coordinates to weights of landmarks."""
    among = similarities(landmarks, landmarks, sharpness).astype(np.float64)
    values, vectors = np.linalg.eigh(among)
    kept = values > 1e-6 * values[-1]
    back = vectors[:, kept] / np.sqrt(values[kept])
    return similarities(x, landmarks, sharpness).astype(np.float64) @ back, back


def _solve(
    basis: NDArray[np.float64], residuals: NDArray[np.float64], strength: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ridge regression of every column on the rows it knows.

    Args:
        basis: (n, R).
        residuals, strength: (n, C); a strength of 0 is an unknown entry.

    Returns:
        (R, C) weights, and (n, C) predictions by fits without the entry itself, 0 where unknown.
    """
    size = basis.shape[1]
    weights = np.zeros((size, residuals.shape[1]))
    left_out = np.zeros(residuals.shape)
    # What all classes know is inverted once; what only some know is added to it (Woodbury).
    common = (strength == 1).all(1)
    shared = basis[common]
    inverse = np.linalg.inv(shared.T @ shared + PENALTY * np.eye(size))
    projected = shared @ inverse
    leverages = np.einsum("nr,nr->n", projected, shared)
    for columns in _alike(strength):
        own = np.flatnonzero((strength[:, columns[0]] > 0) & ~common)
        root = np.sqrt(strength[own, columns[0]])[:, None]
        extra = basis[own] * root
        targets, known = residuals[np.ix_(own, columns)], residuals[np.ix_(common, columns)]
        through = extra @ inverse
        middle = np.linalg.inv(np.eye(len(own)) + through @ extra.T)
        sums = shared.T @ known + extra.T @ (root * targets)
        solved = inverse @ sums - through.T @ (middle @ (through @ sums))
        weights[:, columns] = solved
        crossed = shared @ through.T
        lower = leverages - np.einsum("nm,nm->n", crossed @ middle, crossed)
        left_out[np.ix_(common, columns)] = _without_itself(shared @ solved, known, lower)
        # The diagonal of K (I + K)^-1, which is I - (I + K)^-1.
        upper = np.asarray(1 - np.diag(middle), np.float64)
        left_out[np.ix_(own, columns)] = _without_itself(basis[own] @ solved, targets, upper)
    return weights, left_out


def _without_itself(
    predicted: NDArray[np.float64], y: NDArray[np.float64], leverage: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n, k) leave-one-out predictions of a ridge regression, from those of the whole fit."""
    own = leverage[:, None]
    return (predicted - own * y) / np.maximum(1 - own, 1e-9)


def _alike(strength: NDArray[np.float64]) -> list[NDArray[np.intp]]:
    """Groups of columns that know the same entries, equally well."""
    groups: dict[bytes, list[int]] = {}
    for column in range(strength.shape[1]):
        groups.setdefault(strength[:, column].tobytes(), []).append(column)
    return [np.array(columns) for columns in groups.values()]
