"""Review queues of an open library (Qt-free)."""

from __future__ import annotations

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.inference.queues import Queue, QueueRequest, build_queue


class ReviewQueues:
    """Questions for the user, from what the library knows now."""

    def __init__(self, catalogue: Catalogue, state: LibraryState) -> None:
        self._catalogue = catalogue
        self._state = state

    def build(self, request: QueueRequest) -> Queue:
        """Questions worth answering now, best first; takes too long for the window's thread."""
        # Features first: the snapshot taken afterwards knows at least their images.
        features = self._state.features()
        return build_queue(self._state.snapshot, request, features, self._catalogue.runs.held_out())
