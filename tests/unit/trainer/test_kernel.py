"""The kernel part: closed-form weights against independent arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.preprocessing import KernelCenterer

from trainer import kernel
from trainer.arrays import unit_rows
from trainer.kernel import KernelFit, KernelPart, similarities, solve_kernel


def fit_kernel(
    features: np.ndarray,
    targets: np.ndarray,
    zero_shot: np.ndarray,
    *,
    gain: float = 1.0,
    known: np.ndarray | None = None,
    most: int = kernel.MAX_LANDMARKS,
) -> KernelFit:
    return solve_kernel(features, targets, known=known, most=most).beside(zero_shot, gain)


def _case(
    photos: int, classes: int = 4, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features (N, 8), complete targets (N, C) and zero-shot embeddings (C, 8)."""
    rng = np.random.default_rng(seed)
    features = unit_rows(rng.normal(size=(photos, 8)))
    embeddings = unit_rows(rng.normal(size=(classes, 8)))
    targets = (features @ embeddings.T + 0.3 * rng.normal(size=(photos, classes)) > 0.4).astype(
        np.int8
    )
    return features, targets, embeddings


def _by_scikit_learn(
    x: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray,
    new: np.ndarray,
    *,
    sharpness: float,
    rows: list[int],
) -> np.ndarray:
    """(m,) from ``rows`` alone; the centre is that of all of ``x``."""
    # exp(s (cos - 1)) of unit vectors is exp(-s/2 |x - y|^2).
    centre = KernelCenterer().fit(rbf_kernel(x, x, sharpness / 2))
    among = centre.transform(rbf_kernel(x, x, sharpness / 2))
    model = KernelRidge(alpha=round(kernel.PENALTY), kernel="precomputed")
    model.fit(among[np.ix_(rows, rows)], y[rows], sample_weight=weight[rows])
    return model.predict(centre.transform(rbf_kernel(new, x, sharpness / 2))[:, rows])


def _strength(targets: np.ndarray) -> np.ndarray:
    return np.where(targets >= 0, 1.0, kernel.UNKNOWN_STRENGTH)


@pytest.mark.parametrize("known", ["all", "some", "mixed"])
def test_predictions_are_those_of_kernel_ridge_regression(known: str) -> None:
    features, targets, embeddings = _case(60)
    new = _case(20, seed=1)[0]
    if known != "all":
        unknown = np.random.default_rng(2).random(targets.shape) < 0.7
        unknown[: 30 if known == "mixed" else 0] = False
        targets[unknown] = -1
    fitted = fit_kernel(features, targets, embeddings)
    own = (targets >= 0).any(1)
    x, y, weight = features[own], (targets[own] == 1).astype(float), _strength(targets[own])
    everything = list(range(len(x)))
    expected = np.stack(
        [
            _by_scikit_learn(
                x, y[:, i], weight[:, i], new, sharpness=fitted.part.sharpness, rows=everything
            )
            for i in range(y.shape[1])
        ],
        axis=1,
    )
    found = fitted.part.cosines(new) - fitted.means
    factor = (found * expected).sum() / (expected * expected).sum()
    np.testing.assert_allclose(found, factor * expected, atol=1e-3 * np.abs(found).max())


def test_left_out_values_are_those_of_fits_without_the_entry() -> None:
    features, targets, embeddings = _case(24, classes=2)
    targets[5:9, 0] = -1
    known = np.where(np.arange(24)[:, None] % 3 == 0, 0.5, 1.0) * np.ones((24, 2))
    fitted = fit_kernel(features, targets, embeddings, known=known)
    weight = np.where(targets >= 0, known, kernel.UNKNOWN_STRENGTH)
    places = [(row, column) for column in (0, 1) for row in (0, 5, 6, 11, 23)]
    expected = np.array(
        [
            _by_scikit_learn(
                features,
                (targets[:, column] == 1).astype(float),
                weight[:, column],
                features[[row]],
                sharpness=fitted.part.sharpness,
                rows=[other for other in range(24) if other != row],
            )[0]
            for row, column in places
        ]
    )
    found = np.array([fitted.left_out[place] - fitted.means[place[1]] for place in places])
    factor = (found @ expected) / (expected @ expected)
    np.testing.assert_allclose(found, factor * expected, atol=1e-3 * np.abs(found).max())


def test_what_is_added_has_the_spread_that_the_annotations_deserve() -> None:
    """A hundred present annotations get GAIN_AT_100 of the spread of the cosines they add to,
    sixteen times as many twice of that."""
    rng = np.random.default_rng(5)
    features = unit_rows(rng.normal(size=(1600, 8)))
    embeddings = unit_rows(rng.normal(size=(1, 8)))
    for photos, times in ((100, 1.0), (1600, 2.0)):
        targets = np.ones((photos, 1), np.int8)
        made = fit_kernel(features[:photos], np.pad(targets, ((0, 0), (0, 1))), embeddings[[0, 0]])
        assert not made.part.weights[1].any()
        # A class that every photo has teaches nothing but its mean, so both are of the first.
        spread = made.left_out.std(0).mean()
        plain = (features[:photos] @ embeddings.T).std()
        assert spread == pytest.approx(kernel.GAIN_AT_100 * times * plain, rel=1e-3)


