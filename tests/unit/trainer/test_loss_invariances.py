"""What holds for every loss with every switch: gradients, what changes nothing, no NaN."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from loss_cases import COUNTS, EXTREME, LOSSES, B, C, Loss, balances, data
from numpy.typing import NDArray

from trainer import losses
from trainer.losses import Counts

each_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())
each_counts = pytest.mark.parametrize("counts", [COUNTS, EXTREME], ids=["usual", "extreme"])


def assert_same(one: torch.Tensor, other: torch.Tensor) -> None:
    torch.testing.assert_close(one, other, rtol=1e-12, atol=0)


@each_loss
@each_counts
def test_gradients_are_those_of_finite_differences(loss: Loss, counts: Counts) -> None:
    z, y, m = data(3)
    z.requires_grad_(True)
    assert torch.autograd.gradcheck(lambda x: loss(x, y, m, counts), (z,))


@each_loss
@each_counts
def test_order_of_images_does_not_matter(loss: Loss, counts: Counts) -> None:
    z, y, m = data(4)
    order = torch.randperm(B, generator=torch.Generator().manual_seed(1))
    assert_same(loss(z[order], y[order], m[order], counts), loss(z, y, m, counts))


@each_loss
@each_counts
def test_order_of_classes_does_not_matter(loss: Loss, counts: Counts) -> None:
    z, y, m = data(5)
    order = torch.randperm(C, generator=torch.Generator().manual_seed(2))
    shuffled = Counts(counts.present[order], counts.observed[order])
    assert_same(loss(z[:, order], y[:, order], m[:, order], shuffled), loss(z, y, m, counts))


@each_loss
@pytest.mark.parametrize("anything", [float("inf"), float("-inf"), float("nan"), 1e300])
def test_unknown_entries_and_images_change_nothing_whatever_they_hold(
    loss: Loss, anything: float
) -> None:
    """Unknown entries are replaced, and images of which nothing is known added twice."""
    z, y, m = data(6)
    plain = loss(z, y, m, COUNTS)
    wild = torch.where(m > 0, z, torch.full_like(z, anything))
    flipped = torch.where(m > 0, y, 1 - y)
    unknown = torch.full_like(z, anything)
    scores = torch.cat([wild, unknown, unknown]).requires_grad_(True)
    padded = loss(scores, torch.cat([flipped, y, y]), torch.cat([m, torch.zeros(2 * B, C)]), COUNTS)
    assert_same(padded, plain)
    padded.backward()
    assert scores.grad is not None
    assert (scores.grad[:B][m == 0] == 0).all()
    assert (scores.grad[B:] == 0).all()
    assert torch.isfinite(scores.grad).all()


@each_loss
def test_classes_that_nobody_annotated_change_nothing(loss: Loss) -> None:
    """Two of them added, one at each end; weights are relative to the annotated classes."""
    z, y, m = data(8)
    nobody = torch.zeros(B, 1, dtype=z.dtype)
    wide = (torch.cat([nobody + 5, z, nobody - 5], 1), torch.cat([nobody, y, nobody], 1))
    none = torch.zeros(1, dtype=z.dtype)
    counts = Counts(*(torch.cat([none, x, none]) for x in (COUNTS.present, COUNTS.observed)))
    more = loss(*wide, torch.cat([nobody, m, nobody], 1), counts)
    torch.testing.assert_close(more, loss(z, y, m, COUNTS), rtol=1e-12, atol=0)


@each_loss
@each_counts
def test_nothing_known_gives_zero_with_a_zero_gradient(loss: Loss, counts: Counts) -> None:
    z, y, m = data(7)
    z.requires_grad_(True)
    value = loss(z, y, torch.zeros_like(m), counts)
    value.backward()
    assert float(value.detach()) == 0
    assert z.grad is not None
    assert (z.grad == 0).all()


@each_loss
@settings(max_examples=15, deadline=None)
@given(
    z=hnp.arrays(
        np.float32,
        (4, 3),
        elements=st.one_of(
            st.floats(-(2.0**100), 2.0**100, width=32),
            st.sampled_from([0.0, 88.5, -88.5, 104.0, -104.0, 1e-45]),
        ),
    ),
    y=hnp.arrays(np.float32, (4, 3), elements=st.sampled_from([0.0, 1.0])),
    m=hnp.arrays(np.float32, (4, 3), elements=st.sampled_from([0.0, 1.0])),
    n=hnp.arrays(np.float32, (2, 3), elements=st.integers(0, 1_000_000)),
)
def test_finite_with_finite_gradients_over_wild_inputs(
    loss: Loss, z: NDArray[Any], y: NDArray[Any], m: NDArray[Any], n: NDArray[Any]
) -> None:
    """In single precision, logits up to 1e30, classes never and always present."""
    logits = torch.tensor(z, requires_grad=True)
    c = Counts(torch.tensor(n[0]), torch.tensor(n.sum(0)))
    value = loss(logits, torch.tensor(y), torch.tensor(m), c)
    value.backward()
    assert torch.isfinite(value)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


@settings(max_examples=examples(100), deadline=None)
@given(
    name=st.sampled_from(sorted(balances())),
    alpha=st.floats(-10, 10),
    beta=st.floats(-1e6, 1e6),
    mu=st.floats(-1e6, 1e6),
    kappa=st.floats(-100, 100),
    scale=st.floats(0.01, 100),
    gamma=st.floats(0, 10),
    seed=st.integers(0, 1000),
)
def test_finite_with_finite_gradients_for_wild_settings(
    name: str, *, seed: int, **chosen: float
) -> None:
    options = replace(
        balances()[name],
        alpha=chosen["alpha"],
        beta=chosen["beta"],
        mu=chosen["mu"],
        kappa=chosen["kappa"],
        negative_scale=chosen["scale"],
        focal_gamma=chosen["gamma"],
    )
    z, y, m = (item.float() for item in data(seed))
    z = (z * 1000).requires_grad_(True)
    c = Counts(EXTREME.present.float(), EXTREME.observed.float())
    value = losses.distribution_balanced_loss(z, y, m, c, options)
    value.backward()
    assert torch.isfinite(value)
    assert z.grad is not None
    assert torch.isfinite(z.grad).all()
