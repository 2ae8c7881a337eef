"""A library made of arrays, for review queues."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from snapshots import make_snapshot

from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.inference.queues import Features
from trainer.bands import BandLimits


@dataclass
class Library:
    """N images with ids 1, 2, ... and C classes with ids 10, 20, ...; arrays to be changed."""

    scores: NDArray[np.float32]
    annotations: NDArray[np.int8]
    states: NDArray[np.int8]
    thresholds: NDArray[np.float32]
    reviewed: NDArray[np.bool_]
    matrix: NDArray[np.float16]

    @property
    def image_ids(self) -> NDArray[np.int64]:
        return np.arange(1, len(self.scores) + 1, dtype=np.int64)

    @property
    def snapshot(self) -> Snapshot:
        """The library as it is now."""
        return make_snapshot(
            self.annotations,
            self.scores,
            thresholds=self.thresholds,
            states=self.states,
            reviewed=self.reviewed,
            limits=BandLimits(2, 5),
        )

    @property
    def features(self) -> Features:
        return Features(self.image_ids, self.matrix)


def library(
    images: int = 60, classes: int = 5, *, seed: int = 0, annotated: float = 0.0, dim: int = 16
) -> Library:
    """Random scores; a share of the entries annotated at random."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(images, dim))
    matrix /= np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-9)
    verdicts = rng.integers(0, 2, (images, classes))
    known = rng.random((images, classes)) < annotated
    return Library(
        scores=rng.random((images, classes), dtype=np.float32),
        annotations=np.where(known, verdicts, -1).astype(np.int8),
        states=np.zeros(images, np.int8),
        thresholds=np.full(classes, 0.5, np.float32),
        reviewed=np.zeros(images, np.bool_),
        matrix=matrix.astype(np.float16),
    )
