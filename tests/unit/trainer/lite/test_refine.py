"""Refining the ends of both towers: losses on made-up data, and what is trained."""

import math

import numpy as np
import pytest
import torch
from open_clip.model import CLIP
from torch.nn import functional

from trainer.lite.refine import (
    NameLevel,
    RefineData,
    RefineSettings,
    Towers,
    merge_classes,
    photo_kl,
    refine,
    tag_loss,
)
from trainer.lite.text_tower import encode, new_model, tokenise

TEXTS = ["dog", "cat", "bus", "tree", "animal", "a photo of two dogs on the grass at night"]


@pytest.fixture
def model() -> CLIP:
    torch.manual_seed(0)
    return new_model().eval().requires_grad_(requires_grad=False)


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def test_groups_add_up():
    logs = torch.log_softmax(torch.randn(5, 4), -1)
    merged = merge_classes(logs, torch.tensor([1, 0, 1, 1])).exp()
    assert torch.allclose(merged.sum(1), torch.ones(5))
    assert torch.allclose(merged[:, 0], logs[:, 1].exp())


def test_photo_kl_against_numpy():
    rng = np.random.default_rng(2)
    p, logits = softmax(rng.normal(size=(9, 4))), rng.normal(size=(9, 4))
    mass, by_photo = p.sum(0), p / p.sum(0)
    each = (by_photo * np.log(by_photo / softmax(logits.T).T)).sum(0)
    weights = np.minimum(mass, 1)
    expected = (weights * each).sum() / max(1.0, weights.sum())
    found = float(photo_kl(torch.tensor(np.log(p)), torch.tensor(logits)))
    assert found == pytest.approx(expected)


def test_photo_kl_leaves_out_classes_that_no_photo_shows():
    p = torch.tensor([[0.99, 0.01], [0.99, 0.01]], dtype=torch.float64)
    wrong = torch.tensor([[0.0, 9.0], [0.0, -9.0]], dtype=torch.float64)
    assert float(photo_kl(p.log(), wrong)) == pytest.approx(0, abs=1e-9)


def test_tag_loss_has_several_positives_in_both_directions():
    counts = torch.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    even = torch.zeros(2, 3)
    # Words of each photo: log 3. Photos of each named word: log 2; the third is named nowhere.
    assert float(tag_loss(counts, even)) == pytest.approx(math.log(3) + math.log(2))
    assert float(tag_loss(counts, 3 * counts)) < float(tag_loss(counts, even))


def test_stems_lead_to_the_towers_own_embeddings(model: CLIP):
    towers = Towers(model)
    stems = towers.stems(TEXTS, batch=2)
    assert stems.shape == (len(TEXTS), 256)
    assert torch.allclose(towers.embed_stems(stems), encode(model, tokenise(TEXTS)), atol=1e-5)


def test_features_lead_to_the_towers_own_embeddings(model: CLIP):
    pixels = torch.randn(2, 3, 260, 260, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        pooled = model.visual.get_submodule("trunk")(pixels)
        whole = model.encode_image(pixels, normalize=True)
    assert pooled.shape == (2, 1280)
    assert torch.allclose(Towers(model).embed_features(pooled), whole, atol=1e-5)


def test_refining_teaches_a_wider_word_and_holds_the_rest(model: CLIP):
    towers = Towers(model)
    kinds = torch.arange(80) % 4
    noise = torch.randn(80, 1280, generator=torch.Generator().manual_seed(2))
    features = functional.one_hot(kinds, 1280).float() * 20 + 0.1 * noise
    stems = towers.stems(TEXTS)
    log_probabilities = torch.log_softmax(20 * functional.one_hot(kinds, 4).float(), -1)
    data = RefineData(
        pair_features=features,
        pair_stems=stems[kinds][:, None],
        # "animal" is named with dogs and cats, the kinds 0 and 1.
        tag_counts=torch.cat([functional.one_hot(kinds, 4), (kinds < 2)[:, None]], 1).float(),
        tag_stems=stems[None, :5],
        class_features=features,
        class_log_probabilities=log_probabilities,
        class_weights=torch.ones(80),
        levels=(
            NameLevel(torch.arange(4), stems[None, :4], 1.0),
            NameLevel(torch.tensor([0, 0, 1, 2]), stems[None, [4, 2, 3]], 0.5),
        ),
        held_stems=stems[5:],
    )
    before = {key: value.clone() for key, value in model.state_dict().items()}
    held = towers.embed_stems(stems[5:])
    refine(model, data, RefineSettings(steps=60, batch=32, class_batch=32, blend=1.0))
    seen, words = towers.embed_features(features), towers.embed_stems(stems[:5])
    cosine = seen @ words.T
    assert (cosine[:, :4].argmax(1) == kinds).float().mean() > 0.95
    assert cosine[kinds < 2, 4].min() > cosine[kinds > 1, 4].max()
    assert float((towers.embed_stems(stems[5:]) * held).sum()) > 0.8
    changed = {key for key, value in model.state_dict().items() if not value.equal(before[key])}
    assert changed >= {"text_projection", "visual.head.proj.weight", "ln_final.weight"}
    trained = ("text_projection", "ln_final", "visual.head", "transformer.resblocks.3.mlp",
               "transformer.resblocks.3.ln_2")  # fmt: skip
    assert all(key.startswith(trained) for key in changed)
    assert not any(parameter.requires_grad for parameter in model.parameters())
    full = model.get_parameter("text_projection").detach().clone()
    model.load_state_dict(before)
    refine(model, data, RefineSettings(steps=60, batch=32, class_batch=32, blend=0.5))
    half = (before["text_projection"] + full) / 2
    assert torch.allclose(model.get_parameter("text_projection"), half, atol=1e-5)
