"""What holds for every kind of queue."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from queue_arrays import Library, library

from lmpt_desktop.inference.queues import (
    QueueKind,
    QueueRequest,
    build_queue,
)

kinds = pytest.mark.parametrize("kind", list(QueueKind))
asking = pytest.mark.parametrize(
    "kind",
    [kind for kind in QueueKind if not (kind.row.measures or kind.row.between_libraries)],
)
"""Kinds that ask where there is anything to ask; one that measures needs enough photos that can,
and one about conflicts another library."""


def request(kind: QueueKind, **asked: object) -> QueueRequest:
    given: dict = {"class_id": 10 if kind.needs_class else None} | asked
    return QueueRequest(kind, **given)


@st.composite
def libraries(draw: st.DrawFn) -> Library:
    made = library(
        draw(st.integers(0, 30)),
        draw(st.integers(1, 6)),
        seed=draw(st.integers(0, 1000)),
        annotated=draw(st.sampled_from([0.0, 0.3, 0.9, 1.0])),
    )
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    made.states[:] = rng.choice([0, 0, 0, 1, 2], len(made.states))
    made.scores[rng.random(len(made.scores)) < 0.2] = np.nan
    if draw(st.booleans()):  # many ties
        made.scores = np.round(made.scores, 1)
    return made


@settings(deadline=None)
@given(libraries(), st.sampled_from(list(QueueKind)), st.integers(0, 40), st.integers(0, 9))
def test_only_what_can_be_answered_is_asked_once_and_no_more_than_wanted(
    arrays: Library, kind: QueueKind, length: int, seed: int
) -> None:
    held_out = {2, 5}
    wanted = request(kind, length=length, seed=seed)
    queue = build_queue(arrays.snapshot, wanted, arrays.features, held_out)
    asked = [(item.image_id, item.class_id) for item in queue.items]
    assert len(set(asked)) == len(asked) <= min(length, queue.possible)
    assert queue.possible or queue.note
    for item in queue.items:
        row = item.image_id - 1
        assert arrays.states[row] == 0
        assert item.reason
        assert np.isfinite(item.value)
        if item.class_id is None:
            assert kind is QueueKind.RANDOM
            open_ = (arrays.annotations[row] < 0) & ~np.isnan(arrays.scores[row])
            assert open_.any()
            continue
        column = item.class_id // 10 - 1
        assert np.isfinite(arrays.scores[row, column])
        known = arrays.annotations[row, column] >= 0
        assert known == (kind is QueueKind.DISAGREEMENTS)
        if kind is not QueueKind.DISAGREEMENTS:
            assert item.image_id not in held_out
        if kind.needs_class:
            assert item.class_id == 10


@settings(deadline=None)
@given(libraries(), st.sampled_from(list(QueueKind)))
def test_a_queue_as_long_as_can_be_asks_all_it_counted_up_to_its_own_choice(
    arrays: Library, kind: QueueKind
) -> None:
    queue = build_queue(arrays.snapshot, request(kind, length=1000), arrays.features)
    if kind is QueueKind.TAIL_FIRST:  # considers the likeliest photos of every class only
        assert bool(queue.items) == bool(queue.possible)
    else:
        assert len(queue.items) == queue.possible


@asking
def test_the_same_library_gives_the_same_queue(kind: QueueKind) -> None:
    arrays = library(annotated=0.4)
    first, second = (build_queue(arrays.snapshot, request(kind), arrays.features) for _ in range(2))
    assert first.items == second.items
    assert first.items


@kinds
def test_an_empty_vocabulary_gives_an_empty_queue_with_a_note(kind: QueueKind) -> None:
    arrays = library(4, 0)
    queue = build_queue(arrays.snapshot, request(kind), arrays.features)
    assert (queue.items, queue.possible) == ((), 0)
    assert "vocabulary" in queue.note


@kinds
def test_an_empty_library_asks_nothing(kind: QueueKind) -> None:
    arrays = library(0, 3)
    queue = build_queue(arrays.snapshot, request(kind), arrays.features)
    assert queue.items == ()
    assert queue.note


@asking
def test_a_single_image_is_enough(kind: QueueKind) -> None:
    arrays = library(2, 3)
    arrays.states[1] = 1  # the other one is missing
    arrays.scores[0] = 0.05
    if kind is QueueKind.DISAGREEMENTS:
        arrays.annotations[0] = 1
    if kind is QueueKind.MORE_LIKE:
        arrays.annotations[1, 0] = 1  # the example need not be there to be looked at
    queue = build_queue(arrays.snapshot, request(kind), arrays.features)
    assert {item.image_id for item in queue.items} == {1}
    assert queue.note == ""


@kinds
def test_photos_without_a_feature_are_not_asked_about(kind: QueueKind) -> None:
    arrays = library()
    arrays.scores[:] = np.nan
    queue = build_queue(arrays.snapshot, request(kind))
    assert queue.items == ()
    assert queue.note


@asking
def test_without_features_in_memory_nothing_fails(kind: QueueKind) -> None:
    arrays = library(annotated=0.3)
    queue = build_queue(arrays.snapshot, request(kind))
    assert bool(queue.items) == (kind is not QueueKind.MORE_LIKE)


@asking
def test_only_the_images_of_the_request_are_asked_about(kind: QueueKind) -> None:
    arrays = library(annotated=0.3)
    some = (3, 4, 5, 30, 999)
    queue = build_queue(arrays.snapshot, request(kind, image_ids=some), arrays.features)
    assert queue.items
    assert {item.image_id for item in queue.items} <= set(some)


@kinds
def test_no_images_at_all_are_not_all_images(kind: QueueKind) -> None:
    arrays = library(annotated=0.3)
    assert build_queue(arrays.snapshot, request(kind, image_ids=()), arrays.features).items == ()


@pytest.mark.parametrize(
    "kind",
    [
        kind
        for kind in QueueKind
        if kind is not QueueKind.RANDOM and not (kind.row.measures or kind.row.between_libraries)
    ],
)
def test_only_the_class_of_the_request_is_asked_about(kind: QueueKind) -> None:
    arrays = library(annotated=0.3)
    queue = build_queue(arrays.snapshot, request(kind, class_id=30), arrays.features)
    assert {item.class_id for item in queue.items} == {30}


@pytest.mark.parametrize("kind", [k for k in QueueKind if k is not QueueKind.RANDOM])
def test_a_class_archived_in_the_meantime_gives_a_note(kind: QueueKind) -> None:
    arrays = library(annotated=0.3)
    queue = build_queue(arrays.snapshot, request(kind, class_id=999), arrays.features)
    assert queue.items == ()
    assert "no longer in the vocabulary" in queue.note


@kinds
def test_when_everything_is_answered_nothing_is_asked(kind: QueueKind) -> None:
    arrays = library(annotated=1.0)
    arrays.scores[:] = arrays.annotations  # the model agrees
    queue = build_queue(arrays.snapshot, request(kind), arrays.features)
    assert queue.items == ()
    assert queue.note


@pytest.mark.parametrize("kind", [kind for kind in QueueKind if kind.needs_class])
def test_a_queue_about_one_class_must_name_it(kind: QueueKind) -> None:
    with pytest.raises(ValueError, match="needs a class"):
        QueueRequest(kind)


def test_a_negative_length_is_refused() -> None:
    with pytest.raises(ValueError, match="-1"):
        QueueRequest(QueueKind.RANDOM, length=-1)


def test_every_kind_has_a_title_and_a_sentence() -> None:
    for kind in QueueKind:
        assert kind.label and kind.tip.endswith(".")
        assert kind.follow_up is not kind
