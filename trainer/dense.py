"""Features of the parts of a photo, from the forward pass that gives its feature.

An image tower sees a photo as a grid of cells.  How cells get to the space of features and texts
depends on the tower:

- One of timm whose head pools the cells of its trunk (EfficientNet, ConvNeXt, FastViT; SigLIP, by
  attention): a part is pooled as the tower pools the whole.  For average pooling and a linear
  head, such as Lite's, this is exact: the feature is the mean of the cells.
- CLIP's vision transformer has learned to project the class token alone.  As in ClearCLIP (Lan et
  al., ECCV 2024, arXiv 2407.12442), the last block is computed once more for the other tokens, with
  query-query attention and without the residual and the feed-forward layer.  A part is the mean.
- CLIP's ResNet pools by attention with a position for each cell.  As in MaskCLIP (Zhou et al.,
  ECCV 2022, arXiv 2112.01071), a cell is its value, projected.  A part is the mean.

Other towers (class token in timm, CoCa) have no parts.  A tower is used only if it passes a check
when it is loaded: of shapes and numbers, and that the feature is still that of ``encode_image``.
"""

from __future__ import annotations

import logging
import math
from abc import ABC, abstractmethod
from typing import Any, cast

import torch
from open_clip.modified_resnet import AttentionPool2d, ModifiedResNet
from open_clip.timm_model import TimmModel
from open_clip.transformer import ResidualAttentionBlock, VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as nn_f

from trainer.windows import BOXES, cells_along

log = logging.getLogger(__name__)

LEAST_SIDE = 3
"""Cells along a side below which windows would be too coarse."""

_TOLERANCE = 1e-3
"""Relative to the largest number of a feature; only roundings may differ."""


class DenseTower(ABC):
    """An image tower that also gives features of parts (g cells along a side, D feature dim)."""

    @abstractmethod
    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """One forward pass.

        Args:
            pixels: (n, 3, S, S) float32.

        Returns:
            features (n, D), not normalised, as by ``encode_image``; and cells (n, g, g, K).
        """

    @abstractmethod
    def pool(self, cells: Tensor) -> Tensor:
        """The features of rectangles of cells, (n, h, w, K) to (n, D), not normalised."""

    def windows(self, cells: Tensor) -> Tensor:
        """(n, W, D), not normalised: a feature for each of :data:`trainer.windows.BOXES`."""
        side = cells.shape[1]
        parts = [
            cells[:, cells_along(box.top, box.bottom, side), cells_along(box.left, box.right, side)]
            for box in BOXES
        ]
        return torch.stack([self.pool(part) for part in parts], dim=1)

    def map(self, cells: Tensor) -> Tensor:
        """(n, g, g, D), not normalised: the feature of each cell by itself."""
        n, side, _, channels = cells.shape
        return self.pool(cells.reshape(-1, 1, 1, channels)).reshape(n, side, side, -1)


def dense_tower(model: nn.Module, side: int, device: torch.device) -> DenseTower | None:
    """The image tower of an open_clip ``model`` with a square input of ``side`` pixels; None if
    parts of a photo have no features of their own.
    """
    visual = cast(Any, model).visual
    tower: DenseTower
    if isinstance(visual, TimmModel):
        tower = _PooledTrunk(visual)
    elif isinstance(visual, VisionTransformer):
        tower = _ClipTransformer(visual)
    elif isinstance(visual, ModifiedResNet):
        tower = _ClipResNet(visual)
    else:
        return None
    probe = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    try:
        with torch.inference_mode():
            _check(tower, model, probe.to(device))
    except (_UnsuitableError, RuntimeError, TypeError, ValueError, AttributeError) as error:
        log.info("no windows with %s: %s", type(visual).__name__, error)
        return None
    return tower


class _UnsuitableError(Exception):
    """The tower's cells have no features; the message says why, for the log."""


def _check(tower: DenseTower, model: nn.Module, probe: Tensor) -> None:
    expected = cast(Any, model).encode_image(probe)
    features, cells = tower.forward(probe)
    limit = _TOLERANCE * float(expected.abs().max())
    if features.shape != expected.shape or float((features - expected).abs().max()) > limit:
        raise _UnsuitableError("the feature of the whole photo differs")
    side, dim = cells.shape[1], expected.shape[-1]
    if cells.ndim != 4 or cells.shape[2] != side or side < LEAST_SIDE:
        raise _UnsuitableError(f"cells of shape {tuple(cells.shape)}")
    windows, dense = tower.windows(cells), tower.map(cells)
    if windows.shape != (1, len(BOXES), dim) or dense.shape != (1, side, side, dim):
        raise _UnsuitableError(f"windows of shape {tuple(windows.shape)}, {tuple(dense.shape)}")
    if not (torch.isfinite(windows).all() and torch.isfinite(dense).all()):
        raise _UnsuitableError("windows that are not finite")


