"""Versions (prompt sets) of a library: listed, promoted, rolled back, compared."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING

import numpy as np

from lmpt_desktop.catalogue.records import PromptSetRecord
from lmpt_desktop.engine.model_service import ModelService
from lmpt_desktop.engine.retrain import REPLACES
from lmpt_desktop.engine.state import LibraryState
from lmpt_desktop.engine.views import ChangedPrediction, Comparison, VersionInfo
from lmpt_desktop.inference.compare import compare
from lmpt_desktop.inference.predict import predict
from lmpt_desktop.translation import _
from trainer import prompt_set as prompt_sets
from trainer.prompt_set import PromptSet, PromptSetError

if TYPE_CHECKING:
    from lmpt_desktop.catalogue import Catalogue

log = logging.getLogger(__name__)

ZERO_SHOT = 0
"""The version id that stands for no prompt set."""
MAX_CHANGED = 5000
"""So many changed predictions are listed one by one; all are counted."""


class Versions:
    """Prompt sets of one library."""

    def __init__(self, catalogue: Catalogue, state: LibraryState, model: ModelService) -> None:
        self._catalogue = catalogue
        self._state = state
        self._model = model
        self._loaded: dict[int, PromptSet] = {}

    def all(self) -> list[VersionInfo]:
        """Newest first, zero-shot last; versions that cannot be read are left out."""
        active = self._catalogue.prompt_sets.active(self._model.backbone)
        infos = [self._info(record, active) for record in self._catalogue.prompt_sets.all()]
        zero_shot = VersionInfo(
            ZERO_SHOT, "", self._model.backbone, active is None, True, 0, None, None
        )
        return [*(item for item in infos if item is not None), zero_shot]

    def _info(self, record: PromptSetRecord, active: PromptSetRecord | None) -> VersionInfo | None:
        try:
            prompt_set = self._load(record)
        except PromptSetError as error:
            log.warning("version %d is left out: %s", record.id, error)
            return None
        return VersionInfo(
            version_id=record.id,
            created=record.created.isoformat(),
            backbone=record.backbone,
            active=active is not None and active.id == record.id,
            promoted=record.promoted,
            classes=len(prompt_set.classes),
            evaluation=prompt_set.evaluation,
            run_id=record.run_id,
        )

    def _load(self, record: PromptSetRecord) -> PromptSet:
        if record.id not in self._loaded:
            self._loaded[record.id] = prompt_sets.load(record.folder)
        return self._loaded[record.id]

    def promote(self, version_id: int) -> None:
        """Predict with this version.

        Raises:
            KeyError: if there is none of that id.
            trainer.prompt_set.PromptSetError: if it cannot be read.
        """
        if version_id == ZERO_SHOT:
            self._catalogue.prompt_sets.promote_zero_shot(self._model.backbone)
        else:
            record = self._get(version_id)
            self._load(record)
            self._catalogue.prompt_sets.promote(record.id)
            if record.backbone != self._model.backbone:
                self._model.set_backbone(record.backbone)
        self._model.refresh()

    def roll_back(self) -> None:
        """Go back to what was active before the last promotion."""
        self._catalogue.prompt_sets.roll_back(self._model.backbone)
        self._model.refresh()

    def discard(self, version_id: int) -> None:
        """Delete a version that is not active.

        Raises:
            KeyError: if there is none of that id.
            ValueError: if it is active.
        """
        record = self._get(version_id)
        active = self._catalogue.prompt_sets.active(record.backbone)
        if active is not None and active.id == version_id:
            raise ValueError(_("This version is in use. Choose another one first."))
        self._catalogue.prompt_sets.discard(version_id)
        self._loaded.pop(version_id, None)
        shutil.rmtree(record.folder, ignore_errors=True)

    def _get(self, version_id: int) -> PromptSetRecord:
        for record in self._catalogue.prompt_sets.all():
            if record.id == version_id:
                return record
        raise KeyError(version_id)

    def compare_run(self, run_id: int) -> Comparison:
        """The run's version against the predictions without it.

        Before the version is promoted that is what the app predicts with now; while it is
        active, what was active before it.

        Raises:
            KeyError: if the run made no version, or it was discarded.
            trainer.prompt_set.PromptSetError: if it cannot be read.
        """
        record = self._of_run(run_id)
        prompt_set = self._load(record)
        snapshot = self._state.snapshot
        changed: list[ChangedPrediction] = []
        rows = np.empty(0, np.int64)
        gained = np.empty(0, np.bool_)
        old, new = self._model.weights_with(self._before(record)), self._model.weights_with(record)
        if record.backbone == self._model.backbone and old is not None and new is not None:
            has, features = self._state.features_of(snapshot.image_ids)
            if len(old.scales) == len(new.scales) == len(snapshot.classes) and has.any():
                ids = snapshot.image_ids[has]
                before, after = predict(features, old), predict(features, new)
                found = compare(before, old.thresholds, after, new.thresholds)
                rows, gained = found.rows, found.gained
                changed = [
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
                ]
        bands = snapshot.limits.bands(prompt_set.train_present)
        return Comparison(
            run_id=run_id,
            version_id=record.id,
            old=prompt_set.baseline,
            new=prompt_set.evaluation,
            bands=dict(zip(prompt_set.classes, bands, strict=True)),
            changed=tuple(changed),
            changed_count=len(rows),
            changed_images=len(np.unique(rows)),
            gained=int(gained.sum()),
            lost=int((~gained).sum()),
        )

    def _before(self, record: PromptSetRecord) -> PromptSetRecord | None:
        active = self._catalogue.prompt_sets.active(record.backbone)
        if active is None or active.id != record.id:
            return active
        if record.run_id is None:
            return None
        replaced = self._catalogue.runs.get(record.run_id).settings.get(REPLACES)
        if not isinstance(replaced, int):
            return None
        before = self._catalogue.prompt_sets.get(replaced)
        return None if before.discarded else before

    def _of_run(self, run_id: int) -> PromptSetRecord:
        for record in self._catalogue.prompt_sets.all():
            if record.run_id == run_id:
                return record
        raise KeyError(run_id)
