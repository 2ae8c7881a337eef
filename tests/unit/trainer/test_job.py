"""Job folders: whole or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer import arrays, job
from trainer.bands import BandLimits
from trainer.job import FitJob, JobClass, JobError, JobSettings


def some_job(images: int = 5, classes: int = 3, dim: int = 4) -> FitJob:
    random = np.random.default_rng(0)
    return FitJob(
        settings=JobSettings(
            backbone="lite", seed=7, limits=BandLimits(3, 9), options={"steps": 10, "margin": 0.5}
        ),
        classes=[JobClass(f"class {i}", "a déscription" if i == 0 else "") for i in range(classes)],
        image_ids=np.arange(images, dtype=np.int64) * 11,
        features=random.normal(size=(images, dim)).astype(np.float16),
        targets=random.integers(-1, 2, (images, classes)).astype(np.int8),
        split=random.integers(-1, 2, images).astype(np.int8),
        captions=["a dog 🐕", *[""] * (images - 1)],
        baseline_embeddings=random.normal(size=(classes, dim)).astype(np.float32),
        baseline_biases=random.normal(size=classes).astype(np.float32),
        baseline_scale=12.5,
    )


ARRAYS = ("image_ids", "features", "targets", "split", "baseline_embeddings", "baseline_biases")


def test_a_job_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    written = some_job()
    job.save(written, tmp_path / "1")
    read = job.load(tmp_path / "1")
    for name in ("settings", "classes", "captions", "baseline_scale"):
        assert getattr(read, name) == getattr(written, name)
    for name in ARRAYS:
        assert getattr(read, name).dtype == getattr(written, name).dtype
        np.testing.assert_array_equal(getattr(read, name), getattr(written, name))


def test_columns_of_a_larger_array_are_written_as_they_look(tmp_path: Path) -> None:
    """safetensors writes memory, not what strides make of it."""
    written = some_job()
    wide = np.zeros((5, 6), np.int8)
    wide[:, ::2] = written.targets
    job.save(replace(written, targets=wide[:, ::2]), tmp_path)
    np.testing.assert_array_equal(job.load(tmp_path).targets, written.targets)


def test_a_description_replaces_the_name_in_prompts() -> None:
    assert JobClass("crane").prompt_text == "crane"
    assert JobClass("crane", "a tall bird").prompt_text == "a tall bird"


@pytest.mark.parametrize(
    "change",
    [
        {"captions": ["too few"]},
        {"split": np.zeros(4, np.int8)},
        {"targets": np.zeros((5, 2), np.int8)},
        {"features": np.zeros((4, 4), np.float16)},
        {"baseline_embeddings": np.zeros((2, 4), np.float32)},
        {"baseline_biases": np.zeros(4, np.float32)},
        {"classes": []},
    ],
)
def test_arrays_that_do_not_agree_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(JobError, match="do not agree"):
        replace(some_job(), **change)


def test_a_partly_written_job_is_refused(tmp_path: Path) -> None:
    job.save(some_job(), tmp_path)
    (tmp_path / job.JSON_NAME).unlink()
    with pytest.raises(JobError, match="cannot be read"):
        job.load(tmp_path)


def edited(folder: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    file = folder / job.JSON_NAME
    body = json.loads(file.read_text("utf-8"))
    edit(body)
    file.write_text(json.dumps(body), encoding="utf-8")


@pytest.mark.parametrize(
    "edit",
    [
        lambda body: body.pop("settings"),
        lambda body: body.pop("classes"),
        lambda body: body["settings"].pop("backbone"),
        lambda body: body["settings"].pop("limits"),
        lambda body: body["settings"].update(limits={"medium": 5, "head": 2}),
        lambda body: body.update(classes=[{"title": "dog"}]),
        lambda body: body.update(baseline_scale="much"),
        lambda body: body.update(captions=[]),
    ],
)
def test_a_damaged_description_is_refused(
    tmp_path: Path, edit: Callable[[dict[str, Any]], None]
) -> None:
    job.save(some_job(), tmp_path)
    edited(tmp_path, edit)
    with pytest.raises(JobError):
        job.load(tmp_path)


def test_damaged_arrays_are_refused(tmp_path: Path) -> None:
    job.save(some_job(), tmp_path)
    arrays = tmp_path / job.ARRAYS_NAME
    arrays.write_bytes(arrays.read_bytes()[:-20])
    with pytest.raises(JobError):
        job.load(tmp_path)


def test_a_job_of_a_newer_version_is_refused_with_that_reason(tmp_path: Path) -> None:
    job.save(some_job(), tmp_path)
    edited(tmp_path, lambda body: body.update(schema=job.SCHEMA + 1))
    with pytest.raises(JobError, match="newer version"):
        job.load(tmp_path)


def test_settings_of_a_newer_app_are_ignored(tmp_path: Path) -> None:
    job.save(some_job(), tmp_path)
    edited(tmp_path, lambda body: body["settings"].update(unheard=1))
    assert job.load(tmp_path).settings == some_job().settings


@pytest.fixture
def arrays_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the arrays read from job folders, as they are read."""
    names: list[str] = []
    plain = arrays.safe_open

    class Spy:
        def __init__(self, *given: Any, **more: Any) -> None:
            self._file = plain(*given, **more)

        def __enter__(self) -> Spy:
            self._file.__enter__()
            return self

        def __exit__(self, *error: Any) -> None:
            self._file.__exit__(*error)

        def keys(self) -> list[str]:
            return self._file.keys()

        def get_tensor(self, name: str) -> Any:
            names.append(name)
            return self._file.get_tensor(name)

    monkeypatch.setattr(arrays, "safe_open", Spy)
    return names


def test_reading_a_whole_job_reads_every_array(tmp_path: Path, arrays_read: list[str]) -> None:
    job.save(some_job(), tmp_path)
    job.load(tmp_path)
    assert sorted(arrays_read) == sorted(ARRAYS)


def test_reading_the_classes_reads_no_array(tmp_path: Path, arrays_read: list[str]) -> None:
    job.save(some_job(), tmp_path)
    assert job.load_classes(tmp_path) == some_job().classes
    assert arrays_read == []


def test_reading_the_image_ids_reads_no_features(tmp_path: Path, arrays_read: list[str]) -> None:
    job.save(some_job(), tmp_path)
    np.testing.assert_array_equal(job.load_image_ids(tmp_path), some_job().image_ids)
    assert arrays_read == ["image_ids"]


@pytest.mark.parametrize("read", [job.load, job.load_classes, job.load_image_ids])
def test_every_reader_refuses_an_incomplete_or_newer_job(
    tmp_path: Path, read: Callable[[Path], object]
) -> None:
    with pytest.raises(JobError, match="cannot be read"):
        read(tmp_path)
    job.save(some_job(), tmp_path)
    edited(tmp_path, lambda body: body.update(schema=job.SCHEMA + 1))
    with pytest.raises(JobError, match="newer version"):
        read(tmp_path)
    (tmp_path / job.JSON_NAME).write_text("[]", encoding="utf-8")
    with pytest.raises(JobError, match="cannot be read"):
        read(tmp_path)


def test_damaged_classes_and_image_ids_are_refused(tmp_path: Path) -> None:
    job.save(some_job(), tmp_path)
    edited(tmp_path, lambda body: body.pop("classes"))
    with pytest.raises(JobError, match="not a complete job"):
        job.load_classes(tmp_path)
    (tmp_path / job.ARRAYS_NAME).write_bytes(b"damaged")
    with pytest.raises(JobError, match="cannot be read"):
        job.load_image_ids(tmp_path)
