"""The losses against independent numpy arithmetic, gradients and invariances."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from trainer import losses
from trainer.losses import Counts, DistributionBalance, EmbeddingLoss

B, C = 7, 5
Loss = Any


def data(seed: int = 0, known: float = 0.8) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    r = np.random.default_rng(seed)
    logits = torch.tensor(r.normal(scale=3, size=(B, C)))
    targets = torch.tensor((r.random((B, C)) < 0.4).astype(float))
    mask = torch.tensor((r.random((B, C)) < known).astype(float))
    return logits, targets, mask


def counts(present: list[float], observed: list[float]) -> Counts:
    return Counts(
        torch.tensor(present, dtype=torch.float64), torch.tensor(observed, dtype=torch.float64)
    )


COUNTS = counts([100.0, 40.0, 12.0, 3.0, 1.0], [150.0, 120.0, 150.0, 90.0, 150.0])


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
) -> float:
    """Entry by entry from DESIGN section 4 (every n_i >= 1 and < N, as the paper assumes)."""
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
                w = (1 / n[i]) / np.mean(1 / n)
            elif o.rebalance == "sqrt-inverse":
                w = n[i] ** -0.5 / np.mean(n**-0.5)
            elif o.rebalance == "class-balanced":
                b = o.class_balance_beta
                each = (1 - b) / (1 - b**n)
                w = each[i] / each.mean()
            else:
                w = 1.0
            x = z[k, i]
            if o.negative_tolerant:
                x += -(o.kappa / o.negative_scale) * np.log(total[i] / n[i] - 1)
                if y[k, i] == 0:
                    x *= o.negative_scale
                    w /= o.negative_scale
            p_t = sig(x) if y[k, i] == 1 else 1 - sig(x)
            factor = 2 * (1 - p_t) ** 2 if o.focal else 1.0
            losses_.append(-w * factor * np.log(p_t))
    return float(np.sum(losses_) / known)


@pytest.mark.parametrize("rebalance", losses.REBALANCE)
@pytest.mark.parametrize("negative_tolerant", [True, False])
@pytest.mark.parametrize("focal", [True, False])
def test_distribution_balanced_loss_is_the_papers_arithmetic(
    rebalance: losses.Rebalance, negative_tolerant: bool, focal: bool
) -> None:
    options = DistributionBalance(
        rebalance=rebalance, negative_tolerant=negative_tolerant, focal=focal, negative_scale=5.0
    )
    z, y, m = data()
    got = losses.distribution_balanced_loss(z, y, m, COUNTS, options)
    arrays = (item.numpy() for item in (z, y, m, COUNTS.present, COUNTS.observed))
    assert float(got) == pytest.approx(numpy_db(*arrays, o=options), rel=1e-10)


def all_losses() -> dict[str, Loss]:
    named: dict[str, Loss] = {
        "bce": lambda z, y, m, c: losses.bce_loss(z, y, m),
        "focal": lambda z, y, m, c: losses.focal_loss(z, y, m),
        "asymmetric": lambda z, y, m, c: losses.asymmetric_loss(z, y, m),
        "asymmetric, no clip": lambda z, y, m, c: losses.asymmetric_loss(z, y, m, clip=0.0),
        "embedding": lambda z, y, m, c: losses.class_specific_embedding_loss(
            torch.tanh(z), y, m, c.present
        ),
    }
    for mode in losses.REBALANCE:
        options = DistributionBalance(rebalance=mode)
        named[f"db {mode}"] = lambda z, y, m, c, o=options: losses.distribution_balanced_loss(
            z, y, m, c, o
        )
    return named


LOSSES = all_losses()
each_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())


def test_bce_focal_and_asymmetric_closed_forms() -> None:
    z, y, m = data(1)
    p = sig(z.numpy())
    yy, mm = y.numpy(), m.numpy()
    p_t = np.where(yy == 1, p, 1 - p)
    bce = -np.log(p_t)
    assert float(losses.bce_loss(z, y, m)) == pytest.approx((bce * mm).sum() / mm.sum())
    focal = 2 * (1 - p_t) ** 2 * bce
    assert float(losses.focal_loss(z, y, m)) == pytest.approx((focal * mm).sum() / mm.sum())
    p_m = np.maximum(p - 0.05, 0)
    asymmetric = np.where(yy == 1, bce, -(p_m**4) * np.log(1 - p_m))
    assert float(losses.asymmetric_loss(z, y, m)) == pytest.approx(
        (asymmetric * mm).sum() / mm.sum()
    )


@pytest.mark.parametrize("soft", [True, False])
@pytest.mark.parametrize("reweight", [True, False])
def test_embedding_loss_is_the_papers_arithmetic(soft: bool, reweight: bool) -> None:
    options = EmbeddingLoss(margin=0.8, soft_margin=soft, reweight=reweight, gamma=0.5)
    z, y, m = data(2, known=1.0)
    similarity = torch.tanh(z)
    n = COUNTS.present.numpy()
    w = n**-0.5 / (n**-0.5).sum() if reweight else np.full(C, 1 / C)
    margin = 0.8 * n**-0.25 if soft else np.full(C, 0.8)
    d = 1 - similarity.numpy()
    entry = np.where(y.numpy() == 1, d, np.maximum(0, margin - d))
    got = losses.class_specific_embedding_loss(similarity, y, m, COUNTS.present, options)
    # With everything known: the mean over images of sum_i w_i (...).
    assert float(got) == pytest.approx((w * entry).sum(1).mean())


def test_embedding_loss_pulls_matching_pairs_together_and_pushes_others_only_to_the_margin() -> (
    None
):
    similarity = torch.tensor([[0.2, 0.9, -0.5]], dtype=torch.float64, requires_grad=True)
    y = torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64)
    n = torch.ones(3, dtype=torch.float64)
    losses.class_specific_embedding_loss(similarity, y, torch.ones_like(y), n).backward()
    assert similarity.grad is not None
    toward, apart, enough = similarity.grad[0].tolist()
    assert toward < 0 < apart
    assert enough == 0


def test_rare_classes_get_wider_margins_and_larger_weights() -> None:
    n = COUNTS.present
    margins = losses.class_margins(n, EmbeddingLoss())
    weights = losses.class_weights(n, EmbeddingLoss())
    assert (margins.diff() > 0).all()
    assert (weights.diff() > 0).all()
    assert float(weights.sum()) == pytest.approx(1.0)


@each_loss
def test_gradients_are_those_of_finite_differences(loss: Loss) -> None:
    z, y, m = data(3)
    z.requires_grad_(True)
    assert torch.autograd.gradcheck(lambda x: loss(x, y, m, COUNTS), (z,))


@each_loss
def test_order_of_images_does_not_matter(loss: Loss) -> None:
    z, y, m = data(4)
    order = torch.randperm(B, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(
        loss(z[order], y[order], m[order], COUNTS), loss(z, y, m, COUNTS), rtol=1e-12, atol=0
    )


@each_loss
def test_order_of_classes_does_not_matter(loss: Loss) -> None:
    z, y, m = data(5)
    order = torch.randperm(C, generator=torch.Generator().manual_seed(2))
    shuffled = Counts(COUNTS.present[order], COUNTS.observed[order])
    torch.testing.assert_close(
        loss(z[:, order], y[:, order], m[:, order], shuffled),
        loss(z, y, m, COUNTS),
        rtol=1e-12,
        atol=0,
    )


@each_loss
def test_unknown_entries_and_images_change_nothing(loss: Loss) -> None:
    z, y, m = data(6)
    z.requires_grad_(True)
    plain = loss(z, y, m, COUNTS)
    wild = torch.where(m > 0, z, torch.full_like(z, float("inf")))
    flipped = torch.where(m > 0, y, 1 - y)
    more = [torch.cat([a, b]) for a, b in ((wild, z), (flipped, y), (m, torch.zeros_like(m)))]
    padded = loss(*more, COUNTS)
    torch.testing.assert_close(padded, plain, rtol=1e-12, atol=0)
    padded.backward()
    assert z.grad is not None
    assert (z.grad[m == 0] == 0).all()


@each_loss
def test_nothing_known_gives_zero_with_a_zero_gradient(loss: Loss) -> None:
    z, y, m = data(7)
    z.requires_grad_(True)
    value = loss(z, y, torch.zeros_like(m), COUNTS)
    value.backward()
    assert float(value.detach()) == 0
    assert z.grad is not None
    assert (z.grad == 0).all()


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


@each_loss
@settings(max_examples=25, deadline=None)
@given(
    z=hnp.arrays(np.float32, (4, 3), elements=st.floats(-1e6, 1e6, width=32)),
    y=hnp.arrays(np.float32, (4, 3), elements=st.sampled_from([0.0, 1.0])),
    m=hnp.arrays(np.float32, (4, 3), elements=st.sampled_from([0.0, 1.0])),
    n=hnp.arrays(np.float32, (2, 3), elements=st.integers(0, 1_000_000)),
)
def test_finite_with_finite_gradients_over_wild_inputs(
    loss: Loss,
    z: NDArray[Any],
    y: NDArray[Any],
    m: NDArray[Any],
    n: NDArray[Any],
) -> None:
    logits = torch.tensor(z, requires_grad=True)
    c = Counts(torch.tensor(n[0]), torch.tensor(n.sum(0)))
    value = loss(logits, torch.tensor(y), torch.tensor(m), c)
    value.backward()
    assert torch.isfinite(value)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_an_unknown_rebalancing_is_refused() -> None:
    z, y, m = data()
    wrong = replace(DistributionBalance(), rebalance="squared")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="squared"):
        losses.distribution_balanced_loss(z, y, m, COUNTS, wrong)


def test_side_by_side_tokens_compare_only_where_both_have_tokens() -> None:
    r = np.random.default_rng(0)
    q, p = torch.tensor(r.normal(size=(2, 6, 3))), torch.tensor(r.normal(size=(3, 4, 3)))
    qm = torch.tensor([[1.0] * 5 + [0], [1, 1, 0, 0, 0, 0]], dtype=torch.float64)
    pm = torch.tensor([[1.0, 1, 1, 0], [1, 1, 1, 1], [1, 0, 0, 0]], dtype=torch.float64)
    got = losses.token_similarity(q, qm, p, pm)
    for b, i in np.ndindex(2, 3):
        both = [t for t in range(4) if qm[b, t] and pm[i, t]]
        u, v = q[b, both].flatten(), p[i, both].flatten()
        assert float(got[b, i]) == pytest.approx(float(u @ v / (u.norm() * v.norm())))


def test_mean_tokens_ignore_padding_and_order() -> None:
    r = np.random.default_rng(1)
    q, p = torch.tensor(r.normal(size=(1, 3, 4))), torch.tensor(r.normal(size=(2, 2, 4)))
    ones = torch.ones(1, 3, dtype=torch.float64)
    got = losses.mean_token_similarity(q, ones, p, torch.ones(2, 2, dtype=torch.float64))
    padded = torch.cat([q.flip(1), torch.full((1, 2, 4), 9.0, dtype=torch.float64)], 1)
    mask = torch.tensor([[1.0, 1, 1, 0, 0]], dtype=torch.float64)
    again = losses.mean_token_similarity(padded, mask, p, torch.ones(2, 2, dtype=torch.float64))
    torch.testing.assert_close(got, again)
