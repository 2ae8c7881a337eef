"""From a snapshot to a prompt set: calibrated, and evaluated beside the baseline."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from trainer import calibration, metrics
from trainer.blending import blend
from trainer.job import HELD_OUT, PRESENT, TRAIN, FitJob
from trainer.learner import Snapshot
from trainer.options import FitOptions
from trainer.prompt_set import Evaluation, PromptSet


@dataclass(frozen=True)
class EvaluationContext:
    """What is needed to turn any snapshot of a run into class embeddings and evaluate them.

    split: (N,) int8, as decided by the run.
    active: (A,) int64, the trained classes: those with a present annotation in the training part.
    train_features, held_out_features: (T, D) and (H, D) float32 unit norm.
    zero_shot: (A, D) float32, hand-written embeddings of the active classes.
    directions: (A, D) float32, their discriminant directions on the training part.
    fallback: (C, D) float32 unit norm, what the app predicts with now; kept for inactive classes.
    """

    job: FitJob
    options: FitOptions
    split: NDArray[np.int8]
    active: NDArray[np.int64]
    train_features: NDArray[np.float32]
    held_out_features: NDArray[np.float32]
    zero_shot: NDArray[np.float32]
    directions: NDArray[np.float32]
    fallback: NDArray[np.float32]

    @property
    def train_present(self) -> NDArray[np.int64]:
        """(C,) present annotations in the training part."""
        return (self.job.targets[self.split == TRAIN] == PRESENT).sum(0).astype(np.int64)

    @property
    def held_out_targets(self) -> NDArray[np.int8]:
        """(H, C), without what was only confirmed."""
        return self.job.measured_targets[self.split == HELD_OUT]


def class_embeddings(snapshot: Snapshot, context: EvaluationContext) -> NDArray[np.float32]:
    """(C, D): learned and blended for active classes, otherwise what the app predicts with now."""
    result = context.fallback.copy()
    counts = context.train_present[context.active]
    result[context.active] = blend(
        snapshot.embeddings,
        context.zero_shot,
        counts,
        strength=snapshot.interpolation,
        directions=context.directions,
        weight=context.options.discriminant,
    )
    return result


def held_out_scores(snapshot: Snapshot, context: EvaluationContext) -> Evaluation:
    """Average precision on the held-out part, for the plot only: it chooses nothing."""
    features, targets = context.held_out_features, context.held_out_targets
    return metrics.evaluate(
        features @ class_embeddings(snapshot, context).T,
        targets,
        [item.name for item in context.job.classes],
        context.train_present,
        context.job.settings.limits,
        probabilities=np.zeros(targets.shape, dtype=np.float32),
    )


def baseline_evaluation(context: EvaluationContext) -> Evaluation:
    """The prompt set the app predicts with now, on the same held-out part."""
    job = context.job
    features, targets = context.held_out_features, context.held_out_targets
    return metrics.evaluate(
        features @ context.fallback.T,
        targets,
        [item.name for item in job.classes],
        context.train_present,
        job.settings.limits,
        probabilities=_expected(context, features),
    )


def build(snapshot: Snapshot, context: EvaluationContext) -> PromptSet:
    """The prompt set of a snapshot, calibrated and evaluated on the held-out part.

    Average precision needs no calibration.  Calibration error and F1 are measured by cross-fitting
    (each half of the held-out part with scores fitted on the other half); the prompt set has the
    calibration fitted on all of it.  If nothing is held out there is no evaluation, and scale, bias
    and thresholds come from the training annotations.
    """
    job, options = context.job, context.options
    embeddings = class_embeddings(snapshot, context)
    features, targets = context.held_out_features, context.held_out_targets
    cosines = features @ embeddings.T
    scale, bias = _training_scale_and_bias(snapshot, context, embeddings)
    expected = _expected(context, features)
    fitted = calibration.calibrate(cosines, targets, scale, bias, expected=expected)
    probabilities, predicted = calibration.cross_fitted(
        cosines, targets, scale, bias, expected=expected, seed=job.settings.seed
    )
    raw = calibration.sigmoid(snapshot.scale * cosines + snapshot.bias)
    evaluation = metrics.evaluate(
        cosines,
        targets,
        [item.name for item in job.classes],
        context.train_present,
        job.settings.limits,
        probabilities=probabilities,
        predicted=predicted,
        extra={
            "ECE_before": metrics.expected_calibration_error(raw, targets),
            "classes_sharing_threshold": float((~fitted.calibrated).sum()),
            "classes_kept_from_before": float(len(job.classes) - len(context.active)),
        },
    )
    return PromptSet(
        backbone=job.settings.backbone,
        classes=[item.name for item in job.classes],
        class_embeddings=embeddings,
        scale=fitted.scale,
        biases=fitted.biases,
        thresholds=fitted.thresholds,
        train_present=context.train_present,
        calibrated=fitted.calibrated,
        contexts=_contexts(snapshot, context),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        method=job.settings.method,
        settings=asdict(options)
        | {
            "seed": job.settings.seed,
            "step": snapshot.step,
            "chosen_interpolation": snapshot.interpolation,
            "trained_classes": [int(item) for item in context.active],
        },
        evaluation=evaluation if len(targets) else None,
        baseline=baseline_evaluation(context) if len(targets) else None,
        held_out=[int(item) for item in job.image_ids[context.split == HELD_OUT]],
    )


def _training_scale_and_bias(
    snapshot: Snapshot, context: EvaluationContext, embeddings: NDArray[np.float32]
) -> tuple[float, float]:
    """Maximum-likelihood scale and bias on the training annotations.

    The focal, re-weighted loss learns a scale and a bias that rank well but give no probabilities;
    these are a better prior if the held-out part is small.
    """
    features = context.train_features
    return calibration.shared_scale_and_bias(
        features @ embeddings.T,
        context.job.targets[context.split == TRAIN],
        snapshot.scale,
        snapshot.bias,
        expected=_expected(context, features),
    )


def _expected(context: EvaluationContext, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n, C): scores by the prompt set in use of images with these features."""
    job = context.job
    return calibration.sigmoid(
        job.baseline_scale * features @ context.fallback.T + job.baseline_biases
    )


def _contexts(snapshot: Snapshot, context: EvaluationContext) -> NDArray[np.float32]:
    """(C, M, W); zero for inactive classes, which have no learned context."""
    _, tokens, width = snapshot.contexts.shape
    result = np.zeros((len(context.job.classes), tokens, width), dtype=np.float32)
    result[context.active] = snapshot.contexts
    return result
