"""What a fit learns and what it leaves alone, over a random text tower."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_backbone import DIM, WIDTH, tiny_backbone
from tiny_fits import NAMES, make_job, run, written_embeddings

from trainer import blending, job, prompt_set
from trainer.arrays import sigmoid, unit_rows
from trainer.class_texts import mean_embedding
from trainer.events import FitFinished, FitProgress, FitStarted
from trainer.options import LOSSES
from trainer.text_tower import TextTower
from trainer.windows import quantise


def test_learns_and_writes_a_prompt_set_judged_beside_the_baseline(
    tmp_path: Path, zero_shot: np.ndarray
) -> None:
    outcome, _ = run(tmp_path, make_job(zero_shot, images=400))
    assert isinstance(outcome, FitFinished)
    made = prompt_set.load(Path(outcome.prompt_set))
    assert made.evaluation is not None
    assert made.baseline is not None
    assert made.evaluation.scores.total is not None
    assert made.baseline.scores.total is not None
    assert made.evaluation.scores.total > made.baseline.scores.total + 0.2
    assert {"CF1", "OF1", "ECE", "ECE_before"} <= made.evaluation.extra.keys()
    assert made.evaluation.extra["ECE"] < made.evaluation.extra["ECE_before"]
    held_out = {item.name: item.held_out_present for item in made.baseline.classes}
    assert held_out == {item.name: item.held_out_present for item in made.evaluation.classes}
    assert np.linalg.norm(made.class_embeddings, axis=1) == pytest.approx(np.ones(len(NAMES)))
    assert made.contexts is not None
    assert made.contexts.shape == (len(NAMES), 4, WIDTH)
    assert made.created.endswith("+00:00")
    assert not (tmp_path / job.CHECKPOINT_NAME).exists()


def test_with_nothing_held_out_all_images_train_and_nothing_is_said_of_scores(
    tmp_path: Path, zero_shot: np.ndarray
) -> None:
    outcome, events = run(tmp_path, make_job(zero_shot, steps=12, held_out_fraction=0.0))
    assert isinstance(outcome, FitFinished), outcome
    started = events.of(FitStarted)[0]
    assert (started.train_images, started.held_out_images) == (160, 0)
    made = prompt_set.load(Path(outcome.prompt_set))
    assert made.evaluation is None
    assert made.baseline is None
    assert made.held_out == []
    assert not made.calibrated.any()
    assert np.isfinite([made.scale, *made.biases, *made.thresholds]).all()


@pytest.mark.parametrize(
    "options",
    [
        {"method": "lmpt+"},
        {"method": "instant"},
        {"method": "lmpt+", "kernel": 2.0, "landmarks": 9},
        {"kernel": 0.5},
        {"method": "lmpt+", "shared_context": True, "optimiser": "sgd", "interpolation": 3.0},
        *({"loss": name, "batch_size": 16} for name in LOSSES),
        {"loss": "bce", "classification_share": 1.0},
        {"embedding_space": "token"},
        {"embedding_space": "mean-token"},
        {"rebalance": "off", "negative_tolerant": False, "focal": False, "soft_margin": False},
        {"rebalance": "inverse", "reweight": False},
        {"rebalance": "sqrt-inverse", "embedding_space": "token"},
        {"rebalance": "class-balanced", "sampling": "class-balanced", "batch_size": 64},
        {"shared_context": True, "class_position": "middle"},
        {"optimiser": "sgd", "learning_rate": 0.5, "context_tokens": 16},
        {"class_chunk": 3, "recompute": "on", "class_position": "front"},
        {"refit": False, "interpolation": 2.0},
        {"validation_fraction": 0.0, "steps_unvalidated": 6},
    ],
    ids=str,
)
def test_every_switch_runs(tmp_path: Path, zero_shot: np.ndarray, options: dict[str, Any]) -> None:
    outcome, _ = run(tmp_path, make_job(zero_shot, **({"method": "lmpt", "steps": 6} | options)))
    assert isinstance(outcome, FitFinished), outcome


def test_the_instant_method_is_the_hand_written_prompts_and_a_kernel_part(
    tmp_path: Path, zero_shot: np.ndarray
) -> None:
    outcome, events = run(
        tmp_path, make_job(zero_shot, method="instant", steps=0, held_out_fraction=0.0)
    )
    assert isinstance(outcome, FitFinished), outcome
    assert not events.of(FitProgress)
    made = prompt_set.load(Path(outcome.prompt_set))
    assert made.class_embeddings == pytest.approx(zero_shot, abs=1e-4)
    assert made.kernel is not None
    assert len(made.kernel.landmarks) == 160


def test_scores_with_a_kernel_part_are_frequencies(tmp_path: Path, zero_shot: np.ndarray) -> None:
    """What the kernel part adds to every photo is taken out of the biases again."""
    todo = make_job(zero_shot, method="instant", steps=0)
    outcome, _ = run(tmp_path, todo)
    assert isinstance(outcome, FitFinished), outcome
    made = prompt_set.load(Path(outcome.prompt_set))
    assert made.kernel is not None
    held_out = np.isin(todo.image_ids, made.held_out)
    cosines = made.cosines(unit_rows(todo.features[held_out].astype(np.float32)))
    scores = sigmoid(made.scale * cosines + made.biases)
    present = todo.targets[held_out] == 1
    assert scores.mean() == pytest.approx(present.mean(), abs=0.05)
    assert scores.mean(0) == pytest.approx(present.mean(0), abs=0.15)


def test_windows_are_learned_from_and_scored(tmp_path: Path, zero_shot: np.ndarray) -> None:
    """Photos whose feature says nothing, with one window that shows the class."""
    plain = make_job(zero_shot, steps=6)
    noise = np.random.default_rng(3).normal(size=(160, 5, plain.features.shape[1]))
    windows = quantise(noise)
    windows[:, 2] = quantise(plain.features[:, None].astype(np.float32))[:, 0]
    blurred = unit_rows(np.random.default_rng(4).normal(size=plain.features.shape))
    hidden = replace(plain, features=blurred.astype(np.float16))
    figures = []
    for name, made in (("whole", hidden), ("windows", replace(hidden, windows=windows))):
        outcome, _ = run(tmp_path / name, made)
        assert isinstance(outcome, FitFinished), outcome
        learned = prompt_set.load(Path(outcome.prompt_set))
        assert (learned.window_embeddings is not None) == (name == "windows")
        assert learned.evaluation is not None
        figures.append(learned.evaluation.scores.total)
    assert figures[1] > figures[0]


def test_a_description_replaces_the_name_in_the_prompt(
    tmp_path: Path, zero_shot: np.ndarray
) -> None:
    """Without a step worth taking, a class is embedded as the sentence is by the model."""
    options = {"interpolation": 0.0, "steps": 1, "learning_rate": 1e-12, "refit": False}
    made = make_job(zero_shot, method="lmpt", **options)
    classes = list(made.classes)
    classes[1] = job.JobClass("cat", "small striped animal that sleeps a lot")
    outcome, _ = run(tmp_path, replace(made, classes=classes))
    assert isinstance(outcome, FitFinished)
    learned = prompt_set.load(Path(outcome.prompt_set)).class_embeddings
    backbone = tiny_backbone()
    texts = ["a photo of a dog.", "a photo of a small striped animal that sleeps a lot."]
    written = backbone.model.encode_text(backbone.tokenizer(texts), normalize=True)  # type: ignore[operator]
    assert learned[:2] == pytest.approx(written.numpy(), abs=1e-5)


def test_of_several_descriptions_the_first_is_learned_and_all_are_zero_shot(
    tmp_path: Path, zero_shot: np.ndarray
) -> None:
    """Without a step worth taking: all learned, and (almost) all hand-written."""
    texts = ("tabby", "small striped animal")
    made: list[np.ndarray] = []
    for name, strength in (("learned", 0.0), ("written", 1e9)):
        options = {"interpolation": strength, "steps": 1, "learning_rate": 1e-12, "refit": False}
        job_ = make_job(zero_shot, method="lmpt", **options)
        classes = list(job_.classes)
        classes[1] = job.JobClass("cat", "; ".join(texts))
        outcome, _ = run(tmp_path / name, replace(job_, classes=classes))
        assert isinstance(outcome, FitFinished)
        made.append(prompt_set.load(Path(outcome.prompt_set)).class_embeddings[1])
    backbone = tiny_backbone()
    first = backbone.model.encode_text(  # type: ignore[operator]
        backbone.tokenizer([f"a photo of a {texts[0]}."]), normalize=True
    )
    assert made[0] == pytest.approx(first[0].numpy(), abs=1e-5)
    assert made[1] == pytest.approx(mean_embedding(written_embeddings(texts)), abs=1e-5)


def test_half_precision_around_the_tower_leaves_contexts_and_result_in_single(
    tmp_path: Path, zero_shot: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU; the CPU can do it too."""
    plain, _ = run(tmp_path / "plain", make_job(zero_shot, method="lmpt", steps=12))
    computed: set[torch.dtype] = set()
    forward = TextTower.forward

    def watched(self: TextTower, *parts: torch.Tensor) -> torch.Tensor:
        result = forward(self, *parts)
        if parts[1].requires_grad:
            computed.add(result.dtype)
        return result

    monkeypatch.setattr(TextTower, "forward", watched)
    monkeypatch.setattr("trainer.fit._autocast", lambda _device: torch.bfloat16)
    half, _ = run(tmp_path / "half", make_job(zero_shot, method="lmpt", steps=12))
    assert isinstance(plain, FitFinished)
    assert isinstance(half, FitFinished)
    assert computed == {torch.bfloat16}
    one, two = (prompt_set.load(Path(item.prompt_set)) for item in (plain, half))
    assert one.contexts is not None
    assert two.contexts is not None
    assert two.contexts.dtype == np.float32
    assert not np.array_equal(one.contexts, two.contexts)
    cosines = (one.class_embeddings * two.class_embeddings).sum(1)
    assert cosines.min() > 0.98


