"""Multi-label metrics on known annotations (numpy and scikit-learn; no torch).

Arrays: ``scores`` (N, C) float in [0, 1] or any monotone function of it, ``targets`` (N, C) int8
with 1 present, 0 absent, -1 unknown.  Unknown entries are ignored.

scikit-learn is imported when a figure is reported: it takes a second, and a run that is stopped
before, or one whose job is refused, needs none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.average_precision import average_precision
from trainer.bands import Band, BandLimits
from trainer.events import BandScores
from trainer.job import ABSENT, PRESENT
from trainer.prompt_set import ClassResult, Evaluation, ThresholdBasis

Scores = NDArray[np.floating[Any]]
Targets = NDArray[np.int8]
CALIBRATION_BINS = 15


@dataclass(frozen=True, eq=False)
class Thresholds:
    """(C,) thresholds, what each rests on, and (C, 2) intervals (NaN for none)."""

    values: Scores
    bases: Sequence[ThresholdBasis]
    intervals: Scores


def load_library() -> None:
    """Import scikit-learn, for figures that will be wanted soon."""
    import sklearn.metrics  # noqa: F401, PLC0415  # see the module


def average_precisions(scores: Scores, targets: Targets) -> NDArray[np.float64]:
    """Average precision per class, (C,); NaN, because meaningless, for a class without a present or
    without an absent annotation.
    """
    from sklearn.metrics import average_precision_score  # noqa: PLC0415  # see the module

    result = np.full(targets.shape[1], np.nan)
    for index in range(targets.shape[1]):
        known = targets[:, index] >= 0
        truth = targets[known, index]
        if (truth == PRESENT).any() and (truth == ABSENT).any():
            result[index] = average_precision_score(truth, scores[known, index])
    return result


def quick_average_precisions(scores: Scores, targets: Targets) -> NDArray[np.float64]:
    """The same numbers as :func:`average_precisions`, about fifty times faster.

    For choosing among many candidates during training; reported figures come from scikit-learn.
    """
    result = np.full(targets.shape[1], np.nan)
    for index in range(targets.shape[1]):
        known = targets[:, index] >= 0
        found = average_precision(scores[known, index], targets[known, index] == PRESENT)
        if found is not None:
            result[index] = found
    return result


def band_scores(
    precisions: NDArray[np.float64], train_present: NDArray[np.integer], limits: BandLimits
) -> BandScores:
    """Mean average precision in total and per band.  Bands depend on the training counts (C,)."""
    bands = np.array([band.value for band in limits.bands(train_present)], dtype=object)

    def mean(keep: NDArray[np.bool_]) -> float | None:
        values = precisions[keep & ~np.isnan(precisions)]
        return float(values.mean()) if len(values) else None

    return BandScores(
        total=mean(np.ones(len(precisions), dtype=bool)),
        head=mean(bands == Band.HEAD.value),
        medium=mean(bands == Band.MEDIUM.value),
        tail=mean(bands == Band.TAIL.value),
    )


def f1_metrics(predicted: NDArray[np.bool_], targets: Targets) -> dict[str, float]:
    """CP, CR, CF1 (means over classes with a present annotation) and OP, OR, OF1 (pooled).

    CF1 is the harmonic mean of CP and CR, as in the multi-label literature.  Precision is 0 if
    nothing is predicted.
    """
    from sklearn.metrics import precision_recall_fscore_support  # noqa: PLC0415  # see the module

    truth = targets == PRESENT
    if not truth.any():
        return dict.fromkeys(("CP", "CR", "CF1", "OP", "OR", "OF1"), 0.0)
    # Precision and recall ignore entries that are absent and not predicted, so unknown entries
    # become those.  The column of zeros keeps scikit-learn from treating a single class as a
    # two-class problem.
    pair = [
        np.pad(item, ((0, 0), (0, 1))).astype(np.int8)
        for item in (truth, predicted & (targets >= 0))
    ]
    measure: Any = precision_recall_fscore_support  # its stubs know neither 0 nor arrays
    precision, recall, _, present = measure(*pair, zero_division=0)
    has_present = np.asarray(present) > 0
    cp, cr = float(precision[has_present].mean()), float(recall[has_present].mean())
    op, orr, of1, _ = measure(*pair, average="micro", zero_division=0)

    return {
        "CP": cp,
        "CR": cr,
        "CF1": 2 * cp * cr / (cp + cr) if cp + cr else 0.0,
        "OP": float(op),
        "OR": float(orr),
        "OF1": float(of1),
    }


def expected_calibration_error(
    scores: Scores, targets: Targets, bins: int = CALIBRATION_BINS
) -> float:
    """Mean absolute difference between score and frequency of present, over ``bins`` equal bins of
    all known entries; 0 if none is known.
    """
    known = targets >= 0
    values = scores[known].astype(np.float64)
    if not len(values):
        return 0.0
    truth = (targets[known] == PRESENT).astype(np.float64)
    place = np.minimum((values * bins).astype(int), bins - 1)
    gaps = np.abs(
        np.bincount(place, values, minlength=bins) - np.bincount(place, truth, minlength=bins)
    )
    return float(gaps.sum() / len(values))


def evaluate(
    scores: Scores,
    targets: Targets,
    names: Sequence[str],
    train_present: NDArray[np.integer],
    limits: BandLimits,
    *,
    probabilities: Scores | None = None,
    predicted: NDArray[np.bool_] | None = None,
    thresholds: Thresholds | None = None,
    extra: dict[str, float] | None = None,
) -> Evaluation:
    """Compute all metrics.

    Args:
        scores: (N, C), to rank by; any monotone function of the probability.
        probabilities: (N, C) in [0, 1], for the calibration error; default ``scores``.
        predicted: (N, C), predictions at the thresholds; without it, F1 figures are left out.
        thresholds: chosen on these very annotations.
        extra: further figures for the result.

    ``extra`` of the result always has ``ECE`` and ``classes_not_judged``, the number of classes
    whose ``average_precision`` is None.
    """
    precisions = average_precisions(scores, targets)
    present = (targets == PRESENT).sum(0)
    absent = (targets == ABSENT).sum(0)
    figures = {
        "ECE": expected_calibration_error(
            scores if probabilities is None else probabilities, targets
        ),
        "classes_not_judged": float(np.isnan(precisions).sum()),
    }
    if predicted is not None:
        figures |= f1_metrics(predicted, targets)
    classes = [
        ClassResult(
            name=name,
            train_present=int(train_present[index]),
            held_out_present=int(present[index]),
            held_out_absent=int(absent[index]),
            average_precision=_number(precisions[index]),
        )
        for index, name in enumerate(names)
    ]
    if thresholds is not None:
        classes = [
            replace(
                item,
                threshold=float(thresholds.values[index]),
                threshold_basis=thresholds.bases[index],
                threshold_low=_number(thresholds.intervals[index, 0]),
                threshold_high=_number(thresholds.intervals[index, 1]),
            )
            for index, item in enumerate(classes)
        ]
    return Evaluation(
        scores=band_scores(precisions, train_present, limits),
        classes=classes,
        extra=figures | (extra or {}),
    )


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def not_evaluated(evaluation: Evaluation) -> list[str]:
    """Names of the classes without an average precision, which are left out of the means."""
    return [item.name for item in evaluation.classes if item.average_precision is None]
