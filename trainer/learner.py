"""The optimisation itself, on tensors: contexts, a scale and a bias against both losses.

:class:`Fitting` is one descent from the hand-written words.  Everything it draws depends on the
seed and the step alone, so it can be left and taken up again at any step.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as nn_f

from trainer import losses, metrics
from trainer.captions import CaptionTokens
from trainer.checkpoint import Checkpoint, pack_optimiser, unpack_optimiser
from trainer.dataset import TensorData, balanced_weights, batch_rows
from trainer.memory import fits, thriftier
from trainer.options import FitOptions
from trainer.prompts import ClassPosition, PromptLayout, PromptLearner, activation_bytes
from trainer.templates import fill
from trainer.text_tower import TextTower

INTERPOLATIONS = (0.0, 1.0, 4.0, 16.0, 64.0)
"""Annotations at which the learned and the hand-written embedding weigh the same; tried on the
inner validation."""
FALLBACK_INTERPOLATION = 8.0
SCALE_BOUNDS = (math.log(1.0), math.log(200.0))


class NotFiniteError(Exception):
    """The loss, its gradient or the prompts are no longer numbers.

    step: of the whole run, from 1.  kept: whether there are prompts from before it.
    """

    kind = "not-finite"

    def __init__(self, step: int, *, kept: bool = False) -> None:
        outcome = "The last good prompts were kept." if kept else "Nothing was changed."
        super().__init__(
            f"Training stopped at step {step}: the loss was no longer a finite number. {outcome} "
            "A lower learning rate usually helps."
        )
        self.step = step


@dataclass(frozen=True)
class Task:
    """What is to be learned, on the device.

    texts: C prompt texts; zero_shot: (C, D) unit norm, the hand-written prompts' embeddings.
    train, validation: images; validation is None where there are too few annotations.
    captions: distinct caption tokens of the training images.
    """

    tower: TextTower
    texts: list[str]
    zero_shot: Tensor
    train: TensorData
    validation: TensorData | None
    captions: CaptionTokens
    caption_features: Tensor
    start_scale: float
    start_bias: float
    autocast: torch.dtype | None = None

    def context(self) -> AbstractContextManager[object]:
        """Autocast around the tower, where the device gains from it."""
        if self.autocast is None:
            return nullcontext()
        return torch.autocast(self.tower.device.type, dtype=self.autocast)


@dataclass(frozen=True)
class Snapshot:
    """Prompts worth keeping: CPU arrays, ready to be written.

    embeddings: (C, D) float32 unit norm, learned; before interpolation.
    contexts: (C or 1, M, W) float32.
    score: mAP on the inner validation, NaN where there is none.
    interpolation: the best of those tried with it.
    """

    step: int
    embeddings: NDArray[np.float32]
    contexts: NDArray[np.float32]
    scale: float
    bias: float
    score: float
    interpolation: float


@dataclass(frozen=True)
class StepLosses:
    total: float
    classification: float
    embedding: float


def interpolate(
    learned: NDArray[np.float32],
    zero_shot: NDArray[np.float32],
    present: NDArray[np.floating | np.integer],
    strength: float,
) -> NDArray[np.float32]:
    """Unit-norm mix of (C, D) embeddings: n / (n + strength) learned, the rest hand-written.

    A class without a present annotation (n = 0) stays as written.
    """
    n = np.asarray(present, dtype=np.float64)
    share = np.where(n > 0, n / np.maximum(n + strength, 1e-9), 0.0)[:, None]
    mixed = share * learned + (1 - share) * zero_shot
    norm = np.linalg.norm(mixed, axis=1, keepdims=True)
    return (mixed / np.maximum(norm, 1e-12)).astype(np.float32)


class Fitting(nn.Module):
    """One descent.

    Args:
        task: what to learn.
        options: how.
        seed: of contexts and batches.
        check: called often; may raise to leave within a fraction of a second.
    """

    def __init__(
        self, task: Task, options: FitOptions, seed: int, check: Callable[..., None] | None = None
    ) -> None:
        super().__init__()
        self.task, self.options, self.seed = task, options, seed
        self.step = 0
        layout = PromptLayout(
            words=options.context_words,
            tokens=options.context_tokens,
            position=cast(ClassPosition, options.class_position),
            shared=options.shared_context,
            seed=seed,
        )
        self.prompts = PromptLearner(
            task.tower, task.texts, layout, chunk=options.class_chunk, on_chunk=check
        )
        device = task.tower.device
        self.prompts.recompute = options.recompute == "on" or (
            options.recompute == "auto"
            and not fits(activation_bytes(self.prompts, task.tower), device)
        )
        self.log_scale = nn.Parameter(torch.tensor(math.log(task.start_scale), device=device))
        self.bias = nn.Parameter(torch.tensor(float(task.start_bias), device=device))
        self.counts = losses.Counts.of(task.train.targets, task.train.mask)
        self._weights = (
            balanced_weights(task.train.targets, task.train.mask)
            if options.sampling == "class-balanced"
            else None
        )
        self._classification = _classification_loss(options, self.counts)
        self._embedding = losses.EmbeddingLoss(
            margin=options.margin,
            soft_margin=options.soft_margin,
            reweight=options.reweight,
            gamma=options.reweight_gamma,
        )
        groups = [
            {"params": [self.prompts.contexts], "weight_decay": options.weight_decay},
            # A prior on the scale would be one towards 1, far from every sensible value.
            {"params": [self.log_scale, self.bias], "weight_decay": 0.0},
        ]
        self._optimiser: torch.optim.Optimizer
        if options.optimiser == "sgd":
            self._optimiser = torch.optim.SGD(
                groups, lr=options.learning_rate, momentum=options.momentum
            )
        else:
            self._optimiser = torch.optim.AdamW(groups, lr=options.learning_rate)

    def advance(self, total: int) -> tuple[StepLosses, Snapshot]:
        """One step of a schedule of ``total``.

        Returns:
            its losses, and the prompts as they were *before* it, whose embeddings it had to
            compute anyway; score NaN.

        Raises:
            NotFiniteError: if the loss or its gradient is not finite; nothing is changed then.
        """
        rate = self._rate(total)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        with self.task.context():
            embeddings = self.prompts()
        snapshot = self._snapshot(embeddings)
        rows = batch_rows(
            len(self.task.train), self.options.batch_size, self.step, self.seed, self._weights
        )
        batch = self.task.train.rows(rows.to(embeddings.device))
        classification, embedding = self.losses(embeddings, batch)
        share = self.options.classification_share
        loss = share * classification + (1 - share) * embedding
        if not bool(torch.isfinite(loss)):
            raise NotFiniteError(self.step + 1)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        # A finite loss can have a gradient that is not, and one such step would be the end of
        # the prompts.
        if not _all_finite([item.grad for item in self.parameters() if item.grad is not None]):
            raise NotFiniteError(self.step + 1)
        self._optimiser.step()
        with torch.no_grad():
            self.log_scale.clamp_(*SCALE_BOUNDS)
        self.step += 1
        parts = (loss.detach(), classification.detach(), embedding.detach())
        return StepLosses(*(float(part) for part in parts)), snapshot

    def use_less_memory(self) -> bool:
        """Do with less from now on (:func:`trainer.memory.thriftier`); False if already at the
        least.
        """
        less = thriftier(
            self.options, classes=self.prompts.classes, recomputing=self.prompts.recompute
        )
        if less is None:
            return False
        self.options = less
        self.prompts.chunk, self.prompts.recompute = less.class_chunk, less.recompute == "on"
        self._optimiser.zero_grad(set_to_none=True)
        return True

    def losses(self, embeddings: Tensor, batch: TensorData) -> tuple[Tensor, Tensor]:
        """Classification and embedding loss of a batch given (C, D) class embeddings."""
        logits = self.log_scale.exp() * batch.features @ embeddings.T + self.bias
        classification = self._classification(logits, batch.targets, batch.mask)
        if self.options.classification_share >= 1 or not len(self.task.captions.ids):
            return classification, torch.zeros_like(classification)
        has_caption = (batch.captions >= 0).float()[:, None]
        similarity = self._caption_similarity(embeddings, batch.captions.clamp(min=0))
        embedding = losses.class_specific_embedding_loss(
            similarity,
            batch.targets,
            batch.mask * has_caption,
            self.counts.present,
            self._embedding,
        )
        return classification, embedding

    def _caption_similarity(self, embeddings: Tensor, rows: Tensor) -> Tensor:
        if self.options.embedding_space == "feature":
            return losses.feature_similarity(self.task.caption_features[rows], embeddings)
        measure = (
            losses.token_similarity
            if self.options.embedding_space == "token"
            else losses.mean_token_similarity
        )
        captions = self.task.captions
        distinct, place = torch.unique(rows, return_inverse=True)
        similarity = measure(
            self.task.tower.embed(captions.ids[distinct]),
            captions.mask[distinct],
            self.prompts.token_embeddings(),
            self.prompts.token_mask,
        )
        return similarity[place]

    def snapshot(self) -> Snapshot:
        """The prompts as they are now."""
        with torch.no_grad(), self.task.context():
            return self._snapshot(self.prompts())

    def _snapshot(self, embeddings: Tensor) -> Snapshot:
        return Snapshot(
            step=self.step,
            embeddings=embeddings.detach().float().cpu().numpy().copy(),
            contexts=self.prompts.contexts.detach().cpu().numpy().copy(),
            scale=float(self.log_scale.detach().exp()),
            bias=float(self.bias.detach()),
            score=math.nan,
            interpolation=max(self.options.interpolation, 0.0)
            if self.options.interpolation >= 0
            else FALLBACK_INTERPOLATION,
        )

    def _rate(self, total: int) -> float:
        """Cosine from the learning rate to a hundredth of it."""
        done = min(self.step / max(total, 1), 1.0)
        return self.options.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))

    # ------------------------------------------------------------------- checkpoints

    def checkpoint(self) -> Checkpoint:
        """Everything needed to go on."""
        tensors = {
            "contexts": self.prompts.contexts.detach(),
            "log_scale": self.log_scale.detach(),
            "bias": self.bias.detach(),
        }
        return Checkpoint(tensors | pack_optimiser(self._optimiser), {"step": self.step})

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from there."""
        with torch.no_grad():
            self.prompts.contexts.copy_(checkpoint.tensors["contexts"])
            self.log_scale.copy_(checkpoint.tensors["log_scale"])
            self.bias.copy_(checkpoint.tensors["bias"])
        unpack_optimiser(self._optimiser, checkpoint.tensors)
        self.step = int(checkpoint.facts["step"])


