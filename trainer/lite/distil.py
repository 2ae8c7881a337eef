"""Distil the teacher's text space into a causal CLIP text tower.

Prompt tuning needs the CLIP tokenizer, causal attention and end-of-text pooling; MiniLM has none
of them. The tower learns to reproduce the embeddings of the teacher (MiniLM and its head).
"""

import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from open_clip.model import CLIP
from torch import Tensor
from torch.nn import functional

from trainer.lite.teacher import EMBED_DIM
from trainer.lite.text_tower import TextTower, encode, lengths

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DistilSettings:
    """Hyperparameters of the distillation."""

    epochs: int = 3
    batch: int = 256
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.02
    contrast_weight: float = 0.2
    contrast_scale: float = 20.0
    max_tokens: int = 40
    held_out: int = 1000
    seed: int = 0


@dataclass(frozen=True)
class DistilData:
    """``tokens`` (N, 77) int64; ``targets`` (N, 384) unit norm; ``shares`` (N,) draws per epoch."""

    tokens: Tensor
    targets: Tensor
    shares: Tensor


def distil_loss(student: Tensor, teacher: Tensor, weight: float, scale: float) -> Tensor:
    """(1 - cos) plus ``weight`` x contrastive cross-entropy with the teacher; both (N, D)."""
    cosine = (student * teacher).sum(-1)
    # Repeated texts, and texts that are equal to the teacher, are not negatives.
    same = (teacher @ teacher.T) > 0.99
    same.fill_diagonal_(fill_value=False)
    logits = (scale * student @ teacher.T).masked_fill(same, -math.inf)
    contrast = functional.cross_entropy(logits, torch.arange(len(student)))
    return (1 - cosine).mean() + weight * contrast


def epoch_batches(
    token_lengths: Tensor, shares: Tensor, batch: int, generator: torch.Generator
) -> Iterator[Tensor]:
    """Row numbers of an epoch's batches: texts drawn by share, similar lengths together."""
    drawn = torch.rand(len(shares), generator=generator) < shares
    rows = torch.nonzero(drawn).squeeze(1)
    rows = rows[torch.randperm(len(rows), generator=generator)]
    # Ties in length stay in random order: the sort is stable and the rows are shuffled.
    rows = rows[torch.argsort(token_lengths[rows], stable=True)]
    batches = [part for part in rows.split(batch) if len(part) > 1]
    for i in torch.randperm(len(batches), generator=generator).tolist():
        yield batches[i]


def distil(
    model: CLIP,
    data: DistilData,
    settings: DistilSettings,
    after_epoch: Callable[[CLIP, int], None] | None = None,
) -> None:
    """Train the text tower of ``model`` in place; ``after_epoch`` may validate or save."""
    torch.manual_seed(settings.seed)
    generator = torch.Generator().manual_seed(settings.seed)
    tower = TextTower.of(model)
    dense = tower.dense_parameters()
    # A batch uses a few hundred of the table's 49,408 rows; SparseAdam updates only those.
    optimisers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(dense, lr=settings.learning_rate, weight_decay=settings.weight_decay),
        torch.optim.SparseAdam([tower.table], lr=settings.learning_rate),
    ]
    token_lengths = lengths(data.tokens)
    shares = torch.where(token_lengths <= settings.max_tokens, data.shares, 0.0)
    held_out = torch.randperm(len(shares), generator=generator)[: settings.held_out]
    shares[held_out] = 0
    held_out = held_out[token_lengths[held_out] <= settings.max_tokens]
    # The number of texts per epoch varies a little; the last batches keep the last, tiny rate.
    total = max(2, int(settings.epochs * float(shares.sum()) / settings.batch))
    # SparseAdam has no momentum to cycle, and that of AdamW is constant.
    schedules = [
        torch.optim.lr_scheduler.OneCycleLR(
            o, settings.learning_rate, total_steps=total, pct_start=0.1, cycle_momentum=False
        )
        for o in optimisers
    ]
    start, step = time.monotonic(), 0
    for epoch in range(settings.epochs):
        losses: list[float] = []
        for rows in epoch_batches(token_lengths, shares, settings.batch, generator):
            student = encode(model, data.tokens[rows], sparse=True)
            loss = distil_loss(
                student, data.targets[rows], settings.contrast_weight, settings.contrast_scale
            )
            for optimiser in optimisers:
                optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(dense, 1.0)
            for optimiser in optimisers:
                optimiser.step()
            step += 1
            if step < total:
                for schedule in schedules:
                    schedule.step()
            losses.append(loss.item())
            if step % 100 == 0:
                _log.info("distil %d/%d: loss %.3f, %.0f s", step, total, sum(losses[-100:])
                          / len(losses[-100:]), time.monotonic() - start)  # fmt: skip
        cosine = held_out_cosine(model, data, held_out)
        _log.info("epoch %d: loss %.3f, held-out cosine %.4f, %.0f s", epoch + 1,
                  sum(losses) / max(1, len(losses)), cosine,
                  time.monotonic() - start)  # fmt: skip
        if after_epoch is not None:
            after_epoch(model, epoch + 1)


@torch.inference_mode()
def encode_all(model: CLIP, tokens: Tensor, batch: int = 512) -> Tensor:
    """(N, 77) tokens -> (N, 384) unit norm, in batches of similar length."""
    out = torch.empty(len(tokens), EMBED_DIM)
    for rows in torch.argsort(lengths(tokens)).split(batch):
        out[rows] = encode(model, tokens[rows])
    return out


def held_out_cosine(model: CLIP, data: DistilData, rows: Tensor) -> float:
    """Mean cosine of student and teacher on held-out texts."""
    if not len(rows):
        return math.nan
    return float((encode_all(model, data.tokens[rows]) * data.targets[rows]).sum(-1).mean())
