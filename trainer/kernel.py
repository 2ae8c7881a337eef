"""The kernel part of a prompt set: how like the annotated photos a photo is (imports no torch).

A class embedding is a direction, the same for all kinds of photos of a class.  The kernel part
adds what a direction cannot say: for each class a weighted sum of similarities to *landmarks*,
which are annotated photos.  The weights are those of kernel ridge regression of the annotations, in
closed form, with the kernel of Tip-Adapter (Zhang et al., ECCV 2022, arXiv 2111.03930).  Beside
the hand-written prompts it is what Bendou et al. (ProKeR, CVPR 2025, arXiv 2501.11175) have, but
for learning the annotations themselves and not what the prompts get wrong (docs/adr/0024).

Where more photos are annotated than there are landmarks, a linear kernel is added, which needs
none: it is a direction for each class, learned from every photo.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.job import PRESENT

MAX_LANDMARKS = 1024
"""Bounds the time of a prediction (docs/benchmarks.md)."""
PENALTY = 1.0
"""Of the weights, in annotations: the kernel of a photo with itself is 1."""
DECAY = 1.6
"""Mean exponent of the kernel between two photos, whatever the backbone: 2 on Corel5k with Lite,
where the mean cosine of two photos is 0.2."""
LINEAR_SHARE = 1.0
"""Of the linear kernel beside the other one, where not every annotated photo is a landmark.  Where
each is, it adds nothing (docs/adr/0024)."""
UNKNOWN_STRENGTH = 0.3
"""Of an unknown entry of an annotated photo, which is taken for absent: the known entries of
somebody who answers questions are those that a prompt found likely, and by themselves tell little
about all photos."""
GAIN_AT_100 = 0.65
"""Spread of what the kernel part adds, in spreads of the zero-shot cosines, with 100 present
annotations."""
GAIN_POWER = 0.25
"""With which it grows with their number."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class KernelPart:
    """Adds sum_l weights[c, l] exp(sharpness (feature . landmarks[l] - 1)) + feature .
    directions[c] to the cosine of c.

    landmarks: (L, D) float32 unit norm.
    weights: (C, L) float32.
    directions: (C, D) float32.
    """

    landmarks: Floats
    weights: Floats
    directions: Floats
    sharpness: float

    @classmethod
    def none(cls, classes: int, dim: int) -> KernelPart:
        """Adds nothing."""
        return cls(
            np.zeros((0, dim), np.float32),
            np.zeros((classes, 0), np.float32),
            np.zeros((classes, dim), np.float32),
            0.0,
        )

    def cosines(self, features: NDArray[np.floating[Any]]) -> Floats:
        """(n, C) float32, what is added for (n, D) unit-norm features."""
        single = np.asarray(features, np.float32)
        near = similarities(single, self.landmarks, self.sharpness)
        added = near @ self.weights.T
        added += single @ self.directions.T
        return added

    def of_classes(self, rows: NDArray[np.int64]) -> KernelPart:
        """Of some classes, (m,) in this order; -1 is a class to which nothing is added."""
        known = (rows >= 0)[:, None]
        weights = np.where(known, self.weights[rows], np.float32(0))
        directions = np.where(known, self.directions[rows], np.float32(0))
        return KernelPart(
            self.landmarks,
            np.asarray(weights, np.float32),
            np.asarray(directions, np.float32),
            self.sharpness,
        )


@dataclass(frozen=True, eq=False)
class KernelFit:
    """A kernel part, and what it adds for the photos it was fitted on.

    left_out: (N, C) float32; what is added for an entry by a fit without this entry, so that it
        says what will be added for a new photo.
    means: (C,) float32, what is added for the average annotated photo.
    """

    part: KernelPart
    left_out: Floats
    means: Floats


@dataclass(frozen=True, eq=False)
class SolvedKernel:
    """The regression by itself, which knows nothing of the prompts that it will be added to.

    photos: (N, D), what it was solved for; annotated: rows of those that teach.
    landmarks, sharpness: of the kernel part.
    weights, directions: (C, L) and (C, D), of the kernel part without any gain.
    left_out: (n, C), predictions for the annotated photos without the entry itself.
    centre: (C,), of the average annotated photo.
    spread: of what is predicted for annotated photos; 0 where nothing can be learned.
    usual_gain: by the number of present annotations.
    """

    photos: Floats
    annotated: NDArray[np.intp]
    landmarks: Floats
    sharpness: float
    weights: NDArray[np.float64]
    directions: NDArray[np.float64]
    left_out: NDArray[np.float64]
    centre: NDArray[np.float64]
    spread: float
    usual_gain: float

    def beside(self, zero_shot: Floats, gain: float = 1.0) -> KernelFit:
        """Scaled to be added to the cosines of ``zero_shot`` (C, D); ``gain``: times the usual."""
        if not self.spread:
            return KernelFit(
                KernelPart.none(*self.directions.shape),
                np.zeros((len(self.photos), len(zero_shot)), np.float32),
                np.zeros(len(zero_shot), np.float32),
            )
        cosines = self.photos[self.annotated] @ zero_shot.T
        unit = gain * self.usual_gain * float(cosines.std(0).mean()) / self.spread
        part = KernelPart(
            self.landmarks,
            (unit * self.weights).astype(np.float32),
            (unit * self.directions).astype(np.float32),
            self.sharpness,
        )
        means = (unit * self.centre).astype(np.float32)
        added = part.cosines(self.photos)
        added[self.annotated] = unit * self.left_out + means
        return KernelFit(part, added, means)


