"""Options of a fit by name."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any

import pytest

from trainer import job
from trainer.options import METHODS, FitOptions


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", 0),
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
def test_what_makes_no_sense_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(job.JobError, match=name):
        FitOptions.of({name: value})


def test_a_whole_number_will_do_for_a_fraction() -> None:
    assert FitOptions.of({"margin": 1}).margin == 1.0


@pytest.mark.parametrize("method", METHODS)
def test_a_methods_settings_are_real_and_give_way_to_those_named(method: str) -> None:
    chosen = FitOptions.of({}, method)
    for name, value in METHODS[method].items():
        assert getattr(chosen, name) == value
    assert FitOptions.of({"steps": 7}, method).steps == 7
    assert json.loads(json.dumps(asdict(chosen))) == asdict(chosen)


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(job.JobError, match="magic"):
        FitOptions.of({}, "magic")


def test_the_papers_method_is_made_of_the_defaults() -> None:
    assert FitOptions.of({}, job.LMPT) == FitOptions()
    names = {item.name for item in fields(FitOptions)}
    assert all(values.keys() <= names for values in METHODS.values())
