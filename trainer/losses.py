"""The losses of LMPT, each masked where an annotation is unknown.

Notation of DESIGN section 4: B images, C classes, ``targets`` in {0, 1}, ``mask`` the weight of an
annotation: 0 where it is unknown, 1 for a verdict, less for weaker evidence.  Every loss is a
weighted mean over known entries, and 0 if none is known, so an unknown entry has no effect,
whatever its logit.

The authors' code (github richard-peng-xia/LMPT) deviates from the paper in the sign of the hinge,
in a softmax over raw counts and in a focal factor on a reduced loss; this module follows the
papers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import cast, get_args

import torch
from torch import Tensor
from torch.nn import functional as nn_f

from trainer.options import LOSSES, FitOptions, Rebalance

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""A scalar from logits, targets and mask, (B, C) float each."""


@dataclass(frozen=True)
class Counts:
    """How often each class was annotated in the training part.

    present: (C,) float, present annotations (n_i).
    observed: (C,) float, present and absent annotations (N; it differs between classes if some
        annotations are unknown).
    """

    present: Tensor
    observed: Tensor

    @staticmethod
    def of(targets: Tensor, mask: Tensor) -> Counts:
        """Count the (N, C) ``targets``, each by its weight in ``mask``."""
        return Counts((targets * mask).sum(0), mask.sum(0))


