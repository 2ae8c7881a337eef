"""The training data of a library: selected, checked and made into a job (Qt-free, no torch)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.inference.queues import Features
from lmpt_desktop.inference.weights import ClassWeights
from lmpt_desktop.inference.window_cosines import ReadWindows, has_embedding
from lmpt_desktop.translation import _, join_names
from trainer.bands import Band
from trainer.job import HELD_OUT, TRAIN, UNASSIGNED, FitJob, JobClass, JobSettings
from trainer.windows import quantise

MIN_IMAGES = 4
"""Fewer annotated images cannot be split into training and held-out images."""


@dataclass(frozen=True)
class Preflight:
    """What a retraining would learn from, or why it cannot be started.

    ``refusals`` are sentences; empty when ``ok``.  ``warnings`` do not prevent it.
    ``present_per_band`` counts present annotations, ``classes_per_band`` classes.
    """

    ok: bool
    refusals: tuple[str, ...]
    warnings: tuple[str, ...]
    annotations: int
    images: int
    present_per_band: dict[Band, int]
    classes_per_band: dict[Band, int]
    classes_without_present: tuple[str, ...]
    backbone: str
    device: str
    expected_seconds: float | None


@dataclass(frozen=True)
class RetrainOptions:
    """Choices of the retrain dialog; ``method`` and ``options`` as in ``trainer/job.py``.

    ``machine``: the computer to train on, as for ssh; "" for this one.
    """

    method: str = "lmpt+"
    device: str = "auto"
    seed: int = 0
    options: dict[str, object] = field(default_factory=dict)
    machine: str = ""


@dataclass(frozen=True, eq=False)
class TrainingData:
    """The annotated part of a library.

    Attributes:
        rows: (n,) rows of the snapshot: images with an annotation and a feature.
        columns: (c,) columns: classes with a present annotation among them.
        features: (n, D) float16.
        waiting: annotated images that have no feature yet.
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    features: NDArray[np.float16]
    waiting: int


def training_data(snapshot: Snapshot, features: Features) -> TrainingData:
    """Select the images and classes to learn from."""
    annotated = np.flatnonzero((snapshot.annotations >= 0).any(axis=1))
    has, matrix = features.lookup(snapshot.image_ids[annotated])
    rows = annotated[has]
    present = (snapshot.annotations[rows] == 1).any(axis=0)
    return TrainingData(
        rows=rows,
        columns=np.flatnonzero(present),
        features=matrix,
        waiting=len(annotated) - len(rows),
    )


def training_windows(
    image_ids: NDArray[np.int64], features: NDArray[np.float16], read: ReadWindows
) -> NDArray[np.int8] | None:
    """The windows of the images to learn from.

    An image that has none yet, or not as many as most, is each of its own windows: left out, it
    could not teach, and without the others' windows none could be learned.

    Args:
        image_ids: (n,) ascending.
        features: (n, D), of the same images.
        read: reads windows.

    Returns:
        (n, W, D), or None if no image has windows.
    """
    blocks = list(read(image_ids))
    counts: dict[int, int] = {}
    for ids, windows in blocks:
        counts[windows.shape[1]] = counts.get(windows.shape[1], 0) + len(ids)
    if not counts:
        return None
    each = max(counts, key=lambda number: (counts[number], number))
    made = np.repeat(quantise(features.astype(np.float32)[:, None]), each, axis=1)
    for ids, windows in blocks:
        if windows.shape[1] == each:
            made[np.searchsorted(image_ids, ids)] = windows
    return made


