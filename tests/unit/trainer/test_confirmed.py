"""Presences that only let a prediction stand: they teach with less weight, and judge nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from loss_cases import data
from tiny_fits import make_job, run

from trainer import dataset, job, losses, prompt_set
from trainer.events import FitFinished
from trainer.job import HELD_OUT, PRESENT, UNKNOWN
from trainer.options import LOSSES, FitOptions

Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


def entry_losses(loss: Loss, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """(B, C), the loss of every entry as if it alone were known."""
    found = torch.zeros_like(logits)
    for place in np.ndindex(*logits.shape):
        alone = torch.zeros_like(logits)
        alone[place] = 1.0
        found[place] = loss(logits, targets, alone)
    return found


@pytest.mark.parametrize("loss", [losses.bce_loss, losses.focal_loss, losses.asymmetric_loss])
def test_the_mean_over_entries_is_weighted(loss: Loss) -> None:
    logits, targets, mask = (part.double() for part in data())
    weights = mask * torch.where(targets > 0, 0.25, 1.0)
    each = entry_losses(loss, logits, targets)
    expected = (each * weights).sum() / weights.sum()
    torch.testing.assert_close(loss(logits, targets, weights), expected)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_of_every_loss_a_weight_is_between_known_and_unknown(name: str) -> None:
    """The gradient of a confirmed entry is smaller than that of a verdict, and not zero."""
    logits, targets, mask = (part.double() for part in data())
    row, column = np.argwhere(((targets > 0) & (mask > 0)).numpy())[0]
    loss = losses.make_classification_loss(FitOptions(loss=name), losses.Counts.of(targets, mask))
    slopes = []
    for weight in (1.0, 0.5, 0.0):
        weighted = mask.clone()
        weighted[row, column] = weight
        free = logits.clone().requires_grad_(True)
        loss(free, targets, weighted).backward()
        assert free.grad is not None
        slopes.append(abs(float(free.grad[row, column])))
    assert slopes[0] > slopes[1] > slopes[2]


def test_the_embedding_loss_is_weighted_too() -> None:
    generator = torch.Generator().manual_seed(0)
    similarity = torch.rand(6, 3, generator=generator, dtype=torch.float64)
    targets = (torch.rand(6, 3, generator=generator) < 0.5).double()
    weights = torch.where(targets > 0, 0.5, 1.0).double()
    present = torch.tensor([3.0, 40.0, 1.0], dtype=torch.float64)
    options = losses.EmbeddingLoss()
    margins, classes = (
        losses.class_margins(present, options),
        losses.class_weights(present, options),
    )
    distance = 1 - similarity
    entry = torch.where(targets > 0, distance, (margins - distance).clamp(min=0))
    expected = (classes * weights * entry).sum() / (classes * weights).sum()
    found = losses.class_specific_embedding_loss(similarity, targets, weights, present, options)
    torch.testing.assert_close(found, expected)


def test_a_job_keeps_what_was_confirmed_and_older_jobs_have_nothing(
    tmp_path: Path, zero_shot: np.ndarray
) -> None:
    made = make_job(zero_shot)
    job.save(made, tmp_path / "older")
    assert job.load(tmp_path / "older").confirmed is None
    confirmed = np.zeros(made.targets.shape, np.bool_)
    confirmed[0] = made.targets[0] == PRESENT
    job.save(replace(made, confirmed=confirmed), tmp_path / "job")
    read = job.load(tmp_path / "job")
    assert read.confirmed is not None
    np.testing.assert_array_equal(read.confirmed, confirmed)
    assert (read.measured_targets[confirmed] == UNKNOWN).all()
    np.testing.assert_array_equal(read.measured_targets[~confirmed], made.targets[~confirmed])


def test_tensors_carry_the_weight() -> None:
    targets = np.array([[1, 0], [-1, 1]], np.int8)
    made = dataset.to_tensors(
        np.eye(2, dtype=np.float32),
        targets,
        torch.tensor([-1, -1]),
        "cpu",
        np.array([[0.5, 1.0], [1.0, 1.0]], np.float32),
    )
    assert made.mask.tolist() == [[0.5, 1.0], [0.0, 1.0]]


@pytest.mark.parametrize("kernel", [0.0, 1.0])
def test_a_run_learns_from_confirmed_photos_and_does_not_measure_on_them(
    tmp_path: Path, zero_shot: np.ndarray, kernel: float
) -> None:
    made = make_job(zero_shot, steps=6, kernel=kernel)
    outcome, _ = run(tmp_path / "verdicts", made)
    assert isinstance(outcome, FitFinished)
    verdicts = prompt_set.load(Path(outcome.prompt_set))
    split = np.full(len(made.image_ids), job.TRAIN, np.int8)
    split[np.isin(made.image_ids, verdicts.held_out)] = HELD_OUT
    all_confirmed = replace(made, split=split, confirmed=made.targets == PRESENT)
    outcome, _ = run(tmp_path / "confirmed", all_confirmed)
    assert isinstance(outcome, FitFinished)
    confirmed = prompt_set.load(Path(outcome.prompt_set))
    np.testing.assert_array_equal(confirmed.train_present, verdicts.train_present)
    if kernel:
        assert confirmed.kernel is not None and verdicts.kernel is not None
        assert not np.allclose(confirmed.kernel.weights, verdicts.kernel.weights, atol=1e-6)
    else:
        assert not np.allclose(confirmed.class_embeddings, verdicts.class_embeddings, atol=1e-6)
    assert verdicts.evaluation is not None and confirmed.evaluation is not None
    assert sum(item.held_out_present for item in verdicts.evaluation.classes) > 0
    for item in confirmed.evaluation.classes:
        assert (item.held_out_present, item.average_precision) == (0, None)
