"""The course of a fit: its events, its repeatability, when it stops by itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from tiny_fits import make_job, run

from trainer import prompt_set
from trainer.events import (
    FitFinished,
    FitProgress,
    FitStarted,
    FitValidated,
    parse_line,
    to_line,
)


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
