"""The optimisation on tensors: contexts, a scale and a bias minimise both losses.

:class:`TrainingPass` is one pass from the hand-written words.  Its random numbers depend on the
seed and the step alone, so it can be interrupted and resumed at any step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as nn_f

from trainer import losses
from trainer.blending import FALLBACK_INTERPOLATION
from trainer.captions import CaptionTokens
from trainer.checkpoint import Checkpoint
from trainer.dataset import TensorData, balanced_weights, batch_rows
from trainer.inner_validation import InnerValidation
from trainer.memory import fits_in_memory, reduce_memory
from trainer.optimiser import Group, Optimiser
from trainer.options import ClassPosition, FitOptions
from trainer.prompts import PromptLayout, PromptLearner, activation_bytes
from trainer.ranks import ONE_PROCESS, Ranks
from trainer.templates import fill
from trainer.text_tower import TextTower

SCALE_BOUNDS = (math.log(1.0), math.log(200.0))


class NotFiniteError(Exception):
    """The loss, its gradient or the prompts are no longer finite.

    step: of the whole run, from 1.  kept: whether earlier, finite prompts were kept.
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
    """What to learn from, on the device.

    texts: C prompt texts.
    zero_shot: (C, D) unit norm, embeddings of the hand-written prompts.
    train: the training images.
    validation: None if there are too few annotations for an inner validation.
    captions: tokens of the distinct captions of the training images.
    caption_features: (U, D) unit norm, of those captions; (0, 0) if the loss does not need them.
    """

    tower: TextTower
    texts: list[str]
    zero_shot: Tensor
    train: TensorData
    validation: InnerValidation | None
    captions: CaptionTokens
    caption_features: Tensor
    start_scale: float
    start_bias: float
    autocast: torch.dtype | None = None

    def context(self) -> AbstractContextManager[object]:
        """Autocast for the text tower, on devices that benefit from it."""
        if self.autocast is None:
            return nullcontext()
        return torch.autocast(self.tower.device.type, dtype=self.autocast)


