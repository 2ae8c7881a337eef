"""The figures of the long tail against counting one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tail_libraries import random_library, tail_of, with_presents

from lmpt_desktop.inference.counting import BLOCK_ROWS
from lmpt_desktop.inference.long_tail import long_tail
from trainer.bands import Band, BandLimits


@settings(deadline=None)
@given(seed=st.integers(0, 999), images=st.integers(0, 40), classes=st.integers(0, 6))
def test_every_count_is_what_counting_one_by_one_gives(
    seed: int, images: int, classes: int
) -> None:
    annotations, scores, thresholds = random_library(seed, images, classes)
    tail = long_tail(
        class_ids=np.arange(classes),
        names=[str(number) for number in range(classes)],
        annotations=annotations,
        scores=scores,
        thresholds=thresholds,
        limits=BandLimits(2, 5),
    )
    for column in range(classes):
        said = annotations[:, column].tolist()
        above = [bool(score >= thresholds[column]) for score in scores[:, column]]
        assert tail.present[column] == said.count(1)
        assert tail.absent[column] == said.count(0)
        assert tail.predicted[column] == above.count(True)
        waiting = [a and verdict < 0 for a, verdict in zip(above, said, strict=True)]
        assert tail.unjudged[column] == waiting.count(True)
    assert tail.estimated == (not (annotations >= 0).any())
    if classes:
        assert tail.scored_images == int((~np.isnan(scores[:, 0])).sum())


def test_several_blocks_count_like_one() -> None:
    annotations, scores, thresholds = random_library(5, 2 * BLOCK_ROWS + 100, 3)
    tail = long_tail(
        class_ids=np.arange(3),
        names=["a", "b", "c"],
        annotations=annotations,
        scores=scores,
        thresholds=thresholds,
        limits=BandLimits(),
    )
    np.testing.assert_array_equal(tail.present, (annotations == 1).sum(axis=0))
    np.testing.assert_array_equal(
        tail.unjudged, ((scores >= thresholds) & (annotations < 0)).sum(axis=0)
    )


def test_bands_come_from_annotations_and_before_any_from_predictions() -> None:
    said = tail_of(with_presents(5, 2, 0))
    assert said.bands.bands == (Band.HEAD, Band.MEDIUM, Band.TAIL)
    scores = np.zeros((12, 3), np.float32)
    scores[:5, 2] = 0.9
    guessed = tail_of(np.full((12, 3), -1, np.int8), scores)
    assert guessed.estimated and guessed.counts.tolist() == [0, 0, 5]
    assert guessed.bands.bands == (Band.TAIL, Band.TAIL, Band.HEAD)


def test_a_single_example_is_a_bar_but_bands_stay_estimated() -> None:
    scores = np.zeros((12, 3), np.float32)
    scores[:5, 2] = 0.9
    tail = tail_of(with_presents(1, 0, 0), scores)
    assert not tail.estimated and tail.counts.tolist() == [1, 0, 0]
    assert tail.bands.estimated
    assert tail.bands.bands == (Band.TAIL, Band.TAIL, Band.HEAD)


def test_average_precision_goes_by_name_and_is_unknown_where_not_judged() -> None:
    tail = tail_of(
        with_presents(1, 1, 1), names=["dog", "cat", "kite"], judged={"cat": 0.5, "kite": None}
    )
    assert tail.evaluated
    np.testing.assert_array_equal(tail.average_precision, [np.nan, 0.5, np.nan])
    assert not tail_of(with_presents(1)).evaluated


def test_a_library_without_classes_has_no_figures() -> None:
    tail = tail_of(np.zeros((4, 0), np.int8))
    assert len(tail) == 0 and tail.estimated and tail.scored_images == 0
