"""The figures of the long tail against counting one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tail_libraries import random_library, tail_of, with_presents

from lmpt_desktop.domain.counting import BLOCK_ROWS
from trainer.bands import Band


@settings(deadline=None)
@given(seed=st.integers(0, 999), images=st.integers(0, 40), classes=st.integers(0, 6))
def test_every_count_is_what_counting_one_by_one_gives(
    seed: int, images: int, classes: int
) -> None:
    annotations, scores, thresholds = random_library(seed, images, classes)
    tail = tail_of(annotations, scores, thresholds=thresholds)
    for column in range(classes):
        said = annotations[:, column].tolist()
        above = [bool(score >= thresholds[column]) for score in scores[:, column]]
        assert tail.present[column] == said.count(1)
        assert tail.absent[column] == said.count(0)
        assert tail.predicted[column] == above.count(True)
        waiting = [a and verdict < 0 for a, verdict in zip(above, said, strict=True)]
        assert tail.unjudged[column] == waiting.count(True)
    assert tail.annotated == bool((annotations >= 0).any())
    np.testing.assert_array_equal(tail.estimated, (annotations < 0).any(axis=0))
    if classes:
        assert tail.scored_images == int((~np.isnan(scores[:, 0])).sum())


def test_several_blocks_count_like_one() -> None:
    annotations, scores, thresholds = random_library(5, 2 * BLOCK_ROWS + 100, 3)
    tail = tail_of(annotations, scores, thresholds=thresholds)
    np.testing.assert_array_equal(tail.present, (annotations == 1).sum(axis=0))
    np.testing.assert_array_equal(
        tail.unjudged, ((scores >= thresholds) & (annotations < 0)).sum(axis=0)
    )


def test_numbers_of_photos_come_from_predictions_and_verdicts_together() -> None:
    said = tail_of(with_presents(5, 2, 0))
    assert said.bands.bands == (Band.HEAD, Band.MEDIUM, Band.TAIL)
    assert not said.estimated.any(), "every photo has a verdict"
    scores = np.zeros((12, 3), np.float32)
    scores[:5, 2] = 0.9
    annotations = np.full((12, 3), -1, np.int8)
    guessed = tail_of(annotations, scores)
    assert not guessed.annotated and guessed.numbers.tolist() == [0, 0, 5]
    assert guessed.bands.bands == (Band.TAIL, Band.TAIL, Band.HEAD)
    annotations[0, 0] = 1
    one = tail_of(annotations, scores)
    assert one.annotated and one.numbers.tolist() == [1, 0, 5]
    assert one.bands.bands == guessed.bands.bands


def test_average_precision_goes_by_name_and_is_unknown_where_not_judged() -> None:
    tail = tail_of(
        with_presents(1, 1, 1), names=["dog", "cat", "kite"], judged={"cat": 0.5, "kite": None}
    )
    assert tail.evaluated
    np.testing.assert_array_equal(tail.average_precision, [np.nan, 0.5, np.nan])
    assert not tail_of(with_presents(1)).evaluated


def test_a_library_without_classes_has_no_figures() -> None:
    tail = tail_of(np.zeros((4, 0), np.int8))
    assert len(tail) == 0 and not tail.annotated and tail.scored_images == 0
