from __future__ import annotations

import numpy as np

from lmpt_desktop.domain.bands import class_bands
from trainer.bands import Band, BandLimits

NAN = float("nan")


def test_without_any_annotation_bands_are_estimated_from_predictions() -> None:
    scores = np.array([[0.9, 0.1], [0.8, NAN], [0.7, 0.6]], np.float32)
    bands = class_bands(
        np.full((3, 2), -1, np.int8), scores, np.full(2, 0.5, np.float32), BandLimits(2, 3)
    )
    assert bands.estimated
    assert bands.counts.tolist() == [3, 1]
    assert bands.bands == (Band.HEAD, Band.TAIL)
    assert bands.is_tail().tolist() == [False, True]


def test_a_few_examples_do_not_make_everything_tail() -> None:
    annotations = np.full((6, 5), -1, np.int8)
    annotations[0] = (1, 1, 0, 0, 0)
    scores = np.zeros((6, 5), np.float32)
    scores[:4, 3] = 0.9
    bands = class_bands(annotations, scores, np.full(5, 0.5, np.float32), BandLimits(2, 4))
    assert bands.estimated
    assert bands.present.tolist() == [1, 1, 0, 0, 0]
    assert bands.counts.tolist() == [0, 0, 0, 4, 0]
    assert bands.bands[3] is Band.HEAD


def test_an_example_of_half_of_the_classes_is_enough() -> None:
    annotations = np.full((6, 5), -1, np.int8)
    annotations[0, :3] = 1
    bands = class_bands(
        annotations, np.ones((6, 5), np.float32), np.full(5, 0.5, np.float32), BandLimits(2, 4)
    )
    assert not bands.estimated
    assert bands.counts.tolist() == [1, 1, 1, 0, 0]


def test_a_tenth_of_the_classes_at_medium_is_enough() -> None:
    annotations = np.full((6, 20), -1, np.int8)
    annotations[:2, 0] = 1
    few = class_bands(
        annotations, np.ones((6, 20), np.float32), np.full(20, 0.5, np.float32), BandLimits(2, 4)
    )
    assert few.estimated
    annotations[:2, 1] = 1
    assert not class_bands(
        annotations, np.ones((6, 20), np.float32), np.full(20, 0.5, np.float32), BandLimits(2, 4)
    ).estimated


def test_counted_bands_look_at_present_annotations_only() -> None:
    annotations = np.array([[1, 0], [-1, -1]], np.int8)
    scores = np.ones((2, 2), np.float32)
    bands = class_bands(annotations, scores, np.full(2, 0.5, np.float32), BandLimits(1, 2))
    assert not bands.estimated
    assert bands.counts.tolist() == [1, 0]
    assert bands.bands == (Band.MEDIUM, Band.TAIL)
