"""Class weights after instant learning: scores stay probabilities on the same scale.

A verdict moves a class's embedding.  Its bias then follows, so that the class's mean score over
the library stays what it was: how common a class is, is not learned from verdicts, which are given
where a queue asks and not by chance.  Thresholds stay.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.inference.predict import share_of_whole, sigmoid
from lmpt_desktop.inference.weights import SAMPLE_IMAGES, ClassWeights
from trainer.instant import Offsets

_STEPS = 30
_LARGEST_STEP = 2.0
_CLOSE = 1e-5
"""Logits; half a unit of the last digit that is shown moves a score by 0.005."""


def library_sample(
    ids: NDArray[np.int64], features: NDArray[np.float16]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Features that stand for the library, (m, D), at most ``SAMPLE_IMAGES`` of them, and the
    mean of all, (D,): the same whatever the order of rows.

    Args:
        ids: (n,) whose they are; of an image with several the last one counts.
        features: (n, D), n > 0.
    """
    order = np.argsort(ids, kind="stable")
    ranked = ids[order]
    order = order[np.append(ranked[1:] != ranked[:-1], True)]
    total = np.zeros(features.shape[1])
    for start in range(0, len(order), SAMPLE_IMAGES):
        total += features[order[start : start + SAMPLE_IMAGES]].sum(axis=0, dtype=np.float32)
    step = max(1, len(order) // SAMPLE_IMAGES)
    mean = (total / len(order)).astype(np.float32)
    return features[order[::step]].astype(np.float32), mean


def taught(
    base: ClassWeights,
    columns: NDArray[np.int64],
    offsets: Offsets,
    sample: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Embeddings, (k, D), and biases, (k,), of ``columns`` (k,) after instant learning.

    Args:
        base: all weights before it.
        offsets: what it gives for ``columns``.
        sample: (m, D) of :func:`library_sample`.
    """
    chosen = base.of_classes(columns)
    moved = replace(
        chosen,
        embeddings=chosen.embeddings + offsets.embeddings,
        biases=chosen.biases + offsets.logits,
    )
    still = ~offsets.embeddings.any(axis=1)
    before = sigmoid(_logits(sample, chosen)).mean(axis=0)
    shift = _shift_to(_logits(sample, moved), before)
    biases = np.where(still, chosen.biases, moved.biases + shift)
    # Beside windows a whole photo counts by half, and what is learned is about whole photos.
    steps = offsets.embeddings / share_of_whole(chosen)[:, None]
    return (chosen.embeddings + steps).astype(np.float32), biases.astype(np.float32)


def _logits(features: NDArray[np.float32], weights: ClassWeights) -> NDArray[np.float32]:
    logits = features @ (weights.embeddings * weights.scales[:, None]).T + weights.biases
    return logits.astype(np.float32)


def _shift_to(logits: NDArray[np.float32], means: NDArray[np.float32]) -> NDArray[np.float64]:
    """What to add to (m, k) logits for sigmoids with these means, (k,), by Newton's method."""
    shift = np.zeros(logits.shape[1])
    for _ in range(_STEPS):
        scores = sigmoid(logits + shift.astype(np.float32))
        slope = np.maximum((scores * (1 - scores)).mean(axis=0), 1e-6)
        step = np.clip((scores.mean(axis=0) - means) / slope, -_LARGEST_STEP, _LARGEST_STEP)
        shift -= np.nan_to_num(step)
        if np.abs(np.nan_to_num(step)).max(initial=0.0) < _CLOSE:
            break
    return shift
