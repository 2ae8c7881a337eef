"""``evaluate`` and ``inspect``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_backbone import DIM, WIDTH, tiny_backbone
from tiny_fits import make_job, run

from trainer import job, prompt_set
from trainer.__main__ import main
from trainer.bands import BandLimits
from trainer.display import support_text, threshold_text
from trainer.events import FitFinished
from trainer.prompt_set import ThresholdBasis
from trainer.reports import evaluate, inspect
from trainer.text_tower import TextTower
from trainer.windows import quantise


@pytest.mark.parametrize(("method", "windows"), [("lmpt", 0), ("lmpt+", 0), ("lmpt+", 3)])
def test_evaluate_reproduces_the_runs_own_evaluation(
    tmp_path: Path, zero_shot: np.ndarray, method: str, windows: int
) -> None:
    made = make_job(zero_shot, steps=10, method=method, refit=False)
    if windows:
        noise = np.random.default_rng(2).normal(size=(len(made.features), windows, DIM))
        noise /= np.linalg.norm(noise, axis=2, keepdims=True)
        made = replace(made, windows=quantise(noise), baseline_window_embeddings=zero_shot)
    outcome, _ = run(tmp_path, made)
    assert isinstance(outcome, FitFinished)
    chosen = prompt_set.load(Path(outcome.prompt_set))
    assert chosen.evaluation is not None
    assert (chosen.kernel is not None) == (method == "lmpt+")
    assert (chosen.window_embeddings is not None) == (windows > 0)
    assert evaluate(chosen, made).scores == chosen.evaluation.scores
    everyone = evaluate(chosen, made, "all").classes[0]
    assert everyone.held_out_present == int((made.targets[:, 0] == 1).sum())


def test_inspect_names_the_words_contexts_began_with(tmp_path: Path, zero_shot: np.ndarray) -> None:
    outcome, _ = run(tmp_path, make_job(zero_shot, steps=1, learning_rate=1e-9, refit=False))
    assert isinstance(outcome, FitFinished)
    chosen = prompt_set.load(Path(outcome.prompt_set))
    backbone = tiny_backbone()
    insights = inspect(chosen, TextTower(backbone.model, backbone.tokenizer))
    assert [token[0][0] for token in insights[0].words] == ["a", "photo", "of", "a"]
    assert sum(item.weight for item in insights) == pytest.approx(1)
    assert insights[0].margin < insights[-1].margin


def hand_made(contexts: np.ndarray | None = None) -> prompt_set.PromptSet:
    """Four classes with 0, 1, 16 and 256 present annotations."""
    return prompt_set.PromptSet(
        backbone="tiny",
        classes=["never", "once", "some", "many"],
        class_embeddings=np.eye(4, DIM, dtype=np.float32),
        scale=10.0,
        biases=np.array([0, -1, -2, -3], dtype=np.float32),
        thresholds=np.array([0.5, 0.5, 0.4, 0.3], dtype=np.float32),
        train_present=np.array([0, 1, 16, 256]),
        calibrated=np.array([False, False, True, True]),
        contexts=contexts,
        settings={"margin": 0.8, "soft_margin": True, "reweight": True, "reweight_gamma": 0.5},
        held_out=[2, 3],
    )


def test_inspect_shows_the_weights_and_margins_of_the_papers_formulas() -> None:
    insights = inspect(hand_made(), None, limits=BandLimits(10, 100))
    weights = np.array([1, 16**-0.5, 256**-0.5])
    assert [item.weight for item in insights] == pytest.approx([0, *(weights / weights.sum())])
    assert [item.margin for item in insights[1:]] == pytest.approx([0.8, 0.4, 0.2])
    assert [item.band for item in insights] == ["tail", "tail", "medium", "head"]
    assert [item.calibrated for item in insights] == [False, False, True, True]
    assert [item.bias for item in insights] == [0, -1, -2, -3]
    assert all(item.words == [] for item in insights)


def test_inspect_finds_the_nearest_words_of_every_token() -> None:
    backbone = tiny_backbone()
    tower = TextTower(backbone.model, backbone.tokenizer)
    table = tower.vocabulary.detach().float().numpy()
    (dog,), (kite,) = tower.body_ids("dog"), tower.body_ids("kite")
    contexts = np.zeros((4, 2, WIDTH), dtype=np.float32)
    contexts[1] = 3 * table[[dog, kite]]
    contexts[2, 0] = table[dog] / np.linalg.norm(table[dog]) + 0.1 * table[kite]
    insights = inspect(hand_made(contexts), tower, nearest=2)
    assert insights[0].words == []  # untrained: no learned tokens
    assert [[token[0][0] for token in insights[1].words]] == [["dog", "kite"]]
    assert [token[0][1] for token in insights[1].words] == pytest.approx([1, 1])
    cosines = table @ contexts[2, 0]
    cosines /= np.linalg.norm(table, axis=1) * np.linalg.norm(contexts[2, 0])
    best = np.argsort(-cosines)[:2]
    assert [word for word, _ in insights[2].words[0]] == [tower.decode(int(i)) for i in best]
    assert [value for _, value in insights[2].words[0]] == pytest.approx(cosines[best], abs=1e-5)


def test_the_printed_tables_say_what_each_threshold_rests_on(
    tmp_path: Path,
    zero_shot: np.ndarray,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = make_job(zero_shot, steps=2, refit=False)
    outcome, _ = run(tmp_path, made)
    assert isinstance(outcome, FitFinished)
    chosen = prompt_set.load(Path(outcome.prompt_set))
    assert chosen.evaluation is not None
    results = chosen.evaluation.classes
    assert {item.threshold_basis for item in results} >= {ThresholdBasis.OWN}
    for item, threshold in zip(results, chosen.thresholds, strict=True):
        assert item.threshold == threshold
        if item.threshold_basis is ThresholdBasis.OWN:
            assert item.threshold_low is not None and item.threshold_high is not None
            assert item.threshold_low <= threshold <= item.threshold_high
        else:
            assert item.threshold_low is item.threshold_high is None
    job.save(made, tmp_path / "job")
    commands = (
        ["inspect", outcome.prompt_set, "--no-words"],
        ["evaluate", outcome.prompt_set, str(tmp_path / "job")],
    )
    monkeypatch.setenv("COLUMNS", "160")
    for command in commands:
        assert main(command) == 0
        shown = capsys.readouterr().out
        own = next(item for item in results if item.threshold_basis is ThresholdBasis.OWN)
        assert "rests on" in shown
        assert f"{own.threshold:.2f} (" in shown


@pytest.mark.parametrize(
    ("basis", "interval", "text", "support"),
    [
        (ThresholdBasis.OWN, (0.224, 0.4), "0.31 (0.22 to 0.40)", "12 / 80"),
        (ThresholdBasis.SHARED, (None, None), "0.31 (shared)", "all classes"),
        (ThresholdBasis.EXPECTED, (None, None), "about 0.3 (expected)", "scores"),
        (None, (None, None), "", ""),
    ],
)
def test_a_threshold_is_no_more_precise_than_what_it_rests_on(
    basis: ThresholdBasis | None,
    interval: tuple[float | None, float | None],
    text: str,
    support: str,
) -> None:
    result = prompt_set.ClassResult("dog", 30, 12, 80, 0.5, 0.312, basis, *interval)
    assert threshold_text(result) == text
    assert support_text(result) == support


def small_job(split: list[int], targets: list[list[int]]) -> job.FitJob:
    """Images 1, 2, ... that look exactly like the classes "many", "some", "many", ..."""
    count = len(targets)
    features = np.zeros((count, DIM), dtype=np.float16)
    features[np.arange(count), [3 - place % 2 for place in range(count)]] = 1
    return job.FitJob(
        settings=job.JobSettings(backbone="tiny"),
        classes=[job.JobClass("many"), job.JobClass("some"), job.JobClass("unheard of")],
        image_ids=np.arange(1, count + 1),
        features=features,
        targets=np.array(targets, dtype=np.int8),
        split=np.array(split, dtype=np.int8),
        captions=[""] * count,
        baseline_embeddings=np.zeros((3, DIM), dtype=np.float32),
        baseline_biases=np.zeros(3, dtype=np.float32),
        baseline_scale=10.0,
    )


RIGHT = [[1, 0, 0], [0, 1, 0], [1, 0, -1], [0, 1, 1]]


def test_evaluate_matches_classes_by_name_and_judges_what_the_sets_own_run_held_out() -> None:
    data = small_job([1, 0, 0, 0], RIGHT)
    judged = evaluate(hand_made(), data)
    assert [item.name for item in judged.classes] == ["some", "many"]
    # Images 2 and 3, whatever the job says of who was held out.
    assert [item.held_out_present for item in judged.classes] == [1, 1]
    assert judged.scores.total == 1.0
    # Image 4 alone: 1 is held out by the job.
    train = evaluate(hand_made(), data, "train")
    assert [item.held_out_present for item in train.classes] == [1, 0]
    everyone = evaluate(hand_made(), data, "all")
    assert [item.held_out_present for item in everyone.classes] == [2, 2]
    assert everyone.extra["OF1"] == 1.0


def test_evaluate_falls_back_on_the_jobs_own_split() -> None:
    data = replace(small_job([1, 1, 0, 0], RIGHT), image_ids=np.arange(100, 104))
    assert [item.held_out_present for item in evaluate(hand_made(), data).classes] == [1, 1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"classes": [job.JobClass(name) for name in "abc"]}, "no class in common"),
        ({"features": np.zeros((4, 3), np.float16)}, "different backbones"),
        ({"split": np.zeros(4, np.int8), "image_ids": np.arange(9, 13)}, "no image in the part"),
    ],
    ids=["classes", "backbone", "part"],
)
def test_evaluate_gives_the_reason_for_a_failure(change: dict[str, Any], words: str) -> None:
    with pytest.raises(job.JobError, match=words):
        evaluate(hand_made(), replace(small_job([1, 1, 0, 0], RIGHT), **change))
