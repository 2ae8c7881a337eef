"""A job, and another computer behind a real sshd."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from other_computer_fixtures import other, server  # noqa: F401

from trainer import job as jobs


@pytest.fixture
def job_folder(tmp_path: Path) -> Path:
    count = 300
    targets = np.zeros((count, 2), np.int8)
    targets[::2, 0] = targets[1::2, 1] = 1
    job = jobs.FitJob(
        settings=jobs.JobSettings("fake"),
        classes=[jobs.JobClass("dog"), jobs.JobClass("cat")],
        image_ids=np.arange(count),
        features=np.tile(np.eye(2, 4, dtype=np.float16), (count // 2, 1)),
        targets=targets,
        split=np.full(count, -1, np.int8),
        captions=[""] * count,
        baseline_embeddings=np.eye(2, 4, dtype=np.float32),
        baseline_biases=np.zeros(2, np.float32),
        baseline_scale=1.0,
    )
    jobs.save(job, tmp_path / "job")
    return tmp_path / "job"
