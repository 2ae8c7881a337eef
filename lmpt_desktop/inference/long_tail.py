"""The long tail of a library in figures: one number per class of each kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.bands import ClassBands
from lmpt_desktop.domain.class_tally import ClassTally
from lmpt_desktop.domain.counting import row_blocks
from lmpt_desktop.domain.natural_order import natural_ranks
from lmpt_desktop.inference.gain_forecast import GainForecast
from lmpt_desktop.inference.loss_figures import LossFigures, loss_figures
from trainer.prompt_set import ClassResult

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LongTail:
    """Figures of C classes, in the vocabulary's order.

    Attributes:
        class_ids: (C,) int64.
        names: C names; name_ranks: (C,) their places in natural order.
        bands: the estimated number of photos that have each class, and what follows from it.
        present, absent: (C,) int64, annotations of either kind.
        predicted: (C,) int64, images whose score reaches the threshold.
        unjudged: (C,) int64, those of them that are not annotated.
        average_precision: (C,) float64 in [0, 1]; NaN where it was not measured.
        evaluated: whether the prompts in use were evaluated at all.
        forecast: what more examples would gain; None where nobody asked.
        losses: the weights and margins that training derives from the counts.
        images: N; scored_images: those with a feature.
        results: what the training of the prompts in use measured, by class name.
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
    forecast: GainForecast | None = None
    results: Mapping[str, ClassResult] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def numbers(self) -> IntArray:
        """(C,) about how many images have the class: the heights of the bars, at least
        ``present``."""
        return self.bands.numbers

    @property
    def estimated(self) -> NDArray[np.bool_]:
        """(C,) bool: some image has no verdict on the class, so ``numbers`` is an estimate."""
        return self.present + self.absent < self.images

    @property
    def annotated(self) -> bool:
        """Whether there is any annotation."""
        return bool(self.present.any() or self.absent.any())


def long_tail(
    *,
    class_ids: IntArray,
    names: Sequence[str],
    annotations: NDArray[np.int8],
    tally: ClassTally,
    bands: ClassBands,
    scored_images: int,
    results: Mapping[str, ClassResult] | None = None,
    forecast: GainForecast | None = None,
) -> LongTail:
    """Gather the figures of a library, in one pass over the annotations.

    Args:
        class_ids, names: C classes.
        annotations: (N, C) int8: 1 present, 0 absent, -1 unknown.
        tally: of them and the scores; bands: made from it.
        scored_images: images with a feature.
        results: of the prompts in use, by class name; None if never evaluated.
        forecast: of the same classes.
    """
    n, c = annotations.shape
    rows: list[IntArray] = []
    columns: list[IntArray] = []
    for block in row_blocks(n):
        places = np.flatnonzero(annotations[block] == 1)
        rows.append(places // c + block.start if c else places)
        columns.append(places % c if c else places)
    empty = np.zeros(0, np.int64)
    return LongTail(
        class_ids=class_ids,
        names=tuple(names),
        name_ranks=natural_ranks(names),
        bands=bands,
        present=tally.present,
        absent=tally.absent,
        predicted=tally.predicted,
        unjudged=tally.predicted_unknown,
        average_precision=_precision(names, results or {}),
        evaluated=results is not None,
        losses=loss_figures(
            tally.present,
            np.concatenate(rows) if rows else empty,
            np.concatenate(columns) if columns else empty,
        ),
        images=n,
        scored_images=scored_images,
        forecast=forecast,
        results=results or {},
    )


def _precision(names: Sequence[str], results: Mapping[str, ClassResult]) -> FloatArray:
    values = (results[name].average_precision if name in results else None for name in names)
    return np.array([np.nan if value is None else value for value in values], np.float64)
