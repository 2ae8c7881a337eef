"""Windows: parts of a photo with a feature each, so that a small thing counts (imports no torch).

A photo has its feature and, where the backbone makes them, one feature for each of :data:`BOXES`,
at hardly any cost beyond that of encoding it.  A class is scored by the mean of its cosine with the
whole photo and its largest cosine with a window (less what that is larger by on average).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.box import Box

_SIDE = 4 / 9
_FAR = 1 - _SIDE
_MIDDLE = _FAR / 2
BOXES = tuple(
    Box(left, top, left + _SIDE, top + _SIDE)
    for left, top in ((0, 0), (_FAR, 0), (0, _FAR), (_FAR, _FAR), (_MIDDLE, _MIDDLE))
)
"""The corners and the middle.  Four ninths of a side each: of the layouts tried on COCO photos with
Lite, five of these gained as much as nine or twenty-five (docs/benchmarks.md)."""

BLOCK_ROWS = 256
"""Photos whose windows are converted to single precision at a time: some 2 MB, which stay in
cache."""

Floats = NDArray[np.floating[Any]]
Windows = NDArray[np.int8]
"""(n, W, D): unit vectors of which each is multiplied by a factor of its own and rounded."""


def cells_along(start: float, end: float, side: int) -> slice:
    """Which of ``side`` cells lie between two fractions of a side."""
    count = max(1, round((end - start) * side))
    first = math.ceil(start * side - 0.5 - 1e-6)  # halves down, whatever the rounding of floats
    return slice(first, first + count)


def quantise(windows: Floats) -> Windows:
    """(n, W, D) int8 of (n, W, D) vectors; lengths are lost, directions kept to about 0.2 %."""
    largest = np.abs(windows).max(axis=-1, keepdims=True)
    return np.rint(windows * (127.0 / np.maximum(largest, 1e-12))).astype(np.int8)


def unit_windows(windows: Windows) -> NDArray[np.float32]:
    """(n, W, D) float32 unit norm."""
    single = windows.astype(np.float32)
    norms = np.sqrt(np.einsum("nwd,nwd->nw", single, single))[..., None]
    return single / np.maximum(norms, 1e-12)


def largest_cosines(windows: Windows, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """The cosine of each class with the window that is most like it.

    Args:
        windows: (n, W, D).
        embeddings: (C, D); a row of NaN gives NaN.

    Returns:
        (n, C) float32.
    """
    count, each, dim = windows.shape
    result = np.empty((count, len(embeddings)), np.float32)
    transposed = np.ascontiguousarray(embeddings.T, np.float32)
    single = np.empty((min(count, BLOCK_ROWS) * each, dim), np.float32)
    for start in range(0, count, BLOCK_ROWS):
        block = result[start : start + BLOCK_ROWS]
        rows = single[: len(block) * each]
        np.copyto(rows, windows[start : start + BLOCK_ROWS].reshape(-1, dim))
        # There are fewer cosines than values to divide by the lengths.
        norms = np.sqrt(np.einsum("nd,nd->n", rows, rows))
        cosines = rows @ transposed
        cosines /= np.maximum(norms, 1e-12)[:, None]
        cosines.reshape(len(block), each, -1).max(axis=1, out=block)
    return result


def joint_cosines(whole: Floats, windows: Floats, offset: float) -> NDArray[np.float32]:
    """What a class is scored by: the mean of both.

    Args:
        whole: (n, C) cosines with the feature of the whole photo.
        windows: (n, C), :func:`largest_cosines`.
        offset: by what these are larger on average.
    """
    return np.asarray(0.5 * (whole + (windows - np.float32(offset))), dtype=np.float32)
