"""Search: the images nearest to a direction in feature space, by exact matrix product (Qt-free).

Texts and images share one space, so searching for a sentence and for an image is the same: one
unit direction, one product with every feature.  docs/adr/0007-exact-search.md says up to which
size this is the right method.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.inference.halves import SCALE, shifted
from trainer.threads import side_by_side

log = logging.getLogger(__name__)

BLOCK_ROWS = 256
"""Rows converted from half to single precision at a time: half a MB for 512 values, which stays in
the cache of one core."""
ROWS_PER_THREAD = 16_384
"""Below this a thread costs more than it saves."""
MAX_THREADS = 4
QUICK_ROWS = 4096
"""Rows that one call of NumKong multiplies, and that are gathered at a time to be multiplied
exactly: half a millisecond, 4 MB."""
NEIGHBOUR_ROWS = 4096
"""The same for :func:`nearest_neighbours`, whose product with several examples is worth more."""
RESULT_LIMIT = 1000
"""Images shown at most.  Every image is similar to some degree: after the first hundreds the order
means nothing."""

_SUMMING = 4e-6
"""How far two sums in single precision of the same few thousand products may be apart."""
_QUICK_ON = ("haswell", "skylake", "neonhalf", "neonfhm")
"""Kernels of NumKong that read halves.  Its portable one takes eight times as long as numpy."""


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
    _check(features, direction)
    answer = np.empty(len(features), np.float32)
    _in_threads(lambda part: _fill(features[part], direction, answer[part]), len(features), threads)
    return answer


@dataclass(frozen=True, eq=False)
class Nearness:
    """What the first pass of a search found.

    Attributes:
        values: (n,) float32 cosines; NaN where there is none.
        margin: how far each may be from the exact one.
        exact: of rows (m,), their exact cosines (m,) float32, NaN where there is none.
    """

    values: NDArray[np.float32]
    margin: float
    exact: Callable[[NDArray[np.int64]], NDArray[np.float32]]


def first_pass(
    features: NDArray[np.float16], direction: NDArray[np.float32], threads: int | None = None
) -> tuple[NDArray[np.float32], float]:
    """:func:`similarities` as fast as memory is read, and how far each may be from the exact one.

    The direction is rounded to half precision, and the products of halves are summed in single
    precision.  Where this processor cannot do that, all are exact, and the margin is 0.

    Args, Raises: as for :func:`similarities`.

    Returns:
        (n,) float32, NaN where a feature is not finite; the margin.
    """
    _check(features, direction)
    kernel = _kernel()
    if kernel is None or not len(features):
        return similarities(features, direction, threads), 0.0
    rounded = direction.astype(np.float16)
    answer = np.empty(len(features), np.float32)
    starts = iter(range(0, len(features), QUICK_ROWS))

    def work() -> None:
        # Whichever thread is free takes the next block: another program may slow one of them.
        for start in starts:
            block = slice(start, start + QUICK_ROWS)
            found = answer[block]
            kernel.dot(features[block], rounded, out=found, out_dtype="float32")
            found[~(np.abs(found) <= 2.0)] = np.nan

    side_by_side([work] * _threads_for(len(features), threads), "search")
    lost = float(np.linalg.norm(direction - rounded.astype(np.float32)))
    return answer, 1.01 * lost + _SUMMING


def exact_at(
    features: NDArray[np.float16], places: NDArray[np.int64], direction: NDArray[np.float32]
) -> NDArray[np.float32]:
    """:func:`similarities` of the rows ``places`` (m,); NaN where the place is negative."""
    answer = np.full(len(places), np.nan, np.float32)
    there = np.flatnonzero(places >= 0)
    for start in range(0, len(there), QUICK_ROWS):
        some = there[start : start + QUICK_ROWS]
        answer[some] = similarities(features[places[some]], direction, 1)
    return answer


@lru_cache(maxsize=1)
def _kernel() -> Any | None:
    """NumKong, imported by the first search; None where it is missing or no faster than numpy."""
    try:
        import numkong  # noqa: PLC0415 - not needed to open a window

        abilities = numkong.get_capabilities()
    except (ImportError, AttributeError, OSError) as error:
        log.info("searching with numpy alone: %s", error)
        return None
    if not any(abilities.get(name) for name in _QUICK_ON):
        log.info("searching with numpy alone: no fast products of halves here")
        return None
    return numkong


def _check(features: NDArray[np.float16], direction: NDArray[np.float32]) -> None:
    if len(features) and features.shape[1:] != direction.shape:
        raise ValueError(
            f"features have dimension {features.shape[1]}, the search {len(direction)}"
        )


def _threads_for(n: int, threads: int | None) -> int:
    if threads is not None:
        return threads
    return min(MAX_THREADS, os.cpu_count() or 1, -(-n // ROWS_PER_THREAD))


def _in_threads(work: Callable[[slice], None], n: int, threads: int | None) -> None:
    """``work`` on parts of ``n`` rows; ``threads`` None to choose by ``n`` and the machine."""
    if not n:
        return
    share = -(-n // _threads_for(n, threads))
    # Other threads run while it is multiplied.
    parts = [slice(start, min(start + share, n)) for start in range(0, n, share)]
    side_by_side([partial(work, part) for part in parts], "search")


def _fill(
    features: NDArray[np.float16], direction: NDArray[np.float32], answer: NDArray[np.float32]
) -> None:
    """Write the products of ``features`` and ``direction`` into ``answer``, block by block."""
    scaled = direction * SCALE
    room = np.empty((min(len(features), BLOCK_ROWS), features.shape[1]), np.int32)
    for start in range(0, len(features), BLOCK_ROWS):
        block = features[start : start + BLOCK_ROWS]
        np.matmul(shifted(block, room), scaled, out=answer[start : start + len(block)])
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
    found: NDArray[np.float32] | Nearness,
    passing: NDArray[np.int64] | None = None,
    limit: int | None = RESULT_LIMIT,
) -> Ranking:
    """The most similar images among those that pass a filter.

    Of a :class:`Nearness` only images that may be among the answer are multiplied exactly, so that
    the answer is that of exact similarities.

    Args:
        found: (N,) exact similarity of every row, NaN where there is no feature; or what a first
            pass found.
        passing: (m,) the rows that pass, each once, in any order; None for all.
        limit: how many to keep; None for all.
    """
    values = found.values if isinstance(found, Nearness) else found
    margin = found.margin if isinstance(found, Nearness) else 0.0
    has = ~np.isnan(values)
    asked = len(values)
    if passing is not None:
        passes = np.zeros(len(values), np.bool_)
        passes[passing] = True
        has &= passes
        asked = len(passing)
    candidates = int(np.count_nonzero(has))
    if limit is not None and 0 < limit < candidates:
        # At least ``limit`` rows are exactly as near as ``edge`` less one margin.
        place = len(values) - limit
        edge = np.partition(np.where(has, values, np.float32(-np.inf)), place)[place]
        has &= values >= edge - 2 * margin
    rows = np.flatnonzero(has)
    exact = values[rows]
    if isinstance(found, Nearness) and margin:
        exact = found.exact(rows)
        if not (np.abs(exact - values[rows]) <= margin).all():
            # The kernels of another processor may sum less exactly than those that were measured.
            log.warning("the first pass of a search was beyond its margin; all is done exactly")
            everything = np.full(len(values), np.nan, np.float32)
            has = np.flatnonzero(~np.isnan(values))
            everything[has] = found.exact(has)
            return rank(everything, passing, limit)
    order = top(exact, limit)
    return Ranking(rows[order], exact[order], candidates, asked - candidates)


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
