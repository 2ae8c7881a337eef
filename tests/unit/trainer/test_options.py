"""Options of a fit by name."""

from __future__ import annotations

import json

import numpy as np
import pytest

from trainer import job, result
from trainer.options import FitOptions


def test_options_refuse_what_makes_no_sense() -> None:
    for wrong in ({"steps": 0}, {"loss": "l2"}, {"steps": "many"}, {"margin": float("nan")}):
        with pytest.raises(job.JobError, match=next(iter(wrong))):
            FitOptions.of(wrong)
    assert FitOptions.of({"margin": 1}).margin == 1.0
    assert json.dumps(FitOptions.of({}).steps)
    assert result.unit(np.zeros((1, 2))).tolist() == [[0.0, 0.0]]
