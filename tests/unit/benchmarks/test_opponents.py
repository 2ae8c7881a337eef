"""``tests/benchmarks/parts/opponents.py`` on small data, against independent arithmetic."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, Ridge

from trainer.metrics import quick_average_precisions

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
CLASSES, DIM = 5, 12
METHODS = (
    "zero-shot",
    "linear",
    "linear + zero-shot",
    "ridge + zero-shot",
    "GDA + zero-shot",
    "LP++",
    "TaskRes",
    "Tip-Adapter-F",
)


@pytest.fixture
def opponents(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("parts.opponents")


def photos(seed: int, count: int) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Unit features around the sum of their classes' centres, and complete targets."""
    rng = np.random.default_rng(seed)
    targets = (rng.random((count, CLASSES)) < [0.5, 0.3, 0.2, 0.2, 0.15]).astype(np.int8)
    features = targets @ centres() + 0.35 * rng.normal(size=(count, DIM)) + 0.5
    return unit(features), targets


def centres() -> NDArray[np.float64]:
    return np.linalg.qr(np.random.default_rng(9).normal(size=(DIM, DIM)))[0][:CLASSES]


def unit(rows: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def given(opponents: ModuleType) -> Any:
    """200 photos, all annotated; the texts are the centres with noise."""
    features, targets = photos(0, 200)
    texts = unit(centres() + 0.25 * np.random.default_rng(1).normal(size=(CLASSES, DIM)))
    return opponents.Given(features, targets, texts, 10.0)


def single_answers(given: Any, count: int) -> Any:
    """All but ``count`` entries unknown; nothing of the last class is known to be present."""
    targets = np.full_like(given.targets, -1)
    rng = np.random.default_rng(2)
    chosen = rng.permutation(targets.size)[:count]
    targets.flat[chosen] = given.targets.flat[chosen]
    targets[:, -1] = np.where(targets[:, -1] == 1, -1, targets[:, -1])
    return replace(given, targets=targets)


@pytest.mark.parametrize("penalty", [0.1, 1.0, 30.0])
def test_ridge_is_scikit_learns(opponents: ModuleType, given: Any, penalty: float) -> None:
    found = opponents.ridge_weights(given, penalty)
    expected = Ridge(alpha=penalty).fit(given.features.astype(float), given.targets.astype(float))
    np.testing.assert_allclose(found, expected.coef_, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("known", [40, 800])
def test_ridge_leaves_unknown_entries_out(opponents: ModuleType, given: Any, known: int) -> None:
    some = single_answers(given, known)
    found = opponents.ridge_weights(some, 0.7)
    centred = some.features.astype(float) - some.features.astype(float).mean(0)
    for column in range(CLASSES):
        rows = some.targets[:, column] >= 0
        if not (some.targets[:, column] == 1).any():
            assert not found[column].any()
            continue
        alone = Ridge(alpha=0.7, fit_intercept=False)
        alone.fit(centred[rows], some.targets[rows, column].astype(float))
        np.testing.assert_allclose(found[column], alone.coef_, rtol=1e-4, atol=1e-6)


def test_logistic_regression_is_scikit_learns(opponents: ModuleType, given: Any) -> None:
    found = opponents.logistic_weights(given, 0.5)
    for column in range(CLASSES):
        alone = LogisticRegression(C=2.0, tol=1e-8, max_iter=1000)
        alone.fit(given.features.astype(float), given.targets[:, column])
        np.testing.assert_allclose(found[column], alone.coef_[0], atol=0.02)


def test_an_average_has_equal_spreads_and_leaves_classes_without_example_alone(
    opponents: ModuleType, given: Any
) -> None:
    some = single_answers(given, 400)
    weights = 1000 * np.random.default_rng(3).normal(size=(CLASSES, DIM)).astype(np.float32)
    mixed = opponents.averaged(some, weights, 0.25)
    learned = (mixed - 0.75 * some.zero_shot)[:-1]
    spreads = [
        (some.features @ rows.T).std(0).mean() for rows in (learned / 0.25, some.zero_shot[:-1])
    ]
    assert spreads[0] == pytest.approx(spreads[1], rel=1e-4)
    np.testing.assert_allclose(mixed[-1], 0.75 * some.zero_shot[-1])


def test_gda_is_linear_discriminant_analysis_for_one_class_per_photo(
    opponents: ModuleType, given: Any
) -> None:
    """With its covariance, whose estimate differs from scikit-learn's in the shrinkage alone."""
    labels = np.random.default_rng(4).integers(CLASSES, size=len(given.features))
    targets = (labels[:, None] == np.arange(CLASSES)).astype(np.int8)
    found = opponents.gda_weights(replace(given, targets=targets))
    x = given.features.astype(float)
    lda = LinearDiscriminantAnalysis(solver="lsqr", store_covariance=True).fit(x, labels)
    count = len(x)
    within = lda.covariance_ * count / (count - 1)
    precision = DIM * np.linalg.inv((count - 1) * within + np.trace(within) * np.eye(DIM))
    np.testing.assert_allclose(found, (lda.means_ - x.mean(0)) @ precision, rtol=1e-3, atol=1e-4)


def test_losses_count_each_class_by_its_known_images(opponents: ModuleType, given: Any) -> None:
    some = single_answers(given, 300)
    data = opponents._Tensors.of(some)
    logits = torch.tensor(np.random.default_rng(5).normal(size=some.targets.shape))
    expected = 0.0
    for column in range(CLASSES):
        known = some.targets[:, column] >= 0
        z, y = logits[known, column].numpy(), some.targets[known, column]
        p = 1 / (1 + np.exp(-z))
        expected -= np.mean(np.log(np.where(y == 1, p, 1 - p)))
    assert float(data.bce(logits)) == pytest.approx(expected, rel=1e-6)
    rate = torch.sigmoid(data.start_bias(torch.zeros(some.targets.shape)))
    known = (some.targets >= 0).sum(0)
    np.testing.assert_allclose(rate, ((some.targets == 1).sum(0) + 0.5) / (known + 1), rtol=1e-5)


def test_the_cache_votes_with_the_labels_of_like_photos(opponents: ModuleType) -> None:
    keys = np.eye(3, dtype=np.float32)
    values = np.array([[1, 0], [1, 1], [0, 1]], np.float32)
    cache = opponents._Cache(torch.from_numpy(keys), torch.from_numpy(values))
    photo = torch.tensor([[0.6, 0.8, 0.0]])
    weights = np.exp(-2.0 * (1 - np.array([0.6, 0.8, 0.0])))
    np.testing.assert_allclose(cache.logits(photo, 2.0)[0], weights @ values, rtol=1e-6)


def test_the_table_has_every_method(opponents: ModuleType) -> None:
    assert tuple(opponents.OPPONENTS) == METHODS


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("known", ["everything", "single answers", "one class alone"])
def test_every_method_learns_what_there_is_to_learn(
    opponents: ModuleType, given: Any, method: str, known: str
) -> None:
    """On other photos it is above zero-shot with all annotations; with few it has finite scores,
    and those of zero-shot for a class without an example.
    """
    cases: dict[str, Callable[[], Any]] = {
        "everything": lambda: given,
        "single answers": lambda: single_answers(given, 60),
        "one class alone": lambda: replace(
            given, targets=np.where(np.arange(CLASSES) == 0, given.targets, -1).astype(np.int8)
        ),
    }
    case = cases[known]()
    study = opponents.Study.of(case, 0)
    assert (study.watching is None) == (known != "everything")
    scorer = opponents.OPPONENTS[method](study)
    features, targets = photos(7, 300)
    scores = scorer(features)
    assert scores.shape == targets.shape
    assert np.isfinite(scores).all()
    plain = features @ given.zero_shot.T
    if known == "everything":
        gain = np.mean(quick_average_precisions(scores, targets)) - np.mean(
            quick_average_precisions(plain, targets)
        )
        assert gain == 0 if method == "zero-shot" else gain > 0.01
    elif method != "linear":
        order = np.argsort(scores[:, -1], kind="stable")
        np.testing.assert_array_equal(order, np.argsort(plain[:, -1], kind="stable"))


def test_a_choice_is_made_on_the_inner_validation_alone(opponents: ModuleType, given: Any) -> None:
    study = opponents.Study.of(given, 0)
    assert study.watching is not None
    assert len(study.fitting.features) + len(study.watching.features) == len(given.features)
    seen: list[int] = []

    def learn(part: Any, candidate: float) -> Any:
        seen.append(len(part.features))
        return lambda features: candidate * features @ given.zero_shot.T

    assert opponents.choose(study, (-1.0, 1.0), 0.0, learn) == 1.0
    assert seen == [len(study.fitting.features)] * 2
    few = opponents.Study.of(single_answers(given, 20), 0)
    assert opponents.choose(few, (-1.0, 1.0), 0.0, learn) == 0.0


def test_unknown_entries_count_as_absent_only_without_an_inner_validation(
    opponents: ModuleType, given: Any
) -> None:
    study = opponents.Study.of(given, 0)
    assert study.assuming_absent is study
    few = opponents.Study.of(single_answers(given, 20), 0)
    assert few.assuming_absent.whole.complete
    assert (few.assuming_absent.whole.targets == 1).sum() == (few.whole.targets == 1).sum()
