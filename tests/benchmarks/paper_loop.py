"""A straightforward training loop written from the LMPT paper, for speed.py to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as nn_f

from trainer.backbone import Backbone
from trainer.captions import sentence
from trainer.encode import default_threads

CONTEXT = 16
"""Learned tokens in front of each class name."""


def autocast(device: torch.device) -> AbstractContextManager[object]:
    if device.type != "cuda":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


class PaperLoop:
    """LMPT as written: images encoded in every step, prompts at full length."""

    def __init__(self, backbone: Backbone, names: Sequence[str], targets: np.ndarray) -> None:
        self.backbone, self.device = backbone, backbone.device
        self.model: Any = backbone.model
        tokenise = backbone.tokenizer
        with torch.no_grad():
            blank = " ".join(["X"] * CONTEXT)
            ids = tokenise([f"{blank} {name}." for name in names]).to(self.device)
            fixed = self.model.token_embedding(ids)
        self.ids, self.before, self.after = ids, fixed[:, :1], fixed[:, 1 + CONTEXT :]
        width = fixed.shape[-1]
        context = torch.randn(len(names), CONTEXT, width, device=self.device) * 0.02
        self.context = torch.nn.Parameter(context)
        self.optimiser = torch.optim.SGD([self.context], lr=5e-4, momentum=0.9, weight_decay=1e-4)
        self.targets = torch.from_numpy(targets).float().to(self.device)
        present = [[names[int(i)] for i in np.flatnonzero(row)] for row in targets]
        self.caption_ids = tokenise([sentence(item) for item in present]).to(self.device)
        self.present = self.targets.sum(0)
        self.pool = ThreadPoolExecutor(
            default_threads(self.device), initializer=torch.set_num_threads, initargs=(1,)
        )

    def read(self, paths: Sequence[Path]) -> Tensor:
        """Decode and preprocess, (B, 3, S, S)."""

        def one(path: Path) -> Tensor:
            with Image.open(path) as image:
                return self.backbone.preprocess(image.convert("RGB"))

        return torch.stack(list(self.pool.map(one, paths)))

    def encode(self, pixels: Tensor) -> Tensor:
        with torch.no_grad(), autocast(self.device):
            features = self.model.encode_image(pixels.to(self.device))
        return nn_f.normalize(features.float(), dim=-1)

    def learn(self, features: Tensor, rows: Tensor) -> float:
        """Text tower, both losses, back, SGD."""
        model = self.model
        prompts = torch.cat([self.before, self.context, self.after], dim=1)
        with autocast(self.device):
            x = model.transformer(prompts + model.positional_embedding, attn_mask=model.attn_mask)
            x = model.ln_final(x)
            texts = x[torch.arange(len(x)), self.ids.argmax(-1)] @ model.text_projection
        texts = nn_f.normalize(texts.float(), dim=-1)
        logits = model.logit_scale.exp() * features @ texts.T
        targets = self.targets[rows]
        loss = 0.5 * self.balanced(logits, targets) + 0.5 * self.embedding(prompts, rows, targets)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        return loss.item()

    def balanced(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Distribution-balanced loss with VOC-LT's settings."""
        inverse = 1 / self.present
        ratio = inverse / (targets * inverse).sum(1, keepdim=True)
        weight = 0.1 + torch.sigmoid(10 * (ratio - 0.3))
        logits = logits - 0.05 / 5 * torch.log(len(self.targets) / self.present - 1)
        logits = torch.where(targets > 0, logits, 5 * logits)
        weight = torch.where(targets > 0, weight, weight / 5)
        entropy = nn_f.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        return (weight * 2 * (1 - torch.exp(-entropy)) ** 2 * entropy).mean()

    def embedding(self, prompts: Tensor, rows: Tensor, targets: Tensor) -> Tensor:
        """Class-specific embedding loss on token embeddings, padding left out."""
        ids = self.caption_ids[rows]
        captioned = self.model.token_embedding(ids) * (ids > 0)[..., None]
        prompts = prompts * (self.ids > 0)[..., None]
        distance = 1 - (
            nn_f.normalize(captioned.flatten(1), dim=-1)
            @ nn_f.normalize(prompts.flatten(1), dim=-1).T
        )
        weight = self.present**-0.5 / (self.present**-0.5).sum()
        hinge = (self.present**-0.25 - distance).clamp(min=0)
        return (weight * torch.where(targets > 0, distance, hinge)).sum(1).mean()
