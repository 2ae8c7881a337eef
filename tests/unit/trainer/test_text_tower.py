"""Learned prompts over every text tower that open_clip knows, shrunk and with random weights."""

from __future__ import annotations

import re
from typing import Any
from unittest.mock import patch

import open_clip
import pytest
import tiny_towers
import torch
from open_clip.hf_model import HFTextEncoder
from tiny_towers import build, kinds
from torch import Tensor
from torch.nn import functional as nn_f

from trainer.prompts import PromptLayout, PromptLearner
from trainer.text_tower import TextTower, UnsupportedTextTowerError

NAMES = ["dog", "traffic light", "hair_drier", "a very long class name of many words indeed"]
KINDS = list(kinds())
SENTENCES = {
    "front": "{} a photo of a.",
    "middle": "a photo {} of a.",
    "end": "a photo of a {}.",
}
each_kind = pytest.mark.parametrize("name", KINDS)


def may_be_cut(name: str) -> bool:
    """From what is known of the architectures, not from the code under test: a mask that hides
    what comes after, and the feature taken at the end of text.
    """
    text = open_clip.get_model_config(name)["text_cfg"]  # type: ignore[index]
    causal = not text.get("no_causal_mask", False)
    return causal and not text.get("embed_cls", False) and text.get("pool_type") != "last"


def perturbed(tower: TextTower, layout: PromptLayout) -> PromptLearner:
    """Contexts that are no words any more."""
    learner = PromptLearner(tower, NAMES, layout)
    noise = torch.randn(learner.contexts.shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        learner.contexts.add_(0.05 * noise)
    return learner


def by_open_clip(model: Any, tower: TextTower, learner: PromptLearner) -> Tensor:
    """The prompts at full length through open_clip's own ``encode_text``."""
    ids = learner.token_ids
    missing = tower.context_length - ids.shape[1]
    ids = nn_f.pad(ids, (0, missing), value=tower.frame.pad)
    embeddings = learner.token_embeddings()
    embeddings = torch.cat([embeddings, tower.embed(ids[:, embeddings.shape[1] :])], 1)
    table = getattr(model, "text", model).token_embedding
    with patch.object(table, "forward", lambda _ids: embeddings):
        return model.encode_text(ids, normalize=True)


def test_all_kinds_of_towers_are_here() -> None:
    """If open_clip learns another one, it is tried too; these must not get lost."""
    assert {"ViT-B-16-SigLIP", "ViT-B-16-SigLIP2", "MobileCLIP2-L-14", "coca_base"} <= set(KINDS)
    assert any("CLIPA" in name for name in KINDS)
    assert sum(may_be_cut(name) for name in KINDS) >= 5
    assert sum(not may_be_cut(name) for name in KINDS) >= 5


@each_kind
@pytest.mark.parametrize("position", SENTENCES)
def test_prompts_begin_as_the_written_sentence(name: str, position: Any) -> None:
    model, tokenizer = build(name)
    learner = PromptLearner(TextTower(model, tokenizer), NAMES, PromptLayout(position=position))
    texts = [SENTENCES[position].format(text.replace("_", " ")) for text in NAMES]
    written = model.encode_text(tokenizer(texts), normalize=True)  # type: ignore[operator]
    torch.testing.assert_close(learner(), written, rtol=1e-5, atol=1e-6)


@each_kind
@pytest.mark.parametrize(
    "layout",
    [
        PromptLayout(),
        PromptLayout(tokens=8),
        PromptLayout(tokens=5, position="middle", shared=True),
        PromptLayout(position="front"),
    ],
    ids=["words", "random", "middle, shared", "front"],
)
def test_forward_and_gradient_are_those_of_the_whole_tower(name: str, layout: PromptLayout) -> None:
    """Cut short where that is exact, chunks of like length, against open_clip at full length."""
    model, tokenizer = build(name)
    tower = TextTower(model, tokenizer)
    learner = perturbed(tower, layout)
    learner.chunk = 2
    gradients: list[Tensor] = []
    features = [learner(), by_open_clip(model, tower, learner)]
    weights = torch.randn(features[0].shape, generator=torch.Generator().manual_seed(2))
    for each in features:
        learner.contexts.grad = None
        (each * weights).sum().backward()
        assert learner.contexts.grad is not None
        gradients.append(learner.contexts.grad.clone())
    torch.testing.assert_close(*features, rtol=1e-5, atol=1e-6)
    assert gradients[1].flatten(1).norm(dim=1).min() > 0
    scale = gradients[1].abs().max()
    torch.testing.assert_close(gradients[0] / scale, gradients[1] / scale, rtol=1e-4, atol=1e-5)


@each_kind
def test_prompts_are_cut_exactly_where_the_architecture_allows(name: str) -> None:
    model, tokenizer = build(name)
    tower = TextTower(model, tokenizer)
    assert tower.truncates == may_be_cut(name)
    length = PromptLearner(tower, NAMES).token_mask.shape[1]
    assert length < 20 if may_be_cut(name) else length == tower.context_length


@each_kind
def test_descriptions_that_do_not_fit_are_cut_and_stay_finite(name: str) -> None:
    model, tokenizer = build(name)
    tower = TextTower(model, tokenizer)
    learner = PromptLearner(tower, ["word " * 300, "dog"])
    assert learner.token_mask.shape[1] == tower.context_length
    features = learner()
    assert torch.isfinite(features).all()
    features.sum().backward()
    assert learner.contexts.grad is not None
    assert torch.isfinite(learner.contexts.grad).all()


def hugging_face_names() -> list[str]:
    return [
        name
        for name in open_clip.list_models()
        if "hf_model_name" in (open_clip.get_model_config(name) or {})["text_cfg"]
    ]


def test_there_are_hugging_face_towers_to_refuse() -> None:
    assert len(hugging_face_names()) >= 5


def test_a_hugging_face_tower_is_refused_and_the_message_says_what_to_do() -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=32,
    )  # fmt: skip
    model = torch.nn.Module()
    model.text = HFTextEncoder("bert-base-uncased", output_dim=8, config=config, pretrained=False)
    with pytest.raises(UnsupportedTextTowerError) as caught:
        TextTower(model, tiny_towers.CLIP_TOKENIZER)
    said = str(caught.value)
    assert re.search(r"text tower \(HFTextEncoder\) does not accept learned tokens", said)
    assert "Predictions work" in said
    assert "choose a CLIP, SigLIP or MobileCLIP2 backbone" in said
