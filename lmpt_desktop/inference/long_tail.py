"""The long tail of a library in figures: one number per class of each kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.bands import ClassBands, bands_of
from lmpt_desktop.domain.natural_order import natural_ranks
from lmpt_desktop.domain.predictions import has_scores, predicted_classes
from lmpt_desktop.inference.counting import count_columns, row_blocks
from lmpt_desktop.inference.loss_figures import LossFigures, loss_figures
from trainer.bands import BandLimits

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LongTail:
    """Figures of C classes, in the vocabulary's order.

    Attributes:
        class_ids: (C,) int64.
        names: C names; name_ranks: (C,) their places in natural order.
        bands: from present annotations; from predictions where ``bands.estimated``.
        present, absent: (C,) int64, annotations of either kind.
        predicted: (C,) int64, images whose score reaches the threshold.
        unjudged: (C,) int64, those of them that are not annotated.
        average_precision: (C,) float64 in [0, 1]; NaN where it was not measured.
        evaluated: whether the prompts in use were evaluated at all.
        losses: the weights and margins that training derives from the counts.
        images: N; scored_images: those with a feature.
    """

    class_ids: IntArray
    names: tuple[str, ...]
    name_ranks: IntArray
    bands: ClassBands
    present: IntArray
    absent: IntArray
    predicted: IntArray
    unjudged: IntArray
    average_precision: FloatArray
    evaluated: bool
    losses: LossFigures
    images: int
    scored_images: int

    def __len__(self) -> int:
        return len(self.names)

    @property
    def counts(self) -> IntArray:
        """(C,) the heights of the bars: examples, or predicted images while nothing is
        annotated."""
        return self.predicted if self.estimated else self.present

    @property
    def estimated(self) -> bool:
        """Whether nothing is annotated, so that the bars are estimated from predictions.  Bands
        are estimated for longer, until ``bands.estimated`` is False."""
        return not (self.present.any() or self.absent.any())


def long_tail(
    *,
    class_ids: IntArray,
    names: Sequence[str],
    annotations: NDArray[np.int8],
    scores: NDArray[np.float32],
    thresholds: NDArray[np.float32],
    limits: BandLimits,
    average_precision: Mapping[str, float | None] | None = None,
) -> LongTail:
    """Count everything, in one pass over the arrays.

    Args:
        class_ids, names: C classes.
        annotations: (N, C) int8: 1 present, 0 absent, -1 unknown.
        scores: (N, C) float32, NaN if there is none; thresholds: (C,) float32.
        limits: where the bands begin.
        average_precision: of the prompts in use, by class name; None if never evaluated.
    """
    n, c = annotations.shape
    present, known, predicted, unjudged = (np.zeros(c, np.int64) for _ in range(4))
    rows: list[IntArray] = []
    columns: list[IntArray] = []
    for block in row_blocks(n):
        verdicts = annotations[block]
        here = verdicts == 1
        present += count_columns(here)
        known += count_columns(verdicts >= 0)
        reached = predicted_classes(scores[block], thresholds)
        predicted += count_columns(reached)
        reached &= verdicts < 0
        unjudged += count_columns(reached)
        places = np.flatnonzero(here)
        rows.append(places // c + block.start if c else places)
        columns.append(places % c if c else places)
    empty = np.zeros(0, np.int64)
    return LongTail(
        class_ids=class_ids,
        names=tuple(names),
        name_ranks=natural_ranks(names),
        bands=bands_of(present, predicted, limits),
        present=present,
        absent=known - present,
        predicted=predicted,
        unjudged=unjudged,
        average_precision=_precision(names, average_precision),
        evaluated=average_precision is not None,
        losses=loss_figures(
            present,
            np.concatenate(rows) if rows else empty,
            np.concatenate(columns) if columns else empty,
        ),
        images=n,
        scored_images=int(has_scores(scores).sum()),
    )


def _precision(names: Sequence[str], known: Mapping[str, float | None] | None) -> FloatArray:
    values = ((known or {}).get(name) for name in names)
    return np.array([np.nan if value is None else value for value in values], np.float64)
