"""Never a NaN: a fit whose numbers break stops, names the step and keeps the last good set."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_fits
import torch
from example_counts import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_fits import make_job, run
from torch import Tensor

from trainer import job, prompt_set
from trainer.events import FitFailed, FitFinished, FitStarted
from trainer.learner import TrainingPass
from trainer.options import LOSSES


class BadGradient(torch.autograd.Function):
    """A number like any other, until one asks where it came from."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return torch.full_like(gradients[0], float("inf"))


def poison(monkeypatch: pytest.MonkeyPatch, call: int, change: Any) -> None:
    """Change what the ``call``-th step of the run takes for its classification loss."""
    plain, done = TrainingPass.losses, 0

    def poisoned(self: TrainingPass, *parts: Any) -> tuple[Tensor, Tensor]:
        nonlocal done
        done += 1
        classification, embedding = plain(self, *parts)
        return (change(classification) if done == call else classification), embedding

    monkeypatch.setattr(TrainingPass, "losses", poisoned)


def check_kept(folder: Path) -> prompt_set.PromptSet:
    """What was kept is whole and finite (loading checks that too)."""
    kept = prompt_set.load(folder / job.RESULT_NAME)
    assert kept.contexts is not None
    for array in (kept.class_embeddings, kept.biases, kept.thresholds, kept.contexts):
        assert np.isfinite(array).all()
    assert np.linalg.norm(kept.class_embeddings, axis=1) == pytest.approx(1)
    return kept


@pytest.mark.parametrize(
    "change",
    [lambda loss: loss * float("nan"), lambda loss: loss * float("inf"), BadGradient.apply],
    ids=["no number", "infinite", "finite, with an infinite gradient"],
)
@pytest.mark.parametrize("call", [13, 70], ids=["first pass", "second pass"])
def test_the_step_is_named_and_the_last_good_prompts_are_kept(
    tmp_path: Path, zero_shot: np.ndarray, monkeypatch: pytest.MonkeyPatch, change: Any, call: int
) -> None:
    poison(monkeypatch, call, change)
    # With a kernel part, no step is worth taking here, and there would be no second pass.
    outcome, events = run(tmp_path, make_job(zero_shot, patience=100, kernel=0.0))
    assert isinstance(outcome, FitFailed)
    assert outcome.kind == "not-finite"
    assert f"step {call}:" in outcome.message
    assert "last good prompts were kept" in outcome.message
    assert len(events.of(FitStarted)) == 1
    kept = check_kept(tmp_path)
    assert kept.settings["step"] < call


def test_where_the_first_step_fails_nothing_is_left_and_nothing_promised(
    tmp_path: Path, zero_shot: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison(monkeypatch, 1, lambda loss: loss * float("nan"))
    outcome, _ = run(tmp_path, make_job(zero_shot))
    assert isinstance(outcome, FitFailed)
    assert "step 1:" in outcome.message
    assert "Nothing was changed" in outcome.message
    assert not (tmp_path / job.RESULT_NAME).exists()


@pytest.mark.parametrize("name", ["contexts", "scale", "bias"])
@pytest.mark.parametrize("refit", [False, True])
def test_numbers_that_break_in_the_very_last_step_are_noticed(
    tmp_path: Path, zero_shot: np.ndarray, monkeypatch: pytest.MonkeyPatch, name: str, refit: bool
) -> None:
    """No later loss would tell of it."""
    made = make_job(zero_shot, steps=15, patience=100, refit=refit)
    plain, done, last = TrainingPass.advance, 0, 0

    def breaking(self: TrainingPass, total: int) -> Any:
        nonlocal done
        done += 1
        result = plain(self, total)
        if done == last:
            broken = {
                "contexts": self.prompts.contexts,
                "scale": self.log_scale,
                "bias": self.bias,
            }[name]
            with torch.no_grad():
                broken.fill_(float("nan"))
        return result

    monkeypatch.setattr(TrainingPass, "advance", breaking)
    whole, _ = run(tmp_path / "whole", made)
    assert isinstance(whole, FitFinished)
    last, done = done, 0
    outcome, _ = run(tmp_path / "broken", made)
    assert isinstance(outcome, FitFailed)
    assert outcome.kind == "not-finite"
    assert f"step {last}:" in outcome.message
    check_kept(tmp_path / "broken")


def test_a_learning_rate_far_too_high_ends_in_a_sentence(
    tmp_path: Path, zero_shot: np.ndarray
) -> None:
    made = make_job(zero_shot, optimiser="sgd", learning_rate=1e6, weight_decay=1.0)
    outcome, _ = run(tmp_path, made)
    assert isinstance(outcome, FitFailed)
    assert outcome.kind == "not-finite"
    assert re.search(r"step \d+: the loss .* lower learning rate", outcome.message)
    check_kept(tmp_path)


@settings(
    max_examples=examples(30),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    options=st.fixed_dictionaries(
        {},
        optional={
            "optimiser": st.sampled_from(["adamw", "sgd"]),
            "learning_rate": st.sampled_from([1e-12, 1.0, 1e6]),
            "weight_decay": st.sampled_from([0.0, 1.0, 1e20]),
            "loss": st.sampled_from(list(LOSSES)),
            "method": st.sampled_from(["lmpt", "lmpt+"]),
            "residual_rate": st.sampled_from([0.0, 10.0, 1e6]),
            "residual_decay": st.sampled_from([0.0, -1.0, 1e38]),
            "kernel": st.sampled_from([0.0, 1.0, 1e6]),
            "interpolation": st.sampled_from([-1.0, 0.0, 1e30]),
            "embedding_space": st.sampled_from(["feature", "token", "mean-token"]),
            "margin": st.sampled_from([-1e30, 0.0, 1e30]),
            "reweight_gamma": st.sampled_from([-50.0, 0.0, 50.0]),
            "beta": st.sampled_from([-1e30, 1e30]),
            "mu": st.sampled_from([-1e30, 1e30]),
            "kappa": st.sampled_from([-1e30, 1e30]),
            "negative_scale": st.sampled_from([1e-30, 1e30]),
            "context_tokens": st.sampled_from([0, 1, 60]),
        },
    )
)
def test_whatever_the_options_what_is_written_is_finite(
    tmp_path_factory: pytest.TempPathFactory, zero_shot: np.ndarray, options: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("wild")
    given: dict[str, Any] = {"steps": 3, "validate_every": 1} | options
    made = make_job(zero_shot, images=60, **given)
    outcome, _ = tiny_fits.run(folder, made)
    if isinstance(outcome, FitFinished):
        check_kept(folder)
    else:
        assert isinstance(outcome, FitFailed)
        assert outcome.kind == "not-finite", outcome.message
        if (folder / job.RESULT_NAME).exists():
            check_kept(folder)
