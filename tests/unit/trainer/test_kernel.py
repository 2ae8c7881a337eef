"""The kernel part: closed-form weights against independent arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge

from trainer import kernel
from trainer.arrays import unit_rows
from trainer.kernel import KernelPart, fit_kernel, similarities

SCALE, BIAS = 15.0, -4.0


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


def _residuals(features: np.ndarray, targets: np.ndarray, embeddings: np.ndarray) -> np.ndarray:
    logits = kernel.PRIOR_SOFTNESS * SCALE * (features @ embeddings.T) + BIAS
    return (targets == 1) - 1 / (1 + np.exp(-logits.astype(float)))


def _by_scikit_learn(
    x: np.ndarray, y: np.ndarray, sharpness: float, new: np.ndarray, weight: np.ndarray | None
) -> np.ndarray:
    # exp(s (cos - 1)) of unit vectors is exp(-s/2 |x - y|^2).
    model = KernelRidge(alpha=round(kernel.PENALTY), kernel="rbf", gamma=sharpness / 2)
    return model.fit(x, y, sample_weight=weight).predict(new)


@pytest.mark.parametrize("known", ["all", "some", "mixed"])
def test_predictions_are_those_of_kernel_ridge_regression(known: str) -> None:
    features, targets, embeddings = _case(60)
    new = _case(20, seed=1)[0]
    if known != "all":
        unknown = np.random.default_rng(2).random(targets.shape) < 0.7
        unknown[: 30 if known == "mixed" else 0] = False
        targets[unknown] = -1
    fitted = fit_kernel(features, targets, embeddings, scale=SCALE, bias=BIAS)
    residuals = _residuals(features, targets, embeddings)
    annotated = (targets >= 0).any(1)
    unit = kernel.GAIN_UNIT * (features[annotated] @ embeddings.T).std(0).mean()
    for column in range(targets.shape[1]):
        rows = targets[:, column] >= 0
        expected = _by_scikit_learn(
            features[rows], residuals[rows, column], fitted.part.sharpness, new, None
        )
        assert fitted.part.cosines(new)[:, column] == pytest.approx(unit * expected, abs=2e-3)


def test_left_out_values_are_those_of_fits_without_the_entry() -> None:
    features, targets, embeddings = _case(24, classes=2)
    targets[5:9, 0] = -1
    known = np.where(np.arange(24)[:, None] % 3 == 0, 0.5, 1.0) * np.ones((24, 2))
    fitted = fit_kernel(features, targets, embeddings, scale=SCALE, bias=BIAS, known=known)
    residuals = _residuals(features, targets, embeddings)
    unit = kernel.GAIN_UNIT * (features @ embeddings.T).std(0).mean()
    for column in (0, 1):
        for row in np.flatnonzero(targets[:, column] >= 0)[::5]:
            rows = (targets[:, column] >= 0) & (np.arange(24) != row)
            expected = _by_scikit_learn(
                features[rows],
                residuals[rows, column],
                fitted.part.sharpness,
                features[[row]],
                known[rows, column],
            )
            assert fitted.left_out[row, column] == pytest.approx(unit * expected[0], abs=2e-3)


def test_unknown_entries_are_predicted_as_for_a_new_photo() -> None:
    features, targets, embeddings = _case(30)
    targets[::2, 1] = -1
    fitted = fit_kernel(features, targets, embeddings, scale=SCALE, bias=BIAS)
    np.testing.assert_allclose(
        fitted.left_out[::2, 1], fitted.part.cosines(features)[::2, 1], rtol=1e-5, atol=1e-6
    )


def test_with_many_photos_those_with_rare_classes_are_the_landmarks() -> None:
    features, targets, embeddings = _case(80)
    targets[:, 3] = 0
    targets[[7, 41], 3] = 1
    part = fit_kernel(features, targets, embeddings, scale=SCALE, bias=BIAS, most=10).part
    assert part.landmarks.shape == (10, 8)
    found = {int(np.argmin(np.abs(features - row).sum(1))) for row in part.landmarks}
    assert {7, 41} <= found


def test_the_approximation_comes_near_the_exact_fit_as_landmarks_are_added() -> None:
    features, targets, embeddings = _case(80)
    new = _case(40, seed=3)[0]

    def fit(most: int) -> np.ndarray:
        made = fit_kernel(features, targets, embeddings, scale=SCALE, bias=BIAS, most=most)
        return made.part.cosines(new)

    exact = fit(80)
    errors = [float(np.abs(fit(most) - exact).mean()) for most in (5, 20, 60)]
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("photos", [0, 1])
def test_too_few_photos_add_nothing(photos: int) -> None:
    features, targets, embeddings = _case(5)
    targets[photos:] = -1
    fitted = fit_kernel(features, targets, embeddings, scale=SCALE, bias=BIAS)
    assert not fitted.part.cosines(features).any()
    assert not fitted.left_out.any()


def test_equal_photos_give_finite_weights() -> None:
    features, targets, embeddings = _case(6)
    features[:] = features[0]
    fitted = fit_kernel(features, targets, embeddings, scale=SCALE, bias=BIAS)
    assert np.isfinite(fitted.part.weights).all()
    assert np.isfinite(fitted.left_out).all()


def test_a_class_nobody_knows_gets_nothing() -> None:
    features, targets, embeddings = _case(20)
    targets[:, 2] = -1
    part = fit_kernel(features, targets, embeddings, scale=SCALE, bias=BIAS).part
    assert not part.weights[2].any()
    assert part.weights[1].any()


def test_a_gain_is_a_factor() -> None:
    features, targets, embeddings = _case(20)
    part = fit_kernel(features, targets, embeddings, scale=SCALE, bias=BIAS).part
    np.testing.assert_allclose(
        part.times(3.0).cosines(features), 3 * part.cosines(features), rtol=1e-4, atol=1e-6
    )
    assert not KernelPart.none(4, 8).cosines(features).any()


def test_a_photo_is_most_similar_to_itself() -> None:
    features, _, _ = _case(9)
    found = similarities(features, features, 2.0)
    assert found.diagonal() == pytest.approx(1.0, abs=1e-5)
    assert (found <= 1 + 1e-5).all()
