"""A library whose user is a table of true answers, run with the app's own parts.

State, predictions, job building and training are the app's; only photos, catalogue and window
are missing.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.records import NO_DATE, Batch, ClassEntry, ImageTable
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.domain.texts import Texts
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.engine.training import jobs
from lmpt_desktop.engine.training.jobs import RetrainOptions
from lmpt_desktop.inference.class_prior import class_prior, sampled_rows
from lmpt_desktop.inference.predict import predict
from lmpt_desktop.inference.queues import Features, Queue, QueueItem, QueueRequest, build_queue
from lmpt_desktop.inference.taught_weights import library_sample, taught
from lmpt_desktop.inference.weights import ClassWeights, assemble
from trainer import job, prompt_set
from trainer.cancel import CancelToken
from trainer.events import FitFinished, Message
from trainer.fit import fit
from trainer.instant import Instant, soft_biases
from trainer.prompt_set import PromptSet
from trainer.suggested import LITE

Question = tuple[int, int]
"""Row and column."""


class SimulatedLibrary:
    """Images with known answers, nothing annotated, predicted zero-shot.

    Args:
        names: C classes.
        features: (N, D) unit norm.
        truth: (N, C) bool, the answers.
        zero_shot: (C, D) embeddings of the names.
        backbone: as :func:`trainer.backbone.load_backbone` gives it.
        options: of the trainer, beside what the method sets.
        seed: of the trainings.
        instant: whether every answer moves the predictions, as in the app (instant learning).
    """

    def __init__(
        self,
        names: list[str],
        features: NDArray[np.float32],
        truth: NDArray[np.bool_],
        zero_shot: NDArray[np.float32],
        backbone: Any,
        *,
        options: dict[str, object],
        seed: int,
        instant: bool = False,
    ) -> None:
        self.truth, self.verdicts, self.retrained = truth, 0, 0
        self.prompt_set: PromptSet | None = None
        """What the last retraining made."""
        self._zero_shot, self._backbone = zero_shot, backbone
        self._options, self._seed, self._instant = options, seed, instant
        self._learned = blank_targets(truth.shape)
        self._held_out: set[int] = set()
        self._trained_on: set[int] = set()
        entries = [ClassEntry(place + 1, name) for place, name in enumerate(names)]
        blank = blank_targets(truth.shape)
        self._state = LibraryState(_table(len(features)), entries, blank, set(), None)
        half = features.astype(np.float16)
        self._state.add_features(self.snapshot.image_ids, half)
        names = backbone.name_frequency
        self._prior = class_prior(
            half[sampled_rows(*truth.shape)].astype(np.float32) @ zero_shot.T,
            backbone.scale,
            backbone.frequency_bias,
            name_frequencies=None if names is None else zero_shot @ np.array(names, np.float32),
        )
        self._predict_with(None)

    @property
    def snapshot(self) -> Snapshot:
        return self._state.snapshot

    @property
    def weights(self) -> ClassWeights:
        """What classes are predicted with now."""
        found = self._state.weights
        assert found is not None
        return found[1]

    def scores(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, C), what is predicted now for other images, (n, D)."""
        return predict(features.astype(np.float16), self.weights)

    def queue(self, request: QueueRequest) -> Queue:
        """As the session answers it."""
        return build_queue(self.snapshot, request, self.features, self._held_out)

    def question(self, item: QueueItem) -> Question:
        """Row and column of an item about one class."""
        assert item.class_id is not None
        return item.image_id - 1, item.class_id - 1

    def answer(self, questions: list[Question]) -> int:
        """The user answers truthfully; how many were new."""
        fresh = list(dict.fromkeys(q for q in questions if self.snapshot.annotations[q] < 0))
        if fresh:
            rows, columns = np.array(fresh, np.int64).T
            self._state.apply(
                Batch(
                    id=0,
                    at=datetime.now(UTC),
                    action="apply",
                    image_ids=rows + 1,
                    class_ids=columns + 1,
                    before=np.full(len(rows), -1, np.int8),
                    after=self.truth[rows, columns].astype(np.int8),
                )
            )
            if self._instant:
                self._teach()
        self.verdicts += len(fresh)
        return len(fresh)

    def retrain(self) -> bool:
        """As *Model > Retrain prompts...* would, promoted at once; False where it is refused."""
        snapshot = self.snapshot
        data = jobs.training_data(snapshot, self._state.features())
        check = jobs.preflight(
            snapshot,
            data,
            self._base,
            backbone=LITE,
            device="cpu",
            running=False,
            expected_seconds=None,
        )
        if not check.ok:
            return False
        todo = jobs.build_job(
            snapshot,
            data,
            self._base,
            backbone=LITE,
            options=RetrainOptions(device="cpu", seed=self._seed, options=dict(self._options)),
            captions=[""] * len(data.rows),
            held_out=self._held_out,
            trained_on=self._trained_on,
            scores=predict(data.features, self._base),
        )
        made = train(todo, self._backbone)
        self._held_out |= set(made.held_out)
        self._trained_on |= {int(i) for i in todo.image_ids} - self._held_out
        # Row i is image i + 1; of the rest of the vocabulary the version has learned nothing.
        self._learned = blank_targets(self.truth.shape)
        rows = np.array(sorted(self._trained_on), np.int64) - 1
        self._learned[rows] = snapshot.annotations[rows]
        self._predict_with(made)
        self.retrained += 1
        return True

    @property
    def features(self) -> Features:
        return self._state.features()

    def _predict_with(self, made: PromptSet | None) -> None:
        self.prompt_set = made
        classes = self.snapshot.classes
        weights = assemble(
            self._zero_shot,
            scale=self._backbone.scale,
            bias=self._prior.biases,
            thresholds=self._prior.thresholds,
            prompt_set=made,
            rows=None if made is None else rows_of(made, [item.name for item in classes]),
        )
        self._base = weights
        self._state.set_weights([entry.id for entry in classes], weights)
        self._state.predict()
        if self._instant:
            self._teach()

    def _teach(self) -> None:
        """What :class:`lmpt_desktop.engine.instant.InstantLearning` does, from scratch."""
        base, annotations = self._base, self.snapshot.annotations
        seen = base.trained & (self._learned == annotations)
        targets = np.where(seen, -1, annotations).astype(np.int8)
        targets[np.array(sorted(self._held_out), np.int64) - 1] = -1
        rows = np.flatnonzero((targets >= 0).any(axis=1))
        sample, mean = library_sample(self.features.ids, self.features.matrix)
        learner = Instant(
            base.embeddings, base.scales, soft_biases(base.embeddings, base.scales, mean), mean
        )
        matrix = self.features.matrix[rows]
        columns = learner.teach(rows, matrix, targets[rows])
        embeddings, biases = base.embeddings.copy(), base.biases.copy()
        if len(columns):
            made = taught(base, columns, learner.offsets(columns), sample)
            embeddings[columns], biases[columns] = made
        weights = replace(base, embeddings=embeddings, biases=biases)
        self._state.set_weights([entry.id for entry in self.snapshot.classes], weights)
        self._state.predict()


