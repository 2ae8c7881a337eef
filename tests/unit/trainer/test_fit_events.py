"""The events of a run, its reproducibility, and when it stops early."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_fits import assert_identical, make_job, run

from trainer import dataset, job, prompt_set
from trainer.events import (
    FitFinished,
    FitPhase,
    FitProgress,
    FitStarted,
    FitValidated,
    Message,
    parse_line,
    to_line,
)


def result_of(folder: Path, made: job.FitJob) -> prompt_set.PromptSet:
    outcome, _ = run(folder, made)
    assert isinstance(outcome, FitFinished), outcome
    return prompt_set.load(Path(outcome.prompt_set))


def test_events_report_the_whole_run(tmp_path: Path, zero_shot: np.ndarray) -> None:
    _, events = run(tmp_path, make_job(zero_shot, kernel=0.0))
    started = events[0]
    assert isinstance(started, FitStarted)
    assert isinstance(events[-1], FitFinished)
    assert started.train_images + started.held_out_images == 160
    steps = [event.step for event in events.of(FitProgress)]
    assert steps == sorted(set(steps))
    assert events.of(FitProgress)[-1].step == events.of(FitProgress)[-1].steps
    assert len(events.of(FitValidated)) >= 3
    for event in events:
        assert parse_line(to_line(event)) == event


def phases(events: Sequence[Message]) -> list[FitPhase]:
    """Of the events in their order, each run of equal ones once."""
    found = [event.phase for event in events if isinstance(event, FitProgress | FitValidated)]
    return [phase for phase, _ in itertools.groupby(found)]


def test_events_name_which_of_two_passes_they_belong_to(
    tmp_path: Path, zero_shot: np.ndarray
) -> None:
    _, events = run(tmp_path, make_job(zero_shot, steps=12, patience=100, kernel=0.0))
    assert phases(events) == [FitPhase.VALIDATION_PASS, FitPhase.FINAL_PASS]
    assert {event.phase for event in events.of(FitValidated)} == {FitPhase.VALIDATION_PASS}


def test_without_a_refit_there_is_only_the_validation_pass(
    tmp_path: Path, zero_shot: np.ndarray
) -> None:
    _, events = run(tmp_path, make_job(zero_shot, steps=12, refit=False))
    assert phases(events) == [FitPhase.VALIDATION_PASS]


def test_without_an_inner_validation_there_is_a_single_pass(
    tmp_path: Path, zero_shot: np.ndarray
) -> None:
    options = {"validation_fraction": 0.0, "steps_unvalidated": 12}
    _, events = run(tmp_path, make_job(zero_shot, **options))
    assert phases(events) == [FitPhase.SINGLE_PASS]
    assert events.of(FitValidated)


def test_the_papers_training_runs_its_epochs_and_keeps_the_last_step(
    tmp_path: Path, zero_shot: np.ndarray
) -> None:
    made = make_job(zero_shot, images=200, method="lmpt-paper")
    options = {"threads": 1, "epochs": 3, "held_out_fraction": 0.25}
    outcome, events = run(tmp_path, replace(made, settings=replace(made.settings, options=options)))
    assert isinstance(outcome, FitFinished)
    started = events.of(FitStarted)[0]
    assert 64 < started.train_images <= 192
    batches = -(-started.train_images // 64)
    settings = prompt_set.load(Path(outcome.prompt_set)).settings
    assert started.steps == settings["steps"] == settings["step"] == 3 * batches
    assert settings["chosen_interpolation"] == 0.0
    assert not outcome.stopped_early
    assert phases(events) == [FitPhase.SINGLE_PASS]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"method": "lmpt", "batch_size": 32, "context_tokens": 4},
        {"batch_size": 32, "sampling": "class-balanced", "optimiser": "sgd"},
        {"class_chunk": 3, "recompute": "on", "threads": 2, "steps": 3},
    ],
    ids=str,
)
def test_the_same_seed_gives_results_identical_to_the_last_bit(
    tmp_path: Path, zero_shot: np.ndarray, options: dict[str, Any]
) -> None:
    given: dict[str, Any] = {"steps": 12} | options
    made = make_job(zero_shot, known=0.8, **given)
    assert_identical(result_of(tmp_path / "one", made), result_of(tmp_path / "two", made))


def test_another_seed_gives_another_result(tmp_path: Path, zero_shot: np.ndarray) -> None:
    made = make_job(zero_shot, steps=12, batch_size=32, context_tokens=4)
    other = replace(made, settings=replace(made.settings, seed=1))
    one, two = result_of(tmp_path / "one", made), result_of(tmp_path / "two", other)
    assert not np.array_equal(one.class_embeddings, two.class_embeddings)
    assert one.held_out != two.held_out


def test_a_run_that_gains_nothing_ends_when_its_patience_does(
    tmp_path: Path, zero_shot: np.ndarray
) -> None:
    made = make_job(zero_shot, method="lmpt", learning_rate=1e-12, patience=3)
    outcome, events = run(tmp_path, made)
    assert isinstance(outcome, FitFinished)
    assert outcome.stopped_early
    # The first cannot fail to be the best so far; then three in vain.
    assert [event.step for event in events.of(FitValidated)] == [0, 5, 10, 15]
    assert prompt_set.load(Path(outcome.prompt_set)).settings["step"] == 0


def test_the_step_kept_is_the_one_that_validation_found_best(
    tmp_path: Path, zero_shot: np.ndarray
) -> None:
    """Annotations that have nothing to do with the photos can only be learned by heart."""
    made = make_job(zero_shot, method="lmpt", learning_rate=0.03, validate_every=2, patience=4)
    made = replace(made, features=np.roll(made.features, 7, axis=0))
    outcome, events = run(tmp_path, made)
    assert isinstance(outcome, FitFinished)
    assert outcome.stopped_early
    seen = {event.step: event.scores.total for event in events.of(FitValidated)}
    best = max(seen, key=lambda step: seen[step])
    assert 0 < best < max(seen)
    assert prompt_set.load(Path(outcome.prompt_set)).settings["step"] == best
    # The second pass, on all training images, goes as far and no further.
    last = events.of(FitProgress)[-1]
    assert last.step == last.steps == max(seen) + 1 + best


def test_a_run_that_never_stops_gaining_is_not_said_to_have_stopped_early(
    tmp_path: Path, zero_shot: np.ndarray
) -> None:
    outcome, _ = run(tmp_path, make_job(zero_shot, steps=10, patience=100))
    assert isinstance(outcome, FitFinished)
    assert not outcome.stopped_early


def test_held_out_images_choose_nothing(tmp_path: Path, zero_shot: np.ndarray) -> None:
    """With all their annotations turned round, the very same prompts are learned."""
    made = make_job(zero_shot, steps=12, validate_every=3, patience=2)
    split = dataset.split_images(made.targets, made.split)
    turned = made.targets.copy()
    turned[split == job.HELD_OUT] = 1 - turned[split == job.HELD_OUT]
    one = result_of(tmp_path / "one", replace(made, split=split))
    two = result_of(tmp_path / "two", replace(made, split=split, targets=turned))
    assert one.contexts is not None
    assert two.contexts is not None
    assert np.array_equal(one.contexts, two.contexts)
    assert np.array_equal(one.class_embeddings, two.class_embeddings)
    assert one.settings == two.settings
    assert one.evaluation != two.evaluation
    assert not np.array_equal(one.biases, two.biases)