def preflight(
    snapshot: Snapshot,
    data: TrainingData,
    weights: ClassWeights | None,
    *,
    backbone: str,
    device: str,
    running: bool,
    expected_seconds: float | None,
) -> Preflight:
    """Check whether a retraining can be started."""
    targets = snapshot.annotations[data.rows]
    limits = snapshot.limits
    counts = (targets == 1).sum(axis=0)
    bands = limits.bands(counts)
    refusals = _refusals(snapshot, data, weights, running)
    warnings = _warnings(snapshot, data, targets)
    return Preflight(
        ok=not refusals,
        refusals=tuple(refusals),
        warnings=tuple(warnings),
        annotations=int((targets >= 0).sum()),
        images=len(data.rows),
        present_per_band={
            band: int(sum(n for n, b in zip(counts, bands, strict=True) if b is band))
            for band in Band
        },
        classes_per_band={
            band: sum(1 for n, b in zip(counts, bands, strict=True) if b is band and n)
            for band in Band
        },
        classes_without_present=tuple(
            entry.name for entry, n in zip(snapshot.classes, counts, strict=True) if not n
        ),
        backbone=backbone,
        device=device,
        expected_seconds=expected_seconds,
    )


def _refusals(
    snapshot: Snapshot, data: TrainingData, weights: ClassWeights | None, running: bool
) -> list[str]:
    if running:
        return [_("A retraining is running. Wait for it to finish, or cancel it.")]
    if reason := _reason_for_no_data(snapshot, data):
        return [reason]
    refusals: list[str] = []
    if len(data.columns) == 1:
        name = snapshot.classes[int(data.columns[0])].name
        refusals.append(
            _(
                "Only one class ({name}) is marked present. Mark at least one more, so that the "
                "model can learn to tell them apart."
            ).format(name=name)
        )
    if len(data.rows) < MIN_IMAGES:
        refusals.append(
            _(
                "Only {count} annotated photos can be used; at least {least} are needed, so that "
                "some can be held out to measure the result."
            ).format(count=len(data.rows), least=MIN_IMAGES)
        )
    if weights is None or np.isnan(weights.embeddings[data.columns]).any():
        refusals.append(_("The model has not read all class names yet. Wait a moment."))
    return refusals


def _reason_for_no_data(snapshot: Snapshot, data: TrainingData) -> str:
    if not len(snapshot.classes):
        return _("The vocabulary is empty. Add classes first.")
    if len(snapshot.classes) == 1:
        return _("There is only one class. Prompts are learned by telling classes apart: add more.")
    if not (snapshot.annotations >= 0).any():
        return _("Nothing is annotated yet. Mark which classes are present in a few photos first.")
    if not len(data.rows):
        return _("None of the annotated photos has been encoded yet. Wait for encoding.")
    if not len(data.columns):
        return _(
            "No class is marked present in any photo. The model cannot learn from absent "
            "classes alone: mark a few classes present."
        )
    return ""


def _warnings(snapshot: Snapshot, data: TrainingData, targets: NDArray[np.int8]) -> list[str]:
    warnings: list[str] = []
    if data.waiting:
        warnings.append(
            _("{waiting} annotated photos are not encoded yet and will not be used.").format(
                waiting=data.waiting
            )
        )
    if len(data.rows) and not (targets == 0).any():
        warnings.append(
            _(
                "No class is marked absent in any photo. Mark photos as reviewed, so that the "
                "model also learns what is absent."
            )
        )
    never_absent = [
        snapshot.classes[int(column)].name
        for column in data.columns
        if not (targets[:, column] == 0).any()
    ]
    if never_absent and (targets == 0).any():
        warnings.append(
            _("Never marked absent, so hard to measure: {shown}.").format(
                shown=join_names(never_absent)
            )
        )
    return warnings


