from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from snapshots import make_snapshot

from lmpt_desktop.domain.strictness import Strictness, from_stored, moved, to_stored

LEVELS = st.floats(-1, 1, allow_subnormal=False)
THRESHOLDS = st.lists(st.floats(0, 1, width=32, allow_subnormal=False), min_size=1, max_size=5)


def thresholds(values: list[float]) -> np.ndarray:
    return np.array(values, np.float32)


@given(THRESHOLDS)
def test_at_0_every_threshold_is_exactly_what_it_was(values: list[float]) -> None:
    given_ = thresholds(values)
    ids = np.arange(len(given_))
    assert Strictness().applied(given_, ids) is given_
    assert np.array_equal(moved(given_, np.zeros(len(given_))), given_)
    one = Strictness().with_class(99, 0.5)  # a class that is gone
    assert np.array_equal(one.applied(given_, ids), given_)


@given(THRESHOLDS, LEVELS, LEVELS)
def test_stricter_never_lowers_a_threshold(values: list[float], one: float, other: float) -> None:
    lower, higher = sorted((one, other))
    ids = np.arange(len(values))
    looser = Strictness(lower).applied(thresholds(values), ids)
    stricter = Strictness(higher).applied(thresholds(values), ids)
    assert (looser <= stricter).all()
    for found in (looser, stricter):
        assert found.dtype == np.float32
        assert ((found >= 0) & (found <= 1)).all()


@given(st.floats(0.0625, 0.9375, width=32), st.floats(0.01, 1))
def test_a_threshold_inside_is_really_moved_and_stays_inside(value: float, by: float) -> None:
    start = thresholds([value])
    up, down = moved(start, np.array([by])), moved(start, np.array([-by]))
    assert 0 < down[0] < start[0] < up[0] < 1


def test_a_class_of_its_own_is_moved_from_where_the_others_are() -> None:
    start = thresholds([0.5, 0.5, 0.5])
    ids = np.array([7, 8, 9])
    strictness = Strictness(0.5).with_class(8, -0.5).with_class(9, 0.25)
    found = strictness.applied(start, ids)
    assert found[1] == 0.5
    assert found[0] == Strictness(0.5).applied(start, ids)[0]
    assert found[2] > found[0]
    assert np.array_equal(strictness.with_class(8, 0).with_class(9, 0).applied(start, ids),
                          Strictness(0.5).applied(start, ids))  # fmt: skip


def test_levels_are_kept_within_their_range() -> None:
    assert Strictness().at(3).level == 1
    assert Strictness().with_class(1, -7).of_class(1) == -1
    assert Strictness().with_class(1, 0.5).with_class(1, 0).is_neutral


@given(LEVELS, st.dictionaries(st.integers(1, 99), LEVELS.filter(bool), max_size=4))
def test_what_is_stored_is_read_again(level: float, classes: dict[int, float]) -> None:
    strictness = Strictness(level, classes)
    assert from_stored(json.loads(json.dumps(to_stored(strictness)))) == strictness


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"level": "high", "classes": [1, 2]},
        {"level": float("nan"), "classes": {"x": 1, "3": None, "4": float("inf"), "5": 0}},
    ],
)
def test_what_is_not_valid_counts_as_0(stored: dict[str, object]) -> None:
    assert from_stored(stored).is_neutral


def test_numbers_larger_than_any_other_are_read_quickly() -> None:
    """Or a library with them could not be opened."""
    many = {str(id_): 0.5 for id_ in range(50_000)}
    found = from_stored({"level": 10**400, "classes": {"9" * 5000: 1, "7": -(10**400), **many}})
    assert found.level == 1.0
    assert len(found.classes) == len(many) and found.classes[8] == 0.5


def test_how_common_a_class_is_does_not_depend_on_strictness() -> None:
    scores = np.array([[0.9], [0.6], [0.4]])
    verdicts = np.full((3, 1), -1)
    plain = make_snapshot(verdicts, scores=scores)
    loose = make_snapshot(verdicts, scores=scores, thresholds=[0.1])
    object.__setattr__(loose, "own_thresholds", plain.thresholds)
    assert loose.tally.predicted.tolist() == [3]
    assert np.array_equal(loose.bands.estimates, plain.bands.estimates)
