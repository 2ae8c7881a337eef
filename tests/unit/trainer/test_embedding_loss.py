"""The class-specific embedding loss and its three measures of likeness."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from loss_cases import COUNTS, B, C, data
from numpy.typing import NDArray
from torch import Tensor

from trainer import losses
from trainer.losses import EmbeddingLoss

L, K, W = 6, 4, 3
"""Positions of a caption and of a prompt, width."""


def tokens(seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Caption and prompt tokens with masks: every text has one token at least."""
    r = np.random.default_rng(seed)
    captions, prompts = r.normal(size=(B, L, W)), r.normal(size=(C, K, W))
    lengths = (r.integers(1, L + 1, B), r.integers(1, K + 1, C))
    masks = [np.arange(n)[None] < some[:, None] for n, some in zip((L, K), lengths, strict=True)]
    made = (captions, masks[0].astype(float), prompts, masks[1].astype(float))
    return tuple(map(torch.tensor, made))  # type: ignore[return-value]


def cosine(u: NDArray[Any], v: NDArray[Any]) -> float:
    return float(u @ v / (np.linalg.norm(u) * np.linalg.norm(v)))


def numpy_similarity(space: str, seed: int) -> NDArray[Any]:
    """(B, C), pair by pair."""
    captions, caption_mask, prompts, prompt_mask = (item.numpy() for item in tokens(seed))
    result = np.empty((B, C))
    for k, i in product(range(B), range(C)):
        q, p = captions[k, caption_mask[k] > 0], prompts[i, prompt_mask[i] > 0]
        if space == "token":
            both = min(len(q), len(p))
            result[k, i] = cosine(q[:both].ravel(), p[:both].ravel())
        elif space == "mean-token":
            result[k, i] = cosine(q.mean(0), p.mean(0))
        else:
            result[k, i] = cosine(captions[k, 0], prompts[i, 0])
    return result


def similarity(space: str, seed: int) -> Tensor:
    given_tokens = tokens(seed)
    if space == "feature":
        return losses.feature_similarity(given_tokens[0][:, 0], given_tokens[2][:, 0])
    measure = losses.token_similarity if space == "token" else losses.mean_token_similarity
    return measure(*given_tokens)


SPACES = ("feature", "token", "mean-token")
_ORDER = ("q", "p", "qm", "pm", "y", "m", "n")


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("soft", [True, False])
@pytest.mark.parametrize("reweight", [True, False])
@pytest.mark.parametrize("known", [1.0, 0.6])
def test_embedding_loss_is_the_papers_arithmetic(
    space: str, soft: bool, reweight: bool, known: float
) -> None:
    options = EmbeddingLoss(margin=0.8, soft_margin=soft, reweight=reweight, gamma=0.7)
    _, y, m = data(2, known=known)
    n = COUNTS.present.numpy()
    w = n**-0.7 / (n**-0.7).sum() if reweight else np.full(C, 1 / C)
    margin = 0.8 * n**-0.25 if soft else np.full(C, 0.8)
    d = 1 - numpy_similarity(space, 2)
    total = weights = 0.0
    for k, i in product(range(B), range(C)):
        if m[k, i] == 0:
            continue
        pulled = y[k, i] == 1
        total += w[i] * (d[k, i] if pulled else max(0.0, margin[i] - d[k, i]))
        weights += w[i]
    got = losses.class_specific_embedding_loss(similarity(space, 2), y, m, COUNTS.present, options)
    assert float(got) == pytest.approx(total / weights)
    if known == 1.0:  # the paper's mean over images of sum_i w_i (...)
        assert float(got) == pytest.approx(total / B)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("soft", [True, False])
@pytest.mark.parametrize("reweight", [True, False])
def test_gradients_to_the_tokens_are_those_of_finite_differences(
    space: str, soft: bool, reweight: bool
) -> None:
    options = EmbeddingLoss(margin=0.8, soft_margin=soft, reweight=reweight)
    captions, caption_mask, prompts, prompt_mask = tokens(3)
    _, y, m = data(3)

    def loss(q: Tensor, p: Tensor) -> Tensor:
        if space == "feature":
            cosines = losses.feature_similarity(q[:, 0], p[:, 0])
        else:
            measure = losses.token_similarity if space == "token" else losses.mean_token_similarity
            cosines = measure(q, caption_mask, p, prompt_mask)
        return losses.class_specific_embedding_loss(cosines, y, m, COUNTS.present, options)

    pair = (captions.requires_grad_(True), prompts.requires_grad_(True))
    assert torch.autograd.gradcheck(loss, pair)


