"""Bands of the library's classes, from annotations or, before any exists, predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.bands import Band, BandLimits


@dataclass(frozen=True, eq=False)
class ClassBands:
    """The band of every class.

    ``counts`` is (C,) int64: present annotations, or, where ``estimated``, predicted images.
    """

    bands: tuple[Band, ...]
    counts: NDArray[np.int64]
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
    """Bands from (N, C) annotations (1 / 0 / -1), or from scores while there is none at all.

    Scores may hold NaN (no feature yet); those count as not predicted.
    """
    estimated = not bool((annotations >= 0).any())
    if estimated:
        with np.errstate(invalid="ignore"):
            counts = (scores >= thresholds).sum(axis=0, dtype=np.int64)
    else:
        counts = (annotations == 1).sum(axis=0, dtype=np.int64)
    return ClassBands(tuple(limits.bands(counts)), counts, estimated, limits)
