"""Fits that are cancelled or killed, in this process and as one of their own."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_backbone import tiny_backbone
from tiny_fits import make_job, run, start, wait_for

from trainer import checkpoint, descent, job, learner, prompt_set
from trainer.events import (
    FitFailed,
    FitFinished,
    FitProgress,
    FitValidated,
    Message,
    Stop,
    to_line,
)
from trainer.fit import fit
from trainer.stop import StopWatch


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
    resumed, events = run(tmp_path / "broken", None)
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
