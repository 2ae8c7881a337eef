"""The stacks of an open library: bursts and look-alikes, grouped when somebody asks (Qt-free)."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from weakref import ReferenceType, ref

import numpy as np

from lmpt_desktop.domain.records import ImageTable
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.inference.queues import Features
from lmpt_desktop.inference.stacks import Stacks, library_stacks

REST = 20
"""While photos are being encoded, grouping rests this many times as long as it took: it would be
done again with every batch."""


@dataclass(frozen=True, eq=False)
class _Found:
    """What was grouped, from what, and until when it is good enough."""

    stacks: Stacks
    images: ImageTable
    buffer: ReferenceType[np.ndarray]
    """Where the features are; a change of backbone puts others in their place."""
    count: int
    until: float


class PhotoStacks:
    """Groups the photos of a library; nothing is stored, nothing done before somebody asks."""

    def __init__(self, state: LibraryState) -> None:
        self._state = state
        self._lock = threading.Lock()
        self._found: _Found | None = None

    def now(self, *, exact: bool = True) -> Stacks:
        """The stacks; takes too long for the window's thread (see docs/stacks.md).

        Args:
            exact: False accepts those of a moment ago while photos are being encoded; see
                :attr:`current`.
        """
        with self._lock:
            found = self._found
            if found is None or not (
                self._is_current(found) or (not exact and time.monotonic() < found.until)
            ):
                found = self._found = self._group()
            return found.stacks

    @property
    def current(self) -> bool:
        """Whether :meth:`now` has been asked since photos or features changed."""
        found = self._found
        return found is not None and self._is_current(found)

    def _group(self) -> _Found:
        begun = time.monotonic()
        # Features first: the snapshot taken afterwards knows at least their images.
        features = self._state.features()
        snapshot = self._state.snapshot
        stacks = library_stacks(snapshot, features)
        ended = time.monotonic()
        rest = REST * (ended - begun)
        buffer = ref(_buffer(features))
        return _Found(stacks, snapshot.images, buffer, len(features.ids), ended + rest)

    def _is_current(self, found: _Found) -> bool:
        features = self._state.features()
        return (
            self._state.snapshot.images is found.images
            and len(features.ids) == found.count
            and _buffer(features) is found.buffer()
        )


def _buffer(features: Features) -> np.ndarray:
    base = features.matrix.base
    return base if isinstance(base, np.ndarray) else features.matrix
