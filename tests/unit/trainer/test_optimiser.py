"""The optimiser against torch's classes, whose functions it calls."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from torch import Tensor

from trainer.optimiser import Group, Optimiser

RATES, DECAYS = (0.1, 0.03), (0.2, 0.0)


def start() -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(size, generator=generator) for size in (4, 3)]


def advance(tensors: list[Tensor], step: int) -> None:
    """Gradients of one step; the second tensor has none in the first."""
    generator = torch.Generator().manual_seed(10 + step)
    for place, tensor in enumerate(tensors):
        gradient = torch.randn(tensor.shape, generator=generator)
        tensor.grad = gradient if place == 0 or step > 0 else None


def of_torch(kind: str, tensors: list[Tensor]) -> torch.optim.Optimizer:
    groups = [
        {"params": [tensor], "lr": rate, "weight_decay": decay}
        for tensor, rate, decay in zip(tensors, RATES, DECAYS, strict=True)
    ]
    if kind == "sgd":
        return torch.optim.SGD(groups, lr=1.0, momentum=0.9)
    return torch.optim.AdamW(groups, lr=1.0)


def ours(kind: Literal["adamw", "sgd"], tensors: list[Tensor]) -> Optimiser:
    groups = [
        Group([tensor], rate, decay)
        for tensor, rate, decay in zip(tensors, RATES, DECAYS, strict=True)
    ]
    return Optimiser(groups, kind, momentum=0.9)


@pytest.mark.parametrize("kind", ["adamw", "sgd"])
def test_steps_are_torchs_also_after_going_on_from_a_checkpoint(
    kind: Literal["adamw", "sgd"],
) -> None:
    theirs, mine = start(), start()
    reference, optimiser = of_torch(kind, theirs), ours(kind, mine)
    for step, factor in enumerate((1.0, 0.5, 0.25, 0.1)):
        if step == 2:
            kept = {name: value.clone() for name, value in optimiser.state().items()}
            optimiser = ours(kind, mine)
            optimiser.restore(kept | {"contexts": torch.zeros(1)})
        for group, rate in zip(reference.param_groups, RATES, strict=True):
            group["lr"] = rate * factor
        advance(theirs, step)
        advance(mine, step)
        reference.step()
        optimiser.step(factor)
        for one, other in zip(theirs, mine, strict=True):
            assert torch.equal(one, other)


def test_gradients_are_forgotten() -> None:
    mine = start()
    optimiser = ours("adamw", mine)
    advance(mine, 1)
    optimiser.zero_grad()
    before = [tensor.clone() for tensor in mine]
    optimiser.step(1.0)
    assert all(torch.equal(one, other) for one, other in zip(before, mine, strict=True))
