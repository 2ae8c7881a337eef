"""Predictions: features times class embeddings, computed on demand and never stored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.inference.halves import SCALE, all_finite, shifted, singles
from lmpt_desktop.inference.weights import ClassWeights
from lmpt_desktop.inference.window_cosines import WindowCosines, has_embedding
from trainer.kernel import similarities

BLOCK_ROWS = 512
"""Rows converted from half to single precision at a time: 1 MB, which stays in the cache of one
core."""

_LEAST = np.float32(1e-7)
"""Scores are at least this far from 0 and 1 where log odds are made of them."""


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 / (1 + exp(-x)), in place; clipped at ±80, where float32 still holds exp."""
    np.clip(logits, -80.0, 80.0, out=logits)
    np.negative(logits, out=logits)
    np.exp(logits, out=logits)
    logits += 1.0
    np.reciprocal(logits, out=logits)
    return logits


def predict(
    features: NDArray[np.float16], weights: ClassWeights, windows: WindowCosines | None = None
) -> NDArray[np.float32]:
    """Scores of every class for every feature.

    Args:
        features: (n, D) float16 or float32, unit norm.
        weights: of C classes; NaN embeddings give NaN scores.
        windows: the window cosines of these photos and classes, used if the weights have window
            embeddings; without them each photo is its own only window.

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
    terms = _terms(weights, windows)
    more = np.ascontiguousarray((weights.more_embeddings * weights.more_scales[:, None]).T)
    rows = min(n, BLOCK_ROWS)
    room = np.empty((rows, features.shape[1]), np.int32)
    cosines = np.empty((rows, c), np.float32) if terms.windows is not None else None
    for start in range(0, n, BLOCK_ROWS):
        part = slice(start, start + BLOCK_ROWS)
        block = features[part]
        single = singles(block, room)
        logits = scores[part]
        np.matmul(single, terms.whole, out=logits)
        if terms.kernel is not None and weights.kernel is not None:
            near = similarities(single, weights.kernel.landmarks, weights.kernel.sharpness)
            logits += near @ terms.kernel
        logits += terms.biases
        if terms.windows is not None and cosines is not None:
            added = cosines[: len(block)]
            np.multiply(terms.windows.matrix[part], terms.factors, out=added)
            logits += added
            without = ~terms.windows.windowed[part]
            if without.any():
                logits[without] += terms.shifts
        if len(weights.more_columns):
            others = single @ more + weights.more_biases
            for place, column in enumerate(weights.more_columns.tolist()):
                # Not maximum: the text of one of them may not be encoded yet.
                np.fmax(logits[:, column], others[:, place], out=logits[:, column])
        sigmoid(logits)
    return scores


def predict_columns(
    features: NDArray[np.float16],
    weights: ClassWeights,
    columns: NDArray[np.int64],
    windows: WindowCosines | None = None,
    *,
    finite: bool = False,
) -> NDArray[np.float32]:
    """Scores of some classes: columns (m,) of what :func:`predict` returns, (n, m) float32.

    ``finite`` says that all features are known to be finite halves.
    """
    chosen = weights.of_classes(columns)
    cosines = windows.of_classes(columns) if windows is not None else None
    terms = _terms(chosen, cosines)
    plain = terms.kernel is None and not len(chosen.more_columns)
    scores = few_products(features, terms.whole, finite=finite) if plain else None
    if scores is None:
        return predict(features, chosen, cosines)
    scores += terms.biases
    if terms.windows is not None:
        scores += terms.windows.matrix * terms.factors
        scores[~terms.windows.windowed] += terms.shifts
    return sigmoid(scores)


def moved_columns(
    scores: NDArray[np.float32],
    features: NDArray[np.float16],
    before: ClassWeights,
    after: ClassWeights,
    *,
    finite: bool = False,
) -> NDArray[np.float32] | None:
    """Scores after a change of embeddings and biases alone, from those before it: what else there
    is to a score, as the kernel part, need not be computed again.

    Args:
        scores: (n, m) of ``before``.
        features: (n, D).
        before, after: of the same m classes, without more rows.
        finite: as of :func:`predict_columns`.

    Returns:
        (n, m) float32, or None where the features are not all finite.
    """
    change = (after.embeddings - before.embeddings) * (after.scales * share_of_whole(after))[
        :, None
    ]
    moved = few_products(features, np.ascontiguousarray(change.T, np.float32), finite=finite)
    if moved is None:
        return None
    moved += after.biases - before.biases
    inside = np.clip(scores, _LEAST, 1 - _LEAST)
    moved += np.log(inside)
    moved -= np.log1p(-inside)
    return sigmoid(moved)


def few_products(
    features: NDArray[np.float16], columns: NDArray[np.float32], *, finite: bool = False
) -> NDArray[np.float32] | None:
    """(n, m) products with a few ``columns`` (D, m); None where features are not all finite, which
    is looked for unless ``finite`` says that they are.

    With few classes the conversion from half to single precision is most of the work.
    """
    if features.dtype != np.float16:
        return np.asarray(features, np.float32) @ columns
    result = np.empty((len(features), columns.shape[1]), np.float32)
    scaled = columns * SCALE
    room = np.empty((min(len(features), BLOCK_ROWS), features.shape[1]), np.int32)
    for start in range(0, len(features), BLOCK_ROWS):
        block = features[start : start + BLOCK_ROWS]
        if not finite and not all_finite(block):
            return None
        np.matmul(shifted(block, room), scaled, out=result[start : start + BLOCK_ROWS])
    return result


@dataclass(frozen=True, eq=False)
class _Terms:
    """A logit is feature . whole + similarities . kernel + factor * window cosine + bias (+ shift,
    without windows).  The directions of a kernel part are in ``whole``.

    ``whole`` (D, C), ``kernel`` (L, C) or None, ``factors``, ``biases`` and ``shifts`` (C,);
    ``windows`` None where they are not needed.
    """

    whole: NDArray[np.float32]
    kernel: NDArray[np.float32] | None
    biases: NDArray[np.float32]
    windows: WindowCosines | None
    factors: NDArray[np.float32]
    shifts: NDArray[np.float32]


def _terms(weights: ClassWeights, windows: WindowCosines | None) -> _Terms:
    """The arithmetic of :func:`trainer.windows.joint_cosines`, with what is constant done once."""
    embeddings, scales, biases = weights.embeddings, weights.scales, weights.biases
    none = np.zeros(len(scales), np.float32)
    share = share_of_whole(weights)
    kernel, added = None, np.float32(0)
    if weights.kernel is not None:
        added = _transposed(weights.kernel.directions, scales * share)
        if weights.kernel.weights.any():
            kernel = _transposed(weights.kernel.weights, scales * share)
    if weights.window_embeddings is None:
        return _Terms(_transposed(embeddings, scales) + added, kernel, biases, None, none, none)
    if windows is None:
        joint = share < 1
        means = 0.5 * (embeddings + weights.window_embeddings)
        embeddings = np.asarray(np.where(joint[:, None], means, embeddings), np.float32)
        return _Terms(_transposed(embeddings, scales) + added, kernel, biases, None, none, none)
    factors = np.asarray((1 - share) * scales, np.float32)
    shifts = np.asarray(factors * weights.window_offset, np.float32)
    whole = _transposed(embeddings, scales * share) + added
    return _Terms(whole, kernel, biases - shifts, windows, factors, shifts)


def share_of_whole(weights: ClassWeights) -> NDArray[np.float32]:
    """(C,) float32, by how much the cosine with the whole photo counts: by half beside windows."""
    if weights.window_embeddings is None:
        return np.ones(len(weights.scales), np.float32)
    return np.where(has_embedding(weights.window_embeddings), 0.5, 1.0).astype(np.float32)


def _transposed(
    embeddings: NDArray[np.float32], scales: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(D, C) each embedding times its scale."""
    return np.ascontiguousarray((embeddings * scales[:, None]).T, np.float32)
