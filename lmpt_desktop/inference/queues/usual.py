"""What a class's score usually is over the library, so that one photo's can be told from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.inference.queues.contract import QueueArrays
from lmpt_desktop.inference.queues.entries import Rows

SAMPLE_ROWS = 2048
"""Photos from which it is estimated, evenly spread."""
LEAST, MOST = np.float32(1e-6), np.float32(1 - 1e-6)


@dataclass(frozen=True, eq=False)
class Usual:
    """Mean and standard deviation of every class's score in logits, (C,) each; 0 and a tiny one
    for a class without scores.
    """

    mean: NDArray[np.float32]
    spread: NDArray[np.float32]


def usual_scores(arrays: QueueArrays, rows: Rows) -> Usual:
    """Estimate it from a sample of ``rows``."""
    sample = logits(arrays.scores[rows[:: max(1, len(rows) // SAMPLE_ROWS)]])
    scored = ~np.isnan(sample)
    count = np.maximum(scored.sum(axis=0), 1)
    mean = np.where(scored, sample, 0).sum(axis=0) / count
    variance = (np.where(scored, sample - mean, 0) ** 2).sum(axis=0) / count
    return Usual(mean, np.maximum(np.sqrt(variance), 1e-3))


def logits(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of scores in [0, 1]; certainty is held finite, NaN stays."""
    held = np.clip(scores, LEAST, MOST)
    return np.log(held / (1 - held))
