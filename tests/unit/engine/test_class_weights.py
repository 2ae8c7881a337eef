"""Weights of a library for a backbone that knows frequencies, and for one that does not."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.engine.class_weights import library_weights
from lmpt_desktop.engine.encoding.model_facts import ModelFacts
from lmpt_desktop.inference.predict import predict

DIM = 16
FACTS = ModelFacts(
    DIM,
    scale=14.0,
    bias=-2.7,
    templates=("{}",),
    device="CPU",
    frequency_bias=-4.4,
    name_frequency=(0.5,) + (0.0,) * (DIM - 1),
)
CLASSES = [ClassEntry(1, "dog"), ClassEntry(2, "cat"), ClassEntry(3, "kite")]


def unit(count: int, seed: int) -> NDArray[np.float32]:
    values = np.random.default_rng(seed).normal(size=(count, DIM))
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


TEXTS: dict[str, NDArray[np.float32]] = dict(zip(("dog", "cat", "kite"), unit(3, 0), strict=True))
FEATURES = unit(500, 1).astype(np.float16)


def test_facts_survive_the_catalogue() -> None:
    assert ModelFacts.from_setting(json.loads(json.dumps(FACTS.to_setting()))) == FACTS


def test_facts_of_an_earlier_version_have_no_frequencies() -> None:
    stored = FACTS.to_setting()
    del stored["frequency_bias"], stored["name_frequency"]
    facts = ModelFacts.from_setting(stored)
    assert facts is not None
    assert not facts.has_prior
    weights = library_weights(CLASSES, facts, TEXTS, FEATURES, None)
    assert weights.biases == pytest.approx([-2.7] * 3)
    assert weights.thresholds == pytest.approx([0.5] * 3)


def test_zero_shot_scores_are_frequencies_with_a_threshold_for_each_class() -> None:
    weights = library_weights(CLASSES, FACTS, TEXTS, FEATURES, None)
    assert len(set(weights.biases.tolist())) == 3
    scores = predict(FEATURES, weights)
    flat = predict(FEATURES, replace(weights, biases=np.full(3, -4.4, np.float32)))
    assert scores.mean() == pytest.approx(flat.mean(), rel=0.01)
    assert (weights.thresholds < 0.5).all()
    assert (scores >= weights.thresholds).any(axis=0).all()


def test_two_starts_give_the_same_predictions() -> None:
    first = library_weights(CLASSES, FACTS, TEXTS, FEATURES, None)
    again = library_weights(CLASSES, FACTS, dict(TEXTS), FEATURES.copy(), None)
    np.testing.assert_array_equal(first.biases, again.biases)
    np.testing.assert_array_equal(first.thresholds, again.thresholds)


def test_before_any_photo_is_encoded_a_class_is_predicted_where_the_other_bias_says() -> None:
    weights = library_weights(CLASSES, FACTS, TEXTS, FEATURES[:0], None)
    assert weights.biases == pytest.approx([-4.4] * 3)
    logits = np.log(weights.thresholds / (1 - weights.thresholds))
    assert logits == pytest.approx([-4.4 + 2.7] * 3, abs=1e-5)


def test_a_class_whose_text_is_not_encoded_does_not_disturb_the_others() -> None:
    some = {name: TEXTS[name] for name in ("dog", "cat")}
    weights = library_weights(CLASSES, FACTS, some, FEATURES, None)
    alone = library_weights(CLASSES[:2], FACTS, some, FEATURES, None)
    np.testing.assert_array_equal(weights.biases[:2], alone.biases)
    assert np.isfinite(weights.biases).all()


def test_a_description_does_not_make_a_class_rarer_than_its_name() -> None:
    described = [ClassEntry(1, "dog", "cat"), *CLASSES[1:]]
    direction = TEXTS["dog"] - TEXTS["cat"]
    facts = replace(FACTS, name_frequency=tuple((direction / np.linalg.norm(direction)).tolist()))
    without = {name: TEXTS[name] for name in ("cat", "kite")}
    by_text = library_weights(described, facts, without, FEATURES, None)
    by_name = library_weights(described, facts, TEXTS, FEATURES, None)
    np.testing.assert_array_equal(by_name.embeddings, by_text.embeddings)
    assert by_name.biases[0] > by_text.biases[0]
