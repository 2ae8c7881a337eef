"""What a class is predicted with: learned, hand-written and discriminant direction together.

All of it is linear in the image's feature, so the blend is again one class embedding and costs
a prediction nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer import metrics

Floats = NDArray[np.float32]

INTERPOLATIONS = (0.0, 1.0, 4.0, 16.0, 64.0)
"""Annotations at which the learned and the hand-written embedding weigh the same; tried on the
inner validation."""
FALLBACK_INTERPOLATION = 8.0

COVARIANCE_SHRINKAGE = 0.1
"""Towards a multiple of the identity: features outnumber the images of a small library."""
MEAN_PRIOR = 5.0
"""Annotations' worth of the overall mean in the mean of every class."""
PRIOR_IMAGES = 50.0
"""A covariance from this many images has earned half of its say."""


def unit(rows: NDArray[np.floating]) -> Floats:
    """Rows scaled to norm 1 in single precision; zero rows stay zero."""
    wide = rows.astype(np.float32)
    return wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12)


def discriminant(features: Floats, present: NDArray[np.bool_], zero_shot: Floats) -> Floats:
    """Gaussian discriminant direction of every class, in closed form (Wang et al., ICLR 2024,
    arXiv 2402.04087): the inverse covariance times (mean of the class - mean of all).

    A class mean is drawn to the mean of all by :data:`MEAN_PRIOR`, so a rare class has a short
    direction and one without a present annotation has none.

    Args:
        features: (N, D) unit norm, of the training part.
        present: (N, C), known present annotations.
        zero_shot: (C, D) unit norm; the directions are scaled so that their scores over
            ``features`` spread as widely as those of these, whatever the backbone, and less
            where there are few images (:data:`PRIOR_IMAGES`).

    Returns:
        (C, D) float32, all zero where ``features`` hold no two different images.
    """
    nothing = np.zeros_like(zero_shot)
    if len(features) < 2:
        return nothing
    x = features.astype(np.float64)
    mean = x.mean(0)
    covariance = np.cov(x, rowvar=False)
    dim = x.shape[1]
    spread = float(np.trace(covariance)) / dim
    if spread < 1e-12:
        return nothing
    covariance *= 1 - COVARIANCE_SHRINKAGE
    covariance[np.diag_indices(dim)] += COVARIANCE_SHRINKAGE * spread
    counts = present.sum(0).astype(np.float64)[:, None]
    away = (present.T.astype(np.float64) @ x - counts * mean) / (counts + MEAN_PRIOR)
    directions = np.linalg.solve(covariance, away.T).T
    own = float((x @ directions.T).std(0).mean())
    written = float((features @ zero_shot.T).std(0).mean())
    if own < 1e-12:
        return nothing
    earned = len(x) / (len(x) + PRIOR_IMAGES)
    return (directions * (earned * written / own)).astype(np.float32)


def interpolate(
    learned: Floats,
    zero_shot: Floats,
    present: NDArray[np.floating | np.integer],
    strength: float,
) -> Floats:
    """Unit-norm mix of (C, D) embeddings: n / (n + strength) learned, the rest hand-written.

    A class without a present annotation (n = 0) stays as written.
    """
    n = np.asarray(present, dtype=np.float64)
    share = np.where(n > 0, n / np.maximum(n + strength, 1e-9), 0.0)[:, None]
    return unit(share * learned + (1 - share) * zero_shot)


def blend(
    learned: Floats,
    zero_shot: Floats,
    present: NDArray[np.floating | np.integer],
    *,
    strength: float,
    directions: Floats,
    weight: float,
) -> Floats:
    """Class embeddings to predict with, (C, D) unit norm: :func:`interpolate`, and ``weight``
    times the :func:`discriminant` ``directions``.
    """
    mixed = interpolate(learned, zero_shot, present, strength)
    return unit(mixed + weight * directions) if weight else mixed


@dataclass(frozen=True)
class Judgement:
    """How embeddings did on the inner validation: the best interpolation, its mAP, and the
    average precision of every class with it.
    """

    interpolation: float
    score: float
    precisions: NDArray[np.float64]


@dataclass(frozen=True)
class Watch:
    """An inner validation.

    features: (V, D) unit norm; targets: (V, C) int8, -1 where unknown.
    present: (C,) present annotations of the part trained on.
    zero_shot, directions: (C, D).
    """

    features: Floats
    targets: NDArray[np.int8]
    present: NDArray[np.floating]
    zero_shot: Floats
    directions: Floats

    def judge(self, learned: Floats, interpolation: float, weight: float) -> Judgement | None:
        """Try the interpolations, or just the given one if it is not negative; None where no
        class can be judged.
        """
        tried = (interpolation,) if interpolation >= 0 else INTERPOLATIONS
        best: Judgement | None = None
        for strength in tried:
            embeddings = blend(
                learned,
                self.zero_shot,
                self.present,
                strength=strength,
                directions=self.directions,
                weight=weight,
            )
            precisions = metrics.quick_average_precisions(
                self.features @ embeddings.T, self.targets
            )
            if np.isnan(precisions).all():
                return None
            score = float(np.nanmean(precisions))
            if best is None or score > best.score:
                best = Judgement(strength, score, precisions)
        return best
