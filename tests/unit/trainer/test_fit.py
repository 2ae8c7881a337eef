"""Fit runs end to end on small made-up jobs, over a random text tower."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from open_clip.model import CLIP

from trainer import checkpoint, descent, job, learner, prompt_set, result
from trainer.events import (
    FitFailed,
    FitFinished,
    FitProgress,
    FitStarted,
    FitValidated,
    Message,
    Stop,
    parse_line,
    to_line,
)
from trainer.fit import failure_of, fit
from trainer.options import FitOptions
from trainer.reports import evaluate, inspect
from trainer.stop import StopWatch
from trainer.text_tower import TextTower

VISION: Any = {"image_size": 32, "layers": 1, "width": 64, "head_width": 32, "patch_size": 16}
TEXT: Any = {"width": 64, "heads": 2, "layers": 2, "vocab_size": 49408, "context_length": 77}
DIM = 24
NAMES = ["dog", "cat", "kite", "traffic light", "snowboard", "toaster", "zebra", "hair drier"]


@dataclass(frozen=True)
class TinyBackbone:
    model: torch.nn.Module
    tokenizer: Any
    dim: int = DIM
    templates: tuple[str, ...] = ("a photo of a {}.", "{}")


def tiny_backbone(name: str = "", device: object = None) -> TinyBackbone:
    torch.manual_seed(0)
    return TinyBackbone(CLIP(DIM, VISION, TEXT), open_clip.get_tokenizer("ViT-B-32"))


@pytest.fixture(scope="module")
def zero_shot() -> np.ndarray:
    backbone = tiny_backbone()
    tower = TextTower(backbone.model, backbone.tokenizer)
    return learner.embed_templates(tower, NAMES, list(backbone.templates)).numpy()


def make_job(
    zero_shot: np.ndarray,
    *,
    images: int = 160,
    known: float = 1.0,
    seed: int = 0,
    **options: Any,
) -> job.FitJob:
    """Images that mix hidden class centres, far from what the random tower believes."""
    r = np.random.default_rng(seed)
    count = len(NAMES)
    centres = r.normal(size=(count, DIM))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    present = r.random((images, count)) < np.linspace(0.5, 0.06, count)
    features = present @ centres + 0.15 * r.normal(size=(images, DIM))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    targets = present.astype(np.int8)
    targets[r.random(targets.shape) >= known] = -1
    return job.FitJob(
        settings=job.JobSettings(
            backbone="tiny", device="cpu", options={"steps": 60, "threads": 1} | options
        ),
        classes=[job.JobClass(name) for name in NAMES],
        image_ids=np.arange(1000, 1000 + images),
        features=features.astype(np.float16),
        targets=targets,
        split=np.full(images, -1, dtype=np.int8),
        captions=[""] * images,
        baseline_embeddings=zero_shot,
        baseline_biases=np.full(count, -4, dtype=np.float32),
        baseline_scale=20.0,
    )


class Events(list[Message]):
    def __call__(self, event: Message) -> None:
        self.append(event)

    def of(self, kind: type[Message]) -> list[Any]:
        return [event for event in self if isinstance(event, kind)]


def run(folder: Path, made: job.FitJob, stop: StopWatch | None = None) -> tuple[Message, Events]:
    job.save(made, folder)
    events = Events()
    outcome = fit(folder, events, stop or StopWatch(), tiny_backbone)
    return outcome, events


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
    held_out = {item.name: item.held_out_present for item in made.baseline.classes}
    assert held_out == {item.name: item.held_out_present for item in made.evaluation.classes}
    assert np.linalg.norm(made.class_embeddings, axis=1) == pytest.approx(np.ones(len(NAMES)))
    assert made.contexts is not None
    assert made.contexts.shape == (len(NAMES), 4, 64)
    assert made.created.endswith("+00:00")
    assert not (tmp_path / job.CHECKPOINT_NAME).exists()


def test_events_tell_the_whole_course(tmp_path: Path, zero_shot: np.ndarray) -> None:
    _, events = run(tmp_path, make_job(zero_shot))
    started = events[0]
    assert isinstance(started, FitStarted)
    assert isinstance(events[-1], FitFinished)
    assert started.train_images + started.held_out_images == 160
    steps = [event.step for event in events.of(FitProgress)]
    assert steps == sorted(steps)
    assert events.of(FitProgress)[-1].step == events.of(FitProgress)[-1].steps
    assert len(events.of(FitValidated)) >= 3
    for event in events:
        assert parse_line(to_line(event)) == event


def test_the_same_seed_gives_identical_results_and_another_does_not(
    tmp_path: Path, zero_shot: np.ndarray
) -> None:
    def embeddings(name: str, seed: int) -> np.ndarray:
        made = make_job(zero_shot, steps=12, batch_size=32, context_tokens=4)
        made = replace(made, settings=replace(made.settings, seed=seed))
        outcome, _ = run(tmp_path / name, made)
        assert isinstance(outcome, FitFinished)
        return prompt_set.load(Path(outcome.prompt_set)).class_embeddings

    one, two, other = embeddings("a", 1), embeddings("b", 1), embeddings("c", 2)
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


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
        {"loss": "bce", "classification_share": 1.0},
        {"loss": "focal", "embedding_space": "token"},
        {"loss": "asymmetric", "embedding_space": "mean-token"},
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
    outcome, _ = run(tmp_path, make_job(zero_shot, **({"steps": 6} | options)))
    assert isinstance(outcome, FitFinished), outcome


def test_twenty_corrections_do_not_wreck_zero_shot(tmp_path: Path, zero_shot: np.ndarray) -> None:
    """Sixty classes, twenty photos with one verdict each, most of them "that was missed"."""
    full = make_job(zero_shot, images=200)
    names = NAMES + [f"thing number {index}" for index in range(52)]
    backbone = tiny_backbone()
    tower = TextTower(backbone.model, backbone.tokenizer)
    written = learner.embed_templates(tower, names, list(backbone.templates)).numpy()
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


# ------------------------------------------------------------------ failing and stopping


def test_a_loss_that_is_no_number_names_the_step_and_keeps_the_last_good_prompts(
    tmp_path: Path, zero_shot: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = learner.Fitting.losses

    def poisoned(self: learner.Fitting, *parts: Any) -> Any:
        classification, embedding = plain(self, *parts)
        return classification * (float("nan") if self.step == 12 else 1.0), embedding

    monkeypatch.setattr(learner.Fitting, "losses", poisoned)
    outcome, _ = run(tmp_path, make_job(zero_shot))
    assert isinstance(outcome, FitFailed)
    assert outcome.kind == "not-finite"
    assert "step 13" in outcome.message
    kept = prompt_set.load(tmp_path / job.RESULT_NAME)
    assert np.isfinite(kept.class_embeddings).all()
    assert kept.settings["step"] <= 10


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"targets": np.zeros((160, 8), np.int8)}, "nothing to learn from"),
        ({"split": np.ones(160, np.int8)}, "held out"),
        ({"features": np.full((160, DIM), np.nan, np.float16)}, "not numbers"),
        ({"features": np.zeros((160, 7), np.float16)}, "different backbones"),
    ],
)
def test_a_job_that_cannot_work_is_refused_in_plain_words(
    tmp_path: Path, zero_shot: np.ndarray, change: dict[str, Any], words: str
) -> None:
    outcome, events = run(tmp_path, replace(make_job(zero_shot), **change))
    assert isinstance(outcome, FitFailed)
    assert outcome.kind == "bad-job"
    assert words in outcome.message
    assert not events.of(FitStarted)


def test_an_unknown_option_is_named(tmp_path: Path, zero_shot: np.ndarray) -> None:
    outcome, _ = run(tmp_path, make_job(zero_shot, stepz=3))
    assert isinstance(outcome, FitFailed)
    assert "stepz" in outcome.message


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "disk-full"),
        (MemoryError(), "no-memory"),
        (torch.OutOfMemoryError("CUDA out of memory"), "no-memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "no-memory"),
        (job.JobError("odd"), "bad-job"),
        (learner.NotFiniteError(3), "not-finite"),
        (RuntimeError("something else"), "error"),
    ],
)
def test_failures_have_a_kind_and_a_sentence(error: Exception, kind: str) -> None:
    failed = failure_of(error)
    assert failed.kind == kind
    assert failed.message


def test_a_full_disk_leaves_no_half_written_prompt_set(
    tmp_path: Path, zero_shot: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(prompt_set, "write_arrays", full)
    outcome, _ = run(tmp_path, make_job(zero_shot, steps=6))
    assert isinstance(outcome, FitFailed)
    assert outcome.kind == "disk-full"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["job.json", "job.safetensors"]


def test_cancelled_before_anything_is_worth_keeping(tmp_path: Path, zero_shot: np.ndarray) -> None:
    stop = StopWatch()
    stop.request()
    outcome, _ = run(tmp_path, make_job(zero_shot), stop)
    assert isinstance(outcome, FitFailed)
    assert outcome.kind == "cancelled"


def test_cancelled_midway_keeps_the_best_so_far(tmp_path: Path, zero_shot: np.ndarray) -> None:
    stop = StopWatch()
    seen: list[Message] = []

    def emit(event: Message) -> None:
        seen.append(event)
        if isinstance(event, FitValidated) and event.step == 15:
            stop.request()

    job.save(make_job(zero_shot), tmp_path)
    outcome = fit(tmp_path, emit, stop, tiny_backbone)
    assert isinstance(outcome, FitFinished)
    assert outcome.cancelled
    assert prompt_set.load(Path(outcome.prompt_set)).settings["step"] <= 15


@pytest.mark.parametrize("at", [7, 23])
def test_a_resumed_run_ends_as_an_unbroken_one(
    tmp_path: Path, zero_shot: np.ndarray, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Broken off in the first descent and in the second."""
    monkeypatch.setattr(descent, "CHECKPOINT_SECONDS", 0.0)
    made = make_job(zero_shot, batch_size=32, steps=20, patience=100)
    whole, _ = run(tmp_path / "whole", made)
    assert isinstance(whole, FitFinished)

    class KilledError(BaseException):
        pass

    plain, done = learner.Fitting.advance, 0

    def dying(self: learner.Fitting, total: int) -> Any:
        nonlocal done
        done += 1
        if done == at:
            raise KilledError
        return plain(self, total)

    with monkeypatch.context() as patch:
        patch.setattr(learner.Fitting, "advance", dying)
        with pytest.raises(KilledError):
            run(tmp_path / "broken", made)
    assert (tmp_path / "broken" / job.CHECKPOINT_NAME).exists()
    events = Events()
    resumed = fit(tmp_path / "broken", events, StopWatch(), tiny_backbone)
    assert isinstance(resumed, FitFinished)
    assert events.of(FitProgress)[0].step >= at
    one, two = (prompt_set.load(Path(item.prompt_set)) for item in (whole, resumed))
    assert np.array_equal(one.class_embeddings, two.class_embeddings)
    assert one.biases == pytest.approx(two.biases)


