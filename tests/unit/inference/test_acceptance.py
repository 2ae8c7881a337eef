from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from snapshots import make_snapshot

from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.inference import acceptance
from lmpt_desktop.inference.acceptance import Order, TooManyError, offer

NAN = float("nan")
DOG, CAT = 10, 20


def small() -> Snapshot:
    return make_snapshot(
        [[-1, -1], [-1, -1], [1, 0], [-1, -1]],
        [[0.9, 0.2], [0.6, 0.7], [0.8, 0.8], [NAN, NAN]],
        image_ids=[3, 5, 8, 9],
    )


HALF = np.array([0.5, 0.5], np.float32)
BOTH = np.array([True, True])
ALL = np.arange(4)


def cells(found: acceptance.Offer, order: Order = Order.IMAGE) -> list[tuple[int, int]]:
    places = found.order(order)
    return list(
        zip(found.image_ids[places].tolist(), found.class_ids[places].tolist(), strict=True)
    )


def test_predictions_without_a_verdict_are_offered_and_the_others_counted() -> None:
    found = offer(small(), ALL, BOTH, HALF)
    assert cells(found) == [(3, DOG), (5, DOG), (5, CAT)]
    assert found.open.tolist() == [2, 1]
    assert found.present.tolist() == [1, 0]
    assert found.absent.tolist() == [0, 1]


def test_only_chosen_classes_are_listed_but_all_are_counted() -> None:
    found = offer(small(), ALL, np.array([False, True]), HALF)
    assert cells(found) == [(5, CAT)]
    assert found.open.tolist() == [2, 1]


def test_only_the_rows_asked_for_are_looked_at_in_whatever_order_they_come() -> None:
    found = offer(small(), np.array([2, 0]), BOTH, HALF)
    assert cells(found) == [(3, DOG)]


def test_a_score_on_the_threshold_counts_and_one_below_does_not() -> None:
    least = np.array([np.float32(0.6), np.float32(0.75)], np.float32)
    assert cells(offer(small(), ALL, BOTH, least)) == [(3, DOG), (5, DOG)]


def test_orders() -> None:
    found = offer(small(), ALL, BOTH, HALF)
    assert cells(found, Order.SUREST) == [(3, DOG), (5, CAT), (5, DOG)]
    assert cells(found, Order.DOUBTFUL) == [(5, DOG), (5, CAT), (3, DOG)]
    assert cells(found, Order.CLASS) == [(3, DOG), (5, DOG), (5, CAT)]


def test_no_images_and_no_classes_are_an_empty_offer() -> None:
    assert len(offer(small(), np.empty(0, np.int64), BOTH, HALF)) == 0
    bare = make_snapshot(np.empty((1, 0)), np.empty((1, 0)))
    found = offer(bare, np.array([0]), np.empty(0, np.bool_), np.empty(0, np.float32))
    assert len(found) == 0 and len(found.order(Order.SUREST)) == 0


def test_more_than_can_be_looked_through_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptance, "MAX_ACCEPTED", 2)
    with pytest.raises(TooManyError) as refused:
        offer(small(), ALL, BOTH, HALF)
    assert refused.value.count == 3


@given(st.data())
def test_offer_agrees_with_looking_at_every_cell(data: st.DataObject) -> None:
    images = data.draw(st.integers(0, 30))
    classes = data.draw(st.integers(0, 5))
    random = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    scores = random.random((images, classes)).astype(np.float32)
    scores[random.random(images) < 0.2] = NAN
    library = make_snapshot(
        random.integers(-1, 2, (images, classes)),
        scores,
        image_ids=np.cumsum(random.integers(1, 4, images)).tolist(),
        class_ids=random.permutation(np.arange(1, classes + 1)).tolist(),
    )
    rows = np.flatnonzero(random.random(images) < 0.7)
    chosen = random.random(classes) < 0.6
    least = random.random(classes).astype(np.float32)
    acceptance.BLOCK_ROWS, before = data.draw(st.sampled_from([1, 3, 8192])), acceptance.BLOCK_ROWS
    try:
        found = offer(library, rows, chosen, least)
    finally:
        acceptance.BLOCK_ROWS = before
    expected = [
        (int(library.image_ids[row]), int(library.class_ids[column]))
        for row in rows
        for column in range(classes)
        if chosen[column]
        and library.scores[row, column] >= least[column]
        and library.annotations[row, column] == -1
    ]
    assert cells(found) == expected
    assert found.open[chosen].sum() == len(expected)
    assert len(np.unique(found.keys)) == len(found)
    for by in Order:
        assert sorted(found.order(by).tolist()) == list(range(len(found)))
