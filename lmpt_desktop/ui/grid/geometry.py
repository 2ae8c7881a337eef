"""Positions of the equal cells of a grid: numbers only (Qt-free).

No cost depends on the number of images, so a million are laid out as fast as ten.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

MAX_SCROLL_PIXELS = 2**31 - 2**16
"""The largest scroll range in pixels; Qt's is an int, which must also hold the window."""


class Move(StrEnum):
    """A step of the keyboard."""

    LEFT = "left"
    RIGHT = "right"
    PREVIOUS = "previous"
    NEXT = "next"
    UP = "up"
    DOWN = "down"
    HOME = "home"
    END = "end"
    PAGE_UP = "page up"
    PAGE_DOWN = "page down"


@dataclass(frozen=True)
class Geometry:
    """``count`` cells in rows of ``columns``, in a view of ``width`` x ``height``.

    Pixels are counted from the top left of the content, to the right and down.  ``mirrored``
    lays out the cells from right to left.
    """

    count: int
    columns: int
    cell_width: int
    cell_height: int
    width: int
    height: int
    mirrored: bool = False

    @classmethod
    def fitting(
        cls,
        count: int,
        min_cell: tuple[int, int],
        view: tuple[int, int],
        *,
        mirrored: bool = False,
    ) -> Geometry:
        """As many columns as fit, which share the remaining width.

        Args:
            count: number of cells.
            min_cell: minimum (width, height) of a cell.
            view: (width, height) of the view.
            mirrored: from right to left.
        """
        width, height = max(1, min_cell[0]), max(1, min_cell[1])
        columns = max(1, view[0] // width)
        return cls(
            count, columns, max(width, view[0] // columns), height, view[0], view[1], mirrored
        )

    @property
    def rows(self) -> int:
        return -(-self.count // self.columns)

    @property
    def content_height(self) -> int:
        return self.rows * self.cell_height

    @property
    def scroll_range(self) -> int:
        """The largest scroll offset."""
        return min(MAX_SCROLL_PIXELS, max(0, self.content_height - self.height))

    def top_left(self, position: int) -> tuple[int, int]:
        """The (x, y) of a cell's top left corner."""
        row, column = divmod(position, self.columns)
        left = column * self.cell_width
        if self.mirrored:
            left = self.width - left - self.cell_width
        return left, row * self.cell_height

    def position_at(self, x: int, y: int) -> int:
        """The position of the cell at a pixel, or -1."""
        if x < 0 or y < 0 or x >= self.width:
            return -1
        column = (self.width - 1 - x if self.mirrored else x) // self.cell_width
        if column >= self.columns:
            return -1
        position = y // self.cell_height * self.columns + column
        return position if position < self.count else -1

    def visible(self, top: int, height: int | None = None) -> range:
        """Positions in the rows that overlap a strip of ``height`` that begins at ``top``."""
        bottom = top + (self.height if height is None else height)
        first = max(0, top // self.cell_height) * self.columns
        last = max(0, -(-bottom // self.cell_height)) * self.columns
        return range(min(first, self.count), max(min(first, self.count), min(last, self.count)))

    def scroll_to_show(self, position: int, top: int) -> int:
        """The scroll offset nearest to ``top`` that shows the whole cell."""
        above = self.top_left(position)[1]
        below = above + self.cell_height - self.height
        return min(above, max(below, top))

    def scroll_to_centre(self, position: int) -> int:
        """The scroll offset that centres a cell, as far as the content allows."""
        middle = self.top_left(position)[1] + (self.cell_height - self.height) // 2
        return max(0, min(self.scroll_range, middle))

    def moved(self, position: int, move: Move) -> int:
        """The position after a move from ``position`` (-1: none); -1 if there is no cell.

        Left and right continue in the row above or below.  Up and down keep the column; down from
        the last but one row goes to the last cell if the last row is too short.
        """
        if not self.count:
            return -1
        if position < 0:
            return self.count - 1 if move is Move.END else 0
        last = self.count - 1
        page = max(1, self.height // self.cell_height) * self.columns
        if self.mirrored and move in (Move.LEFT, Move.RIGHT):
            move = Move.LEFT if move is Move.RIGHT else Move.RIGHT
        match move:
            case Move.LEFT | Move.PREVIOUS:
                after = max(0, position - 1)
            case Move.RIGHT | Move.NEXT:
                after = min(last, position + 1)
            case Move.HOME:
                after = 0
            case Move.END:
                after = last
            case Move.UP:
                after = self._up(position, self.columns)
            case Move.DOWN:
                after = self._down(position, self.columns)
            case Move.PAGE_UP:
                after = self._up(position, page)
            case Move.PAGE_DOWN:
                after = self._down(position, page)
        return after

    def _up(self, position: int, steps: int) -> int:
        return position - steps if position >= steps else position % self.columns

    def _down(self, position: int, steps: int) -> int:
        last = self.count - 1
        if position + steps <= last:
            return position + steps
        if position // self.columns == last // self.columns:
            return position
        column = position % self.columns
        lowest = last // self.columns * self.columns + column
        return min(last, lowest)

    def inside(self, left: int, top: int, right: int, bottom: int) -> NDArray[np.int64]:
        """(n,) ascending positions of the cells that a rectangle touches, corners included."""
        empty = np.empty(0, np.int64)
        if self.mirrored:
            left, right = self.width - 1 - right, self.width - 1 - left
        first_column = max(0, left // self.cell_width)
        last_column = min(self.columns - 1, right // self.cell_width)
        first_row = max(0, top // self.cell_height)
        last_row = min(self.rows - 1, bottom // self.cell_height)
        if first_column > last_column or first_row > last_row:
            return empty
        rows = np.arange(first_row, last_row + 1, dtype=np.int64)[:, None] * self.columns
        columns = np.arange(first_column, last_column + 1, dtype=np.int64)
        positions = (rows + columns).reshape(-1)
        return positions[: np.searchsorted(positions, self.count)]
