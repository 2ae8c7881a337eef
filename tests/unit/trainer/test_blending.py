"""Learned, hand-written and discriminant directions in one class embedding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from trainer import blending
from trainer.blending import Watch, blend, discriminant, interpolate, unit
from trainer.metrics import quick_average_precisions


def _rows(seed: int, *shape: int) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=shape))


def test_a_class_direction_is_that_of_linear_discriminant_analysis(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With one class against the rest, equal parts and next to no priors: scikit-learn's."""
    monkeypatch.setattr(blending, "MEAN_PRIOR", 0.0)
    monkeypatch.setattr(blending, "COVARIANCE_SHRINKAGE", 1e-6)
    rng = np.random.default_rng(0)
    mine = np.arange(400) % 2 == 0
    features = unit(rng.normal(size=(400, 6)) + np.where(mine, 0.7, 0.0)[:, None])
    made = discriminant(features, mine[:, None], _rows(1, 1, 6))
    theirs = LinearDiscriminantAnalysis(solver="lsqr").fit(features, mine).coef_
    # The covariance of all differs from that within the parts only along the direction itself.
    assert float((unit(made) @ unit(theirs).T)[0, 0]) == pytest.approx(1.0, abs=1e-4)


def test_directions_spread_scores_like_the_written_ones_less_with_few_images() -> None:
    rng = np.random.default_rng(0)
    written = _rows(1, 5, 12)
    for count in (50, 5000):
        features = unit(rng.normal(size=(count, 12)) + 1)
        present = rng.random((count, 5)) < 0.3
        made = discriminant(features, present, written)
        spread = (features @ made.T).std(0).mean() / (features @ written.T).std(0).mean()
        assert spread == pytest.approx(count / (count + blending.PRIOR_IMAGES), rel=1e-4)


def test_a_rare_class_has_a_short_direction_and_an_absent_one_none() -> None:
    rng = np.random.default_rng(0)
    features = unit(rng.normal(size=(300, 8)))
    present = np.zeros((300, 3), dtype=bool)
    present[:100, 0], present[0, 1] = True, True
    features[:100, 0] += 1
    made = discriminant(unit(features), present, _rows(1, 3, 8))
    assert not made[2].any()
    assert np.linalg.norm(made[1]) < np.linalg.norm(made[0])


@pytest.mark.parametrize(
    "features",
    [np.zeros((0, 4)), np.ones((1, 4)), np.ones((9, 4)), np.zeros((9, 4))],
    ids=["none", "one", "all the same", "all zero"],
)
def test_nothing_to_tell_apart_gives_no_direction(features: np.ndarray) -> None:
    made = discriminant(unit(features), np.ones((len(features), 2), dtype=bool), _rows(0, 2, 4))
    assert made.shape == (2, 4)
    assert not made.any()


def test_weights_of_the_blend() -> None:
    learned, written, directions = _rows(0, 4, 6), _rows(1, 4, 6), _rows(2, 4, 6)
    present = np.array([0, 1, 4, 100])
    mixed = interpolate(learned, written, present, 4.0)
    np.testing.assert_allclose(mixed[0], written[0], atol=1e-6)
    np.testing.assert_allclose(mixed[2], unit((learned + written)[2:3])[0], atol=1e-6)
    plain = blend(learned, written, present, strength=4.0, directions=directions, weight=0.0)
    np.testing.assert_array_equal(plain, mixed)
    with_directions = blend(
        learned, written, present, strength=4.0, directions=directions, weight=0.5
    )
    np.testing.assert_allclose(with_directions, unit(mixed + 0.5 * directions), atol=1e-6)


@settings(max_examples=50, deadline=None)
@given(
    npst.arrays(np.float32, (7, 5), elements=st.floats(-10, 10, width=32)),
    npst.arrays(np.bool_, (7, 3)),
)
def test_directions_are_finite_whatever_the_features(
    features: np.ndarray, present: np.ndarray
) -> None:
    made = discriminant(unit(features), present, _rows(0, 3, 5))
    assert np.isfinite(made).all()


def _watch() -> Watch:
    rng = np.random.default_rng(3)
    targets = (rng.random((60, 4)) < 0.3).astype(np.int8)
    targets[:5] = -1
    return Watch(
        features=_rows(4, 60, 6),
        targets=targets,
        present=np.array([1.0, 3.0, 10.0, 40.0]),
        zero_shot=_rows(5, 4, 6),
        directions=_rows(6, 4, 6),
    )


def test_the_inner_validation_takes_the_interpolation_with_the_best_map() -> None:
    watch, learned = _watch(), _rows(7, 4, 6)
    judged = watch.judge(learned, -1.0, 0.2)
    assert judged is not None
    scores = {}
    for strength in blending.INTERPOLATIONS:
        made = blend(
            learned,
            watch.zero_shot,
            watch.present,
            strength=strength,
            directions=watch.directions,
            weight=0.2,
        )
        scores[strength] = np.nanmean(
            quick_average_precisions(watch.features @ made.T, watch.targets)
        )
    assert judged.score == pytest.approx(max(scores.values()))
    assert scores[judged.interpolation] == pytest.approx(judged.score)
    given = watch.judge(learned, 16.0, 0.2)
    assert given is not None
    assert given.interpolation == 16.0
    assert given.score == pytest.approx(scores[16.0])
