from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.inference.class_prior import (
    MAX_PHOTOS,
    USUAL_PRESENT,
    class_prior,
    sampled_rows,
)

SCALE, BIAS = 15.0, -4.4


def cosines(photos: int, classes: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0.05, 0.08, (photos, classes)).astype(np.float32)


def sigmoid(x: NDArray[np.floating]) -> NDArray[np.floating]:
    return 1 / (1 + np.exp(-x))


def test_scores_are_as_frequent_as_the_estimated_shares_say() -> None:
    found = cosines(800, 12)
    prior = class_prior(found, SCALE, BIAS)
    scores = sigmoid(SCALE * found + prior.biases)
    np.testing.assert_allclose(scores.mean(axis=0), prior.shares, rtol=1e-3)
    # Few classes, so that the backbone's own frequencies stay in all.
    assert abs(prior.shares.sum() - sigmoid(SCALE * found + BIAS).mean(axis=0).sum()) < 1e-3


def test_a_class_that_spreads_more_is_taken_for_a_more_common_one() -> None:
    found = cosines(2000, 10)
    found[:, 3] = 0.05 + 2 * (found[:, 3] - 0.05)
    shares = class_prior(found, SCALE, BIAS).shares
    assert shares.argmax() == 3


def test_names_of_common_things_count() -> None:
    found = cosines(500, 4)
    names = np.array([0.0, 1.0, -1.0, 0.0])
    shares = class_prior(found, SCALE, BIAS, name_frequencies=names).shares
    same = class_prior(found, SCALE, BIAS, name_frequencies=names + 7).shares
    assert shares.argmax() == 1
    assert shares.argmin() == 2
    np.testing.assert_allclose(shares, same, rtol=1e-5)


def test_a_photo_has_not_ten_times_as_many_classes_in_a_long_vocabulary() -> None:
    found = cosines(500, 400)
    flat = sigmoid(SCALE * found + BIAS).mean(axis=0).sum()
    assert flat > 2 * USUAL_PRESENT
    assert abs(class_prior(found, SCALE, BIAS).shares.sum() - np.sqrt(flat * USUAL_PRESENT)) < 0.01


def test_a_backbone_without_frequencies_gets_two_classes_per_photo() -> None:
    random = np.random.default_rng(0)
    found = random.normal(0.2, 0.03, (600, 20)).astype(np.float32)
    prior = class_prior(found, 100.0, None)
    assert abs(prior.shares.sum() - 2.0) < 0.01
    predicted = sigmoid(100.0 * found + prior.biases) >= prior.thresholds
    assert 1.0 < predicted.sum(axis=1).mean() < 4.0


def test_one_photo_and_one_class_will_do() -> None:
    for bias in (BIAS, None):
        prior = class_prior(cosines(1, 1), SCALE, bias)
        assert np.isfinite(prior.biases).all()
        assert 0 < prior.thresholds[0] < 1


def test_photos_that_are_all_the_same_give_finite_weights() -> None:
    prior = class_prior(np.full((30, 5), 0.1, np.float32), SCALE, BIAS)
    assert np.isfinite(prior.biases).all()
    np.testing.assert_allclose(prior.biases, prior.biases[0])


def test_a_large_library_is_sampled_evenly_and_always_alike() -> None:
    rows = sampled_rows(100_000, 80)
    assert len(rows) == MAX_PHOTOS
    assert rows[0] == 0
    assert rows[-1] == 99_999
    assert len(np.unique(rows)) == len(rows)
    assert len(sampled_rows(100_000, 1000)) == 1000
    assert sampled_rows(20, 80).tolist() == list(range(20))
    np.testing.assert_array_equal(rows, sampled_rows(100_000, 80))