def build_job(
    snapshot: Snapshot,
    data: TrainingData,
    weights: ClassWeights,
    *,
    backbone: str,
    options: RetrainOptions,
    captions: Sequence[str],
    held_out: set[int],
    trained_on: set[int],
    confirmed: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
    windows: NDArray[np.int8] | None = None,
    scores: NDArray[np.float32] | None = None,
) -> FitJob:
    """Make a job of ``data``.

    Args:
        snapshot: the library.
        data: what to learn from.
        weights: the weights in use, a row per column of the snapshot; they become the
            baseline, whose scores are frequencies: learned biases are calibrated, zero-shot
            ones come from the library's prior.
        backbone: whose features these are.
        options: choices of the user.
        captions: one per row of ``data``.
        held_out: images that earlier runs held out.  They stay held out, or a comparison would
            favour an older prompt set that has learned from them.
        trained_on: images that the active prompt set has learned from.  They stay in the
            training part, for the same reason.
        confirmed: image ids and class ids, (m,) each, of present annotations that only let a
            prediction stand, in ``data`` or not.
        windows: of the images of ``data``, see :func:`training_windows`.
        scores: (n, C) of the images of ``data`` with ``weights``; None where these need no more
            than the baseline's arrays to be computed again.
    """
    image_ids = snapshot.image_ids[data.rows]
    split = np.full(len(image_ids), UNASSIGNED, np.int8)
    split[np.isin(image_ids, np.fromiter(trained_on, np.int64, len(trained_on)))] = TRAIN
    split[np.isin(image_ids, np.fromiter(held_out, np.int64, len(held_out)))] = HELD_OUT
    scales = weights.scales[data.columns]
    scale = float(scales.max())
    # The job has one scale, the app one per class (learned or zero-shot).  The ratio goes into
    # the length of the class's embedding, which keeps its scores exact.
    ratios = (scales / scale)[:, None]
    embeddings = weights.embeddings[data.columns] * ratios
    biases = weights.biases[data.columns]
    window_embeddings = None
    if windows is not None and weights.window_embeddings is not None:
        window_embeddings = weights.window_embeddings[data.columns]
        joint = has_embedding(window_embeddings)
        # The job has windows for all classes or for none.  A class scored by whole photos alone
        # has their embedding for windows as well, as any class has that is not learned.
        window_embeddings = np.where(
            joint[:, None], window_embeddings, weights.embeddings[data.columns]
        )
        window_embeddings = (window_embeddings * ratios).astype(np.float32)
        # The offset is multiplied by the job's scale, not by that of the class.
        biases = biases + np.where(joint, 0.5 * weights.window_offset * (scale - scales), 0)
    return FitJob(
        settings=JobSettings(
            backbone=backbone,
            method=options.method,
            # The devices of another computer are its own.
            device="auto" if options.machine else options.device,
            seed=options.seed,
            limits=snapshot.limits,
            options=dict(options.options),
        ),
        classes=[
            JobClass(snapshot.classes[int(i)].name, snapshot.classes[int(i)].description)
            for i in data.columns
        ],
        image_ids=image_ids,
        features=data.features,
        targets=snapshot.annotations[np.ix_(data.rows, data.columns)],
        split=split,
        captions=list(captions),
        baseline_embeddings=embeddings.astype(np.float32),
        baseline_biases=biases.astype(np.float32),
        baseline_scale=scale,
        confirmed=None
        if confirmed is None
        else _cells(confirmed, image_ids, snapshot.class_ids[data.columns]),
        windows=windows,
        baseline_window_embeddings=window_embeddings,
        window_offset=weights.window_offset,
        baseline_scores=None if scores is None else scores[:, data.columns].astype(np.float16),
    )


def _cells(
    pairs: tuple[NDArray[np.int64], NDArray[np.int64]],
    image_ids: NDArray[np.int64],
    class_ids: NDArray[np.int64],
) -> NDArray[np.bool_] | None:
    """(n, c) bool, which cells of images and classes are among the pairs; None if none is."""
    by_id = np.argsort(class_ids, kind="stable")
    rows = np.minimum(np.searchsorted(image_ids, pairs[0]), len(image_ids) - 1)
    columns = by_id[
        np.minimum(np.searchsorted(class_ids, pairs[1], sorter=by_id), len(class_ids) - 1)
    ]
    found = (image_ids[rows] == pairs[0]) & (class_ids[columns] == pairs[1])
    if not found.any():
        return None
    cells = np.zeros((len(image_ids), len(class_ids)), np.bool_)
    cells[rows[found], columns[found]] = True
    return cells
