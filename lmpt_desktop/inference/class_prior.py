"""How many photos of a library have each class, before anything is annotated.

Zero-shot scores are sigmoid(s cos + b), and one b for all classes says that they are equally
common.  Here each class gets a bias with which its scores are frequencies, and the threshold with
the best F1 that these frequencies promise.  Three things tell common classes from rare ones, each
of them badly, so that each counts only by a power, chosen on labelled photos (docs/benchmarks.md,
"Calibration"):

- the class's mean score with the shared bias;
- how far its cosines spread over the library: a class that is nowhere has much the same cosine with
  every photo;
- how often photos show what is called so, which a direction in the text embeddings tells
  (``trainer/lite/name_frequency.py``), where the backbone has one.

The cosines alone cannot do more: over the classes of labelled libraries their statistics explain a
tenth to a quarter of the variance of the log share of photos, and nothing of it on others.

With scores that are frequencies the thresholds follow from :mod:`trainer.expected_f1`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.arrays import sigmoid
from trainer.expected_f1 import expected_thresholds

SCORE_POWER = 0.25
"""Of the mean score."""
SPREAD_POWER = 0.5
"""Of the standard deviation of the cosines."""
NAME_POWER = 1.0
"""Of the frequency that the name suggests; 1 to 1.5 are equally good on Corel5k."""
USUAL_PRESENT = 3.0
"""Classes in a photo from which more classes in the vocabulary no longer mean as many more: a long
vocabulary is one of rarer things."""
PRESENT_UNCALIBRATED = 2.0
"""Classes in a photo for a backbone whose scores say nothing of frequencies, as CLIP's: between
VOC's 1.5 and COCO's 2.9."""
LARGEST_SHARE = 0.6
"""Of the photos, that a class is given without a verdict."""
TRUSTED_PHOTOS = 50
"""Photos of a library whose statistics count by half."""
MAX_PHOTOS = 4096
MAX_ENTRIES = 1_000_000
"""Photos, and photos times classes, of which statistics are taken at most."""
MIN_PHOTOS = 500
_BISECTIONS = 32

Floats = NDArray[np.floating[Any]]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ClassPrior:
    """Of C classes.

    Attributes:
        biases: (C,) float32; sigmoid(scale * cosine + bias) is a frequency.
        thresholds: (C,) float32, of these scores.
        shares: (C,) float32, the estimated share of photos with the class.
    """

    biases: NDArray[np.float32]
    thresholds: NDArray[np.float32]
    shares: NDArray[np.float32]


def sampled_rows(photos: int, classes: int) -> NDArray[np.int64]:
    """Which of ``photos`` rows to estimate from: evenly spread, so that two starts agree."""
    limit = min(MAX_PHOTOS, max(MIN_PHOTOS, MAX_ENTRIES // max(classes, 1)))
    if photos <= limit:
        return np.arange(photos)
    return np.linspace(0, photos - 1, limit).astype(np.int64)


def class_prior(
    cosines: NDArray[np.float32],
    scale: float,
    frequency_bias: float | None,
    *,
    name_frequencies: Floats | None = None,
) -> ClassPrior:
    """Estimate the share of photos with each class, and what follows from it.

    Args:
        cosines: (n, C) zero-shot, of the photos that :func:`sampled_rows` names; n and C of at
            least 1, all finite.
        scale: zero-shot.
        frequency_bias: shared, with which the scores of many classes together are frequencies;
            None for a backbone that has none.
        name_frequencies: (C,) logarithms, up to one constant, of how often photos show what has
            this name.
    """
    logits = (scale * cosines).astype(np.float32)
    shares = _shares(logits, cosines, frequency_bias, name_frequencies)
    biases = _bias_of_share(logits, shares)
    scores = sigmoid(logits + biases.astype(np.float32))
    return ClassPrior(
        biases.astype(np.float32),
        expected_thresholds(scores).astype(np.float32),
        scores.mean(axis=0).astype(np.float32),
    )


def _shares(
    logits: NDArray[np.float32],
    cosines: NDArray[np.float32],
    frequency_bias: float | None,
    name_frequencies: Floats | None,
) -> FloatArray:
    """(C,) of the photos, from cosines and names alone."""
    count, classes = logits.shape
    if frequency_bias is None:
        present = min(PRESENT_UNCALIBRATED, classes / 2)
        shared = float(_bias_of_share(logits.reshape(-1, 1), np.array([present / classes]))[0])
        means = sigmoid(logits + np.float32(shared)).mean(axis=0, dtype=np.float64)
    else:
        means = sigmoid(logits + np.float32(frequency_bias)).mean(axis=0, dtype=np.float64)
        present = float(means.sum())
        if present > USUAL_PRESENT:
            present = math.sqrt(present * USUAL_PRESENT)
    trust = count / (count + TRUSTED_PHOTOS)
    spread = cosines.std(axis=0, dtype=np.float64)
    size = trust * SCORE_POWER * _centred(np.log(np.maximum(means, 1e-6)))
    size += trust * SPREAD_POWER * _centred(np.log(np.maximum(spread, 1e-6)))
    if name_frequencies is not None:
        size += NAME_POWER * _centred(np.asarray(name_frequencies, np.float64))
    weights = np.exp(size - size.max())
    return np.clip(weights * (present / weights.sum()), 1e-5, LARGEST_SHARE)


def _bias_of_share(logits: NDArray[np.float32], shares: FloatArray) -> FloatArray:
    """(C,) the bias with which the mean score is the share, by bisection."""
    low = -40.0 - logits.max(axis=0).astype(np.float64)
    high = 40.0 - logits.min(axis=0).astype(np.float64)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        above = sigmoid(logits + middle.astype(np.float32)).mean(axis=0) > shares
        high = np.where(above, middle, high)
        low = np.where(above, low, middle)
    return (low + high) / 2


def _centred(values: FloatArray) -> FloatArray:
    return values - values.mean()
