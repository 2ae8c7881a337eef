"""The listwise loss: ranking the images of each class."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.special import logsumexp

from trainer.losses import listwise_loss


def _batch(seed: int, images: int = 12, classes: int = 5) -> tuple[torch.Tensor, ...]:
    r = torch.Generator().manual_seed(seed)
    logits = torch.randn(images, classes, generator=r, dtype=torch.float64) * 3
    targets = (torch.rand(images, classes, generator=r) < 0.3).double()
    mask = (torch.rand(images, classes, generator=r) < 0.7).double()
    return logits, targets, mask


def _by_hand(logits: np.ndarray, targets: np.ndarray, mask: np.ndarray) -> float:
    per_class = []
    for z, y, m in zip(logits.T, targets.T, mask.T, strict=True):
        absent = z[(y == 0) & (m == 1)]
        lists = [logsumexp([p, *absent]) - p for p in z[(y == 1) & (m == 1)] if len(absent)]
        if lists:
            per_class.append(np.mean(lists))
    return float(np.mean(per_class)) if per_class else 0.0


@pytest.mark.parametrize("seed", range(5))
def test_equals_the_sum_over_lists(seed: int) -> None:
    logits, targets, mask = _batch(seed)
    expected = _by_hand(logits.numpy(), targets.numpy(), mask.numpy())
    assert float(listwise_loss(logits, targets, mask)) == pytest.approx(expected, rel=1e-9)


def test_gradient_is_that_of_finite_differences() -> None:
    logits, targets, mask = _batch(1)
    logits.requires_grad_(True)
    assert torch.autograd.gradcheck(lambda z: listwise_loss(z, targets, mask), (logits,))


def test_a_bias_per_class_changes_nothing() -> None:
    logits, targets, mask = _batch(2)
    shifted = logits + torch.linspace(-9, 9, logits.shape[1])
    torch.testing.assert_close(
        listwise_loss(shifted, targets, mask), listwise_loss(logits, targets, mask)
    )


def test_order_of_images_and_of_classes_and_unknown_images_change_nothing() -> None:
    logits, targets, mask = _batch(3)
    whole = listwise_loss(logits, targets, mask)
    rows, columns = torch.randperm(len(logits)), torch.randperm(logits.shape[1])
    z, y, m = (part[rows][:, columns] for part in (logits, targets, mask))
    torch.testing.assert_close(listwise_loss(z, y, m), whole)
    z = torch.cat([logits, torch.full_like(logits, float("inf"))])
    y, m = torch.cat([targets, targets]), torch.cat([mask, torch.zeros_like(mask)])
    torch.testing.assert_close(listwise_loss(z, y, m), whole)


@pytest.mark.parametrize("present", [0.0, 1.0])
def test_a_class_that_is_nowhere_or_everywhere_counts_for_nothing(present: float) -> None:
    logits, targets, mask = _batch(4)
    whole = listwise_loss(logits, targets, mask)
    extra = torch.full((len(logits), 1), present, dtype=logits.dtype)
    widened = listwise_loss(
        torch.cat([logits, extra * 5], 1),
        torch.cat([targets, extra], 1),
        torch.cat([mask, torch.ones_like(extra)], 1),
    )
    torch.testing.assert_close(widened, whole)
    alone = torch.zeros_like(extra, requires_grad=True)
    loss = listwise_loss(alone, extra, torch.ones_like(extra))
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert alone.grad is not None
    assert not alone.grad.any()


@settings(max_examples=examples(100), deadline=None)
@given(
    npst.arrays(
        np.float32, (6, 4), elements=st.floats(allow_nan=False, allow_infinity=False, width=32)
    ),
    npst.arrays(np.bool_, (6, 4)),
    npst.arrays(np.bool_, (6, 4)),
)
def test_finite_in_value_and_gradient_whatever_the_logits(
    logits: np.ndarray, targets: np.ndarray, mask: np.ndarray
) -> None:
    # Two finite logits can differ by more than a float holds; a tower's never come near that.
    z = torch.from_numpy(logits * 1e-3).requires_grad_(True)
    loss = listwise_loss(z, torch.from_numpy(targets).float(), torch.from_numpy(mask).float())
    loss.backward()
    assert torch.isfinite(loss)
    assert z.grad is not None
    assert torch.isfinite(z.grad).all()


@pytest.mark.parametrize("seed", range(3))
def test_unknown_images_count_for_a_part_of_an_absent_one(seed: int) -> None:
    logits, targets, mask = _batch(seed)
    weight = 0.3
    z, y, m = (part.numpy() for part in (logits, targets, mask))
    below = np.where(m == 0, z + np.log(weight), np.where(y == 0, z, -np.inf))
    per_class = [
        np.mean([logsumexp([p, *b]) - p for p in column[present]])
        for column, b, present in zip(z.T, below.T, ((y == 1) & (m == 1)).T, strict=True)
        if present.any()
    ]
    expected = float(np.mean(per_class))
    assert float(listwise_loss(logits, targets, mask, weight)) == pytest.approx(expected, rel=1e-9)


def test_a_present_image_alone_teaches_only_where_unknown_ones_count() -> None:
    logits = torch.zeros(4, 1, dtype=torch.float64)
    targets = mask = torch.tensor([[1.0], [0.0], [0.0], [0.0]], dtype=torch.float64)
    assert float(listwise_loss(logits, targets, mask)) == 0
    assert float(listwise_loss(logits, targets, mask, 0.5)) == pytest.approx(np.log(1 + 3 * 0.5))


def test_where_everything_is_known_the_weight_of_the_unknown_changes_nothing() -> None:
    logits, targets, _ = _batch(4)
    mask = torch.ones_like(targets)
    torch.testing.assert_close(
        listwise_loss(logits, targets, mask, 0.3), listwise_loss(logits, targets, mask)
    )
