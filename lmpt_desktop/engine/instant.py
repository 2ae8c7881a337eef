"""Instant learning in an open library: every verdict moves the predictions at once (Qt-free).

The weights in use are a function of the library alone: of its annotations, its features and the
weights of the active version (or of the plain prompts), called the *base* here.  Everything runs on
the session's worker; a verdict costs whoever gives it one entry of a set.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.domain.records import Source, Verdict
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.class_weights import Version
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.engine.notices import (
    AnnotationsChanged,
    Listener,
    Notice,
    PredictionsTaught,
    RunChanged,
)
from lmpt_desktop.engine.tasks import Worker
from lmpt_desktop.engine.versions.learned_cells import LearnedCells, learned_cells
from lmpt_desktop.inference.queues import Features
from lmpt_desktop.inference.taught_weights import library_sample, taught
from lmpt_desktop.inference.weights import ClassWeights
from lmpt_desktop.settings import INSTANT, Settings
from trainer.instant import Instant, Lesson, soft_biases
from trainer.one_thread import one_thread
from trainer.options import FitOptions

FEATURES_SECONDS = 5.0
"""While photos are being encoded, everything is learned again at this interval."""
_MANY, _SHARE_AGAIN = 256, 4
"""With more changed photos than these, and than this part (1 / n) of those that were learned from,
everything is learned again."""
_BLOCK_IMAGES = 8192
"""Images that are taught at once: some tens of MB, however many are annotated."""
_Cells: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int8]]
"""Image ids, class ids and verdicts, (n,) each."""
_CONFIRMED = list(Source).index(Source.CONFIRMED)


@dataclass(frozen=True, eq=False)
class _Learned:
    """What was learned, and from what.

    Attributes:
        learner: of all classes; its keys are image ids.
        stored: the features that it need not keep itself.
        sample: features that stand for the library; features: how many there were.
        photos: how many were annotated.
        held_out: images that teach nothing, as stored; kept_out: with their copies.
        version: what the base has learned from; None where that is not known.
    """

    learner: Instant
    stored: NDArray[np.float16]
    sample: NDArray[np.float32]
    features: int
    photos: int
    held_out: set[int]
    kept_out: NDArray[np.int64]
    version: LearnedCells | None


class InstantLearning:
    """Adds to the weights of an open library what its verdicts teach.

    A verdict that the active version was trained on is in its weights already, and a held-out
    photo teaches nothing (docs/adr/0003), here as elsewhere.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        state: LibraryState,
        worker: Worker,
        settings: Settings,
        notify: Callable[[Notice], None],
    ) -> None:
        self._catalogue = catalogue
        self._state = state
        self._worker = worker
        self._settings = settings
        self._notify = notify
        self._lock = threading.Lock()
        self._changed: set[int] = set()
        self._all_changed = False
        self._base: tuple[tuple[int, ...], ClassWeights, Version | None] | None = None
        self._learned: _Learned | None = None
        settings.on_change(INSTANT, self._switched)

    def follow(self, subscribe: Callable[[Listener], object]) -> None:
        """Learn from what is annotated from now on."""
        subscribe(self._notice)

    def features_arrived(self) -> None:
        """Photos were encoded: what annotated ones of them teach is learned soon."""
        if not self._settings.get(INSTANT) or self._state.snapshot.annotations.max(initial=-1) < 0:
            # Nothing can be learned, and whoever waits for the session would wait for this.
            return
        self._worker.post("instant features", self._learn_more_features, FEATURES_SECONDS)

    # -------------------------------------------------------------------------- on the worker

    def weights(
        self, class_ids: Sequence[int], base: ClassWeights, version: Version | None
    ) -> ClassWeights:
        """``base``, which ``version`` gives the vocabulary, and what verdicts teach beyond it."""
        self._base = tuple(class_ids), base, version
        self._take()
        return self._all_learned()

    def _all_learned(self) -> ClassWeights:
        """The weights, with everything learned from scratch."""
        assert self._base is not None
        class_ids, base, version = self._base
        self._learned = None
        features, snapshot = self._state.features(), self._state.snapshot
        if (
            not self._settings.get(INSTANT)
            or not len(features.ids)
            or not len(class_ids)
            or class_ids != tuple(entry.id for entry in snapshot.classes)
            or features.matrix.shape[1] != base.embeddings.shape[1]
        ):
            return base
        sample, mean = library_sample(features.ids, features.matrix)
        held_out = self._catalogue.runs.held_out()
        biases = soft_biases(base.embeddings, base.scales, mean)
        # Without an array as large as the annotations.
        annotated = np.flatnonzero(snapshot.annotations.max(axis=1) >= 0)
        learned = self._learned = _Learned(
            Instant(base.embeddings, base.scales, biases, mean, features.matrix),
            features.matrix,
            sample,
            len(features.ids),
            len(annotated),
            held_out,
            self._with_copies(held_out),
            self._cells_of(version),
        )
        columns = self._teach(learned, snapshot.image_ids[annotated], base)
        return self._with(learned, base, base, columns)

    def _with(
        self,
        learned: _Learned,
        base: ClassWeights,
        weights: ClassWeights,
        columns: NDArray[np.int64],
    ) -> ClassWeights:
        """``weights`` with these columns as they are learned now."""
        if not len(columns):
            return weights
        offsets = learned.learner.offsets(columns)
        embeddings, biases = weights.embeddings.copy(), weights.biases.copy()
        embeddings[columns], biases[columns] = taught(base, columns, offsets, learned.sample)
        return replace(weights, embeddings=embeddings, biases=biases)

    def _teach(
        self, learned: _Learned, image_ids: NDArray[np.int64], base: ClassWeights
    ) -> NDArray[np.int64]:
        """Learn from these images as they are annotated now; returns the classes that differ."""
        confirmed = None
        if len(image_ids) > self._many(learned):
            # With so many photos, reading every annotation is faster than asking for theirs.
            confirmed = self._catalogue.annotations.of_source(Source.CONFIRMED)
        snapshot, features = self._state.snapshot, self._state.features()

        def lessons() -> Iterator[Lesson]:
            for start in range(0, len(image_ids), _BLOCK_IMAGES):
                part = image_ids[start : start + _BLOCK_IMAGES]
                yield self._lesson(learned, part, base, (snapshot, features), confirmed)

        return learned.learner.teach_all(lessons())

    def _many(self, learned: _Learned) -> int:
        return max(_MANY, learned.photos // _SHARE_AGAIN)

    def _lesson(
        self,
        learned: _Learned,
        image_ids: NDArray[np.int64],
        base: ClassWeights,
        now: tuple[Snapshot, Features],
        confirmed: _Cells | None,
    ) -> Lesson:
        """What these images teach as they are ``now``."""
        snapshot, features = now
        places = features.places(image_ids)
        rows = snapshot.rows(image_ids)
        usable = (places >= 0) & (rows >= 0)
        image_ids, places, rows = image_ids[usable], places[usable], rows[usable]
        matrix = features.matrix[places]
        # Where only one value of a row is not finite, neither is their sum.
        usable = np.isfinite(matrix.sum(axis=1, dtype=np.float32))
        if not usable.all():
            image_ids, places, rows = image_ids[usable], places[usable], rows[usable]
            matrix = matrix[usable]
        targets = snapshot.annotations[rows]
        if learned.version is None:
            known = np.broadcast_to(base.trained, targets.shape)
        else:
            # A class that is zero-shot has learned from none of them.
            before = learned.version.matrix(image_ids, snapshot.class_ids)
            known = base.trained & (before == targets)
        targets = np.where(known | np.isin(image_ids, learned.kept_out)[:, None], -1, targets)
        weights = np.ones(targets.shape, np.float16)
        weights[self._confirmed(image_ids, targets, snapshot, confirmed)] = (
            FitOptions.confirmed_weight
        )
        # Rows are only added, unless all are copied to another place.
        same = features.matrix.ctypes.data == learned.stored.ctypes.data
        there = same and not (places >= len(learned.stored)).any()
        return Lesson(
            image_ids, matrix, targets.astype(np.int8), weights, places if there else None
        )

    def _confirmed(
        self,
        image_ids: NDArray[np.int64],
        targets: NDArray[np.int8],
        snapshot: Snapshot,
        cells: _Cells | None,
    ) -> NDArray[np.bool_]:
        """(n, C) which present classes only let a prediction stand; of all ``cells`` that do, or,
        without these, as the catalogue says."""
        class_ids = snapshot.class_ids
        if cells is None:
            sources = self._catalogue.annotations.sources(image_ids, class_ids)
            return (sources == _CONFIRMED) & (targets == Verdict.PRESENT)
        found = np.zeros(targets.shape, np.bool_)
        images, classes, _verdicts = cells
        if len(images) and len(image_ids):
            by_image, by_class = np.argsort(image_ids), np.argsort(class_ids)
            rows = np.searchsorted(image_ids, images, sorter=by_image)
            columns = np.searchsorted(class_ids, classes, sorter=by_class)
            rows = by_image[np.minimum(rows, len(image_ids) - 1)]
            columns = by_class[np.minimum(columns, len(class_ids) - 1)]
            keep = (image_ids[rows] == images) & (class_ids[columns] == classes)
            found[rows[keep], columns[keep]] = True
        return found & (targets == Verdict.PRESENT)

    def _with_copies(self, held_out: set[int]) -> NDArray[np.int64]:
        if not held_out:
            return np.empty(0, np.int64)
        return np.array(sorted(self._catalogue.images.of_same_photos(list(held_out))), np.int64)

    def _cells_of(self, version: Version | None) -> LearnedCells | None:
        if version is None:
            return LearnedCells.none()
        return learned_cells(self._catalogue, version.record, version.prompt_set)

    def _learn_changed(self) -> None:
        """Learn what was annotated since the last time, and predict with it."""
        changed, everything = self._take()
        learned, used = self._learned, self._state.weights
        if learned is None or self._base is None or used is None or used[0] != self._base[0]:
            self._learn_again()
            return
        held_out = self._catalogue.runs.held_out()
        if held_out != learned.held_out:
            kept_out = self._with_copies(held_out)
            changed |= set(np.setxor1d(kept_out, learned.kept_out).tolist())
            learned = self._learned = replace(learned, held_out=held_out, kept_out=kept_out)
        first = learned.photos == 0 and learned.features != len(self._state.features().ids)
        if first or everything or len(changed) > self._many(learned):
            self._learn_again()
            return
        base = self._base[1]
        # A few small products each: whoever gave the verdict waits for them.
        with one_thread():
            columns = self._teach(learned, np.array(sorted(changed), np.int64), base)
            self._use(self._with(learned, base, used[1], columns), columns)

    def _learn_more_features(self) -> None:
        learned = self._learned
        if learned is None or learned.features != len(self._state.features().ids):
            self._learn_again()

    def _learn_again(self) -> None:
        """Learn everything, and predict with it."""
        if self._base is None:
            return
        used = self._state.weights
        if used is None or used[0] != self._base[0]:
            return  # the vocabulary has changed; its weights will follow
        self._take()
        weights = self._all_learned()
        same = np.isclose(weights.embeddings, used[1].embeddings, 0, 1e-9, True).all(axis=1)
        same &= np.isclose(weights.biases, used[1].biases, 0, 1e-7, True)
        self._use(weights, np.flatnonzero(~same))

    def _use(self, weights: ClassWeights, columns: NDArray[np.int64]) -> None:
        if not len(columns) or self._base is None:
            return
        class_ids = self._base[0]
        done = self._state.change_weights(class_ids, weights, columns)
        if not done:
            self._state.set_weights(class_ids, weights)
            done = self._state.predict()
        if done:
            self._notify(PredictionsTaught())

    # ---------------------------------------------------------------------------- any thread

    def _notice(self, notice: Notice) -> None:
        if isinstance(notice, AnnotationsChanged):
            with self._lock:
                self._changed.update(notice.image_ids)
                self._all_changed |= not notice.image_ids
            self._worker.post("instant", self._learn_changed)
        elif isinstance(notice, RunChanged):
            # A run may hold out more photos.
            self._worker.post("instant", self._learn_changed)

    def _switched(self, _on: bool) -> None:
        self._worker.post("instant all", self._learn_again)

    def _take(self) -> tuple[set[int], bool]:
        with self._lock:
            changed, everything = self._changed, self._all_changed
            self._changed, self._all_changed = set(), False
        return changed, everything
