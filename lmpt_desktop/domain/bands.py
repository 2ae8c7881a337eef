"""Bands of the library's classes, from annotations or, while these are too few, predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.predictions import predicted_classes
from trainer.bands import Band, BandLimits


@dataclass(frozen=True, eq=False)
class ClassBands:
    """The band of every class.

    ``counts`` is (C,) int64: ``present``, the present annotations, or, where ``estimated``,
    predicted images.
    """

    bands: tuple[Band, ...]
    counts: NDArray[np.int64]
    present: NDArray[np.int64]
    estimated: bool
    limits: BandLimits

    def is_tail(self) -> NDArray[np.bool_]:
        """(C,) bool."""
        return np.array([band is Band.TAIL for band in self.bands], dtype=np.bool_)


def class_bands(
    annotations: NDArray[np.int8],
    scores: NDArray[np.float32],
    thresholds: NDArray[np.float32],
    limits: BandLimits,
) -> ClassBands:
    """Bands from (N, C) annotations (1 / 0 / -1), or from scores while these are too few.

    Scores may hold NaN (no feature yet); those count as not predicted.
    """
    present = (annotations == 1).sum(axis=0, dtype=np.int64)
    predicted = None
    if not enough_examples(present, limits):
        predicted = predicted_classes(scores, thresholds).sum(axis=0, dtype=np.int64)
    return bands_of(present, predicted, limits)


def bands_of(
    present: NDArray[np.int64], predicted: NDArray[np.int64] | None, limits: BandLimits
) -> ClassBands:
    """Bands of classes with ``present`` (C,) annotations; ``predicted`` (C,) images are
    used only while :func:`enough_examples` is False, and may be None otherwise."""
    estimated = not enough_examples(present, limits)
    counts = predicted if estimated and predicted is not None else present
    return ClassBands(tuple(limits.bands(counts)), counts, present, estimated, limits)


def enough_examples(present: NDArray[np.int64], limits: BandLimits) -> bool:
    """Whether there are enough present annotations for bands: half of the classes have an example,
    or a tenth have enough of them to be medium.

    Before that nearly every class would be tail, which says nothing.
    """
    c = len(present)
    return bool(c) and bool(
        2 * np.count_nonzero(present) >= c or 10 * np.count_nonzero(present >= limits.medium) >= c
    )
