"""How many photos a page of a sweep has, and how large they are (Qt-free)."""

from __future__ import annotations

from dataclasses import dataclass, replace

EDGES = (88, 104, 120, 140, 164, 192, 224, 260, 300, 348, 404, 468)
"""Heights of a picture that the user can choose from, in logical pixels."""
FEWEST, MOST = 12, 60
"""Photos on a page."""
ASPECT = 1.3
"""A cell is this much wider than a picture is high, as most photos are wider than high."""
FRAME = 12
"""Logical pixels of a cell around the picture."""


@dataclass(frozen=True)
class PageLayout:
    """Columns and rows of cells, their size, and the height of a picture; logical pixels.

    ``size`` is the index in :data:`EDGES` of the size that was possible.
    """

    columns: int
    rows: int
    width: int
    height: int
    edge: int
    size: int

    @property
    def capacity(self) -> int:
        """Photos on a page."""
        return self.columns * self.rows


def page_layout(width: int, height: int, size: int, line: int) -> PageLayout:
    """Fill a room of ``width`` x ``height`` with whole cells.

    Args:
        size: the index in :data:`EDGES` of the size that the user chose; smaller pictures are
            used where fewer than :data:`FEWEST` fit, larger ones where more than :data:`MOST` do.
        line: the height of a line of text, below each picture.
    """
    size = min(max(size, 0), len(EDGES) - 1)
    found = _at(width, height, size, line)
    while found.capacity < FEWEST and found.size > 0:
        found = _at(width, height, found.size - 1, line)
    while found.capacity > MOST and found.size < len(EDGES) - 1:
        larger = _at(width, height, found.size + 1, line)
        if larger.capacity < FEWEST:
            break
        found = larger
    if found.capacity < FEWEST:  # the rest is scrolled to
        return replace(found, rows=-(-FEWEST // found.columns))
    return replace(found, rows=min(found.rows, max(1, MOST // found.columns)))


def _at(width: int, height: int, size: int, line: int) -> PageLayout:
    edge = EDGES[size]
    columns = max(1, width // (round(edge * ASPECT) + FRAME))
    least = edge + line + FRAME
    rows = max(1, height // least)
    tall = max(least, height // rows)
    return PageLayout(columns, rows, max(1, width // columns), tall, tall - line - FRAME, size)