class _PooledTrunk(DenseTower):
    def __init__(self, visual: TimmModel) -> None:
        self._trunk = cast(Any, visual.trunk)
        self._head = visual.head

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        raw = self._trunk.forward_features(pixels)
        return self._pooled(raw), self._cells(raw)

    def pool(self, cells: Tensor) -> Tensor:
        raw = cells.flatten(1, 2) if self._tokens else cells.permute(0, 3, 1, 2)
        return self._pooled(raw)

    def _pooled(self, raw: Tensor) -> Tensor:
        return self._head(self._trunk.forward_head(raw))

    @property
    def _tokens(self) -> bool:
        """Whether the trunk gives (n, tokens, K) instead of (n, K, g, g)."""
        return hasattr(self._trunk, "num_prefix_tokens")

    def _cells(self, raw: Tensor) -> Tensor:
        channels = int(self._trunk.num_features)
        if not self._tokens:
            if raw.ndim != 4 or raw.shape[1] != channels:
                raise _UnsuitableError(f"a trunk with cells of shape {tuple(raw.shape)}")
            return raw.permute(0, 2, 3, 1)
        if self._trunk.num_prefix_tokens:
            raise _UnsuitableError("a trunk with a class token")
        n, tokens, _ = raw.shape
        side = math.isqrt(tokens)
        return raw.reshape(n, side, side, channels)


class _Captured:
    """The input of a layer during a forward pass."""

    def __init__(self, layer: nn.Module) -> None:
        self._layer = layer
        self._input: Tensor | None = None

    def during(self, visual: nn.Module, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """The output of ``visual``, and what the layer was given."""

        def keep(_layer: nn.Module, given: tuple[Tensor, ...]) -> None:
            self._input = given[0]

        handle = self._layer.register_forward_pre_hook(keep)
        try:
            output = visual(pixels)
        finally:
            handle.remove()
        found, self._input = self._input, None
        if found is None:
            raise _UnsuitableError("a layer that is not used")
        return output, found


class _ClipTransformer(DenseTower):
    def __init__(self, visual: VisionTransformer) -> None:
        self._visual = visual
        self._block = cast(ResidualAttentionBlock, visual.transformer.resblocks[-1])

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        visual, block = self._visual, self._block
        plain = (
            isinstance(block, ResidualAttentionBlock)
            and block.attn.in_proj_weight is not None
            and visual.attn_pool is None
            and visual.pool_type == "tok"
            and not visual.final_ln_after_pool
            and visual.proj is not None
        )
        if not plain:
            raise _UnsuitableError("a vision transformer that is not CLIP's")
        features, tokens = _Captured(block).during(visual, pixels)
        if not visual.transformer.batch_first:
            tokens = tokens.transpose(0, 1)
        attended = visual.ln_post(self._self_attention(tokens)[:, 1:]) @ visual.proj
        height, width = visual.grid_size
        return features, attended.reshape(len(attended), height, width, -1)

    def _self_attention(self, tokens: Tensor) -> Tensor:
        """(n, tokens, width): each token looks at those with queries like its own."""
        attention = self._block.attn
        n, count, width = tokens.shape
        weight, bias = cast(Tensor, attention.in_proj_weight), attention.in_proj_bias
        # The keys, in the middle of the three, are not needed.
        queries, _, values = weight.chunk(3)
        query_bias, _, value_bias = (None,) * 3 if bias is None else bias.chunk(3)
        normed = self._block.ln_1(tokens)
        query, value = (
            nn_f.linear(normed, part, part_bias)
            .reshape(n, count, attention.num_heads, width // attention.num_heads)
            .transpose(1, 2)
            for part, part_bias in ((queries, query_bias), (values, value_bias))
        )
        mixed = nn_f.scaled_dot_product_attention(query, query, value)
        return attention.out_proj(mixed.transpose(1, 2).reshape(n, count, width))

    def pool(self, cells: Tensor) -> Tensor:
        return cells.mean(dim=(1, 2))


class _ClipResNet(DenseTower):
    def __init__(self, visual: ModifiedResNet) -> None:
        self._visual = visual

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        pooling = cast(AttentionPool2d, self._visual.attnpool)
        features, raw = _Captured(pooling).during(self._visual, pixels)
        return features, pooling.c_proj(pooling.v_proj(raw.permute(0, 2, 3, 1)))

    def pool(self, cells: Tensor) -> Tensor:
        return cells.mean(dim=(1, 2))
