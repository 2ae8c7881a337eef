from __future__ import annotations

import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from lmpt_desktop.inference import search

RNG = np.random.default_rng(4)


def features(n: int, dim: int = 24) -> np.ndarray:
    """(n, dim) float16, unit norm."""
    drawn = RNG.normal(size=(n, dim))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float16)


def brute(values: np.ndarray, passing: np.ndarray, limit: int | None) -> list[int]:
    """The same by sorting everything in Python."""
    found = [row for row in sorted(passing.tolist()) if not np.isnan(values[row])]
    found.sort(key=lambda row: -values[row])  # stable: equals stay in order of row
    return found[:limit]


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("n", [1, search.BLOCK_ROWS - 1, search.BLOCK_ROWS, 2000])
def test_similarities_are_the_matrix_product_whatever_the_blocks(n: int, threads: int) -> None:
    rows, direction = features(n), features(1)[0].astype(np.float32)
    expected = rows.astype(np.float64) @ direction.astype(np.float64)
    np.testing.assert_allclose(search.similarities(rows, direction, threads), expected, atol=1e-6)


def test_similarities_use_threads_of_their_own_choice_for_many_rows() -> None:
    rows, direction = features(search.ROWS_PER_THREAD + 5, 4), np.full(4, 0.5, np.float32)
    alone = search.similarities(rows, direction, 1)
    np.testing.assert_array_equal(search.similarities(rows, direction), alone)


def test_every_half_keeps_its_value_on_the_way_through_its_bits() -> None:
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    halves = halves[np.abs(halves.astype(np.float64)) <= 1.0]  # subnormal ones included
    direction = np.ones(1, np.float32)
    got = search.similarities(halves[:, None], direction, 1)
    np.testing.assert_array_equal(got, halves.astype(np.float32))


def test_a_feature_that_is_not_a_number_is_never_found() -> None:
    rows = features(4)
    rows[1] = np.nan
    rows[2, 3] = np.inf
    values = search.similarities(rows, features(1)[0].astype(np.float32))
    assert np.isnan(values).tolist() == [False, True, True, False]
    assert 1 not in search.rank(values).rows


def test_an_empty_library_gives_an_empty_answer() -> None:
    none = search.similarities(np.empty((0, 0), np.float16), np.ones(8, np.float32))
    assert none.shape == (0,)
    ranking = search.rank(np.empty(0, np.float32))
    assert len(ranking.rows) == ranking.candidates == ranking.left_out == 0


def test_features_of_another_backbone_are_refused() -> None:
    with pytest.raises(ValueError, match="dimension 24, the search 8"):
        search.similarities(features(3), np.ones(8, np.float32))


def test_one_example_is_its_own_direction_and_several_give_what_they_share() -> None:
    rows = features(3)
    one = search.direction_of(rows[:1])
    assert one is not None
    np.testing.assert_allclose(one, rows[0].astype(np.float32), atol=1e-3)
    shared = search.direction_of(rows)
    assert shared is not None and shared.dtype == np.float32
    mean = rows.astype(np.float64).mean(axis=0)
    np.testing.assert_allclose(shared, mean / np.linalg.norm(mean), atol=1e-6)


def test_without_examples_or_with_opposite_ones_there_is_no_direction() -> None:
    assert search.direction_of(np.empty((0, 8), np.float16)) is None
    one = features(1)
    assert search.direction_of(np.concatenate([one, -one])) is None
    assert search.direction_of(np.full((1, 4), np.nan)) is None


def test_values_reach_their_rows_and_images_without_feature_are_unknown() -> None:
    spread = search.per_row(
        np.array([0.3, 0.1, 0.2, 0.9], np.float32),
        np.array([30, 10, 30, 77]),  # 30 was encoded again, 77 is of a hidden folder
        np.array([10, 20, 30]),
    )
    np.testing.assert_array_equal(spread, np.array([0.1, np.nan, 0.2], np.float32))
    assert search.per_row(np.empty(0, np.float32), np.empty(0, np.int64), np.arange(2)).size == 2
    assert search.per_row(np.ones(1, np.float32), np.ones(1, np.int64), np.empty(0, int)).size == 0


few_values = st.lists(
    st.sampled_from([-0.5, 0.0, 0.25, 0.5, 1.0, float("nan")]), min_size=0, max_size=40
)


@settings(max_examples=examples(200), deadline=None)
@given(few_values, st.one_of(st.none(), st.integers(0, 45)), st.data())
def test_ranking_agrees_with_sorting_everything(
    drawn: list[float], limit: int | None, data: st.DataObject
) -> None:
    values = np.array(drawn, np.float32)
    rows = data.draw(st.lists(st.sampled_from(range(len(drawn))), unique=True) if drawn else
                     st.just([]))  # fmt: skip
    passing = np.array(rows, np.int64)
    ranking = search.rank(values, passing, limit)
    assert ranking.rows.tolist() == brute(values, passing, limit)
    np.testing.assert_array_equal(ranking.similarities, values[ranking.rows])
    assert ranking.candidates + ranking.left_out == len(passing)
    assert ranking.left_out == int(np.isnan(values[passing]).sum())


def test_equally_alike_images_at_the_edge_are_kept_in_the_librarys_order() -> None:
    values = np.zeros(10_000, np.float32)
    values[7000] = 1.0
    assert search.rank(values, limit=4).rows.tolist() == [7000, 0, 1, 2]


def test_as_many_as_the_limit_are_shown_and_all_are_counted() -> None:
    values = RNG.random(search.RESULT_LIMIT + 200).astype(np.float32)
    ranking = search.rank(values)
    assert len(ranking.rows) == search.RESULT_LIMIT
    assert ranking.candidates == len(values)
    assert ranking.rows.tolist() == brute(values, np.arange(len(values)), search.RESULT_LIMIT)
