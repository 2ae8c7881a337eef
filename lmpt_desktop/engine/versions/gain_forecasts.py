"""What a few more examples of each class are expected to gain, kept until something changes
(Qt-free)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.prompt_sets import PromptSetRecord
from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.class_weights import Version
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.engine.versions.versions import REPLACES
from lmpt_desktop.inference.gain_forecast import (
    TRAIN_SHARE,
    GainForecast,
    Levels,
    PastSteps,
    forecast,
)
from lmpt_desktop.inference.neighbourhood import purity
from trainer.prompt_set import Evaluation, PromptSet

Readable = Sequence[tuple[PromptSetRecord, PromptSet]]


class GainForecasts:
    """The forecast for one library."""

    def __init__(
        self, catalogue: Catalogue, state: LibraryState, readable: Callable[[], Readable]
    ) -> None:
        """``readable``: the versions of the backbone in use that can be read."""
        self._catalogue = catalogue
        self._state = state
        self._readable = readable
        self._lock = threading.Lock()
        self._kept: tuple[object, GainForecast] | None = None

    def of(self, snapshot: Snapshot) -> GainForecast:
        """For the classes of ``snapshot``; reads the catalogue, and takes a fraction of a second
        after a change."""
        features = self._state.features()
        versions = self._readable()
        key = (snapshot.version, len(features.ids), tuple((r.id, r.active) for r, _set in versions))
        with self._lock:
            if self._kept is None or self._kept[0] != key:
                steps = past_steps(versions, snapshot.classes, self._replaced)
                made = forecast(levels(versions, snapshot), purity(snapshot, features), steps)
                self._kept = (key, made)
            return self._kept[1]

    def _replaced(self, record: PromptSetRecord) -> int | None:
        """The prompt set that was in use when the run of this one began."""
        assert record.run_id is not None
        found = self._catalogue.runs.get(record.run_id).settings.get(REPLACES)
        return found if isinstance(found, int) else None


def levels(versions: Readable, snapshot: Snapshot) -> Levels:
    """Where every class stands with the version in use."""
    count = len(snapshot.classes)
    ap, support = np.full(count, np.nan), np.zeros(count, np.int64)
    for record, prompt_set in versions:
        if record.active and prompt_set.evaluation is not None:
            ap, support = _measured(record, prompt_set, prompt_set.evaluation, snapshot.classes)
    return Levels(TRAIN_SHARE * snapshot.bands.present, ap, support)


def past_steps(
    versions: Readable,
    classes: Sequence[ClassEntry],
    replaced: Callable[[PromptSetRecord], int | None],
) -> PastSteps:
    """What every run has gained over what was in use when it began.

    Args:
        versions: that can be read.
        classes: C, as they are now.
        replaced: the id of the version in use when a run began; None for the plain prompts.
    """
    learned = {record.id: _learned(record, item, classes) for record, item in versions}
    parts: list[tuple[NDArray[np.int64] | NDArray[np.float64], ...]] = []
    for record, prompt_set in versions:
        if record.run_id is None or prompt_set.evaluation is None or prompt_set.baseline is None:
            continue
        before = replaced(record)
        if before is not None and before not in learned:
            continue  # it was discarded, so that it is not known what it had learned from
        first, support = _measured(record, prompt_set, prompt_set.baseline, classes)
        second, _support = _measured(record, prompt_set, prompt_set.evaluation, classes)
        had = learned[before] if before is not None else np.zeros(len(classes), np.int64)
        columns = np.flatnonzero(np.isfinite(first) & np.isfinite(second) & (support > 0))
        runs = np.full(len(columns), record.run_id)
        figures = (had, learned[record.id], first, second, support)
        parts.append((columns, runs, *(item[columns] for item in figures)))
    if not parts:
        return PastSteps.none()
    return PastSteps(*(np.concatenate(items) for items in zip(*parts, strict=True)))


def _learned(
    record: PromptSetRecord, prompt_set: PromptSet, classes: Sequence[ClassEntry]
) -> NDArray[np.int64]:
    """(C,) present annotations that a version was trained on."""
    rows = Version(prompt_set, {}, record.class_ids).rows(classes)
    return np.where(rows >= 0, prompt_set.train_present[np.maximum(rows, 0)], 0)


def _measured(
    record: PromptSetRecord,
    prompt_set: PromptSet,
    evaluation: Evaluation,
    classes: Sequence[ClassEntry],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(C,) the AP of every class, NaN where it has none, and the photos it was measured on."""
    found = {item.name: item for item in evaluation.classes}
    rows = Version(prompt_set, {}, record.class_ids).rows(classes)
    ap, support = np.full(len(classes), np.nan), np.zeros(len(classes), np.int64)
    for column, row in enumerate(rows.tolist()):
        item = found.get(prompt_set.classes[row]) if row >= 0 else None
        if item is not None and item.average_precision is not None:
            ap[column], support[column] = item.average_precision, item.held_out_present
    return ap, support
