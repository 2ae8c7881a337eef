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
    annotations = np.where(with_presents(0, 5, 0) == 1, 1, -1).astype(np.int8)
    found = by_kind(gaps(tail_of(annotations, scores)))
    assert found[GapKind.NO_EXAMPLE].columns.tolist() == [2, 0]


def test_it_says_how_many_examples_the_nearest_class_lacks() -> None:
    found = by_kind(gaps(tail_of(with_presents(2, 4, 6, 8, 10))))
    assert found[GapKind.FEW_EXAMPLES].columns.tolist() == [1, 0]
    assert found[GapKind.FEW_EXAMPLES].amount == 1
    assert GapKind.NO_EXAMPLE not in found


def test_rare_classes_with_predictions_not_judged_are_counted() -> None:
    annotations = with_presents(1, 1, 5)
    annotations[6:] = -1
    scores = np.zeros((12, 3), np.float32)
    scores[5:8, 0] = scores[6:, 1] = scores[6:, 2] = 0.9
    tail = tail_of(annotations, scores, limits=BandLimits(4, 8))
    assert tail.bands.bands == (Band.TAIL, Band.MEDIUM, Band.HEAD)
    found = by_kind(gaps(tail))
    assert found[GapKind.UNJUDGED].columns.tolist() == [0]
    assert found[GapKind.UNJUDGED].amount == 2


def test_classes_an_evaluation_could_not_judge_are_named_only_after_one() -> None:
    annotations = with_presents(5, 5, 0)
    names = ["a", "b", "c"]
    judged = gaps(tail_of(annotations, names=names, judged={"a": 0.5, "b": None, "c": None}))
    assert by_kind(judged)[GapKind.NOT_MEASURED].columns.tolist() == [1]
    assert GapKind.NOT_MEASURED not in by_kind(gaps(tail_of(annotations, names=names)))


def test_before_any_annotation_missing_examples_go_without_saying() -> None:
    scores = np.zeros((12, 2), np.float32)
    scores[0, 0] = 0.9
    found = gaps(tail_of(np.full((12, 2), -1, np.int8), scores))
    assert [(gap.kind, gap.columns.tolist()) for gap in found] == [
        (GapKind.NOT_PREDICTED, [1]),
        (GapKind.UNJUDGED, [0]),
    ]
    unseen = np.full((12, 2), np.nan, np.float32)
    assert gaps(tail_of(np.full((12, 2), -1, np.int8), unseen)) == []


def test_nothing_is_missing_where_every_class_has_enough_examples() -> None:
    assert gaps(tail_of(with_presents(9, 9))) == []


@settings(deadline=None)
@given(seed=st.integers(0, 999))
def test_no_gap_is_empty_and_the_gaps_are_of_the_classes_that_are_marked(seed: int) -> None:
    annotations, scores, _thresholds = random_library(seed, 12, 6)
    tail = tail_of(annotations, scores)
    found = by_kind(gaps(tail))
    assert all(len(gap.columns) for gap in found.values())
    listed = [
        column
        for kind in (GapKind.NO_EXAMPLE, GapKind.FEW_EXAMPLES)
        if kind in found
        for column in found[kind].columns.tolist()
    ]
    assert sorted(listed) == np.flatnonzero(tail.bands.needs_examples).tolist()
    rare = found[GapKind.UNJUDGED].columns.tolist() if GapKind.UNJUDGED in found else []
    assert tail.bands.is_tail()[rare].all()
