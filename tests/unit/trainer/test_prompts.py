"""Learned prompts over small random open_clip towers of every supported kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import open_clip
import pytest
import torch
from open_clip.model import CLIP, CustomTextCLIP
from torch import Tensor, nn
from torch.nn import functional as nn_f

from trainer.cancel import CancelToken, RunCancelledError
from trainer.prompts import PromptLayout, PromptLearner
from trainer.text_tower import TextTower, UnsupportedTextTowerError

VISION: dict[str, Any] = {
    "image_size": 32,
    "layers": 1,
    "width": 64,
    "head_width": 32,
    "patch_size": 16,
}
TEXT: dict[str, Any] = {
    "context_length": 77,
    "vocab_size": 49408,
    "width": 48,
    "heads": 2,
    "layers": 2,
}
NAMES = ["dog", "traffic light", "hair_drier", "a very long class name of many words indeed"]
TOKENIZER: Any = open_clip.get_tokenizer("ViT-B-32")


class PadOnlyTokenizer:
    """Like SigLIP's: no start token, and the end token doubles as padding (id 1)."""

    def __init__(self, length: int) -> None:
        self._length = length

    def __call__(self, texts: Sequence[str]) -> Tensor:
        rows = torch.ones(len(texts), self._length, dtype=torch.long)
        for row, text in zip(rows, texts, strict=True):
            words = text.replace(".", "").split()[: self._length - 1]
            for place, word in enumerate(words):
                row[place] = 2 + sum(ord(letter) * 31 for letter in word) % 90
        return rows


def clip() -> tuple[nn.Module, Any]:
    torch.manual_seed(0)
    return CLIP(24, VISION, TEXT), TOKENIZER  # type: ignore[arg-type]


def custom_text() -> tuple[nn.Module, Any]:
    torch.manual_seed(1)
    body = TEXT | {"proj_bias": True, "pool_type": "eos", "eos_id": 49407}
    return CustomTextCLIP(24, VISION, body), TOKENIZER  # type: ignore[arg-type]


def siglip() -> tuple[nn.Module, Any]:
    torch.manual_seed(2)
    body = TEXT | {
        "context_length": 16,
        "vocab_size": 100,
        "no_causal_mask": True,
        "pool_type": "last",
        "proj_bias": True,
    }
    return CustomTextCLIP(24, VISION, body), PadOnlyTokenizer(16)  # type: ignore[arg-type]


def coca() -> tuple[nn.Module, Any]:
    torch.manual_seed(3)
    body = TEXT | {"context_length": 76, "embed_cls": True}
    return CustomTextCLIP(24, VISION, body), open_clip.SimpleTokenizer(  # type: ignore[arg-type]
        context_length=76
    )


def padded() -> tuple[nn.Module, Any]:
    torch.manual_seed(4)
    model: Any = CustomTextCLIP(24, VISION, TEXT | {"no_causal_mask": True})  # type: ignore[arg-type]
    model.text.use_pad_mask = True
    return model, TOKENIZER


TOWERS: dict[str, Callable[[], tuple[nn.Module, Any]]] = {
    "clip": clip,
    "custom text": custom_text,
    "siglip": siglip,
    "coca": coca,
    "pad mask": padded,
}
each_tower = pytest.mark.parametrize("make", TOWERS.values(), ids=TOWERS.keys())


def frozen(make: Callable[[], tuple[nn.Module, Any]]) -> tuple[Any, TextTower]:
    model, tokenizer = make()
    model.requires_grad_(False).eval()
    return model, TextTower(model, tokenizer)


def plain(text: str) -> str:
    return text.replace("_", " ")


