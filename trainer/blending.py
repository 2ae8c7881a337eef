"""Class embeddings to predict with: learned prompt, hand-written prompt and discriminant direction.

Every part is linear in the image feature, so the blend is again one embedding per class and adds
nothing to the cost of a prediction.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trainer.arrays import unit_rows

Floats = NDArray[np.float32]

INTERPOLATIONS = (4.0, 16.0, 64.0)
"""Numbers of present annotations at which learned and hand-written embeddings get equal weight;
tried on the inner validation.  0 and 1 are not among them: with these, classes with few annotations
fell below their hand-written prompts on new photos."""
FALLBACK_INTERPOLATION = 8.0

COVARIANCE_SHRINKAGE = 0.1
"""Towards a multiple of the identity: features outnumber the images of a small library."""
MEAN_PRIOR = 5.0
"""Weight, in annotations, of the overall mean in each class mean."""
PRIOR_IMAGES = 50.0
"""Number of images at which the discriminant direction gets half of its full weight."""


def discriminant(features: Floats, present: NDArray[np.bool_], zero_shot: Floats) -> Floats:
    """Gaussian discriminant direction of every class, in closed form (Wang et al., ICLR 2024,
    arXiv 2402.04087): the inverse covariance times (mean of the class - mean of all).

    A class mean is shrunk to the overall mean by :data:`MEAN_PRIOR`, so a rare class has a short
    direction and a class without a present annotation has none.

    Args:
        features: (N, D) unit norm, of the training part.
        present: (N, C), known present annotations.
        zero_shot: (C, D) unit norm.  The directions are scaled so that their scores over
            ``features`` have the same spread as the zero-shot scores, whatever the backbone, and
            a smaller one for few images (:data:`PRIOR_IMAGES`).

    Returns:
        (C, D) float32, all zero if no two ``features`` differ.
    """
    zeros = np.zeros_like(zero_shot)
    if len(features) < 2:
        return zeros
    x = features.astype(np.float64)
    mean = x.mean(0)
    covariance = np.cov(x, rowvar=False)
    dim = x.shape[1]
    variance = float(np.trace(covariance)) / dim
    if variance < 1e-12:
        return zeros
    covariance *= 1 - COVARIANCE_SHRINKAGE
    covariance[np.diag_indices(dim)] += COVARIANCE_SHRINKAGE * variance
    counts = present.sum(0).astype(np.float64)[:, None]
    offsets = (present.T.astype(np.float64) @ x - counts * mean) / (counts + MEAN_PRIOR)
    directions = np.linalg.solve(covariance, offsets.T).T
    spread = float((x @ directions.T).std(0).mean())
    zero_shot_spread = float((features @ zero_shot.T).std(0).mean())
    if spread < 1e-12:
        return zeros
    confidence = len(x) / (len(x) + PRIOR_IMAGES)
    return (directions * (confidence * zero_shot_spread / spread)).astype(np.float32)


def interpolate(
    learned: Floats,
    zero_shot: Floats,
    present: NDArray[np.floating | np.integer],
    strength: float,
) -> Floats:
    """Unit-norm mix of (C, D) embeddings: n / (n + strength) learned, the rest hand-written.

    A class without a present annotation (n = 0) keeps its hand-written embedding.
    """
    n = np.asarray(present, dtype=np.float64)
    share = np.where(n > 0, n / np.maximum(n + strength, 1e-9), 0.0)[:, None]
    return unit_rows(share * learned + (1 - share) * zero_shot)


def blend(
    learned: Floats,
    zero_shot: Floats,
    present: NDArray[np.floating | np.integer],
    *,
    strength: float,
    directions: Floats,
    weight: float,
) -> Floats:
    """Class embeddings to predict with, (C, D) unit norm: :func:`interpolate`, plus ``weight``
    times the :func:`discriminant` ``directions``.
    """
    mixed = interpolate(learned, zero_shot, present, strength)
    return unit_rows(mixed + weight * directions) if weight else mixed