def test_twenty_corrections_do_not_wreck_zero_shot(tmp_path: Path, zero_shot: np.ndarray) -> None:
    """Sixty classes, twenty photos with one verdict each, most of them "that was missed"."""
    full = make_job(zero_shot, images=200)
    names = NAMES + [f"thing number {index}" for index in range(52)]
    written = written_embeddings(names)
    r = np.random.default_rng(5)
    targets = np.full((200, 60), -1, dtype=np.int8)
    targets[r.choice(200, 20, replace=False), r.integers(0, 8, 20)] = r.random(20) < 0.8
    made = replace(
        full,
        targets=targets,
        classes=[job.JobClass(name) for name in names],
        baseline_embeddings=written,
        baseline_biases=np.full(60, -4, dtype=np.float32),
    )
    outcome, _ = run(tmp_path, made)
    assert isinstance(outcome, FitFinished)
    learned = prompt_set.load(Path(outcome.prompt_set))
    similarity = (learned.class_embeddings * written).sum(1)
    assert similarity[8:] == pytest.approx(np.ones(52))
    assert (similarity[:8] > 0.7).all()
    assert not learned.calibrated.any()
    cosines = full.features @ learned.class_embeddings.T
    scores = 1 / (1 + np.exp(-(learned.scale * cosines + learned.biases)))
    before = 1 / (1 + np.exp(-(20 * full.features @ written.T - 4)))
    assert scores.mean() < 1.5 * before.mean()


