from __future__ import annotations

import sys
import threading
from types import SimpleNamespace

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


def unit(dim: int = 24) -> np.ndarray:
    """(dim,) float32 of norm 1, which halves cannot hold."""
    drawn = RNG.normal(size=dim)
    return (drawn / np.linalg.norm(drawn)).astype(np.float32)


@pytest.mark.parametrize("n", [1, search.QUICK_ROWS + 3])
def test_the_first_pass_is_as_near_as_it_says(n: int) -> None:
    rows, direction = features(n), unit()
    values, margin = search.first_pass(rows, direction, 2)
    exact = search.similarities(rows, direction)
    assert values.dtype == np.float32 and margin < 1e-3
    assert np.abs(values - exact).max() <= margin


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_first_pass_is_the_same_however_many_share_it(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, direction = features(100), unit()
    rows[37] = np.nan
    whole = search.first_pass(rows, direction, 1)
    monkeypatch.setattr(search, "QUICK_ROWS", 7)
    shared = search.first_pass(rows, direction, threads)
    np.testing.assert_array_equal(shared[0], whole[0])
    assert shared[1] == whole[1]


def test_a_thread_that_is_held_up_leaves_its_rows_to_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blocks = 6
    others_done = threading.Event()
    calls: list[bool] = []

    held = threading.Lock()

    def dot(block: np.ndarray, _direction: np.ndarray, *, out: np.ndarray, out_dtype: str) -> None:
        assert out_dtype == "float32"
        if held.acquire(blocking=False):
            calls.append(others_done.wait(5))
        else:
            calls.append(True)
            if len(calls) == blocks - 1:
                others_done.set()
        out[:] = block[:, 0]

    monkeypatch.setattr(search, "_kernel", lambda: SimpleNamespace(dot=dot))
    monkeypatch.setattr(search, "QUICK_ROWS", 5)
    rows = features(5 * blocks)
    values, _margin = search.first_pass(rows, unit(), 2)
    assert calls == [True] * blocks
    np.testing.assert_array_equal(values, rows[:, 0].astype(np.float32))


def test_the_first_pass_knows_no_cosine_of_a_feature_that_is_not_finite() -> None:
    rows = features(4)
    rows[1] = np.nan
    rows[2, 3] = np.inf
    rows[3, :2] = np.inf, -np.inf
    values, _margin = search.first_pass(rows, unit())
    assert np.isnan(values).tolist() == [False, True, True, True]


def test_without_fast_products_the_first_pass_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, direction = features(50), unit()
    monkeypatch.setattr(search, "_kernel", lambda: None)
    values, margin = search.first_pass(rows, direction)
    assert margin == 0
    np.testing.assert_array_equal(values, search.similarities(rows, direction))


def test_a_processor_that_cannot_multiply_halves_is_left_to_numpy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Slow:
        @staticmethod
        def get_capabilities() -> dict[str, bool]:
            return {"serial": True, "haswell": False}

    search._kernel.cache_clear()
    monkeypatch.setitem(sys.modules, "numkong", Slow)
    try:
        assert search._kernel() is None
    finally:
        search._kernel.cache_clear()


def nearness(exact: np.ndarray, error: np.ndarray, margin: float) -> search.Nearness:
    return search.Nearness(exact + error, margin, lambda rows: exact[rows])


@settings(max_examples=examples(200), deadline=None)
@given(few_values, st.one_of(st.none(), st.integers(0, 45)), st.integers(0, 1000))
def test_ranking_by_a_first_pass_is_that_of_exact_similarities(
    drawn: list[float], limit: int | None, seed: int
) -> None:
    random = np.random.default_rng(seed)
    exact = np.array(drawn, np.float32) + random.integers(0, 3, len(drawn), np.int16)
    exact = exact.astype(np.float32)
    error = random.choice(np.array([-0.25, 0, 0.25], np.float32), len(drawn))
    passing = np.flatnonzero(random.random(len(drawn)) < 0.8)
    found = search.rank(nearness(exact, error, 0.25), passing, limit)
    wanted = search.rank(exact, passing, limit)
    assert found.rows.tolist() == wanted.rows.tolist()
    np.testing.assert_array_equal(found.similarities, wanted.similarities)
    assert (found.candidates, found.left_out) == (wanted.candidates, wanted.left_out)


def test_only_what_may_be_shown_is_multiplied_exactly() -> None:
    exact = RNG.random(5000).astype(np.float32)
    asked: list[int] = []

    def count(rows: np.ndarray) -> np.ndarray:
        asked.append(len(rows))
        return exact[rows]

    search.rank(search.Nearness(exact, 1e-4, count), limit=100)
    assert sum(asked) < 120


def test_a_first_pass_beyond_its_margin_is_not_believed() -> None:
    exact = np.array([0.9, 0.1, 0.5, 0.8], np.float32)
    error = np.array([-0.7, 0.6, 0.0, 0.0], np.float32)
    assert search.rank(nearness(exact, error, 0.01), limit=2).rows.tolist() == [0, 3]


def test_exact_cosines_of_some_places_are_those_of_all() -> None:
    rows, direction = features(search.QUICK_ROWS + 9), unit()
    places = np.concatenate([[-1], RNG.permutation(len(rows))])
    found = search.exact_at(rows, places, direction)
    assert np.isnan(found[0])
    np.testing.assert_allclose(
        found[1:], search.similarities(rows, direction)[places[1:]], atol=1e-6
    )
