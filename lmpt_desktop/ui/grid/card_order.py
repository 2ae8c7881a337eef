"""The cards of the grid in their order, with what looking them up needs (Qt-free).

With a million photos each of these arrays takes some 10 ms, so they are made on the thread that
selects the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.ui.grid.stack_layout import StackLayout


@dataclass(frozen=True, eq=False)
class CardOrder:
    """What is at each position.

    Attributes:
        rows: (n,) int64 rows of the snapshot.
        ids: (n,) int64 image ids.
    """

    rows: NDArray[np.int64]
    ids: NDArray[np.int64]

    @classmethod
    def of(
        cls, snapshot: Snapshot, rows: NDArray[np.int64], stacks: StackLayout | None = None
    ) -> CardOrder:
        """A card for each of these rows, or, of the stacks among them, as ``stacks`` says."""
        if stacks is not None:
            rows = rows[stacks.shown]
        return cls(rows, snapshot.image_ids[rows])

    @cached_property
    def table(self) -> NDArray[np.int32]:
        """Positions by image id, -1 for those that are not there; never empty, and small because
        ids count up from 1."""
        table = np.full(int(self.ids.max(initial=0)) + 1, -1, np.int32)
        table[self.ids] = np.arange(len(self.ids), dtype=np.int32)
        return table

    def positions(self, image_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """(m,) positions of these images; -1 for those not there."""
        table = self.table
        if not len(image_ids):
            return np.empty(0, np.int64)
        if image_ids.min() >= 0 and image_ids.max() < len(table):
            return table[image_ids].astype(np.int64)
        there = (image_ids >= 0) & (image_ids < len(table))
        return np.where(there, table[np.where(there, image_ids, 0)], -1).astype(np.int64)
