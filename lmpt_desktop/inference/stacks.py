"""Bursts and look-alikes: photos taken within seconds of each other and alike are one stack
(Qt-free).

A stack is derived, like a prediction, and never stored: it follows from the dates, the folders and
the features.  docs/stacks.md has the figures behind the constants, docs/adr/0031 the choices.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.natural_order import natural_ranks
from lmpt_desktop.domain.records import NO_DATE
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.inference.queues.features import Features

GAP_SECONDS = 5
"""A photo belongs to a stack if it was taken at most so long after the one before it."""
ALIKE = 0.7
"""And if it is as like the stack's first photo as this, where photos usually are 0 and equal ones
1 (:func:`usual_cosine`)."""
MOST = 200
"""Photos of a stack; a series that goes on is another stack."""
USUAL_SAMPLE = 1024
"""Photos that say how far apart photos of this library usually are."""
USUAL_STEP = 0.05
"""So that the limit does not move with every photo that arrives."""
USUAL_AT_MOST = 0.5
"""Among look-alikes only, nothing can be measured."""
BLOCK_ROWS = 4096
"""Photos compared at a time: 8 MB."""
_LOOK = 4
"""Followers that are compared in one pass; longer stacks are few."""
_DAY = 86_400

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Stacks:
    """Which photos are one stack.

    Attributes:
        image_ids: (m,) int64, photos that are in a stack, by stack and then in the order taken.
        numbers: (m,) int64, the stack of each, from 0, ascending; every stack has two photos or
            more.
    """

    image_ids: Ints
    numbers: Ints

    @classmethod
    def none(cls) -> Stacks:
        """No stack at all."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64))

    @property
    def stacked(self) -> int:
        """How many photos are in a stack."""
        return len(self.image_ids)

    @property
    def count(self) -> int:
        """How many stacks there are."""
        return int(self.numbers[-1]) + 1 if len(self.numbers) else 0

    def of(self, image_ids: Ints) -> Ints:
        """(n,) the number of the stack that each photo is in; -1 for none."""
        if not self.stacked:
            return np.full(len(image_ids), -1, np.int64)
        order, ascending = self._by_id
        at = np.minimum(np.searchsorted(ascending, image_ids), len(ascending) - 1)
        return np.where(ascending[at] == image_ids, self.numbers[order[at]], -1)

    def number_of(self, image_id: int) -> int:
        """The number of the stack that a photo is in; -1 for none."""
        return int(self.of(np.array([image_id], np.int64))[0])

    def members(self, number: int) -> Ints:
        """(k,) the photos of one stack in the order taken; none for -1."""
        first, last = np.searchsorted(self.numbers, (number, number + 1))
        return self.image_ids[first:last]

    def key(self, number: int) -> int:
        """The id of a stack's first photo: its numbers change when others are found."""
        return int(self.members(number)[0])

    @cached_property
    def _by_id(self) -> tuple[Ints, Ints]:
        order = np.argsort(self.image_ids, kind="stable")
        return order, self.image_ids[order]


def group(
    image_ids: Ints,
    taken: Ints,
    places: Ints,
    features: Features,
    *,
    ties: Ints | None = None,
    usual: float | None = None,
) -> Stacks:
    """Group photos into stacks: O(n log n).

    In the order taken, a photo joins the stack of the one before it if it is of the same place,
    was taken at most ``GAP_SECONDS`` later, and is alike to the stack's *first* photo, so that a
    camera that pans does not join what has nothing in common.  The answer does not depend on the
    order of the arguments, and photos of other times and places change nothing about a stack.

    Args:
        image_ids: (n,) int64.
        taken: (n,) int64 seconds by the camera's clock, or ``NO_DATE``: such a photo joins
            nothing.  Nor does one at midnight sharp, which is how a date without a time is kept.
        places: (n,) int64, equal for photos that may be one stack: those of one folder.
        features: of the photos; one without a feature joins nothing.
        ties: (n,) int64, the order of photos of one second; by id if not given.
        usual: cosine of photos that have nothing to do with each other; measured if not given.
    """
    rows = np.flatnonzero((taken != NO_DATE) & (taken % _DAY != 0))
    at = features.places(image_ids[rows])
    rows, at = rows[at >= 0], at[at >= 0]
    keys = (image_ids[rows], taken[rows], places[rows])
    if ties is not None:
        keys = (keys[0], ties[rows], *keys[1:])
    order = np.lexsort(keys)
    rows, at = rows[order], at[order]
    near = np.zeros(len(rows), np.bool_)
    near[1:] = (np.diff(taken[rows]) <= GAP_SECONDS) & (np.diff(places[rows]) == 0)
    if not near.any():
        return Stacks.none()
    if usual is None:
        usual = usual_cosine(features.matrix)
    limit = usual + ALIKE * (1 - usual)
    starts = _starts(features.matrix, at, near, limit)
    numbers = np.cumsum(starts) - 1
    sizes = np.bincount(numbers)
    kept = sizes[numbers] > 1
    return Stacks(image_ids[rows[kept]], np.cumsum(starts[kept]) - 1)


