"""Collects garbage in small portions, on the window's thread only.

Python collects on the thread that happens to allocate.  There it might destroy widgets of a closed
page, which Qt allows on the window's thread only, and it would hold Python's lock while it visits
a hundred thousand rows that were just read and are all in use.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

CHECK_INTERVAL_MS = 1000
MIN_NEW_OBJECTS = 1000
"""Fewer new objects are not worth a collection."""
TRANSIENT_OBJECTS = 30_000
"""More new objects than this are rows being read, most of which are freed in a moment."""
MAX_SKIPPED_CHECKS = 20
"""Checks after which these are collected nevertheless."""
OLDER_AFTER = 10
"""Collections of one generation before the next older one is collected too."""


class GuiThreadCollector(QObject):
    """Checks once a second; create it on the window's thread after all imports."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        gc.disable()
        # Imported modules stay, so they need not be visited again and again.
        gc.freeze()
        self._skipped = 0
        self._timer = QTimer(self)
        self._timer.setInterval(CHECK_INTERVAL_MS)
        self._timer.timeout.connect(self.check)
        self._timer.start()

    def check(self) -> int | None:
        """Collect if there is enough garbage; returns the generation collected, or None."""
        young, middle, old = gc.get_count()
        if young < MIN_NEW_OBJECTS:
            self._skipped = 0
            return None
        if young > TRANSIENT_OBJECTS and self._skipped < MAX_SKIPPED_CHECKS:
            self._skipped += 1
            return None
        self._skipped = 0
        generation = 2 if old > OLDER_AFTER else 1 if middle > OLDER_AFTER else 0
        gc.collect(generation)
        return generation
