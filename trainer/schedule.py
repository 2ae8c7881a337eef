"""The schedule of a run: passes, validation, early stopping, checkpoints, progress events."""

from __future__ import annotations

import json
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
from trainer.cancel import CancelToken, RunCancelledError
from trainer.checkpoint import Checkpoint
from trainer.events import FitPhase, FitProgress, FitValidated, RunEvent
from trainer.inner_validation import ValidationResult
from trainer.job import JobError
from trainer.learner import (
    NotFiniteError,
    Snapshot,
    StepLosses,
    Task,
    TrainingPass,
)
from trainer.options import FitOptions
from trainer.out_of_memory import is_out_of_memory
from trainer.ranks import ONE_PROCESS, Ranks

log = logging.getLogger(__name__)
Result = TypeVar("Result")

REPORT_SECONDS = 0.25
CHECKPOINT_SECONDS = 2.0
MIN_GAIN = 0.001
"""Of mAP; a smaller gain does not reset the patience."""


class ProgressReporter:
    """Turns steps into progress events, at most a few per second."""

    def __init__(self, emit: Callable[[RunEvent], None], steps: int) -> None:
        self.emit = emit
        self.steps = steps
        self._phase = FitPhase.SINGLE_PASS
        self._pending: list[StepLosses] = []
        self._durations: deque[float] = deque(maxlen=20)
        self._last_step = time.monotonic()
        self._last_report = 0.0

    def begin(self, phase: FitPhase) -> None:
        """Start a pass: its events say ``phase``, and its first step is timed from now."""
        self._phase = phase
        self._pending.clear()
        self._last_step = time.monotonic()

    def step(self, step: int, losses: StepLosses) -> None:
        """Report step number ``step`` of the whole run as done."""
        now = time.monotonic()
        self._durations.append(now - self._last_step)
        self._last_step = now
        self._pending.append(losses)
        if now - self._last_report < REPORT_SECONDS and step < self.steps:
            return
        self._last_report = now
        count = len(self._pending)
        self.emit(
            FitProgress(
                step=step,
                steps=self.steps,
                loss=sum(item.total for item in self._pending) / count,
                loss_classification=sum(item.classification for item in self._pending) / count,
                loss_embedding=sum(item.embedding for item in self._pending) / count,
                seconds_left=sorted(self._durations)[len(self._durations) // 2]
                * max(self.steps - step, 0),
                phase=self._phase,
            )
        )
        self._pending.clear()


class TrainingSchedule:
    """One or two passes (:class:`trainer.events.FitPhase`), resumable at any step.

    Attributes:
        best: the prompts to keep if the run ended now; None before the first step is done.
        stopped_early: whether validation ended the first pass before its last step.

    Args:
        task: the first pass; validated if it has an inner validation.
        refit: the final pass, on all training images up to the best step; or None.
        on_snapshot: called with occasional snapshots if there is no inner validation.
        ranks: that share the run; the first one validates and writes the checkpoint.
    """

    def __init__(
        self,
        task: Task,
        refit: Task | None,
        *,
        options: FitOptions,
        seed: int,
        reporter: ProgressReporter,
        cancel: CancelToken,
        checkpoint: Path | None,
        fingerprint: str,
        limits: BandLimits,
        on_snapshot: Callable[[Snapshot], None],
        ranks: Ranks = ONE_PROCESS,
    ) -> None:
        self._task, self._refit, self._options, self._seed = task, refit, options, seed
        self._reporter, self._cancel = reporter, cancel
        self._path, self._fingerprint = checkpoint, fingerprint
        self._limits, self._on_snapshot, self._ranks = limits, on_snapshot, ranks
        self.best: Snapshot | None = None
        self.stopped_early = False
        self._misses = 0
        self._done_before = 0
        self._refitting = False
        self._saved_at = time.monotonic()

    def run(self) -> Snapshot:
        """Run all passes, resuming from this job's checkpoint if there is one.

        Raises:
            RunCancelledError: if asked to stop; :attr:`best` is what to keep.
            NotFiniteError: if the loss is not finite; likewise.
        """
        try:
            return self._run()
        except NotFiniteError as error:
            raise NotFiniteError(
                self._done_before + error.step, kept=self.best is not None
            ) from error

    def _run(self) -> Snapshot:
        current = self._resume()
        self._agree_on_start(current)
        if not self._refitting:
            current = current or self._new_pass(self._task)
            self._first_pass(current)
            if self._refit is None or self.best is None or self.best.step == 0:
                return self._require_best()
            self._refitting = True
            self._done_before = current.step
            current = None
        assert self._refit is not None
        chosen = self._require_best()
        self._reporter.steps = self._done_before + chosen.step
        return self._final_pass(current or self._new_pass(self._refit), chosen)

    def _new_pass(self, task: Task) -> TrainingPass:
        # Several ranks stop between steps, together; one of them alone would leave the others
        # waiting.
        check = self._cancel.check if self._ranks.count == 1 else None
        return TrainingPass(task, self._options, self._seed, check, self._ranks)

    def _agree_on_start(self, current: TrainingPass | None) -> None:
        """Make sure that all ranks do the same job from the same step.

        Raises:
            JobError: if this one does not.
        """
        own = f"{self._fingerprint} {self._refitting} {0 if current is None else current.step}"
        if self._ranks.share(own.encode()).decode() != own:
            raise JobError(
                "The processes of this run read different jobs or checkpoints. The job folder must "
                "be the same for all of them."
            )

    def _check(self) -> None:
        """Raise if any rank was asked to stop.

        Raises:
            RunCancelledError: if so.
        """
        if self._ranks.any(self._cancel.requested):
            raise RunCancelledError

    def _require_best(self) -> Snapshot:
        assert self.best is not None
        return self.best

    def _first_pass(self, current: TrainingPass) -> None:
        validated = self._task.validation is not None
        self._reporter.begin(FitPhase.VALIDATION_PASS if validated else FitPhase.SINGLE_PASS)
        steps = self._options.steps if validated else self._options.steps_unvalidated
        while current.step < steps:
            self._check()
            losses, before = self._advance(current, steps)
            if before.step % self._options.validate_every == 0 and self._validate(before):
                self.stopped_early = True
                break
            self._reporter.step(current.step, losses)
            self._save(current)
        else:
            self._validate(self._snapshot(current), last=True)

    def _final_pass(self, current: TrainingPass, chosen: Snapshot) -> Snapshot:
        self._reporter.begin(FitPhase.FINAL_PASS)
        while current.step < chosen.step:
            self._check()
            losses, _ = self._advance(current, self._options.steps)
            self._reporter.step(self._done_before + current.step, losses)
            self._save(current)
        final = self._snapshot(current)
        _check_finite(final)
        self.best = replace(final, interpolation=chosen.interpolation, score=chosen.score)
        return self.best

    def _validate(self, snapshot: Snapshot, *, last: bool = False) -> bool:
        """Evaluate a snapshot and keep it if it is the best.

        Returns:
            whether the patience is exhausted.
        """
        _check_finite(snapshot)
        if self._task.validation is None:
            self._on_snapshot(snapshot)
            if snapshot.step > 0 or last:
                self._keep(snapshot)
            return False
        outcome = self._evaluated(snapshot)
        if outcome is None:
            self._keep(snapshot)
            return False
        interpolation, score = outcome
        scored = replace(snapshot, score=score, interpolation=interpolation)
        gain = math.inf if self.best is None else scored.score - self.best.score
        if gain > 0:
            self._keep(scored)
        self._misses = 0 if gain > MIN_GAIN else self._misses + 1
        return self._misses >= self._options.patience

    def _evaluated(self, snapshot: Snapshot) -> tuple[float, float] | None:
        """Interpolation and score on the inner validation, which the first rank computes; None if
        no class can be evaluated.
        """
        outcome: tuple[float, float] | None = None
        if self._ranks.rank == 0:
            assert self._task.validation is not None
            result = self._task.validation.evaluate(
                snapshot.embeddings, self._options.interpolation
            )
            if result is not None:
                self._emit_scores(snapshot.step, result)
                outcome = (result.interpolation, result.score)
        # JSON keeps every bit of a float.
        shared: list[float] | None = json.loads(self._ranks.share(json.dumps(outcome).encode()))
        return None if shared is None else (shared[0], shared[1])

    def _keep(self, snapshot: Snapshot) -> None:
        self.best = snapshot
        self._cancel.disarm()

    def _emit_scores(self, step: int, result: ValidationResult) -> None:
        train = self._task.train
        present = (train.targets * (train.mask > 0)).sum(0).cpu().numpy()
        scores = metrics.band_scores(
            result.precisions, np.rint(present).astype(np.int64), self._limits
        )
        self._reporter.emit(FitValidated(step, scores, FitPhase.VALIDATION_PASS))

    # ------------------------------------------------------------------------ memory

    def _advance(self, current: TrainingPass, steps: int) -> tuple[StepLosses, Snapshot]:
        if self._ranks.count > 1:
            # Memory runs out on one rank, in the middle of what it does with the others: the run
            # ends and says so.
            return current.advance(steps)
        # A copy, because memory may run out while the original is being modified.
        before = current.checkpoint()
        tensors = {key: value.clone() for key, value in before.tensors.items()}
        whole = Checkpoint(tensors, before.facts)
        return self._retry_with_less_memory(
            current, lambda: current.advance(steps), lambda: current.restore(whole)
        )

    def _snapshot(self, current: TrainingPass) -> Snapshot:
        if self._ranks.count > 1:
            return current.snapshot()
        return self._retry_with_less_memory(current, current.snapshot, lambda: None)

    def _retry_with_less_memory(
        self, current: TrainingPass, work: Callable[[], Result], restore: Callable[[], None]
    ) -> Result:
        """Call ``work``, and again with less memory whenever memory runs out."""
        while (outcome := _run_unless_out_of_memory(work, current)) is None:
            # After the error is gone: its traceback keeps intermediate results alive.
            memory.release(self._task.tower.device)
            restore()
            self._options = current.options
            log.warning(
                "out of memory at step %d; continuing with %d classes and %d photos at once, "
                "recomputing activations",
                current.step + 1,
                current.options.class_chunk,
                current.options.batch_size,
            )
        return outcome

    # ------------------------------------------------------------------- checkpoints

    def _save(self, current: TrainingPass) -> None:
        if self._path is None or self.best is None or self._ranks.rank:
            return
        if time.monotonic() - self._saved_at < CHECKPOINT_SECONDS:
            return
        self.save(current)
        self._saved_at = time.monotonic()

    def save(self, current: TrainingPass) -> None:
        """Write the checkpoint now."""
        assert self._path is not None
        now = current.checkpoint()
        best = self._require_best()
        tensors = now.tensors | {
            "best.embeddings": torch.from_numpy(best.embeddings),
            "best.contexts": torch.from_numpy(best.contexts),
        }
        facts: dict[str, Any] = now.facts | {
            "refitting": self._refitting,
            "done_before": self._done_before,
            "stale": self._misses,
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

    def _resume(self) -> TrainingPass | None:
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
        self._misses = int(facts["stale"])
        self.stopped_early = bool(facts["stopped_early"])
        task = self._refit if self._refitting else self._task
        if task is None:
            return None
        current = self._new_pass(task)
        current.restore(found)
        return current


def _run_unless_out_of_memory(work: Callable[[], Result], current: TrainingPass) -> Result | None:
    """Return what ``work`` returns, or None if memory ran out and ``current`` can use less."""
    try:
        return work()
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error) or not current.use_less_memory():
            raise
        return None


def _check_finite(snapshot: Snapshot) -> None:
    arrays = (snapshot.embeddings, snapshot.contexts, snapshot.scale, snapshot.bias)
    if not all(np.isfinite(item).all() for item in arrays):
        raise NotFiniteError(snapshot.step)
