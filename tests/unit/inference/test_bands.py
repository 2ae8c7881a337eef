from __future__ import annotations

import numpy as np

from lmpt_desktop.inference.bands import class_bands
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


def test_the_first_annotation_makes_bands_count_present_annotations_only() -> None:
    annotations = np.array([[1, 0], [-1, -1]], np.int8)
    scores = np.ones((2, 2), np.float32)
    bands = class_bands(annotations, scores, np.full(2, 0.5, np.float32), BandLimits(1, 2))
    assert not bands.estimated
    assert bands.counts.tolist() == [1, 0]
    assert bands.bands == (Band.MEDIUM, Band.TAIL)