@each_tower
def test_prompts_begin_at_their_words(make: Callable[[], tuple[nn.Module, Any]]) -> None:
    """Before training, a prompt is exactly what open_clip makes of the written sentence."""
    model, tower = frozen(make)
    _, tokenizer = make()
    learner = PromptLearner(tower, NAMES)
    texts = [f"a photo of a {plain(name)}." for name in NAMES]
    expected = model.encode_text(tokenizer(texts), normalize=True)
    torch.testing.assert_close(learner(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("position", "sentence"),
    [("front", "{} a photo of a."), ("middle", "a photo {} of a."), ("end", "a photo of a {}.")],
)
def test_the_class_stands_where_it_should(position: Any, sentence: str) -> None:
    model, tower = frozen(clip)
    learner = PromptLearner(tower, NAMES, PromptLayout(position=position))
    expected = model.encode_text(
        TOKENIZER([sentence.format(plain(name)) for name in NAMES]), normalize=True
    )
    torch.testing.assert_close(learner(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("make", [clip, custom_text], ids=["clip", "custom text"])
@pytest.mark.parametrize("tokens", [0, 16])
def test_cut_prompts_equal_full_length_ones_forward_and_backward(
    make: Callable[[], tuple[nn.Module, Any]], tokens: int
) -> None:
    _, tower = frozen(make)
    learner = PromptLearner(tower, NAMES, PromptLayout(tokens=tokens))
    with torch.no_grad():
        learner.contexts.add_(0.1 * torch.randn_like(learner.contexts))
    weights = torch.randn(len(NAMES), 24)
    short = learner()
    (short * weights).sum().backward()
    assert learner.contexts.grad is not None
    gradient = learner.contexts.grad.clone()
    assert learner.token_mask.shape[1] < 40

    learner.contexts.grad = None
    missing = 77 - learner.token_ids.shape[1]
    ids = nn_f.pad(learner.token_ids, (0, missing))
    padding = tower.embed(torch.zeros(len(NAMES), missing, dtype=torch.long))
    full = tower.forward(ids, torch.cat([learner.token_embeddings(), padding], 1))
    full = nn_f.normalize(full, dim=-1)
    (full * weights).sum().backward()
    torch.testing.assert_close(short, full, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(gradient, learner.contexts.grad, rtol=1e-4, atol=1e-6)


def test_only_towers_that_look_back_and_pool_at_the_end_token_are_cut() -> None:
    kept = {name: frozen(make)[1].truncates for name, make in TOWERS.items()}
    assert kept == {
        "clip": True,
        "custom text": True,
        "siglip": False,
        "coca": False,
        "pad mask": False,
    }
    _, tower = frozen(siglip)
    assert not tower.causal
    assert PromptLearner(tower, NAMES).token_mask.shape[1] == 16


@each_tower
def test_gradients_reach_every_context(make: Callable[[], tuple[nn.Module, Any]]) -> None:
    _, tower = frozen(make)
    learner = PromptLearner(tower, NAMES)
    (learner() @ torch.randn(24)).sum().backward()
    assert learner.contexts.grad is not None
    assert (learner.contexts.grad.flatten(2).norm(dim=-1) > 0).all()


@pytest.mark.parametrize("recompute", [False, True])
def test_chunks_and_recomputation_change_nothing(recompute: bool) -> None:
    _, tower = frozen(clip)
    whole = PromptLearner(tower, NAMES)
    parts = PromptLearner(tower, NAMES, chunk=3, recompute=recompute)
    weights = torch.randn(len(NAMES), 24)
    for learner in (whole, parts):
        (learner() * weights).sum().backward()
    torch.testing.assert_close(whole(), parts())
    # Chunks have lengths of their own, so sums are rounded in another order.
    torch.testing.assert_close(whole.contexts.grad, parts.contexts.grad, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("recompute", [False, True])
def test_a_stop_is_noticed_on_the_way_back(recompute: bool) -> None:
    _, tower = frozen(clip)
    stop = CancelToken()
    learner = PromptLearner(tower, NAMES, chunk=2, recompute=recompute, on_chunk=stop.check)
    value = learner().sum()
    stop.request()
    with pytest.raises(RunCancelledError):
        value.backward()
    with pytest.raises(RunCancelledError):
        learner()


def test_some_rows_are_those_of_all() -> None:
    _, tower = frozen(clip)
    learner = PromptLearner(tower, NAMES)
    torch.testing.assert_close(learner(torch.tensor([2, 0])), learner()[[2, 0]])


def test_random_contexts_follow_the_seed_and_the_papers_spread() -> None:
    _, tower = frozen(clip)

    def contexts(seed: int) -> Tensor:
        layout = PromptLayout(tokens=16, seed=seed)
        return PromptLearner(tower, NAMES * 10, layout).contexts.detach()

    assert contexts(1).shape == (40, 16, 48)
    assert torch.equal(contexts(1), contexts(1))
    assert not torch.equal(contexts(1), contexts(2))
    assert float(contexts(1).std()) == pytest.approx(0.02, rel=0.02)


def test_a_shared_context_is_one_for_all_classes() -> None:
    _, tower = frozen(clip)
    learner = PromptLearner(tower, NAMES, PromptLayout(shared=True))
    assert learner.contexts.shape == (1, 4, 48)
    torch.testing.assert_close(learner(), PromptLearner(tower, NAMES)())


def test_contexts_stay_in_single_precision_over_a_half_precision_tower() -> None:
    model, _ = frozen(clip)
    tower = TextTower(model.bfloat16(), TOKENIZER)
    learner = PromptLearner(tower, NAMES)
    learner().sum().backward()
    assert learner.contexts.dtype == torch.float32
    assert learner.contexts.grad is not None
    assert learner.contexts.grad.dtype == torch.float32


def test_a_description_too_long_for_the_tower_is_cut_at_tokens() -> None:
    _, tower = frozen(clip)
    learner = PromptLearner(tower, ["word " * 300, "dog"], PromptLayout(tokens=16))
    assert learner.token_mask.sum(1).tolist() == [77, 20]
    assert torch.isfinite(learner()).all()
    assert int(learner.token_ids[0].argmax()) == 76


def test_more_contexts_than_fit_are_refused() -> None:
    _, tower = frozen(clip)
    with pytest.raises(ValueError, match="between 1 and 73"):
        PromptLearner(tower, NAMES, PromptLayout(tokens=74))


def test_a_tower_that_embeds_by_itself_is_refused_in_plain_words() -> None:
    class HuggingFaceLike(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.text = nn.Linear(1, 1)

    with pytest.raises(UnsupportedTextTowerError, match="choose a CLIP"):
        TextTower(HuggingFaceLike(), TOKENIZER)
