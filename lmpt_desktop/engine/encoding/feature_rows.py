"""The features of a library in memory, in half precision, growing as they arrive (Qt-free)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.inference.queues import Features


class FeatureRows:
    """Image ids and their features, in order of arrival (not thread-safe).

    A view stays valid and unchanged while more rows arrive: rows are only appended, and a full
    buffer is replaced by a larger copy.  An image that arrives again
    (its file changed) has two rows; the later one counts.
    """

    def __init__(self, dim: int, capacity: int = 1024) -> None:
        self.dim = dim
        self._count = 0
        self._ids = np.empty(capacity, np.int64)
        self._features = np.empty((capacity, dim), np.float16)

    @classmethod
    def of(cls, ids: NDArray[np.int64], features: NDArray[np.float16]) -> FeatureRows:
        """Start with these rows, without copying them."""
        rows = cls(features.shape[1] if features.ndim == 2 else 0, 0)
        rows._ids, rows._features, rows._count = ids, features, len(ids)
        return rows

    def __len__(self) -> int:
        return self._count

    def append(self, ids: NDArray[np.int64], features: NDArray[np.float16]) -> None:
        """Add rows.

        Raises:
            ValueError: if the dimension differs.
        """
        if features.shape != (len(ids), self.dim):
            raise ValueError(f"features of shape {features.shape}, expected (n, {self.dim})")
        needed = self._count + len(ids)
        if needed > len(self._ids):
            capacity = max(needed, 1024, self._count + self._count // 2)
            self._ids = self._grown(self._ids, np.empty(capacity, np.int64))
            self._features = self._grown(self._features, np.empty((capacity, self.dim), np.float16))
        self._ids[self._count : needed] = ids
        self._features[self._count : needed] = features
        self._count = needed

    def view(self, start: int = 0) -> Features:
        """The rows from ``start`` on."""
        return Features(self._ids[start : self._count], self._features[start : self._count])

    def _grown(self, old: NDArray[Any], new: NDArray[Any]) -> NDArray[Any]:
        new[: self._count] = old[: self._count]
        return new
