from __future__ import annotations

import numpy as np
from queue_arrays import library

from lmpt_desktop.inference.queues import QueueKind, QueueRequest, build_queue
from lmpt_desktop.inference.queues.entries import Entries
from lmpt_desktop.inference.queues.tail_first import chance, need

TAIL = QueueKind.TAIL_FIRST


def test_rare_classes_are_asked_about_before_common_ones() -> None:
    arrays = library(200, 4)
    arrays.annotations[:100, 0] = 1  # common
    queue = build_queue(arrays.snapshot, QueueRequest(TAIL, length=20), arrays.features)
    assert 10 not in {item.class_id for item in queue.items}


def test_questions_are_spread_over_the_rare_classes() -> None:
    arrays = library(200, 4)
    queue = build_queue(arrays.snapshot, QueueRequest(TAIL, length=20), arrays.features)
    counts = np.bincount([item.class_id or 0 for item in queue.items])[10::10]
    assert counts.min() >= 3


def test_look_alikes_are_not_asked_in_a_row() -> None:
    arrays = library(40, 1, dim=16)
    arrays.scores[:, 0] = 0.5
    arrays.scores[:10, 0] = 0.51  # the ten most promising photos are one burst
    arrays.matrix[:10] = arrays.matrix[0]
    queue = build_queue(arrays.snapshot, QueueRequest(TAIL, length=5), arrays.features)
    assert sum(item.image_id <= 10 for item in queue.items) == 1


def test_the_reason_names_the_number_of_examples() -> None:
    arrays = library()
    arrays.annotations[0, 0] = 1
    reasons = {
        item.class_id: item.reason
        for item in build_queue(arrays.snapshot, QueueRequest(TAIL), arrays.features).items
    }
    assert reasons[10].startswith("Only 1 example of this class yet")
    assert reasons[20].startswith("No example of this class yet")


def test_a_class_that_every_photo_is_taken_for_does_not_come_first() -> None:
    arrays = library(200, 3)
    arrays.scores[:] = 0.02
    arrays.scores[:, 0] = np.linspace(0.90, 0.91, 200)  # high for whatever is shown
    arrays.scores[7, 1] = 0.6  # stands out
    queue = build_queue(arrays.snapshot, QueueRequest(TAIL, length=1), arrays.features)
    assert (queue.items[0].image_id, queue.items[0].class_id) == (8, 20)


def test_a_photo_that_another_class_explains_better_comes_later() -> None:
    arrays = library(100, 2)
    arrays.scores[:] = 0.05
    arrays.scores[[3, 4], 0] = 0.6
    arrays.scores[3, 1] = 0.95
    found = Entries(np.array([3, 4]), np.array([0, 0]), arrays.scores[[3, 4], 0], 2)
    first, second = chance(arrays.snapshot, found, np.arange(100))
    assert first < second


def test_asking_in_vain_leaves_less_to_ask_about() -> None:
    arrays = library(100, 2)
    arrays.annotations[:20, 0] = 0
    tired, fresh = need(arrays.snapshot)
    assert tired < fresh / 2


def test_chances_are_numbers_whatever_the_scores() -> None:
    arrays = library(5, 3)
    arrays.scores[:] = [[0, 0, 0], [1, 1, 1], [np.nan, 0.5, np.nan], [0.5] * 3, [0, 1, np.nan]]
    rows, columns = np.nonzero(~np.isnan(arrays.scores))
    found = Entries(rows, columns, arrays.scores[rows, columns], len(rows))
    values = chance(arrays.snapshot, found, np.arange(5))
    assert np.isfinite(values).all()
    assert ((values >= 0) & (values <= 1)).all()