def similarities(
    features: NDArray[np.floating[Any]], landmarks: Floats, sharpness: float
) -> Floats:
    """(n, L) float32 in (0, 1]: exp(sharpness (cosine - 1))."""
    exponents = np.asarray(features, np.float32) @ landmarks.T
    exponents -= 1.0
    exponents *= np.float32(sharpness)
    return np.exp(exponents, out=exponents)


def solve_kernel(
    features: Floats,
    targets: NDArray[np.int8],
    *,
    known: NDArray[np.floating[Any]] | None = None,
    most: int = MAX_LANDMARKS,
) -> SolvedKernel:
    """Weights in closed form.

    Args:
        features: (N, D) float32 unit norm.
        targets: (N, C) int8; an unknown entry is a weak absent one where anything else of its
            photo is known, and teaches nothing otherwise.
        known: (N, C), weights of the known entries in (0, 1]; default 1.
        most: landmarks at most.  With more annotated photos, those with the rarest classes are
            the landmarks, and every photo still teaches (Nystroem's approximation), also a
            direction for each class.
    """
    annotated = np.flatnonzero((targets >= 0).any(1))
    classes, dim = targets.shape[1], features.shape[1]
    nothing = SolvedKernel(
        features,
        annotated,
        np.zeros((0, dim), np.float32),
        0.0,
        np.zeros((classes, 0)),
        np.zeros((classes, dim)),
        np.zeros((len(annotated), classes)),
        np.zeros(classes),
        0.0,
        0.0,
    )
    if len(annotated) < 2:
        return nothing
    x, y = np.ascontiguousarray(features[annotated]), targets[annotated]
    sharpness = DECAY / max(_mean_distance(x), 1e-3)
    landmarks = x[_landmarks(y, most)]
    # In double precision: neighbouring photos make the matrices nearly singular.
    near, back = _basis(x, landmarks, sharpness)
    linear = np.sqrt(LINEAR_SHARE) if len(landmarks) < len(x) else 0.0
    basis = np.concatenate([near, linear * x], axis=1) if linear else near
    # What all photos have in common would be taken for what a class looks like.
    centre = basis.mean(0)
    basis -= centre
    given = np.ones(y.shape) if known is None else np.asarray(known, np.float64)[annotated]
    strength = np.where(y >= 0, given, UNKNOWN_STRENGTH)
    solved, left_out = _solve(basis, (y == PRESENT).astype(np.float64), strength)
    spread = float(left_out.std(0).mean())
    if spread < 1e-9:
        return nothing
    weights = np.ascontiguousarray((back @ solved[: near.shape[1]]).T)
    directions = np.zeros((classes, dim))
    if linear:
        directions = np.ascontiguousarray((linear * solved[near.shape[1] :]).T)
    return SolvedKernel(
        features,
        annotated,
        landmarks,
        float(sharpness),
        weights,
        directions,
        left_out,
        centre @ solved,
        spread,
        _usual_gain(y),
    )


def _usual_gain(targets: NDArray[np.int8]) -> float:
    present = int((targets == PRESENT).sum())
    return GAIN_AT_100 * (present / 100) ** GAIN_POWER


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
    basis: NDArray[np.float64], y: NDArray[np.float64], strength: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ridge regression of every column.

    Args:
        basis: (n, R).
        y, strength: (n, C); of the squared errors, above 0.

    Returns:
        (R, C) weights, and (n, C) predictions by fits without the entry itself.
    """
    weights = np.zeros((basis.shape[1], y.shape[1]))
    left_out = np.zeros(y.shape)
    # The strengths that most columns have are inverted once; where a column has another one, the
    # difference is added (Woodbury).
    usual = np.quantile(strength, 0.5, axis=1, method="lower")
    inverse = np.linalg.inv((basis.T * usual) @ basis + PENALTY * np.eye(basis.shape[1]))
    spreads = basis @ inverse
    leverages = np.einsum("nr,nr->n", spreads, basis)
    for columns in _alike(strength):
        own, each = y[:, columns], strength[:, columns[0]]
        sums = basis.T @ (each[:, None] * own)
        solved = inverse @ sums
        inner = leverages
        other = np.flatnonzero(each != usual)
        if len(other):
            through = spreads[other]
            middle = np.linalg.inv(
                np.diag(1 / (each[other] - usual[other])) + through @ basis[other].T
            )
            solved -= through.T @ (middle @ (through @ sums))
            crossed = basis @ through.T
            inner = leverages - np.einsum("nm,nm->n", crossed @ middle, crossed)
        weights[:, columns] = solved
        left_out[:, columns] = _without_itself(basis @ solved, own, each * inner)
    return weights, left_out


def _without_itself(
    predicted: NDArray[np.float64], y: NDArray[np.float64], leverage: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n, k) leave-one-out predictions of a ridge regression, from those of the whole fit."""
    own = leverage[:, None]
    return (predicted - own * y) / np.maximum(1 - own, 1e-9)


def _alike(strength: NDArray[np.float64]) -> list[NDArray[np.intp]]:
    """Groups of columns of the same strengths."""
    groups: dict[bytes, list[int]] = {}
    for column in range(strength.shape[1]):
        groups.setdefault(strength[:, column].tobytes(), []).append(column)
    return [np.array(columns) for columns in groups.values()]
