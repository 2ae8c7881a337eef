"""Learned, hand-written and discriminant directions in one class embedding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from trainer import blending
from trainer.arrays import unit_rows
from trainer.blending import blend, discriminant, interpolate


def _rows(seed: int, *shape: int) -> np.ndarray:
    return unit_rows(np.random.default_rng(seed).normal(size=shape))


def test_a_class_direction_is_that_of_linear_discriminant_analysis(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With one class against the rest, equal parts and next to no priors: scikit-learn's."""
    monkeypatch.setattr(blending, "MEAN_PRIOR", 0.0)
    monkeypatch.setattr(blending, "COVARIANCE_SHRINKAGE", 1e-6)
    rng = np.random.default_rng(0)
    mine = np.arange(400) % 2 == 0
    features = unit_rows(rng.normal(size=(400, 6)) + np.where(mine, 0.7, 0.0)[:, None])
    made = discriminant(features, mine[:, None], _rows(1, 1, 6))
    theirs = LinearDiscriminantAnalysis(solver="lsqr").fit(features, mine).coef_
    # The covariance of all differs from that within the parts only along the direction itself.
    assert float((unit_rows(made) @ unit_rows(theirs).T)[0, 0]) == pytest.approx(1.0, abs=1e-4)


def test_directions_spread_scores_like_the_written_ones_less_with_few_images() -> None:
    rng = np.random.default_rng(0)
    written = _rows(1, 5, 12)
    for count in (50, 5000):
        features = unit_rows(rng.normal(size=(count, 12)) + 1)
        present = rng.random((count, 5)) < 0.3
        made = discriminant(features, present, written)
        spread = (features @ made.T).std(0).mean() / (features @ written.T).std(0).mean()
        assert spread == pytest.approx(count / (count + blending.PRIOR_IMAGES), rel=1e-4)


def test_a_rare_class_has_a_short_direction_and_an_absent_one_none() -> None:
    rng = np.random.default_rng(0)
    features = unit_rows(rng.normal(size=(300, 8)))
    present = np.zeros((300, 3), dtype=bool)
    present[:100, 0], present[0, 1] = True, True
    features[:100, 0] += 1
    made = discriminant(unit_rows(features), present, _rows(1, 3, 8))
    assert not made[2].any()
    assert np.linalg.norm(made[1]) < np.linalg.norm(made[0])


@pytest.mark.parametrize(
    "features",
    [np.zeros((0, 4)), np.ones((1, 4)), np.ones((9, 4)), np.zeros((9, 4))],
    ids=["none", "one", "all the same", "all zero"],
)
def test_identical_features_give_no_direction(features: np.ndarray) -> None:
    made = discriminant(
        unit_rows(features), np.ones((len(features), 2), dtype=bool), _rows(0, 2, 4)
    )
    assert made.shape == (2, 4)
    assert not made.any()


def test_weights_of_the_blend() -> None:
    learned, written, directions = _rows(0, 4, 6), _rows(1, 4, 6), _rows(2, 4, 6)
    present = np.array([0, 1, 4, 100])
    mixed = interpolate(learned, written, present, 4.0)
    np.testing.assert_allclose(mixed[0], written[0], atol=1e-6)
    np.testing.assert_allclose(mixed[2], unit_rows((learned + written)[2:3])[0], atol=1e-6)
    plain = blend(learned, written, present, strength=4.0, directions=directions, weight=0.0)
    np.testing.assert_array_equal(plain, mixed)
    with_directions = blend(
        learned, written, present, strength=4.0, directions=directions, weight=0.5
    )
    np.testing.assert_allclose(with_directions, unit_rows(mixed + 0.5 * directions), atol=1e-6)


@settings(max_examples=50, deadline=None)
@given(
    npst.arrays(np.float32, (7, 5), elements=st.floats(-10, 10, width=32)),
    npst.arrays(np.bool_, (7, 3)),
)
def test_directions_are_finite_whatever_the_features(
    features: np.ndarray, present: np.ndarray
) -> None:
    made = discriminant(unit_rows(features), present, _rows(0, 3, 5))
    assert np.isfinite(made).all()
