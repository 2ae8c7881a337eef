"""Cards as they were painted, so that scrolling copies them.

Painting a card asks Qt some forty things, and with each PySide may have to give Python's lock to a
thread that makes thumbnails or reads photos.  A wheel's tick shows a strip of a row: without this
every card would be painted whole for each of its strips.
"""

from __future__ import annotations

from collections.abc import Container

from PySide6.QtGui import QPixmap

SPARE = 32
"""How many may be kept beside those in sight before the others are dropped."""


class CardPictures:
    """Pictures of cards by grid position, each with all that it shows."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[object, QPixmap]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, position: int, look: object) -> QPixmap | None:
        """The card at a position, if it was painted with this ``look``: all that it shows."""
        kept = self._kept.get(position)
        return kept[1] if kept is not None and kept[0] == look else None

    def keep(self, position: int, look: object, picture: QPixmap, seen: range) -> None:
        """Keep a card that was painted; the positions ``seen`` are those in sight."""
        self._kept[position] = (look, picture)
        if len(self._kept) > len(seen) + SPARE:
            self._keep_only(seen)

    def clear(self) -> None:
        """Forget all: something that a look does not tell has changed, such as colours."""
        self._kept.clear()

    def _keep_only(self, seen: Container[int]) -> None:
        self._kept = {place: kept for place, kept in self._kept.items() if place in seen}
