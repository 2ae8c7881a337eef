"""How pure the neighbourhood of each class is."""

from __future__ import annotations

import numpy as np
from queue_arrays import Library, library

from lmpt_desktop.inference.neighbourhood import SAMPLE, purity


def two_groups(images: int = 60) -> Library:
    """Photos of which the first half look alike, and so does the other."""
    arrays = library(images, 2, dim=16)
    rng = np.random.default_rng(1)
    centre = np.where(np.arange(images)[:, None] < images // 2, 1.0, -1.0)
    matrix = centre * np.eye(16)[0] + 0.1 * rng.normal(size=(images, 16))
    arrays.matrix[:] = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    arrays.scores[:] = 0.1
    arrays.scores[: images // 2, 0] = 0.9  # the class of one group
    arrays.scores[::2, 1] = 0.9  # found in both
    return arrays


def test_a_class_of_one_group_is_purer_than_one_found_in_every_group() -> None:
    arrays = two_groups()
    pure, mixed = purity(arrays.snapshot, arrays.features)
    assert pure > 0.9
    assert abs(mixed) < 0.5


def test_examples_take_the_place_of_likeliest_photos() -> None:
    arrays = two_groups()
    arrays.annotations[-3:, 0] = 1  # the user says that it is in the other group
    assert purity(arrays.snapshot, arrays.features)[0] < -0.9


def test_a_large_library_is_judged_by_a_sample_of_all_its_photos() -> None:
    arrays = two_groups(3 * SAMPLE)
    pure, mixed = purity(arrays.snapshot, arrays.features)
    assert pure > 0.9
    assert abs(mixed) < 0.6


def test_nothing_is_known_without_features_scores_or_classes() -> None:
    arrays = two_groups()
    nothing = library(0, 2)
    assert np.isnan(purity(nothing.snapshot, nothing.features)).all()
    assert np.isnan(purity(arrays.snapshot, nothing.features)).all()
    arrays.scores[:, 1] = np.nan
    found = purity(arrays.snapshot, arrays.features)
    assert np.isnan(found).tolist() == [False, True]
    arrays.scores[:] = np.nan
    assert np.isnan(purity(arrays.snapshot, arrays.features)).all()
    assert purity(library(5, 0).snapshot, library(5, 0).features).shape == (0,)