@dataclass(frozen=True)
class Snapshot:
    """Prompts at one step, as CPU arrays ready to be saved.

    embeddings: (C, D) float32 unit norm, learned; before blending.
    contexts: (C or 1, M, W) float32.
    score: mAP on the inner validation, NaN without one.
    interpolation: the best tried in the inner validation.
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
    """Losses of one step."""

    total: float
    classification: float
    embedding: float


class TrainingPass(nn.Module):
    """One optimisation pass.

    Args:
        task: what to learn from.
        options: how to train.
        seed: of contexts and batches.
        check: called often; may raise to stop within a fraction of a second.
        ranks: that share each step: every one computes the embeddings of its part of the classes
            and the logits of its part of the batch.
    """

    def __init__(
        self,
        task: Task,
        options: FitOptions,
        seed: int,
        check: Callable[..., None] | None = None,
        ranks: Ranks = ONE_PROCESS,
    ) -> None:
        super().__init__()
        self.task, self.options, self.seed, self._ranks = task, options, seed, ranks
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
            and not fits_in_memory(activation_bytes(self.prompts, task.tower), device)
        )
        self.log_scale = nn.Parameter(torch.tensor(math.log(task.start_scale), device=device))
        self.bias = nn.Parameter(torch.tensor(float(task.start_bias), device=device))
        self.counts = losses.Counts.of(task.train.targets, task.train.mask)
        self._weights = (
            balanced_weights(task.train.targets, task.train.mask)
            if options.sampling == "class-balanced"
            else None
        )
        self._classification = losses.make_classification_loss(options, self.counts)
        self._embedding = losses.EmbeddingLoss(
            margin=options.margin,
            soft_margin=options.soft_margin,
            reweight=options.reweight,
            gamma=options.reweight_gamma,
        )
        self._in_logits = 1.0 / task.start_scale
        self.residual = nn.Parameter(torch.zeros_like(task.zero_shot))
        self.residual.requires_grad_(options.residual_rate > 0)
        groups = [
            Group([self.prompts.contexts], options.learning_rate, options.weight_decay),
            # Weight decay would pull the scale towards 1, far from every useful value.
            Group([self.log_scale, self.bias], options.learning_rate),
        ]
        if options.residual_rate > 0:
            groups.append(Group([self.residual], options.residual_rate))
        kind = "sgd" if options.optimiser == "sgd" else "adamw"
        self._optimiser = Optimiser(groups, kind, momentum=options.momentum)

    def advance(self, total: int) -> tuple[StepLosses, Snapshot]:
        """Do one step of a schedule of ``total`` steps.

        Returns:
            the step's losses, and a snapshot of the prompts *before* it, whose embeddings the step
            computes anyway; its score is NaN.

        Raises:
            NotFiniteError: if the loss or its gradient is not finite; nothing has changed then.
        """
        factor = self._rate_factor(total)
        with self.task.context():
            prompts = self._prompts()
        embeddings = self._with_residual(prompts)
        snapshot = self._snapshot(embeddings)
        rows = batch_rows(
            len(self.task.train), self.options.batch_size, self.step, self.seed, self._weights
        )
        batch = self.task.train.rows(rows.to(embeddings.device))
        classification, embedding = self.losses(prompts, embeddings, batch)
        share = self.options.classification_share
        loss = share * classification + (1 - share) * embedding
        if self.residual.requires_grad:
            loss = loss + self.options.residual_decay * self.residual.square().sum(1).mean()
        if not bool(torch.isfinite(loss)):
            raise NotFiniteError(self.step + 1)
        self._optimiser.zero_grad()
        # What is minimised is the sum over ranks, which have equal shares of the whole loss.
        (loss / self._ranks.count).backward()
        gradients = [item.grad for item in self.parameters() if item.grad is not None]
        self._ranks.sum_(gradients)
        # A finite loss can have an infinite gradient, and one such step destroys the prompts.
        if not _all_finite(gradients):
            raise NotFiniteError(self.step + 1)
        self._optimiser.step(factor)
        with torch.no_grad():
            self.log_scale.clamp_(*SCALE_BOUNDS)
        self.step += 1
        parts = (loss.detach(), classification.detach(), embedding.detach())
        return StepLosses(*(float(part) for part in parts)), snapshot

    def use_less_memory(self) -> bool:
        """Use less memory from now on (:func:`trainer.memory.reduce_memory`).

        Returns:
            False if memory use is already at its minimum.
        """
        reduced = reduce_memory(
            self.options, classes=self.prompts.classes, recomputing=self.prompts.recompute
        )
        if reduced is None:
            return False
        self.options = reduced
        self.prompts.chunk = reduced.class_chunk
        self.prompts.recompute = reduced.recompute == "on"
        self._optimiser.zero_grad()
        return True

    def _prompts(self) -> Tensor:
        """Embeddings of all prompts, (C, D); this rank computes its part, if each has one."""
        classes = self.prompts.classes
        if self._ranks.count == 1 or classes < self._ranks.count:
            return self.prompts()
        part = self._ranks.part(classes)
        rows = torch.arange(part.start, part.stop, device=self.task.tower.device)
        return self._ranks.whole(self.prompts(rows), classes)

    def _with_residual(self, prompts: Tensor) -> Tensor:
        """Class embeddings (C, D) unit norm: those of the prompts plus the learned residual.

        The residual is stored in logits at the initial scale, so that its learning rate and decay
        mean the same for backbones of different scales.
        """
        if not self.residual.requires_grad:
            return prompts
        return nn_f.normalize(prompts + self._in_logits * self.residual, dim=-1)

    def losses(
        self, prompts: Tensor, embeddings: Tensor, batch: TensorData
    ) -> tuple[Tensor, Tensor]:
        """Classification loss of the (C, D) class ``embeddings``, and embedding loss of the
        ``prompts`` they were made from, on a batch.
        """
        own = self._ranks.part(len(batch))
        logits = self._ranks.whole(
            self.log_scale.exp() * batch.features[own] @ embeddings.T + self.bias, len(batch)
        )
        classification = self._classification(logits, batch.targets, batch.mask)
        if self.options.classification_share >= 1 or not len(self.task.captions.ids):
            return classification, torch.zeros_like(classification)
        has_caption = (batch.captions >= 0).float()[:, None]
        similarity = self._ranks.whole(
            self._caption_similarity(prompts, batch.captions[own].clamp(min=0)), len(batch)
        )
        embedding = losses.class_specific_embedding_loss(
            similarity,
            batch.targets,
            batch.mask * has_caption,
            self.counts.present,
            self._embedding,
        )
        return classification, embedding

    def _caption_similarity(self, prompts: Tensor, rows: Tensor) -> Tensor:
        if self.options.embedding_space == "feature":
            return losses.feature_similarity(self.task.caption_features[rows], prompts)
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
        """The current prompts."""
        with torch.no_grad(), self.task.context():
            return self._snapshot(self._with_residual(self._prompts()))

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

    def _rate_factor(self, total: int) -> float:
        """Factor of the learning rates: a cosine from 1 to 0.01."""
        done = min(self.step / max(total, 1), 1.0)
        return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done))

    # ------------------------------------------------------------------- checkpoints

    def checkpoint(self) -> Checkpoint:
        """The state needed to resume."""
        tensors = {
            "contexts": self.prompts.contexts.detach(),
            "log_scale": self.log_scale.detach(),
            "bias": self.bias.detach(),
            "residual": self.residual.detach(),
        }
        return Checkpoint(tensors | self._optimiser.state(), {"step": self.step})

    def restore(self, checkpoint: Checkpoint) -> None:
        """Resume from ``checkpoint``."""
        with torch.no_grad():
            self.prompts.contexts.copy_(checkpoint.tensors["contexts"])
            self.log_scale.copy_(checkpoint.tensors["log_scale"])
            self.bias.copy_(checkpoint.tensors["bias"])
            self.residual.copy_(checkpoint.tensors["residual"])
        self._optimiser.restore(checkpoint.tensors)
        self.step = int(checkpoint.facts["step"])


def _all_finite(tensors: list[Tensor]) -> bool:
    return bool(torch.stack([item.isfinite().all() for item in tensors]).all())


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
    """Embeddings of texts in hand-written prompts, (n, D): unit-norm means over ``templates``."""
    total: Tensor | None = None
    for template in templates or ["a photo of a {}."]:
        bodies = [tower.body_ids(fill(template, text)) for text in texts]
        ids, _ = tower.rows(bodies)
        features = tower.encode(ids, on_chunk=check)
        total = features if total is None else total + features
    assert total is not None
    return nn_f.normalize(total, dim=-1)


def embed_classes(
    tower: TextTower,
    classes: Sequence[Sequence[str]],
    templates: list[str],
    check: Callable[..., None] | None = None,
) -> Tensor:
    """Class embeddings, (C, D) unit norm: the mean of :func:`embed_templates` over the texts of
    each class.  A class of one text has exactly the embedding of that text.
    """
    each = embed_templates(tower, [text for texts in classes for text in texts], templates, check)
    parts = each.split([len(texts) for texts in classes])
    means = [part if len(part) == 1 else _unit_mean(part) for part in parts]
    return torch.cat(means)


def _unit_mean(rows: Tensor) -> Tensor:
    return nn_f.normalize(rows.mean(0, keepdim=True), dim=-1)
