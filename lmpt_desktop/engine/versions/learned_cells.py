"""Which annotations a version was trained on (Qt-free)."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.prompt_sets import PromptSetRecord
from trainer import job as job_files
from trainer.job import JobError
from trainer.prompt_set import PromptSet

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class LearnedCells:
    """The training part of a run's job.

    Attributes:
        image_ids: (n,) int64, ascending.
        class_ids: (c,) int64, ascending.
        verdicts: (n, c) int8, the annotations when the run began: 1, 0 or -1.
    """

    image_ids: NDArray[np.int64]
    class_ids: NDArray[np.int64]
    verdicts: NDArray[np.int8]

    @classmethod
    def none(cls) -> LearnedCells:
        """Nothing was learned: predictions from the plain prompts."""
        nothing = np.empty(0, np.int64)
        return cls(nothing, nothing, np.empty((0, 0), np.int8))

    def includes(
        self, image_ids: NDArray[np.int64], class_ids: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """(m,) whether each class of each image, (m,) ids, was learned from."""
        return self._at(image_ids, class_ids) >= 0

    def matrix(
        self, image_ids: NDArray[np.int64], class_ids: NDArray[np.int64]
    ) -> NDArray[np.int8]:
        """(m, k) what was learned of each class, (k,) ids, of each image, (m,) ids: 1, 0 or -1."""
        return self._at(image_ids[:, None], class_ids[None])

    def _at(self, image_ids: NDArray[np.int64], class_ids: NDArray[np.int64]) -> NDArray[np.int8]:
        if not self.verdicts.size:
            return np.full(np.broadcast_shapes(image_ids.shape, class_ids.shape), -1, np.int8)
        rows = np.minimum(np.searchsorted(self.image_ids, image_ids), len(self.image_ids) - 1)
        columns = np.minimum(np.searchsorted(self.class_ids, class_ids), len(self.class_ids) - 1)
        there = (self.image_ids[rows] == image_ids) & (self.class_ids[columns] == class_ids)
        return np.where(there, self.verdicts[rows, columns], -1).astype(np.int8)


def learned_cells(
    catalogue: Catalogue, record: PromptSetRecord | None, prompt_set: PromptSet | None
) -> LearnedCells | None:
    """What a version (None: the plain prompts) has learned from; None where that is not known,
    because it was imported or its run's files are gone."""
    if record is None or prompt_set is None:
        return LearnedCells.none()
    if record.run_id is None:
        return None
    run = catalogue.runs.get(record.run_id)
    try:
        image_ids, targets = job_files.load_targets(run.folder)
        names = [item.name for item in job_files.load_classes(run.folder)]
    except JobError as error:
        log.warning("it is not known what version %d was trained on: %s", record.id, error)
        return None
    class_ids = np.array([record.class_ids.get(name, -1) for name in names], np.int64)
    trained = ~np.isin(image_ids, np.array(prompt_set.held_out, np.int64))
    image_ids, targets = image_ids[trained], targets[trained]
    rows, columns = np.argsort(image_ids), np.argsort(class_ids)
    return LearnedCells(image_ids[rows], class_ids[columns], targets[np.ix_(rows, columns)])
