"""From a snapshot to a prompt set: calibrated, and evaluated beside the baseline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trainer import calibration, metrics
from trainer.blending import interpolate
from trainer.job import HELD_OUT, PRESENT, TRAIN, FitJob
from trainer.kernel import KernelFit, KernelPart, SolvedKernel
from trainer.learner import Snapshot
from trainer.options import FitOptions
from trainer.prompt_set import Evaluation, PromptSet
from trainer.windows import joint_cosines, largest_cosines


@dataclass(frozen=True)
class EvaluationContext:
    """What is needed to turn any snapshot of a run into class embeddings and evaluate them.

    split: (N,) int8, as decided by the run.
    active: (A,) int64, the trained classes: those with a present annotation in the training part.
    train_features, held_out_features: (T, D) and (H, D) float32 unit norm.
    zero_shot: (A, D) float32, hand-written embeddings of the active classes.
    fallback: (C, D) float32 unit norm, what the app predicts with now; kept for inactive classes.
    solved: waits for the kernel part of the active classes on the training part; None for none.
    """

    job: FitJob
    options: FitOptions
    split: NDArray[np.int8]
    active: NDArray[np.int64]
    train_features: NDArray[np.float32]
    held_out_features: NDArray[np.float32]
    zero_shot: NDArray[np.float32]
    fallback: NDArray[np.float32]
    solved: Callable[[], SolvedKernel] | None = None

    @cached_property
    def kernel(self) -> KernelFit | None:
        """Of the active classes, beside the hand-written prompts."""
        if self.solved is None:
            return None
        return self.solved().beside(self.zero_shot, self.options.kernel)

    @property
    def train_present(self) -> NDArray[np.int64]:
        """(C,) present annotations in the training part."""
        return (self.job.targets[self.split == TRAIN] == PRESENT).sum(0).astype(np.int64)

    @property
    def held_out_targets(self) -> NDArray[np.int8]:
        """(H, C), without what was only confirmed."""
        return self.job.measured_targets[self.split == HELD_OUT]

    @property
    def scores_windows(self) -> bool:
        """Whether windows are scored beside whole photos."""
        return self.options.windows and self.job.windows is not None

    def features(self, part: int) -> NDArray[np.float32]:
        """(n, D) float32 unit norm of :data:`TRAIN` or :data:`HELD_OUT`."""
        return self.train_features if part == TRAIN else self.held_out_features


def class_embeddings(snapshot: Snapshot, context: EvaluationContext) -> NDArray[np.float32]:
    """(C, D): learned and blended for active classes, otherwise what the app predicts with now."""
    result = context.fallback.copy()
    counts = context.train_present[context.active]
    result[context.active] = interpolate(
        snapshot.embeddings, context.zero_shot, counts, snapshot.interpolation
    )
    return result


def window_embeddings(
    embeddings: NDArray[np.float32], context: EvaluationContext
) -> NDArray[np.float32]:
    """(C, D): ``embeddings`` (C, D) for active classes, otherwise what the app compares windows
    with now."""
    now = context.job.baseline_window_embeddings
    if now is None:
        return embeddings
    result = np.where(np.isfinite(now), now, embeddings)
    result[context.active] = embeddings[context.active]
    return result


def cosines(
    snapshot: Snapshot, context: EvaluationContext, embeddings: NDArray[np.float32], part: int
) -> NDArray[np.float32]:
    """(n, C) cosines by which the images of ``part`` are scored, but for :func:`_constants`.

    For the training part, the kernel part predicts each entry without having seen it.
    """
    features = context.features(part)
    found = features @ embeddings.T
    if context.kernel is not None:
        seen = part == TRAIN
        added = context.kernel.left_out if seen else context.kernel.part.cosines(features)
        found[:, context.active] += added - context.kernel.means
    windows = context.job.windows
    if context.scores_windows and windows is not None:
        inside = largest_cosines(
            windows[context.split == part], window_embeddings(embeddings, context)
        )
        found = joint_cosines(found, inside, context.job.window_offset)
    return found


def _constants(context: EvaluationContext) -> NDArray[np.float32]:
    """(C,) by which the cosines of a prompt set are larger than :func:`cosines`: what the kernel
    part adds to every image says nothing, and shared biases must not depend on it."""
    found = np.zeros(len(context.job.classes), np.float32)
    if context.kernel is not None:
        found[context.active] = context.kernel.means * (0.5 if context.scores_windows else 1.0)
    return found


def held_out_scores(snapshot: Snapshot, context: EvaluationContext) -> Evaluation:
    """Average precision on the held-out part, for the plot only: it chooses nothing."""
    targets = context.held_out_targets
    return metrics.evaluate(
        cosines(snapshot, context, class_embeddings(snapshot, context), HELD_OUT),
        targets,
        [item.name for item in context.job.classes],
        context.train_present,
        context.job.settings.limits,
        probabilities=np.zeros(targets.shape, dtype=np.float32),
    )


def baseline_evaluation(context: EvaluationContext) -> Evaluation:
    """The prompt set the app predicts with now, on the same held-out part."""
    job = context.job
    targets = context.held_out_targets
    scores = _expected(context, HELD_OUT)
    return metrics.evaluate(
        scores,
        targets,
        [item.name for item in job.classes],
        context.train_present,
        job.settings.limits,
        probabilities=scores,
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
    targets = context.held_out_targets
    held_out = cosines(snapshot, context, embeddings, HELD_OUT)
    scale, bias = _training_scale_and_bias(snapshot, context, embeddings)
    expected = _expected(context, HELD_OUT)
    fitted = calibration.calibrate(held_out, targets, scale, bias, expected=expected)
    probabilities, predicted = calibration.cross_fitted(
        held_out, targets, scale, bias, expected=expected, seed=job.settings.seed
    )
    raw = calibration.sigmoid(snapshot.scale * held_out + snapshot.bias)
    evaluation = metrics.evaluate(
        held_out,
        targets,
        [item.name for item in job.classes],
        context.train_present,
        job.settings.limits,
        probabilities=probabilities,
        predicted=predicted,
        thresholds=metrics.Thresholds(
            fitted.thresholds,
            fitted.bases,
            calibration.intervals(fitted, held_out, targets, job.settings.seed),
        ),
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
        biases=np.asarray(fitted.biases - fitted.scale * _constants(context), np.float32),
        thresholds=fitted.thresholds,
        train_present=context.train_present,
        calibrated=fitted.calibrated,
        contexts=_contexts(snapshot, context),
        window_embeddings=window_embeddings(embeddings, context)
        if context.scores_windows
        else None,
        window_offset=job.window_offset if context.scores_windows else 0.0,
        kernel=_kernel(context),
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
    return calibration.shared_scale_and_bias(
        cosines(snapshot, context, embeddings, TRAIN),
        context.job.targets[context.split == TRAIN],
        snapshot.scale,
        snapshot.bias,
        expected=_expected(context, TRAIN),
    )


def _expected(context: EvaluationContext, part: int) -> NDArray[np.float64]:
    """(n, C): scores of the images of ``part`` by what the app predicts with now."""
    job = context.job
    whole = calibration.sigmoid(
        job.baseline_scale * context.features(part) @ context.fallback.T + job.baseline_biases
    )
    if job.baseline_scores is None:
        return whole
    given = job.baseline_scores[context.split == part].astype(np.float64)
    return np.where(np.isfinite(given), given, whole)


def _kernel(context: EvaluationContext) -> KernelPart | None:
    """The kernel part of all C classes: nothing for inactive ones."""
    if context.kernel is None or not len(context.kernel.part.landmarks):
        return None
    part = context.kernel.part
    rows = np.full(len(context.job.classes), -1, np.int64)
    rows[context.active] = np.arange(len(part.weights))
    return part.of_classes(rows)


def _contexts(snapshot: Snapshot, context: EvaluationContext) -> NDArray[np.float32]:
    """(C, M, W); zero for inactive classes, which have no learned context."""
    _, tokens, width = snapshot.contexts.shape
    result = np.zeros((len(context.job.classes), tokens, width), dtype=np.float32)
    result[context.active] = snapshot.contexts
    return result