def test_classes_without_annotations_keep_what_the_app_predicts_with(
    tmp_path: Path, zero_shot: np.ndarray
) -> None:
    made = make_job(zero_shot, steps=6)
    kept = np.eye(DIM, dtype=np.float32)[3]
    baseline = zero_shot.copy()
    baseline[6] = 2 * kept
    targets = made.targets.copy()
    targets[:, 6] = -1
    outcome, _ = run(tmp_path, replace(made, baseline_embeddings=baseline, targets=targets))
    assert isinstance(outcome, FitFinished)
    learned = prompt_set.load(Path(outcome.prompt_set))
    assert learned.class_embeddings[6] == pytest.approx(kept)
    assert learned.settings["trained_classes"] == [0, 1, 2, 3, 4, 5, 7]
    assert not learned.calibrated[6]


def test_images_held_out_before_are_held_out_again(tmp_path: Path, zero_shot: np.ndarray) -> None:
    made = make_job(zero_shot, steps=6)
    split = made.split.copy()
    split[:20] = job.HELD_OUT
    outcome, _ = run(tmp_path, replace(made, split=split))
    assert isinstance(outcome, FitFinished)
    held_out = prompt_set.load(Path(outcome.prompt_set)).held_out
    assert set(made.image_ids[:20].tolist()) <= set(held_out)


def test_interpolation_leans_on_the_written_prompt_where_annotations_are_few() -> None:
    learned, written = (
        np.eye(3, dtype=np.float32)[[0, 0, 0]],
        np.eye(3, dtype=np.float32)[[1, 1, 1]],
    )
    mixed = blending.interpolate(learned, written, np.array([0, 8, 800]), 8.0)
    assert mixed[0] == pytest.approx([0, 1, 0])
    assert mixed[1] == pytest.approx([0.5**0.5, 0.5**0.5, 0])
    assert mixed[2][0] > 0.99
    untouched = blending.interpolate(learned, written, np.array([0, 8, 800]), 0.0)
    assert untouched[1:] == pytest.approx(learned[1:])
