"""Windows: quantised directions, and the largest cosine of each class."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.arrays import unit_rows
from trainer.windows import (
    BLOCK_ROWS,
    BOXES,
    joint_cosines,
    largest_cosines,
    quantise,
    unit_windows,
)


def _windows(count: int, seed: int = 0) -> np.ndarray:
    drawn = np.random.default_rng(seed).normal(size=(count * len(BOXES), 48)).astype(np.float32)
    return unit_rows(drawn).reshape(count, len(BOXES), 48)


def test_quantised_windows_keep_their_direction() -> None:
    windows = _windows(40)
    again = unit_windows(quantise(windows * 3.7))
    assert np.einsum("nwd,nwd->nw", again, windows).min() > 0.9995
    assert np.linalg.norm(again, axis=-1) == pytest.approx(1.0, abs=1e-5)


def test_an_empty_window_is_no_division_by_zero() -> None:
    assert not quantise(np.zeros((1, 5, 4), np.float32)).any()
    assert np.isfinite(unit_windows(np.zeros((1, 5, 4), np.int8))).all()


def test_the_largest_cosine_is_that_of_the_nearest_window_in_every_block() -> None:
    count = BLOCK_ROWS + 3
    windows = quantise(_windows(count))
    embeddings = unit_rows(np.random.default_rng(1).normal(size=(7, 48)).astype(np.float32))
    expected = np.einsum("nwd,cd->nwc", unit_windows(windows), embeddings).max(1)
    np.testing.assert_allclose(largest_cosines(windows, embeddings), expected, atol=1e-5)


def test_a_class_without_an_embedding_has_no_cosine() -> None:
    embeddings = np.full((2, 48), np.nan, np.float32)
    embeddings[1] = 0.1
    found = largest_cosines(quantise(_windows(3)), embeddings)
    assert np.isnan(found[:, 0]).all()
    assert np.isfinite(found[:, 1]).all()


def test_joint_cosines_are_the_mean_of_whole_photo_and_window() -> None:
    found = joint_cosines(np.array([[0.2]]), np.array([[0.5]]), 0.1)
    assert found[0, 0] == pytest.approx(0.3)


def test_boxes_lie_inside_the_square() -> None:
    for box in BOXES:
        assert 0 <= box.left < box.right <= 1 + 1e-9
        assert 0 <= box.top < box.bottom <= 1 + 1e-9
