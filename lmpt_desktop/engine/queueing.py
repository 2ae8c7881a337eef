"""Review queues of an open library (Qt-free)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmpt_desktop.engine.state import LibraryState
from lmpt_desktop.inference.queues import Features, Queue, QueueRequest, build_queue

if TYPE_CHECKING:
    from lmpt_desktop.catalogue import Catalogue


def queue_of(catalogue: Catalogue, state: LibraryState, request: QueueRequest) -> Queue:
    """The questions to ask now; any thread but the window's, which it would keep waiting."""
    # Features first: the snapshot taken afterwards knows at least their images.
    features = Features(*state.feature_view())
    return build_queue(state.snapshot, request, features, catalogue.runs.held_out())
