"""Search: the images nearest to a direction in feature space, by exact matrix product (Qt-free).

Texts and images share one space, so searching for a sentence and for an image is the same: one
unit direction, one product with every feature.  docs/adr/0007-exact-search.md says up to which
size this is the right method.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from trainer.threads import side_by_side

BLOCK_ROWS = 256
"""Rows converted from half to single precision at a time: half a MB for 512 values, which stays in
the cache of one core."""
ROWS_PER_THREAD = 16_384
"""Below this a thread costs more than it saves."""
MAX_THREADS = 4
NEIGHBOUR_ROWS = 4096
"""The same for :func:`nearest_neighbours`, whose product with several examples is worth more."""
RESULT_LIMIT = 1000
"""Images shown at most.  Every image is similar to some degree: after the first hundreds the order
means nothing."""

_EXPONENTS_APART = 112
_HALF_IN_SINGLE = np.int32(0x8FFFE000 - 2**32)
"""Sign, five bits of exponent and ten of fraction, where :func:`_fill` puts them."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """Answer to a search.

    Attributes:
        rows: (m,) int64 rows of the library, most similar first; ties in the library's order.
        similarities: (m,) float32 cosine of each, in [-1, 1].
        candidates: how many images could have been found (had a feature and passed the filter).
        left_out: how many images passed the filter but have no feature yet.
    """

    rows: NDArray[np.int64]
    similarities: NDArray[np.float32]
    candidates: int
    left_out: int


def direction_of(features: NDArray[np.floating]) -> NDArray[np.float32] | None:
    """The mean of several examples, (D,) float32 of unit norm.

    Args:
        features: (m, D), the examples.

    Returns:
        None if there is no such direction: no examples, or they cancel out.
    """
    if not len(features):
        return None
    mean = features.mean(axis=0, dtype=np.float64)
    norm = float(np.linalg.norm(mean))
    if not np.isfinite(norm) or norm < 1e-6:
        return None
    return (mean / norm).astype(np.float32)


def similarities(
    features: NDArray[np.float16], direction: NDArray[np.float32], threads: int | None = None
) -> NDArray[np.float32]:
    """Cosine of every feature with ``direction``.

    Memory beyond the answer is one block of ``BLOCK_ROWS`` rows a thread, however large the
    library: the features are never converted to single precision as a whole.

    Args:
        features: (n, D) float16, unit norm.
        direction: (D,) float32, unit norm.
        threads: how many to use; None to choose by ``n`` and the machine.

    Returns:
        (n,) float32; NaN where a feature holds one.

    Raises:
        ValueError: if the dimensions disagree (features of another backbone).
    """
    n = len(features)
    answer = np.empty(n, np.float32)
    if not n:
        return answer
    if features.shape[1:] != direction.shape:
        raise ValueError(
            f"features have dimension {features.shape[1]}, the search {len(direction)}"
        )
    if threads is None:
        threads = min(MAX_THREADS, os.cpu_count() or 1, -(-n // ROWS_PER_THREAD))
    share = -(-n // threads)

    def work(start: int) -> None:
        _fill(features[start : start + share], direction, answer[start : start + share])

    # numpy lets other threads run while it converts and multiplies.
    side_by_side([partial(work, start) for start in range(0, n, share)], "search")
    return answer


def _fill(
    features: NDArray[np.float16], direction: NDArray[np.float32], answer: NDArray[np.float32]
) -> None:
    """Write the products of ``features`` and ``direction`` into ``answer``, block by block.

    numpy turns halves into singles one by one (75 ms for 100,000 x 512, measured); shifting
    their bits takes 28 ms with the same result: sign, exponent and fraction of a half, moved to
    where a single has them, are that half times 2^-112, because the exponents count from 15 and
    from 127.  The direction is multiplied by 2^112 instead, which is exact.
    """
    bits = features.view(np.int16)
    scaled = np.ldexp(direction, _EXPONENTS_APART)
    words = np.empty((min(len(features), BLOCK_ROWS), features.shape[1]), np.int32)
    for start in range(0, len(features), BLOCK_ROWS):
        block = bits[start : start + BLOCK_ROWS]
        part = words[: len(block)]
        np.copyto(part, block)
        np.left_shift(part, 13, out=part)
        # The copy repeats the sign in front of the exponent; one is kept.
        np.bitwise_and(part, _HALF_IN_SINGLE, out=part)
        np.matmul(part.view(np.float32), scaled, out=answer[start : start + len(block)])
    # NaN has become 98,304 on the way.
    answer[np.abs(answer) > 2.0] = np.nan


def per_row(
    values: NDArray[np.float32], ids: NDArray[np.int64], image_ids: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Values of features, (n,), moved to the rows of the library, (N,): NaN where an image has
    no feature.  Of an image with several features the last one counts.

    Args:
        values: (n,) one for each feature.
        ids: (n,) the image of each feature, in any order; ids not in the library are ignored.
        image_ids: (N,) ascending.
    """
    spread = np.full(len(image_ids), np.nan, np.float32)
    if not len(image_ids) or not len(ids):
        return spread
    if np.array_equal(ids, image_ids):
        return values
    rows = np.minimum(np.searchsorted(image_ids, ids), len(image_ids) - 1)
    known = image_ids[rows] == ids
    spread[rows[known]] = values[known]
    return spread


