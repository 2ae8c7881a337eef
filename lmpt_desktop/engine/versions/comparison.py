"""Compares the predictions of two versions on the whole library (Qt-free).

This is arithmetic on features that takes seconds for a large library.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.inference.average_precision import evaluate
from lmpt_desktop.inference.compare import compare
from lmpt_desktop.inference.predict import predict
from lmpt_desktop.inference.weights import ClassWeights
from trainer.bands import Band
from trainer.prompt_set import Evaluation

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

MAX_CHANGED = 5000
"""How many changed predictions are listed one by one; all are counted."""


@dataclass(frozen=True)
class ChangedPrediction:
    """A class of an image that would appear (``gained``) or vanish."""

    image_id: int
    class_id: int
    old_score: float
    new_score: float
    gained: bool


@dataclass(frozen=True)
class Comparison:
    """Old and new prompt set, on held-out annotations and on the whole library.

    A class whose ``average_precision`` is None has too few held-out annotations.  ``changed`` is
    sorted by how much the score moved, most first, and holds at most ``MAX_CHANGED``
    entries; ``changed_count`` counts all of them and ``changed_images`` their images.

    ``run_id`` None: two versions were chosen, ``old_version_id`` and ``version_id``, and both
    are evaluated on the held-out images with their verdicts of now.
    """

    run_id: int | None
    version_id: int
    old: Evaluation | None
    new: Evaluation | None
    bands: dict[str, Band]
    """The band of each class name of the new prompt set, in training."""
    changed: tuple[ChangedPrediction, ...]
    changed_count: int
    changed_images: int
    gained: int
    lost: int
    old_version_id: int | None = None


@dataclass(frozen=True, eq=False)
class Changes:
    """Predictions that differ: the first of them, and their counts."""

    listed: tuple[ChangedPrediction, ...] = ()
    count: int = 0
    images: int = 0
    gained: int = 0
    lost: int = 0


def changed_predictions(
    state: LibraryState, old: ClassWeights | None, new: ClassWeights | None
) -> Changes:
    """Where the predictions of two sets of weights differ, largest change first."""
    snapshot = state.snapshot
    if old is None or new is None or not _fit(snapshot, old, new):
        return Changes()
    has, features = state.features().lookup(snapshot.image_ids)
    if not has.any():
        return Changes()
    ids = snapshot.image_ids[has]
    before, after = predict(features, old), predict(features, new)
    found = compare(before, old.thresholds, after, new.thresholds)
    listed = tuple(
        ChangedPrediction(
            image_id=int(ids[row]),
            class_id=snapshot.classes[column].id,
            old_score=float(before[row, column]),
            new_score=float(after[row, column]),
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
    return Changes(listed, len(found.rows), found.images, gained, len(found.rows) - gained)


def evaluate_held_out(
    state: LibraryState,
    weights: ClassWeights | None,
    held_out: AbstractSet[int],
    train_present: NDArray[np.int64],
) -> Evaluation | None:
    """Evaluate weights on the current annotations of the held-out images.

    Args:
        state: the library.
        weights: of every class of the vocabulary.
        held_out: images no run has learned from.
        train_present: (C,) present annotations each class was learned from, to report.

    Returns:
        None where no held-out image has a feature.
    """
    snapshot = state.snapshot
    if weights is None or not _fit(snapshot, weights):
        return None
    members = np.fromiter(held_out, np.int64, len(held_out))
    rows = np.flatnonzero(np.isin(snapshot.image_ids, members))
    has, features = state.features().lookup(snapshot.image_ids[rows])
    rows = rows[has]
    if not len(rows):
        return None
    return evaluate(
        predict(features, weights),
        snapshot.annotations[rows],
        [entry.name for entry in snapshot.classes],
        snapshot.bands.bands,
        train_present,
    )


def _fit(snapshot: Snapshot, *weights: ClassWeights) -> bool:
    """Whether the weights are those of the current vocabulary."""
    return all(len(item.scales) == len(snapshot.classes) for item in weights)
