"""Metrics against scikit-learn on the known entries, and what is left out of them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_recall_fscore_support

from trainer import metrics
from trainer.bands import BandLimits


def example(seed: int = 0, unknown: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    r = np.random.default_rng(seed)
    targets = (r.random((60, 6)) < 0.3).astype(np.int8)
    targets[r.random(targets.shape) < unknown] = -1
    return r.random((60, 6)), targets


def test_average_precision_is_scikit_learns_on_known_entries() -> None:
    scores, targets = example()
    got = metrics.average_precisions(scores, targets)
    for i in range(6):
        known = targets[:, i] >= 0
        assert got[i] == average_precision_score(targets[known, i], scores[known, i])


@pytest.mark.parametrize("decimals", [1, 9])
def test_the_quick_form_gives_the_same_numbers_ties_included(decimals: int) -> None:
    for seed in range(10):
        scores, targets = example(seed)
        scores = scores.round(decimals)
        targets[:, 0] = 1
        assert metrics.quick_average_precisions(scores, targets) == pytest.approx(
            metrics.average_precisions(scores, targets), nan_ok=True
        )


def test_unknown_entries_take_part_in_nothing() -> None:
    scores, targets = example()
    wild = np.where(targets < 0, 1 - scores, scores)
    names = list("abcdef")
    train = np.array([200, 100, 99, 20, 19, 0])
    one, other = (
        metrics.evaluate(s, targets, names, train, BandLimits(), predicted=s > 0.5)
        for s in (scores, wild)
    )
    assert one == other


def test_bands_follow_the_training_counts() -> None:
    precisions = np.array([0.9, 0.7, 0.5, 0.3, np.nan, 0.1])
    train = np.array([200, 100, 99, 20, 50, 0])
    scores = metrics.band_scores(precisions, train, BandLimits())
    assert scores.head == pytest.approx(0.8)
    assert scores.medium == pytest.approx(0.4)
    assert scores.tail == pytest.approx(0.1)
    assert scores.total == pytest.approx(0.5)


def test_a_band_without_a_judged_class_has_no_score() -> None:
    scores = metrics.band_scores(np.array([np.nan, 0.5]), np.array([500, 3]), BandLimits())
    assert scores.head is None
    assert scores.medium is None
    assert scores.tail == 0.5


def test_classes_without_present_or_absent_are_left_out_and_listed() -> None:
    targets = np.array([[1, 0, 1, -1], [0, 0, 1, -1]], dtype=np.int8)
    result = metrics.evaluate(
        np.array([[0.9, 0.5, 0.5, 0.5], [0.1, 0.5, 0.5, 0.5]]),
        targets,
        ["fine", "never", "always", "unknown"],
        np.array([5, 5, 5, 5]),
        BandLimits(),
    )
    assert metrics.not_judged(result) == ["never", "always", "unknown"]
    assert result.scores.total == 1.0
    assert result.extra["classes_not_judged"] == 3


def test_f1_family_is_scikit_learns_where_everything_is_known() -> None:
    scores, targets = example(unknown=0)
    predicted = scores > 0.6
    got = metrics.f1_metrics(predicted, targets)
    op, orr, of1, _ = precision_recall_fscore_support(targets, predicted, average="micro")
    cp, cr, _, _ = precision_recall_fscore_support(targets, predicted, average="macro")
    assert got["OP"] == pytest.approx(op)
    assert got["OR"] == pytest.approx(orr)
    assert got["OF1"] == pytest.approx(of1)
    assert got["CP"] == pytest.approx(cp)
    assert got["CR"] == pytest.approx(cr)
    assert got["CF1"] == pytest.approx(2 * cp * cr / (cp + cr))


def test_f1_of_nothing_is_zero() -> None:
    nothing = np.full((3, 2), -1, dtype=np.int8)
    assert set(metrics.f1_metrics(np.ones((3, 2), bool), nothing).values()) == {0.0}


def test_calibration_error_of_a_known_case() -> None:
    scores = np.array([[0.9], [0.9], [0.9], [0.9], [0.1], [0.1]])
    targets = np.array([[1], [1], [1], [0], [0], [-1]], dtype=np.int8)
    # |0.9 - 0.75| over four of five known, |0.1 - 0| over one.
    assert metrics.expected_calibration_error(scores, targets) == pytest.approx(
        (4 * 0.15 + 0.1) / 5
    )


def test_calibration_error_vanishes_for_true_probabilities() -> None:
    r = np.random.default_rng(0)
    scores = r.random((20_000, 3))
    targets = (r.random(scores.shape) < scores).astype(np.int8)
    assert metrics.expected_calibration_error(scores, targets) < 0.01


def test_calibration_error_of_nothing_known_is_zero() -> None:
    nothing = np.full((3, 2), -1, dtype=np.int8)
    assert metrics.expected_calibration_error(np.ones((3, 2)), nothing) == 0
