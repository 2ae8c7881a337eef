"""Fits that cannot go on say why, and what was kept."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_backbone import DIM
from tiny_fits import make_job, run

from trainer import job, learner, prompt_set
from trainer.events import (
    FitFailed,
    FitStarted,
)
from trainer.fit import failure_of


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"targets": np.zeros((160, 8), np.int8)}, "nothing to learn from"),
        ({"split": np.ones(160, np.int8)}, "held out"),
        ({"features": np.full((160, DIM), np.nan, np.float16)}, "not numbers"),
        ({"features": np.zeros((160, 7), np.float16)}, "different backbones"),
    ],
)
def test_an_impossible_job_is_refused_with_a_clear_sentence(
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
