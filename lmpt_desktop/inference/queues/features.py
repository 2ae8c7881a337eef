"""Features of the library's images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.inference.halves import all_finite

BLOCK_ROWS = 2048
"""Rows converted from half to single precision at a time."""


@dataclass(frozen=True, eq=False)
class Features:
    """Features in order of arrival; of an image with several the last one counts.

    Attributes:
        ids: (n,) int64, whose they are.
        matrix: (n, D) float16, unit norm.
    """

    ids: NDArray[np.int64]
    matrix: NDArray[np.float16]

    @classmethod
    def none(cls) -> Features:
        """No features at all."""
        return cls(np.empty(0, np.int64), np.empty((0, 0), np.float16))

    def places(self, image_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """(m,) the row of ``matrix`` of each image, -1 where it has no feature."""
        if not len(self.ids):
            return np.full(len(image_ids), -1, np.int64)
        order, ranked = self._by_id
        at = np.searchsorted(ranked, image_ids, side="right") - 1
        found = (at >= 0) & (ranked[np.maximum(at, 0)] == image_ids)
        return np.where(found, order[np.maximum(at, 0)], -1)

    @cached_property
    def _by_id(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        order = np.argsort(self.ids, kind="stable")
        return order, self.ids[order]

    @cached_property
    def finite(self) -> bool:
        """Whether there is neither infinity nor NaN in :attr:`matrix`."""
        if self.matrix.dtype != np.float16:
            return False  # not asked of others
        starts = range(0, len(self.matrix), BLOCK_ROWS)
        return all(all_finite(self.matrix[start : start + BLOCK_ROWS]) for start in starts)

    def lookup(self, image_ids: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.float16]]:
        """Which of these images have a feature, (m,), and those features, (k, D)."""
        places = self.places(image_ids)
        has = places >= 0
        return has, self.matrix[places[has]]

    def of(self, image_ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """(m, D) float32; zero rows for images without a feature."""
        places = self.places(image_ids)
        if not len(self.ids):
            return np.zeros((len(image_ids), self.matrix.shape[1]), np.float32)
        taken = self.matrix[np.maximum(places, 0)].astype(np.float32)
        taken[(places < 0) | ~np.isfinite(taken).all(axis=1)] = 0
        return taken

    def nearest(
        self, examples: NDArray[np.float32], image_ids: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Cosine of every image with the example most like it, (m,) float32; NaN where it has
        no feature.

        Args:
            examples: (e, D) float32, unit norm, at least one.
            image_ids: (m,).
        """
        places = self.places(image_ids)
        answer = np.full(len(image_ids), np.nan, np.float32)
        known = np.flatnonzero(places >= 0)
        transposed = np.ascontiguousarray(examples.T)
        for start in range(0, len(known), BLOCK_ROWS):
            part = known[start : start + BLOCK_ROWS]
            single = self.matrix[places[part]].astype(np.float32)
            answer[part] = (single @ transposed).max(axis=1)
        return answer
