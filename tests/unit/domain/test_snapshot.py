from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from snapshots import make_snapshot

from lmpt_desktop.domain.predictions import assigned_classes, corrected_classes

NAN = float("nan")


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 6))
def test_cached_arrays_agree_with_the_functions(seed: int, n: int, c: int) -> None:
    rng = np.random.default_rng(seed)
    scores = np.where(rng.random((n, c)) < 0.3, np.nan, rng.random((n, c))).astype(np.float32)
    snapshot = make_snapshot(rng.integers(-1, 2, (n, c)), scores, thresholds=rng.random(c))
    assert np.array_equal(
        snapshot.assigned, assigned_classes(snapshot.annotations, snapshot.predicted)
    )
    assert np.array_equal(
        snapshot.corrected,
        corrected_classes(snapshot.annotations, snapshot.scores, snapshot.thresholds),
    )
    assert np.array_equal(snapshot.scored, (~np.isnan(scores)).any(axis=1))


def test_without_scores_only_annotations_count() -> None:
    snapshot = make_snapshot([[1, 0], [-1, -1]])
    assert snapshot.unscored
    assert snapshot.assigned.tolist() == [[True, False], [False, False]]
    assert not snapshot.predicted.any() and not snapshot.corrected.any()
    assert not snapshot.scored.any()


def test_rows_and_columns_are_found_by_id() -> None:
    snapshot = make_snapshot(np.full((3, 2), -1), image_ids=[4, 7, 9], class_ids=[30, 10])
    assert snapshot.rows([9, 5, 4]).tolist() == [2, -1, 0]
    assert snapshot.row_of[7] == 1 and 5 not in snapshot.row_of
    assert list(snapshot.row_of) == [4, 7, 9]
    with pytest.raises(KeyError):
        snapshot.row_of[100]
    assert snapshot.column_of == {30: 0, 10: 1}


def test_a_photo_without_a_date_has_that_of_its_file() -> None:
    snapshot = make_snapshot(np.full((2, 1), -1), taken=[5, np.iinfo(np.int64).min])
    assert snapshot.dates.tolist() == [5, 0]
