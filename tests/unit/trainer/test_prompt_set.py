"""Prompt sets on disk: whole or not at all."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from trainer import prompt_set
from trainer.events import BandScores
from trainer.kernel import KernelPart
from trainer.prompt_set import (
    ClassResult,
    Evaluation,
    PromptSet,
    PromptSetError,
    ThresholdBasis,
)


def some_set(classes: int = 3, *, evaluated: bool = True) -> PromptSet:
    random = np.random.default_rng(0)
    results = [ClassResult(f"class {i}", 10 * i, i, 5, 0.5 if i else None) for i in range(classes)]
    evaluation = Evaluation(BandScores(0.6, None, 0.5, 0.25), results, {"CF1": 0.4})
    return PromptSet(
        backbone="lite",
        classes=[f"class {i}" for i in range(classes)],
        class_embeddings=random.normal(size=(classes, 4)).astype(np.float32),
        scale=14.25,
        biases=random.normal(size=classes).astype(np.float32),
        thresholds=random.uniform(size=classes).astype(np.float32),
        train_present=np.arange(classes, dtype=np.int64),
        calibrated=np.arange(classes) % 2 == 0,
        contexts=random.normal(size=(classes, 2, 6)).astype(np.float32) if evaluated else None,
        created="2025-01-02T03:04:05Z",
        settings={"steps": 10},
        evaluation=evaluation if evaluated else None,
        baseline=evaluation if evaluated else None,
        held_out=[3, 1, 2],
        window_embeddings=random.normal(size=(classes, 4)).astype(np.float32)
        if evaluated
        else None,
        window_offset=0.25 if evaluated else 0.0,
    )


ARRAYS = (
    "class_embeddings", "biases", "thresholds", "train_present", "calibrated", "contexts",
    "window_embeddings",
)  # fmt: skip
REST = (
    "backbone", "classes", "scale", "created", "method", "settings", "evaluation", "baseline",
    "window_offset",
)  # fmt: skip


@pytest.mark.parametrize("evaluated", [True, False])
def test_a_prompt_set_is_read_back_as_it_was_written(tmp_path: Path, evaluated: bool) -> None:
    written = some_set(evaluated=evaluated)
    prompt_set.save(written, tmp_path / "1")
    read = prompt_set.load(tmp_path / "1")
    for name in (*REST, "held_out"):
        assert getattr(read, name) == getattr(written, name)
    for name in ARRAYS:
        if getattr(written, name) is None:
            assert getattr(read, name) is None
        else:
            assert getattr(read, name).dtype == getattr(written, name).dtype
            np.testing.assert_array_equal(getattr(read, name), getattr(written, name))


def test_a_kernel_part_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    part = KernelPart(
        random.normal(size=(5, 4)).astype(np.float32),
        random.normal(size=(3, 5)).astype(np.float32),
        random.normal(size=(3, 4)).astype(np.float32),
        1.75,
    )
    prompt_set.save(replace(some_set(), kernel=part), tmp_path / "set")
    read = prompt_set.load(tmp_path / "set").kernel
    assert read is not None
    assert read.sharpness == 1.75
    np.testing.assert_array_equal(read.landmarks, part.landmarks)
    np.testing.assert_array_equal(read.weights, part.weights)
    np.testing.assert_array_equal(read.directions, part.directions)


def test_a_kernel_part_of_before_there_were_directions_has_none(tmp_path: Path) -> None:
    part = KernelPart.none(3, 4)
    prompt_set.save(replace(some_set(), kernel=part), tmp_path / "set")
    file = tmp_path / "set" / prompt_set.ARRAYS_NAME
    arrays = load_file(file)
    del arrays["kernel_directions"]
    save_file(arrays, file)
    read = prompt_set.load(tmp_path / "set").kernel
    assert read is not None
    assert read.directions.shape == (3, 4)
    assert not read.directions.any()


@pytest.mark.parametrize(
    "shapes",
    [
        ((5, 3), (3, 5), (3, 4)),
        ((5, 4), (2, 5), (3, 4)),
        ((5, 4), (3, 6), (3, 4)),
        ((5, 4), (3, 5), (2, 4)),
        ((5, 4), (3, 5), (3, 5)),
        ((5, 4), (3, 5), (3,)),
    ],
    ids=[
        "other features",
        "other classes",
        "other landmarks",
        "directions of other classes",
        "directions of other features",
        "directions that are numbers",
    ],
)
def test_a_kernel_part_that_does_not_fit_is_refused(shapes: tuple[tuple[int, int], ...]) -> None:
    landmarks, weights, directions = (np.ones(shape, np.float32) for shape in shapes)
    with pytest.raises(PromptSetError, match="kernel"):
        replace(some_set(), kernel=KernelPart(landmarks, weights, directions, 1.0))


def test_what_a_threshold_rests_on_is_read_back_and_older_sets_do_not_say(tmp_path: Path) -> None:
    plain = some_set()
    assert plain.evaluation is not None
    results = [
        replace(
            plain.evaluation.classes[0],
            threshold=0.31,
            threshold_basis=ThresholdBasis.OWN,
            threshold_low=0.22,
            threshold_high=0.4,
        ),
        replace(plain.evaluation.classes[1], threshold=0.35, threshold_basis=ThresholdBasis.SHARED),
        plain.evaluation.classes[2],
    ]
    prompt_set.save(
        replace(plain, evaluation=replace(plain.evaluation, classes=results)), tmp_path / "set"
    )
    file = tmp_path / "set" / prompt_set.JSON_NAME
    read = prompt_set.load(tmp_path / "set").evaluation
    assert read is not None
    assert read.classes == results
    assert read.classes[0].threshold_basis is ThresholdBasis.OWN

    body = json.loads(file.read_text("utf-8"))
    for item in body["evaluation"]["classes"]:
        for name in [name for name in item if name.startswith("threshold")]:
            del item[name]
    file.write_text(json.dumps(body), encoding="utf-8")
    older = prompt_set.load(tmp_path / "set").evaluation
    assert older is not None
    assert older.classes == plain.evaluation.classes
    assert older.classes[0].threshold_basis is None

    body["evaluation"]["classes"][0]["threshold_basis"] = "the stars"
    file.write_text(json.dumps(body), encoding="utf-8")
    with pytest.raises(PromptSetError, match="threshold_basis"):
        prompt_set.load(tmp_path / "set")


def test_saving_again_replaces_the_whole(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    prompt_set.save(some_set(5), folder)
    (folder / "left over").touch()
    prompt_set.save(some_set(2), folder)
    assert len(prompt_set.load(folder).classes) == 2
    assert sorted(path.name for path in folder.iterdir()) == [
        prompt_set.JSON_NAME,
        prompt_set.ARRAYS_NAME,
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_a_failure_while_saving_keeps_the_old_one_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "set"
    prompt_set.save(some_set(5), folder)

    def full(*_args: Any, **_kwargs: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(json, "dump", full)
    with pytest.raises(OSError, match="No space"):
        prompt_set.save(some_set(2), folder)
    assert len(prompt_set.load(folder).classes) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


@pytest.mark.parametrize(
    "change",
    [
        {"biases": np.zeros(2, np.float32)},
        {"thresholds": np.zeros((3, 1), np.float32)},
        {"class_embeddings": np.zeros((2, 4), np.float32)},
        {"class_embeddings": np.zeros(3, np.float32)},
        {"class_embeddings": np.full((3, 4), np.nan, np.float32)},
        {"biases": np.array([0, np.inf, 0], np.float32)},
        {"train_present": np.zeros(4, np.int64)},
        {"calibrated": np.zeros(0, np.bool_)},
    ],
)
def test_numbers_nobody_could_predict_with_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(PromptSetError):
        replace(some_set(), **change)


def test_a_missing_or_half_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PromptSetError, match="cannot be read"):
        prompt_set.load(tmp_path / "none")
    prompt_set.save(some_set(), tmp_path / "set")
    (tmp_path / "set" / prompt_set.ARRAYS_NAME).unlink()
    with pytest.raises(PromptSetError):
        prompt_set.load(tmp_path / "set")


@pytest.mark.parametrize("name", [prompt_set.JSON_NAME, prompt_set.ARRAYS_NAME])
def test_a_file_cut_short_is_refused(tmp_path: Path, name: str) -> None:
    prompt_set.save(some_set(), tmp_path / "set")
    file = tmp_path / "set" / name
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(PromptSetError):
        prompt_set.load(tmp_path / "set")


@pytest.mark.parametrize("body", ["[]", "{}", '{"schema": 1, "backbone": "lite"}', "null"])
def test_another_description_is_refused(tmp_path: Path, body: str) -> None:
    prompt_set.save(some_set(), tmp_path / "set")
    (tmp_path / "set" / prompt_set.JSON_NAME).write_text(body, encoding="utf-8")
    with pytest.raises(PromptSetError):
        prompt_set.load(tmp_path / "set")


def test_a_newer_one_is_refused_with_that_reason(tmp_path: Path) -> None:
    prompt_set.save(some_set(), tmp_path / "set")
    file = tmp_path / "set" / prompt_set.JSON_NAME
    body = json.loads(file.read_text("utf-8")) | {"schema": prompt_set.SCHEMA + 1}
    file.write_text(json.dumps(body), encoding="utf-8")
    with pytest.raises(PromptSetError, match="newer version"):
        prompt_set.load(tmp_path / "set")
