from __future__ import annotations

import numpy as np
from queue_arrays import library

from lmpt_desktop.inference.queues import QueueKind, QueueRequest, build_queue


def order(arrays: object, **asked: int) -> list[int]:
    queue = build_queue(arrays.snapshot, QueueRequest(QueueKind.RANDOM, **asked))  # type: ignore[arg-type]
    return [item.image_id for item in queue.items]


def test_answering_or_adding_photos_keeps_the_random_order() -> None:
    before = library(100, 3)
    first = order(before)
    done = first[:7]
    before.annotations[np.array(done) - 1] = 0
    assert order(before) == first[7:]
    more = library(130, 3)
    assert [i for i in order(more) if i <= 100] == first


def test_another_seed_is_another_sample() -> None:
    arrays = library(100, 3)
    assert order(arrays, seed=0) != order(arrays, seed=1)


def test_every_image_comes_first_about_as_often() -> None:
    arrays = library(10, 1)
    firsts = [order(arrays, seed=seed)[0] for seed in range(2000)]
    counts = np.bincount(firsts, minlength=11)[1:]
    # 200 expected, standard deviation 13
    assert counts.min() > 135
    assert counts.max() < 265


def test_reviewed_images_are_done_and_held_out_ones_are_not_left_out() -> None:
    arrays = library(3, 2)
    arrays.reviewed[0] = True
    queue = build_queue(arrays.snapshot, QueueRequest(QueueKind.RANDOM), held_out={2})
    assert sorted(item.image_id for item in queue.items) == [2, 3]
    assert {item.class_id for item in queue.items} == {None}
