"""AdamW and SGD by torch's own functions, without torch's optimiser classes.

The classes load torch's compiler when the first one is made.  A run never compiles anything, and
loading it costs as much processor time as a small run's steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.optim.adamw import adamw
from torch.optim.sgd import sgd

BETAS = (0.9, 0.999)
EPSILON = 1e-8


@dataclass(frozen=True)
class Group:
    """Tensors that learn alike.

    rate: of a schedule whose factor is 1.
    decay: of the weights, decoupled from the gradient by AdamW.
    """

    tensors: Sequence[Tensor]
    rate: float
    decay: float = 0.0


class Optimiser:
    """Changes the tensors of ``groups`` along their gradients, in place.

    Args:
        momentum: of SGD.
    """

    def __init__(
        self, groups: Sequence[Group], kind: Literal["adamw", "sgd"], *, momentum: float = 0.0
    ) -> None:
        self._groups, self._kind, self._momentum = list(groups), kind, momentum
        self._all = [tensor for group in self._groups for tensor in group.tensors]
        self._state: dict[int, dict[str, Tensor]] = {}

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for tensor in self._all:
            tensor.grad = None

    @torch.no_grad()
    def step(self, factor: float) -> None:
        """One step at ``factor`` times the groups' rates; a tensor without a gradient stays."""
        first = 0
        for group in self._groups:
            numbers = range(first, first + len(group.tensors))
            first += len(group.tensors)
            moved = [number for number in numbers if self._all[number].grad is not None]
            if moved:
                advance = self._adamw if self._kind == "adamw" else self._sgd
                advance(moved, group.rate * factor, group.decay)

    def _adamw(self, numbers: list[int], rate: float, decay: float) -> None:
        tensors = [self._all[number] for number in numbers]
        for number, tensor in zip(numbers, tensors, strict=True):
            if number not in self._state:
                self._state[number] = {
                    "step": torch.tensor(0.0),
                    "exp_avg": torch.zeros_like(tensor),
                    "exp_avg_sq": torch.zeros_like(tensor),
                }
        adamw(
            tensors,
            _gradients(tensors),
            [self._state[number]["exp_avg"] for number in numbers],
            [self._state[number]["exp_avg_sq"] for number in numbers],
            [],
            [self._state[number]["step"] for number in numbers],
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=rate,
            weight_decay=decay,
            eps=EPSILON,
            maximize=False,
        )

    def _sgd(self, numbers: list[int], rate: float, decay: float) -> None:
        tensors = [self._all[number] for number in numbers]
        buffers = [self._state.get(number, {}).get("momentum_buffer") for number in numbers]
        sgd(
            tensors,
            _gradients(tensors),
            buffers,
            lr=rate,
            weight_decay=decay,
            momentum=self._momentum,
            dampening=0.0,
            nesterov=False,
            maximize=False,
        )
        for number, buffer in zip(numbers, buffers, strict=True):
            if buffer is not None:
                self._state[number] = {"momentum_buffer": buffer}

    def state(self) -> dict[str, Tensor]:
        """Moments and counts of steps, by names for a checkpoint."""
        return {
            f"optimiser.{number}.{name}": value
            for number, values in self._state.items()
            for name, value in values.items()
        }

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on from a :meth:`state`; names of other things are passed over."""
        self._state = {}
        for key, value in tensors.items():
            if key.startswith("optimiser."):
                _, number, name = key.split(".", 2)
                # torch counts steps on the CPU.
                place = value.device if name == "step" else self._all[int(number)].device
                self._state.setdefault(int(number), {})[name] = value.to(place)


def _gradients(tensors: list[Tensor]) -> list[Tensor]:
    return [tensor.grad for tensor in tensors if tensor.grad is not None]
