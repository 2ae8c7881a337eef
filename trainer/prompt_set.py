"""Prompt sets on disk: the result of a run, with which the app predicts (imports no torch).

A prompt set is a folder with ``prompt_set.json`` (metadata) and ``prompt_set.safetensors``
(arrays).  It is written to a temporary folder beside it and renamed, so that readers see a complete
prompt set or none.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer import checked_json
from trainer.arrays import ArraysError, read_arrays, write_arrays
from trainer.checked_json import Count, Finite, JsonError, Limits
from trainer.events import BandScores
from trainer.kernel import KernelPart
from trainer.temporary_files import sweep, temporary_folder
from trainer.windows import Windows, joint_cosines, largest_cosines

SCHEMA = 2
"""2: the kernel part may have directions; without them its scores would be wrong."""
JSON_NAME = "prompt_set.json"
ARRAYS_NAME = "prompt_set.safetensors"

FloatArray = NDArray[np.float32]

LIMITS = Limits(bytes=256 * 1024**2, values=32_000_000)
"""Of the metadata; the ids of a million held-out images have some 10 MB."""
_KINDS: dict[str, Any] = {
    "class_embeddings": np.float32,
    "biases": np.float32,
    "thresholds": np.float32,
    "train_present": np.int64,
    "calibrated": np.bool_,
    "contexts": np.float32,
    "window_embeddings": np.float32,
    "landmarks": np.float32,
    "landmark_weights": np.float32,
    "kernel_directions": np.float32,
}
"""Every array, and its dtype."""

log = logging.getLogger(__name__)


class PromptSetError(Exception):
    """A folder is not a prompt set that this version can read; the message says why."""


class ThresholdBasis(StrEnum):
    """What the threshold of a class rests on."""

    OWN = "own"
    """The class's own held-out annotations."""
    SHARED = "shared"
    """Those of all classes together: it has too few of its own."""
    EXPECTED = "expected"
    """Its calibrated scores, since most of its held-out entries are unknown."""


@dataclass(frozen=True)
class ClassResult:
    """Results of one class on the held-out annotations.

    ``average_precision`` is None without a held-out present, or a held-out absent, annotation.

    The threshold is None in evaluations of other than a run's own result, and in older ones.  A
    threshold of the class's own rests on ``held_out_present`` and ``held_out_absent`` annotations
    and has an interval, 5 % to 95 % (:mod:`trainer.threshold_interval`); others have none.
    """

    name: str
    train_present: Count
    held_out_present: Count
    held_out_absent: Count
    average_precision: Finite | None
    threshold: Finite | None = None
    threshold_basis: ThresholdBasis | None = None
    threshold_low: Finite | None = None
    threshold_high: Finite | None = None


@dataclass(frozen=True)
class Evaluation:
    """Metrics on held-out annotations, all in [0, 1].

    ``extra`` has further figures by name (CF1, OF1, ECE, ...).
    """

    scores: BandScores
    classes: list[ClassResult]
    extra: dict[str, Finite] = field(default_factory=dict)


