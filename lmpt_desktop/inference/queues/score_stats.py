"""Mean and spread of each class's scores over the library, to compare one image with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.snapshot import Snapshot

SAMPLE_ROWS = 2048
"""Images that the estimate is made from, evenly spaced."""
MIN_SCORE, MAX_SCORE = np.float32(1e-6), np.float32(1 - 1e-6)


@dataclass(frozen=True, eq=False)
class ScoreStats:
    """Mean and standard deviation of every class's score in logits, (C,) each; 0 and a tiny one
    for a class without scores.
    """

    mean: NDArray[np.float32]
    spread: NDArray[np.float32]


def score_stats(snapshot: Snapshot, rows: NDArray[np.int64]) -> ScoreStats:
    """Estimate them from a sample of ``rows``."""
    sample = logits(snapshot.scores[rows[:: max(1, len(rows) // SAMPLE_ROWS)]])
    scored = ~np.isnan(sample)
    count = np.maximum(scored.sum(axis=0), 1)
    mean = np.where(scored, sample, 0).sum(axis=0) / count
    variance = (np.where(scored, sample - mean, 0) ** 2).sum(axis=0) / count
    return ScoreStats(mean, np.maximum(np.sqrt(variance), 1e-3))


def logits(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log-odds of scores in [0, 1]; 0 and 1 give large finite numbers, NaN stays NaN."""
    clipped = np.clip(scores, MIN_SCORE, MAX_SCORE)
    return np.log(clipped / (1 - clipped))
