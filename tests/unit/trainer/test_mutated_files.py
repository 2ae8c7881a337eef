"""Prompt sets, jobs and messages with something of another kind in them are refused, or everything
in what is made of them has its declared type."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_counts import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import mutated, wrong_types
from safetensors.numpy import load_file, save_file

from trainer import events, job, prompt_set
from trainer.bands import BandLimits
from trainer.events import BandScores, Message, ProtocolError, parse_line, to_line
from trainer.job import FitJob, JobClass, JobError, JobSettings
from trainer.kernel import KernelPart
from trainer.prompt_set import ClassResult, Evaluation, PromptSet, PromptSetError

MANY = settings(
    max_examples=examples(300),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def some_set() -> PromptSet:
    results = [ClassResult("dog", 10, 3, 5, 0.5), ClassResult("cat", 0, 0, 5, None)]
    evaluation = Evaluation(BandScores(0.6, None, 0.5, 0.25), results, {"CF1": 0.4, "ECE": 0.01})
    return PromptSet(
        backbone="lite",
        classes=["dog", "cat"],
        class_embeddings=np.eye(2, 4, dtype=np.float32),
        scale=14.25,
        biases=np.zeros(2, np.float32),
        thresholds=np.full(2, 0.5, np.float32),
        train_present=np.array([3, 4]),
        calibrated=np.array([True, False]),
        window_embeddings=np.eye(2, 4, dtype=np.float32),
        window_offset=0.25,
        kernel=KernelPart(
            np.eye(3, 4, dtype=np.float32),
            np.ones((2, 3), np.float32),
            np.ones((2, 4), np.float32),
            1.5,
        ),
        created="2025-01-02T03:04:05Z",
        settings={"steps": 10, "loss": "listwise", "trained_classes": [0, 1]},
        evaluation=evaluation,
        baseline=evaluation,
        held_out=[3, 1, 2],
    )


def some_job() -> FitJob:
    return FitJob(
        settings=JobSettings("lite", limits=BandLimits(3, 9), options={"steps": 10}),
        classes=[JobClass("dog", "a small dog"), JobClass("cat")],
        image_ids=np.array([1, 2, 3]),
        features=np.eye(3, 4, dtype=np.float16),
        targets=np.zeros((3, 2), np.int8),
        split=np.zeros(3, np.int8),
        captions=["a dog", "", ""],
        baseline_embeddings=np.eye(2, 4, dtype=np.float32),
        baseline_biases=np.zeros(2, np.float32),
        baseline_scale=12.5,
    )


@pytest.fixture(scope="module")
def set_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets") / "set"
    prompt_set.save(some_set(), folder)
    return folder


@pytest.fixture(scope="module")
def job_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("job")
    job.save(some_job(), folder)
    return folder


SET_BODY: dict[str, Any] = {
    "schema": 2,
    "backbone": "lite",
    "classes": ["dog", "cat"],
    "scale": 14.25,
    "window_offset": 0.25,
    "kernel_sharpness": 1.5,
    "created": "2025-01-02T03:04:05Z",
    "method": "lmpt",
    "settings": {"steps": 10, "trained_classes": [0, 1]},
    "evaluation": asdict(some_set())["evaluation"],
    "baseline": asdict(some_set())["evaluation"],
    "held_out": [3, 1, 2],
}
JOB_BODY: dict[str, Any] = {
    "schema": 1,
    "settings": asdict(some_job().settings),
    "classes": [asdict(item) for item in some_job().classes],
    "captions": ["a dog", "", ""],
    "baseline_scale": 12.5,
    "window_offset": 0.0,
}


@MANY
@given(body=mutated(SET_BODY))
def test_a_mutated_prompt_set_is_refused_or_has_its_types(
    set_folder: Path, body: dict[str, Any]
) -> None:
    (set_folder / prompt_set.JSON_NAME).write_text(json.dumps(body), encoding="utf-8")
    for read in (prompt_set.load, prompt_set.load_to_predict):
        with contextlib.suppress(PromptSetError):
            assert wrong_types(read(set_folder), PromptSet) == []


@MANY
@given(body=mutated(dict.fromkeys(("evaluation", "baseline"), SET_BODY["evaluation"])))
def test_a_version_with_damaged_figures_still_predicts(
    set_folder: Path, body: dict[str, Any]
) -> None:
    (set_folder / prompt_set.JSON_NAME).write_text(
        json.dumps(SET_BODY | {key: body.get(key) for key in ("evaluation", "baseline")}),
        encoding="utf-8",
    )
    read = prompt_set.load_to_predict(set_folder)
    assert wrong_types(read, PromptSet) == []
    np.testing.assert_array_equal(read.class_embeddings, some_set().class_embeddings)


@MANY
@given(body=mutated(JOB_BODY))
def test_a_mutated_job_is_refused_or_has_its_types(job_folder: Path, body: dict[str, Any]) -> None:
    (job_folder / job.JSON_NAME).write_text(json.dumps(body), encoding="utf-8")
    with contextlib.suppress(JobError):
        assert wrong_types(job.load(job_folder), FitJob) == []
    with contextlib.suppress(JobError):
        assert wrong_types(job.load_classes(job_folder), list[JobClass]) == []


MESSAGES = [
    {"type": "EncodePhotos", "request": "r", "ids": [1, 2], "paths": ["a", "b"]},
    {"type": "EncodeTexts", "request": "r", "texts": ["a"], "templates": ["a {}"]},
    {"type": "EncoderReady", "protocol": 2, "backbone": "b", "dim": 4, "device": "CPU",
     "scale": 1.5, "bias": None, "templates": ["{}"], "name_frequency": [0.5],
     "window_offset": 0.5},
    {"type": "PhotosEncoded", "request": "r", "file": "f", "count": 1,
     "failures": [{"id": 1, "reason": "Broken."}]},
    {"type": "MapEncoded", "request": "r", "file": "f",
     "box": {"left": 0, "top": 0.0, "right": 1.0, "bottom": 1}},
    {"type": "PhotosCaptioned", "request": "r", "captions": [{"id": 1, "text": "a"}],
     "failures": []},
    {"type": "FitProgress", "step": 1, "steps": 8, "loss": 0.5, "loss_classification": 0.5,
     "loss_embedding": 0.5, "seconds_left": 2.0, "phase": "final-pass"},
    {"type": "FitValidated", "step": 1,
     "scores": {"total": 0.5, "head": None, "medium": None, "tail": 0.25}},
    {"type": "FitFinished", "prompt_set": "p", "seconds": 1.5, "stopped_early": False},
]  # fmt: skip


@settings(max_examples=examples(1000), deadline=None)
@given(body=st.sampled_from(MESSAGES).flatmap(mutated))
def test_a_mutated_message_is_refused_or_has_its_types(body: dict[str, Any]) -> None:
    try:
        message = parse_line(json.dumps(body))
    except ProtocolError:
        return
    assert isinstance(message, Message)
    assert wrong_types(message, type(message)) == []
    if isinstance(message, events.RunEvent):
        assert message.text.headline


def test_unmutated_bodies_are_valid(set_folder: Path, job_folder: Path) -> None:
    (set_folder / prompt_set.JSON_NAME).write_text(json.dumps(SET_BODY), encoding="utf-8")
    assert prompt_set.load(set_folder).evaluation == some_set().evaluation
    (job_folder / job.JSON_NAME).write_text(json.dumps(JOB_BODY), encoding="utf-8")
    assert job.load(job_folder).classes == some_job().classes
    for body in MESSAGES:
        assert type(parse_line(json.dumps(body))).__name__ == body["type"]


# ------------------------------------------------------------------------------ odd files


def _pipe(path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes")
    os.mkfifo(path)


ODD: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "deep": lambda path: path.write_text("[" * 100_000),
    "deep and whole": lambda path: path.write_text("[" * 500 + "]" * 500),
    "another kind": lambda path: path.write_text("[1]"),
    "a key twice": lambda path: path.write_text('{"schema": 1, "schema": 2}'),
    "a huge number": lambda path: path.write_text(f'{{"schema": {"9" * 4000}}}'),
    "a text as schema": lambda path: path.write_text('{"schema": "1"}'),
    "no unicode": lambda path: path.write_bytes(b'{"schema": "\xff"}'),
    "a folder": lambda path: path.mkdir(),
    "a pipe": _pipe,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path.name),
}


@pytest.mark.parametrize("name", [prompt_set.JSON_NAME, prompt_set.ARRAYS_NAME])
@pytest.mark.parametrize("odd", ODD)
def test_an_odd_file_in_a_prompt_set_is_refused(tmp_path: Path, name: str, odd: str) -> None:
    prompt_set.save(some_set(), tmp_path / "set")
    (tmp_path / "set" / name).unlink()
    ODD[odd](tmp_path / "set" / name)
    for read in (prompt_set.load, prompt_set.load_to_predict):
        with pytest.raises(PromptSetError):
            read(tmp_path / "set")


@pytest.mark.parametrize("name", [job.JSON_NAME, job.ARRAYS_NAME])
@pytest.mark.parametrize("odd", ODD)
def test_an_odd_file_in_a_job_is_refused(tmp_path: Path, name: str, odd: str) -> None:
    job.save(some_job(), tmp_path)
    (tmp_path / name).unlink()
    ODD[odd](tmp_path / name)
    for read in (job.load, job.load_image_ids, job.load_targets):
        with pytest.raises(JobError):
            read(tmp_path)


@pytest.mark.parametrize("dtype", [np.float64, np.int32, np.uint8, np.int8, np.bool_])
@pytest.mark.parametrize("where", ["set", "job"])
def test_arrays_of_another_dtype_are_refused(tmp_path: Path, where: str, dtype: Any) -> None:
    if where == "set":
        prompt_set.save(some_set(), tmp_path / "x")
        path, name = tmp_path / "x" / prompt_set.ARRAYS_NAME, "class_embeddings"
    else:
        job.save(some_job(), tmp_path / "x")
        path, name = tmp_path / "x" / job.ARRAYS_NAME, "features"
    arrays = dict(load_file(path))
    save_file(arrays | {name: arrays[name].astype(dtype)}, path)
    with pytest.raises((PromptSetError, JobError), match=name):
        (prompt_set.load if where == "set" else job.load)(tmp_path / "x")


@pytest.mark.parametrize("name", list(prompt_set._KINDS))
@pytest.mark.parametrize("shape", [(), (2,), (2, 2, 2, 2), (0, 4)])
def test_arrays_of_any_other_shape_are_refused(
    tmp_path: Path, name: str, shape: tuple[int, ...]
) -> None:
    prompt_set.save(some_set(), tmp_path / "set")
    path = tmp_path / "set" / prompt_set.ARRAYS_NAME
    arrays = dict(load_file(path))
    other = np.zeros(shape, prompt_set._KINDS[name])
    if name in arrays and arrays[name].shape == shape:
        return
    save_file(arrays | {name: other}, path)
    with pytest.raises(PromptSetError):
        prompt_set.load(tmp_path / "set")


@pytest.mark.parametrize("name", job._KINDS)
@pytest.mark.parametrize("shape", [(), (2,), (2, 2, 2, 2), (0, 4)])
def test_arrays_of_any_other_shape_are_refused_in_a_job(
    tmp_path: Path, name: str, shape: tuple[int, ...]
) -> None:
    job.save(some_job(), tmp_path)
    arrays = dict(load_file(tmp_path / job.ARRAYS_NAME))
    if name in arrays and arrays[name].shape == shape:
        return
    save_file(arrays | {name: np.zeros(shape, job._KINDS[name])}, tmp_path / job.ARRAYS_NAME)
    with pytest.raises(JobError):
        job.load(tmp_path)


@pytest.mark.parametrize("name", ["targets", "split"])
def test_verdicts_that_are_none_are_refused(tmp_path: Path, name: str) -> None:
    job.save(some_job(), tmp_path)
    arrays = dict(load_file(tmp_path / job.ARRAYS_NAME))
    save_file(arrays | {name: arrays[name] + np.int8(7)}, tmp_path / job.ARRAYS_NAME)
    with pytest.raises(JobError, match=name):
        job.load(tmp_path)


def test_arrays_of_a_dtype_that_numpy_lacks_are_refused(tmp_path: Path) -> None:
    prompt_set.save(some_set(), tmp_path / "set")
    header = b'{"class_embeddings":{"dtype":"BF16","shape":[2,4],"data_offsets":[0,16]}}'
    path = tmp_path / "set" / prompt_set.ARRAYS_NAME
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(16))
    with pytest.raises(PromptSetError):
        prompt_set.load(tmp_path / "set")


def test_a_job_with_more_dimensions_than_it_should_have_is_refused() -> None:
    for change in (
        {"image_ids": np.zeros((3, 1), np.int64)},
        {"features": np.zeros((3, 4, 1), np.float16)},
        {"features": np.zeros(3, np.float16)},
        {"baseline_embeddings": np.zeros(2, np.float32)},
        {"windows": np.zeros((3, 2, 4, 4), np.int8)},
    ):
        with pytest.raises(JobError, match="do not agree"):
            replace(some_job(), **change)  # type: ignore[arg-type]


def test_a_text_that_is_not_unicode_crosses_any_pipe() -> None:
    sent = events.EncodeTexts("r", ["a\ud800b"])
    assert parse_line(to_line(sent).encode().decode()) == sent
