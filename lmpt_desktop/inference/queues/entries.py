"""The entries (image, class) a queue may ask about, and the best of them, found in one pass.

The scores of 100,000 images and 1,000 classes are 400 MB, so nothing here makes an array of that
size: rows are processed in blocks that fit the cache, and only what can still be among the best
is kept.  A block takes its rows evenly from the whole library, so that similar photos of one
folder do not set the limit that the first blocks pass on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.snapshot import Snapshot

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


@dataclass(frozen=True, eq=False)
class Block:
    """Some rows: scores (b, c) float32, NaN where not to be asked; rows (b,)."""

    rows: Rows
    scores: Floats


def unknown_blocks(snapshot: Snapshot, rows: Rows, columns: Rows) -> Iterator[Block]:
    """The entries that are not annotated yet, block by block."""
    every = len(columns) == snapshot.scores.shape[1]
    step = max(1, -(-len(rows) * max(len(columns), 1) // BLOCK_ENTRIES))
    for start in range(step if len(columns) else 0):
        part = rows[start::step]
        if every:
            scores, annotations = snapshot.scores[part], snapshot.annotations[part]
        else:
            at = np.ix_(part, columns)
            scores, annotations = snapshot.scores[at], snapshot.annotations[at]
        scores[annotations >= 0] = np.nan
        yield Block(part, scores)


def best_entries(
    snapshot: Snapshot, rows: Rows, columns: Rows, value: Value, limit: int
) -> Entries:
    """The ``limit`` unknown entries with the highest value; ties in the library's order.

    Args:
        snapshot: the library.
        rows, columns: where to look.
        value: of an entry.
        limit: how many to keep.
    """
    kept = Entries(*_nothing(), possible=0)
    thresholds = snapshot.thresholds[columns]
    for block in unknown_blocks(snapshot, rows, columns):
        values = value(block.scores, thresholds)
        possible = kept.possible + values.size - int(np.isnan(values).sum())
        # Comparing with NaN is False, so such entries are left out.
        edge = kept.values[-1] if limit and len(kept.values) == limit else -np.inf
        r, c = np.nonzero(values > edge)
        more = Entries(block.rows[r], columns[c], values[r, c], possible)
        kept = _merged(kept, more, limit)
    return kept


def best_of_each_class(snapshot: Snapshot, rows: Rows, columns: Rows, limit: int) -> Entries:
    """The ``limit`` unknown entries with the highest score of every class, by class and then
    by descending score.
    """
    found_rows, found_columns, values = _nothing()
    edges = np.full(len(columns), -np.inf, np.float32)
    possible = 0
    for block in unknown_blocks(snapshot, rows, columns):
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
