"""The largest cosine of each class with a window of each photo: what predictions use of windows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.inference.queues import Features
from trainer.windows import largest_cosines

BLOCK_ROWS = 2048
"""Rows converted from half to single precision at a time."""

FloatArray = NDArray[np.float32]
WindowBlocks = Iterable[tuple[NDArray[np.int64], NDArray[np.int8]]]
"""Image ids (n,) and their windows (n, W, D), block by block."""
ReadWindows = Callable[[NDArray[np.int64] | None], WindowBlocks]
"""Reads the windows of all images or of these (the catalogue's ``features.windows``)."""


@dataclass(frozen=True, eq=False)
class WindowCosines:
    """What is kept of windows in memory, aligned with features and with class weights.

    Attributes:
        matrix: (n, C) float16, of a photo without windows the cosine of the whole photo, as if it
            were its own only window; 0 where a class is scored by whole photos alone.
        windowed: (n,) bool, which photos have windows.
    """

    matrix: NDArray[np.float16]
    windowed: NDArray[np.bool_]

    @classmethod
    def joined(cls, parts: Sequence[WindowCosines]) -> WindowCosines:
        """The rows of all of them."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            np.concatenate([part.matrix for part in parts]),
            np.concatenate([part.windowed for part in parts]),
        )

    def at(self, rows: NDArray[np.int64] | NDArray[np.bool_] | slice) -> WindowCosines:
        """Some rows."""
        return WindowCosines(self.matrix[rows], self.windowed[rows])

    def of_classes(self, columns: NDArray[np.int64]) -> WindowCosines:
        """Some columns."""
        return WindowCosines(np.take(self.matrix, columns, axis=1), self.windowed)


def has_embedding(window_embeddings: FloatArray) -> NDArray[np.bool_]:
    """(C,) which classes are compared with windows at all."""
    return np.asarray(~np.isnan(window_embeddings).any(axis=1), np.bool_)


def window_cosines(
    features: NDArray[np.float16], windows: NDArray[np.int8] | None, embeddings: FloatArray
) -> NDArray[np.float16]:
    """The rows of :attr:`WindowCosines.matrix` of n photos that all have windows or all have none.

    Args:
        features: (n, D).
        windows: (n, W, D) or None.
        embeddings: (C, D), NaN rows where a class is scored by whole photos alone.
    """
    found = np.zeros((len(features), len(embeddings)), np.float16)
    columns = np.flatnonzero(has_embedding(embeddings))
    if len(columns) and len(features):
        wanted = embeddings if len(columns) == len(embeddings) else embeddings[columns]
        cosines = _whole(features, wanted) if windows is None else largest_cosines(windows, wanted)
        if len(columns) == len(embeddings):
            found[:] = cosines
        else:
            found[:, columns] = cosines
    return found


def library_cosines(
    features: Features,
    embeddings: FloatArray,
    read: ReadWindows | None,
    known: tuple[FloatArray, WindowCosines] | None = None,
    *,
    few: bool = False,
) -> WindowCosines:
    """The window cosines of every row of ``features``.

    Args:
        features: of n rows.
        embeddings: (C, D), as in :func:`window_cosines`.
        read: reads the windows; None if there are none.
        known: window embeddings and the cosines of the same rows with them: columns that are among
            them are taken over.
        few: ask only for these images, instead of reading all.
    """
    n = len(features.ids)
    matrix = np.zeros((n, len(embeddings)), np.float16)
    windowed = np.zeros(n, np.bool_)
    source = np.full(len(embeddings), -1, np.int64)
    if known is not None:
        source = same_rows(known[0], embeddings)
    kept = source >= 0
    if known is not None and kept.any():
        matrix[:, kept] = np.take(known[1].matrix, source[kept], axis=1)
        windowed[:] = known[1].windowed
    changed = np.flatnonzero(~kept & has_embedding(embeddings))
    if not len(changed):
        return WindowCosines(matrix, windowed if known is None else known[1].windowed)
    wanted = np.ascontiguousarray(embeddings[changed])
    everything = len(changed) == len(embeddings)
    blocks = () if read is None or not n else read(features.ids if few else None)
    for ids, block in blocks:
        places, windows = features.places(ids), block
        # With columns that are kept, the rows that have windows are known; others have none of
        # these columns from windows, and must not get single ones.
        inside = places >= 0
        if kept.any():
            inside[inside] = windowed[places[inside]]
        if not inside.all():
            places, windows = places[inside], windows[inside]
        windowed[places] = True
        cosines = largest_cosines(windows, wanted)
        if everything:
            matrix[places] = cosines
        else:
            matrix[np.ix_(places, changed)] = cosines
    whole = np.flatnonzero(~windowed)
    if len(whole):
        matrix[np.ix_(whole, changed)] = _whole(features.matrix[whole], wanted)
    return WindowCosines(matrix, windowed)


def same_rows(old: FloatArray, new: FloatArray) -> NDArray[np.int64]:
    """(len(new),) a row of ``old`` that is equal, -1 where there is none or it holds NaN."""
    if old.shape[1:] != new.shape[1:]:
        return np.full(len(new), -1, np.int64)
    places = {row.tobytes(): place for place, row in enumerate(old)}
    found = [places.get(row.tobytes(), -1) for row in new]
    return np.where(has_embedding(new), np.array(found, np.int64), -1)


def _whole(features: NDArray[np.float16], embeddings: FloatArray) -> FloatArray:
    """(n, C) cosines of whole photos."""
    found = np.empty((len(features), len(embeddings)), np.float32)
    transposed = np.ascontiguousarray(embeddings.T)
    for start in range(0, len(features), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        np.matmul(features[block].astype(np.float32), transposed, out=found[block])
    return found
