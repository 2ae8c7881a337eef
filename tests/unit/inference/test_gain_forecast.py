"""What more examples of a class are expected to gain."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lmpt_desktop.inference.gain_forecast import (
    MIN_SUPPORT,
    GainForecast,
    Levels,
    PastSteps,
    effort,
    forecast,
)

MEASURED = 40
"""Held-out photos of a class that is measured well."""


def classes(*examples: int, ap: float = 0.4, support: int = MEASURED) -> Levels:
    count = len(examples)
    return Levels(np.array(examples), np.full(count, ap), np.full(count, support))


def alike(count: int) -> NDArray[np.float64]:
    return np.full(count, np.nan)


def runs(*gains: float, column: int = 0, before: int = 0, support: int = MEASURED) -> PastSteps:
    """Runs in each of which one class got five more examples and gained so much."""
    count = len(gains)
    had = before + 5 * np.arange(count)
    start = 0.4 + np.concatenate([[0.0], np.cumsum(gains)])
    return PastSteps(
        np.full(count, column), np.arange(count), had, had + 5,
        start[:-1], start[1:], np.full(count, support),
    )  # fmt: skip


def of(levels: Levels, steps: PastSteps | None = None) -> GainForecast:
    return forecast(levels, alike(len(levels.ap)), steps or PastSteps.none())


def test_each_further_example_gains_less() -> None:
    gains = of(classes(0, 1, 5, 20, 100)).gains
    assert (np.diff(gains) < 0).all()
    assert gains[0] > 0


def test_more_examples_gain_more() -> None:
    levels, around = classes(3), alike(1)
    gains = [forecast(levels, around, PastSteps.none(), more).gains[0] for more in (1, 2, 5, 20)]
    assert gains == sorted(gains)
    assert len(set(gains)) == 4


def test_a_class_that_is_nearly_perfect_has_little_to_gain() -> None:
    poor, good = of(classes(5, ap=0.2)), of(classes(5, ap=0.95))
    assert good.gains[0] < poor.gains[0] / 3


def test_classes_of_which_the_same_is_known_get_the_same() -> None:
    made = of(classes(4, 4, 4))
    assert len(set(made.gains.tolist())) == len(set(made.spreads.tolist())) == 1


def test_runs_that_gained_much_promise_more_than_runs_that_gained_nothing() -> None:
    levels = classes(10)
    nothing, little, much = (
        of(levels, steps) for steps in (PastSteps.none(), runs(0.0, 0.0), runs(0.2, 0.15))
    )
    assert little.gains[0] < nothing.gains[0] < much.gains[0]
    assert (nothing.own_runs[0], nothing.runs) == (0, 0)
    assert (much.own_runs[0], much.runs) == (2, 2)


def test_a_run_makes_the_forecast_surer() -> None:
    levels = classes(10)
    assert of(levels, runs(0.1, 0.1)).spreads[0] < of(levels).spreads[0]


def test_what_one_class_gained_says_something_of_the_others_but_less() -> None:
    levels = classes(5, 5)
    bare, told = of(levels).gains, of(levels, runs(0.25)).gains
    assert bare[0] < told[1] < told[0]
    assert of(levels, runs(0.25)).own_runs.tolist() == [1, 0]


def test_a_run_in_which_a_class_got_no_examples_says_nothing() -> None:
    steps = runs(0.3)
    steps = replace(steps, examples_after=steps.examples_before)
    assert of(classes(5), steps).gains[0] == of(classes(5)).gains[0]
    assert of(classes(5), steps).runs == 0


def test_a_gain_on_few_held_out_photos_counts_for_little() -> None:
    levels = classes(5)
    few, many = (of(levels, runs(0.3, support=n)).gains[0] for n in (1, 100))
    assert of(levels).gains[0] < few < many


def test_a_class_that_is_not_measured_has_a_wider_interval_and_says_so() -> None:
    known = of(classes(5))
    for levels in (classes(5, support=MIN_SUPPORT - 1), classes(5, ap=np.nan, support=0)):
        made = of(levels)
        assert made.spreads[0] > known.spreads[0]
        assert not made.measured[0]
    assert known.measured[0]


def test_classes_with_a_mixed_neighbourhood_have_more_to_gain() -> None:
    pure, usual, mixed = forecast(
        classes(5, 5, 5), np.array([9.0, np.nan, 0.0]), PastSteps.none()
    ).gains
    assert pure < usual < mixed


def test_no_classes_no_forecast() -> None:
    assert of(classes()).gains.shape == (0,)


@pytest.mark.parametrize("more", [0, 0.5])
def test_next_to_nothing_more_gains_next_to_nothing(more: float) -> None:
    assert effort(np.array([4]), more)[0] <= 0.11


numbers = st.integers(0, 10_000)
shares = st.floats(0, 1)


@given(
    st.lists(st.tuples(numbers, shares | st.just(np.nan), st.integers(0, 500)), max_size=8),
    st.lists(st.tuples(st.integers(0, 7), numbers, numbers, shares, shares, st.integers(1, 500)),
             max_size=12),
    st.floats(-50, 50),
)  # fmt: skip
def test_gains_are_within_what_a_class_lacks_and_never_certain(
    told: list[tuple[int, float, int]],
    past: list[tuple[int, int, int, float, float, int]],
    trait: float,
) -> None:
    count = len(told)
    levels = Levels(*(np.array([row[i] for row in told], t) for i, t in enumerate("ifi")))
    past = [row for row in past if row[0] < count]
    columns, before, after, first, second, support = (
        np.array([row[i] for row in past], kind) for i, kind in enumerate("iiiffi")
    )
    steps = PastSteps(columns, np.arange(len(past)), before, after, first, second, support)
    traits = np.full(count, trait)
    made = forecast(levels, traits, steps)
    assert ((made.gains >= 0) & (made.gains <= 1)).all()
    assert ((made.spreads >= 0.01) & (made.spreads <= 1)).all()
    assert np.isfinite(made.gains + made.spreads).all()


@given(st.integers(0, 1000), st.integers(0, 1000), st.lists(st.floats(-0.3, 0.3), max_size=3))
def test_of_two_classes_the_one_with_fewer_examples_never_gains_less(
    one: int, other: int, past: list[float]
) -> None:
    steps = runs(*past, column=2) if past else PastSteps.none()
    gains = of(classes(one, other, 5), steps).gains
    assert (gains[0] - gains[1]) * (one - other) <= 0
