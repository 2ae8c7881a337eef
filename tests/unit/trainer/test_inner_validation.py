"""The inner validation: when there is one, which annotations it uses, what it chooses."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from trainer.arrays import unit_rows
from trainer.blending import INTERPOLATIONS, interpolate
from trainer.inner_validation import InnerValidation, split_for_validation
from trainer.job import ABSENT, HELD_OUT, PRESENT, UNKNOWN
from trainer.metrics import quick_average_precisions
from trainer.options import FitOptions


def complete_images(images: int = 200, classes: int = 8) -> NDArray[np.int8]:
    rng = np.random.default_rng(0)
    return (rng.random((images, classes)) < 0.25).astype(np.int8)


def single_verdicts(images: int = 200, classes: int = 40) -> NDArray[np.int8]:
    """A few verdicts per class, on the photos most like it."""
    targets = np.full((images, classes), UNKNOWN, np.int8)
    for column in range(classes):
        targets[column * 5 : column * 5 + 5, column] = [1, 0, 1, 0, 1]
    return targets


def test_completely_annotated_images_give_a_validation_part() -> None:
    split = split_for_validation(complete_images(), FitOptions(), 0)
    assert split is not None
    assert (split == HELD_OUT).any()


def test_a_hundred_completely_annotated_images_are_enough() -> None:
    targets = np.tile(np.eye(4, dtype=np.int8), (25, 1))[:, :4]
    assert split_for_validation(targets, FitOptions(validation_fraction=0.2), 0) is not None


def test_single_verdicts_give_no_validation_part_however_many_are_present() -> None:
    targets = single_verdicts()
    assert (targets == PRESENT).sum() > 100
    assert split_for_validation(targets, FitOptions(), 0) is None


def test_unknown_counts_as_absent_and_a_class_with_single_verdicts_is_not_evaluated() -> None:
    targets = np.concatenate([complete_images(), np.full((200, 1), UNKNOWN, np.int8)], axis=1)
    targets[:6, -1] = [1, 0, 1, 0, 1, 0]
    targets[::3, 0] = UNKNOWN
    split = np.zeros(200, np.int8)
    split[:60] = HELD_OUT
    features = np.eye(200, 16, dtype=np.float32)
    validation = InnerValidation.of(features, targets, split, np.eye(9, 16, dtype=np.float32))
    assert (validation.targets[:, -1] == UNKNOWN).all()
    assert (validation.targets[::3, 0] == ABSENT).all()
    assert np.array_equal(validation.targets[:, 1:-1], targets[:60, 1:-1])


def rows(seed: int, *shape: int) -> np.ndarray:
    return unit_rows(np.random.default_rng(seed).normal(size=shape))


def validation_of_four_classes() -> InnerValidation:
    rng = np.random.default_rng(3)
    targets = (rng.random((60, 4)) < 0.3).astype(np.int8)
    targets[:5] = -1
    return InnerValidation(
        features=rows(4, 60, 6),
        targets=targets,
        present=np.array([1.0, 3.0, 10.0, 40.0]),
        zero_shot=rows(5, 4, 6),
    )


def test_the_interpolation_with_the_highest_map_is_chosen() -> None:
    validation, learned = validation_of_four_classes(), rows(7, 4, 6)
    chosen = validation.evaluate(learned, -1.0)
    assert chosen is not None
    scores = {}
    for strength in INTERPOLATIONS:
        blended = interpolate(learned, validation.zero_shot, validation.present, strength)
        scores[strength] = np.nanmean(
            quick_average_precisions(validation.features @ blended.T, validation.targets)
        )
    assert chosen.score == pytest.approx(max(scores.values()))
    assert scores[chosen.interpolation] == pytest.approx(chosen.score)


def test_a_given_interpolation_is_evaluated_alone() -> None:
    given = validation_of_four_classes().evaluate(rows(7, 4, 6), 16.0)
    assert given is not None
    assert given.interpolation == 16.0
