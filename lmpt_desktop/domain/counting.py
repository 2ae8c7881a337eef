"""Counting in large boolean matrices, where numpy's own sum over rows takes seconds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_BYTE_ROWS = 255
"""The largest count that fits a byte."""
BLOCK_ROWS = 32 * _BYTE_ROWS
"""Rows processed together: a few MB of temporary arrays for a thousand classes."""


def row_blocks(rows: int) -> Iterator[slice]:
    """Slices of at most ``BLOCK_ROWS`` rows that cover all of them."""
    for start in range(0, rows, BLOCK_ROWS):
        yield slice(start, min(start + BLOCK_ROWS, rows))


def count_columns(matrix: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many rows are true in each column of ``matrix`` (n, C): (C,) int64.

    Sums bytes as bytes, 255 rows at a time, which the processor does 16 to 32 at once.
    """
    n, columns = matrix.shape
    counts = np.zeros(columns, np.int64)
    if not columns:
        return counts
    ones = matrix.view(np.uint8)
    whole = n - n % _BYTE_ROWS
    if whole:
        parts = ones[:whole].reshape(-1, _BYTE_ROWS, columns)
        counts += parts.sum(axis=1, dtype=np.uint8).sum(axis=0, dtype=np.int64)
    if whole < n:
        counts += ones[whole:].sum(axis=0, dtype=np.uint8)
    return counts
