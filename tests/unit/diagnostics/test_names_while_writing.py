"""What a process leaves where it is killed while it writes can be told from what it wrote."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lmpt_desktop.diagnostics.report import Part, write_zip
from trainer import job, prompt_set
from trainer.temporary_files import SUFFIX

ONE = np.ones((1, 2), np.float32)


def write_job(folder: Path) -> None:
    made = job.FitJob(
        settings=job.JobSettings("lite"),
        classes=[job.JobClass("dog")],
        image_ids=np.array([1]),
        features=ONE.astype(np.float16),
        targets=np.ones((1, 1), np.int8),
        split=np.ones(1, np.int8),
        captions=[""],
        baseline_embeddings=ONE,
        baseline_biases=ONE[0, :1],
        baseline_scale=1.0,
    )
    job.save(made, folder)


def write_prompt_set(folder: Path) -> None:
    made = prompt_set.PromptSet(
        backbone="lite",
        classes=["dog"],
        class_embeddings=ONE,
        scale=1.0,
        biases=ONE[0, :1],
        thresholds=ONE[0, :1],
        train_present=np.ones(1, np.int64),
        calibrated=np.ones(1, np.bool_),
    )
    prompt_set.save(made, folder / "result")


WRITERS: dict[str, tuple[Callable[[Path], None], str]] = {
    "job": (write_job, job.ARRAYS_NAME),
    "prompt set": (write_prompt_set, ""),
    "report": (lambda folder: write_zip([Part("a", "a")], folder / "report.zip"), ""),
}
"""What is written into a folder, and what of it has its own name before all of it is written."""


@pytest.mark.parametrize("name", WRITERS)
def test_what_is_not_complete_has_the_name_of_a_temporary_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, early = WRITERS[name]
    left = tmp_path / f".x.00000000-1-000000000000{SUFFIX}"
    monkeypatch.setattr("trainer.temporary_files.is_left_over", lambda name: name == left.name)
    left.touch()

    def killed(*_paths: object) -> None:
        found = {path.name for path in tmp_path.iterdir()} - {early}
        assert len(found) == 1 and all(item.endswith(SUFFIX) for item in found), found
        assert left.name not in found, "what earlier ones have left is removed"
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    monkeypatch.setattr(os, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path)
