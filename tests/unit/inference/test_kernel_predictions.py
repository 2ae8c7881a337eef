"""Predictions with a kernel part, and scores after a change of some classes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from lmpt_desktop.inference.predict import moved_columns, predict, predict_columns
from lmpt_desktop.inference.weights import ClassWeights, assemble, changed_classes
from lmpt_desktop.inference.window_cosines import WindowCosines
from trainer.arrays import unit_rows
from trainer.kernel import KernelPart
from trainer.prompt_set import PromptSet

DIM, CLASSES, PHOTOS = 16, 5, 300


def _unit(count: int, seed: int) -> NDArray[np.float32]:
    return unit_rows(np.random.default_rng(seed).normal(size=(count, DIM)))


FEATURES = _unit(PHOTOS, 0).astype(np.float16)
KERNEL = KernelPart(
    _unit(9, 1),
    np.random.default_rng(2).normal(0, 0.2, (CLASSES, 9)).astype(np.float32),
    np.random.default_rng(4).normal(0, 0.1, (CLASSES, DIM)).astype(np.float32),
    1.7,
)


def _weights(*, windows: bool = False) -> ClassWeights:
    window_embeddings = _unit(CLASSES, 5)
    window_embeddings[3] = np.nan
    return ClassWeights(
        _unit(CLASSES, 3),
        np.linspace(5, 20, CLASSES, dtype=np.float32),
        np.linspace(-3, 0, CLASSES, dtype=np.float32),
        np.full(CLASSES, 0.3, np.float32),
        np.ones(CLASSES, np.bool_),
        window_embeddings=window_embeddings if windows else None,
        window_offset=0.04 if windows else 0.0,
        kernel=KERNEL,
    )


def _windows() -> WindowCosines:
    matrix = np.random.default_rng(6).uniform(-0.2, 0.5, (PHOTOS, CLASSES)).astype(np.float16)
    matrix[:, 3] = 0
    return WindowCosines(matrix, np.arange(PHOTOS) % 3 > 0)


def _expected(weights: ClassWeights, windows: WindowCosines | None) -> NDArray[np.float64]:
    """The formula of :class:`ClassWeights`, class by class in double precision."""
    x = FEATURES.astype(np.float64)
    near = np.exp(KERNEL.sharpness * (x @ KERNEL.landmarks.T.astype(np.float64) - 1))
    scores = np.empty((PHOTOS, CLASSES))
    for c in range(CLASSES):
        cosine = x @ weights.embeddings[c] + near @ KERNEL.weights[c] + x @ KERNEL.directions[c]
        if windows is not None and c != 3:
            offset = np.where(windows.windowed, weights.window_offset, 0)
            cosine = 0.5 * (cosine + windows.matrix[:, c].astype(np.float64) - offset)
        scores[:, c] = 1 / (1 + np.exp(-(weights.scales[c] * cosine + weights.biases[c])))
    return scores


@pytest.mark.parametrize("windows", [None, _windows()], ids=["whole photos", "windows"])
def test_the_kernel_part_is_added_to_the_cosine_of_the_whole_photo(
    windows: WindowCosines | None,
) -> None:
    weights = _weights(windows=windows is not None)
    expected = _expected(weights, windows)
    np.testing.assert_allclose(predict(FEATURES, weights, windows), expected, atol=2e-4)
    columns = np.array([4, 1, 3])
    found = predict_columns(FEATURES, weights, columns, windows)
    np.testing.assert_allclose(found, expected[:, columns], atol=2e-4)


@pytest.mark.parametrize("windows", [None, _windows()], ids=["whole photos", "windows"])
def test_scores_after_a_change_follow_from_those_before(windows: WindowCosines | None) -> None:
    before = _weights(windows=windows is not None)
    step = np.random.default_rng(8).normal(0, 0.1, before.embeddings.shape).astype(np.float32)
    after = replace(before, embeddings=before.embeddings + step, biases=before.biases - 0.5)
    found = moved_columns(predict(FEATURES, before, windows), FEATURES, before, after)
    assert found is not None
    np.testing.assert_allclose(found, predict(FEATURES, after, windows), atol=2e-4)


def test_scores_of_zero_and_one_stay_finite() -> None:
    weights = _weights()
    scores = np.zeros((PHOTOS, CLASSES), np.float32)
    scores[:, 1] = 1
    found = moved_columns(scores, FEATURES, weights, weights)
    assert found is not None
    np.testing.assert_allclose(found, scores, atol=1e-6)


def test_features_that_are_not_finite_have_to_be_scored_anew() -> None:
    features = FEATURES.copy()
    features[7, 2] = np.inf
    weights = _weights()
    assert moved_columns(predict(FEATURES, weights), features, weights, weights) is None


def test_only_classes_with_another_kernel_part_have_changed() -> None:
    weights = _weights()
    other, directions = KERNEL.weights.copy(), KERNEL.directions.copy()
    other[2] += 0.1
    directions[4, 3] -= 0.1
    moved = replace(weights, kernel=replace(KERNEL, weights=other, directions=directions))
    assert changed_classes(weights, moved).tolist() == [2, 4]
    assert changed_classes(weights, replace(weights, kernel=None)).tolist() == list(range(CLASSES))
    assert not len(changed_classes(weights, replace(weights, kernel=replace(KERNEL))))


def test_classes_that_a_version_has_not_learned_have_no_kernel_part() -> None:
    made = PromptSet(
        backbone="lite",
        classes=["dog", "cat"],
        class_embeddings=_unit(2, 9),
        scale=15.0,
        biases=np.zeros(2, np.float32),
        thresholds=np.full(2, 0.5, np.float32),
        train_present=np.ones(2, np.int64),
        calibrated=np.ones(2, np.bool_),
        kernel=KERNEL.of_classes(np.array([0, 1])),
    )
    weights = assemble(
        _unit(3, 10), scale=10.0, bias=-2.0, prompt_set=made, rows=np.array([1, -1, 0])
    )
    assert weights.kernel is not None
    np.testing.assert_array_equal(weights.kernel.weights[[0, 2]], KERNEL.weights[[1, 0]])
    np.testing.assert_array_equal(weights.kernel.directions[[0, 2]], KERNEL.directions[[1, 0]])
    assert not weights.kernel.weights[1].any()
    assert not weights.kernel.directions[1].any()
    np.testing.assert_allclose(
        predict(FEATURES, weights)[:, [2, 0]],
        1 / (1 + np.exp(-15 * made.cosines(FEATURES))),
        atol=2e-4,
    )
