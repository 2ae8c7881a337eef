"""The inner validation: part of the training images, held back to choose step and interpolation.

The images held out from the whole run choose nothing; they only calibrate and evaluate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer import metrics
from trainer.blending import INTERPOLATIONS, Floats, interpolate
from trainer.dataset import split_images
from trainer.job import ABSENT, HELD_OUT, PRESENT, TRAIN, UNASSIGNED, UNKNOWN
from trainer.kernel import KernelPart
from trainer.options import FitOptions
from trainer.windows import Windows, joint_cosines, largest_cosines

MIN_PRESENT = 20
MIN_CLASSES = 3
"""With fewer, an inner validation would choose by chance."""
MIN_ABSENT = 5
"""Of a class, for it to be evaluated.  Fewer come from single verdicts and not from whole images:
the absent images are then those most like the class, the present ones those already found."""


def split_for_validation(
    targets: NDArray[np.int8], options: FitOptions, seed: int
) -> NDArray[np.int8] | None:
    """Divide the training images, (N, A) int8, into fitting (0) and validation (1).

    Returns:
        (N,) int8, or None if the validation part could not tell better prompts from worse.
    """
    if options.validation_fraction <= 0:
        return None
    unassigned = np.full(len(targets), UNASSIGNED, dtype=np.int8)
    split = split_images(targets, unassigned, fraction=options.validation_fraction, seed=seed + 1)
    validation = targets[split == HELD_OUT]
    evaluable = _evaluable_classes(validation)
    present = (validation[:, evaluable] == PRESENT).sum()
    if present < MIN_PRESENT or evaluable.sum() < MIN_CLASSES:
        return None
    return split


def _evaluable_classes(targets: NDArray[np.int8]) -> NDArray[np.bool_]:
    """(A,) classes for which (V, A) ``targets`` give a meaningful average precision."""
    present, absent = (targets == PRESENT).sum(0), (targets == ABSENT).sum(0)
    # Where all images are annotated, a small library or a common class may have fewer.
    complete = (targets >= 0).all(0)
    return (present > 0) & ((absent >= MIN_ABSENT) | (complete & (absent > 0)))


@dataclass(frozen=True)
class ValidationResult:
    """The interpolation with the highest mAP, that mAP, and each class's average precision (A,)."""

    interpolation: float
    score: float
    precisions: NDArray[np.float64]


@dataclass(frozen=True)
class InnerValidation:
    """Images to validate on, and what embeddings are blended from.

    features: (V, D) unit norm.
    targets: (V, A) int8, -1 for classes that cannot be evaluated.
    present: (A,) present annotations of the fitting part.
    zero_shot: (A, D).
    kernel: (V, A), what a kernel part of the fitting part adds; None for none.
    windows: (V, W, D) int8, or None; offset: of their cosines.
    """

    features: Floats
    targets: NDArray[np.int8]
    present: NDArray[np.floating]
    zero_shot: Floats
    kernel: Floats | None = None
    windows: Windows | None = None
    offset: float = 0.0

    @classmethod
    def of(
        cls,
        features: Floats,
        targets: NDArray[np.int8],
        split: NDArray[np.int8],
        zero_shot: Floats,
        *,
        kernel: KernelPart | None = None,
        windows: Windows | None = None,
        offset: float = 0.0,
    ) -> InnerValidation:
        """From all training images: features (N, D) unit norm, targets (N, A), the ``split`` by
        :func:`split_for_validation`, and windows (N, W, D) with the ``offset`` of their cosines.
        ``kernel``: of the images that are fitted to.
        """
        fitting, validation = split == TRAIN, split == HELD_OUT
        present = targets[fitting] == PRESENT
        # Unknown counts as absent: this is nearly always right, and equally wrong for every
        # candidate.  The known absent images alone would be a list of the hardest.
        assumed = np.maximum(targets[validation], ABSENT)
        assumed[:, ~_evaluable_classes(targets[validation])] = UNKNOWN
        return cls(
            features=features[validation],
            targets=assumed,
            present=present.sum(0).astype(np.float64),
            zero_shot=zero_shot,
            kernel=None if kernel is None else kernel.cosines(features[validation]),
            windows=None if windows is None else windows[validation],
            offset=offset,
        )

    def evaluate(self, learned: Floats, interpolation: float) -> ValidationResult | None:
        """Evaluate ``learned`` (A, D) embeddings with each of :data:`INTERPOLATIONS`, or with
        ``interpolation`` alone unless it is negative.  None if no class can be evaluated.
        """
        best: ValidationResult | None = None
        for strength in (interpolation,) if interpolation >= 0 else INTERPOLATIONS:
            embeddings = interpolate(learned, self.zero_shot, self.present, strength)
            cosines = self.features @ embeddings.T
            if self.kernel is not None:
                cosines += self.kernel
            if self.windows is not None:
                inside = largest_cosines(self.windows, embeddings)
                cosines = joint_cosines(cosines, inside, self.offset)
            precisions = metrics.quick_average_precisions(cosines, self.targets)
            if np.isnan(precisions).all():
                return None
            score = float(np.nanmean(precisions))
            if best is None or score > best.score:
                best = ValidationResult(strength, score, precisions)
        return best
