"""The course of a run: descents, validation, early stopping, checkpoints, progress."""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from trainer import checkpoint as checkpoints
from trainer import memory, metrics
from trainer.bands import BandLimits
from trainer.blending import Judgement
from trainer.checkpoint import Checkpoint
from trainer.events import FitProgress, FitValidated, Message
from trainer.learner import (
    Fitting,
    NotFiniteError,
    Snapshot,
    StepLosses,
    Task,
)
from trainer.options import FitOptions
from trainer.stop import StopWatch

log = logging.getLogger(__name__)
Result = TypeVar("Result")

REPORT_SECONDS = 0.25
CHECKPOINT_SECONDS = 2.0
MIN_GAIN = 0.001
"""Of mAP; less does not count against the patience."""


class Report:
    """Turns steps into progress events, a few per second at most."""

    def __init__(self, emit: Callable[[Message], None], steps: int) -> None:
        self.emit = emit
        self.steps = steps
        self._waiting: list[StepLosses] = []
        self._durations: deque[float] = deque(maxlen=20)
        self._last_step = time.monotonic()
        self._last_report = 0.0

    def begin(self) -> None:
        """The next step starts now; what came before does not count as its time."""
        self._last_step = time.monotonic()

    def step(self, step: int, losses: StepLosses) -> None:
        """A step of the whole run is done."""
        now = time.monotonic()
        self._durations.append(now - self._last_step)
        self._last_step = now
        self._waiting.append(losses)
        if now - self._last_report < REPORT_SECONDS and step < self.steps:
            return
        self._last_report = now
        count = len(self._waiting)
        self.emit(
            FitProgress(
                step=step,
                steps=self.steps,
                loss=sum(item.total for item in self._waiting) / count,
                loss_classification=sum(item.classification for item in self._waiting) / count,
                loss_embedding=sum(item.embedding for item in self._waiting) / count,
                seconds_left=sorted(self._durations)[len(self._durations) // 2]
                * max(self.steps - step, 0),
            )
        )
        self._waiting.clear()


class Descents:
    """One or two descents, resumable at any step.

    Attributes:
        best: the prompts to keep if the run ended now; None before the first step is done.
        stopped_early: whether validation ended the first descent before its last step.

    Args:
        task: the first descent; watched on its validation if it has one.
        refit: the second one, on all training images up to the best step; or None.
        look: called with a snapshot now and then where there is no inner validation.
    """

    def __init__(
        self,
        task: Task,
        refit: Task | None,
        *,
        options: FitOptions,
        seed: int,
        report: Report,
        stop: StopWatch,
        checkpoint: Path | None,
        fingerprint: str,
        limits: BandLimits,
        look: Callable[[Snapshot], None],
    ) -> None:
        self._task, self._refit, self._options, self._seed = task, refit, options, seed
        self._report, self._stop = report, stop
        self._path, self._fingerprint = checkpoint, fingerprint
        self._limits, self._look = limits, look
        self.best: Snapshot | None = None
        self.stopped_early = False
        self._stale = 0
        self._done_before = 0
        self._refitting = False
        self._saved_at = time.monotonic()

    def run(self) -> Snapshot:
        """Go through, from the checkpoint if there is one of this job.

        Raises:
            StopRequestedError: when asked to stop; :attr:`best` is what to keep.
            NotFiniteError: when the loss is no number; likewise.
        """
        try:
            return self._run()
        except NotFiniteError as error:
            raise NotFiniteError(
                self._done_before + error.step, kept=self.best is not None
            ) from error

    def _run(self) -> Snapshot:
        fitting = self._resume()
        self._report.begin()
        if not self._refitting:
            fitting = fitting or self._new(self._task)
            self._descend(fitting)
            if self._refit is None or self.best is None or self.best.step == 0:
                return self._kept()
            self._refitting = True
            self._done_before = fitting.step
            fitting = None
        assert self._refit is not None
        chosen = self._kept()
        self._report.steps = self._done_before + chosen.step
        return self._repeat(fitting or self._new(self._refit), chosen)

    def _new(self, task: Task) -> Fitting:
        return Fitting(task, self._options, self._seed, self._stop.check)

    def _kept(self) -> Snapshot:
        assert self.best is not None
        return self.best

    def _descend(self, fitting: Fitting) -> None:
        watched = self._task.watch is not None
        steps = self._options.steps if watched else self._options.steps_unvalidated
        while fitting.step < steps:
            self._stop.check()
            losses, before = self._advance(fitting, steps)
            if before.step % self._options.validate_every == 0 and self._validate(before):
                self.stopped_early = True
                break
            self._report.step(fitting.step, losses)
            self._save(fitting)
        else:
            self._validate(self._snapshot(fitting), last=True)

    def _repeat(self, fitting: Fitting, chosen: Snapshot) -> Snapshot:
        while fitting.step < chosen.step:
            self._stop.check()
            losses, _ = self._advance(fitting, self._options.steps)
            self._report.step(self._done_before + fitting.step, losses)
            self._save(fitting)
        final = self._snapshot(fitting)
        _check_finite(final)
        self.best = replace(final, interpolation=chosen.interpolation, score=chosen.score)
        return self.best

    def _validate(self, snapshot: Snapshot, *, last: bool = False) -> bool:
        """Judge a snapshot and keep it if it is the best; whether patience is at its end."""
        _check_finite(snapshot)
        if self._task.watch is None:
            self._look(snapshot)
            if snapshot.step > 0 or last:
                self._keep(snapshot)
            return False
        judgement = self._task.watch.judge(
            snapshot.embeddings, self._options.interpolation, self._options.discriminant
        )
        if judgement is None:
            self._keep(snapshot)
            return False
        self._announce(snapshot.step, judgement)
        judged = replace(snapshot, score=judgement.score, interpolation=judgement.interpolation)
        gain = math.inf if self.best is None else judged.score - self.best.score
        if gain > 0:
            self._keep(judged)
        self._stale = 0 if gain > MIN_GAIN else self._stale + 1
        return self._stale >= self._options.patience

    def _keep(self, snapshot: Snapshot) -> None:
        self.best = snapshot
        self._stop.disarm()

    def _announce(self, step: int, judgement: Judgement) -> None:
        present = (self._task.train.targets * self._task.train.mask).sum(0).cpu().numpy()
        scores = metrics.band_scores(
            judgement.precisions, np.rint(present).astype(np.int64), self._limits
        )
        self._report.emit(FitValidated(step=step, scores=scores))

    # ------------------------------------------------------------------------ memory

    def _advance(self, fitting: Fitting, steps: int) -> tuple[StepLosses, Snapshot]:
        # A copy, because memory may run out halfway through changing what it was made of.
        before = fitting.checkpoint()
        tensors = {key: value.clone() for key, value in before.tensors.items()}
        whole = Checkpoint(tensors, before.facts)
        return self._frugally(
            fitting, lambda: fitting.advance(steps), lambda: fitting.restore(whole)
        )

    def _snapshot(self, fitting: Fitting) -> Snapshot:
        return self._frugally(fitting, fitting.snapshot, lambda: None)

    def _frugally(
        self, fitting: Fitting, work: Callable[[], Result], restore: Callable[[], None]
    ) -> Result:
        """``work``, again with less memory whenever that runs out."""
        while (outcome := _unless_no_memory(work, fitting)) is None:
            # Only now, without the error, whose traceback holds on to what was computed.
            memory.release(self._task.tower.device)
            restore()
            self._options = fitting.options
            log.warning(
                "out of memory at step %d; going on with %d classes and %d photos at once, "
                "computing activations twice",
                fitting.step + 1,
                fitting.options.class_chunk,
                fitting.options.batch_size,
            )
        return outcome

    # ------------------------------------------------------------------- checkpoints

    def _save(self, fitting: Fitting) -> None:
        if self._path is None or self.best is None:
            return
        if time.monotonic() - self._saved_at < CHECKPOINT_SECONDS:
            return
        self.save(fitting)
        self._saved_at = time.monotonic()

    def save(self, fitting: Fitting) -> None:
        """Write the checkpoint now."""
        assert self._path is not None
        now = fitting.checkpoint()
        best = self._kept()
        tensors = now.tensors | {
            "best.embeddings": torch.from_numpy(best.embeddings),
            "best.contexts": torch.from_numpy(best.contexts),
        }
        facts: dict[str, Any] = now.facts | {
            "refitting": self._refitting,
            "done_before": self._done_before,
            "stale": self._stale,
            "stopped_early": self.stopped_early,
            "best": {
                "step": best.step,
                "scale": best.scale,
                "bias": best.bias,
                "score": None if math.isnan(best.score) else best.score,
                "interpolation": best.interpolation,
            },
        }
        checkpoints.save(Checkpoint(tensors, facts), self._path, self._fingerprint)

    def _resume(self) -> Fitting | None:
        found = self._path and checkpoints.load(self._path, self._fingerprint)
        if not found:
            return None
        facts = found.facts
        best = facts["best"]
        self._keep(
            Snapshot(
                step=int(best["step"]),
                embeddings=found.tensors["best.embeddings"].numpy(),
                contexts=found.tensors["best.contexts"].numpy(),
                scale=float(best["scale"]),
                bias=float(best["bias"]),
                score=math.nan if best["score"] is None else float(best["score"]),
                interpolation=float(best["interpolation"]),
            )
        )
        self._refitting = bool(facts["refitting"])
        self._done_before = int(facts["done_before"])
        self._stale = int(facts["stale"])
        self.stopped_early = bool(facts["stopped_early"])
        task = self._refit if self._refitting else self._task
        if task is None:
            return None
        fitting = self._new(task)
        fitting.restore(found)
        return fitting


def _unless_no_memory(work: Callable[[], Result], fitting: Fitting) -> Result | None:
    """What ``work`` returns; None if memory ran out and ``fitting`` can do with less."""
    try:
        return work()
    except (MemoryError, RuntimeError) as error:
        if not memory.means_no_memory(error) or not fitting.use_less_memory():
            raise
        return None


def _check_finite(snapshot: Snapshot) -> None:
    arrays = (snapshot.embeddings, snapshot.contexts, snapshot.scale, snapshot.bias)
    if not all(np.isfinite(item).all() for item in arrays):
        raise NotFiniteError(snapshot.step)