def test_a_checkpoint_of_another_job_or_damaged_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    saved = checkpoint.Checkpoint({"a": torch.ones(2)}, {"step": 3})
    checkpoint.save(saved, path, "one")
    found = checkpoint.load(path, "one")
    assert found is not None
    assert found.facts == {"step": 3}
    assert checkpoint.load(path, "another") is None
    path.write_bytes(path.read_bytes()[:20])
    assert checkpoint.load(path, "one") is None


# --------------------------------------------------------------------- as a process

CHILD = """
import sys, types, importlib.util
spec = importlib.util.spec_from_file_location("tiny", {here!r})
tiny = importlib.util.module_from_spec(spec)
sys.modules["tiny"] = tiny
spec.loader.exec_module(tiny)
fake = types.ModuleType("trainer.backbone")
fake.load_backbone = tiny.tiny_backbone
sys.modules["trainer.backbone"] = fake
from trainer.__main__ import main
sys.exit(main(["fit", sys.argv[1], "--events"]))
"""


def start(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD.format(here=__file__), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def wait_for(child: subprocess.Popen[str], kind: type[Message]) -> Message:
    assert child.stdout is not None
    for line in child.stdout:
        event = parse_line(line)
        if isinstance(event, kind):
            return event
    raise AssertionError(f"the run ended without {kind.__name__}")


def long_job(folder: Path, zero_shot: np.ndarray) -> None:
    made = make_job(zero_shot, steps=100_000, validate_every=5, patience=100_000, images=64)
    job.save(made, folder)


def test_a_stop_line_ends_a_run_process_with_the_best_so_far(
    tmp_path: Path, zero_shot: np.ndarray
) -> None:
    long_job(tmp_path, zero_shot)
    with start(tmp_path) as child:
        wait_for(child, FitProgress)
        assert child.stdin is not None
        child.stdin.write(to_line(Stop()))
        child.stdin.flush()
        finished = wait_for(child, FitFinished)
        assert isinstance(finished, FitFinished)
        assert finished.cancelled
        assert child.wait(60) == 0
    prompt_set.load(tmp_path / job.RESULT_NAME)


def test_a_killed_run_process_goes_on_and_a_cancel_file_ends_it(
    tmp_path: Path, zero_shot: np.ndarray
) -> None:
    long_job(tmp_path, zero_shot)
    saved = tmp_path / job.CHECKPOINT_NAME
    with start(tmp_path) as child:
        wait_for(child, FitProgress)
        deadline = time.monotonic() + 60
        while not saved.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        child.send_signal(signal.SIGKILL)
    assert saved.exists()
    assert not (tmp_path / job.RESULT_NAME).exists()
    with start(tmp_path) as child:
        progress = wait_for(child, FitProgress)
        assert isinstance(progress, FitProgress)
        assert progress.step > 5
        (tmp_path / job.CANCEL_NAME).touch()
        finished = wait_for(child, FitFinished)
        assert isinstance(finished, FitFinished)
        assert finished.cancelled
    prompt_set.load(tmp_path / job.RESULT_NAME)


# ------------------------------------------------------------------ evaluate and inspect


def test_evaluate_repeats_the_runs_own_judgement(tmp_path: Path, zero_shot: np.ndarray) -> None:
    made = make_job(zero_shot, steps=10)
    outcome, _ = run(tmp_path, made)
    assert isinstance(outcome, FitFinished)
    chosen = prompt_set.load(Path(outcome.prompt_set))
    assert chosen.evaluation is not None
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


def test_interpolation_leans_on_the_written_prompt_where_annotations_are_few() -> None:
    learned, written = (
        np.eye(3, dtype=np.float32)[[0, 0, 0]],
        np.eye(3, dtype=np.float32)[[1, 1, 1]],
    )
    mixed = learner.interpolate(learned, written, np.array([0, 8, 800]), 8.0)
    assert mixed[0] == pytest.approx([0, 1, 0])
    assert mixed[1] == pytest.approx([0.5**0.5, 0.5**0.5, 0])
    assert mixed[2][0] > 0.99
    untouched = learner.interpolate(learned, written, np.array([0, 8, 800]), 0.0)
    assert untouched[1:] == pytest.approx(learned[1:])


def test_options_refuse_what_makes_no_sense() -> None:
    for wrong in ({"steps": 0}, {"loss": "l2"}, {"steps": "many"}, {"margin": float("nan")}):
        with pytest.raises(job.JobError, match=next(iter(wrong))):
            FitOptions.of(wrong)
    assert FitOptions.of({"margin": 1}).margin == 1.0
    assert json.dumps(FitOptions.of({}).steps)
    assert result.unit(np.zeros((1, 2))).tolist() == [[0.0, 0.0]]
