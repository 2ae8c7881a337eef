"""A job's baseline with windows predicts what the app does."""

from __future__ import annotations

import numpy as np
import pytest
from snapshots import make_snapshot

from lmpt_desktop.engine.training import jobs
from lmpt_desktop.inference.predict import predict
from lmpt_desktop.inference.queues import Features
from lmpt_desktop.inference.weights import ClassWeights
from lmpt_desktop.inference.window_cosines import library_cosines
from trainer.arrays import unit_rows
from trainer.windows import joint_cosines, largest_cosines, quantise

DIM, COUNT, CLASSES = 16, 12, 4
RANDOM = np.random.default_rng(7)


def rows(count: int) -> np.ndarray:
    return unit_rows(RANDOM.normal(size=(count, DIM)).astype(np.float32))


def weights(window_embeddings: np.ndarray | None) -> ClassWeights:
    return ClassWeights(
        rows(CLASSES),
        np.array([10, 10, 7, 10], np.float32),
        RANDOM.normal(size=CLASSES).astype(np.float32),
        np.full(CLASSES, 0.5, np.float32),
        np.array([False, False, True, False]),
        window_embeddings=window_embeddings,
        window_offset=0.08,
    )


def job_of(made: ClassWeights, features: Features, windows: np.ndarray | None) -> jobs.FitJob:
    annotations = np.zeros((COUNT, CLASSES), np.int8)
    annotations[np.arange(COUNT), np.arange(COUNT) % CLASSES] = 1
    snapshot = make_snapshot(annotations)
    data = jobs.training_data(snapshot, features)
    return jobs.build_job(
        snapshot,
        data,
        made,
        backbone="fake",
        options=jobs.RetrainOptions(),
        captions=[""] * COUNT,
        held_out=set(),
        trained_on=set(),
        windows=windows,
    )


def test_the_baseline_predicts_what_the_app_does_also_at_several_scales() -> None:
    made = weights(rows(CLASSES))
    features = Features(np.arange(1, COUNT + 1), rows(COUNT).astype(np.float16))
    windows = quantise(RANDOM.normal(size=(COUNT, 5, DIM)).astype(np.float32))
    job = job_of(made, features, windows)
    assert job.windows is windows
    assert job.baseline_window_embeddings is not None
    cosines = joint_cosines(
        job.features.astype(np.float32) @ job.baseline_embeddings.T,
        largest_cosines(windows, job.baseline_window_embeddings),
        job.window_offset,
    )
    scores = 1 / (1 + np.exp(-(job.baseline_scale * cosines + job.baseline_biases)))
    assert made.window_embeddings is not None
    kept = library_cosines(features, made.window_embeddings, lambda _ids: [(features.ids, windows)])
    np.testing.assert_allclose(scores, predict(features.matrix, made, kept), atol=2e-3)


def test_a_class_scored_by_whole_photos_has_the_same_embedding_for_windows() -> None:
    other = rows(CLASSES)
    other[2] = np.nan
    made = weights(other)
    features = Features(np.arange(1, COUNT + 1), rows(COUNT).astype(np.float16))
    windows = quantise(RANDOM.normal(size=(COUNT, 5, DIM)).astype(np.float32))
    job = job_of(made, features, windows)
    assert job.baseline_window_embeddings is not None
    np.testing.assert_array_equal(job.baseline_window_embeddings[2], job.baseline_embeddings[2])
    assert job.baseline_biases[2] == made.biases[2]
    np.testing.assert_allclose(job.baseline_window_embeddings[[0, 1, 3]], other[[0, 1, 3]])


@pytest.mark.parametrize("known", [True, False])
def test_where_nothing_is_compared_with_windows_the_baseline_has_none(known: bool) -> None:
    features = Features(np.arange(1, COUNT + 1), rows(COUNT).astype(np.float16))
    windows = quantise(RANDOM.normal(size=(COUNT, 5, DIM)).astype(np.float32)) if known else None
    job = job_of(weights(None if known else rows(CLASSES)), features, windows)
    assert job.windows is windows
    assert job.baseline_window_embeddings is None


def test_photos_without_windows_are_their_own() -> None:
    ids, features = np.array([3, 5, 8, 9]), rows(4).astype(np.float16)
    windows = quantise(RANDOM.normal(size=(2, 5, DIM)).astype(np.float32))
    nine = quantise(RANDOM.normal(size=(1, 9, DIM)).astype(np.float32))
    found = jobs.training_windows(
        ids, features, lambda _ids: [(ids[[2]], nine), (ids[[1, 3]], windows)]
    )
    assert found is not None
    assert found.dtype == np.int8
    np.testing.assert_array_equal(found[[1, 3]], windows)
    for row in (0, 2):
        own = quantise(features[[row]].astype(np.float32)[None])[0, 0]
        np.testing.assert_array_equal(found[row], np.repeat(own[None], 5, axis=0))
    assert jobs.training_windows(ids, features, lambda _ids: []) is None