@dataclass(frozen=True)
class DistributionBalance:
    """Switches of the distribution-balanced loss (Wu et al., ECCV 2020, arXiv 2007.09654).

    alpha, beta, mu: smoothing of the re-balanced weight; mu 0.2 on COCO-LT, 0.3 on VOC-LT.
    negative_scale: lambda, 2 on COCO-LT, 5 on VOC-LT.
    kappa: weight of the class's prior odds in its bias.
    class_balance_beta: Cui et al. 2019's beta, for ``rebalance="class-balanced"``.
    """

    rebalance: Rebalance = "rebalance"
    negative_tolerant: bool = True
    focal: bool = True
    alpha: float = 0.1
    beta: float = 10.0
    mu: float = 0.2
    negative_scale: float = 2.0
    kappa: float = 0.05
    focal_gamma: float = 2.0
    focal_balance: float = 2.0
    class_balance_beta: float = 0.9


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of ``values`` weighted by ``mask``; 0, with gradient 0, if that is 0 everywhere."""
    # Not a product alone: an unknown entry may hold an infinity, and 0 * inf is NaN.
    total = mask.sum()
    return (_known(values, mask) * mask).sum() / total.clamp(min=torch.finfo(total.dtype).tiny)


def _entry_bce(logits: Tensor, targets: Tensor) -> Tensor:
    """-log p_t per entry, finite for every finite logit."""
    return nn_f.softplus(torch.where(targets > 0, -logits, logits))


def _error_power(logits: Tensor, targets: Tensor, power: float) -> Tensor:
    """(1 - p_t) ** power per entry.

    Computed through the logarithm: a power below 1 has an infinite derivative at 0, which 1 - p_t
    reaches for large logits, and infinity times zero is NaN.
    """
    return torch.exp(power * nn_f.logsigmoid(torch.where(targets > 0, -logits, logits)))


def _known(values: Tensor, mask: Tensor) -> Tensor:
    """``values`` with unknown entries, which may be infinite, replaced by 0."""
    return torch.where(mask > 0, values, torch.zeros_like(values))


def balance_weights(
    targets: Tensor, mask: Tensor, counts: Counts, options: DistributionBalance
) -> Tensor:
    """Weight of every entry, shape (B, C) or broadcastable to it.

    ``rebalance``: r = (1/n_i) / sum_{j present} (1/n_j), smoothed to
    alpha + sigmoid(beta (r - mu)).  A class with n_i = 0 is treated as n_i = 1.
    An image with no known present class has no r; its entries get the neutral weight alpha + 1/2
    (r = mu), like an average image.

    The other modes give one weight per class, scaled to mean 1 over the annotated classes so that
    the mode does not change the effective learning rate.
    """
    present = counts.present.clamp(min=1.0)
    mode = options.rebalance
    if mode == "off":
        return torch.ones_like(targets)
    if mode == "rebalance":
        inverse = 1.0 / present
        total = (targets * mask * inverse).sum(1, keepdim=True)
        ratio = inverse / total.clamp(min=torch.finfo(targets.dtype).tiny)
        ratio = torch.where(total > 0, ratio, torch.full_like(ratio, options.mu))
        return options.alpha + torch.sigmoid(options.beta * (ratio - options.mu))
    if mode == "inverse":
        weight = 1.0 / present
    elif mode == "sqrt-inverse":
        weight = present.rsqrt()
    elif mode == "class-balanced":
        beta = options.class_balance_beta
        weight = (1.0 - beta) / (1.0 - beta**present)
    else:
        raise ValueError(f"unknown re-balancing {mode!r}; one of {', '.join(get_args(Rebalance))}")
    seen = (counts.observed > 0).to(weight.dtype)
    mean = (weight * seen).sum() / seen.sum().clamp(min=1.0)
    return (weight / torch.where(mean > 0, mean, torch.ones_like(mean))).expand_as(targets)


def prior_bias(counts: Counts, options: DistributionBalance) -> Tensor:
    """nu_i = -(kappa / lambda) log(N / n_i - 1), (C,).

    n_i is kept half an annotation away from 0 and from N, where the logarithm is infinite; a class
    without any annotation gets 0.
    """
    observed = counts.observed.clamp(min=1.0)
    present = torch.minimum(counts.present.clamp(min=0.5), observed - 0.5)
    return -(options.kappa / options.negative_scale) * torch.log(observed / present - 1.0)


def distribution_balanced_loss(
    logits: Tensor,
    targets: Tensor,
    mask: Tensor,
    counts: Counts,
    options: DistributionBalance | None = None,
) -> Tensor:
    """The distribution-balanced loss: re-balanced weights, negative-tolerant logits, focal
    factor; a scalar.

    Args:
        logits, targets, mask: (B, C) float.
        counts: of the training part, (C,) each.
    """
    options = options or DistributionBalance()
    logits = _known(logits, mask)
    weights = balance_weights(targets, mask, counts, options)
    if options.negative_tolerant:
        scale = options.negative_scale
        shifted = logits + prior_bias(counts, options)
        logits = torch.where(targets > 0, shifted, shifted * scale)
        weights = torch.where(targets > 0, weights, weights / scale)
    loss = weights * _entry_bce(logits, targets)
    if options.focal:
        factor = _error_power(logits, targets, options.focal_gamma)
        loss = options.focal_balance * factor * loss
    return masked_mean(loss, mask)


def bce_loss(logits: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
    """Plain binary cross-entropy; all arguments (B, C) float."""
    return masked_mean(_entry_bce(_known(logits, mask), targets), mask)


def focal_loss(
    logits: Tensor,
    targets: Tensor,
    mask: Tensor,
    *,
    gamma: float = 2.0,
    balance: float = 2.0,
) -> Tensor:
    """balance (1 - p_t)^gamma (-log p_t), per entry and without class weights."""
    logits = _known(logits, mask)
    factor = balance * _error_power(logits, targets, gamma)
    return masked_mean(factor * _entry_bce(logits, targets), mask)


def asymmetric_loss(
    logits: Tensor,
    targets: Tensor,
    mask: Tensor,
    *,
    gamma_present: float = 0.0,
    gamma_absent: float = 4.0,
    clip: float = 0.05,
) -> Tensor:
    """Asymmetric loss (Ridnik et al., ICCV 2021): easy absent entries weigh little, those scored
    below ``clip`` nothing.
    """
    logits = _known(logits, mask)
    present = _error_power(logits, targets, gamma_present) * _entry_bce(logits, targets)
    if clip > 0:
        shifted = _error_power(logits, targets, 1.0) - clip
        counted = shifted > 0
        # 0.5 stands in where nothing counts: its powers and logarithm have finite derivatives.
        shifted = torch.where(counted, shifted, torch.full_like(shifted, 0.5))
        absent = shifted**gamma_absent * -torch.log1p(-shifted)
        absent = torch.where(counted, absent, torch.zeros_like(absent))
    else:
        absent = _error_power(logits, targets, gamma_absent) * _entry_bce(logits, targets)
    return masked_mean(torch.where(targets > 0, present, absent), mask)


def listwise_loss(
    logits: Tensor, targets: Tensor, mask: Tensor, unknown_weight: float = 0.0
) -> Tensor:
    """Softmax cross-entropy over the images of each class (the listwise ranking loss of Cao et
    al., ICML 2007, with one list per present image); a scalar.

    -log exp(z_p) / (exp(z_p) + sum over absent exp(z_a)) of every present image p, averaged per
    class (weighted by ``mask``), then over the classes that have one; a class whose weights sum to
    less than 1 counts that much less.  Like average precision it ranks images within a
    class, and every class counts equally, however rare.  A bias per class has no effect.  The loss
    is 0 for a class without a known present image, or with nothing to rank it above.

    Args:
        logits, targets, mask: (B, C) float.
        unknown_weight: in [0, 1], the weight of an unknown image relative to an absent one (its
            exp(z) times this).  After a review of single questions a class has only a few
            verdicts, its absent images are those most like it, and nearly all unknown images are
            without the class.
    """
    present = (targets > 0) & (mask > 0)
    absent = (targets <= 0) & (mask > 0)
    ranked_below = torch.where(absent, logits, logits.new_tensor(_lowest(logits)))
    if unknown_weight > 0:
        weighted = logits + math.log(unknown_weight)
        ranked_below = torch.where(mask > 0, ranked_below, weighted)
        absent = absent | (mask <= 0)
    usable = present.any(0) & absent.any(0)
    others = torch.logsumexp(ranked_below, 0)
    safe = torch.where(present, logits, torch.zeros_like(logits))
    entry = nn_f.softplus(others - safe)
    weight = torch.where(present & usable, mask, torch.zeros_like(mask))
    total = weight.sum(0)
    per_class = (weight * entry).sum(0) / total.clamp(min=torch.finfo(weight.dtype).tiny)
    per_class = per_class * total.clamp(max=1.0)
    return per_class.sum() / usable.sum().clamp(min=1)


def _lowest(logits: Tensor) -> float:
    """Finite stand-in for minus infinity: logsumexp of infinities alone has gradient NaN."""
    return torch.finfo(logits.dtype).min / 4


# ------------------------------------------------- the table of classification losses


def make_classification_loss(options: FitOptions, counts: Counts) -> Loss:
    """The loss that ``options.loss`` names in :data:`trainer.options.LOSSES`."""
    make: Callable[[FitOptions, Counts], Loss] = globals()[LOSSES[options.loss]]
    return make(options, counts)


def make_distribution_balanced_loss(options: FitOptions, counts: Counts) -> Loss:
    balance = DistributionBalance(
        rebalance=cast(Rebalance, options.rebalance),
        negative_tolerant=options.negative_tolerant,
        focal=options.focal,
        alpha=options.alpha,
        beta=options.beta,
        mu=options.mu,
        negative_scale=options.negative_scale,
        kappa=options.kappa,
    )
    return partial(distribution_balanced_loss, counts=counts, options=balance)


def make_bce_loss(options: FitOptions, counts: Counts) -> Loss:
    return bce_loss


def make_focal_loss(options: FitOptions, counts: Counts) -> Loss:
    return focal_loss


def make_asymmetric_loss(options: FitOptions, counts: Counts) -> Loss:
    return asymmetric_loss


def make_listwise_loss(options: FitOptions, counts: Counts) -> Loss:
    return partial(listwise_loss, unknown_weight=options.unknown_weight)


# --------------------------------------------------- the class-specific embedding loss


@dataclass(frozen=True)
class EmbeddingLoss:
    """Switches of the class-specific embedding loss (LMPT section 3).

    margin: of the hinge, before softening; a cosine distance in [0, 2].
    soft_margin: margin_i = margin * n_i^(-1/4), wider for rare classes.
    reweight: w_i proportional to n_i^(-gamma).
    """

    margin: float = 1.0
    soft_margin: bool = True
    reweight: bool = True
    gamma: float = 0.5


def class_margins(present: Tensor, options: EmbeddingLoss) -> Tensor:
    """margin_i of every class, (C,); n_i = 0 counts as 1."""
    if not options.soft_margin:
        return torch.full_like(present, options.margin)
    return options.margin * present.clamp(min=1.0) ** -0.25


def class_weights(present: Tensor, options: EmbeddingLoss) -> Tensor:
    """w_i = n_i^(-gamma) / sum_j n_j^(-gamma), (C,), summing to 1; n_i = 0 counts as 1."""
    if not options.reweight:
        return torch.full_like(present, 1.0 / max(len(present), 1))
    # Softmax of logarithms: equal, and finite for any counts and gamma.
    return torch.softmax(-options.gamma * present.clamp(min=1.0).log(), 0)


def class_specific_embedding_loss(
    similarity: Tensor,
    targets: Tensor,
    mask: Tensor,
    present: Tensor,
    options: EmbeddingLoss | None = None,
) -> Tensor:
    """Pull a caption towards the prompts of classes in its image, push others beyond a margin.

    With d = 1 - similarity: present w_i d, absent w_i max(0, margin_i - d); the w-weighted
    mean over known entries, which for complete annotations is the paper's mean over images of
    sum_i w_i(...).

    Args:
        similarity: (B, C) cosines of caption and prompt, of any of :func:`feature_similarity`,
            :func:`token_similarity`, :func:`mean_token_similarity`.
        targets, mask: (B, C) float; mask a whole row where the image has no caption.
        present: (C,) float, n_i of the training part.
    """
    options = options or EmbeddingLoss()
    distance = 1.0 - _known(similarity, mask)
    margins = class_margins(present, options)
    entry = torch.where(targets > 0, distance, (margins - distance).clamp(min=0.0))
    weights = class_weights(present, options).expand_as(entry) * mask
    total = weights.sum()
    return (weights * entry).sum() / total.clamp(min=torch.finfo(total.dtype).tiny)


def feature_similarity(captions: Tensor, prompts: Tensor) -> Tensor:
    """Cosines (B, C) of caption (B, D) and prompt (C, D) text features."""
    return nn_f.normalize(captions, dim=-1) @ nn_f.normalize(prompts, dim=-1).T


def token_similarity(
    captions: Tensor, caption_mask: Tensor, prompts: Tensor, prompt_mask: Tensor
) -> Tensor:
    """Cosines (B, C) of caption and prompt token embeddings laid side by side.

    Each text is one long vector of its token embeddings; positions that are padding in either text
    are ignored in both.  0 if no position is left.

    Args:
        captions: (B, L, W); caption_mask: (B, L) float, 1 on tokens.
        prompts: (C, K, W); prompt_mask: (C, K) float.
    """
    length = min(captions.shape[1], prompts.shape[1])
    q, qm = captions[:, :length], caption_mask[:, :length]
    p, pm = prompts[:, :length], prompt_mask[:, :length]
    dot = (q * qm[..., None]).flatten(1) @ (p * pm[..., None]).flatten(1).T
    q_norm = ((q**2).sum(-1) * qm) @ pm.T
    p_norm = qm @ ((p**2).sum(-1) * pm).T
    return dot * (q_norm * p_norm).clamp(min=1e-24).rsqrt()


def mean_token_similarity(
    captions: Tensor, caption_mask: Tensor, prompts: Tensor, prompt_mask: Tensor
) -> Tensor:
    """Cosines (B, C) of the mean token embeddings; arguments as :func:`token_similarity`.

    Unlike the side-by-side form, it does not depend on word positions.
    """
    q = (captions * caption_mask[..., None]).sum(1)
    p = (prompts * prompt_mask[..., None]).sum(1)
    return feature_similarity(q, p)
