"""Which annotations an inner validation believes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trainer.fit import FitOptions, _watch, split_inner
from trainer.job import ABSENT, HELD_OUT, PRESENT, UNKNOWN


def whole_images(images: int = 200, classes: int = 8) -> NDArray[np.int8]:
    rng = np.random.default_rng(0)
    return (rng.random((images, classes)) < 0.25).astype(np.int8)


def single_answers(images: int = 200, classes: int = 40) -> NDArray[np.int8]:
    """Of every class a few photos that look most like it, half of them it."""
    targets = np.full((images, classes), UNKNOWN, np.int8)
    for column in range(classes):
        targets[column * 5 : column * 5 + 5, column] = [1, 0, 1, 0, 1]
    return targets


def test_whole_images_are_a_validation() -> None:
    targets = whole_images()
    inner = split_inner(targets, FitOptions(), 0)
    assert inner is not None
    assert (inner == HELD_OUT).any()


def test_a_handful_of_whole_images_is_one_too() -> None:
    targets = np.tile(np.eye(4, dtype=np.int8), (25, 1))[:, :4]
    assert split_inner(targets, FitOptions(validation_fraction=0.2), 0) is not None


def test_single_answers_are_none_however_many_are_present() -> None:
    targets = single_answers()
    assert (targets == PRESENT).sum() > 100
    assert split_inner(targets, FitOptions(), 0) is None


def test_unknown_is_taken_for_absent_and_a_class_with_single_answers_is_not_judged() -> None:
    targets = np.concatenate([whole_images(), np.full((200, 1), UNKNOWN, np.int8)], axis=1)
    targets[:6, -1] = [1, 0, 1, 0, 1, 0]
    targets[::3, 0] = UNKNOWN
    inner = np.zeros(200, np.int8)
    inner[:60] = HELD_OUT
    features = np.eye(200, 16, dtype=np.float32)
    watch = _watch(features, targets, inner, np.eye(9, 16, dtype=np.float32))
    assert (watch.targets[:, -1] == UNKNOWN).all()
    assert (watch.targets[::3, 0] == ABSENT).all()
    assert np.array_equal(watch.targets[:, 1:-1], targets[:60, 1:-1])
