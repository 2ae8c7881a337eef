"""The arrays of one open library and the snapshot made of them (thread-safe, Qt-free).

Any thread may change rows (images), columns (classes) and, after the catalogue has committed
them, annotations; only the session's worker changes scores.  Every change builds a new snapshot
under the lock; readers take the reference and need no lock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.class_tally import ClassTally, StaleTally
from lmpt_desktop.domain.records import Batch, ClassEntry, ImageTable
from lmpt_desktop.domain.snapshot import Snapshot, no_scores
from lmpt_desktop.domain.strictness import Strictness
from lmpt_desktop.engine.encoding.feature_rows import FeatureRows
from lmpt_desktop.engine.kept_matrix import Change, KeptMatrix
from lmpt_desktop.inference.predict import moved_columns, predict, predict_columns
from lmpt_desktop.inference.queues import Features
from lmpt_desktop.inference.weights import DEFAULT_THRESHOLD, ClassWeights, changed_classes
from lmpt_desktop.inference.window_cosines import (
    ReadWindows,
    WindowCosines,
    library_cosines,
    window_cosines,
)
from trainer.bands import BandLimits

ReadMatrix = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.int8]]
"""(image ids, class ids) -> verdicts, as :meth:`Annotations.matrix`."""

_BLOCK = 1 << 20
"""Changes that are applied at once; each takes some 50 bytes meanwhile."""
_CARRIED = {
    "images": ("image_ids", "dates"),
    "classes": ("class_ids", "column_of"),
    "scores": ("scored",),
}
"""Cached properties that stay valid while the field they are computed from is unchanged."""
_TALLIED = ("annotations", "reviewed", "scores")
"""What the tallies of a snapshot are counted from, besides the thresholds of each."""
_TALLIES = {"tally": "thresholds", "own_tally": "own_thresholds"}
"""Both tallies, and their thresholds."""


class LibraryState:
    """Keeps rows, columns, scores and annotations consistent."""

    def __init__(
        self,
        images: ImageTable,
        classes: Sequence[ClassEntry],
        annotations: NDArray[np.int8],
        reviewed: set[int],
        limits: BandLimits | None,
        *,
        strictness: Strictness | None = None,
    ) -> None:
        """``limits`` None: those that suit the number of images; ``strictness`` None: 0."""
        n, c = len(images), len(classes)
        strictness = strictness or Strictness()
        ids = np.array([entry.id for entry in classes], np.int64)
        own = np.full(c, DEFAULT_THRESHOLD, np.float32)
        self._lock = threading.RLock()
        self._shape = 0
        self._chosen_limits = limits
        self._features: FeatureRows | None = None
        self._read_windows: ReadWindows | None = None
        self._weights: tuple[tuple[int, ...], ClassWeights] | None = None
        self._scored = 0
        """How many of the features have been scored."""
        self._changed: NDArray[np.int64] | None = None
        """The columns that these lack, as their weights have changed since; None: no weights."""
        self._newest_batch = 0
        self._annotations = KeptMatrix[np.int8]()
        self._scores = KeptMatrix[np.float32]()
        """Written on the session's worker alone."""
        self._snapshot = _frozen(
            Snapshot(
                version=1,
                images=images,
                classes=tuple(classes),
                scores=no_scores(n, c),
                thresholds=strictness.applied(own, ids),
                trained=np.zeros(c, np.bool_),
                annotations=annotations,
                reviewed=_member(images.ids, reviewed),
                limits=limits or BandLimits.for_library(n),
                strictness=strictness,
                own_thresholds=own,
            )
        )

    @property
    def snapshot(self) -> Snapshot:
        """The library now."""
        return self._snapshot

    # -------------------------------------------------------------------- rows and columns

    def set_images(self, images: ImageTable, read: ReadMatrix, reviewed: set[int]) -> None:
        """Replace the rows.  Verdicts of new images are read with ``read``; ``reviewed`` holds the
        ids of reviewed images among the new ones."""
        with self._lock:
            old = self._snapshot
            if np.array_equal(images.ids, old.image_ids):
                self._evolve(images=images)
                return
            kept, source = _match(images.ids, old.image_ids)
            shape = len(images), len(old.classes)
            scores = no_scores(*shape)
            if not old.unscored:
                scores = _carried(old.scores, kept, source, len(images), np.nan)
            annotations = _carried(old.annotations, kept, source, len(images), -1)
            new = np.ones(len(images), np.bool_)
            new[kept] = False
            # ``reviewed`` was read a moment ago; later marks are in the old snapshot.
            marks = _member(images.ids, reviewed)
            marks[kept] = old.reviewed[source]
            if new.any() and len(old.classes):
                annotations[new] = read(images.ids[new], old.class_ids)
            known = self._features.view().ids if self._features is not None else ()
            if np.isin(images.ids[new], known).any():
                self._scored = 0
            self._shape += 1
            self._evolve(
                images=images,
                scores=scores,
                annotations=annotations,
                reviewed=marks,
                limits=self._chosen_limits or BandLimits.for_library(len(images)),
            )

    def set_classes(self, classes: Sequence[ClassEntry], read: ReadMatrix) -> None:
        """Replace the columns; scores of new classes are NaN until predicted."""
        with self._lock:
            old = self._snapshot
            ids = np.array([entry.id for entry in classes], np.int64)
            found = np.array([old.column_of.get(entry.id, -1) for entry in classes], np.int64)
            fresh = found < 0
            scores = no_scores(len(old.images), len(ids))
            if not old.unscored:
                scores = _taken(old.scores, found, np.nan)
            annotations = _taken(old.annotations, found, -1)
            if fresh.any() and len(old.images):
                annotations[:, fresh] = read(old.image_ids, ids[fresh])
            own = _own_thresholds(old)
            thresholds = _taken(own[None], found, DEFAULT_THRESHOLD)[0]
            trained = _taken(old.trained[None], found, False)[0]
            self._shape += 1
            self._evolve(
                classes=tuple(classes),
                scores=scores,
                annotations=annotations,
                own_thresholds=thresholds,
                trained=trained,
            )

    def set_limits(self, limits: BandLimits | None) -> None:
        """Set the band limits; None for those that suit the number of images."""
        with self._lock:
            self._chosen_limits = limits
            images = len(self._snapshot.images)
            self._evolve(limits=limits or BandLimits.for_library(images))

    def set_strictness(self, strictness: Strictness) -> bool:
        """Set how sure a prediction must be; returns whether that changes anything.

        Scores stay, so that it takes no longer in a large library.
        """
        with self._lock:
            if strictness == self._snapshot.strictness:
                return False
            self._evolve(strictness=strictness)
            return True

    # ------------------------------------------------------------------------- annotations

    def apply(
        self,
        batch: Batch,
        read: ReadMatrix | None = None,
        read_reviewed: Callable[[], set[int]] = set,
    ) -> None:
        """Apply a change that the catalogue has committed.

        If a later one was applied before, as threads do not take turns, what it changes is read
        with ``read`` and ``read_reviewed``.
        """
        with self._lock:
            old = self._snapshot
            if batch.id < self._newest_batch and read is not None:
                batch = _as_now(batch, read, read_reviewed)
            self._newest_batch = max(self._newest_batch, batch.id)
            changes: dict[str, Any] = {}
            changed = np.concatenate((batch.image_ids, batch.reviewed_ids)).astype(np.int64)
            if len(batch.image_ids):
                annotations = self._annotations.changed(old.annotations, _cells_of(batch, old))
                changes["annotations"] = annotations
            if len(batch.reviewed_ids):
                rows, known = _places(batch.reviewed_ids, old.image_ids)
                reviewed = old.reviewed.copy()
                reviewed[rows[known]] = batch.reviewed_after[known]
                changes["reviewed"] = reviewed
            if changes:
                self._evolve(changed, **changes)

    def reread(self, read: ReadMatrix, read_reviewed: Callable[[], set[int]]) -> bool:
        """Read every verdict again, because another process has changed some; returns whether any
        differ.

        Reading takes place outside the lock, and is repeated where something changed meanwhile.
        """
        while True:
            old = self._snapshot
            annotations = read(old.image_ids, old.class_ids)
            reviewed = _member(old.image_ids, read_reviewed())
            with self._lock:
                now = self._snapshot
                if any(
                    getattr(now, name) is not getattr(old, name)
                    for name in ("images", "classes", "annotations", "reviewed")
                ):
                    continue
                same = np.array_equal(annotations, old.annotations)
                if same and np.array_equal(reviewed, old.reviewed):
                    return False
                self._evolve(annotations=annotations, reviewed=reviewed)
                return True

    # -------------------------------------------------------------- features and scores

    def set_features(
        self, features: FeatureRows | None, read_windows: ReadWindows | None = None
    ) -> None:
        """Set the features of another backbone (None: none yet); scores become unknown.

        ``read_windows`` reads the windows of these features, and of those added later, which must
        be there by then.
        """
        with self._lock:
            self._features = features
            self._read_windows = read_windows
            self._weights = None
            self._scored = 0
            self._evolve(scores=no_scores(*self._snapshot.scores.shape))

    def add_features(
        self,
        ids: NDArray[np.int64],
        features: NDArray[np.float16],
        windows: NDArray[np.int8] | None = None,
    ) -> None:
        """Add features that were just committed; the next :meth:`predict` scores them.

        ``windows`` (n, W, D) of these photos, if the backbone makes them.
        """
        while True:
            with self._lock:
                embeddings = self._features.window_embeddings if self._features else None
            # Not under the lock: with many classes it takes a while.
            cosines = None
            if embeddings is not None:
                cosines = window_cosines(features, windows, embeddings)
            with self._lock:
                if self._features is None or not self._features.dim:
                    self._features = FeatureRows(features.shape[1])
                if self._features.window_embeddings is not embeddings:
                    continue
                if self._features.full(len(ids)):
                    self._drop_replaced()
                windowed = windows is not None
                self._features.append(ids, features, windowed=windowed, cosines=cosines)
                return

    def windowed(self) -> NDArray[np.int64]:
        """(m,) the images in memory that are known to have windows, repeats included."""
        with self._lock:
            if self._features is None:
                return np.empty(0, np.int64)
            return self._features.windowed_ids()

    def features(self) -> Features:
        """All features in memory."""
        with self._lock:
            return self._features.view() if self._features is not None else Features.none()

    def let_go_features(self) -> None:
        """Take features that are in a mapped file out of this process's memory until they are read
        again."""
        with self._lock:
            rows = self._features
        if rows is not None:
            rows.let_go()

    def let_go_matrices(self) -> None:
        """Give back the memory of snapshots that are no longer in use, except for one."""
        self._annotations.let_go()
        self._scores.let_go()

    def set_weights(self, class_ids: Sequence[int], weights: ClassWeights) -> None:
        """Use these from the next :meth:`predict` on, which scores the classes that differ."""
        with self._lock:
            old, self._weights = self._weights, (tuple(class_ids), weights)
            if not self._scored or old is None or old[0] != self._weights[0]:
                self._scored = 0
                return
            changed = changed_classes(old[1], weights)
            if self._changed is not None:
                changed = np.union1d(changed, self._changed)
            self._changed = changed
            if 2 * len(changed) > len(class_ids):
                self._scored = 0

    @property
    def weights(self) -> tuple[tuple[int, ...], ClassWeights] | None:
        """The class ids and weights in use, or None."""
        return self._weights

    def scores_with(
        self, image_ids: NDArray[np.int64], *weights: ClassWeights
    ) -> tuple[NDArray[np.bool_], list[NDArray[np.float32]]]:
        """What other weights would predict; reads the windows of the library where these compare
        them with something else.

        Returns:
            Which images have a feature, (n,), and for each of the weights the scores of these
            images, (m, C) float32; none where m is 0.
        """
        with self._lock:
            rows, read = self._features, self._read_windows
            features = rows.view() if rows is not None else Features.none()
            known = _known_windows(rows)
        places = features.places(image_ids)
        has = places >= 0
        places = places[has]
        scores: list[NDArray[np.float32]] = []
        for item in weights if len(places) else ():
            windows = None
            if item.window_embeddings is not None:
                found = library_cosines(features, item.window_embeddings, read, known)
                windows = found.at(places)
            scores.append(predict(features.matrix[places], item, windows))
        return has, scores

    def predict(self) -> bool:
        """Bring the scores up to date; returns whether anything changed.

        Only the session's worker calls this.  The arithmetic runs outside the lock; where
        rows or columns changed meanwhile it is done again.
        """
        while True:
            with self._lock:
                snapshot, shape, start = self._snapshot, self._shape, self._scored
                if self._features is None or self._weights is None:
                    return False
                class_ids, weights = self._weights
                features = self._features.view()
                windows = self._features.window_view()
                embeddings = self._features.window_embeddings
                version, changed = self._weights, self._changed
            end = len(features.ids)
            if class_ids != tuple(entry.id for entry in snapshot.classes):
                return False  # the vocabulary has changed; its weights will follow
            if start and start == end and changed is None:
                return False
            wanted = weights.window_embeddings
            if wanted is None:
                windows = None
            elif not _equal(embeddings, wanted):
                self._renew_windows(wanted)
                continue
            if not start and np.array_equal(features.ids, snapshot.image_ids):
                scores = predict(features.matrix, weights, windows)
            elif not start:
                scores = _blank(snapshot.scores.shape)
                rows, made = _scores_of(slice(0, end), features, windows, weights, snapshot)
                scores[rows] = made
            else:
                parts: list[Change] = []
                if changed is not None and len(changed):
                    done = slice(0, start)
                    rows, made = _scores_of(
                        done, features, windows, weights, snapshot, columns=changed
                    )
                    parts.append((np.ix_(rows, changed), made))
                rows, made = _scores_of(slice(start, end), features, windows, weights, snapshot)
                parts.append(((rows,), made))
                scores = self._scores.changed(snapshot.scores, parts)
            with self._lock:
                if self._shape != shape or self._weights is not version:
                    continue
                self._scored = end
                self._changed = None
                self._evolve(
                    scores=scores,
                    own_thresholds=weights.thresholds.copy(),
                    trained=weights.trained.copy(),
                )
            self.let_go_features()
            return True

    def change_weights(
        self, class_ids: Sequence[int], weights: ClassWeights, columns: NDArray[np.int64]
    ) -> bool:
        """Use weights that differ from those in use in ``columns`` alone, (k,) ascending, and score
        these.

        Thresholds are the same.  Returns whether that could be done; if not, weights or scores are
        about to change anyway.  Called as :meth:`predict` is.
        """
        while True:
            with self._lock:
                snapshot, shape, end = self._snapshot, self._shape, self._scored
                version = self._weights
                same = tuple(entry.id for entry in snapshot.classes) == tuple(class_ids)
                if version is None or version[0] != tuple(class_ids) or not same:
                    return False
                if self._features is None or not end or end != len(self._features):
                    return False
                features = self._features.view()
                windows = self._features.window_view()
            found = _changed_scores(
                features, snapshot, version[1], weights, columns, windows=windows
            )
            if np.array_equal(features.ids, snapshot.image_ids):
                part: Change = (slice(None), columns), found
            else:
                rows, known = _places(features.ids, snapshot.image_ids)
                part = (rows[known, None], columns), found[known]
            scores = self._scores.changed(snapshot.scores, (part,))
            with self._lock:
                if self._shape != shape or self._weights is not version:
                    continue
                self._weights = (tuple(class_ids), weights)
                self._evolve(columns=columns, scores=scores)
            self.let_go_features()
            return True

    # ------------------------------------------------------------------------------- inside

    def _renew_windows(self, embeddings: NDArray[np.float32]) -> None:
        """Have the cosines of the library's windows with these ``embeddings`` in memory; only
        columns that are not there yet take long."""
        with self._lock:
            rows, read = self._features, self._read_windows
            if rows is None:
                return
            features, known = rows.view(), _known_windows(rows)
        parts = [library_cosines(features, embeddings, read, known)]
        done = len(features.ids)
        while True:
            with self._lock:
                if rows is not self._features:
                    return
                arrived = rows.view(done)
                if not len(arrived.ids):
                    rows.set_windows(embeddings, WindowCosines.joined(parts))
                    return
            parts.append(library_cosines(arrived, embeddings, read, few=True))
            done += len(arrived.ids)

    def _drop_replaced(self) -> None:
        """Make room in the features, where many images have come again."""
        assert self._features is not None
        features, kept = self._features.without_replaced()
        if 4 * len(features) <= 3 * len(self._features):
            self._features = features
            self._scored = int(np.count_nonzero(kept[: self._scored]))
            self._shape += 1

    def _evolve(
        self,
        changed: NDArray[np.int64] | None = None,
        /,
        *,
        columns: NDArray[np.int64] | None = None,
        **changes: Any,
    ) -> None:
        """Publish a snapshot with these ``changes``.

        Args:
            changed: (n,) ids, with repeats, of the only images whose verdicts or marks differ;
                None if anything else may.
            columns: (k,) ascending, where alone the scores differ; None if they may elsewhere.
        """
        old = self._snapshot
        new = _with_thresholds(old, replace(old, version=old.version + 1, **changes))
        for name, carried in _CARRIED.items():
            if getattr(new, name) is getattr(old, name) and (
                name != "scores" or new.thresholds is old.thresholds
            ):
                # A copy: whoever reads the old one may have it compute another property meanwhile.
                known = old.__dict__.copy()
                new.__dict__.update({k: v for k, v in known.items() if k in carried})
        _carry_tallies(old, new, changed, columns)
        self._snapshot = _frozen(new)