def rows_of(made: PromptSet, names: list[str]) -> NDArray[np.int64]:
    """(C,) the row of each class in a prompt set, -1 where it has learned none."""
    places = {name: place for place, name in enumerate(made.classes)}
    return np.array([places.get(name, -1) for name in names], np.int64)


def train(todo: job.FitJob, backbone: Any) -> PromptSet:
    """Run a job in this process.

    Raises:
        RuntimeError: if it fails.
    """
    heard: list[Message] = []
    with tempfile.TemporaryDirectory() as folder:
        job.save(todo, Path(folder))
        outcome = fit(Path(folder), heard.append, CancelToken(), lambda name, device: backbone)
        if not isinstance(outcome, FitFinished):
            raise RuntimeError(str(outcome))
        return prompt_set.load(Path(outcome.prompt_set))


def blank_targets(shape: tuple[int, ...]) -> NDArray[np.int8]:
    """All unknown."""
    return np.full(shape, -1, np.int8)


def _table(count: int) -> ImageTable:
    zeros = np.zeros(count, np.int64)
    return ImageTable(
        ids=np.arange(1, count + 1),
        folder_ids=zeros,
        states=zeros.astype(np.int8),
        sizes=zeros,
        mtime=zeros,
        taken=np.full(count, NO_DATE),
        widths=zeros.astype(np.int32),
        heights=zeros.astype(np.int32),
        names=Texts.of(f"{place}.jpg" for place in range(count)),
        fingerprints=Texts.of([""] * count),
        edited=zeros.astype(np.bool_),
    )
