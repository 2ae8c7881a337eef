"""The classification losses against independent numpy arithmetic."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from loss_cases import COUNTS, EXTREME, C, balances, counts, data
from numpy.typing import NDArray

from trainer import losses
from trainer.losses import DistributionBalance
from trainer.options import LOSSES, FitOptions


def sig(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def numpy_db(
    z: NDArray[Any],
    y: NDArray[Any],
    m: NDArray[Any],
    n: NDArray[Any],
    total: NDArray[Any],
    *,
    o: DistributionBalance,
    odds: NDArray[Any] | None = None,
) -> float:
    """Entry by entry from DESIGN section 4, which assumes 1 <= n_i < N; ``odds`` for N / n_i
    where that is not so.
    """
    odds = total / n if odds is None else odds
    seen = total > 0
    losses_, known = [], 0
    for k in range(z.shape[0]):
        present = [j for j in range(z.shape[1]) if y[k, j] == 1 and m[k, j] == 1]
        for i in range(z.shape[1]):
            if m[k, i] == 0:
                continue
            known += 1
            if o.rebalance == "rebalance":
                r = (1 / n[i]) / sum(1 / n[j] for j in present) if present else o.mu
                w = o.alpha + sig(o.beta * (r - o.mu))
            elif o.rebalance == "inverse":
                w = (1 / n[i]) / np.mean(1 / n[seen])
            elif o.rebalance == "sqrt-inverse":
                w = n[i] ** -0.5 / np.mean(n[seen] ** -0.5)
            elif o.rebalance == "class-balanced":
                b = o.class_balance_beta
                each = (1 - b) / (1 - b**n)
                w = each[i] / each[seen].mean()
            else:
                w = 1.0
            x = z[k, i]
            if o.negative_tolerant:
                x += -(o.kappa / o.negative_scale) * np.log(odds[i] - 1)
                if y[k, i] == 0:
                    x *= o.negative_scale
                    w /= o.negative_scale
            p_t = sig(x) if y[k, i] == 1 else 1 - sig(x)
            factor = 2 * (1 - p_t) ** 2 if o.focal else 1.0
            surprise = np.logaddexp(0, -x if y[k, i] == 1 else x)
            losses_.append(w * factor * surprise)
    return float(np.sum(losses_) / known)


@pytest.mark.parametrize("options", balances().values(), ids=balances().keys())
@pytest.mark.parametrize("seed", [0, 1])
def test_distribution_balanced_loss_is_the_papers_arithmetic(
    options: DistributionBalance, seed: int
) -> None:
    z, y, m = data(seed)
    got = losses.distribution_balanced_loss(z, y, m, COUNTS, options)
    arrays = (item.numpy() for item in (z, y, m, COUNTS.present, COUNTS.observed))
    assert float(got) == pytest.approx(numpy_db(*arrays, o=options), rel=1e-8)


@pytest.mark.parametrize("options", balances().values(), ids=balances().keys())
def test_classes_never_or_always_present_are_documented(
    options: DistributionBalance,
) -> None:
    """n_i = 0 weighs like 1; for the bias, n_i keeps half an annotation from 0 and from N."""
    z, y, m = data(2)
    m[:, 3] = 0  # nobody annotated it
    y[:, 0], y[:, 1] = 0, 1
    observed = EXTREME.observed.numpy()
    weighing = np.maximum(EXTREME.present.numpy(), 1)
    within = np.clip(EXTREME.present.numpy(), 0.5, np.maximum(observed, 1) - 0.5)
    got = losses.distribution_balanced_loss(z, y, m, EXTREME, options)
    odds = np.maximum(observed, 1) / within
    expected = numpy_db(z.numpy(), y.numpy(), m.numpy(), weighing, observed, o=options, odds=odds)
    assert float(got) == pytest.approx(expected, rel=1e-8)


def test_bce_focal_and_asymmetric_closed_forms() -> None:
    z, y, m = data(1)
    p = sig(z.numpy())
    yy, mm = y.numpy(), m.numpy()
    p_t = np.where(yy == 1, p, 1 - p)
    bce = -np.log(p_t)
    assert float(losses.bce_loss(z, y, m)) == pytest.approx((bce * mm).sum() / mm.sum())
    focal = 2 * (1 - p_t) ** 2 * bce
    assert float(losses.focal_loss(z, y, m)) == pytest.approx((focal * mm).sum() / mm.sum())
    for clip, present, absent in ((0.05, 0.0, 4.0), (0.0, 0.0, 4.0), (0.2, 1.0, 2.0)):
        p_m = np.maximum(p - clip, 0)
        asymmetric = np.where(yy == 1, (1 - p) ** present * bce, -(p_m**absent) * np.log(1 - p_m))
        got = losses.asymmetric_loss(z, y, m, gamma_present=present, gamma_absent=absent, clip=clip)
        assert float(got) == pytest.approx((asymmetric * mm).sum() / mm.sum())


def test_prior_bias_is_finite_and_monotone_where_no_image_or_every_image_has_the_class() -> None:
    c = counts([0, 1, 50, 99, 100, 0], [100, 100, 100, 100, 100, 0])
    bias = losses.prior_bias(c, DistributionBalance())
    assert torch.isfinite(bias).all()
    assert (bias[:5].diff() > 0).all()
    assert float(bias[2]) == pytest.approx(0)
    assert float(bias[5]) == 0


def test_an_image_with_no_present_class_weighs_like_an_average_one() -> None:
    options = DistributionBalance()
    y = torch.zeros(1, C, dtype=torch.float64)
    weights = losses.balance_weights(y, torch.ones_like(y), COUNTS, options)
    assert weights.tolist() == [[pytest.approx(options.alpha + 0.5)] * C]


def test_an_unknown_rebalancing_is_refused() -> None:
    z, y, m = data()
    wrong = replace(DistributionBalance(), rebalance="squared")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="squared"):
        losses.distribution_balanced_loss(z, y, m, COUNTS, wrong)


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_of_the_table_is_made_from_the_options(name: str) -> None:
    logits, targets, mask = (item.float() for item in data())
    logits.requires_grad_(True)
    loss = losses.make_classification_loss(FitOptions(loss=name), COUNTS)(logits, targets, mask)
    loss.backward()
    assert loss.ndim == 0
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    assert logits.grad.any()


def test_the_losses_of_the_table_all_differ() -> None:
    z, y, m = data()
    values = {
        name: float(losses.make_classification_loss(FitOptions(loss=name), COUNTS)(z, y, m))
        for name in LOSSES
    }
    assert len({round(value, 9) for value in values.values()}) == len(LOSSES)


def test_a_loss_is_made_with_the_values_of_its_options() -> None:
    z, y, m = data()
    listwise = losses.make_classification_loss(
        FitOptions(loss="listwise", unknown_weight=0.3), COUNTS
    )
    assert torch.equal(listwise(z, y, m), losses.listwise_loss(z, y, m, 0.3))
    options = FitOptions(rebalance="inverse", focal=False, kappa=0.2, negative_scale=5.0)
    balanced = losses.make_classification_loss(options, COUNTS)
    balance = DistributionBalance(rebalance="inverse", focal=False, kappa=0.2, negative_scale=5.0)
    expected = losses.distribution_balanced_loss(z, y, m, COUNTS, balance)
    assert torch.equal(balanced(z, y, m), expected)
