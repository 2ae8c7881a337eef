"""Compares the predictions of two versions on the whole library (Qt-free).

This is arithmetic on features that takes seconds for a large library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.predictions import predicted_classes
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.engine.versions.learned_cells import LearnedCells
from lmpt_desktop.inference.compare import compare
from lmpt_desktop.inference.corrections import NOTHING, Tally, corrections
from lmpt_desktop.inference.measurement import MeasuredClass, Measurement, measure
from lmpt_desktop.inference.weights import ClassWeights
from trainer.prompt_set import ClassResult

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

MAX_CHANGED = 5000
"""How many changed predictions, or corrections, are listed one by one; all are counted."""

Cells = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Image ids and class ids, (m,) each."""


@dataclass(frozen=True)
class ChangedPrediction:
    """A class of an image that would appear (``gained``) or vanish."""

    image_id: int
    class_id: int
    old_score: float
    new_score: float
    gained: bool


@dataclass(frozen=True)
class CorrectedPrediction:
    """A verdict of the user's that at least one of the two versions contradicts."""

    image_id: int
    class_id: int
    present: bool
    """The verdict."""
    old_score: float
    new_score: float
    old_right: bool
    new_right: bool
    learned: bool
    """The new version was trained on it."""


@dataclass(frozen=True, eq=False)
class CorrectionSummary:
    """The user's corrections: the first of them, and how each version does on them.

    ``verdicts`` are all of the user's own that were looked at.  ``known`` is False where it is
    not known what the new version was trained on; then ``learned`` and ``unseen`` say nothing.
    """

    listed: tuple[CorrectedPrediction, ...] = ()
    verdicts: int = 0
    total: Tally = NOTHING
    learned: Tally = NOTHING
    unseen: Tally = NOTHING
    known: bool = True


@dataclass(frozen=True, eq=False)
class Comparison:
    """Old and new prompt set: on held-out annotations as they are now, on the user's own verdicts,
    and on the whole library.

    ``changed`` is sorted by how much the score moved, most first, and holds at most
    ``MAX_CHANGED`` entries; ``changed_count`` counts all of them and ``changed_images`` their
    images.

    ``measurement`` is None where no held-out image can be measured; ``figures`` are further ones
    of the run (calibration), by name.  ``run_id`` None: two versions were chosen.  ``results`` are
    those of the new version's own training, by class id: what its thresholds rest on.
    """

    run_id: int | None
    version_id: int
    old_version_id: int
    measurement: Measurement | None
    corrections: CorrectionSummary
    changed: tuple[ChangedPrediction, ...]
    changed_count: int
    changed_images: int
    gained: int
    lost: int
    figures: Mapping[str, float] = field(default_factory=dict)
    results: Mapping[int, ClassResult] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Evidence:
    """What versions are compared by, apart from their predictions.

    Attributes:
        held_out: images no run may learn from.
        verdicts: the user's own, (m,) bool: present or absent.
        cells: which classes of which images they are about.
        confirmed: where a prediction was only let stand.
        old_learned, new_learned: what the versions were trained on; None if that is unknown.
        train_present: (C,) examples that the new version was learned from.
        results: of the new version's own training, by class id.
    """

    held_out: AbstractSet[int]
    verdicts: NDArray[np.bool_]
    cells: Cells
    confirmed: Cells
    old_learned: LearnedCells | None
    new_learned: LearnedCells | None
    train_present: NDArray[np.int64]
    results: Mapping[int, ClassResult] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class _Scores:
    """Scores of the images ``ids`` (n,), (n, C) each; ``rows`` (n,) of the snapshot."""

    snapshot: Snapshot
    ids: NDArray[np.int64]
    rows: NDArray[np.int64]
    before: NDArray[np.float32]
    after: NDArray[np.float32]
    old_thresholds: NDArray[np.float32]
    new_thresholds: NDArray[np.float32]


def compare_versions(
    state: LibraryState,
    old: ClassWeights | None,
    new: ClassWeights | None,
    evidence: Evidence,
    *,
    version_id: int,
    old_version_id: int,
    run_id: int | None = None,
    figures: Mapping[str, float] | None = None,
) -> Comparison:
    """Compare two versions on the library as it is now.

    Args:
        state: of the library.
        old, new: their weights; None where one is of another backbone or not known yet.  Then
            nothing can be compared, and the comparison has no measurement and no changes.
        evidence: what they are compared by.
        version_id, old_version_id, run_id, figures: as in :class:`Comparison`.
    """
    scores = _scores(state, old, new)
    if scores is None:
        return Comparison(
            run_id, version_id, old_version_id, None, CorrectionSummary(), (), 0, 0, 0, 0
        )
    found = compare(scores.before, scores.old_thresholds, scores.after, scores.new_thresholds)
    listed = tuple(
        ChangedPrediction(
            image_id=int(scores.ids[row]),
            class_id=scores.snapshot.classes[column].id,
            old_score=float(scores.before[row, column]),
            new_score=float(scores.after[row, column]),
            gained=bool(gain),
        )
        for row, column, gain in zip(
            found.rows[:MAX_CHANGED].tolist(),
            found.columns[:MAX_CHANGED].tolist(),
            found.gained[:MAX_CHANGED].tolist(),
            strict=True,
        )
    )
    gained = int(found.gained.sum())
    return Comparison(
        run_id=run_id,
        version_id=version_id,
        old_version_id=old_version_id,
        measurement=_measured(scores, evidence),
        corrections=_corrected(scores, evidence),
        changed=listed,
        changed_count=len(found.rows),
        changed_images=found.images,
        gained=gained,
        lost=len(found.rows) - gained,
        figures=figures or {},
        results=evidence.results,
    )


