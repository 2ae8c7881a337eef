"""The interval of a threshold: right by hand, and as wide as it must be."""

from __future__ import annotations

import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer import calibration, threshold_interval
from trainer.prompt_set import ThresholdBasis
from trainer.threshold_interval import resampled_thresholds, threshold_intervals


def by_hand(scores: list[float], present: list[bool], fallback: float) -> float:
    """The best threshold, from the definition of F1 and nothing else; NaN if all are of a kind."""
    if all(present) or not any(present):
        return float("nan")
    values = sorted(set(scores), reverse=True)
    found: list[tuple[float, float, float]] = []
    for value, lower in zip(values, [*values[1:], 0.0], strict=True):
        chosen = [is_ for score, is_ in zip(scores, present, strict=True) if score >= value]
        f1 = 2 * sum(chosen) / (len(chosen) + sum(present))
        middle = (value + lower) / 2
        found.append((round(f1, 9), -abs(middle - fallback), middle))
    return min(0.99, max(0.01, max(found)[2]))


@st.composite
def entries(draw: st.DrawFn) -> tuple[list[float], list[bool]]:
    """Few different scores, so that many are equal."""
    count = draw(st.integers(2, 14))
    score = st.sampled_from([0.02, 0.1, 0.25, 0.3, 0.55, 0.8, 1.0]) | st.floats(0.001, 1)
    return (
        draw(st.lists(score, min_size=count, max_size=count)),
        draw(st.lists(st.booleans(), min_size=count, max_size=count)),
    )


@settings(max_examples=examples(150), deadline=None)
@given(made=entries(), seed=st.integers(0, 99), fallback=st.sampled_from([0.2, 0.37, 0.5]))
def test_each_draw_has_the_threshold_that_a_plain_loop_finds(
    made: tuple[list[float], list[bool]], seed: int, fallback: float
) -> None:
    scores, present = made
    drawn = np.random.default_rng(seed).multinomial(
        len(scores), np.full(len(scores), 1 / len(scores)), 12
    )
    found = resampled_thresholds(
        np.array(scores), np.array(present), drawn.T.astype(np.int32), fallback
    )
    for draw, threshold in zip(drawn, found, strict=True):
        rows = np.repeat(np.arange(len(scores)), draw)
        expected = by_hand([scores[i] for i in rows], [present[i] for i in rows], fallback)
        if np.isnan(expected):
            assert np.isnan(threshold)
            continue
        # Midpoints as near to the fallback as each other may go either way.
        assert abs(threshold - fallback) == pytest.approx(abs(expected - fallback), abs=1e-9)


def test_one_draw_of_every_photo_gives_the_threshold_itself() -> None:
    r = np.random.default_rng(4)
    scores, present = r.random(300), r.random(300) < 0.3
    once = np.ones((300, 1), np.int32)
    assert resampled_thresholds(scores, present, once, 0.4)[0] == pytest.approx(
        calibration.best_threshold(scores, present, 0.4)
    )


def drawn_classes(photos: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated scores of classes that a tenth of the photos have, and what the photos have."""
    r = np.random.default_rng(seed)
    scores = calibration.sigmoid(r.normal(-3.0, 1.5, (photos, classes)))
    return scores, (r.random(scores.shape) < scores).astype(np.int8)


@pytest.mark.parametrize("photos", [80, 300])
def test_about_nine_of_ten_intervals_hold_the_best_threshold_of_all_photos(photos: int) -> None:
    scores, targets = drawn_classes(200_000, 1, 0)
    best = calibration.best_threshold(scores[:, 0], targets[:, 0] == 1)
    scores, targets = drawn_classes(photos, 250, 1)
    own = (targets.sum(axis=0) >= calibration.MIN_PRESENT) & (targets.min(axis=0) == 0)
    thresholds = np.array(
        [calibration.best_threshold(scores[:, c], targets[:, c] == 1, 0.3) for c in range(250)]
    )
    found = threshold_intervals(scores, targets, thresholds, own, 0.3)
    assert own.sum() > 200
    held = (found[own, 0] <= best) & (best <= found[own, 1])
    assert 0.8 <= held.mean() <= 0.98
    assert (found[own, 0] <= thresholds[own]).all()
    assert (thresholds[own] <= found[own, 1]).all()


def test_more_photos_give_narrower_intervals() -> None:
    widths = []
    for photos in (60, 600):
        scores, targets = drawn_classes(photos, 60, 2)
        own = np.asarray(targets.any(axis=0))
        found = threshold_intervals(scores, targets, np.full(60, 0.25), own, 0.25)
        widths.append(np.diff(found[own], axis=1).mean())
    assert widths[1] < 0.75 * widths[0]


def test_unknown_entries_take_no_part() -> None:
    scores, targets = drawn_classes(200, 2, 3)
    targets[::2] = -1
    changed = scores.copy()
    changed[::2] = 0.9
    args = np.full(2, 0.3), np.ones(2, np.bool_), 0.3
    np.testing.assert_array_equal(
        threshold_intervals(scores, targets, *args), threshold_intervals(changed, targets, *args)
    )


def test_of_many_entries_there_are_fewer_resamples_but_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts: list[int] = []
    real = threshold_interval.resampled_thresholds

    def watched(scores: np.ndarray, present: np.ndarray, drawn: np.ndarray, at: float) -> object:
        counts.append(drawn.shape[1])
        return real(scores, present, drawn, at)

    monkeypatch.setattr(threshold_interval, "resampled_thresholds", watched)
    monkeypatch.setattr(threshold_interval, "MAX_CELLS", 100_000)
    for photos in (100, 200, 2000):
        scores, targets = drawn_classes(photos, 5, 5)
        threshold_intervals(scores, targets, np.full(5, 0.3), np.ones(5, np.bool_), 0.3)
    assert counts[::5] == [200, 100, threshold_interval.FEWEST_RESAMPLES]


def test_a_calibration_says_what_each_threshold_rests_on() -> None:
    r = np.random.default_rng(6)
    cosines = r.normal(0.25, 0.15, (300, 3))
    chance = calibration.sigmoid(12 * cosines - 4)
    targets = (r.random(cosines.shape) < chance).astype(np.int8)
    targets[:, 1] = 0
    targets[:3, 1] = 1
    targets[60:, 2] = -1
    fitted = calibration.calibrate(cosines, targets, 12.0, -4.0, expected=chance)
    assert fitted.bases == (ThresholdBasis.OWN, ThresholdBasis.SHARED, ThresholdBasis.EXPECTED)
    found = calibration.intervals(fitted, cosines, targets)
    assert found[0, 0] < fitted.thresholds[0] < found[0, 1]
    assert np.isnan(found[1:]).all()
    # Without expected values the few answers are all there is.
    alone = calibration.calibrate(cosines, targets, 12.0, -4.0)
    assert alone.bases == (ThresholdBasis.OWN, ThresholdBasis.SHARED, ThresholdBasis.OWN)
    assert np.isfinite(calibration.intervals(alone, cosines, targets)[2]).all()


def test_nothing_held_out_rests_on_nothing_of_its_own() -> None:
    nothing = np.zeros((0, 2))
    fitted = calibration.calibrate(nothing, nothing.astype(np.int8), 12.0, -4.0, expected=nothing)
    assert fitted.bases == (ThresholdBasis.SHARED,) * 2
    assert np.isnan(calibration.intervals(fitted, nothing, nothing.astype(np.int8))).all()