def top(values: NDArray[np.float32], limit: int | None) -> NDArray[np.int64]:
    """Places of the ``limit`` largest of ``values``, largest first, ties in order of place.

    NaN counts as the smallest.  Only what is kept is sorted.
    """
    keys = np.where(np.isnan(values), np.float32(np.inf), -values)
    if limit is not None and limit < len(keys):
        if limit <= 0:
            return np.empty(0, np.int64)
        edge = np.partition(keys, limit - 1)[limit - 1]
        # A partition picks any of equal values; the first of them must be kept.
        inside = np.flatnonzero(keys < edge)
        places = np.union1d(inside, np.flatnonzero(keys == edge)[: limit - len(inside)])
    else:
        places = np.arange(len(keys))
    return places[np.argsort(keys[places], kind="stable")]


def rank(
    values: NDArray[np.float32],
    passing: NDArray[np.int64] | None = None,
    limit: int | None = RESULT_LIMIT,
) -> Ranking:
    """The most similar images among those that pass a filter.

    Args:
        values: (N,) similarity of every row, NaN where there is no feature.
        passing: (m,) the rows that pass, in any order; None for all.
        limit: how many to keep; None for all.
    """
    rows = np.arange(len(values)) if passing is None else np.sort(passing)
    has = ~np.isnan(values[rows])
    left_out = len(rows) - int(has.sum())
    rows = rows[has]
    best = rows[top(values[rows], limit)]
    return Ranking(best, values[best], len(rows), left_out)


def nearest_neighbours(
    matrix: NDArray[np.floating],
    examples: NDArray[np.int64],
    others: NDArray[np.int64],
    most: int,
) -> NDArray[np.int64]:
    """The features most like each of several examples.

    Args:
        matrix: (n, D) float16 or float32, unit norm.
        examples: (m,) rows of ``matrix``.
        others: (k,) rows of ``matrix``, at least ``most``.
        most: how many are kept for each example.

    Returns:
        (m, most) places in ``others``, most alike first.
    """
    wanted = np.nan_to_num(matrix[examples].astype(np.float32))
    best = np.full((len(examples), most), -2, np.float32)
    where = np.zeros((len(examples), most), np.int64)
    for start in range(0, len(others), NEIGHBOUR_ROWS):
        block = np.nan_to_num(matrix[others[start : start + NEIGHBOUR_ROWS]].astype(np.float32))
        cosines = wanted @ block.T
        count = min(most, cosines.shape[1])
        top = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        values = np.concatenate([best, np.take_along_axis(cosines, top, axis=1)], axis=1)
        places = np.concatenate([where, top + start], axis=1)
        order = np.argsort(-values, axis=1, kind="stable")[:, :most]
        best = np.take_along_axis(values, order, axis=1)
        where = np.take_along_axis(places, order, axis=1)
    return where
