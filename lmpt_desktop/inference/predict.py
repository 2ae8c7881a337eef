"""Predictions: features times class embeddings, computed on demand and never stored."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.inference.weights import ClassWeights

BLOCK_ROWS = 4096
"""Rows converted from half to single precision at a time: a few MB, which stays in cache."""


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 / (1 + exp(-x)), in place; clipped at ±80, where float32 still holds exp."""
    np.clip(logits, -80.0, 80.0, out=logits)
    np.negative(logits, out=logits)
    np.exp(logits, out=logits)
    logits += 1.0
    np.reciprocal(logits, out=logits)
    return logits


def predict(features: NDArray[np.float16], weights: ClassWeights) -> NDArray[np.float32]:
    """Scores of every class for every feature.

    Args:
        features: (n, D) float16 or float32, unit norm.
        weights: of C classes; NaN embeddings give NaN scores.

    Returns:
        (n, C) float32 in [0, 1].

    Raises:
        ValueError: if the dimensions disagree (features of another backbone).
    """
    n, c = len(features), len(weights.scales)
    scores = np.empty((n, c), np.float32)
    if not n or not c:
        return scores
    if features.shape[1] != weights.embeddings.shape[1]:
        raise ValueError(
            f"features have dimension {features.shape[1]}, "
            f"class embeddings {weights.embeddings.shape[1]}"
        )
    scaled = np.ascontiguousarray((weights.embeddings * weights.scales[:, None]).T, np.float32)
    more = np.ascontiguousarray((weights.more_embeddings * weights.more_scales[:, None]).T)
    single = np.empty((min(n, BLOCK_ROWS), features.shape[1]), np.float32)
    for start in range(0, n, BLOCK_ROWS):
        block = features[start : start + BLOCK_ROWS]
        np.copyto(single[: len(block)], block)
        logits = scores[start : start + BLOCK_ROWS]
        np.matmul(single[: len(block)], scaled, out=logits)
        logits += weights.biases
        if len(weights.more_columns):
            others = single[: len(block)] @ more + weights.more_biases
            for place, column in enumerate(weights.more_columns.tolist()):
                # Not maximum: the text of one of them may not be encoded yet.
                np.fmax(logits[:, column], others[:, place], out=logits[:, column])
        sigmoid(logits)
    return scores
