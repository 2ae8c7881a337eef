"""Images per pair of classes against looking at every image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tail_libraries import random_library

from lmpt_desktop.domain.counting import BLOCK_ROWS
from lmpt_desktop.inference.co_occurrence import (
    CoOccurrence,
    Evidence,
    co_occurrence,
    pairs,
    rows_with_all,
)


def found_in(annotations: np.ndarray, above: np.ndarray, evidence: Evidence) -> np.ndarray:
    """By the definition, entry by entry."""
    found = np.zeros(annotations.shape, np.bool_)
    for place, verdict in np.ndenumerate(annotations):
        predicted = evidence is Evidence.ASSIGNED and above[place] and verdict != 0
        found[place] = verdict == 1 or predicted
    return found


@settings(deadline=None)
@given(
    seed=st.integers(0, 999),
    images=st.integers(0, 25),
    evidence=st.sampled_from(list(Evidence)),
    columns=st.permutations(range(5)).flatmap(
        lambda order: st.integers(0, 5).map(lambda size: list(order[:size]))
    ),
)
def test_pairs_are_counted_as_image_by_image(
    seed: int, images: int, evidence: Evidence, columns: list[int]
) -> None:
    annotations, scores, thresholds = random_library(seed, images, 5)
    chosen = np.array(columns, np.int64)
    counted = co_occurrence(annotations, scores, thresholds, chosen, evidence)
    here = found_in(annotations, scores >= thresholds, evidence)
    for row, first in enumerate(columns):
        for column, second in enumerate(columns):
            both = sum(bool(a and b) for a, b in zip(here[:, first], here[:, second], strict=True))
            assert counted.counts[row, column] == both
            if both:
                share = both / here[:, first].sum()
                assert counted.conditional()[row, column] == pytest.approx(share)
    rows = rows_with_all(annotations, scores, thresholds, chosen[:2], evidence)
    assert rows.tolist() == np.flatnonzero(here[:, columns[:2]].all(axis=1)).tolist()


def test_several_blocks_count_like_one() -> None:
    annotations, scores, thresholds = random_library(1, 2 * BLOCK_ROWS + 9, 3)
    counted = co_occurrence(annotations, scores, thresholds, np.arange(3), Evidence.ANNOTATED)
    here = (annotations == 1).astype(np.int64)
    np.testing.assert_array_equal(counted.counts, here.T @ here)
    rows = rows_with_all(annotations, scores, thresholds, np.array([0, 2]))
    assert len(rows) == counted.counts[0, 2]


def test_a_class_found_nowhere_has_no_shares() -> None:
    counted = CoOccurrence(np.arange(2), np.array([[0, 0], [0, 4]]))
    np.testing.assert_array_equal(counted.conditional(), [[np.nan, np.nan], [0.0, 1.0]])


def test_pairs_come_most_frequent_first_and_never_empty() -> None:
    counts = np.array([[9, 1, 0], [1, 9, 5], [0, 5, 9]])
    found = pairs(CoOccurrence(np.arange(3), counts), 10)
    assert list(zip(found.first, found.second, found.counts, strict=True)) == [
        (1, 2, 5),
        (0, 1, 1),
    ]
    assert len(pairs(CoOccurrence(np.arange(3), counts), 1).first) == 1
