"""Bootstrap resamples: average precision with weights, and intervals that keep their promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from lmpt_desktop.inference import bootstrap
from lmpt_desktop.inference.bootstrap import (
    Interval,
    interval,
    resample,
    resampled_average_precision,
    resamples_for,
)
from trainer.average_precision import average_precision

ROWS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), st.booleans()),
    min_size=2,
    max_size=40,
)


@given(ROWS, st.integers(0, 1000))
def test_a_resample_has_the_weighted_average_precision(
    rows: list[tuple[float, bool]], seed: int
) -> None:
    """As scikit-learn gives it with the counts as ``sample_weight``."""
    scores = np.array([score for score, _ in rows], np.float32)
    present = np.array([hit for _, hit in rows])
    counts = resample(len(rows), 7, seed)
    found = resampled_average_precision(scores, present, counts)
    for column, value in enumerate(found.tolist()):
        weights = counts[:, column]
        drawn = present[weights > 0]
        if drawn.all() or not drawn.any():
            assert np.isnan(value)
        else:
            expected = average_precision_score(present, scores, sample_weight=weights)
            assert value == pytest.approx(expected, abs=1e-9)


@given(ROWS)
def test_every_image_once_is_the_average_precision_itself(rows: list[tuple[float, bool]]) -> None:
    scores = np.array([score for score, _ in rows], np.float32)
    present = np.array([hit for _, hit in rows])
    [found] = resampled_average_precision(scores, present, np.ones((len(rows), 1), np.uint8))
    expected = average_precision(scores, present)
    assert np.isnan(found) if expected is None else found == pytest.approx(expected, abs=1e-12)


def test_a_resample_draws_as_many_images_as_there_are_and_the_seed_fixes_it() -> None:
    counts = resample(50, 20, seed=4)
    assert (counts.sum(axis=0) == 50).all()
    assert np.array_equal(counts, resample(50, 20, seed=4))
    assert not np.array_equal(counts, resample(50, 20, seed=5))


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    scores, present = rng.random(60, np.float32), rng.random(60) < 0.3
    counts = resample(60, 40)
    whole = resampled_average_precision(scores, present, counts)
    monkeypatch.setattr(bootstrap, "BLOCK_RESAMPLES", 7)
    assert np.array_equal(whole, resampled_average_precision(scores, present, counts))


@given(
    st.floats(-1, 1),
    st.lists(st.one_of(st.floats(-1, 1), st.just(float("nan"))), max_size=30),
)
def test_an_interval_holds_its_estimate(estimate: float, resampled: list[float]) -> None:
    found = interval(estimate, np.array(resampled, np.float64))
    assert found.low <= estimate <= found.high


def test_an_interval_is_decided_where_it_leaves_out_0() -> None:
    assert Interval(0.1, 0.02, 0.2).decided
    assert Interval(-0.1, -0.2, -0.02).decided
    assert not Interval(0.1, -0.02, 0.2).decided
    assert not Interval(0.0, 0.0, 0.0).decided
    assert not Interval(0.1, 0.0, 0.2).decided


def test_large_comparisons_draw_fewer_resamples() -> None:
    assert resamples_for(1000, 160) == bootstrap.RESAMPLES
    assert resamples_for(5000, 160) == 375
    assert resamples_for(1_000_000, 2000) == bootstrap.LEAST_RESAMPLES
    assert resamples_for(0, 0) == bootstrap.RESAMPLES
