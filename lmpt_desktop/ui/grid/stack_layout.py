"""Which cards the grid shows of the photos that match: one for a closed stack (Qt-free)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.inference.stacks import Stacks

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class StackPart:
    """What a card says of its stack.

    Attributes:
        size: how many of its photos match.
        open: whether all of these are shown, next to each other.
        first, last: whether the card is the first, or the last, of an open stack.
    """

    size: int
    open: bool
    first: bool = True
    last: bool = True


def _none() -> Ints:
    return np.empty(0, np.int64)


@dataclass(frozen=True, eq=False)
class StackLayout:
    """The cards of a grid that shows stacks.

    A stack takes the place of the first of its matching photos in the grid's order, and a closed
    one shows that photo.  What does not match a filter is neither shown nor counted.

    Attributes:
        ids: (m,) int64, the matching images in the grid's order.
        numbers: (m,) int64, the stack of each, -1 for none: a stack of which one photo matches is
            none here.
        shown: (n,) int64, places in ``ids`` that have a card, in the order of the cards.
        opened: numbers of the stacks that are open.
        stacks: all stacks of the library.
    """

    ids: Ints = field(default_factory=_none)
    numbers: Ints = field(default_factory=_none)
    shown: Ints = field(default_factory=_none)
    opened: frozenset[int] = frozenset()
    stacks: Stacks = field(default_factory=Stacks.none)

    def part(self, position: int) -> StackPart | None:
        """What the card at a position says of its stack; None if it is in none."""
        number = self.number_at(position)
        if number < 0:
            return None
        size = int(self._sizes[number])
        if number not in self.opened:
            return StackPart(size, open=False)
        first = position == 0 or self.number_at(position - 1) != number
        last = position + 1 == len(self.shown) or self.number_at(position + 1) != number
        return StackPart(size, open=True, first=first, last=last)

    def number_at(self, position: int) -> int:
        """The stack of a card; -1 for none."""
        return int(self._shown_numbers[position])

    def numbers_at(self, positions: Ints) -> Ints:
        """(k,) the stacks of these cards, ascending, without repeats."""
        return np.flatnonzero(self._touched(positions)[:-1])

    def with_siblings(self, positions: Ints) -> Ints:
        """(k,) the images of these cards and all others of their stacks that match, in the grid's
        order."""
        chosen = self._touched(positions)[self.numbers]
        chosen[self.shown[positions]] = True
        return self.ids[chosen]

    def key(self, number: int) -> int:
        """An image id that names a stack also after others have been found."""
        return self.stacks.key(number)

    def cards_of(self, image_ids: Ints) -> Ints:
        """(k,) the images whose cards stand for these: their own, or those of their closed stacks;
        -1 for what does not match."""
        if not len(self.ids):
            return np.full(len(image_ids), -1, np.int64)
        order, ascending = self._by_id
        at = np.minimum(np.searchsorted(ascending, image_ids), len(ascending) - 1)
        numbers = self.numbers[order[at]]
        closed = (numbers >= 0) & ~self._is_open[numbers]
        cards = np.where(closed, self.ids[self._first[numbers]], image_ids)
        return np.where(ascending[at] == image_ids, cards, -1)

    def _touched(self, positions: Ints) -> NDArray[np.bool_]:
        """(s + 1,) whether each stack is one of these cards'; the last is no stack, and none of
        them."""
        touched = np.zeros(self.stacks.count + 1, np.bool_)
        touched[self._shown_numbers[positions]] = True
        touched[-1] = False
        return touched

    @cached_property
    def _is_open(self) -> NDArray[np.bool_]:
        """(s + 1,) whether each stack is open; the last is no stack."""
        is_open = np.zeros(self.stacks.count + 1, np.bool_)
        is_open[list(self.opened)] = True
        return is_open

    @cached_property
    def _shown_numbers(self) -> Ints:
        return self.numbers[self.shown]

    @cached_property
    def _sizes(self) -> Ints:
        return np.bincount(self.numbers[self.numbers >= 0], minlength=1)

    @cached_property
    def _by_id(self) -> tuple[Ints, Ints]:
        order = np.argsort(self.ids, kind="stable")
        return order, self.ids[order]

    @cached_property
    def _first(self) -> Ints:
        """(s + 1,) the place of the first matching photo of every stack; the last is no stack's."""
        first = np.zeros(self.stacks.count + 1, np.int64)
        # Written backwards, so that the first one stays.
        first[self.numbers[::-1]] = np.arange(len(self.ids))[::-1]
        return first


def lay_out_stacks(ids: Ints, stacks: Stacks, opened: frozenset[int]) -> StackLayout:
    """Lay out the cards.

    Args:
        ids: (m,) int64, the matching images in the grid's order.
        stacks: those of the library.
        opened: :meth:`StackLayout.key` of the stacks that are open; others are ignored.
    """
    numbers = stacks.of(ids)
    in_one = numbers >= 0
    sizes = np.bincount(numbers[in_one], minlength=max(1, stacks.count))
    numbers = np.where(in_one & (sizes[np.where(in_one, numbers, 0)] > 1), numbers, -1)
    keys = np.fromiter(opened, np.int64, len(opened))
    open_numbers = stacks.of(keys)
    is_open = np.zeros(stacks.count + 1, np.bool_)  # the last one is that of no stack
    is_open[open_numbers[open_numbers >= 0]] = True
    places = np.arange(len(ids))
    # The first matching place of every stack: written backwards, so that the first one stays.
    first = np.zeros(stacks.count + 1, np.int64)
    first[numbers[::-1]] = places[::-1]
    alone = numbers < 0
    leads = np.where(alone, places, first[numbers])
    shown = np.flatnonzero(alone | (leads == places) | is_open[numbers])
    shown = shown[np.argsort(leads[shown], kind="stable")]
    return StackLayout(
        ids, numbers, shown, frozenset(np.flatnonzero(is_open[:-1]).tolist()), stacks
    )
