"""Scores of a few classes, and biases after instant learning."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from lmpt_desktop.inference.predict import predict, predict_columns
from lmpt_desktop.inference.taught_weights import library_sample, taught
from lmpt_desktop.inference.weights import ClassWeights
from trainer.instant import Offsets

DIM, CLASSES = 24, 7


def _features(count: int, seed: int = 1) -> NDArray[np.float16]:
    drawn = np.random.default_rng(seed).standard_normal((count, DIM))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float16)


def _weights(*, more: bool = False) -> ClassWeights:
    rng = np.random.default_rng(2)
    embeddings = _features(CLASSES, 3).astype(np.float32)
    weights = ClassWeights(
        embeddings,
        np.linspace(5, 20, CLASSES, dtype=np.float32),
        rng.normal(-1, 1, CLASSES).astype(np.float32),
        np.full(CLASSES, 0.5, np.float32),
        np.zeros(CLASSES, np.bool_),
    )
    if not more:
        return weights
    return ClassWeights(
        weights.embeddings,
        weights.scales,
        weights.biases,
        weights.thresholds,
        weights.trained,
        more_columns=np.array([2, 5, 2]),
        more_embeddings=_features(3, 4).astype(np.float32),
        more_scales=np.full(3, 12, np.float32),
        more_biases=np.array([-1, 0, 1], np.float32),
    )


@pytest.mark.parametrize("more", [False, True])
@pytest.mark.parametrize("columns", [[0], [6, 2], [5, 2, 1], list(range(CLASSES)), []])
def test_a_few_classes_are_scored_as_all_are(more: bool, columns: list[int]) -> None:
    features, weights, chosen = _features(1300), _weights(more=more), np.array(columns, np.int64)
    found = predict_columns(features, weights, chosen)
    np.testing.assert_allclose(found, predict(features, weights)[:, chosen], atol=2e-6)


def test_the_smallest_and_largest_halves_are_converted_exactly() -> None:
    """Every finite half, as a feature of one dimension."""
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)]
    one = np.ones(1, np.float32)
    weights = ClassWeights(np.full((1, 1), 1e-3, np.float32), one, one, one, np.zeros(1, np.bool_))
    features = halves[:, None]
    found = predict_columns(features, weights, np.array([0]))
    np.testing.assert_allclose(found, predict(features, weights), atol=1e-6)


@pytest.mark.filterwarnings("ignore:invalid value encountered in matmul")
def test_a_feature_that_is_no_number_gives_the_score_that_it_gave() -> None:
    features, weights = _features(700), _weights()
    features[3, 1], features[600, 2] = np.nan, np.inf
    found = predict_columns(features, weights, np.array([1, 4]))
    np.testing.assert_allclose(found, predict(features, weights)[:, [1, 4]], atol=2e-6)


def test_features_of_another_backbone_are_refused() -> None:
    with pytest.raises(ValueError, match="dimension"):
        predict_columns(_features(5)[:, :-1], _weights(), np.array([1]))


def test_the_mean_score_stays_and_other_classes_are_left_alone() -> None:
    features, weights, columns = _features(500), _weights(), np.array([4, 1])
    sample = features.astype(np.float32)
    moved = np.random.default_rng(5).normal(0, 0.4, (2, DIM)).astype(np.float32)
    moved[1] = 0
    offsets = Offsets(moved, np.array([0.7, 0], np.float32))
    embeddings, biases = taught(weights, columns, offsets, sample)
    after = sample @ embeddings.T * weights.scales[columns] + biases
    means = (1 / (1 + np.exp(-after))).mean(axis=0)
    np.testing.assert_allclose(means, predict(features, weights)[:, columns].mean(0), atol=1e-4)
    np.testing.assert_array_equal(embeddings[1], weights.embeddings[1])
    assert biases[1] == weights.biases[1]


def test_the_sample_does_not_depend_on_the_order_of_rows() -> None:
    features = _features(9000)
    ids = np.random.default_rng(6).permutation(20_000)[:9000]
    sample, mean = library_sample(ids, features)
    order = np.random.default_rng(7).permutation(9000)
    other, other_mean = library_sample(ids[order], features[order])
    np.testing.assert_array_equal(sample, other)
    np.testing.assert_allclose(mean, features.astype(np.float64).mean(axis=0), atol=1e-6)
    np.testing.assert_array_equal(mean, other_mean)


def test_the_last_feature_of_an_image_counts() -> None:
    features = _features(4)
    sample, mean = library_sample(np.array([7, 5, 7, 6]), features)
    np.testing.assert_array_equal(sample, features[[1, 3, 2]].astype(np.float32))
    np.testing.assert_allclose(mean, sample.mean(axis=0), atol=1e-6)
