"""Instant learning: against the formula solved class by class, whatever the order of verdicts."""

from __future__ import annotations

import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from trainer import instant
from trainer.instant import Instant, Lesson, learn, soft_biases

PHOTOS, DIM, CLASSES = 40, 12, 5
SCALES = np.array([14.6, 14.6, 20.0, 8.0, 14.6])


def _unit(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    drawn = rng.standard_normal((count, DIM)) + 0.5
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


_RNG = np.random.default_rng(3)
FEATURES, EMBEDDINGS = _unit(_RNG, PHOTOS), _unit(_RNG, CLASSES)
MEAN = FEATURES.mean(axis=0)
BIASES = soft_biases(EMBEDDINGS, SCALES, MEAN)


def _by_formula(
    targets: NDArray[np.int8], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Embedding and logit offsets, from the normal equations of each class."""
    x = (FEATURES - MEAN).astype(np.float64)
    embeddings, logits = np.zeros((CLASSES, DIM)), np.zeros(CLASSES)
    for c in range(CLASSES):
        cosines = FEATURES.astype(np.float64) @ EMBEDDINGS[c].astype(np.float64)
        residual = targets[:, c] - 1 / (1 + np.exp(-(0.34 * SCALES[c] * cosines + BIASES[c])))
        w = np.where(targets[:, c] >= 0, weights[:, c], 0.0)
        solved = np.linalg.solve(x.T @ (w[:, None] * x) + np.eye(DIM), x.T @ (w * residual))
        step = 15 * ((w[targets[:, c] == 1].sum() + 1) / 2) ** 0.35
        embeddings[c] = step / SCALES[c] * solved
        logits[c] = -SCALES[c] * embeddings[c] @ MEAN
    return embeddings, logits


Verdicts = list[tuple[int, int, int, bool]]
"""Photo, class (CLASSES: all of them), verdict, confirmed."""
verdicts = st.lists(
    st.tuples(
        st.integers(0, PHOTOS - 1),
        st.integers(0, CLASSES),
        st.sampled_from([-1, 0, 1]),
        st.booleans(),
    ),
    max_size=60,
)


def _played(
    given_verdicts: Verdicts,
) -> tuple[Instant, NDArray[np.int8], NDArray[np.float64]]:
    """Verdicts one by one, with solutions asked for in between."""
    targets = np.full((PHOTOS, CLASSES), -1, np.int8)
    weights = np.ones((PHOTOS, CLASSES))
    learner = Instant(EMBEDDINGS, SCALES, BIASES, MEAN)
    for photo, column, verdict, confirmed in given_verdicts:
        columns = slice(None) if column == CLASSES else slice(column, column + 1)
        targets[photo, columns] = verdict
        weights[photo, columns] = 0.5 if confirmed else 1.0
        changed = learner.teach([photo], FEATURES[[photo]], targets[[photo]], weights[[photo]])
        learner.offsets(changed)
    return learner, targets, weights


@settings(max_examples=examples(60), deadline=None)
@given(verdicts)
def test_verdicts_one_by_one_teach_what_the_formula_says(played: Verdicts) -> None:
    learner, targets, weights = _played(played)
    embeddings, logits = _by_formula(targets, weights)
    found = learner.offsets()
    np.testing.assert_allclose(found.embeddings, embeddings, atol=1e-5)
    np.testing.assert_allclose(found.logits, logits, atol=1e-4)
    scratch = learn(FEATURES, targets, EMBEDDINGS, SCALES, BIASES, MEAN, weights)
    np.testing.assert_allclose(found.embeddings, scratch.embeddings, atol=1e-5)


@settings(max_examples=examples(40), deadline=None)
@given(verdicts, st.randoms(use_true_random=False))
def test_the_order_of_photos_does_not_matter(played: Verdicts, random: object) -> None:
    learner, targets, weights = _played(played)
    other = Instant(EMBEDDINGS, SCALES, BIASES, MEAN)
    order = np.arange(PHOTOS)
    random.shuffle(order)  # pyright: ignore[reportAttributeAccessIssue]
    for photo in order.tolist():
        other.teach([photo], FEATURES[[photo]], targets[[photo]], weights[[photo]])
    np.testing.assert_allclose(other.offsets().embeddings, learner.offsets().embeddings, atol=1e-5)


@settings(max_examples=examples(40), deadline=None)
@given(verdicts, verdicts)
def test_what_is_undone_was_never_said(kept: Verdicts, undone: Verdicts) -> None:
    learner, targets, weights = _played(kept)
    before = learner.offsets()
    after, now, now_weights = _played(kept + undone)
    changed = np.flatnonzero(((now != targets) | (now_weights != weights)).any(axis=1))
    for photo in changed[::-1].tolist():
        after.teach([photo], FEATURES[[photo]], targets[[photo]], weights[[photo]])
    np.testing.assert_allclose(after.offsets().embeddings, before.embeddings, atol=1e-5)


def test_a_class_without_verdicts_is_left_exactly_as_it_was() -> None:
    learner, targets, _ = _played([(0, 1, 1, False), (1, 1, 0, False), (2, 0, 1, False)])
    blank = np.full((3, CLASSES), -1, np.int8)
    blank[2, 0] = 1
    changed = learner.teach([0, 1, 2], FEATURES[:3], blank)
    assert changed.tolist() == [1]
    assert not learner.offsets().embeddings[1:].any()
    assert learner.offsets().embeddings[0].any()
    assert not learner.offsets().logits[1:].any()
    assert targets[0, 1] == 1


def test_the_same_verdict_again_changes_nothing() -> None:
    learner, targets, weights = _played([(4, CLASSES, 0, False), (4, 2, 1, False)])
    assert not len(learner.teach([4], FEATURES[[4]], targets[[4]], weights[[4]]))


def test_a_class_whose_text_is_not_known_learns_nothing() -> None:
    embeddings = EMBEDDINGS.copy()
    embeddings[3] = np.nan
    targets = np.ones((PHOTOS, CLASSES), np.int8)
    found = learn(FEATURES, targets, embeddings, SCALES, BIASES, MEAN)
    assert not found.embeddings[3].any()
    assert np.isfinite(found.embeddings).all()


@pytest.mark.parametrize("share", [0.05, 0.4, 0.6, 1.0])
def test_every_way_of_solving_gives_the_same(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few corrections, many of them, and sums that are kept for too few classes."""
    monkeypatch.setattr(instant, "_MAX_SUMS", 2)
    rng = np.random.default_rng(7)
    targets = np.where(
        rng.random((PHOTOS, CLASSES)) < share, rng.random((PHOTOS, CLASSES)) < 0.3, -1
    ).astype(np.int8)
    targets[:, 4] = np.where(np.arange(PHOTOS) < 3, 1, -1)
    learner = Instant(EMBEDDINGS, SCALES, BIASES, MEAN)
    learner.teach(np.arange(PHOTOS), FEATURES, targets)
    learner.offsets()
    for photo in range(10):
        targets[photo, photo % CLASSES] = 1
        learner.teach([photo], FEATURES[[photo]], targets[[photo]])
        embeddings, _ = _by_formula(targets, np.ones(targets.shape))
        np.testing.assert_allclose(learner.offsets().embeddings, embeddings, atol=1e-5)


def test_a_present_verdict_raises_photos_like_it() -> None:
    targets = np.full((PHOTOS, CLASSES), -1, np.int8)
    targets[0, 0], targets[1, 0] = 1, 0
    found = learn(FEATURES, targets, EMBEDDINGS, SCALES, BIASES, MEAN)
    moved = FEATURES @ found.embeddings[0] * SCALES[0] + found.logits[0]
    assert moved[0] > max(0, moved[1])


def test_corrections_of_many_classes_take_no_more_than_a_stated_amount(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those that were dropped are made again when they are asked for."""
    most = 2 * 4 * 4 * 8
    monkeypatch.setattr(instant, "_MOST_BYTES", most)
    monkeypatch.setattr(instant, "_CLASSES_AT_ONCE", 2)
    rng = np.random.default_rng(5)
    played = [
        (photo, int(rng.integers(CLASSES)), int(rng.integers(2)), False)
        for photo in [*range(PHOTOS // 2)] * 2
    ]
    learner, targets, weights = _played(played)
    found = learner.offsets()
    embeddings, logits = _by_formula(targets, weights)
    np.testing.assert_allclose(found.embeddings, embeddings, atol=1e-5)
    np.testing.assert_allclose(found.logits, logits, atol=1e-4)
    kept = learner._corrections.values()  # pyright: ignore[reportPrivateUsage]
    assert 0 < sum(item.inner.nbytes for item in kept) <= most
    assert not learner.offsets(np.empty(0, np.int64)).embeddings.size


def test_features_in_half_precision_are_kept_so_and_teach_the_same() -> None:
    random = np.random.default_rng(3)
    halves = random.normal(size=(40, 6)).astype(np.float16)
    targets = random.integers(-1, 2, (40, 3)).astype(np.int8)
    embeddings, mean = random.normal(size=(3, 6)), halves.mean(axis=0, dtype=np.float64)
    scales, biases = np.full(3, 5.0), np.zeros(3)
    kept, wide, mixed = (Instant(embeddings, scales, biases, mean) for _ in range(3))
    kept.teach(np.arange(40), halves, targets)
    wide.teach(np.arange(40), halves.astype(np.float32), targets)
    mixed.teach(np.arange(20), halves[:20], targets[:20])
    mixed.teach(np.arange(20, 40), halves[20:].astype(np.float32), targets[20:])
    every = np.arange(40)
    assert kept._x[every].dtype == np.float16
    assert mixed._x[every].dtype == np.float32
    np.testing.assert_array_equal(mixed._x[every], wide._x[every])
    np.testing.assert_array_equal(kept.offsets().embeddings, wide.offsets().embeddings)


@pytest.mark.parametrize("most", [0, 3, 4096])
def test_photos_are_found_again(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instant, "_MOST_RECENT", most)
    places = instant._Places()
    keys = np.random.default_rng(1).permutation(40)
    for start in range(0, 40, 5):
        part = keys[start : start + 5]
        assert (places.of(part) < 0).all()
        places.add(part, np.arange(start, start + 5))
        assert places.of(keys[: start + 5]).tolist() == list(range(start + 5))


def test_features_that_are_stored_elsewhere_are_not_kept_and_teach_the_same() -> None:
    random = np.random.default_rng(3)
    stored = random.normal(size=(300, 6)).astype(np.float16)
    targets = random.integers(-1, 2, (300, 3)).astype(np.int8)
    weights = np.where(random.random((300, 3)) < 0.5, 0.3, 1).astype(np.float32)
    arguments = (
        random.normal(size=(3, 6)),
        np.full(3, 5.0),
        np.zeros(3),
        stored.mean(axis=0, dtype=np.float64),
    )
    kept, there = Instant(*arguments), Instant(*arguments, stored)
    order = random.permutation(300)
    kept.teach(order, stored[order], targets[order], weights[order])
    parts = np.split(order, [100, 150, 280])
    lessons = [
        Lesson(part, stored[part], targets[part], weights[part], None if number == 1 else part)
        for number, part in enumerate(parts)
    ]
    assert there.teach_all(iter(lessons)).tolist() == [0, 1, 2]
    assert len(there._x._own) < 300
    np.testing.assert_array_equal(there.offsets().embeddings, kept.offsets().embeddings)
    for learner in (kept, there):
        learner.teach(order[:2], stored[order[:2]], 1 - np.abs(targets[order[:2]]))
    np.testing.assert_array_equal(there.offsets().embeddings, kept.offsets().embeddings)


def test_a_class_has_more_examples_than_half_precision_can_count() -> None:
    stored = np.zeros((5000, 2), np.float16)
    stored[:, 0] = 1
    learner = Instant(np.eye(2), np.ones(2), np.zeros(2), np.zeros(2), stored)
    targets = np.ones((5000, 2), np.int8)
    ids = np.arange(5000)
    learner.teach_all([Lesson(ids, stored, targets, np.full((5000, 2), 0.5, np.float16), ids)])
    examples, some = learner._examples(np.array([0, 1]))
    assert examples.tolist() == [2500, 2500]
    assert some.all()


@pytest.mark.parametrize("most_sums", [0, 8])
@pytest.mark.parametrize("share", [0.2, 0.95])
def test_many_at_once_teach_as_from_scratch(
    most_sums: int, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instant, "_MOST_SUMS_CHANGED", most_sums)
    monkeypatch.setattr(instant, "_AT_ONCE", 4)
    random = np.random.default_rng(7)
    features = random.normal(size=(200, DIM)).astype(np.float16)
    targets = random.integers(0, 2, (200, CLASSES)).astype(np.int8)
    targets[random.random(targets.shape) > share] = -1
    ids = np.arange(200)
    learner = Instant(EMBEDDINGS, SCALES, BIASES, MEAN)
    learner.teach(ids, features, targets)
    learner.offsets()  # sums and corrections are there
    again: list[int] = []
    monkeypatch.setattr(learner, "_learn_all", lambda: again.append(1))
    for rows, verdict in ((ids[:30], 1), (ids[20:45], -1), (ids[:3], 0), (ids[100:140], 1)):
        targets[rows, 1:3] = verdict
        assert set(learner.teach(rows, features[rows], targets[rows])) <= {1, 2}
        found = learner.offsets()
        expected = learn(features, targets, EMBEDDINGS, SCALES, BIASES, MEAN)
        np.testing.assert_allclose(found.embeddings, expected.embeddings, atol=2e-4)
        np.testing.assert_allclose(found.logits, expected.logits, atol=2e-3)
    assert not again


def test_few_verdicts_on_many_photos_teach_as_the_same_among_all() -> None:
    random = np.random.default_rng(5)
    features = random.normal(size=(300, DIM)).astype(np.float16)
    targets = random.integers(0, 2, (300, CLASSES)).astype(np.int8)
    targets[random.random(targets.shape) > 0.05] = -1
    found = []
    for sparse in (0, 1 << 40):  # always one by one, and never
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(instant, "_SPARSE", sparse)
            found.append(learn(features, targets, EMBEDDINGS, SCALES, BIASES, MEAN))
    np.testing.assert_allclose(found[0].embeddings, found[1].embeddings, atol=1e-6)
    np.testing.assert_allclose(found[0].logits, found[1].logits, atol=1e-5)
    assert np.abs(found[0].embeddings).max() > 0.01
