"""Losses, heads and batches of the builder, on made-up data."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from open_clip.model import CLIP
from torch.nn import functional

from trainer.lite.distil import DistilData, DistilSettings, distil, distil_loss, epoch_batches
from trainer.lite.minilm import SentenceCache, mean_pool
from trainer.lite.teacher import TeacherData, TeacherSettings, class_kl, info_nce, train_teacher
from trainer.lite.text_tower import lengths, new_model, principal_axes, tokenise


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def test_class_kl_against_numpy():
    rng = np.random.default_rng(0)
    p, q = softmax(rng.normal(size=(7, 11))), softmax(logits := rng.normal(size=(7, 11)))
    expected = (p * np.log(p / q)).sum(axis=1).mean()
    assert float(class_kl(torch.tensor(np.log(p)), torch.tensor(logits))) == pytest.approx(expected)


def test_class_kl_is_zero_for_the_same_distribution():
    logits = torch.randn(3, 5, dtype=torch.float64)
    assert float(class_kl(torch.log_softmax(logits, -1), logits + 2)) == pytest.approx(0, abs=1e-12)


def test_info_nce_against_numpy():
    rng = np.random.default_rng(1)
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in rng.normal(size=(2, 6, 4)))
    logits = 5 * a @ b.T
    expected = -0.5 * np.mean(np.log(np.diag(softmax(logits))) + np.log(np.diag(softmax(logits.T))))
    found = info_nce(torch.tensor(a), torch.tensor(b), torch.tensor(5.0, dtype=torch.float64))
    assert float(found) == pytest.approx(expected)


def test_distil_loss_of_a_perfect_student():
    teacher = torch.eye(3)
    expected = math.log(math.exp(20) + 2) - 20
    assert float(distil_loss(teacher, teacher, 1.0, 20.0)) == pytest.approx(expected, abs=1e-6)


def test_distil_loss_does_not_punish_repeated_texts():
    teacher = functional.normalize(torch.ones(4, 3), dim=-1)
    assert float(distil_loss(teacher, teacher, 1.0, 20.0)) == pytest.approx(0, abs=1e-5)


def test_batches_draw_each_text_by_its_share_and_keep_lengths_together():
    token_lengths = torch.tensor([3, 9] * 200)
    shares = torch.cat([torch.ones(200), torch.full((100,), 0.5), torch.zeros(100)])
    parts = list(epoch_batches(token_lengths, shares, 16, torch.Generator().manual_seed(0)))
    rows = torch.cat(parts)
    assert len(rows.unique()) == len(rows)
    assert set(range(200)) <= set(rows.tolist())
    assert int(rows.max()) < 300
    assert 25 < int((rows >= 200).sum()) < 75
    assert sum(len(token_lengths[part].unique()) > 1 for part in parts) <= 1


def test_teacher_learns_made_up_pairs():
    torch.manual_seed(0)
    kinds = torch.arange(60) % 4
    features = functional.one_hot(kinds, 1280).float() * 8 + 0.1 * torch.randn(60, 1280)
    names = functional.normalize(torch.randn(4, 384), dim=-1)
    data = TeacherData(
        pair_features=features,
        pair_texts=[names[k].expand(2, -1) for k in kinds],
        class_features=features,
        class_log_probabilities=torch.log_softmax(20 * functional.one_hot(kinds, 4).float(), -1),
        class_weights=torch.ones(60),
        name_texts=names[None],
    )
    settings = TeacherSettings(steps=25, batch=16, kl_batch=32, hidden=32)
    teacher = train_teacher(data, settings)
    images, texts = teacher.embed_images(features), teacher.embed_texts(names)
    assert images.norm(dim=-1).allclose(torch.ones(60))
    assert ((images @ texts.T).argmax(-1) == kinds).float().mean() > 0.9
    again = train_teacher(data, settings)
    assert torch.equal(again.embed_texts(names), texts)  # same seed, same teacher
    other = train_teacher(data, replace(settings, seed=1))
    assert not torch.equal(other.embed_texts(names), texts)


def test_distillation_brings_the_student_nearer():
    texts = ["a dog", "a cat", "two kites", "the sea", "a red bus", "snow"] * 2
    targets = functional.normalize(torch.randn(6, 384, generator=torch.Generator().manual_seed(0)))
    data = DistilData(tokenise(texts), targets.repeat(2, 1), torch.ones(12))
    torch.manual_seed(0)
    model = new_model()
    before = model.get_parameter("token_embedding.weight").detach().clone()
    cosines: list[float] = []

    def after_epoch(current: CLIP, _: int) -> None:
        with torch.no_grad():
            found = current.encode_text(data.tokens, normalize=True)
        cosines.append(float((found * data.targets).sum(-1).mean()))

    distil(model, data, DistilSettings(epochs=6, batch=12, held_out=0), after_epoch)
    assert cosines[-1] > cosines[0] + 0.1
    moved = (model.get_parameter("token_embedding.weight") != before).any(dim=1)
    assert set(torch.nonzero(moved).flatten().tolist()) <= set(data.tokens.unique().tolist())


def test_token_lengths_count_start_and_end():
    assert lengths(tokenise(["dog", "a dog"])).tolist() == [3, 4]


def test_principal_axes_keep_the_widest():
    rows = torch.randn(500, 6, generator=torch.Generator().manual_seed(0)) * torch.tensor(
        [9.0, 5.0, 0.1, 0.1, 0.1, 0.1]
    )
    kept = principal_axes(rows, 2)
    assert float(kept.std()) == pytest.approx(1, abs=1e-4)
    first = torch.corrcoef(torch.stack([kept[:, 0], rows[:, 0]]))[0, 1].abs()
    assert float(first) > 0.99


def test_mean_pool_ignores_padding():
    states = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [9.0, 9.0]]])
    pooled = mean_pool(states, torch.tensor([[1, 1, 0]]))
    assert pooled[0].tolist() == pytest.approx([math.sqrt(0.5)] * 2)


def test_sentence_cache_embeds_a_list_once(tmp_path, monkeypatch):
    calls: list[list[str]] = []

    def fake(texts: list[str]) -> torch.Tensor:
        calls.append(texts)
        return torch.full((len(texts), 384), 0.5)

    monkeypatch.setattr("trainer.lite.minilm.embed_sentences", fake)
    cache = SentenceCache(tmp_path / "cache")
    assert torch.equal(cache(["a", "b"]), cache(["a", "b"]))
    cache(["b", "a"])
    assert calls == [["a", "b"], ["b", "a"]]
    assert not list(tmp_path.rglob("*.partial"))
