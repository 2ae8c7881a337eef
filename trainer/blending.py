"""Class embeddings to predict with: between the learned and the hand-written prompt."""

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
