"""One or several descriptions of a class, and the mean of their embeddings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_backbone import tiny_backbone

from trainer.arrays import unit_rows
from trainer.class_texts import class_texts, mean_embedding, mean_embeddings
from trainer.job import JobClass
from trainer.learner import embed_classes, embed_templates
from trainer.text_tower import TextTower

TEMPLATES = ["a photo of a {}.", "{} and more"]


@pytest.mark.parametrize(
    ("name", "description", "texts"),
    [
        ("person", "", ("person",)),
        ("person", "man, woman or child", ("man, woman or child",)),
        ("person", "man; woman;child", ("man", "woman", "child")),
        ("person", " man ;; woman; man; ", ("man", "woman")),
        ("person", " ; ", ("person",)),
        ("salt; pepper", "", ("salt; pepper",)),
    ],
)
def test_a_description_is_split_and_a_name_is_not(
    name: str, description: str, texts: tuple[str, ...]
) -> None:
    assert class_texts(name, description) == texts
    assert JobClass(name, description).prompt_texts == texts
    assert JobClass(name, description).prompt_text == (description or name)


@given(st.lists(st.text("abc ,|", min_size=1).map(str.strip).filter(bool), min_size=1, unique=True))
def test_what_is_joined_is_split_again(parts: list[str]) -> None:
    assert class_texts("name", "; ".join(parts)) == tuple(parts)


def unit(rows: int, seed: int = 0) -> np.ndarray:
    return unit_rows(np.random.default_rng(seed).normal(size=(rows, 16)))


def test_one_text_has_exactly_its_own_embedding() -> None:
    row = unit(1)
    assert mean_embedding(row).tobytes() == row[0].tobytes()
    each = unit(3)
    alone = mean_embeddings(each, [("a",), ("b",), ("c",)])
    assert alone.tobytes() == each.tobytes()


def test_several_texts_have_the_unit_norm_mean_whatever_their_order() -> None:
    each = unit(5)
    made = mean_embeddings(each, [("a",), ("b", "c", "d"), ("e",)])
    expected = each[1:4].sum(axis=0) / np.linalg.norm(each[1:4].sum(axis=0))
    np.testing.assert_allclose(made[1], expected, atol=1e-6)
    np.testing.assert_allclose(mean_embedding(each[[3, 1, 2]]), made[1], atol=1e-6)
    assert made[2].tobytes() == each[4].tobytes()
    assert np.linalg.norm(made, axis=1) == pytest.approx(1, abs=1e-6)


def test_texts_that_cancel_out_give_zeros_and_no_classes_no_rows() -> None:
    row = unit(1)
    assert not mean_embedding(np.concatenate([row, -row])).any()
    assert mean_embeddings(unit(0), []).shape == (0, 16)


def test_the_trainer_embeds_a_class_as_the_mean_over_its_texts() -> None:
    backbone = tiny_backbone()
    tower = TextTower(backbone.model, backbone.tokenizer)
    names = ["dog", "traffic light", "kite"]
    single = embed_classes(tower, [(name,) for name in names], TEMPLATES)
    assert single.equal(embed_templates(tower, names, TEMPLATES))
    texts = [("dog",), ("man", "woman", "small child"), ("kite",)]
    each = embed_templates(tower, [text for part in texts for text in part], TEMPLATES)
    made = embed_classes(tower, texts, TEMPLATES).numpy()
    np.testing.assert_allclose(made, mean_embeddings(each.numpy(), texts), atol=1e-6)
    np.testing.assert_allclose(made[[0, 2]], single.numpy()[[0, 2]], atol=1e-6)
