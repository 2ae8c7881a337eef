"""The features of a library in memory, in half precision, growing as they arrive (Qt-free)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue.feature_file import MappedFeatures
from lmpt_desktop.inference.queues import Features
from lmpt_desktop.inference.window_cosines import WindowCosines


class FeatureRows:
    """Image ids and their features, in order of arrival (not thread-safe).

    A view stays valid and unchanged while more rows arrive: rows are only appended, and a full
    buffer is replaced by a larger copy.  An image that arrives again
    (its file changed) has two rows; the later one counts.

    Windows are not kept, only their cosines with the classes, once :meth:`set_windows` has said
    with which.
    """

    def __init__(self, dim: int, capacity: int = 1024) -> None:
        self.dim = dim
        self._count = 0
        self._ids = np.empty(capacity, np.int64)
        self._features = np.empty((capacity, dim), np.float16)
        self._windowed = np.zeros(capacity, np.bool_)
        self._cosines = np.empty((capacity, 0), np.float16)
        self._mapped: MappedFeatures | None = None
        self._all: Features | None = None
        """The view of all rows, which keeps what is computed of them until others arrive."""
        self.window_embeddings: NDArray[np.float32] | None = None
        """(C, D) what the window cosines are with; None while there are none."""

    @classmethod
    def of(
        cls,
        ids: NDArray[np.int64],
        features: NDArray[np.float16],
        windowed: NDArray[np.bool_] | None = None,
        mapped: MappedFeatures | None = None,
    ) -> FeatureRows:
        """Start with these rows, without copying them.

        Args:
            ids: (n,).
            features: (n, D).
            windowed: (n,) which have windows; None if none has.
            mapped: where the features are, if that is a mapped file; later ones find room there.
        """
        rows = cls(features.shape[1] if features.ndim == 2 else 0, 0)
        rows._ids, rows._features, rows._count = ids, features, len(ids)
        rows._windowed = np.zeros(len(ids), np.bool_) if windowed is None else windowed
        rows._cosines = np.empty((len(ids), 0), np.float16)
        if mapped is not None:
            capacity = len(mapped.room)
            rows._ids = rows._grown(ids, np.empty(capacity, np.int64))
            rows._features, rows._mapped = mapped.room, mapped
            rows._grow_windows(capacity)
        return rows

    def let_go(self) -> None:
        """Take features that are in a mapped file out of this process's memory until they are read
        again."""
        if self._mapped is not None and self._features is self._mapped.room:
            self._mapped.let_go()

    def __len__(self) -> int:
        return self._count

    def append(
        self,
        ids: NDArray[np.int64],
        features: NDArray[np.float16],
        *,
        windowed: bool = False,
        cosines: NDArray[np.float16] | None = None,
    ) -> None:
        """Add rows.

        Args:
            ids: (n,).
            features: (n, D).
            windowed: whether these images have windows.
            cosines: (n, C) their window cosines, once such are kept.

        Raises:
            ValueError: if the dimension differs.
        """
        if features.shape != (len(ids), self.dim):
            raise ValueError(f"features of shape {features.shape}, expected (n, {self.dim})")
        needed = self._count + len(ids)
        if needed > len(self._ids):
            self._grow(max(needed, 1024, self._count + self._count // 2))
        new = slice(self._count, needed)
        self._all = None
        self._ids[new] = ids
        self._features[new] = features
        self._windowed[new] = windowed
        if self.window_embeddings is not None:
            assert cosines is not None
            self._cosines[new] = cosines
        self._count = needed

    def view(self, start: int = 0) -> Features:
        """The rows from ``start`` on; all of them are the same view until others arrive."""
        if not start:
            if self._all is None:
                self._all = self._view(0)
            return self._all
        return self._view(start)

    def _view(self, start: int) -> Features:
        matrix = self._features[start : self._count]
        matrix.flags.writeable = False
        return Features(self._ids[start : self._count], matrix)

    def window_view(self, start: int = 0) -> WindowCosines | None:
        """The window cosines of the same rows; None while there are none."""
        if self.window_embeddings is None:
            return None
        part = slice(start, self._count)
        return WindowCosines(self._cosines[part], self._windowed[part])

    def set_windows(self, embeddings: NDArray[np.float32], cosines: WindowCosines) -> None:
        """From now on keep the cosines of windows with ``embeddings`` (C, D); ``cosines`` are those
        of every row so far.  Earlier views stay as they are."""
        self._cosines, self._windowed = cosines.matrix, cosines.windowed
        self.window_embeddings = embeddings
        if len(self._ids) > self._count:
            self._grow_windows(len(self._ids))

    def windowed_ids(self) -> NDArray[np.int64]:
        """(m,) the images that are known to have windows, repeats included."""
        return self._ids[: self._count][self._windowed[: self._count]]

    def without_replaced(self) -> tuple[FeatureRows, NDArray[np.bool_]]:
        """A copy without the rows that a later one has replaced, and which rows were kept, (n,)."""
        view = self.view()
        kept = np.zeros(self._count, np.bool_)
        kept[np.unique(view.places(view.ids))] = True
        windowed = self._windowed[: self._count][kept]
        rows = FeatureRows.of(view.ids[kept], view.matrix[kept], windowed)
        rows._cosines = self._cosines[: self._count][kept]
        rows.window_embeddings = self.window_embeddings
        return rows, kept

    def full(self, more: int) -> bool:
        """Whether the buffer has to grow for ``more`` rows."""
        return self._count + more > len(self._ids)

    def _grow(self, capacity: int) -> None:
        self._ids = self._grown(self._ids, np.empty(capacity, np.int64))
        self._features = self._grown(self._features, np.empty((capacity, self.dim), np.float16))
        self._grow_windows(capacity)

    def _grow_windows(self, capacity: int) -> None:
        self._windowed = self._grown(self._windowed, np.zeros(capacity, np.bool_))
        classes = self._cosines.shape[1]
        self._cosines = self._grown(self._cosines, np.empty((capacity, classes), np.float16))

    def _grown(self, old: NDArray[Any], new: NDArray[Any]) -> NDArray[Any]:
        new[: self._count] = old[: self._count]
        return new