@dataclass(frozen=True)
class PromptSet:
    """Learned prompts, ready to predict.

    score(image, class i) = sigmoid(scale * cosine + biases[i]), where the cosine is
    feature . class_embeddings[i], plus what the kernel part adds, if there is one, or, with window
    embeddings, :func:`trainer.windows.joint_cosines` of that and of the windows with
    window_embeddings[i].

    Arrays (C classes, D feature dim, M context tokens, W token width):
        class_embeddings: (C, D) float32, unit norm.
        biases: (C,) float32.
        thresholds: (C,) float32 in [0, 1].
        train_present: (C,) int64, present annotations in the training part.
        calibrated: (C,) bool; False for classes with the shared bias and threshold.
        contexts: (C, M, W) float32 learned context vectors, or None.
        window_embeddings: (C, D) float32, unit norm, or None to score by whole photos alone.
        kernel: the kernel part of C classes, or None.
    """

    backbone: str
    classes: list[str]
    class_embeddings: FloatArray
    scale: float
    biases: FloatArray
    thresholds: FloatArray
    train_present: NDArray[np.int64]
    calibrated: NDArray[np.bool_]
    contexts: FloatArray | None = None
    window_embeddings: FloatArray | None = None
    window_offset: float = 0.0
    kernel: KernelPart | None = None
    created: str = ""
    """ISO 8601, UTC."""
    method: str = "lmpt"
    settings: dict[str, Any] = field(default_factory=dict)
    evaluation: Evaluation | None = None
    baseline: Evaluation | None = None
    """Of the prompt set that was active when the run began, on the same held-out part."""
    held_out: list[int] = field(default_factory=list)
    """Ids of the images that were held out."""

    def __post_init__(self) -> None:
        count = len(self.classes)
        shapes = {
            "class_embeddings": self.class_embeddings.shape[:1],
            "biases": self.biases.shape,
            "thresholds": self.thresholds.shape,
            "train_present": self.train_present.shape,
            "calibrated": self.calibrated.shape,
        }
        for name, shape in shapes.items():
            if shape != (count,):
                raise PromptSetError(f"{name} has shape {shape} for {count} classes")
        if self.class_embeddings.ndim != 2:
            raise PromptSetError("class_embeddings must have two dimensions")
        numbers = [self.class_embeddings, self.biases, self.thresholds, np.array(self.scale)]
        numbers.append(np.array(self.window_offset))
        if self.contexts is not None:
            if self.contexts.ndim != 3 or len(self.contexts) != count:
                raise PromptSetError("contexts must have three dimensions, the first of classes")
            numbers.append(self.contexts)
        if self.kernel is not None:
            part, dim = self.kernel, self.class_embeddings.shape[1]
            landmarks = len(part.landmarks) if part.landmarks.ndim else 0
            found = part.landmarks.shape, part.weights.shape, part.directions.shape
            if found != ((landmarks, dim), (count, landmarks), (count, dim)):
                raise PromptSetError("the kernel part does not fit the classes and their features")
            numbers += [part.landmarks, part.weights, part.directions, np.array(part.sharpness)]
        if self.window_embeddings is not None:
            if self.window_embeddings.shape != self.class_embeddings.shape:
                raise PromptSetError("window_embeddings must have the shape of class_embeddings")
            numbers.append(self.window_embeddings)
        if not all(np.isfinite(item).all() for item in numbers):
            raise PromptSetError("the prompt set has values that are not finite numbers")

    def cosines(self, features: NDArray[np.floating], windows: Windows | None = None) -> FloatArray:
        """(n, C) float32 that scale and biases turn into scores.

        Args:
            features: (n, D) unit norm.
            windows: (n, W, D) int8; without them a photo is its own only window.
        """
        single = np.asarray(features, np.float32)
        found = single @ self.class_embeddings.T
        if self.kernel is not None:
            found += self.kernel.cosines(single)
        if self.window_embeddings is None:
            return found
        if windows is None:
            return joint_cosines(found, single @ self.window_embeddings.T, 0.0)
        inside = largest_cosines(windows, self.window_embeddings)
        return joint_cosines(found, inside, self.window_offset)


def save(prompt_set: PromptSet, folder: Path) -> None:
    """Write ``prompt_set`` to ``folder`` atomically, replacing an existing one.  Its parent must
    exist: one that was moved away is not created again.

    Raises:
        OSError: if the disk is full or the folder cannot be written.
    """
    arrays: dict[str, NDArray[Any]] = {
        "class_embeddings": np.ascontiguousarray(prompt_set.class_embeddings, np.float32),
        "biases": np.ascontiguousarray(prompt_set.biases, np.float32),
        "thresholds": np.ascontiguousarray(prompt_set.thresholds, np.float32),
        "train_present": np.ascontiguousarray(prompt_set.train_present, np.int64),
        "calibrated": np.ascontiguousarray(prompt_set.calibrated, np.bool_),
    }
    if prompt_set.contexts is not None:
        arrays["contexts"] = np.ascontiguousarray(prompt_set.contexts, np.float32)
    if prompt_set.window_embeddings is not None:
        arrays["window_embeddings"] = np.ascontiguousarray(prompt_set.window_embeddings, np.float32)
    if prompt_set.kernel is not None:
        arrays["landmarks"] = np.ascontiguousarray(prompt_set.kernel.landmarks, np.float32)
        arrays["landmark_weights"] = np.ascontiguousarray(prompt_set.kernel.weights, np.float32)
        directions = np.ascontiguousarray(prompt_set.kernel.directions, np.float32)
        arrays["kernel_directions"] = directions
    body = {
        "schema": SCHEMA,
        "backbone": prompt_set.backbone,
        "classes": prompt_set.classes,
        "scale": prompt_set.scale,
        "window_offset": prompt_set.window_offset,
        "kernel_sharpness": prompt_set.kernel.sharpness if prompt_set.kernel else 0.0,
        "created": prompt_set.created,
        "method": prompt_set.method,
        "settings": prompt_set.settings,
        "evaluation": asdict(prompt_set.evaluation) if prompt_set.evaluation else None,
        "baseline": asdict(prompt_set.baseline) if prompt_set.baseline else None,
        "held_out": prompt_set.held_out,
    }
    sweep(folder.parent)
    with temporary_folder(folder.parent, folder.name) as temporary:
        write_arrays(arrays, temporary / ARRAYS_NAME)
        with (temporary / JSON_NAME).open("w", encoding="utf-8") as file:
            json.dump(body, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)