def _scores(
    state: LibraryState, old: ClassWeights | None, new: ClassWeights | None
) -> _Scores | None:
    """What both predict for every image that has a feature."""
    snapshot = state.snapshot
    if old is None or new is None:
        return None
    if any(len(item.scales) != len(snapshot.classes) for item in (old, new)):
        return None  # the vocabulary has changed a moment ago
    has, found = state.scores_with(snapshot.image_ids, old, new)
    if not found:
        return None
    before, after = found
    return _Scores(
        snapshot,
        snapshot.image_ids[has],
        np.flatnonzero(has),
        before,
        after,
        # At the same strictness, whatever it is, so that neither looks surer for it.
        snapshot.strictness.applied(old.thresholds, snapshot.class_ids),
        snapshot.strictness.applied(new.thresholds, snapshot.class_ids),
    )


def _measured(scores: _Scores, evidence: Evidence) -> Measurement | None:
    """Both on the held-out images that neither was trained on; None without any."""
    held_out = np.fromiter(evidence.held_out, np.int64, len(evidence.held_out))
    for learned in (evidence.old_learned, evidence.new_learned):
        if learned is not None:
            held_out = held_out[~np.isin(held_out, learned.image_ids)]
    at = np.flatnonzero(np.isin(scores.ids, held_out))
    if not len(at):
        return None
    snapshot = scores.snapshot
    images, class_ids = evidence.confirmed
    confirmed = np.isin(images, scores.ids[at]) & np.isin(class_ids, snapshot.class_ids)
    return measure(
        scores.before[at],
        scores.after[at],
        snapshot.annotations[scores.rows[at]],
        [
            MeasuredClass(entry.id, entry.name, band, int(count))
            for entry, band, count in zip(
                snapshot.classes, snapshot.bands.bands, evidence.train_present, strict=True
            )
        ],
        confirmed=int(confirmed.sum()),
    )


def _corrected(scores: _Scores, evidence: Evidence) -> CorrectionSummary:
    """Both on the user's own verdicts."""
    images, class_ids = evidence.cells
    snapshot = scores.snapshot
    places = np.searchsorted(scores.ids, images)
    places = np.minimum(places, len(scores.ids) - 1)
    columns = np.array([snapshot.column_of.get(i, -1) for i in class_ids.tolist()], np.int64)
    usable = (scores.ids[places] == images) & (columns >= 0)
    usable[usable] &= ~(
        np.isnan(scores.before[places[usable], columns[usable]])
        | np.isnan(scores.after[places[usable], columns[usable]])
    )
    images, class_ids, present = images[usable], class_ids[usable], evidence.verdicts[usable]
    before = scores.before[places[usable], columns[usable]]
    after = scores.after[places[usable], columns[usable]]
    known = evidence.new_learned
    learned = np.zeros(len(images), np.bool_)
    if known is not None:
        learned = known.includes(images, class_ids)
    found = corrections(
        present,
        predicted_classes(before, scores.old_thresholds[columns[usable]]),
        predicted_classes(after, scores.new_thresholds[columns[usable]]),
        learned,
    )
    # What the new version gets wrong first, then what it puts right, then what both get wrong; the
    # most telling ones, which it has not learned from, first in each.
    kind = np.where(found.old_right, 0, np.where(found.new_right, 1, 2))
    at = found.places
    moved = np.abs(after[at] - before[at])
    order = np.lexsort((-moved, found.learned, kind))[:MAX_CHANGED]
    listed = tuple(
        CorrectedPrediction(
            int(images[at[place]]),
            int(class_ids[at[place]]),
            bool(present[at[place]]),
            float(before[at[place]]),
            float(after[at[place]]),
            bool(found.old_right[place]),
            bool(found.new_right[place]),
            bool(found.learned[place]),
        )
        for place in order.tolist()
    )
    return CorrectionSummary(
        listed,
        found.verdicts,
        found.tally(),
        found.tally(learned=True),
        found.tally(learned=False),
        known is not None,
    )
