"""Where the classes of a cell go on its card (Qt-free)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lmpt_desktop.ui.grid.cells import Cell, Chip

CHIP_GAP = 4
"""Pixels between chips in a line."""


@dataclass
class Line:
    """A line of classes under a thumbnail: chips of the user's own side by side, or one other.

    ``chips`` are with their places: left edge and width, in pixels from the line's left.
    ``hidden`` is the number of classes that no line shows, 0 on all lines but the last.
    """

    chips: list[tuple[Chip, int, int]] = field(default_factory=list)
    hidden: int = 0

    @property
    def right(self) -> int:
        """Where the last chip ends."""
        if not self.chips:
            return 0
        _chip, left, width = self.chips[-1]
        return left + width


def lay_out(
    cell: Cell,
    width: int,
    lines: int,
    chip_width: Callable[[Chip], int],
    more_width: Callable[[int], int],
) -> list[Line]:
    """Put the classes of ``cell`` into at most ``lines`` lines.

    The user's own flow; each other class has a line of its own, so that scores stand in a
    column.  However many are the user's own, the first other class, which is what is filtered
    or searched, keeps a line, if there is more than one.

    Args:
        cell: its chips in the order they are shown.
        width: of a line, in pixels.
        lines: at least 1.
        chip_width: the width of a chip of the user's own, with all of its name.
        more_width: the width of the mark that says how many are hidden, with its gap.
    """
    own = [chip for chip in cell.chips if chip.confirmed]
    others = [chip for chip in cell.chips if not chip.confirmed]
    room = max(1, lines - 1) if others else lines
    placed = _flow(own, width, room, chip_width)
    placed += [Line([(chip, 0, width)]) for chip in others[: lines - len(placed)]]
    hidden = cell.more + len(cell.chips) - sum(len(line.chips) for line in placed)
    if hidden and placed:
        _make_room(placed[-1], width, hidden, more_width)
    return placed


def _flow(
    chips: Sequence[Chip], width: int, lines: int, chip_width: Callable[[Chip], int]
) -> list[Line]:
    """Lines of chips from left to right; those that do not fit are left out."""
    placed: list[Line] = []
    for chip in chips:
        needed = min(width, chip_width(chip))
        left = placed[-1].right + CHIP_GAP if placed else 0
        if not placed or left + needed > width:
            if len(placed) == lines:
                break
            placed.append(Line())
            left = 0
        placed[-1].chips.append((chip, left, needed))
    return placed


def _make_room(line: Line, width: int, hidden: int, more_width: Callable[[int], int]) -> None:
    """Say on the last line how many are hidden; a chip that is in the way is hidden too."""
    line.hidden = hidden
    if not line.chips[-1][0].confirmed:
        return  # its name is cut instead
    while len(line.chips) > 1 and line.right + more_width(line.hidden) > width:
        line.chips.pop()
        line.hidden += 1
    chip, left, needed = line.chips[-1]
    line.chips[-1] = (chip, left, min(needed, width - left - more_width(line.hidden)))
