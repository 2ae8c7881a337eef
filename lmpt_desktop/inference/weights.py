"""The class weights that turn features into scores: embedding, scale, bias and threshold.

A class that the active prompt set has learned takes them from it.  Every other class is zero-shot:
the backbone's embedding of its prompt text, with the backbone's own scale and bias, so that a
retraining without the class does not change its predictions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from trainer.prompt_set import PromptSet

DEFAULT_THRESHOLD = 0.5
EXPECTED_PRESENT = 2.0
"""Classes per image that :func:`calibrated_bias` aims at: between VOC's 1.5 and COCO's 2.9."""
CALIBRATION_IMAGES = 4096
"""Images that :func:`calibrated_bias` uses at most."""

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Merged:
    """A class that was merged into another one: the other is predicted where either would be.

    Attributes:
        column: of the class that stays.
        text_embedding: (D,) float32, unit norm; NaN if the text is not encoded yet.
        row: of the prompt set, -1 if it has not learned the merged class.
    """

    column: int
    text_embedding: FloatArray
    row: int = -1


@dataclass(frozen=True, eq=False)
class ClassWeights:
    """Everything needed to score C classes with features of dimension D.

    score(image, class i) = sigmoid(scales[i] * feature . embeddings[i] + biases[i])

    Each of E more rows has another such value for a class, of which the largest counts.

    Attributes:
        embeddings: (C, D) float32, unit norm; NaN rows where the text is not encoded yet.
        scales, biases, thresholds: (C,) float32.
        trained: (C,) bool, learned by a prompt set.
        more_columns: (E,) int64, the class of each more row.
        more_embeddings: (E, D) float32.
        more_scales, more_biases: (E,) float32; they reach the threshold of the class where the
            class that was merged into it reached its own.
    """

    embeddings: FloatArray
    scales: FloatArray
    biases: FloatArray
    thresholds: FloatArray
    trained: NDArray[np.bool_]
    more_columns: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    more_embeddings: FloatArray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    more_scales: FloatArray = field(default_factory=lambda: np.zeros(0, np.float32))
    more_biases: FloatArray = field(default_factory=lambda: np.zeros(0, np.float32))


def assemble(
    text_embeddings: FloatArray,
    *,
    scale: float,
    bias: float,
    prompt_set: PromptSet | None = None,
    rows: NDArray[np.int64] | None = None,
    merged: Sequence[Merged] = (),
) -> ClassWeights:
    """Weights for C classes, from a prompt set where it has learned them, else zero-shot.

    Args:
        text_embeddings: (C, D) float32, unit norm, NaN rows where not known yet.
        scale, bias: zero-shot.
        prompt_set: the active one, if any; must be of the same backbone.
        rows: (C,) the row of ``prompt_set`` for every class, -1 where it has learned none;
            required with a prompt set.
        merged: classes that were merged into these.
    """
    count = len(text_embeddings)
    embeddings = np.array(text_embeddings, dtype=np.float32)
    scales = np.full(count, scale, np.float32)
    biases = np.full(count, bias, np.float32)
    thresholds = np.full(count, DEFAULT_THRESHOLD, np.float32)
    trained = np.zeros(count, np.bool_)
    if prompt_set is not None:
        if rows is None:
            raise ValueError("which row of the prompt set belongs to which class?")
        if not embeddings.size:
            embeddings = np.zeros((count, prompt_set.class_embeddings.shape[1]), np.float32)
        trained = rows >= 0
        found = rows[trained]
        embeddings[trained] = prompt_set.class_embeddings[found]
        scales[trained] = prompt_set.scale
        biases[trained] = prompt_set.biases[found]
        thresholds[trained] = prompt_set.thresholds[found]
    weights = ClassWeights(embeddings, scales, biases, thresholds, trained)
    return _with_merged(weights, merged, scale, bias, prompt_set) if merged else weights


def _with_merged(
    weights: ClassWeights,
    merged: Sequence[Merged],
    scale: float,
    bias: float,
    prompt_set: PromptSet | None,
) -> ClassWeights:
    more: list[tuple[FloatArray, float, float]] = []
    for item in merged:
        embedding, own_scale, own_bias = item.text_embedding, scale, bias
        threshold = DEFAULT_THRESHOLD
        if item.row >= 0 and prompt_set is not None:
            embedding, own_scale = prompt_set.class_embeddings[item.row], prompt_set.scale
            own_bias = float(prompt_set.biases[item.row])
            threshold = float(prompt_set.thresholds[item.row])
        shift = _logit(float(weights.thresholds[item.column])) - _logit(threshold)
        more.append((embedding, own_scale, own_bias + shift))
    return replace(
        weights,
        more_columns=np.array([item.column for item in merged], np.int64),
        more_embeddings=np.stack([row[0] for row in more]).astype(np.float32),
        more_scales=np.array([row[1] for row in more], np.float32),
        more_biases=np.array([row[2] for row in more], np.float32),
    )


def _logit(share: float) -> float:
    """log(share / (1 - share)), of a share that is neither 0 nor 1."""
    share = min(max(share, 1e-4), 1 - 1e-4)
    return math.log(share / (1 - share))


def calibrated_bias(
    features: NDArray[np.float16],
    embeddings: FloatArray,
    scale: float,
    expected_present: float = EXPECTED_PRESENT,
) -> float:
    """A zero-shot bias for a backbone without one (CLIP's cosines have no zero point).

    Without annotations it can only come from the cosines: it is set so that, over the library,
    an image has ``expected_present`` classes with a score of 0.5 or more on average (at most
    half of the classes).  One value for all classes, so that a class that is common in the
    library is predicted often.

    Args:
        features: (n, D) unit norm; at most ``CALIBRATION_IMAGES`` of them, evenly spaced,
            are used.  With none, the answer is minus ``scale`` times 0.25, which is where
            CLIP's cosines of matching pairs lie.
        embeddings: (C, D) float32; rows with NaN are left out.
        scale: zero-shot scale.
    """
    known = embeddings[~np.isnan(embeddings).any(axis=1)] if embeddings.size else embeddings
    if not len(features) or not len(known):
        return -0.25 * scale
    step = max(1, len(features) // CALIBRATION_IMAGES)
    cosines = features[::step].astype(np.float32) @ known.T
    share = min(expected_present / len(known), 0.5)
    return -scale * float(np.quantile(cosines, 1.0 - share))