def _cells_of(batch: Batch, snapshot: Snapshot) -> Iterator[Change]:
    """What a batch makes of the annotations in ``snapshot``."""
    for start in range(0, len(batch.image_ids), _BLOCK):
        part = slice(start, start + _BLOCK)
        rows, known_rows = _places(batch.image_ids[part], snapshot.image_ids)
        columns, known_columns = _columns(batch.class_ids[part], snapshot.class_ids)
        known = known_rows & known_columns
        after = batch.after[part]
        if not known.all():
            rows, columns, after = rows[known], columns[known], after[known]
        yield (rows, columns), after


def _scores_of(
    part: slice,
    features: Features,
    windows: WindowCosines | None,
    weights: ClassWeights,
    snapshot: Snapshot,
    *,
    columns: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The scores of some of the features: (n,) rows of the snapshot, and (n, C), or (n, m) of these
    ``columns`` (m,) only."""
    matrix = features.matrix[part]
    cosines = windows.at(part) if windows is not None else None
    rows, known = _places(features.ids[part], snapshot.image_ids)
    if not known.all():
        rows, matrix = rows[known], matrix[known]
        cosines = cosines.at(known) if cosines is not None else None
    if columns is not None:
        return rows, predict_columns(matrix, weights, columns, cosines)
    return rows, predict(matrix, weights, cosines)


def _changed_scores(
    features: Features,
    snapshot: Snapshot,
    before: ClassWeights,
    after: ClassWeights,
    columns: NDArray[np.int64],
    *,
    windows: WindowCosines | None,
) -> NDArray[np.float32]:
    """(n, m) scores of these ``columns`` (m,) for every row of ``features``, after a change of
    their embeddings and biases."""
    if after.kernel is not None and not len(after.more_columns):
        # The kernel part takes as long for one class as for all, but its share stays as it is.
        chosen, aligned = snapshot.scores, np.array_equal(features.ids, snapshot.image_ids)
        if not aligned:
            rows, known = _places(features.ids, snapshot.image_ids)
            chosen = np.where(known[:, None], chosen[np.where(known, rows, 0)], np.float32(0.5))
        found = moved_columns(
            chosen[:, columns],
            features.matrix,
            before.of_classes(columns),
            after.of_classes(columns),
            finite=features.finite,
        )
        if found is not None:
            return found
    return predict_columns(features.matrix, after, columns, windows, finite=features.finite)


def _known_windows(
    rows: FeatureRows | None,
) -> tuple[NDArray[np.float32], WindowCosines] | None:
    windows = rows.window_view() if rows is not None else None
    if rows is None or rows.window_embeddings is None or windows is None:
        return None
    return rows.window_embeddings, windows


def _equal(one: NDArray[np.float32] | None, other: NDArray[np.float32]) -> bool:
    return one is other or (one is not None and np.array_equal(one, other, equal_nan=True))


def _own_thresholds(snapshot: Snapshot) -> NDArray[np.float32]:
    own = snapshot.own_thresholds
    return snapshot.thresholds if own is None else own


def _with_thresholds(old: Snapshot, new: Snapshot) -> Snapshot:
    """``new`` with the thresholds that follow from its strictness: the only place where they are
    made."""
    same = ("own_thresholds", "strictness", "classes")
    if all(getattr(new, name) is getattr(old, name) for name in same):
        return new
    thresholds = new.strictness.applied(_own_thresholds(new), new.class_ids)
    return replace(new, thresholds=thresholds)


def _carry_tallies(
    old: Snapshot,
    new: Snapshot,
    changed: NDArray[np.int64] | None,
    columns: NDArray[np.int64] | None,
) -> None:
    """Keep what was counted where it still holds; count again only the images that have changed
    where these are known, or, as soon as it is asked for, the classes whose scores have: a verdict
    then costs next to nothing that grows with the library."""
    known = {
        name: _known_tally(old, name)
        for name, thresholds in _TALLIES.items()
        if getattr(new, thresholds) is getattr(old, thresholds)
    }
    known = {name: tally for name, tally in known.items() if tally is not None}
    differ = {name for name in _TALLIED if getattr(new, name) is not getattr(old, name)}
    if not differ:
        _keep_tallies(new, known)
        same = new.limits == old.limits and new.own_thresholds is old.own_thresholds
        if same and "bands" in old.__dict__:
            new.__dict__["bands"] = old.__dict__["bands"]
    elif differ == {"scores"} and columns is not None:
        stale = {
            name: replace(tally, columns=np.union1d(tally.columns, columns))
            for name, tally in known.items()
        }
        if 2 * max((len(tally.columns) for tally in stale.values()), default=0) < len(new.classes):
            _keep_tallies(new, stale)
    elif "scores" not in differ and changed is not None and len(changed) <= len(old.images):
        rows, there = _places(np.unique(changed), old.image_ids)
        rows = rows[there]
        if known and 4 * len(rows) <= len(old.images):
            _keep_tallies(new, _with_rows(old, new, known, rows))


def _known_tally(snapshot: Snapshot, name: str) -> StaleTally | None:
    """What is known of one of the tallies, without counting anything."""
    if name in snapshot.__dict__:
        return StaleTally(snapshot.__dict__[name], np.empty(0, np.int64))
    return snapshot.stale_tallies.get(name)


def _keep_tallies(snapshot: Snapshot, known: dict[str, StaleTally]) -> None:
    for name, tally in known.items():
        if len(tally.columns):
            snapshot.stale_tallies[name] = tally
        else:
            snapshot.__dict__[name] = tally.tally


def _with_rows(
    old: Snapshot, new: Snapshot, known: dict[str, StaleTally], rows: NDArray[np.int64]
) -> dict[str, StaleTally]:
    """These tallies of ``old`` for ``new``, in which only these rows have other verdicts or
    marks."""
    parts = {
        "tally": lambda: (old.tally_of(rows), new.tally_of(rows)),
        "own_tally": lambda: (old.own_tally_of(rows), new.own_tally_of(rows)),
    }
    made: dict[int, ClassTally] = {}
    result: dict[str, StaleTally] = {}
    for name, stale in known.items():
        # Without strictness both are one.
        same = id(stale.tally)
        if same not in made:
            made[same] = stale.tally.replaced(*parts[name]())
        result[name] = replace(stale, tally=made[same])
    return result


def _frozen(snapshot: Snapshot) -> Snapshot:
    for name in ("scores", "thresholds", "trained", "annotations", "reviewed"):
        getattr(snapshot, name).flags.writeable = False
    _own_thresholds(snapshot).flags.writeable = False
    return snapshot


def _carried(
    values: NDArray[Any],
    kept: NDArray[np.int64],
    source: NDArray[np.int64],
    rows: int,
    other: float,
) -> NDArray[Any]:
    """(rows, C) that hold row ``source`` of ``values`` in row ``kept``, and ``other`` elsewhere."""
    result = np.empty((rows, values.shape[1]), values.dtype)
    count = len(kept)
    if count == len(values) and count and kept[-1] == source[-1] == count - 1:
        # Rows were only added: most of the work is one copy, without Python's lock.
        result[:count] = values
        result[count:] = other
        return result
    result.fill(other)
    result[kept] = values[source]
    return result


def _blank(shape: tuple[int, ...]) -> NDArray[np.float32]:
    return np.full(shape, np.nan, np.float32)


def _taken(values: NDArray[Any], columns: NDArray[np.int64], other: float) -> NDArray[Any]:
    """(N, C) columns of ``values``; ``other`` where the column is negative.

    np.take is six times as fast here as indexing with a list of columns.
    """
    if not values.shape[1]:
        return np.full((len(values), len(columns)), other, values.dtype)
    taken = np.take(values, np.maximum(columns, 0), axis=1)
    taken[:, columns < 0] = other
    return taken


def _member(ids: NDArray[np.int64], members: set[int]) -> NDArray[np.bool_]:
    if not members:
        return np.zeros(len(ids), np.bool_)
    return np.isin(ids, np.fromiter(members, np.int64, len(members)))


def _places(
    requested: NDArray[np.int64], ascending: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where ``requested`` ids are in ``ascending``: (n,) rows, and (n,) whether they are there."""
    if not len(ascending):
        return np.zeros(len(requested), np.int64), np.zeros(len(requested), np.bool_)
    if len(requested) > int(ascending[-1]):
        # Many more ids to look up than there are: a table is faster than a search.
        table = np.zeros(int(ascending[-1]) + 1, np.int64)
        table[ascending] = np.arange(len(ascending))
        rows = table[np.clip(requested, 0, len(table) - 1)]
    else:
        rows = np.minimum(np.searchsorted(ascending, requested), len(ascending) - 1)
    return rows, ascending[rows] == requested


def _columns(
    requested: NDArray[np.int64], class_ids: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """As :func:`_places`, for ids in the vocabulary's order rather than an ascending one."""
    order = np.argsort(class_ids)
    places, known = _places(requested, class_ids[order])
    return (order[places] if len(order) else places), known


def _match(
    new: NDArray[np.int64], old: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of ``new`` that are in ``old``, and their rows there."""
    rows, known = _places(new, old)
    return np.flatnonzero(known), rows[known]


def _as_now(batch: Batch, read: ReadMatrix, read_reviewed: Callable[[], set[int]]) -> Batch:
    """``batch`` with what its cells and marks are now instead of what it made of them."""
    images, rows = np.unique(batch.image_ids, return_inverse=True)
    classes, columns = np.unique(batch.class_ids, return_inverse=True)
    after = read(images, classes)[rows, columns] if len(images) else batch.after
    marks = _member(batch.reviewed_ids, read_reviewed()) if len(batch.reviewed_ids) else None
    return replace(
        batch, after=after, reviewed_after=batch.reviewed_after if marks is None else marks
    )
