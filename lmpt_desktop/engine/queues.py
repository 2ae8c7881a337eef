"""Review queues of an open library (Qt-free)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.engine.notices import AnnotationsChanged, Listener, Notice, VersionsChanged
from lmpt_desktop.engine.stacks import PhotoStacks
from lmpt_desktop.engine.tasks import Worker
from lmpt_desktop.inference.queues import Queue, QueueRequest, build_queue
from lmpt_desktop.inference.weights import ClassWeights


class ReviewQueues:
    """Questions for the user, from what the library knows now."""

    def __init__(
        self,
        catalogue: Catalogue,
        state: LibraryState,
        *,
        stacks: PhotoStacks,
        base: Callable[[], ClassWeights | None],
        candidate: Callable[[], ClassWeights | None],
        trained_images: Callable[[], set[int]],
        worker: Worker,
        subscribe: Callable[[Listener], Callable[[], None]],
    ) -> None:
        """``base``: the weights of the version in use by itself; ``candidate`` and
        ``trained_images`` as of the library's versions."""
        self._catalogue = catalogue
        self._state = state
        self._stacks = stacks
        self._base = base
        self._candidate = candidate
        self._trained_images = trained_images
        self._worker = worker
        self._measuring: frozenset[int] = frozenset()
        """Images that the last queue to measure with has asked about and that are not held out."""
        self._held: frozenset[int] = frozenset()
        """Images held out by an answer of this session."""
        self._settled: frozenset[int] = frozenset()
        """Those of them that a version may have been measured with."""
        subscribe(self._notice)

    def build(self, request: QueueRequest) -> Queue:
        """Questions worth answering now, best first; takes too long for the window's thread."""
        # Features first: the snapshot taken afterwards knows at least their images.
        features = self._state.features()
        found = self._stacks.now()
        snapshot, held_out = self._state.snapshot, self._catalogue.runs.held_out()
        stacks = found.of(snapshot.image_ids) if found.count else None
        if request.kind.row.by_version:
            scores = self._scores(snapshot, self._base())
            snapshot = snapshot if scores is None else replace(snapshot, scores=scores)
        if not request.kind.row.measures:
            conflicts = None
            if request.kind.row.between_libraries:
                conflicts = self._catalogue.conflicts.still_open()
            return build_queue(
                snapshot, request, features, held_out, stacks=stacks, conflicts=conflicts
            )
        queue = build_queue(
            snapshot,
            request,
            features,
            held_out,
            learned=self._trained_images(),
            rival_scores=self._scores(snapshot, self._candidate()),
            stacks=stacks,
        )
        self._measuring = frozenset(item.image_id for item in queue.items) - held_out
        return queue

    def _scores(
        self, snapshot: Snapshot, weights: ClassWeights | None
    ) -> NDArray[np.float32] | None:
        """(N, C) with these weights; None where they are not of this vocabulary."""
        if weights is None or len(weights.scales) != len(snapshot.classes):
            return None
        scores = np.full(snapshot.scores.shape, np.nan, np.float32)
        has, found = self._state.scores_with(snapshot.image_ids, weights)
        if found:
            scores[has] = found[0]
        return scores

    def _notice(self, notice: Notice) -> None:
        """Hold out what is answered, before any training can learn from it; and no longer hold
        out what has lost its only answers, while no version has come since."""
        if isinstance(notice, VersionsChanged):
            self._settled = self._held
        elif isinstance(notice, AnnotationsChanged):
            changed = (self._measuring | (self._held - self._settled)) & {*notice.image_ids}
            if changed:
                self._choose_sides(changed)

    def _choose_sides(self, changed: frozenset[int]) -> None:
        snapshot = self._state.snapshot
        ids = np.array(sorted(changed), np.int64)
        rows = snapshot.rows(ids)
        ids, rows = ids[rows >= 0], rows[rows >= 0]
        answered = np.any(snapshot.annotations[rows] >= 0, axis=1) | snapshot.reviewed[rows]
        hold = frozenset(ids[answered].tolist()) - self._held
        release = frozenset(ids[~answered].tolist()) & (self._held - self._settled)
        self._held = (self._held | hold) - release
        # A redo answers again.
        self._measuring = (self._measuring - hold) | release
        # The names differ: a task that waits is replaced by the next one of its name.
        if hold:
            self._worker.post(f"hold out {sorted(hold)}", lambda: self._store_sides(hold))
        if release:
            self._worker.post(f"release {sorted(release)}", lambda: self._store_sides(release))

    def _store_sides(self, image_ids: frozenset[int]) -> None:
        """Store what holds now: an undo may have come before its answer was stored."""
        held, runs = self._held, self._catalogue.runs
        runs.add_held_out(sorted(image_ids & held))
        runs.release_held_out(sorted(image_ids - held))
