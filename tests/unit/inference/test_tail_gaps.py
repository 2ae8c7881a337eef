"""What is missing, and in what order."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tail_libraries import random_library, tail_of, with_presents

from lmpt_desktop.inference.tail_gaps import Gap, GapKind, gaps
from trainer.bands import Band, BandLimits


def by_kind(found: list[Gap]) -> dict[GapKind, Gap]:
    return {gap.kind: gap for gap in found}


def test_classes_without_an_example_come_with_the_most_predicted_first() -> None:
    scores = np.zeros((12, 3), np.float32)
    scores[:3, 2] = 0.9
    found = by_kind(gaps(tail_of(with_presents(0, 5, 0), scores)))
    assert found[GapKind.NO_EXAMPLE].columns.tolist() == [2, 0]


def test_it_says_how_many_examples_the_nearest_class_lacks() -> None:
    limits = BandLimits(medium=5, head=10)
    found = by_kind(gaps(tail_of(with_presents(2, 4, 6, 8, 10), limits=limits)))
    assert found[GapKind.NEAR_MEDIUM].columns.tolist() == [1, 0]
    assert found[GapKind.NEAR_MEDIUM].amount == 1
    assert found[GapKind.NEAR_HEAD].columns.tolist() == [3, 2]
    assert found[GapKind.NEAR_HEAD].amount == 2


def test_tail_classes_with_predictions_not_judged_are_counted() -> None:
    annotations = with_presents(1, 1, 5)
    annotations[6:] = -1
    scores = np.zeros((12, 3), np.float32)
    scores[5:8, 0] = scores[6:, 1] = scores[6:, 2] = 0.9
    found = by_kind(gaps(tail_of(annotations, scores)))
    assert found[GapKind.UNJUDGED].columns.tolist() == [1, 0]
    assert found[GapKind.UNJUDGED].amount == 6 + 2


def test_classes_an_evaluation_could_not_judge_are_named_only_after_one() -> None:
    annotations = with_presents(5, 5, 0)
    names = ["a", "b", "c"]
    judged = gaps(tail_of(annotations, names=names, judged={"a": 0.5, "b": None, "c": None}))
    assert by_kind(judged)[GapKind.NOT_MEASURED].columns.tolist() == [1]
    assert GapKind.NOT_MEASURED not in by_kind(gaps(tail_of(annotations, names=names)))


def test_before_any_annotation_only_classes_predicted_nowhere_are_gaps() -> None:
    scores = np.zeros((12, 2), np.float32)
    scores[0, 0] = 0.9
    found = gaps(tail_of(np.full((12, 2), -1, np.int8), scores))
    assert [(gap.kind, gap.columns.tolist()) for gap in found] == [(GapKind.NOT_PREDICTED, [1])]


def test_nothing_is_missing_where_every_class_is_head() -> None:
    assert gaps(tail_of(with_presents(9, 9))) == []


@settings(deadline=None)
@given(seed=st.integers(0, 999))
def test_no_gap_is_empty_and_every_tail_class_with_an_example_is_in_one(seed: int) -> None:
    annotations, scores, _thresholds = random_library(seed, 12, 6)
    tail = tail_of(annotations, scores)
    found = by_kind(gaps(tail))
    assert all(len(gap.columns) for gap in found.values())
    near = found[GapKind.NEAR_MEDIUM].columns.tolist() if GapKind.NEAR_MEDIUM in found else []
    tail_classes = {
        column
        for column, band in enumerate(tail.bands.bands)
        if band is Band.TAIL and tail.present[column]
    }
    assert set(near) == tail_classes
