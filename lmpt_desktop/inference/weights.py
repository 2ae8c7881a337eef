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

from trainer.kernel import KernelPart
from trainer.prompt_set import PromptSet
from trainer.windows import largest_cosines

DEFAULT_THRESHOLD = 0.5
SAMPLE_IMAGES = 4096
"""Images that a :class:`WindowSample` has at most."""

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

    score(image, class i) = sigmoid(scales[i] * cosine + biases[i]), where the cosine is
    feature . embeddings[i], plus what the kernel part adds, if there is one, or, with window
    embeddings, :func:`trainer.windows.joint_cosines` of that and of the windows with
    window_embeddings[i].

    Each of E more rows has another such value for a class, of which the largest counts.

    Attributes:
        embeddings: (C, D) float32, unit norm; NaN rows where the text is not encoded yet.
        scales, biases, thresholds: (C,) float32.
        trained: (C,) bool, learned by a prompt set.
        more_columns: (E,) int64, the class of each more row.
        more_embeddings: (E, D) float32, compared with whole photos alone.  Window cosines less
            their offset are as large on average, so that both are on the same scale.
        more_scales, more_biases: (E,) float32; they reach the threshold of the class where the
            class that was merged into it reached its own.
        window_embeddings: (C, D) float32, unit norm, NaN rows where the class is scored by whole
            photos alone; None if all are.  A photo without windows is its own only window.
        window_offset: see :func:`trainer.windows.joint_cosines`.
        kernel: the kernel part of the C classes, which is added to the cosine of the whole photo;
            None where no class has one.
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
    window_embeddings: FloatArray | None = None
    window_offset: float = 0.0
    kernel: KernelPart | None = None

    def of_classes(self, columns: NDArray[np.int64]) -> ClassWeights:
        """The weights of some classes, (m,) in this order."""
        places = {column: place for place, column in enumerate(columns.tolist())}
        more = [row for row, column in enumerate(self.more_columns.tolist()) if column in places]
        kept = [places[column] for column in self.more_columns[more].tolist()]
        windows, kernel = self.window_embeddings, self.kernel
        return ClassWeights(
            self.embeddings[columns],
            self.scales[columns],
            self.biases[columns],
            self.thresholds[columns],
            self.trained[columns],
            np.array(kept, np.int64),
            self.more_embeddings[more],
            self.more_scales[more],
            self.more_biases[more],
            None if windows is None else windows[columns],
            self.window_offset,
            None if kernel is None else kernel.of_classes(columns),
        )


def changed_classes(old: ClassWeights, new: ClassWeights) -> NDArray[np.int64]:
    """(m,) the classes whose scores differ between weights of the same classes."""
    differ = (old.scales != new.scales) | (old.biases != new.biases)
    differ |= _differ(old.embeddings, new.embeddings)
    before, after = old.window_embeddings, new.window_embeddings
    none = np.full_like(new.embeddings, np.nan)
    differ |= _differ(none if before is None else before, none if after is None else after)
    if after is not None and old.window_offset != new.window_offset:
        differ |= ~np.isnan(after).any(axis=1)
    differ |= _kernels_differ(old, new)
    names = ("more_columns", "more_embeddings", "more_scales", "more_biases")
    if not all(np.array_equal(getattr(old, name), getattr(new, name)) for name in names):
        differ[np.concatenate([old.more_columns, new.more_columns])] = True
    return np.flatnonzero(differ)


def _kernels_differ(old: ClassWeights, new: ClassWeights) -> NDArray[np.bool_]:
    """(C,) whose kernel parts differ."""
    none = KernelPart.none(len(new.scales), new.embeddings.shape[1])
    before, after = old.kernel or none, new.kernel or none
    if before is after:
        return np.zeros(len(new.scales), np.bool_)
    same = before.sharpness == after.sharpness
    if same and np.array_equal(before.landmarks, after.landmarks):
        differ = (before.weights != after.weights).any(axis=1)
    else:
        differ = before.weights.any(axis=1) | after.weights.any(axis=1)
    return np.asarray(differ | _differ(before.directions, after.directions), np.bool_)


def _differ(old: FloatArray, new: FloatArray) -> NDArray[np.bool_]:
    """(C,) which rows differ; rows of NaN are equal."""
    if old.shape != new.shape:
        return np.ones(len(new), np.bool_)
    same = (old == new) | (np.isnan(old) & np.isnan(new))
    return np.asarray(~same.all(axis=1), np.bool_)


