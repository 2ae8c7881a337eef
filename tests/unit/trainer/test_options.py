"""Options of a fit by name."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from typing import Any

import pytest

from trainer import job
from trainer.options import LOSSES, METHODS, FitOptions


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", -1),
        ("steps", "many"),
        ("steps", True),
        ("loss", "l2"),
        ("rebalance", "squared"),
        ("class_position", "top"),
        ("embedding_space", "image"),
        ("margin", float("nan")),
        ("learning_rate", -1.0),
        ("learning_rate", 1e38),
        ("residual_rate", -0.1),
        ("held_out_fraction", 1.5),
        ("classification_share", -0.1),
        ("stepz", 3),
    ],
)
def test_an_invalid_value_is_refused_with_the_options_name(name: str, value: Any) -> None:
    with pytest.raises(job.JobError, match=name):
        FitOptions.of({name: value})


def test_an_integer_is_accepted_for_a_float() -> None:
    assert FitOptions.of({"margin": 1}).margin == 1.0


@pytest.mark.parametrize("method", METHODS)
def test_a_methods_options_are_applied_and_can_be_overridden(method: str) -> None:
    chosen = FitOptions.of({}, method)
    for name, value in METHODS[method].items():
        assert getattr(chosen, name) == value
    assert FitOptions.of({"steps": 7}, method).steps == 7
    assert json.loads(json.dumps(asdict(chosen))) == asdict(chosen)


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(job.JobError, match="magic"):
        FitOptions.of({}, "magic")


def test_methods_set_existing_options() -> None:
    names = {item.name for item in fields(FitOptions)}
    assert all(values.keys() <= names for values in METHODS.values())


def test_lmpt_is_the_defaults_with_an_interpolation() -> None:
    assert FitOptions.of({}, job.LMPT) == replace(FitOptions(), interpolation=8.0)


def test_the_papers_training_has_its_published_settings() -> None:
    paper = FitOptions.of({}, job.LMPT_PAPER)
    assert (paper.optimiser, paper.learning_rate, paper.momentum) == ("sgd", 5e-4, 0.9)
    assert (paper.weight_decay, paper.batch_size, paper.epochs) == (1e-4, 64, 50)
    assert (paper.loss, paper.classification_share) == ("distribution-balanced", 0.5)
    assert (paper.interpolation, paper.validation_fraction) == (0.0, 0.0)


@pytest.mark.parametrize(("images", "steps"), [(1142, 900), (1909, 1500), (64, 50), (3, 50)])
def test_epochs_become_steps(images: int, steps: int) -> None:
    options = FitOptions.of({}, job.LMPT_PAPER).for_images(images)
    assert (options.steps, options.steps_unvalidated) == (steps, steps)


def test_without_epochs_the_steps_stay() -> None:
    options = FitOptions.of({}, job.LMPT_PLUS)
    assert options.for_images(5000) is options


@pytest.mark.parametrize("name", ["steps", "steps_unvalidated"])
def test_steps_override_a_methods_epochs(name: str) -> None:
    options = FitOptions.of({name: 7}, job.LMPT_PAPER).for_images(1142)
    assert getattr(options, name) == 7
    assert FitOptions.of({name: 7, "epochs": 2}, job.LMPT_PAPER).epochs == 2


def test_the_losses_on_offer_are_those_of_the_table() -> None:
    for name in LOSSES:
        assert FitOptions.of({"loss": name}).loss == name
    with pytest.raises(job.JobError) as refused:
        FitOptions.of({"loss": "l2"})
    assert f"must be one of {', '.join(LOSSES)}, not" in str(refused.value)
