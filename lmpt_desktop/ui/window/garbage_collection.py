"""Garbage is collected on the window's thread, in small portions, and nowhere else.

Python collects on whichever thread happens to allocate: there it would take widgets of a closed
page down, which Qt allows on the window's thread only, and it would hold Python's lock while it
looks through a hundred thousand rows that were just read and are no garbage at all.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

LOOK_MS = 1000
YOUNG = 1000
"""New objects that make a collection worth while."""
MANY = 30_000
"""So many new objects are rows on their way through; most of them will be gone in a moment."""
PATIENCE = 20
"""Looks after which even those are collected."""
OLDER_AFTER = 10
"""Collections of one generation before the next one's turn."""


class GuiThreadCollector(QObject):
    """Looks once a second; make it on the window's thread, after everything is imported."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        gc.disable()
        # What is imported stays: no need to look through it again and again.
        gc.freeze()
        self._waited = 0
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    def look(self) -> int | None:
        """Collect if there is enough; the generation that was collected, or None."""
        young, middle, old = gc.get_count()
        if young < YOUNG:
            self._waited = 0
            return None
        if young > MANY and self._waited < PATIENCE:
            self._waited += 1
            return None
        self._waited = 0
        generation = 2 if old > OLDER_AFTER else 1 if middle > OLDER_AFTER else 0
        gc.collect(generation)
        return generation
