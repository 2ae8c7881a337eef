from __future__ import annotations

import numpy as np
from queue_arrays import library

from lmpt_desktop.inference.queues import QueueKind, QueueRequest, build_queue

TAIL = QueueKind.TAIL_FIRST


def test_rare_classes_are_asked_about_before_common_ones() -> None:
    arrays = library(200, 4)
    arrays.annotations[:100, 0] = 1  # common
    queue = build_queue(arrays, QueueRequest(TAIL, length=20), arrays.features)
    assert 10 not in {item.class_id for item in queue.items}


def test_questions_are_spread_over_the_rare_classes() -> None:
    arrays = library(200, 4)
    queue = build_queue(arrays, QueueRequest(TAIL, length=20), arrays.features)
    counts = np.bincount([item.class_id or 0 for item in queue.items])[10::10]
    assert counts.min() >= 3


def test_look_alikes_are_not_asked_in_a_row() -> None:
    arrays = library(40, 1, dim=16)
    arrays.scores[:, 0] = 0.5
    arrays.scores[:10, 0] = 0.51  # the ten most promising photos are one burst
    arrays.matrix[:10] = arrays.matrix[0]
    queue = build_queue(arrays, QueueRequest(TAIL, length=5), arrays.features)
    assert sum(item.image_id <= 10 for item in queue.items) == 1


def test_with_nothing_annotated_the_reason_does_not_pretend_to_know() -> None:
    arrays = library()
    queue = build_queue(arrays, QueueRequest(TAIL), arrays.features)
    assert queue.items[0].reason.startswith("Seems to be a rare class")
    arrays.annotations[0, 0] = 1
    reasons = {
        item.class_id: item.reason
        for item in build_queue(arrays, QueueRequest(TAIL), arrays.features).items
    }
    assert reasons[10].startswith("Only 1 photo of this class yet")
    assert reasons[20].startswith("No photo of this class yet")
