"""The selected grid positions (Qt-free).

There is one byte per image, so every operation costs the same for one contiguous range as for
every other image.  Qt's own selection keeps an object per range.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]


class GridSelection:
    """A set of positions below ``count``, and the anchor from which Shift extends it."""

    def __init__(self, count: int = 0) -> None:
        self._mask = np.zeros(count, np.bool_)
        self._number: int | None = 0
        self.anchor = -1
        """Where a range begins; -1 if nothing was selected yet."""

    def reset(self, count: int) -> None:
        """Start over with ``count`` positions, none selected."""
        self.__init__(count)

    def grow(self, count: int) -> None:
        """``count`` positions from now on, those beyond the others not selected."""
        self._mask = np.append(self._mask, np.zeros(count - len(self._mask), np.bool_))

    # ---------------------------------------------------------------------------- queries

    def __len__(self) -> int:
        if self._number is None:
            self._number = int(np.count_nonzero(self._mask))
        return self._number

    def __contains__(self, position: int) -> bool:
        return 0 <= position < len(self._mask) and bool(self._mask[position])

    @property
    def positions(self) -> Positions:
        """(n,) int64, ascending."""
        return np.flatnonzero(self._mask).astype(np.int64, copy=False)

    def ranges(self, most: int) -> list[tuple[int, int]] | None:
        """The selection as closed ranges, or None if there are more than about ``most``."""
        if not len(self):
            return []
        if len(self) == len(self._mask):
            return [(0, len(self._mask) - 1)]
        edges = np.flatnonzero(self._mask[1:] != self._mask[:-1])
        if len(edges) > 2 * most:
            return None
        starts = [0, *(edges + 1).tolist()]
        ends = [*edges.tolist(), len(self._mask) - 1]
        first = 0 if self._mask[0] else 1
        return list(zip(starts[first::2], ends[first::2], strict=True))

    def copy_mask(self) -> NDArray[np.bool_]:
        """(count,) the current selection, for :meth:`combine`."""
        return self._mask.copy()

    # ---------------------------------------------------------------------------- changes

    def clear(self) -> None:
        self._mask[:] = False
        self._number = 0

    def select_all(self) -> None:
        self._mask[:] = True
        self._number = len(self._mask)

    def only(self, position: int) -> None:
        """Select this position alone; the next range begins here."""
        self.clear()
        self.add(position)

    def add(self, position: int) -> None:
        """Add this position; the next range begins here."""
        self._mask[position] = True
        self._number = None
        self.anchor = position

    def toggle(self, position: int) -> None:
        """Toggle this position; the next range begins here."""
        self._mask[position] ^= True
        self._number = None
        self.anchor = position

    def extend(self, position: int, *, keep: bool) -> None:
        """Select everything from the anchor to here; ``keep`` adds it to the selection."""
        start = self.anchor if 0 <= self.anchor < len(self._mask) else position
        if not keep:
            self._mask[:] = False
        first, last = min(start, position), max(start, position)
        self._mask[first : last + 1] = True
        self._number = None
        self.anchor = start

    def replace(self, positions: Positions | Sequence[int]) -> None:
        """Select exactly these positions."""
        self._mask[:] = False
        self._mask[np.asarray(positions, np.int64)] = True
        self._number = None

    def combine(self, base: NDArray[np.bool_], positions: Positions, *, toggle: bool) -> None:
        """Select ``base`` with ``positions`` added or, with ``toggle``, toggled."""
        np.copyto(self._mask, base)
        if toggle:
            self._mask[positions] ^= True
        else:
            self._mask[positions] = True
        self._number = None
