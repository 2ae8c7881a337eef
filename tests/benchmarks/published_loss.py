"""That the distribution-balanced loss is its authors': the largest difference to their arithmetic.

    python tests/benchmarks/published_loss.py [--draws 200]

Wu et al., "Distribution-Balanced Loss for Multi-Label Classification in Long-Tailed Datasets", ECCV
2020, arXiv 2007.09654, equations 4 to 9, with the settings of both configurations that the authors
released (github wutong16/DistributionBalancedLoss, VOC-MLT and COCO-MLT).  In one place their code
differs from their paper, as they say themselves (their issue 8), and the code made their figures,
so it counts here too: the class bias is divided by the scale of the negatives.  Written from the
formulas in numpy, entry by entry; nothing of it is shared with ``trainer/losses.py``, which gets
complete annotations here, each image with at least one class, as theirs had.  The gradient is
compared with central differences of the numpy loss.

It ends with 1 if any difference is larger than rounding explains (:data:`TOLERANCES`).
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.losses import Counts, DistributionBalance, distribution_balanced_loss

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Released:
    """Names of the paper: r-hat = alpha + sigmoid(beta (r - mu)); lambda; kappa; the focal loss's
    gamma, and the factor before it (``balance_param`` in the code)."""

    alpha: float
    beta: float
    mu: float
    lambda_: float
    kappa: float
    gamma: float = 2.0
    factor: float = 2.0


RELEASED = {
    "VOC-MLT": Released(alpha=0.1, beta=10.0, mu=0.3, lambda_=5.0, kappa=0.05),
    "COCO-MLT": Released(alpha=0.1, beta=10.0, mu=0.2, lambda_=2.0, kappa=0.05),
}
IMAGES, CLASSES, TRAINING = 16, 20, 1142
TOLERANCES = {"loss, double": 1e-10, "loss, single": 2e-6, "gradient, double": 1e-7}
"""Relative.  In double precision the largest difference is torch's softplus, which is x from x = 20
on; the gradient's is that of the central differences."""


def published_loss(logits: Floats, labels: NDArray[np.int64], counts: Floats, o: Released) -> float:
    """Mean over the entries, as the code reduces it.

    Args:
        logits (B, C), labels (B, C) in {0, 1}, counts (C,) training images of every class.
    """
    total = 0.0
    for z, y in zip(logits, labels, strict=True):
        for i in range(len(counts)):
            # Equations 4 to 6: expected over actual sampling frequency, then smoothed.
            expected = 1 / counts[i]
            actual = sum(1 / counts[j] for j in range(len(counts)) if y[j] == 1)
            weight = o.alpha + 1 / (1 + np.exp(-o.beta * (expected / actual - o.mu)))
            # Equations 7 to 9: bias towards the class's prior, negatives scaled.
            prior = counts[i] / TRAINING
            margin = z[i] - o.kappa / o.lambda_ * np.log(1 / prior - 1)
            if y[i] == 1:
                surprise = np.logaddexp(0, -margin)
                scale = 1.0
            else:
                surprise = np.logaddexp(0, o.lambda_ * margin)
                scale = 1 / o.lambda_
            error = -np.expm1(-surprise)  # 1 - p_t, exact where it is small
            total += weight * scale * o.factor * error**o.gamma * surprise
    return total / logits.size


def ours(logits: torch.Tensor, labels: NDArray[Any], counts: Floats, o: Released) -> torch.Tensor:
    """The trainer's, in the precision of ``logits``."""
    kind = logits.dtype
    present = torch.tensor(counts, dtype=kind)
    targets = torch.tensor(labels, dtype=kind)
    options = DistributionBalance(
        rebalance="rebalance",
        alpha=o.alpha,
        beta=o.beta,
        mu=o.mu,
        negative_scale=o.lambda_,
        kappa=o.kappa,
        focal_gamma=o.gamma,
        focal_balance=o.factor,
    )
    observed = Counts(present, torch.full_like(present, TRAINING))
    return distribution_balanced_loss(logits, targets, torch.ones_like(targets), observed, options)


def draw(rng: np.random.Generator) -> tuple[Floats, NDArray[np.int64], Floats]:
    """Logits, labels with one class or more per image, and long-tailed counts."""
    logits = rng.normal(-1, 3, (IMAGES, CLASSES))
    labels = (rng.random((IMAGES, CLASSES)) < 0.15).astype(np.int64)
    labels[np.arange(IMAGES), rng.integers(CLASSES, size=IMAGES)] = 1
    counts = np.rint(np.geomspace(775, 4, CLASSES))
    return logits, labels, counts


def largest_differences(o: Released, draws: int) -> dict[str, float]:
    """Relative, over ``draws`` random batches."""
    rng = np.random.default_rng(0)
    found = dict.fromkeys(TOLERANCES, 0.0)
    for _ in range(draws):
        logits, labels, counts = draw(rng)
        expected = published_loss(logits, labels, counts, o)
        double = torch.tensor(logits, requires_grad=True)
        loss = ours(double, labels, counts, o)
        single = ours(torch.tensor(logits, dtype=torch.float32), labels, counts, o)
        loss.backward()
        assert double.grad is not None
        # One entry: central differences of all would take a thousand times as long.
        place = int(rng.integers(IMAGES)), int(rng.integers(CLASSES))
        step = np.zeros_like(logits)
        step[place] = 1e-5
        slope = (
            published_loss(logits + step, labels, counts, o)
            - published_loss(logits - step, labels, counts, o)
        ) / 2e-5
        largest = float(double.grad.abs().max())
        for name, difference in (
            ("loss, double", abs(loss.item() - expected) / expected),
            ("loss, single", abs(single.item() - expected) / expected),
            ("gradient, double", abs(float(double.grad[place]) - slope) / largest),
        ):
            found[name] = max(found[name], difference)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--draws", type=int, default=200, metavar="N", help="random batches")
    asked = parser.parse_args()
    right = True
    for configuration, settings in RELEASED.items():
        for name, difference in largest_differences(settings, asked.draws).items():
            fits = difference <= TOLERANCES[name]
            right = right and fits
            word = "rounding" if fits else "DIFFERENT"
            print(
                f"{configuration:9} {name:17} largest relative difference {difference:.1e}  {word}"
            )
    return 0 if right else 1


if __name__ == "__main__":
    raise SystemExit(main())
