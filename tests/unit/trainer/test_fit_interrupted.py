"""Fits that are cancelled or killed, in this process and as one of their own."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_backbone import tiny_backbone
from tiny_fits import assert_identical, make_job, run, start, wait_for

from trainer import checkpoint, job, learner, prompt_set, schedule
from trainer.cancel import CancelToken
from trainer.events import (
    FitFailed,
    FitFinished,
    FitProgress,
    FitStarted,
    FitValidated,
    Message,
    Stop,
    to_line,
)
from trainer.fit import fit


def test_cancelled_before_anything_is_worth_keeping(tmp_path: Path, zero_shot: np.ndarray) -> None:
    stop = CancelToken()
    stop.request()
    outcome, _ = run(tmp_path, make_job(zero_shot), stop)
    assert isinstance(outcome, FitFailed)
    assert outcome.kind == "cancelled"


def test_cancelled_midway_keeps_the_best_so_far(tmp_path: Path, zero_shot: np.ndarray) -> None:
    stop = CancelToken()
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


SMALL: dict[str, Any] = {"batch_size": 32, "steps": 20, "patience": 100, "known": 0.8}


@pytest.mark.parametrize(
    ("at", "options"),
    [
        (2, {}),
        (7, {}),
        (23, {"kernel": 0.0}),
        (7, {"method": "lmpt"}),
        (23, {"method": "lmpt"}),
        (7, {"optimiser": "sgd", "learning_rate": 0.1}),
        (23, {"kernel": 0.0, "optimiser": "sgd", "learning_rate": 0.1}),
        (23, {"kernel": 0.0, "sampling": "class-balanced"}),
        (2, {"validation_fraction": 0.0, "steps_unvalidated": 30}),
        (23, {"validation_fraction": 0.0, "steps_unvalidated": 30}),
        (7, {"method": "lmpt", "learning_rate": 1e-12, "validate_every": 2, "patience": 4}),
    ],
    ids=str,
)
def test_a_resumed_run_ends_as_an_unbroken_one(
    tmp_path: Path,
    zero_shot: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    at: int,
    options: dict[str, Any],
) -> None:
    """Killed in the first pass or in the second, if there is one.

    Beside a kernel part these photos' prompts have nothing to learn, so there is no second.
    """
    monkeypatch.setattr(schedule, "CHECKPOINT_SECONDS", 0.0)
    made = make_job(zero_shot, **(SMALL | options))
    whole, _ = run(tmp_path / "whole", made)
    assert isinstance(whole, FitFinished)

    class KilledError(BaseException):
        pass

    plain, done = learner.TrainingPass.advance, 0

    def dying(self: learner.TrainingPass, total: int) -> Any:
        nonlocal done
        done += 1
        if done == at:
            raise KilledError
        return plain(self, total)

    with monkeypatch.context() as patch:
        patch.setattr(learner.TrainingPass, "advance", dying)
        with pytest.raises(KilledError):
            run(tmp_path / "broken", made)
    saved = (tmp_path / "broken" / job.CHECKPOINT_NAME).exists()
    resumed, events = run(tmp_path / "broken", None)
    assert isinstance(resumed, FitFinished)
    assert resumed.stopped_early == whole.stopped_early
    assert events.of(FitProgress)[0].step == (at if saved else 1)
    # Where there is no inner validation, the first steps have nothing worth keeping.
    assert saved or "steps_unvalidated" in options
    assert_identical(*(prompt_set.load(Path(item.prompt_set)) for item in (whole, resumed)))
    assert not (tmp_path / "broken" / job.CHECKPOINT_NAME).exists()


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


def test_a_cancel_file_ends_a_run_with_the_best_so_far(
    tmp_path: Path, zero_shot: np.ndarray
) -> None:
    """For whoever has no pipe to the run any more."""
    long_job(tmp_path, zero_shot)
    cancel = tmp_path / job.CANCEL_NAME

    def emit(event: Message) -> None:
        if isinstance(event, FitProgress):
            cancel.touch()

    stop = CancelToken(cancel)
    outcome = fit(tmp_path, emit, stop, tiny_backbone)
    stop.close()
    assert isinstance(outcome, FitFinished)
    assert outcome.cancelled
    prompt_set.load(tmp_path / job.RESULT_NAME)


def test_a_killed_run_leaves_no_result_and_resumes_to_the_same_one(
    tmp_path: Path, zero_shot: np.ndarray
) -> None:
    made = make_job(zero_shot, **SMALL)
    broken = tmp_path / "broken"
    job.save(made, broken)
    with start(broken, "--save-always", "--die-at", "13") as child:
        wait_for(child, FitStarted)
        assert child.wait(120) == -signal.SIGKILL
    assert (broken / job.CHECKPOINT_NAME).exists()
    assert not (broken / job.RESULT_NAME).exists()
    resumed, events = run(broken, None)
    assert events.of(FitProgress)[0].step == 13
    whole, _ = run(tmp_path / "whole", made)
    assert isinstance(whole, FitFinished)
    assert isinstance(resumed, FitFinished)
    assert_identical(*(prompt_set.load(Path(item.prompt_set)) for item in (whole, resumed)))
