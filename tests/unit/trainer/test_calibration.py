"""Calibration finds the truth where there is data and stays put where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import f1_score

from trainer import calibration, metrics


def example(n: int = 3000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cosines whose probabilities are sigmoid(12 x + b_i)."""
    r = np.random.default_rng(seed)
    biases = np.array([-3.0, -4.0, -5.0])
    cosines = r.normal(0.25, 0.15, size=(n, 3))
    chance = calibration.sigmoid(12 * cosines + biases)
    return cosines, (r.random((n, 3)) < chance).astype(np.int8), biases


def test_finds_the_scale_and_the_biases_that_made_the_data() -> None:
    cosines, targets, biases = example(20_000)
    fitted = calibration.calibrate(cosines, targets, 30.0, 0.0)
    assert fitted.scale == pytest.approx(12, rel=0.1)
    assert fitted.biases == pytest.approx(biases, abs=0.35)
    assert fitted.calibrated.all()


def test_lowers_the_calibration_error_on_images_not_seen() -> None:
    cosines, targets, _ = example()
    before = calibration.sigmoid(30 * cosines - 2.0)
    after, _ = calibration.cross_fitted(cosines, targets, 30.0, -2.0)
    error = metrics.expected_calibration_error
    assert error(after, targets) < 0.03 < error(before, targets)


def test_without_annotations_the_start_values_are_returned() -> None:
    cosines, targets, _ = example(20)
    fitted = calibration.calibrate(cosines, np.full_like(targets, -1), 17.0, -3.0)
    assert fitted.scale == pytest.approx(17.0)
    assert fitted.biases == pytest.approx([-3.0] * 3)
    assert fitted.thresholds == pytest.approx([calibration.DEFAULT_THRESHOLD] * 3)
    assert not fitted.calibrated.any()


def test_a_class_with_fewer_than_five_present_gets_the_shared_values() -> None:
    cosines, targets, _ = example(400)
    targets[:, 2] = 0
    targets[:4, 2] = 1
    fitted = calibration.calibrate(cosines, targets, 12.0, -4.0)
    assert fitted.calibrated.tolist() == [True, True, False]
    assert fitted.biases[2] == pytest.approx(fitted.shared_bias)
    assert fitted.thresholds[2] == pytest.approx(fitted.shared_threshold)
    assert fitted.biases[0] != pytest.approx(fitted.shared_bias)


def test_annotations_of_one_kind_only_give_finite_values() -> None:
    cosines, targets, _ = example(50)
    fitted = calibration.calibrate(cosines, np.ones_like(targets), 12.0, -4.0)
    assert np.isfinite(fitted.biases).all()
    assert 1 <= fitted.scale <= 200


def test_what_is_expected_of_unknown_entries_holds_a_few_corrections_back() -> None:
    """Twenty missed classes, marked present, must not make everything look present."""
    r = np.random.default_rng(1)
    cosines = r.normal(0.2, 0.1, size=(200, 40))
    expected = calibration.sigmoid(12 * cosines - 6)
    targets = np.full(cosines.shape, -1, dtype=np.int8)
    targets[np.arange(20), r.integers(0, 40, 20)] = 1

    def mean_score(with_expected: bool) -> float:
        fitted = calibration.calibrate(
            cosines, targets, 12.0, -6.0, expected=expected if with_expected else None
        )
        return float(fitted.scores(cosines).mean())

    assert mean_score(True) < 1.5 * expected.mean()
    assert mean_score(False) > 3 * expected.mean()


def test_the_threshold_has_the_best_f1() -> None:
    r = np.random.default_rng(2)
    present = r.random(200) < 0.2
    scores = np.clip(0.3 * present + r.random(200) * 0.6, 0, 1)
    best = max(f1_score(present, scores >= cut) for cut in scores)
    chosen = calibration.best_threshold(scores, present)
    assert f1_score(present, scores >= chosen) == pytest.approx(best)


def test_among_equal_thresholds_the_one_nearest_the_fallback_is_taken() -> None:
    # Perfectly separated: every cut between 0.2 and 0.9 is as good; the middle is offered.
    scores = np.array([0.9] * 5 + [0.2] * 5)
    present = np.array([True] * 5 + [False] * 5)
    assert calibration.best_threshold(scores, present) == pytest.approx(0.55)


def test_a_threshold_needs_five_of_each_kind() -> None:
    scores = np.linspace(0, 1, 20)
    assert calibration.best_threshold(scores, scores > 0.85, fallback=0.4) == 0.4
    assert calibration.best_threshold(scores, scores > 0.1, fallback=0.4) == 0.4


def test_scores_of_an_image_do_not_depend_on_its_own_annotations() -> None:
    cosines, targets, _ = example(200)
    plain, _ = calibration.cross_fitted(cosines, targets, 12.0, -4.0, seed=3)
    flipped = targets.copy()
    flipped[0] = 1 - flipped[0]
    again, _ = calibration.cross_fitted(cosines, flipped, 12.0, -4.0, seed=3)
    assert np.array_equal(plain[0], again[0])
    assert not np.array_equal(plain, again)


@settings(max_examples=examples(40), deadline=None)
@given(
    cosines=hnp.arrays(np.float32, (8, 3), elements=st.floats(-1, 1, width=32)),
    targets=hnp.arrays(np.int8, (8, 3), elements=st.sampled_from([-1, 0, 1])),
    scale=st.floats(0.01, 1000),
    bias=st.floats(-30, 30),
)
def test_always_finite_and_in_range(
    cosines: np.ndarray, targets: np.ndarray, scale: float, bias: float
) -> None:
    fitted = calibration.calibrate(cosines, targets, scale, bias)
    assert np.isfinite(fitted.biases).all()
    assert ((fitted.thresholds > 0) & (fitted.thresholds < 1)).all()
    scores = fitted.scores(cosines)
    assert ((scores >= 0) & (scores <= 1)).all()


def test_answers_to_likely_questions_do_not_move_scores_away_from_frequencies() -> None:
    """Three classes of different frequency; only the likeliest images were asked about."""
    cosines, targets, biases = example(4000, seed=3)
    chance = calibration.sigmoid(12 * cosines + biases)
    asked = np.full_like(targets, -1)
    for column in range(3):
        best = np.argsort(-cosines[:, column])[:60:3]
        asked[best, column] = targets[best, column]
    fitted = calibration.calibrate(cosines, asked, 12.0, -4.0, expected=chance)
    error = metrics.expected_calibration_error
    assert error(fitted.scores(cosines), targets) < 0.03
    for column in range(3):
        best = max(
            f1_score(targets[:, column], chance[:, column] >= at) for at in np.linspace(0.05, 0.9)
        )
        found = fitted.scores(cosines)[:, column] >= fitted.thresholds[column]
        assert f1_score(targets[:, column], found) > best - 0.04


def test_a_class_without_a_verdict_is_as_common_as_it_is_expected_to_be() -> None:
    cosines, targets, _ = example(800)
    expected = calibration.sigmoid(12 * cosines + np.array([-3.0, -4.0, -7.0]))
    asked = np.full_like(targets, -1)
    asked[:100, :2] = targets[:100, :2]
    fitted = calibration.calibrate(cosines, asked, 12.0, -4.0, expected=expected)
    assert fitted.scores(cosines)[:, 2].mean() == pytest.approx(expected[:, 2].mean(), rel=0.25)
    assert not fitted.calibrated[2]
