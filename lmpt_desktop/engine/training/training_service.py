"""Retraining and captions of an open library (Qt-free)."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Sequence
from functools import partial

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.domain.records import ImageState, Source
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.child_process import TRAINER
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.engine.model_service import ModelService
from lmpt_desktop.engine.notices import Notice
from lmpt_desktop.engine.training import jobs
from lmpt_desktop.engine.training.advice import RetrainAdvice, advise
from lmpt_desktop.engine.training.captioning import (
    CaptionerMissingError,
    CaptionWriter,
)
from lmpt_desktop.engine.training.jobs import Preflight, RetrainOptions
from lmpt_desktop.engine.training.retrain import (
    RetrainController,
    RetrainRefusedError,
    RunStatus,
)
from lmpt_desktop.engine.versions.versions import Versions
from lmpt_desktop.settings import DEVICE, LAST_SUGGESTION, RetrainSuggestion, Settings
from trainer import job as job_files
from trainer.job import JobError
from trainer.suggested import installed_captioner
from trainer.threads import start_thread

log = logging.getLogger(__name__)


class TrainingService:
    """Suggests, checks, starts and follows retrainings of one library."""

    def __init__(
        self,
        catalogue: Catalogue,
        state: LibraryState,
        *,
        model: ModelService,
        versions: Versions,
        settings: Settings,
        notify: Callable[[Notice], None],
        fit_command: Sequence[str] = (*TRAINER, "fit"),
        away_command: Sequence[str] = (*TRAINER, "remote", "fit"),
        caption_command: Sequence[str] = (*TRAINER, "caption"),
    ) -> None:
        self._catalogue = catalogue
        self._state = state
        self._model = model
        self._versions = versions
        self._settings = settings
        self._runs = RetrainController(catalogue, notify, fit_command, away_command)
        # Another program may not know how to wait.
        self._may_wait = tuple(fit_command) == (*TRAINER, "fit")
        self._captions = CaptionWriter(catalogue, notify, caption_command)

    # -------------------------------------------------------------------------- retraining

    def advice(self, *, suggest: bool = True) -> RetrainAdvice | None:
        """The verdicts since the last retraining and, with ``suggest``, whether to suggest
        another; None: nothing can be learned in this library.  Reads the catalogue.
        """
        return advise(
            self._catalogue,
            self._state.snapshot,
            backbone=self._model.backbone,
            versions=self._versions,
            settings=self._settings,
            preflight=self.preflight,
            suggest=suggest,
        )

    def suggested(self, advice: RetrainAdvice) -> None:
        """Remember that this was suggested: it is not due again until there is twice as much to
        learn from.
        """
        self._settings.set(LAST_SUGGESTION, RetrainSuggestion(advice.since, advice.verdicts))

    def preflight(self, machine: str = "") -> Preflight:
        """What a retraining on ``machine`` ("": this computer) would do now, or why it cannot be
        done.  Reads the catalogue, and asks the other computer nothing."""
        snapshot = self._state.snapshot
        return self._preflight(snapshot, self._training_data(snapshot), machine)

    def expect_run(self, expected: bool) -> None:
        """Whether a retraining on this computer may be started soon: a process then loads what it
        needs meanwhile.  Returns at once, on any thread.
        """
        if not self._may_wait:
            return
        self._runs.expect(expected)
        with contextlib.suppress(MemoryError, RuntimeError):  # it would only be faster
            start_thread(self._runs.settle, "expected fit")

    def start(self, options: RetrainOptions | None = None) -> int:
        """Build the job and start the run; returns its id.

        Raises:
            RetrainRefusedError: with the reason, in a sentence.
        """
        options = options or RetrainOptions()
        snapshot = self._state.snapshot
        data = self._training_data(snapshot)
        preflight = self._preflight(snapshot, data, options.machine)
        if not preflight.ok:
            raise RetrainRefusedError(" ".join(preflight.refusals))
        weights = self._model.base_weights()
        assert weights is not None  # the preflight refuses otherwise
        image_ids = snapshot.image_ids[data.rows]
        captions = self._catalogue.images.captions(image_ids)
        # Only here are kernel part and windows of the version in use at hand.
        has, scores = self._state.scores_with(image_ids, weights)
        job = jobs.build_job(
            snapshot,
            data,
            weights,
            backbone=self._model.backbone,
            options=options,
            captions=[captions.get(int(i), "") for i in image_ids],
            # A copy of a photo that judges must not be learned from, and the other way round.
            held_out=self._catalogue.images.of_same_photos(list(self._catalogue.runs.held_out())),
            trained_on=self._catalogue.images.of_same_photos(list(self._trained_on())),
            confirmed=self._catalogue.annotations.of_source(Source.CONFIRMED)[:2],
            windows=jobs.training_windows(
                image_ids,
                data.features,
                partial(self._catalogue.features.windows, self._model.backbone),
            ),
            scores=scores[0] if has.all() else None,
        )
        return self._runs.start(job, snapshot.class_ids[data.columns].tolist(), options.machine)

    def cancel(self, run_id: int) -> None:
        """Ask the run to stop; it keeps the best prompt set so far."""
        self._runs.cancel(run_id)

    def current_run(self) -> RunStatus | None:
        """The newest run with its events so far (running or not), or None.  Reads the
        catalogue."""
        return self._runs.current()

    def recover(self) -> None:
        """Follow a run that was under way when the library was last closed."""
        self._runs.recover()

    def close(self) -> None:
        """Stop following (a running retraining continues) and stop writing captions."""
        self._runs.close()
        self._captions.close()

    def _training_data(self, snapshot: Snapshot) -> jobs.TrainingData:
        return jobs.training_data(snapshot, self._state.features())

    def _preflight(self, snapshot: Snapshot, data: jobs.TrainingData, machine: str) -> Preflight:
        return jobs.preflight(
            snapshot,
            data,
            self._model.base_weights(),
            backbone=self._model.backbone,
            device=machine or self._model.device or self._model.last_device,
            running=self._runs.running,
            expected_seconds=self._runs.expected_seconds(
                self._model.backbone, len(data.columns), machine
            ),
        )

    def _trained_on(self) -> set[int]:
        """Images the active prompt set has learned from: those of its job."""
        active = self._catalogue.prompt_sets.active(self._model.backbone)
        if active is None or active.run_id is None:
            return set()
        try:
            image_ids = job_files.load_image_ids(self._catalogue.runs.get(active.run_id).folder)
        except JobError as error:
            log.warning("the active version's job is gone: %s", error)
            return set()
        return {int(i) for i in image_ids}

    # ---------------------------------------------------------------------------- captions

    def write_captions(self) -> int:
        """Have the installed captioner describe the annotated photos that have no caption, in
        the background; returns how many these are.  Training reads captions of annotated photos
        only.

        Raises:
            CaptionRefusedError: with the reason: none is installed (nothing is downloaded), or
                one is already running.
        """
        captioner = installed_captioner(self._model.backbone)
        if captioner is None:
            raise CaptionerMissingError
        snapshot = self._state.snapshot
        usable = (snapshot.annotations >= 0).any(axis=1) & (snapshot.states == ImageState.OK)
        image_ids = snapshot.image_ids[usable]
        captioned = self._catalogue.images.captions(image_ids)
        missing = [int(i) for i in image_ids if int(i) not in captioned]
        if missing:
            self._captions.start(missing, captioner, self._settings.get(DEVICE))
        return len(missing)

    def cancel_captions(self) -> None:
        """Stop writing captions; those written are kept."""
        self._captions.cancel()
