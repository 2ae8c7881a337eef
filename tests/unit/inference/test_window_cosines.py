"""Predictions with windows, against the formula in plain numpy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from lmpt_desktop.inference.predict import predict, predict_columns
from lmpt_desktop.inference.queues import Features
from lmpt_desktop.inference.weights import (
    ClassWeights,
    Merged,
    WindowSample,
    assemble,
    estimated_offset,
)
from lmpt_desktop.inference.window_cosines import library_cosines
from trainer.arrays import unit_rows
from trainer.prompt_set import PromptSet
from trainer.windows import quantise, unit_windows

D, W = 24, 5


def rows(count: int, seed: int) -> NDArray[np.float32]:
    return unit_rows(np.random.default_rng(seed).normal(size=(count, D)).astype(np.float32))


def windows_of(count: int, seed: int = 9) -> NDArray[np.int8]:
    drawn = np.random.default_rng(seed).normal(size=(count, W, D)).astype(np.float32)
    return quantise(drawn)


def weights_of(classes: int, *, whole_only: tuple[int, ...] = ()) -> ClassWeights:
    random = np.random.default_rng(5)
    windows = rows(classes, 2)
    windows[list(whole_only)] = np.nan
    return ClassWeights(
        rows(classes, 1),
        random.uniform(4, 9, classes).astype(np.float32),
        random.normal(size=classes).astype(np.float32),
        np.full(classes, 0.5, np.float32),
        np.zeros(classes, np.bool_),
        window_embeddings=windows,
        window_offset=0.07,
    )


def expected(
    features: NDArray[np.float16],
    windows: NDArray[np.int8],
    windowed: NDArray[np.bool_],
    weights: ClassWeights,
) -> NDArray[np.float64]:
    """Photo by photo and class by class."""
    assert weights.window_embeddings is not None
    scores = np.empty((len(features), len(weights.scales)))
    singles = unit_windows(windows).astype(np.float64)
    for n, feature in enumerate(features.astype(np.float64)):
        for c, embedding in enumerate(weights.embeddings.astype(np.float64)):
            whole = feature @ embedding
            other = weights.window_embeddings[c].astype(np.float64)
            if np.isnan(other).any():
                cosine = whole
            elif windowed[n]:
                nearest = max(window @ other for window in singles[n])
                cosine = 0.5 * (whole + nearest - weights.window_offset)
            else:
                cosine = 0.5 * (whole + feature @ other)
            scores[n, c] = 1 / (1 + np.exp(-(weights.scales[c] * cosine + weights.biases[c])))
    return scores


class Library:
    """Features in an order of their own, of which some have windows; counts what is read."""

    def __init__(self, count: int = 90) -> None:
        random = np.random.default_rng(3)
        self.features = Features(random.permutation(count) + 1, rows(count, 4).astype(np.float16))
        self.windows = windows_of(count)
        self.windowed = random.random(count) < 0.7
        self.read_images = 0

    def read(
        self, image_ids: NDArray[np.int64] | None
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int8]]]:
        wanted = self.windowed.copy()
        if image_ids is not None:
            wanted &= np.isin(self.features.ids, image_ids)
        places = np.flatnonzero(wanted)
        self.read_images += len(places)
        for part in np.array_split(places[np.argsort(self.features.ids[places])], 4):
            yield self.features.ids[part], self.windows[part]


@pytest.mark.parametrize("whole_only", [(), (0, 4)])
def test_scores_are_those_of_the_formula(whole_only: tuple[int, ...]) -> None:
    library, weights = Library(), weights_of(6, whole_only=whole_only)
    assert weights.window_embeddings is not None
    cosines = library_cosines(library.features, weights.window_embeddings, library.read)
    assert cosines.matrix.dtype == np.float16
    assert np.array_equal(cosines.windowed, library.windowed)
    matrix = library.features.matrix
    wanted = expected(matrix, library.windows, library.windowed, weights)
    found = predict(matrix, weights, cosines)
    np.testing.assert_allclose(found, wanted, atol=2e-3)
    some = np.array([5, 0, 2])
    np.testing.assert_allclose(
        predict_columns(matrix, weights, some, cosines), found[:, some], atol=1e-6
    )
    part = np.array([7, 3])
    np.testing.assert_allclose(predict(matrix[part], weights, cosines.at(part)), found[part])


def test_without_windows_each_photo_is_its_own_only_window() -> None:
    library, weights = Library(), weights_of(6, whole_only=(2,))
    matrix = library.features.matrix
    nowhere = np.zeros(len(matrix), np.bool_)
    wanted = expected(matrix, library.windows, nowhere, weights)
    np.testing.assert_allclose(predict(matrix, weights), wanted, atol=1e-3)
    assert weights.window_embeddings is not None
    cosines = library_cosines(library.features, weights.window_embeddings, None)
    np.testing.assert_allclose(predict(matrix, weights, cosines), wanted, atol=2e-3)
    whole = replace(weights, window_embeddings=None)
    alone = 1 / (
        1
        + np.exp(
            -(weights.scales * (matrix.astype(np.float64) @ weights.embeddings.T) + weights.biases)
        )
    )
    np.testing.assert_allclose(predict(matrix, whole, cosines), alone, atol=1e-3)


def test_a_new_class_computes_its_column_only() -> None:
    library, old = Library(), rows(4, 2)
    known = library_cosines(library.features, old, library.read)
    library.read_images = 0
    kept = library_cosines(library.features, old[[2, 0]], library.read, (old, known))
    assert library.read_images == 0
    assert np.array_equal(kept.matrix, known.matrix[:, [2, 0]])
    new = np.concatenate([old[[3]], rows(1, 77), np.full((1, D), np.nan, np.float32), old[[0]]])
    # What is taken over is not computed again: it may be anything.
    marked = replace(known, matrix=np.full_like(known.matrix, 0.5))
    found = library_cosines(library.features, new, library.read, (old, marked))
    assert (found.matrix[:, [0, 3]] == 0.5).all()
    assert not found.matrix[:, 2].any()
    alone = library_cosines(library.features, new, library.read)
    assert np.array_equal(found.matrix[:, 1], alone.matrix[:, 1])
    assert np.array_equal(found.windowed, library.windowed)


def test_merged_classes_count_by_whole_photos_on_the_same_scale() -> None:
    library, weights = Library(), weights_of(3)
    other = rows(1, 6)
    merged = replace(
        weights,
        more_columns=np.array([1]),
        more_embeddings=other,
        more_scales=np.array([6.0], np.float32),
        more_biases=np.array([-1.0], np.float32),
    )
    assert weights.window_embeddings is not None
    cosines = library_cosines(library.features, weights.window_embeddings, library.read)
    matrix = library.features.matrix
    alone, both = predict(matrix, weights, cosines), predict(matrix, merged, cosines)
    theirs = 1 / (1 + np.exp(-(6 * (matrix.astype(np.float64) @ other[0]) - 1)))
    np.testing.assert_allclose(both[:, 1], np.maximum(alone[:, 1], theirs), atol=1e-3)
    assert np.array_equal(both[:, [0, 2]], alone[:, [0, 2]])
    columns = np.array([2, 1])
    np.testing.assert_allclose(
        predict_columns(matrix, merged, columns, cosines), both[:, columns], atol=1e-6
    )


def learned(windows: NDArray[np.float32] | None, offset: float = 0.2) -> PromptSet:
    return PromptSet(
        backbone="fake",
        classes=["a", "b"],
        class_embeddings=rows(2, 11),
        scale=7.0,
        biases=np.array([-2.0, -3.0], np.float32),
        thresholds=np.full(2, 0.3, np.float32),
        train_present=np.ones(2, np.int64),
        calibrated=np.ones(2, np.bool_),
        window_embeddings=windows,
        window_offset=offset,
    )


def test_zero_shot_windows_are_compared_with_the_texts() -> None:
    texts = rows(3, 1)
    texts[1] = np.nan
    weights = assemble(texts, scale=4, bias=-1, window_offset=0.1)
    assert weights.window_embeddings is not None
    np.testing.assert_array_equal(weights.window_embeddings, texts)
    assert weights.window_offset == 0.1
    scores = predict(rows(2, 3).astype(np.float16), weights)
    assert np.isnan(scores[:, 1]).all()
    assert np.isfinite(scores[:, [0, 2]]).all()
    assert assemble(texts, scale=4, bias=-1).window_embeddings is None


def test_a_version_without_windows_is_scored_by_whole_photos() -> None:
    order = np.array([1, -1, 0])
    old = learned(None)
    weights = assemble(rows(3, 1), scale=4, bias=-1, prompt_set=old, rows=order, window_offset=0.1)
    assert weights.window_embeddings is not None
    assert np.isnan(weights.window_embeddings).any(axis=1).tolist() == [True, False, True]
    both = assemble(
        rows(2, 1), scale=4, bias=-1, prompt_set=old, rows=np.array([0, 1]), window_offset=0.1
    )
    assert both.window_embeddings is None


@pytest.mark.parametrize("offset", [0.1, None])
def test_a_version_with_windows_brings_its_offset(offset: float | None) -> None:
    order, made = np.array([1, -1]), learned(rows(2, 12))
    weights = assemble(
        rows(2, 1), scale=4, bias=-1, prompt_set=made, rows=order, window_offset=offset
    )
    assert weights.window_embeddings is not None and made.window_embeddings is not None
    assert np.array_equal(weights.window_embeddings[0], made.window_embeddings[1])
    assert np.isnan(weights.window_embeddings[1]).all() == (offset is None)
    assert weights.window_offset == 0.2
    features, windows = rows(30, 3).astype(np.float16), windows_of(30)
    ids = np.arange(30)
    cosines = library_cosines(
        Features(ids, features), weights.window_embeddings, lambda _ids: [(ids, windows)]
    )
    found = predict(features, weights, cosines)[:, 1]
    alone = assemble(rows(2, 1), scale=4, bias=-1, window_offset=offset)
    if alone.window_embeddings is None:
        wanted = predict(features, alone)[:, 1]
    else:
        wanted = expected(features, windows, np.ones(30, np.bool_), alone)[:, 1]
    np.testing.assert_allclose(found, wanted, atol=2e-3)


def test_an_old_version_and_a_merged_class_stay_on_one_scale() -> None:
    gone = Merged(0, rows(1, 8)[0])
    weights = assemble(rows(2, 1), scale=4, bias=-1, merged=[gone], window_offset=0.1)
    assert weights.more_scales.tolist() == [4]
    assert weights.more_biases.tolist() == [-1]


def test_the_offset_is_estimated_from_photos_with_windows() -> None:
    features, windows, texts = rows(400, 3).astype(np.float16), windows_of(400), rows(8, 1)
    texts[3] = np.nan
    known = np.delete(texts, 3, axis=0)
    sample = WindowSample(features, windows)
    offset = estimated_offset(sample, texts)
    nearest = np.einsum("nwd,cd->nwc", unit_windows(windows), known).max(1)
    whole = features.astype(np.float32) @ known.T
    assert offset == pytest.approx(float(nearest.mean() - whole.mean()), abs=1e-4)
    assert estimated_offset(None, texts) == 0.0
