"""What turns features into scores: one embedding, scale, bias and threshold per class.

A class that the active prompt set learned takes them from there.  Every other class is
zero-shot: the backbone's embedding of its prompt text, with the backbone's own scale and
bias, so that its predictions are the same before and after a retraining that left it out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.prompt_set import PromptSet

DEFAULT_THRESHOLD = 0.5
EXPECTED_PRESENT = 2.0
"""Classes per photo that :func:`calibrated_bias` aims at: between VOC's 1.5 and COCO's 2.9."""
CALIBRATION_IMAGES = 4096
"""Photos that :func:`calibrated_bias` looks at."""

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ClassWeights:
    """Everything needed to score C classes with features of dimension D.

    score(image, class i) = sigmoid(scales[i] * feature . embeddings[i] + biases[i])

    Attributes:
        embeddings: (C, D) float32, unit norm; NaN rows where the text is not encoded yet.
        scales, biases, thresholds: (C,) float32.
        trained: (C,) bool, learned by a prompt set.
    """

    embeddings: FloatArray
    scales: FloatArray
    biases: FloatArray
    thresholds: FloatArray
    trained: NDArray[np.bool_]


@dataclass(frozen=True)
class PromptClass:
    """A class to score: its name and the text that stands for it in a prompt."""

    name: str
    prompt_text: str


def assemble(
    classes: Sequence[PromptClass],
    text_embeddings: FloatArray,
    *,
    scale: float,
    bias: float,
    prompt_set: PromptSet | None = None,
    learned_texts: Mapping[str, str] | None = None,
    rows: NDArray[np.int64] | None = None,
) -> ClassWeights:
    """Weights for ``classes``, from a prompt set where it learned them, else zero-shot.

    Args:
        classes: C classes in the vocabulary's order.
        text_embeddings: (C, D) float32, unit norm, NaN rows where not known yet.
        scale: zero-shot scale.
        bias: zero-shot bias.
        prompt_set: the active one, if any; must be of the same backbone.
        learned_texts: the prompt text each class name of ``prompt_set`` was learned with; a
            class whose text has changed since is zero-shot, since what was learned was
            another prompt.  None: names alone decide.
        rows: (C,) the row of ``prompt_set`` for every class, -1 where it learned none: for who
            knows better than by names.
    """
    count = len(classes)
    embeddings = np.array(text_embeddings, dtype=np.float32)
    scales = np.full(count, scale, np.float32)
    biases = np.full(count, bias, np.float32)
    thresholds = np.full(count, DEFAULT_THRESHOLD, np.float32)
    trained = np.zeros(count, np.bool_)
    if prompt_set is not None:
        if not embeddings.size:
            embeddings = np.zeros((count, prompt_set.class_embeddings.shape[1]), np.float32)
        if rows is None:
            rows = _rows_by_name(classes, prompt_set, learned_texts or {})
        trained = rows >= 0
        found = rows[trained]
        embeddings[trained] = prompt_set.class_embeddings[found]
        scales[trained] = prompt_set.scale
        biases[trained] = prompt_set.biases[found]
        thresholds[trained] = prompt_set.thresholds[found]
    return ClassWeights(embeddings, scales, biases, thresholds, trained)


def _rows_by_name(
    classes: Sequence[PromptClass], prompt_set: PromptSet, learned_texts: Mapping[str, str]
) -> NDArray[np.int64]:
    learned = {name: row for row, name in enumerate(prompt_set.classes)}
    rows = [
        learned.get(item.name, -1)
        if learned_texts.get(item.name, item.prompt_text) == item.prompt_text
        else -1
        for item in classes
    ]
    return np.array(rows, np.int64)


def calibrated_bias(
    features: NDArray[np.float16],
    embeddings: FloatArray,
    scale: float,
    expected_present: float = EXPECTED_PRESENT,
) -> float:
    """A zero-shot bias for a backbone that brings none (CLIP's cosines have no zero point).

    Without annotations only the cosines themselves can tell, so the bias is set where, over
    the library, a photo has ``expected_present`` classes at a score of 0.5 or more on
    average (at most half of the classes).  One value for all classes: a class that is
    common in the library must be allowed to be predicted often.

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
