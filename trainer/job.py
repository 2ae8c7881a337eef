"""The job folder: the input of a training run, and the place of its result (imports no torch).

::

    job.json                settings (:class:`JobSettings`), classes, captions
    job.safetensors         features, targets, image ids, split, baseline arrays
    events.jsonl            the run's stdout, if the app started it
    log.txt                 the run's stderr
    checkpoint.safetensors  to resume after a kill
    cancel                  a file of this name stops the run, like ``Stop`` on stdin
    prompt_set/             the result, renamed into place when complete
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from trainer import checked_json
from trainer.arrays import ArraysError, read_arrays, write_arrays
from trainer.bands import BandLimits
from trainer.checked_json import Finite, JsonError, Limits
from trainer.class_texts import class_texts
from trainer.temporary_files import sweep, temporary_name

T = TypeVar("T")

SCHEMA = 1
JSON_NAME = "job.json"
ARRAYS_NAME = "job.safetensors"
EVENTS_NAME = "events.jsonl"
LOG_NAME = "log.txt"
CHECKPOINT_NAME = "checkpoint.safetensors"
CANCEL_NAME = "cancel"
RESULT_NAME = "prompt_set"

LIMITS = Limits(bytes=1024**3, values=100_000_000)
"""Of the description: it has a caption of every image."""
_KINDS: dict[str, Any] = {
    "image_ids": np.int64,
    "features": np.float16,
    "targets": np.int8,
    "split": np.int8,
    "baseline_embeddings": np.float32,
    "baseline_biases": np.float32,
    "confirmed": np.bool_,
    "windows": np.int8,
    "baseline_window_embeddings": np.float32,
    "baseline_scores": np.float16,
}
"""Every array, and its dtype."""
_NEEDED = (
    "image_ids", "features", "targets", "split", "baseline_embeddings", "baseline_biases",
)  # fmt: skip

PRESENT, ABSENT, UNKNOWN = 1, 0, -1
"""Values in the target matrix."""

TRAIN, HELD_OUT, UNASSIGNED = 0, 1, -1
"""Values in the split vector."""

LMPT, LMPT_PAPER, LMPT_PLUS, INSTANT = "lmpt", "lmpt-paper", "lmpt+", "instant"
"""Methods: the paper's losses trained as suits an app, the paper's training as published, the best
on our benchmark, and one without steps (:data:`trainer.options.METHODS`)."""


class JobError(Exception):
    """A folder is not a job that this version can run; the message says why."""


@dataclass(frozen=True)
class JobClass:
    """A class to learn; ``description``, if not empty, replaces the name in the prompt, and may
    hold several texts (:func:`trainer.class_texts.class_texts`).
    """

    name: str
    description: str = ""

    @property
    def prompt_text(self) -> str:
        """What stands for the class, as written."""
        return self.description or self.name

    @property
    def prompt_texts(self) -> tuple[str, ...]:
        """What the model reads, each by itself."""
        return class_texts(self.name, self.description)


@dataclass(frozen=True)
class JobSettings:
    """How to train.  ``options`` (:class:`trainer.options.FitOptions`, by name) override those of
    the ``method``.
    """

    backbone: str
    method: str = LMPT_PLUS
    device: str = "auto"
    seed: int = 0
    limits: BandLimits = field(default_factory=BandLimits)
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FitJob:
    """The contents of a job folder.

    Arrays (N images, C classes, D feature dim):
        image_ids: (N,) int64.
        features: (N, D) float16, unit norm.
        targets: (N, C) int8: 1 present, 0 absent, -1 unknown.
        split: (N,) int8: 0 train, 1 held out, -1 for the run to decide.  Images that were held out
            stay held out; otherwise a comparison would favour the older prompt set.
        baseline_embeddings: (C, D) float32, the class embeddings the app predicts with now.
        baseline_biases: (C,) float32; the baseline's scores are taken for frequencies, which is
            what unknown annotations are expected to be (:func:`trainer.calibration.evidence`).
        baseline_scale: multiplies cosine similarity in the baseline's scores.
        captions: N strings, "" for an image without a caption.
        confirmed: (N, C) bool, present annotations that only let a prediction stand; None for none.
            They agree with the baseline, so they teach with less weight and are not measured on.
        windows: (N, W, D) int8 (:mod:`trainer.windows`); None if the backbone makes none.
        baseline_window_embeddings: (C, D) float32, what the app compares windows with now; None
            where it predicts without windows.
        window_offset: for :func:`trainer.windows.joint_cosines`.
        baseline_scores: (N, C) float16 in [0, 1], what the app predicts now, NaN where it does not;
            None: as follows from the baseline arrays.
    """

    settings: JobSettings
    classes: list[JobClass]
    image_ids: NDArray[np.int64]
    features: NDArray[np.float16]
    targets: NDArray[np.int8]
    split: NDArray[np.int8]
    captions: list[str]
    baseline_embeddings: NDArray[np.float32]
    baseline_biases: NDArray[np.float32]
    baseline_scale: float
    confirmed: NDArray[np.bool_] | None = None
    windows: NDArray[np.int8] | None = None
    baseline_window_embeddings: NDArray[np.float32] | None = None
    window_offset: float = 0.0
    baseline_scores: NDArray[np.float16] | None = None

    def __post_init__(self) -> None:
        n, c = self.image_ids.size, len(self.classes)
        if (
            self.image_ids.ndim != 1
            or self.features.ndim != 2
            or self.features.shape[0] != n
            or self.targets.shape != (n, c)
            or self.split.shape != (n,)
            or len(self.captions) != n
            or self.baseline_embeddings.ndim != 2
            or self.baseline_embeddings.shape[0] != c
            or self.baseline_biases.shape != (c,)
            or (self.confirmed is not None and self.confirmed.shape != (n, c))
            or (
                self.windows is not None
                and (self.windows.ndim != 3 or self.windows.shape[::2] != self.features.shape)
            )
            or (self.baseline_scores is not None and self.baseline_scores.shape != (n, c))
            or (
                self.baseline_window_embeddings is not None
                and self.baseline_window_embeddings.shape != self.baseline_embeddings.shape
            )
        ):
            raise JobError("the job's arrays do not agree on the number of images or classes")

    @property
    def measured_targets(self) -> NDArray[np.int8]:
        """(N, C) int8, ``targets`` without what was only confirmed."""
        if self.confirmed is None:
            return self.targets
        return np.where(self.confirmed, np.int8(UNKNOWN), self.targets)


def save(job: FitJob, folder: Path) -> None:
    """Write ``job`` into ``folder``, which is created if missing, but not its parents.

    ``job.json`` is written last, so its presence means that the job is complete.

    Raises:
        OSError: if the disk is full or the folder cannot be written.
    """
    folder.mkdir(exist_ok=True)
    sweep(folder)
    arrays: dict[str, NDArray[Any]] = {
        "image_ids": np.ascontiguousarray(job.image_ids, np.int64),
        "features": np.ascontiguousarray(job.features, np.float16),
        "targets": np.ascontiguousarray(job.targets, np.int8),
        "split": np.ascontiguousarray(job.split, np.int8),
        "baseline_embeddings": np.ascontiguousarray(job.baseline_embeddings, np.float32),
        "baseline_biases": np.ascontiguousarray(job.baseline_biases, np.float32),
    }
    if job.confirmed is not None:
        arrays["confirmed"] = np.ascontiguousarray(job.confirmed, np.bool_)
    if job.windows is not None:
        arrays["windows"] = np.ascontiguousarray(job.windows, np.int8)
    if job.baseline_window_embeddings is not None:
        arrays["baseline_window_embeddings"] = np.ascontiguousarray(
            job.baseline_window_embeddings, np.float32
        )
    if job.baseline_scores is not None:
        arrays["baseline_scores"] = np.ascontiguousarray(job.baseline_scores, np.float16)
    write_arrays(arrays, folder / ARRAYS_NAME)
    body = {
        "schema": SCHEMA,
        "settings": asdict(job.settings),
        "classes": [asdict(item) for item in job.classes],
        "captions": job.captions,
        "baseline_scale": job.baseline_scale,
        "window_offset": job.window_offset,
    }
    temporary = temporary_name(folder / JSON_NAME)
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(body, file, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / JSON_NAME)


@dataclass(frozen=True)
class _Schema:
    schema: int = 0


@dataclass(frozen=True)
class _Limits:
    limits: BandLimits


@dataclass(frozen=True)
class _WithLimits:
    """Without its default: a job says by which bands it is to be judged."""

    settings: _Limits


@dataclass(frozen=True)
class _Classes:
    classes: list[JobClass]


@dataclass(frozen=True)
class _Description(_Classes):
    """What :data:`JSON_NAME` holds."""

    settings: JobSettings
    captions: list[str]
    baseline_scale: Finite
    window_offset: Finite = 0.0


def load(folder: Path) -> FitJob:
    """Read a whole job folder.  To read only part of it, see :func:`load_classes` and
    :func:`load_image_ids`.

    Raises:
        JobError: if it is missing, damaged, inconsistent or from a newer version.
    """
    body = _read_body(folder)
    _as(body, _WithLimits, folder)
    description = _as(body, _Description, folder)
    arrays = _read_arrays(folder)
    for name in {"targets", "split"} & arrays.keys():
        if arrays[name].size and not -1 <= arrays[name].min() <= arrays[name].max() <= 1:
            raise JobError(f"{folder} is not a complete job: {name} has values other than -1 to 1")
    if missing := [name for name in _NEEDED if name not in arrays]:
        raise JobError(f"{folder} is not a complete job: {missing[0]} is missing")
    return FitJob(
        settings=description.settings,
        classes=description.classes,
        captions=description.captions,
        baseline_scale=description.baseline_scale,
        window_offset=description.window_offset,
        **arrays,
    )


def load_classes(folder: Path) -> list[JobClass]:
    """Read the classes alone, in the order of the job's columns; no array is read.

    Raises:
        JobError: as :func:`load`.
    """
    return _as(_read_body(folder), _Classes, folder).classes


def load_image_ids(folder: Path) -> NDArray[np.int64]:
    """Read the image ids alone, (N,) int64; no other array is read.

    Raises:
        JobError: as :func:`load`.
    """
    _read_body(folder)
    arrays = _read_arrays(folder, ("image_ids",))
    return arrays["image_ids"]


def load_targets(folder: Path) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """Read the image ids, (N,) int64, and what was known of them, (N, C) int8, alone.

    Raises:
        JobError: as :func:`load`.
    """
    _read_body(folder)
    arrays = _read_arrays(folder, ("image_ids", "targets"))
    return arrays["image_ids"], arrays["targets"]


def _read_body(folder: Path) -> Any:
    try:
        body = checked_json.read(folder / JSON_NAME, LIMITS)
        schema = checked_json.to_type(body, _Schema).schema
    except (OSError, JsonError) as error:
        raise JobError(f"{folder} cannot be read as a job: {error}") from error
    if schema > SCHEMA:
        raise JobError(f"{folder} was written by a newer version of LMPT Desktop")
    return body


def _as(body: Any, kind: type[T], folder: Path) -> T:
    try:
        return checked_json.to_type(body, kind)
    except JsonError as error:
        raise JobError(f"{folder} is not a complete job: {error}") from error


def _read_arrays(folder: Path, names: tuple[str, ...] = ()) -> dict[str, NDArray[Any]]:
    """The arrays called ``names``, or all."""
    try:
        return read_arrays(folder / ARRAYS_NAME, _KINDS, names)
    except (OSError, ArraysError) as error:
        raise JobError(f"{folder} cannot be read as a job: {error}") from error
