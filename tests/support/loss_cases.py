"""Every classification loss with every switch, and small examples to try them on."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import get_args

import numpy as np
import torch
from torch import Tensor

from trainer import losses
from trainer.losses import Counts, DistributionBalance
from trainer.options import Rebalance

B, C = 7, 5
Loss = Callable[[Tensor, Tensor, Tensor, Counts], Tensor]
"""Of logits, targets and mask (B, C), and counts."""


def data(seed: int = 0, known: float = 0.8) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, targets and mask, (B, C) float64."""
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
EXTREME = counts([0.0, 150.0, 12.0, 0.0, 1.0], [150.0, 150.0, 150.0, 0.0, 1.0])
"""Classes never present, always present, never annotated, annotated once."""


def balances() -> dict[str, DistributionBalance]:
    """All twenty combinations of the distribution-balanced loss's switches."""
    return {
        f"db {mode}{', tolerant' if tolerant else ''}{', focal' if focal else ''}": (
            DistributionBalance(
                rebalance=mode, negative_tolerant=tolerant, focal=focal, negative_scale=5.0
            )
        )
        for mode, tolerant, focal in product(get_args(Rebalance), (True, False), (True, False))
    }


def _balanced(options: DistributionBalance) -> Loss:
    return lambda z, y, m, c: losses.distribution_balanced_loss(z, y, m, c, options)


LOSSES: dict[str, Loss] = {
    "bce": lambda z, y, m, c: losses.bce_loss(z, y, m),
    "focal": lambda z, y, m, c: losses.focal_loss(z, y, m),
    "focal, gamma 0.5": lambda z, y, m, c: losses.focal_loss(z, y, m, gamma=0.5),
    "asymmetric": lambda z, y, m, c: losses.asymmetric_loss(z, y, m),
    "asymmetric, gamma 0.5": lambda z, y, m, c: losses.asymmetric_loss(
        z, y, m, gamma_present=0.5, gamma_absent=0.5
    ),
    "asymmetric, no clip": lambda z, y, m, c: losses.asymmetric_loss(z, y, m, clip=0.0),
    "listwise": lambda z, y, m, c: losses.listwise_loss(z, y, m),
    "embedding": lambda z, y, m, c: losses.class_specific_embedding_loss(0.1 * z, y, m, c.present),
} | {name: _balanced(options) for name, options in balances().items()}