@dataclass(frozen=True)
class _Metadata:
    """What :data:`JSON_NAME` holds."""

    backbone: str
    classes: list[str]
    scale: Finite
    created: str
    method: str
    settings: dict[str, Any]
    evaluation: Evaluation | None
    baseline: Evaluation | None
    held_out: list[int]
    window_offset: Finite = 0.0
    kernel_sharpness: Finite = 0.0


@dataclass(frozen=True)
class _Schema:
    schema: int = 0


def load(folder: Path, limits: Limits = LIMITS) -> PromptSet:
    """Read and check a prompt set, whose metadata must be within ``limits``.

    Raises:
        PromptSetError: if it is missing, damaged, inconsistent or from a newer version.
    """
    return _load(folder, limits, optional=())


def load_to_predict(folder: Path) -> PromptSet:
    """Read a prompt set of this library; figures in it that are damaged are left out, since
    predictions do not need them: versions up to 0.1.0 imported them unchecked.

    Raises:
        PromptSetError: as :func:`load`, if anything else is damaged.
    """
    return _load(folder, LIMITS, optional=("evaluation", "baseline"))


def _load(folder: Path, limits: Limits, optional: Sequence[str]) -> PromptSet:
    """``optional``: evaluations that are left out if they are damaged."""
    try:
        body = checked_json.loads(checked_json.read_bytes(folder / JSON_NAME, limits.bytes), limits)
        if checked_json.to_type(body, _Schema).schema > SCHEMA:
            raise PromptSetError(f"{folder} was written by a newer version of LMPT Desktop")
        for name in optional:
            try:
                checked_json.to_type(checked_json.check(body.get(name), limits), Evaluation | None)
            except JsonError as error:
                log.warning("%s: its %s is left out: %s", folder, name, error)
                body[name] = None
        metadata = checked_json.to_type(checked_json.check(body, limits), _Metadata)
        arrays = read_arrays(folder / ARRAYS_NAME, _KINDS)
        return PromptSet(
            backbone=metadata.backbone,
            classes=metadata.classes,
            class_embeddings=arrays["class_embeddings"],
            scale=metadata.scale,
            biases=arrays["biases"],
            thresholds=arrays["thresholds"],
            train_present=arrays["train_present"],
            calibrated=arrays["calibrated"],
            contexts=arrays.get("contexts"),
            window_embeddings=arrays.get("window_embeddings"),
            window_offset=metadata.window_offset,
            kernel=_kernel(arrays, metadata.kernel_sharpness),
            created=metadata.created,
            method=metadata.method,
            settings=metadata.settings,
            evaluation=metadata.evaluation,
            baseline=metadata.baseline,
            held_out=metadata.held_out,
        )
    except (OSError, JsonError, ArraysError) as error:
        raise PromptSetError(f"{folder} cannot be read as a prompt set: {error}") from error
    except KeyError as error:
        raise PromptSetError(
            f"{folder} is not a complete prompt set: {error} is missing"
        ) from error


def _kernel(arrays: dict[str, Any], sharpness: float) -> KernelPart | None:
    if "landmarks" not in arrays and "landmark_weights" not in arrays:
        return None
    directions = arrays.get("kernel_directions")
    if directions is None:
        directions = np.zeros_like(arrays["class_embeddings"])
    return KernelPart(arrays["landmarks"], arrays["landmark_weights"], directions, sharpness)
