"""The window's numpy figures are those of the trainer's losses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lmpt_desktop.inference.loss_figures import LossFigures, loss_figures
from trainer import losses
from trainer.options import FitOptions


def figures(targets: NDArray[np.int8], options: FitOptions | None = None) -> LossFigures:
    rows, columns = np.nonzero(targets)
    return loss_figures(targets.sum(axis=0, dtype=np.int64), rows, columns, options)


@settings(deadline=None)
@given(
    seed=st.integers(0, 999),
    soft=st.booleans(),
    reweight=st.booleans(),
    gamma=st.floats(0.1, 1.5),
    mu=st.floats(0.1, 0.4),
)
def test_they_are_what_the_trainer_would_use(
    seed: int, soft: bool, reweight: bool, gamma: float, mu: float
) -> None:
    rng = np.random.default_rng(seed)
    targets = (rng.random((30, 6)) < [0.9, 0.5, 0.3, 0.1, 0.05, 0.02]).astype(np.int8)
    seen = targets.any(axis=0)
    options = FitOptions(
        soft_margin=soft, reweight=reweight, reweight_gamma=gamma, mu=mu, margin=0.7
    )
    found = figures(targets, options)

    # A training takes only the classes that have an example.
    taken = torch.tensor(targets[:, seen], dtype=torch.float64)
    mask = torch.ones_like(taken)
    switches = losses.EmbeddingLoss(margin=0.7, soft_margin=soft, reweight=reweight, gamma=gamma)
    counts = losses.Counts.of(taken, mask)
    weights = losses.class_weights(counts.present, switches)
    np.testing.assert_allclose(found.weights[seen], weights.numpy(), rtol=1e-9)
    margins = losses.class_margins(counts.present, switches)
    np.testing.assert_allclose(found.margins[seen], margins.numpy(), rtol=1e-9)
    balance = losses.balance_weights(taken, mask, counts, losses.DistributionBalance(mu=mu))
    mean = (balance * taken).sum(0) / taken.sum(0)
    np.testing.assert_allclose(found.balance[seen], mean.numpy(), rtol=1e-9)
    for values in (found.weights, found.margins, found.balance):
        assert np.isnan(values[~seen]).all()


def test_rare_classes_weigh_more_and_keep_further_away() -> None:
    found = figures((np.arange(100)[:, None] < np.array([100, 25, 1])).astype(np.int8))
    assert found.weights.sum() == pytest.approx(1.0)
    assert found.weights[0] < found.weights[1] < found.weights[2]
    assert found.margins.tolist() == pytest.approx([0.4 / 100**0.25, 0.4 / 25**0.25, 0.4])


def test_without_an_example_there_is_nothing_to_say() -> None:
    found = figures(np.zeros((5, 3), np.int8))
    assert np.isnan(found.weights).all() and np.isnan(found.balance).all()
