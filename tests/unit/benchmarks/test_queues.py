"""``tests/benchmarks/queues.py``: users and figures; what it measures is in docs/queues.md."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def queues(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("queues")


@pytest.fixture
def library(queues: ModuleType) -> Any:
    """120 images of 6 classes; features are noise around the class."""
    rng = np.random.default_rng(0)
    truth = rng.random((120, 6)) < np.array([0.4, 0.2, 0.1, 0.1, 0.05, 0.05])
    centres = np.linalg.qr(rng.normal(size=(16, 16)))[0][:6]
    features = truth @ centres + 0.2 * rng.normal(size=(120, 16))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return queues.SimulatedLibrary(
        [f"class {place}" for place in range(6)],
        features.astype(np.float32),
        truth,
        centres.astype(np.float32),
        SimpleNamespace(scale=10.0, frequency_bias=-2.0, name_frequency=None),
        options={},
        seed=0,
    )


@pytest.mark.parametrize(
    "queue", ["tail-first", "uncertain", "random", "random-pairs", "class-sweep", "more-like-this"]
)
def test_every_user_asks_what_is_open_and_each_answer_is_one_verdict(
    queues: ModuleType, library: Any, queue: str
) -> None:
    rng = np.random.default_rng(1)
    asked: list[tuple[int, int]] = []
    for _ in range(2):
        asked = queues.QUEUES[queue](library, rng)
        assert 0 < len(asked) <= queues.BATCH
        before = library.verdicts
        assert library.answer(asked) == len(asked) == library.verdicts - before
    known = library.snapshot.annotations >= 0
    assert known.sum() == library.verdicts
    assert np.array_equal(library.snapshot.annotations[known] == 1, library.truth[known])
    assert library.answer(asked) == 0


def test_figures_are_means_and_spreads_of_percent(queues: ModuleType) -> None:
    runs = [
        {str(at): {"tail": value, "total": 2 * value} for at in queues.MEASURE_AT}
        for value in (20.0, 22.0)
    ]
    assert queues.table({"random": runs}) == {
        "tail": {"random": {"100": [21, 1.41], "300": [21, 1.41], "1000": [21, 1.41]}},
        "total": {"random": {"100": [42, 2.83], "300": [42, 2.83], "1000": [42, 2.83]}},
    }


def test_the_curve_is_drawn(queues: ModuleType, tmp_path: Path) -> None:
    runs = [{str(at): {"tail": 20.0 + at} for at in (0, *queues.RETRAIN_AT)} for _ in range(2)]
    queues.draw({"random": runs, "uncertain": runs}, tmp_path / "curve.svg")
    drawn = (tmp_path / "curve.svg").read_text(encoding="utf-8")
    assert "<svg" in drawn
