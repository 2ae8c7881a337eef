"""Features of the whole library in memory, half precision, growing as they arrive."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class FeatureRows:
    """Image ids and their features, in order of arrival (guard with a lock).

    A view handed out stays valid and unchanged while more rows arrive: rows are only ever
    appended, and a full buffer is replaced by a larger copy.  An image that arrives again
    (its file changed) has two rows; the later one counts.
    """

    def __init__(self, dim: int, capacity: int = 1024) -> None:
        self.dim = dim
        self._count = 0
        self._ids = np.empty(capacity, np.int64)
        self._features = np.empty((capacity, dim), np.float16)

    @classmethod
    def of(cls, ids: NDArray[np.int64], features: NDArray[np.float16]) -> FeatureRows:
        """Begin with these rows, without copying them."""
        rows = cls(features.shape[1] if features.ndim == 2 else 0, 0)
        rows._ids, rows._features, rows._count = ids, features, len(ids)
        return rows

    def __len__(self) -> int:
        return self._count

    def append(self, ids: NDArray[np.int64], features: NDArray[np.float16]) -> None:
        """Add rows.

        Raises:
            ValueError: if the dimension is another one.
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

    def view(self, start: int = 0) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
        """Rows from ``start`` on: ids (n,) and features (n, D)."""
        return self._ids[start : self._count], self._features[start : self._count]

    def _grown(self, old: NDArray[Any], new: NDArray[Any]) -> NDArray[Any]:
        new[: self._count] = old[: self._count]
        return new

    def of_images(
        self, image_ids: NDArray[np.int64]
    ) -> tuple[NDArray[np.bool_], NDArray[np.float16]]:
        """Features of these images: (n,) bool which have one, and (m, D) of those that do."""
        ids, features = self.view()
        order = np.argsort(ids, kind="stable")
        ranked = ids[order]
        place = np.searchsorted(ranked, image_ids, side="right") - 1
        has = np.zeros(len(image_ids), np.bool_)
        if len(ranked):
            has = (place >= 0) & (ranked[np.maximum(place, 0)] == image_ids)
        return has, features[order[place[has]]]
