"""``tests/benchmarks/published_loss.py``: that the loss is its authors', and that a wrong one
would be seen."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("published_loss")


@pytest.mark.parametrize("configuration", ["VOC-MLT", "COCO-MLT"])
def test_the_loss_is_the_published_one_to_rounding(
    published: ModuleType, configuration: str
) -> None:
    found = published.largest_differences(published.RELEASED[configuration], 5)
    assert found.keys() == published.TOLERANCES.keys()
    assert all(0 <= found[name] <= limit for name, limit in published.TOLERANCES.items())


@pytest.mark.parametrize("name", ["alpha", "beta", "mu", "lambda_", "kappa", "gamma", "factor"])
def test_another_value_of_any_setting_would_be_seen(
    published: ModuleType, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    right = published.RELEASED["VOC-MLT"]
    wrong = replace(right, **{name: 1.01 * getattr(right, name)})
    ours = published.ours
    monkeypatch.setattr(published, "ours", lambda z, y, n, o: ours(z, y, n, wrong))
    found = published.largest_differences(right, 1)
    assert found["loss, double"] > 1e-6