def _all_finite(tensors: list[Tensor]) -> bool:
    return bool(torch.stack([item.isfinite().all() for item in tensors]).all())


def _classification_loss(
    options: FitOptions, counts: losses.Counts
) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    if options.loss == "bce":
        return losses.bce_loss
    if options.loss == "focal":
        return losses.focal_loss
    if options.loss == "asymmetric":
        return losses.asymmetric_loss
    balance = losses.DistributionBalance(
        rebalance=cast(losses.Rebalance, options.rebalance),
        negative_tolerant=options.negative_tolerant,
        focal=options.focal,
        alpha=options.alpha,
        beta=options.beta,
        mu=options.mu,
        negative_scale=options.negative_scale,
        kappa=options.kappa,
    )
    return lambda logits, targets, mask: losses.distribution_balanced_loss(
        logits, targets, mask, counts, balance
    )


@dataclass(frozen=True)
class Judgement:
    """How a snapshot did on the inner validation: the best interpolation, its mAP, and the
    average precision of every class with it.
    """

    interpolation: float
    score: float
    precisions: NDArray[np.float64]


def judge(snapshot: Snapshot, task: Task, options: FitOptions) -> Judgement | None:
    """Try the interpolations on the inner validation; None where there is none, or where it
    can judge no class.
    """
    if task.validation is None:
        return None
    features = task.validation.features.cpu().numpy()
    known = task.validation.mask.cpu().numpy() > 0
    present = task.validation.targets.cpu().numpy() > 0
    targets = np.where(known, present, -1).astype(np.int8)
    counts = (task.train.targets * task.train.mask).sum(0).cpu().numpy()
    zero_shot = task.zero_shot.cpu().numpy()
    tried = (options.interpolation,) if options.interpolation >= 0 else INTERPOLATIONS
    best: Judgement | None = None
    for strength in tried:
        mixed = interpolate(snapshot.embeddings, zero_shot, counts, strength)
        precisions = metrics.quick_average_precisions(features @ mixed.T, targets)
        if np.isnan(precisions).all():
            return None
        score = float(np.nanmean(precisions))
        if best is None or score > best.score:
            best = Judgement(strength, score, precisions)
    return best


def embed_captions(
    tokens: CaptionTokens, tower: TextTower, check: Callable[..., None] | None = None
) -> Tensor:
    """Text features of the distinct captions, (U, D) unit norm."""
    if not len(tokens.ids):
        return torch.zeros(0, 0, device=tower.device)
    return nn_f.normalize(tower.encode(tokens.ids, on_chunk=check), dim=-1)


def embed_templates(
    tower: TextTower,
    texts: list[str],
    templates: list[str],
    check: Callable[..., None] | None = None,
) -> Tensor:
    """Hand-written class embeddings, (C, D): the unit-norm mean over the templates."""
    total: Tensor | None = None
    for template in templates or ["a photo of a {}."]:
        bodies = [tower.body_ids(fill(template, text)) for text in texts]
        ids, _ = tower.rows(bodies)
        features = tower.encode(ids, on_chunk=check)
        total = features if total is None else total + features
    assert total is not None
    return nn_f.normalize(total, dim=-1)