def assemble(
    text_embeddings: FloatArray,
    *,
    scale: float,
    bias: float | FloatArray,
    thresholds: FloatArray | None = None,
    prompt_set: PromptSet | None = None,
    rows: NDArray[np.int64] | None = None,
    merged: Sequence[Merged] = (),
    window_offset: float | None = None,
) -> ClassWeights:
    """Weights for C classes, from a prompt set where it has learned them, else zero-shot.

    Zero-shot, windows are compared with the same embeddings as whole photos.  Classes of a prompt
    set are compared with windows if it has window embeddings.

    Args:
        text_embeddings: (C, D) float32, unit norm, NaN rows where not known yet.
        scale: zero-shot.
        bias: zero-shot, one or (C,).
        thresholds: (C,) zero-shot; None for :data:`DEFAULT_THRESHOLD`.
        prompt_set: the active one, if any; must be of the same backbone.
        rows: (C,) the row of ``prompt_set`` for every class, -1 where it has learned none;
            required with a prompt set.
        merged: classes that were merged into these.
        window_offset: zero-shot; None where the backbone makes no windows.
    """
    count = len(text_embeddings)
    embeddings = np.array(text_embeddings, dtype=np.float32)
    scales = np.full(count, scale, np.float32)
    biases = np.full(count, bias, np.float32)
    cuts = np.full(count, DEFAULT_THRESHOLD if thresholds is None else thresholds, np.float32)
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
        cuts[trained] = prompt_set.thresholds[found]
    weights = ClassWeights(embeddings, scales, biases, cuts, trained)
    if prompt_set is not None and prompt_set.kernel is not None and rows is not None:
        weights = replace(weights, kernel=prompt_set.kernel.of_classes(rows))
    learned = prompt_set is not None and prompt_set.window_embeddings is not None
    if window_offset is not None or learned:
        weights = _with_windows(weights, window_offset, prompt_set, rows)
    return _with_merged(weights, merged, prompt_set) if merged else weights


def _with_windows(
    weights: ClassWeights,
    zero_shot_offset: float | None,
    prompt_set: PromptSet | None,
    rows: NDArray[np.int64] | None,
) -> ClassWeights:
    """With one offset for all classes: that of the prompt set, if it knows windows.  The biases of
    the zero-shot classes make up for the difference."""
    windows, biases = weights.embeddings.copy(), weights.biases.copy()
    if zero_shot_offset is None:
        windows[:] = np.nan
    offset = zero_shot_offset or 0.0
    if prompt_set is not None and rows is not None:
        trained = weights.trained
        if prompt_set.window_embeddings is None:
            windows[trained] = np.nan
        else:
            windows[trained] = prompt_set.window_embeddings[rows[trained]]
            if zero_shot_offset is not None:
                difference = 0.5 * (prompt_set.window_offset - zero_shot_offset)
                biases[~trained] += difference * weights.scales[~trained]
            offset = prompt_set.window_offset
    none = np.isnan(windows).any(axis=1).all()
    return replace(
        weights,
        biases=biases,
        window_embeddings=None if none else windows,
        window_offset=offset,
    )


def _with_merged(
    weights: ClassWeights,
    merged: Sequence[Merged],
    prompt_set: PromptSet | None,
) -> ClassWeights:
    more: list[tuple[FloatArray, float, float]] = []
    for item in merged:
        # Without a row of its own it is as common, and judged by the same bias, as its class.
        embedding = item.text_embedding
        own_scale, own_bias = float(weights.scales[item.column]), float(weights.biases[item.column])
        threshold = float(weights.thresholds[item.column])
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


@dataclass(frozen=True, eq=False)
class WindowSample:
    """Photos that have windows: ``features`` (m, D) float16, ``windows`` (m, W, D) int8."""

    features: NDArray[np.float16]
    windows: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.features)


def estimated_offset(sample: WindowSample | None, embeddings: FloatArray) -> float:
    """By what the largest window cosines are larger than those of whole photos, on average.

    Args:
        sample: None or without photos gives 0.
        embeddings: (C, D) float32; rows with NaN are left out.
    """
    known = embeddings[~np.isnan(embeddings).any(axis=1)] if embeddings.size else embeddings
    if not sample or not len(known):
        return 0.0
    whole = sample.features.astype(np.float32) @ known.T
    return float((largest_cosines(sample.windows, known) - whole).mean())
