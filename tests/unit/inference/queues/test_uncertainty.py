from __future__ import annotations

import numpy as np
from queue_arrays import library

from lmpt_desktop.inference.queues import QueueKind, QueueRequest, build_queue
from lmpt_desktop.inference.queues.uncertainty import closeness


def test_the_entries_nearest_to_their_threshold_come_first() -> None:
    arrays = library(3, 2)
    arrays.thresholds[:] = [0.5, 0.2]
    arrays.scores[:] = [[0.9, 0.19], [0.55, 0.9], [0.1, 0.01]]
    queue = build_queue(arrays.snapshot, QueueRequest(QueueKind.UNCERTAIN))
    assert [(i.image_id, i.class_id) for i in queue.items[:2]] == [(1, 20), (2, 10)]
    values = [item.value for item in queue.items]
    assert values == sorted(values, reverse=True)
    assert queue.items[0].reason == "The model says 19 %; the threshold is 20 %."


def test_closeness_is_one_at_the_threshold_and_nothing_at_certainty() -> None:
    scores = np.array([[0.0, 0.25, 0.5, 1.0]], np.float32).T
    found = closeness(scores, np.array([0.25], np.float32))
    assert np.allclose(found[:, 0], [0, 1, 2 / 3, 0])


def test_the_best_are_found_wherever_they_are_in_a_large_library() -> None:
    arrays = library(20_000, 30, annotated=0.2)
    queue = build_queue(arrays.snapshot, QueueRequest(QueueKind.UNCERTAIN, length=50))
    values = closeness(arrays.scores, arrays.thresholds)
    values[arrays.annotations >= 0] = -1
    best = np.sort(values.ravel())[::-1][:50]
    assert np.allclose([item.value for item in queue.items], best)
    assert queue.possible == int((arrays.annotations < 0).sum())


def test_firm_contradictions_are_shown_firmest_first() -> None:
    arrays = library(4, 2)
    arrays.scores[:] = [[0.9, 0.5], [0.02, 0.5], [0.55, 0.5], [0.99, 0.01]]
    arrays.annotations[:, 0] = [0, 1, 0, 1]
    queue = build_queue(arrays.snapshot, QueueRequest(QueueKind.DISAGREEMENTS))
    assert [item.image_id for item in queue.items] == [2, 1]  # 3 is not firm, 4 no contradiction
    assert queue.items[0].reason == "Annotated as present, but the model says 2 %."
    assert queue.items[1].reason == "Annotated as absent, but the model says 90 %."


def test_a_rare_class_found_where_it_scores_highest_is_no_slip() -> None:
    arrays = library(50, 1)
    arrays.scores[:, 0] = np.linspace(0.001, 0.05, 50)  # never near the threshold
    arrays.annotations[[2, 48], 0] = 1
    queue = build_queue(arrays.snapshot, QueueRequest(QueueKind.DISAGREEMENTS))
    assert [item.image_id for item in queue.items] == [3]


def test_a_no_to_a_class_that_every_photo_is_taken_for_is_no_slip() -> None:
    arrays = library(50, 1)
    arrays.scores[:, 0] = np.linspace(0.95, 0.999, 50)
    arrays.annotations[[2, 48], 0] = 0
    queue = build_queue(arrays.snapshot, QueueRequest(QueueKind.DISAGREEMENTS))
    assert [item.image_id for item in queue.items] == [49]


def test_slips_on_held_out_images_are_shown_too() -> None:
    arrays = library(1, 1)
    arrays.scores[:] = 0.99
    arrays.annotations[:] = 0
    queue = build_queue(arrays.snapshot, QueueRequest(QueueKind.DISAGREEMENTS), held_out={1})
    assert [item.image_id for item in queue.items] == [1]
