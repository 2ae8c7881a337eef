"""The entries (image, class) a queue may ask about, and the best of them, found in one pass.

The scores of 100,000 images and 1,000 classes are 400 MB, so nothing here makes an array of that
size: rows are looked at in blocks that fit the cache, and only what can still be among the best
is kept.  A block takes its rows evenly from the whole library, so that photos of one folder,
which are alike, do not decide what the first blocks let through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.inference.queues.contract import QueueArrays, QueueRequest

BLOCK_ENTRIES = 1 << 18
"""1 MB of scores."""

Rows = NDArray[np.int64]
Floats = NDArray[np.float32]
Value = Callable[[Floats, Floats], Floats]
"""Scores (b, c) and thresholds (c,) -> how much each is worth asking, (b, c); NaN for never."""


@dataclass(frozen=True, eq=False)
class Entries:
    """Chosen entries, best first.

    Attributes:
        rows, columns: (m,) int64.
        values: (m,) float32.
        possible: how many there were to choose from.
    """

    rows: Rows
    columns: Rows
    values: Floats
    possible: int

    def listed(self) -> Iterator[tuple[int, int, float]]:
        """Row, column and value of each."""
        return zip(self.rows.tolist(), self.columns.tolist(), self.values.tolist(), strict=True)


def readable_rows(
    arrays: QueueArrays, request: QueueRequest, without: NDArray[np.int64] | None = None
) -> Rows:
    """Rows of images whose file can be read, among those of the request.

    Args:
        arrays: the library.
        request: its ``image_ids`` count.
        without: ids of images to leave out.
    """
    wanted = arrays.states == 0
    if request.image_ids is not None:
        wanted &= np.isin(arrays.image_ids, np.array(request.image_ids, np.int64))
    if without is not None and len(without):
        wanted &= ~np.isin(arrays.image_ids, without)
    return np.flatnonzero(wanted)


def asked_columns(arrays: QueueArrays, request: QueueRequest) -> Rows:
    """Columns of the classes of the request; none where its class is not in the vocabulary."""
    if request.class_id is None:
        return np.arange(len(arrays.classes), dtype=np.int64)
    return np.array(
        [place for place, item in enumerate(arrays.classes) if item.id == request.class_id],
        dtype=np.int64,
    )


@dataclass(frozen=True, eq=False)
class Block:
    """Some rows: scores (b, c) float32, NaN where not to be asked; rows (b,)."""

    rows: Rows
    scores: Floats


def unknown_blocks(arrays: QueueArrays, rows: Rows, columns: Rows) -> Iterator[Block]:
    """The entries nobody has answered yet."""
    every = len(columns) == arrays.scores.shape[1]
    step = max(1, -(-len(rows) * max(len(columns), 1) // BLOCK_ENTRIES))
    for start in range(step if len(columns) else 0):
        part = rows[start::step]
        if every:
            scores, said = arrays.scores[part], arrays.annotations[part]
        else:
            at = np.ix_(part, columns)
            scores, said = arrays.scores[at], arrays.annotations[at]
        scores[said >= 0] = np.nan
        yield Block(part, scores)


def best_entries(
    arrays: QueueArrays, rows: Rows, columns: Rows, value: Value, limit: int
) -> Entries:
    """The ``limit`` unknown entries with the highest value; ties in the library's order.

    Args:
        arrays: the library.
        rows, columns: where to look.
        value: of an entry.
        limit: how many to keep.
    """
    kept = Entries(*_nothing(), possible=0)
    thresholds = arrays.thresholds[columns]
    for block in unknown_blocks(arrays, rows, columns):
        values = value(block.scores, thresholds)
        possible = kept.possible + values.size - int(np.isnan(values).sum())
        # Comparing with NaN is False, which is what is wanted.
        edge = kept.values[-1] if limit and len(kept.values) == limit else -np.inf
        r, c = np.nonzero(values > edge)
        more = Entries(block.rows[r], columns[c], values[r, c], possible)
        kept = _merged(kept, more, limit)
    return kept


def best_of_each_class(arrays: QueueArrays, rows: Rows, columns: Rows, limit: int) -> Entries:
    """The ``limit`` unknown entries with the highest score of every class, by class and then
    by falling score.
    """
    found_rows, found_columns, values = _nothing()
    edges = np.full(len(columns), -np.inf, np.float32)
    possible = 0
    for block in unknown_blocks(arrays, rows, columns):
        scores = block.scores
        possible += scores.size - int(np.isnan(scores).sum())
        r, c = np.nonzero(scores > edges)
        found_rows = np.concatenate([found_rows, block.rows[r]])
        found_columns = np.concatenate([found_columns, c])
        values = np.concatenate([values, scores[r, c]])
        order = np.lexsort((found_rows, -values, found_columns))
        ranks = rank_in_group(found_columns[order])
        order = order[ranks < limit]
        found_rows, found_columns, values = found_rows[order], found_columns[order], values[order]
        full = rank_in_group(found_columns) == limit - 1
        edges[found_columns[full]] = values[full]
    return Entries(found_rows, columns[found_columns], values, possible)


def rank_in_group(groups: Rows) -> Rows:
    """(m,) the place of every element within its run of equal ``groups``, from 0."""
    if not len(groups):
        return np.empty(0, np.int64)
    first = np.r_[True, groups[1:] != groups[:-1]]
    starts = np.flatnonzero(first)
    return np.arange(len(groups)) - np.repeat(starts, np.diff(np.r_[starts, len(groups)]))


def _merged(kept: Entries, more: Entries, limit: int) -> Entries:
    rows = np.concatenate([kept.rows, more.rows])
    columns = np.concatenate([kept.columns, more.columns])
    values = np.concatenate([kept.values, more.values])
    if len(values) > limit > 0:
        edge = np.partition(values, len(values) - limit)[len(values) - limit]
        at = np.flatnonzero(values >= edge)
        rows, columns, values = rows[at], columns[at], values[at]
    order = np.lexsort((columns, rows, -values))[:limit]
    return Entries(rows[order], columns[order], values[order], more.possible)


def _nothing() -> tuple[Rows, Rows, Floats]:
    return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
