"""Batch norms folded into the preceding convolutions, and the branches of MobileOne blocks
(MobileCLIP2) into one convolution each: same results, a quarter less time."""

from __future__ import annotations

import copy
import logging
from itertools import pairwise
from typing import Any, cast

import torch
from timm.layers.norm_act import BatchNormAct2d
from timm.utils.model import reparameterize_model
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

log = logging.getLogger(__name__)

_TOLERANCE = 1e-3
"""Relative to the largest feature; folding only changes the order of roundings."""


def fold_batch_norms(tower: nn.Module, probe: Tensor) -> nn.Module:
    """An equivalent tower with fewer passes over memory, or ``tower`` itself.

    A batch norm registered right after a convolution usually also follows it in the computation,
    but not necessarily: the folded tower is used only if it agrees on ``probe``, (n, 3, S, S)
    float32.
    """
    if not any(isinstance(module, nn.BatchNorm2d) for module in tower.modules()):
        return tower
    folded = copy.deepcopy(tower)
    before = sum(1 for _ in folded.modules())
    folded = reparameterize_model(folded, inplace=True)
    merged = before != sum(1 for _ in folded.modules())
    count = sum(_fold_children(module) for module in folded.modules())
    with torch.no_grad():
        expected, got = tower(probe), folded(probe)
    limit = _TOLERANCE * float(expected.abs().max())
    if not (count or merged) or float((expected - got).abs().max()) > limit:
        log.info("batch norms of %s are not folded", type(tower).__name__)
        return tower
    log.info("folded %d batch norms", count)
    return folded


def _fold_children(module: nn.Module) -> int:
    children = list(module.named_children())
    count = 0
    for (_, conv), (name, norm) in pairwise(children):
        if not isinstance(conv, nn.Conv2d) or not isinstance(norm, nn.BatchNorm2d):
            continue
        if norm.running_mean is None or norm.running_var is None:
            continue
        if norm.num_features != conv.out_channels:
            continue
        weight, bias = fuse_conv_bn_weights(
            conv.weight,
            conv.bias,
            norm.running_mean,
            norm.running_var,
            norm.eps,
            norm.weight,
            norm.bias,
        )
        conv.weight = nn.Parameter(weight, requires_grad=False)
        conv.bias = nn.Parameter(bias, requires_grad=False)
        setattr(module, name, _remaining_layers(norm))
        count += 1
    return count


def _remaining_layers(norm: nn.BatchNorm2d) -> nn.Module:
    """What replaces the norm: timm's batch norms include the activation."""
    if isinstance(norm, BatchNormAct2d):
        parts = cast(Any, norm)
        return nn.Sequential(parts.drop, parts.act)
    return nn.Identity()