def test_gain_is_a_factor() -> None:
    features, targets, embeddings = _case(20)
    once, thrice = (fit_kernel(features, targets, embeddings, gain=gain) for gain in (1.0, 3.0))
    np.testing.assert_allclose(
        thrice.part.cosines(features), 3 * once.part.cosines(features), rtol=1e-4, atol=1e-6
    )
    assert not KernelPart.none(4, 8).cosines(features).any()


def test_an_unknown_entry_counts_as_absent_where_its_photo_is_annotated() -> None:
    features, targets, embeddings = _case(20)
    targets[:10, 1] = -1
    as_absent = targets.copy()
    as_absent[:10, 1] = 0
    known = np.ones(targets.shape)
    known[:10, 1] = kernel.UNKNOWN_STRENGTH
    np.testing.assert_allclose(
        fit_kernel(features, targets, embeddings).part.weights,
        fit_kernel(features, as_absent, embeddings, known=known).part.weights,
        rtol=1e-5,
    )
    # Photos of which nothing is known teach nothing.
    more = np.concatenate([features, _case(5, seed=9)[0]])
    padded = np.pad(targets, ((0, 5), (0, 0)), constant_values=-1)
    np.testing.assert_allclose(
        fit_kernel(more, padded, embeddings).part.weights,
        fit_kernel(features, targets, embeddings).part.weights,
        rtol=1e-5,
    )


def test_with_many_photos_those_with_rare_classes_are_the_landmarks() -> None:
    features, targets, embeddings = _case(80)
    targets[:, 3] = 0
    targets[[7, 41], 3] = 1
    part = fit_kernel(features, targets, embeddings, most=10).part
    assert part.landmarks.shape == (10, 8)
    found = {int(np.argmin(np.abs(features - row).sum(1))) for row in part.landmarks}
    assert {7, 41} <= found


def test_with_more_photos_than_landmarks_features_are_regressed_on_as_well() -> None:
    features, targets, embeddings = _case(60)
    new = _case(20, seed=1)[0]
    fitted = fit_kernel(features, targets, embeddings, most=7)
    part = fitted.part
    near = Nystroem(gamma=part.sharpness / 2, n_components=7).fit(part.landmarks)
    near_all, near_new = near.transform(features), near.transform(new)
    x = np.concatenate([near_all, features], axis=1)
    model = Ridge(alpha=kernel.PENALTY, fit_intercept=False).fit(x - x.mean(0), targets)
    expected = model.predict(np.concatenate([near_new, new], axis=1) - x.mean(0))
    found = part.cosines(new) - fitted.means
    factor = (found * expected).sum() / (expected * expected).sum()
    np.testing.assert_allclose(found, factor * expected, atol=1e-3 * np.abs(found).max())
    assert part.directions.any(axis=1).all()
    # Where each is a landmark, features would say again what the landmarks say.
    assert not fit_kernel(features, targets, embeddings).part.directions.any()


def test_the_approximation_comes_near_the_exact_fit_as_landmarks_are_added() -> None:
    features, targets, embeddings = _case(80)
    new = _case(40, seed=3)[0]

    def fit(most: int) -> np.ndarray:
        made = fit_kernel(features, targets, embeddings, most=most)
        return made.part.cosines(new)

    exact = fit(80)
    errors = [float(np.abs(fit(most) - exact).mean()) for most in (5, 20, 60)]
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("photos", [0, 1])
def test_too_few_photos_add_nothing(photos: int) -> None:
    features, targets, embeddings = _case(5)
    targets[photos:] = -1
    fitted = fit_kernel(features, targets, embeddings)
    assert not fitted.part.cosines(features).any()
    assert not fitted.left_out.any()


def test_equal_photos_give_finite_weights() -> None:
    features, targets, embeddings = _case(6)
    features[:] = features[0]
    fitted = fit_kernel(features, targets, embeddings)
    assert np.isfinite(fitted.part.weights).all()
    assert np.isfinite(fitted.left_out).all()


def test_a_class_nobody_knows_gets_nothing() -> None:
    features, targets, embeddings = _case(20)
    targets[:, 2] = -1
    part = fit_kernel(features, targets, embeddings).part
    assert not part.weights[2].any()
    assert part.weights[1].any()
    few = fit_kernel(features, targets, embeddings, most=5).part
    assert few.directions.any(axis=1).tolist() == [True, True, False, True]


def test_a_photo_is_most_similar_to_itself() -> None:
    features, _, _ = _case(9)
    found = similarities(features, features, 2.0)
    assert found.diagonal() == pytest.approx(1.0, abs=1e-5)
    assert (found <= 1 + 1e-5).all()
