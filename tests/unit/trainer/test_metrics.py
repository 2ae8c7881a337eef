"""Metrics against scikit-learn on the known entries, and what is left out of them."""

from __future__ import annotations

import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import average_precision_score

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


def precision_by_hand(scores: np.ndarray, truth: np.ndarray) -> float:
    """Mean over the present of the precision among those that score at least as high."""
    return float(np.mean([truth[scores >= cut].mean() for cut in scores[truth == 1]]))


def test_every_figure_of_an_evaluation_from_the_definitions() -> None:
    scores, targets = example(3)
    targets[:, 4] = np.where(targets[:, 4] == 1, 0, targets[:, 4])
    train = np.array([150, 100, 50, 20, 3, 2])
    predicted = scores > 0.7
    result = metrics.evaluate(
        scores, targets, list("abcdef"), train, BandLimits(), predicted=predicted
    )
    by_hand = {
        i: precision_by_hand(scores[targets[:, i] >= 0, i], targets[targets[:, i] >= 0, i])
        for i in (0, 1, 2, 3, 5)
    }
    for i, item in enumerate(result.classes):
        if i == 4:
            assert item.average_precision is None
        else:
            assert item.average_precision == pytest.approx(by_hand[i])
        assert item.train_present == train[i]
        assert item.held_out_present == (targets[:, i] == 1).sum()
        assert item.held_out_absent == (targets[:, i] == 0).sum()
    assert result.scores.total == pytest.approx(np.mean(list(by_hand.values())))
    assert result.scores.head == pytest.approx((by_hand[0] + by_hand[1]) / 2)
    assert result.scores.medium == pytest.approx((by_hand[2] + by_hand[3]) / 2)
    assert result.scores.tail == pytest.approx(by_hand[5])
    assert metrics.not_evaluated(result) == ["e"]
    f1 = {key: result.extra[key] for key in ("CP", "CR", "CF1", "OP", "OR", "OF1")}
    assert f1 == pytest.approx(counted_f1(predicted, targets))
    assert result.extra["ECE"] == metrics.expected_calibration_error(scores, targets)


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
    assert metrics.not_evaluated(result) == ["never", "always", "unknown"]
    assert result.scores.total == 1.0
    assert result.extra["classes_not_judged"] == 3


def counted_f1(predicted: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """From the definitions, entry by entry; unknown entries are passed over."""
    precisions, recalls, pooled = [], [], [0, 0, 0]
    for i in range(targets.shape[1]):
        hit = said = real = 0
        for says, is_there in zip(predicted[:, i], targets[:, i], strict=True):
            if is_there >= 0:
                hit += int(says and is_there == 1)
                said += int(says)
                real += int(is_there == 1)
        if real:
            precisions.append(hit / said if said else 0.0)
            recalls.append(hit / real)
        pooled = [total + new for total, new in zip(pooled, (hit, said, real), strict=True)]
    cp = sum(precisions) / len(precisions) if precisions else 0.0
    cr = sum(recalls) / len(recalls) if recalls else 0.0
    op = pooled[0] / pooled[1] if pooled[1] else 0.0
    orr = pooled[0] / pooled[2] if pooled[2] else 0.0

    def harmonic(a: float, b: float) -> float:
        return 2 * a * b / (a + b) if a + b else 0.0

    pairs = {"CP": cp, "CR": cr, "CF1": harmonic(cp, cr)}
    if not precisions:
        return dict.fromkeys(("CP", "CR", "CF1", "OP", "OR", "OF1"), 0.0)
    return pairs | {"OP": op, "OR": orr, "OF1": harmonic(op, orr)}


@settings(max_examples=examples(100), deadline=None)
@given(
    targets=hnp.arrays(
        np.int8,
        st.tuples(st.integers(0, 8), st.integers(1, 4)),
        elements=st.sampled_from([-1, 0, 1]),
    ),
    seed=st.integers(0, 1000),
)
def test_f1_family_by_definition_whatever_is_known(targets: np.ndarray, seed: int) -> None:
    predicted = np.random.default_rng(seed).random(targets.shape) < 0.5
    got = metrics.f1_metrics(predicted, targets)
    assert got == pytest.approx(counted_f1(predicted, targets))


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


@settings(max_examples=examples(60), deadline=None)
@given(
    scores=hnp.arrays(np.float32, (7, 3), elements=st.floats(0, 1, width=32)),
    targets=hnp.arrays(np.int8, (7, 3), elements=st.sampled_from([-1, 0, 1])),
    bins=st.integers(1, 20),
)
def test_calibration_error_by_definition(
    scores: np.ndarray, targets: np.ndarray, bins: int
) -> None:
    """Per bin [k/n, (k+1)/n): |mean score - share present|, weighted by how many fall into it."""
    pairs = [
        (float(score), int(truth))
        for score, truth in zip(scores.ravel(), targets.ravel(), strict=True)
        if truth >= 0
    ]
    error = 0.0
    for k in range(bins):
        inside = [(s, t) for s, t in pairs if min(int(s * bins), bins - 1) == k]
        if inside:
            gap = np.mean([s for s, _ in inside]) - np.mean([t for _, t in inside])
            error += abs(gap) * len(inside) / len(pairs)
    assert metrics.expected_calibration_error(scores, targets, bins) == pytest.approx(
        error, abs=1e-9
    )


def test_calibration_error_vanishes_for_true_probabilities() -> None:
    r = np.random.default_rng(0)
    scores = r.random((20_000, 3))
    targets = (r.random(scores.shape) < scores).astype(np.int8)
    assert metrics.expected_calibration_error(scores, targets) < 0.01


def test_calibration_error_of_nothing_known_is_zero() -> None:
    nothing = np.full((3, 2), -1, dtype=np.int8)
    assert metrics.expected_calibration_error(np.ones((3, 2)), nothing) == 0