@pytest.mark.parametrize("space", SPACES[1:])
def test_padding_has_no_influence_and_no_gradient(space: str) -> None:
    captions, caption_mask, prompts, prompt_mask = tokens(4)
    measure = losses.token_similarity if space == "token" else losses.mean_token_similarity
    plain = measure(captions, caption_mask, prompts, prompt_mask)
    wild = torch.where(prompt_mask[..., None] > 0, prompts, prompts + 1e3).requires_grad_(True)
    again = measure(captions, caption_mask, wild, prompt_mask)
    torch.testing.assert_close(again, plain)
    again.sum().backward()
    assert wild.grad is not None
    assert (wild.grad[prompt_mask == 0] == 0).all()


@settings(max_examples=examples(60), deadline=None)
@given(
    space=st.sampled_from(SPACES),
    q=hnp.arrays(np.float32, (2, 3, 2), elements=st.floats(-1e4, 1e4, width=32)),
    p=hnp.arrays(np.float32, (3, 2, 2), elements=st.floats(-1e4, 1e4, width=32)),
    qm=hnp.arrays(np.float32, (2, 3), elements=st.sampled_from([0.0, 1.0])),
    pm=hnp.arrays(np.float32, (3, 2), elements=st.sampled_from([0.0, 1.0])),
    y=hnp.arrays(np.float32, (2, 3), elements=st.sampled_from([0.0, 1.0])),
    m=hnp.arrays(np.float32, (2, 3), elements=st.sampled_from([0.0, 1.0])),
    n=hnp.arrays(np.float32, 3, elements=st.integers(0, 1_000_000)),
    margin=st.floats(-1e6, 1e6),
    gamma=st.floats(-100, 100),
    soft=st.booleans(),
)
def test_finite_with_finite_gradients_over_wild_inputs(
    space: str, *, margin: float, gamma: float, soft: bool, **arrays: NDArray[Any]
) -> None:
    """In single precision; empty texts and tokens of zeros among them."""
    q, p, qm, pm, y, m, n = (
        torch.tensor(arrays[name]) for name in ["q", "p", "qm", "pm", "y", "m", "n"]
    )
    p.requires_grad_(True)
    if space == "feature":
        cosines = losses.feature_similarity(q[:, 0], p[:, 0])
    else:
        measure = losses.token_similarity if space == "token" else losses.mean_token_similarity
        cosines = measure(q, qm, p, pm)
    options = EmbeddingLoss(margin=margin, soft_margin=soft, gamma=gamma)
    value = losses.class_specific_embedding_loss(cosines, y, m, n, options)
    value.backward()
    assert torch.isfinite(value)
    assert p.grad is not None
    assert torch.isfinite(p.grad).all()


def test_embedding_loss_pulls_matching_pairs_together_and_pushes_others_only_to_the_margin() -> (
    None
):
    similarity = torch.tensor([[0.2, 0.9, -0.5]], dtype=torch.float64, requires_grad=True)
    y = torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64)
    n = torch.ones(3, dtype=torch.float64)
    losses.class_specific_embedding_loss(similarity, y, torch.ones_like(y), n).backward()
    assert similarity.grad is not None
    toward, apart, enough = similarity.grad[0].tolist()
    assert toward < 0 < apart
    assert enough == 0


def test_rare_classes_get_wider_margins_and_larger_weights() -> None:
    n = COUNTS.present
    margins = losses.class_margins(n, EmbeddingLoss())
    weights = losses.class_weights(n, EmbeddingLoss())
    assert (margins.diff() > 0).all()
    assert (weights.diff() > 0).all()
    assert float(weights.sum()) == pytest.approx(1.0)


def test_mean_tokens_ignore_padding_and_order() -> None:
    r = np.random.default_rng(1)
    q, p = torch.tensor(r.normal(size=(1, 3, 4))), torch.tensor(r.normal(size=(2, 2, 4)))
    ones = torch.ones(1, 3, dtype=torch.float64)
    got = losses.mean_token_similarity(q, ones, p, torch.ones(2, 2, dtype=torch.float64))
    padded = torch.cat([q.flip(1), torch.full((1, 2, 4), 9.0, dtype=torch.float64)], 1)
    mask = torch.tensor([[1.0, 1, 1, 0, 0]], dtype=torch.float64)
    again = losses.mean_token_similarity(padded, mask, p, torch.ones(2, 2, dtype=torch.float64))
    torch.testing.assert_close(got, again)
