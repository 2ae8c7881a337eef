from __future__ import annotations

from dataclasses import replace

import numpy as np

from lmpt_desktop.inference.predict import predict
from lmpt_desktop.inference.weights import DEFAULT_THRESHOLD, Merged, assemble
from trainer.prompt_set import PromptSet


def unit(*rows: list[float]) -> np.ndarray:
    values = np.array(rows, np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def prompt_set(classes: list[str], embeddings: np.ndarray) -> PromptSet:
    count = len(classes)
    return PromptSet(
        backbone="fake",
        classes=classes,
        class_embeddings=embeddings,
        scale=7.0,
        biases=np.full(count, -2.0, np.float32),
        thresholds=np.full(count, 0.3, np.float32),
        train_present=np.ones(count, np.int64),
        calibrated=np.ones(count, np.bool_),
    )


def test_zero_shot_scores_are_sigmoids_of_scaled_cosines() -> None:
    features = unit([1, 0], [1, 1], [0, -1]).astype(np.float16)
    texts = unit([1, 0], [0, 1])
    weights = assemble(texts, scale=4.0, bias=-1.0)
    expected = 1 / (1 + np.exp(-(4.0 * features.astype(np.float64) @ texts.T - 1.0)))
    scores = predict(features, weights)
    assert scores.dtype == np.float32
    assert np.allclose(scores, expected, atol=1e-3)
    assert (weights.thresholds == DEFAULT_THRESHOLD).all()


def test_a_learned_class_uses_the_prompt_set_and_the_others_stay_zero_shot() -> None:
    learned = prompt_set(["cat"], unit([1, 1]))
    weights = assemble(
        unit([1, 0], [0, 1]), scale=4.0, bias=-1.0, prompt_set=learned, rows=np.array([-1, 0])
    )
    assert weights.trained.tolist() == [False, True]
    assert weights.scales.tolist() == [4.0, 7.0]
    assert weights.biases.tolist() == [-1.0, -2.0]
    assert np.allclose(weights.thresholds, [0.5, 0.3])
    assert np.allclose(weights.embeddings[1], unit([1, 1])[0])


def test_a_class_without_an_embedding_has_no_score_while_others_do() -> None:
    texts = np.array([[np.nan, np.nan], [0, 1]], np.float32)
    scores = predict(unit([1, 0]).astype(np.float16), assemble(texts, scale=4, bias=0))
    assert np.isnan(scores[0, 0])
    assert scores[0, 1] == 0.5


def test_zero_shot_biases_and_thresholds_may_differ_by_class() -> None:
    learned = prompt_set(["cat"], unit([1, 1]))
    weights = assemble(
        unit([1, 0], [0, 1]),
        scale=4.0,
        bias=np.array([-1.0, -3.0], np.float32),
        thresholds=np.array([0.2, 0.1], np.float32),
        prompt_set=learned,
        rows=np.array([-1, 0]),
    )
    assert weights.biases.tolist() == [-1.0, -2.0]
    assert np.allclose(weights.thresholds, [0.2, 0.3])


def test_scores_of_extreme_logits_are_finite() -> None:
    weights = assemble(unit([1, 0]), scale=1e4, bias=0.0)
    scores = predict(unit([1, 0], [-1, 0]).astype(np.float16), weights)
    assert np.isfinite(scores).all()
    assert scores[0, 0] == 1.0
    assert scores[1, 0] < 1e-30


def test_a_merged_class_is_found_where_either_would_be() -> None:
    texts = unit([1, 0, 0], [0, 1, 0])
    features = unit([1, 0, 0], [0, 0, 1], [0, 1, 0], [0.6, 0, 0.8])
    alone = predict(features, assemble(texts, scale=8.0, bias=-4.0))
    gone = Merged(0, unit([0, 0, 1])[0])
    both = predict(features, assemble(texts, scale=8.0, bias=-4.0, merged=[gone]))
    best = np.maximum(features[:, 0], features[:, 2])
    np.testing.assert_allclose(both[:, 0], 1 / (1 + np.exp(4.0 - 8.0 * best)), rtol=1e-5)
    np.testing.assert_array_equal(both[:, 1], alone[:, 1])
    # Neither text needs to be known yet.
    unknown = Merged(0, np.full(3, np.nan, np.float32))
    same = predict(features, assemble(texts, scale=8.0, bias=-4.0, merged=[unknown]))
    np.testing.assert_array_equal(same, alone)
    texts[0] = np.nan
    other = predict(features, assemble(texts, scale=8.0, bias=-4.0, merged=[gone]))
    assert other[1, 0] > 0.9


def test_a_merged_class_reaches_the_threshold_where_it_reached_its_own() -> None:
    learned = replace(
        prompt_set(["cat", "kitten"], unit([1, 0.2], [0.1, 1])),
        thresholds=np.array([0.3, 0.8], np.float32),
        biases=np.array([-2.0, -3.0], np.float32),
    )
    text = unit([1, 0])
    features = unit(*np.random.default_rng(3).normal(size=(200, 2)).tolist())
    rows = np.array([0, 1])
    apart = predict(
        features,
        assemble(np.repeat(text, 2, 0), scale=4, bias=-1, prompt_set=learned, rows=rows),
    )
    weights = assemble(
        text,
        scale=4.0,
        bias=-1.0,
        prompt_set=learned,
        rows=rows[:1],
        merged=[Merged(0, text[0], 1)],
    )
    either = (apart >= learned.thresholds).any(axis=1)
    assert (apart[:, 0] < 0.3)[either].any()
    np.testing.assert_array_equal(predict(features, weights)[:, 0] >= weights.thresholds[0], either)
