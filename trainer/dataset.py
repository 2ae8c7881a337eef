"""The stratified split into training and held-out images, and job data as tensors.

The split is by image.  Every class with two or more present annotations gets at least one in
each part.  Images have several classes, so this is solved greedily (rarest class first, as in
Sechidis et al. 2011) and then repaired.  Images held out by an earlier run stay held out;
otherwise a comparison with that run's prompt set would favour the older one.

If no such split exists, as few classes as possible are one-sided: when all images of a class were
assigned earlier, or when classes with two images each form an odd cycle (A on photos 1 and 2, B on
2 and 3, C on 3 and 1: of any two parts, one has two of the three photos and so a whole class).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.job import HELD_OUT, PRESENT, TRAIN, UNASSIGNED

Targets = NDArray[np.int8]
Split = NDArray[np.int8]
_REPAIR_MOVES = 1000
_REPAIR_NOISE = 0.2


def split_images(
    targets: Targets, assigned: Split, *, fraction: float = 0.2, seed: int = 0
) -> Split:
    """Assign every annotated image to the training or the held-out part.

    Args:
        targets: (N, C) int8.
        assigned: (N,) int8, parts assigned by earlier runs; -1 where this run decides.
        fraction: share of each class's present annotations to hold out; 0 holds out no further
            images.

    Returns:
        (N,) int8: 0 train, 1 held out, -1 for an image without any annotation.
    """
    rng = np.random.default_rng(seed)
    present = targets == PRESENT
    annotated = (targets >= 0).any(1)
    split = np.where(annotated, assigned, UNASSIGNED).astype(np.int8)
    free = annotated & (assigned == UNASSIGNED)
    if fraction <= 0:
        split[free] = TRAIN
        _ensure_training_images(split, free)
        return split
    counts = present.sum(0)
    requested = np.where(counts >= 2, np.maximum(1, np.rint(fraction * counts)), 0).astype(int)
    requested = np.minimum(requested, np.maximum(counts - 1, 0))
    for index in sorted(np.flatnonzero(counts >= 2), key=lambda i: (counts[i], i)):
        undecided = present[:, index] & free & (split == UNASSIGNED)
        _fill_class(present, split, np.flatnonzero(undecided), int(index), requested, rng=rng)
    rest = np.flatnonzero(annotated & (split == UNASSIGNED))
    with_present = present[rest].any(1)
    split[rest[with_present]] = TRAIN
    # Images with absent annotations only have no class to stratify by.
    absent_only = rng.permutation(rest[~with_present])
    held = round(fraction * len(absent_only))
    split[absent_only[:held]], split[absent_only[held:]] = HELD_OUT, TRAIN
    _repair(present, split, free, rng)
    _ensure_training_images(split, free)
    return split


def _fill_class(
    present: NDArray[np.bool_],
    split: Split,
    undecided: NDArray[np.intp],
    index: int,
    requested: NDArray[np.int_],
    *,
    rng: np.random.Generator,
) -> None:
    """Assign the undecided images of one class: hold out as many as the class still needs, and
    train on the others.  Images that also help other classes are preferred.
    """
    has_class = present[:, index]
    split[undecided] = TRAIN
    missing = int(requested[index]) - int((has_class & (split == HELD_OUT)).sum())
    if missing > 0 and len(undecided):
        held = (present & (split == HELD_OUT)[:, None]).sum(0)
        # +1 for each class helped, -1 for each filled beyond its share; ties at random.
        gain = present[undecided].astype(float) @ np.where(held < requested, 1.0, -1.0)
        order = np.lexsort((rng.random(len(undecided)), np.negative(gain)))
        chosen = undecided[order[:missing]]
        if len(chosen) == len(undecided) and (has_class & (split == TRAIN)).sum() == len(chosen):
            chosen = chosen[:-1]
        split[chosen] = HELD_OUT


def _repair(
    present: NDArray[np.bool_], split: Split, free: NDArray[np.bool_], rng: np.random.Generator
) -> None:
    """Move images between the parts until no class with two or more present is one-sided.

    A split in which every class is in both parts is a two-colouring of a hypergraph.  A random
    walk that repairs one class at a time, sometimes at the expense of another, finds one where
    hill-climbing gets stuck (Selman et al. 1994).  If there is none, the best split seen is kept.
    """
    repairable = (present.sum(0) >= 2) & present[free].any(0)
    train, held = (present[split == part].sum(0) for part in (TRAIN, HELD_OUT))

    def one_sided(train: NDArray[np.int_], held: NDArray[np.int_]) -> NDArray[np.bool_]:
        return repairable & ((train == 0) | (held == 0))

    best, fewest = split.copy(), len(repairable) + 1
    for _ in range(_REPAIR_MOVES):
        wrong = np.flatnonzero(one_sided(train, held))
        if len(wrong) < fewest:
            best, fewest = split.copy(), len(wrong)
        if not len(wrong):
            break
        images = rng.permutation(np.flatnonzero(present[:, rng.choice(wrong)] & free))
        # +1 where the image moves to training, -1 where it leaves it.
        change = np.where(split[images] == HELD_OUT, 1, -1)[:, None] * present[images]
        choice = 0
        if rng.random() >= _REPAIR_NOISE:
            choice = int(one_sided(train + change, held - change).sum(1).argmin())
        split[images[choice]] = HELD_OUT if split[images[choice]] == TRAIN else TRAIN
        train, held = train + change[choice], held - change[choice]
    split[:] = best


def _ensure_training_images(split: Split, free: NDArray[np.bool_]) -> None:
    if (split == TRAIN).any():
        return
    movable = np.flatnonzero(free & (split == HELD_OUT))
    if len(movable):
        split[movable[: max(1, len(movable) // 2)]] = TRAIN


@dataclass(frozen=True)
class TensorData:
    """One part of a job on the device.

    features: (N, D) float32, unit norm; targets, mask: (N, C) float32, mask the weight of what is
        known, 0 where nothing is.
    captions: (N,) int64, row of each image's caption among the distinct captions, -1 for none.
    """

    features: Tensor
    targets: Tensor
    mask: Tensor
    captions: Tensor

    def __len__(self) -> int:
        return len(self.features)

    def rows(self, index: Tensor) -> TensorData:
        """The images at ``index``."""
        return TensorData(
            self.features[index], self.targets[index], self.mask[index], self.captions[index]
        )


def to_tensors(
    features: NDArray[np.float32],
    targets: Targets,
    captions: Tensor,
    device: torch.device | str,
    weights: NDArray[np.float32] | None = None,
) -> TensorData:
    """Features (N, D), as they are, and masked targets as tensors on ``device``; ``weights`` (N, C)
    of what is known, default 1."""
    raw = torch.from_numpy(np.ascontiguousarray(targets)).to(device)
    mask = (raw >= 0).float()
    if weights is not None:
        mask *= torch.from_numpy(weights).to(device)
    return TensorData(
        features=torch.from_numpy(np.ascontiguousarray(features)).to(device),
        targets=(raw == PRESENT).float(),
        mask=mask,
        captions=captions.to(device),
    )


def batch_rows(count: int, size: int, step: int, seed: int, weights: Tensor | None) -> Tensor:
    """Image rows of one step, (min(size, count),) int64.  They depend on the arguments alone, so a
    resumed run sees the same batches.

    Args:
        weights: (count,) for drawing with replacement (class-balanced sampling), or None to use
            every image once per epoch, in shuffled order.
    """
    if weights is not None:
        drawn = torch.Generator().manual_seed(seed * 1_000_003 + step)
        return torch.multinomial(weights.cpu(), min(size, count), True, generator=drawn)
    if size >= count:
        return torch.arange(count)
    per_epoch = count // size
    epoch, place = divmod(step, per_epoch)
    shuffled = torch.randperm(
        count, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    )
    return shuffled[place * size : (place + 1) * size]


def balanced_weights(targets: Tensor, mask: Tensor) -> Tensor:
    """Sampling weight of each image, (N,): the sum of 1/n_i over its present classes.  An image
    without any gets the mean weight of the others.
    """
    present = targets * mask
    inverse = 1.0 / present.sum(0).clamp(min=1.0)
    weights = present @ inverse
    positive = weights > 0
    fallback = (
        weights[positive].mean() if bool(positive.any()) else torch.ones((), device=weights.device)
    )
    return torch.where(positive, weights, fallback)
