"""Opening and closing stacks in the grid, and selecting their photos."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject

from lmpt_desktop.ui.grid.grid_settings import GridSettings
from lmpt_desktop.ui.grid.query import GridQuery
from lmpt_desktop.ui.grid.view import GridView


class GridStacks(QObject):
    """What the user does with the stacks of one grid."""

    def __init__(
        self, kept: GridSettings, query: GridQuery, view: GridView, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._kept = kept
        self._query = query
        self._view = view
        self._waiting: NDArray[np.int64] | None = None
        """Photos to select once their stack is open."""
        query.stack(kept.stacked)
        view.stack_pressed.connect(lambda position: self.toggle(np.array([position])))

    @property
    def shown(self) -> bool:
        """Whether look-alikes are one card."""
        return self._kept.stacked

    def show(self, stacked: bool) -> None:
        """Show look-alikes as one card, all stacks closed, or every photo by itself."""
        self._kept.keep_stacked(stacked)
        self._query.stack(stacked)

    def size(self) -> int:
        """How many photos are selected, with all that match of their stacks; 0 if none is in a
        stack."""
        layout, positions = self._view.stacks, self._view.selected_positions()
        if layout is None or not len(layout.numbers_at(positions)):
            return 0
        return len(layout.with_siblings(positions))

    def chosen_ids(self) -> NDArray[np.int64]:
        """(n,) int64, the selected photos and all that match of their stacks, in the grid's
        order."""
        layout, positions = self._view.stacks, self._view.selected_positions()
        return self._view.selected_array() if layout is None else layout.with_siblings(positions)

    def toggle_selected(self) -> None:
        """As :meth:`toggle`, for what is selected."""
        self.toggle(self._view.selected_positions())

    def toggle_all(self) -> None:
        """Open every stack; if all are open, close them."""
        self.toggle(np.arange(self._view.model().rowCount()))

    def toggle(self, positions: NDArray[np.int64]) -> None:
        """Open the closed stacks of these cards; if there is none, close the open ones."""
        layout = self._view.stacks
        if layout is None:
            return
        touched = frozenset(layout.numbers_at(positions).tolist())
        closed = touched - layout.opened
        opened = layout.opened | closed if closed else layout.opened - touched
        self._query.stack(True, frozenset(map(layout.key, opened)))

    def select(self) -> None:
        """Open the selected stacks and select all their photos."""
        layout, positions = self._view.stacks, self._view.selected_positions()
        if layout is None:
            return
        self._waiting = layout.with_siblings(positions)
        if set(layout.numbers_at(positions).tolist()) <= layout.opened:
            self.select_waiting()
        else:
            self.toggle(positions)

    def select_waiting(self) -> None:
        """Select what was waiting for its stack to be open; the grid has been laid out anew."""
        wanted, self._waiting = self._waiting, None
        if wanted is not None:
            self._view.select_ids(wanted, self._view.current_id())
