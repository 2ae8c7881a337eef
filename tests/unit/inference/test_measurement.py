"""Two versions on the same held-out annotations."""

from __future__ import annotations

import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lmpt_desktop.inference.measurement import (
    MIN_SUPPORT,
    MeasuredClass,
    Measurement,
    measure,
)
from trainer.bands import Band

CLASSES = (
    MeasuredClass(1, "dog", Band.HEAD, 30),
    MeasuredClass(2, "cat", Band.MEDIUM, 8),
    MeasuredClass(3, "kite", Band.TAIL, 2),
)
Floats = NDArray[np.float32]


def library(
    images: int, seed: int, *, gain: float = 0.0, unknown: float = 0.3
) -> tuple[Floats, Floats, NDArray[np.int8]]:
    """Old scores, new scores that separate the classes better by ``gain``, and verdicts."""
    rng = np.random.default_rng(seed)
    targets = (rng.random((images, 3)) < (0.5, 0.3, 0.1)).astype(np.int8)
    noise = rng.normal(size=(images, 3))
    other = rng.normal(size=(images, 3)) * 0.3
    old = 1 / (1 + np.exp(-(targets * 1.0 + noise)))
    new = 1 / (1 + np.exp(-(targets * (1.0 + gain) + noise + other * (gain > 0))))
    targets[rng.random((images, 3)) < unknown] = -1
    return old.astype(np.float32), new.astype(np.float32), targets


def change_width(found: Measurement) -> float:
    assert found.change is not None
    return found.change.high - found.change.low


@settings(max_examples=examples(25))
@given(st.integers(0, 120), st.integers(0, 10**6), st.floats(0, 3))
def test_intervals_hold_their_estimates_and_too_few_annotations_give_no_figure(
    images: int, seed: int, gain: float
) -> None:
    old, new, targets = library(images, seed, gain=gain)
    found = measure(old, new, targets, CLASSES)
    for column, item in enumerate(found.classes):
        support = [(targets[:, column] == verdict).sum() for verdict in (1, 0)]
        assert [item.present, item.absent] == support
        assert item.measurable == (min(support) >= MIN_SUPPORT)
        if not item.measurable:
            assert (item.old, item.new, item.change) == (None, None, None)
        else:
            assert item.old is not None and item.new is not None and item.change is not None
            assert item.change.estimate == pytest.approx(item.new - item.old)
            assert item.change.low <= item.change.estimate <= item.change.high
    assert (found.change is None) == (found.measurable == 0)
    for mean in found.means.values():
        assert mean.change.low <= mean.change.estimate <= mean.change.high


@settings(max_examples=15)
@given(st.integers(20, 200), st.integers(0, 10**6))
def test_identical_versions_differ_by_exactly_nothing(images: int, seed: int) -> None:
    old, _new, targets = library(images, seed)
    found = measure(old, old.copy(), targets, CLASSES)
    changes = [item.change for item in found.classes if item.change is not None]
    changes += [mean.change for mean in found.means.values()]
    assert all((c.low, c.estimate, c.high) == (0, 0, 0) and not c.decided for c in changes)


def test_intervals_shrink_with_support() -> None:
    widths = [
        np.mean([change_width(measure(*library(n, seed, gain=1.0), CLASSES)) for seed in range(5)])
        for n in (60, 240, 960)
    ]
    assert widths[0] > 1.5 * widths[1] > 2 * widths[2]


def test_a_clear_gain_is_decided_and_noise_is_mostly_not() -> None:
    better = measure(*library(600, 3, gain=2.0), CLASSES)
    assert better.change is not None and better.change.low > 0
    decided = 0
    for seed in range(40):
        old, _new, targets = library(150, seed)
        # Another version that is neither better nor worse: the same scores, shaken.
        rng = np.random.default_rng(seed + 1000)
        logits = [np.log(old / (1 - old)) + rng.normal(size=old.shape) * 0.5 for _ in range(2)]
        shaken = [(1 / (1 + np.exp(-item))).astype(np.float32) for item in logits]
        change = measure(shaken[0], shaken[1], targets, CLASSES).change
        assert change is not None
        decided += change.decided
    assert decided <= 6, "of 40, 2 are to be expected"


def test_the_seed_fixes_the_resamples() -> None:
    arrays = library(100, 1, gain=0.5)
    first, again = measure(*arrays, CLASSES), measure(*arrays, CLASSES)
    other = measure(*arrays, CLASSES, seed=1)
    assert first.classes == again.classes and first.classes != other.classes


def test_a_cell_without_a_score_on_either_side_counts_for_neither() -> None:
    old, new, targets = library(100, 2, unknown=0.0)
    old[:30, 0], new[30:50, 0] = np.nan, np.nan
    found = measure(old, new, targets, CLASSES).classes[0]
    assert found.present + found.absent == 50


def test_means_are_over_the_measurable_classes_of_a_band() -> None:
    old, new, targets = library(200, 5, gain=1.0)
    targets[:, 2] = -1
    found = measure(old, new, targets, CLASSES)
    assert set(found.means) == {None, Band.HEAD, Band.MEDIUM}
    dog, cat, kite = found.classes
    assert not kite.measurable and found.measurable == 2
    assert dog.new is not None and cat.new is not None
    assert found.means[None].new == pytest.approx((dog.new + cat.new) / 2)
    assert found.means[None].classes == 2
    assert found.means[Band.HEAD].change == dog.change
