"""Zero-shot weights of classes with one or several descriptions, from cached text embeddings."""

from __future__ import annotations

import numpy as np
import pytest

from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.engine.class_weights import library_weights, prompt_texts, text_embedding
from lmpt_desktop.engine.encoding.model_facts import ModelFacts
from trainer.arrays import unit_rows

DIM = 8
NO_FEATURES = np.empty((0, DIM), np.float16)


@pytest.fixture
def facts() -> ModelFacts:
    return ModelFacts(dim=DIM, scale=10.0, bias=-5.0, templates=("{}",), device="CPU")


def texts_of(*names: str) -> dict[str, np.ndarray]:
    rows = unit_rows(np.random.default_rng(0).normal(size=(len(names), DIM)))
    return dict(zip(names, rows, strict=True))


def test_one_description_has_exactly_the_embedding_of_its_text(facts: ModelFacts) -> None:
    texts = texts_of("dog", "a cat", "a; b")
    classes = [ClassEntry(1, "dog"), ClassEntry(2, "cat", "a cat"), ClassEntry(3, "a; b")]
    weights = library_weights(classes, facts, texts, NO_FEATURES, None)
    np.testing.assert_array_equal(weights.embeddings, np.stack(list(texts.values())))


def test_several_are_averaged_once_all_are_known(facts: ModelFacts) -> None:
    entry = ClassEntry(1, "person", "man; woman; child")
    assert prompt_texts(entry) == ("man", "woman", "child")
    known = texts_of("man", "woman", "child")
    part = {text: known[text] for text in ("man", "woman")}
    assert text_embedding(entry, part) is None
    assert np.isnan(library_weights([entry], facts, part, NO_FEATURES, None).embeddings).all()
    weights = library_weights([entry], facts, known, NO_FEATURES, None)
    total = np.sum(list(known.values()), axis=0)
    np.testing.assert_allclose(weights.embeddings[0], total / np.linalg.norm(total), atol=1e-6)


def test_a_merged_class_keeps_the_mean_of_its_own_descriptions(facts: ModelFacts) -> None:
    entry = ClassEntry(1, "dog")
    gone = ClassEntry(2, "pets", "cat; hamster", archived=True)
    texts = texts_of("dog", "cat", "hamster")
    weights = library_weights([entry], facts, texts, NO_FEATURES, None, {1: [gone]})
    total = texts["cat"] + texts["hamster"]
    np.testing.assert_allclose(weights.more_embeddings[0], total / np.linalg.norm(total), atol=1e-6)
