from __future__ import annotations

import numpy as np
from queue_arrays import library

from lmpt_desktop.inference.queues import QueueKind, QueueRequest, build_queue
from lmpt_desktop.inference.queues.one_class import spread_out


def test_a_sweep_goes_from_the_likeliest_photo_down() -> None:
    arrays = library(4, 2)
    arrays.scores[:, 1] = [0.1, 0.8, 0.3, 0.9]
    arrays.annotations[3, 1] = 1
    queue = build_queue(arrays.snapshot, QueueRequest(QueueKind.CLASS_SWEEP, class_id=20))
    assert [item.image_id for item in queue.items] == [2, 3, 1]
    assert queue.items[0].reason == "The model says 80 %."


def test_more_like_this_goes_by_look_and_not_by_score() -> None:
    arrays = library(5, 2, dim=2)
    angles = np.radians([0, 10, 80, 40, 5])
    arrays.matrix[:] = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    arrays.scores[:, 0] = [0.5, 0.1, 0.9, 0.8, 0.2]
    arrays.annotations[0, 0] = 1
    queue = build_queue(
        arrays.snapshot, QueueRequest(QueueKind.MORE_LIKE, class_id=10), arrays.features
    )
    assert [item.image_id for item in queue.items] == [5, 2, 4, 3]
    assert "“class 0”" in queue.items[0].reason


def test_any_example_counts_not_their_mean() -> None:
    arrays = library(4, 1, dim=2)
    angles = np.radians([0, 90, 45, 88])
    arrays.matrix[:] = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    arrays.annotations[:2, 0] = 1
    queue = build_queue(
        arrays.snapshot, QueueRequest(QueueKind.MORE_LIKE, class_id=10), arrays.features
    )
    assert [item.image_id for item in queue.items] == [4, 3]


def test_without_an_example_the_note_suggests_marking_one() -> None:
    arrays = library()
    queue = build_queue(
        arrays.snapshot, QueueRequest(QueueKind.MORE_LIKE, class_id=10), arrays.features
    )
    assert queue.items == ()
    assert queue.note.startswith("“class 0” has no example yet. Mark it present")


def test_examples_are_spread_over_what_a_class_looks_like() -> None:
    angles = np.radians([0, 1, 2, 3, 4, 90])
    looks = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    chosen = spread_out(looks, 2)
    assert len(chosen) == 2
    assert np.allclose(np.abs(chosen).max(axis=0), 1, atol=0.01)
    assert len(spread_out(np.zeros((3, 2), np.float32), 2)) == 0