def library_stacks(snapshot: Snapshot, features: Features) -> Stacks:
    """The stacks of a library; photos of one folder on disk may be one."""
    images = snapshot.images
    dated = np.flatnonzero(images.taken != NO_DATE)
    if not len(dated):
        return Stacks.none()
    numbers: dict[tuple[int, str], int] = {}
    places = np.zeros(len(images), np.int64)
    folders = images.folder_ids[dated].tolist()
    for row, folder, name in zip(dated.tolist(), folders, images.names.at(dated), strict=True):
        inside = name.rpartition("/")[0]
        places[row] = numbers.setdefault((folder, inside), len(numbers))
    return group(images.ids, images.taken, places, features, ties=_ties(snapshot, dated, places))


def _ties(snapshot: Snapshot, dated: Ints, places: Ints) -> Ints:
    """(N,) the order of names where several of the ``dated`` rows are of one second and place; a
    camera counts what its clock cannot tell apart."""
    taken = snapshot.images.taken[dated]
    order = np.lexsort((taken, places[dated]))
    same = (np.diff(taken[order]) == 0) & (np.diff(places[dated][order]) == 0)
    tied = dated[order[np.r_[same, False] | np.r_[False, same]]]
    ranks = np.zeros(len(snapshot.images), np.int64)
    ranks[tied] = natural_ranks(list(snapshot.names.at(tied)))
    return ranks


def usual_cosine(matrix: NDArray[np.floating]) -> float:
    """How alike two photos of a library usually are: a low quartile, as many of them may be of few
    subjects.

    Args:
        matrix: (n, D) unit features; n may be 0.
    """
    drawn = np.random.default_rng(0).permutation(len(matrix))[:USUAL_SAMPLE]
    sample = np.nan_to_num(matrix[np.sort(drawn)].astype(np.float32))
    if len(sample) < 2:
        return USUAL_AT_MOST
    cosines = sample @ sample.T
    value = np.quantile(cosines[np.triu_indices(len(sample), 1)], 0.25)
    return float(min(max(round(float(value) / USUAL_STEP) * USUAL_STEP, 0.0), USUAL_AT_MOST))


def _starts(
    matrix: NDArray[np.floating], at: Ints, near: NDArray[np.bool_], limit: float
) -> NDArray[np.bool_]:
    """(m,) where a stack of one photo or more begins.

    Args:
        matrix: (n, D) features.
        at: (m,) the rows of it in the order to go through.
        near: (m,) whether each may be in the stack of the one before it.
        limit: cosine with the first photo of a stack.
    """
    alike = _alike_ahead(matrix, at, near, limit)
    starts = np.ones(len(at), np.bool_)
    # Whoever has no follower is alone unless it follows another, so only the others are visited.
    leaders = np.flatnonzero(alike > 0).tolist()
    ahead = alike[alike > 0].tolist()
    end = 0
    for leader, count in zip(leaders, ahead, strict=True):
        if leader < end:
            continue
        if count == _LOOK:
            count = _followers(matrix, at, near, limit, leader)  # noqa: PLW2901
        end = leader + count + 1
        starts[leader + 1 : end] = False
    return starts


def _alike_ahead(
    matrix: NDArray[np.floating], at: Ints, near: NDArray[np.bool_], limit: float
) -> Ints:
    """(m,) how many photos, up to ``_LOOK``, would be in the stack of each if it were the first."""
    count = len(at)
    found = np.zeros(count, np.int64)
    followed = np.zeros(count + _LOOK, np.bool_)
    followed[: count - 1] = near[1:]
    for start in range(0, count, BLOCK_ROWS):
        end = min(start + BLOCK_ROWS, count)
        alive = followed[start:end].copy()
        if not alive.any():
            continue
        part = matrix[at[start : min(end + _LOOK, count)]].astype(np.float32)
        for lag in range(1, _LOOK + 1):
            reached = min(end - start, len(part) - lag)
            alive = alive[:reached]
            one = np.flatnonzero(alive)
            if not len(one):
                break
            if 2 * len(one) > reached:
                cosines = np.einsum("ij,ij->i", part[:reached], part[lag : lag + reached])[one]
            else:
                cosines = np.einsum("ij,ij->i", part[one], part[one + lag])
            one = one[cosines >= limit]  # NaN is not
            found[start + one] = lag
            alive = np.zeros(reached, np.bool_)
            alive[one] = followed[start + one + lag]
    return found


def _followers(
    matrix: NDArray[np.floating], at: Ints, near: NDArray[np.bool_], limit: float, leader: int
) -> int:
    """How many photos after ``leader`` are in its stack."""
    first = matrix[at[leader]].astype(np.float32)
    found, size = _LOOK, 2 * _LOOK
    while found + 1 < MOST:
        begin = leader + 1 + found
        part = slice(begin, min(begin + size, leader + MOST))
        joins = near[part] & (matrix[at[part]].astype(np.float32) @ first >= limit)
        if not joins.all() or not len(joins):
            return found + int(np.argmin(joins)) if len(joins) else found
        found, size = found + len(joins), 2 * size
    return found
