"""From a snapshot to a prompt set: all classes, calibrated, judged beside the baseline."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from trainer import calibration, metrics
from trainer.blending import blend, unit
from trainer.job import HELD_OUT, PRESENT, TRAIN, FitJob
from trainer.learner import Snapshot
from trainer.options import FitOptions
from trainer.prompt_set import Evaluation, PromptSet


@dataclass(frozen=True)
class Ground:
    """What every snapshot of a run is put upon.

    job, options, split: (N,) int8, as decided by the run.
    active: (A,) int64, the classes that were trained: those with a present annotation in the
        training part.
    zero_shot: (A, D) float32, hand-written embeddings of those.
    directions: (A, D) float32, their discriminant directions on the training part.
    fallback: (C, D) float32 unit norm, what the app predicts with now; kept for the others.
    """

    job: FitJob
    options: FitOptions
    split: NDArray[np.int8]
    active: NDArray[np.int64]
    zero_shot: NDArray[np.float32]
    directions: NDArray[np.float32]
    fallback: NDArray[np.float32]

    @property
    def train_present(self) -> NDArray[np.int64]:
        """(C,) present annotations in the training part."""
        return (self.job.targets[self.split == TRAIN] == PRESENT).sum(0).astype(np.int64)

    @property
    def held_out(self) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
        """Features (H, D) unit norm and targets (H, C) of the held-out part."""
        rows = self.split == HELD_OUT
        return unit(self.job.features[rows]), self.job.targets[rows]


def class_embeddings(snapshot: Snapshot, ground: Ground) -> NDArray[np.float32]:
    """(C, D): learned and interpolated where trained, else as the app has it now."""
    result = ground.fallback.copy()
    counts = ground.train_present[ground.active]
    result[ground.active] = blend(
        snapshot.embeddings,
        ground.zero_shot,
        counts,
        strength=snapshot.interpolation,
        directions=ground.directions,
        weight=ground.options.discriminant,
    )
    return result


def held_out_scores(snapshot: Snapshot, ground: Ground) -> Evaluation:
    """A quick look at the held-out part for the plot; chooses nothing."""
    features, targets = ground.held_out
    return metrics.evaluate(
        features @ class_embeddings(snapshot, ground).T,
        targets,
        [item.name for item in ground.job.classes],
        ground.train_present,
        ground.job.settings.limits,
        probabilities=np.zeros(targets.shape, dtype=np.float32),
    )


def baseline_evaluation(ground: Ground) -> Evaluation:
    """The prompt set the app predicts with now, on the same held-out part."""
    job = ground.job
    features, targets = ground.held_out
    return metrics.evaluate(
        features @ ground.fallback.T,
        targets,
        [item.name for item in job.classes],
        ground.train_present,
        job.settings.limits,
        probabilities=_expected(ground, features),
    )


def build(snapshot: Snapshot, ground: Ground) -> PromptSet:
    """Calibrate and judge on the held-out part, and put everything together.

    Average precision needs no calibration.  Calibration error and F1 are measured with scores
    fitted on the other half of the held-out part; the prompt set carries the calibration fitted
    on all of it.  Where nothing is held out there is no evaluation, and scale, bias and
    thresholds are those of the training annotations.
    """
    job, options = ground.job, ground.options
    embeddings = class_embeddings(snapshot, ground)
    features, targets = ground.held_out
    cosines = features @ embeddings.T
    scale, bias = _start(snapshot, ground, embeddings)
    expected = _expected(ground, features)
    fitted = calibration.calibrate(cosines, targets, scale, bias, expected=expected)
    probabilities, predicted = calibration.cross_fitted(
        cosines, targets, scale, bias, expected=expected, seed=job.settings.seed
    )
    raw = calibration.sigmoid(snapshot.scale * cosines + snapshot.bias)
    evaluation = metrics.evaluate(
        cosines,
        targets,
        [item.name for item in job.classes],
        ground.train_present,
        job.settings.limits,
        probabilities=probabilities,
        predicted=predicted,
        extra={
            "ECE_before": metrics.expected_calibration_error(raw, targets),
            "classes_sharing_threshold": float((~fitted.calibrated).sum()),
            "classes_kept_from_before": float(len(job.classes) - len(ground.active)),
        },
    )
    return PromptSet(
        backbone=job.settings.backbone,
        classes=[item.name for item in job.classes],
        class_embeddings=embeddings,
        scale=fitted.scale,
        biases=fitted.biases,
        thresholds=fitted.thresholds,
        train_present=ground.train_present,
        calibrated=fitted.calibrated,
        contexts=_contexts(snapshot, ground),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        method=job.settings.method,
        settings=asdict(options)
        | {
            "seed": job.settings.seed,
            "step": snapshot.step,
            "chosen_interpolation": snapshot.interpolation,
            "trained_classes": [int(item) for item in ground.active],
        },
        evaluation=evaluation if len(targets) else None,
        baseline=baseline_evaluation(ground) if len(targets) else None,
        held_out=[int(item) for item in job.image_ids[ground.split == HELD_OUT]],
    )


def _start(
    snapshot: Snapshot, ground: Ground, embeddings: NDArray[np.float32]
) -> tuple[float, float]:
    """Scale and bias that make the training annotations likeliest.

    The focal, re-weighted loss learns a scale and a bias that rank well but are no
    probabilities; these are a better prior where the held-out part is small.
    """
    rows = ground.split == TRAIN
    features = unit(ground.job.features[rows])
    return calibration.shared_scale_and_bias(
        features @ embeddings.T,
        ground.job.targets[rows],
        snapshot.scale,
        snapshot.bias,
        expected=_expected(ground, features),
    )


def _expected(ground: Ground, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n, C): what the prompt set in use says of images with these features."""
    job = ground.job
    return calibration.sigmoid(
        job.baseline_scale * features @ ground.fallback.T + job.baseline_biases
    )


def _contexts(snapshot: Snapshot, ground: Ground) -> NDArray[np.float32]:
    """(C, M, W); zero for the classes that were not trained, which have no learned context."""
    _, tokens, width = snapshot.contexts.shape
    result = np.zeros((len(ground.job.classes), tokens, width), dtype=np.float32)
    result[ground.active] = snapshot.contexts
    return result
