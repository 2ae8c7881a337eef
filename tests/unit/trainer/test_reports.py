"""``evaluate`` and ``inspect``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_backbone import tiny_backbone
from tiny_fits import make_job, run

from trainer import prompt_set
from trainer.events import (
    FitFinished,
)
from trainer.reports import evaluate, inspect
from trainer.text_tower import TextTower


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
