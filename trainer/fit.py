"""Train prompts on a job folder: the run behind *Model > Retrain prompts...*.

With enough annotations there are two passes: one on part of the training images, validated on the
rest of them to find the best step and interpolation, then one on all of them up to that step.  The
held-out images choose nothing; they only calibrate and evaluate.  With few annotations there is
one short pass, kept close to the hand-written prompts.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from trainer import captions, dataset, job, metrics, prompt_set, result
from trainer.arrays import unit_rows
from trainer.background import Background
from trainer.calibration import shared_scale_and_bias
from trainer.cancel import CancelToken, RunCancelledError
from trainer.computer import AUTO, cores
from trainer.device import choose_device, device_label
from trainer.events import (
    PROTOCOL,
    FitFailed,
    FitFailure,
    FitFinished,
    FitPhase,
    FitStarted,
    FitValidated,
    RunEvent,
)
from trainer.folder_text import text_half
from trainer.inner_validation import InnerValidation, split_for_validation
from trainer.job import PRESENT, TRAIN, FitJob, JobError
from trainer.kernel import SolvedKernel, solve_kernel
from trainer.learner import (
    NotFiniteError,
    Snapshot,
    Task,
    embed_captions,
    embed_classes,
)
from trainer.one_thread import one_thread
from trainer.options import FitOptions
from trainer.out_of_memory import is_out_of_memory
from trainer.ranks import ONE_PROCESS, LostRankError, Ranks
from trainer.schedule import ProgressReporter, TrainingSchedule
from trainer.text_tower import TextTower

log = logging.getLogger(__name__)
Emit = Callable[[RunEvent], None]


class Backbone(Protocol):
    """The part of :class:`trainer.backbone.Backbone` that a run uses."""

    @property
    def model(self) -> torch.nn.Module: ...
    @property
    def tokenizer(self) -> Callable[[Sequence[str]], torch.Tensor]: ...
    @property
    def dim(self) -> int: ...
    @property
    def templates(self) -> Sequence[str]: ...


LoadBackbone = Callable[[str, torch.device], Backbone]

MAX_TEMPLATES = 8
"""For the hand-written embeddings; more change little and cost a text tower pass each."""


def fit(
    folder: Path,
    emit: Emit,
    cancel: CancelToken,
    load: LoadBackbone | None = None,
    ranks: Ranks = ONE_PROCESS,
) -> RunEvent:
    """Run the job in ``folder``; its result goes to ``folder/prompt_set``.

    Every outcome is an event, which is emitted last and returned: :class:`FitFinished`, also if
    cancelled with something to keep, or :class:`FitFailed`.  Only KeyboardInterrupt and SystemExit
    are raised.  ``load`` replaces what loads the text tower.  Of several ``ranks`` the first one
    emits and writes; another one that fails tells it why.
    """
    begun = time.monotonic()
    load = load or _load_backbone
    try:
        outcome: RunEvent = _Run(folder, emit, cancel, load, ranks).execute(begun)
    except RunCancelledError:
        outcome = FitFailed(FitFailure.CANCELLED, FitFailure.CANCELLED.sentence)
    except JobError as error:
        outcome = failure_of(error)
    except LostRankError as error:
        outcome = lost_rank(error)
    except Exception as error:
        log.exception("the run failed")
        outcome = failure_of(error)
    if isinstance(outcome, FitFailed):
        ranks.fail(outcome.message)
    emit(outcome)
    return outcome


_STOPPED = "The training stopped unexpectedly:"
_GO_ON = "Start it again, with any number of processes, to go on from its last checkpoint."


def lost_rank(error: LostRankError) -> FitFailed:
    """The event that reports that another rank is lost."""
    return FitFailed(FitFailure.ERROR, f"{_STOPPED} {str(error).rstrip('.')}. {_GO_ON}")


def failure_of(error: BaseException) -> FitFailed:
    """The event that reports ``error`` to the user."""
    kind = _failure_kind(error)
    text = str(error)
    if kind is FitFailure.ERROR:
        text = f"{_STOPPED} {text or type(error).__name__}"
    elif kind in _GENERAL_FAILURES or not text:
        text = kind.sentence
    return FitFailed(kind, text)


_GENERAL_FAILURES = (FitFailure.DISK_FULL, FitFailure.NO_MEMORY)
"""The system's own message would not help the user."""


def _failure_kind(error: BaseException) -> FitFailure:
    if isinstance(error, JobError):
        return FitFailure.BAD_JOB
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return FitFailure.DISK_FULL
    if is_out_of_memory(error):
        return FitFailure.NO_MEMORY
    kind = str(getattr(error, "kind", ""))
    if kind in ("no-network", "unknown-backbone"):
        # For a run it makes no difference why the backbone is not available.
        return FitFailure.BAD_WEIGHTS
    return FitFailure(kind) if kind in _ERROR_KINDS else FitFailure.ERROR


_ERROR_KINDS = frozenset({"no-device", "bad-weights", "no-memory", "disk-full", "not-finite"})
"""Of exceptions with a ``kind`` attribute."""


def _load_backbone(name: str, device: torch.device) -> Backbone:
    if (half := text_half(name, device)) is not None:
        return half
    # Imported late: timm and open_clip take seconds to import.
    from trainer.without_compiler import import_models  # noqa: PLC0415

    import_models()
    from trainer.backbone import load_backbone  # noqa: PLC0415

    return load_backbone(name, device)


@dataclass(frozen=True, eq=False)
class _TrainingPart:
    """The training images of a job, before anything is known of the prompts.

    rows: (T,) of the job. active: (A,) classes.
    targets: (T, A); weights: of its entries, None for 1.
    features: (T, D) unit norm.
    inner_split: (T,), None without an inner validation.
    """

    split: NDArray[np.int8]
    active: NDArray[np.int64]
    rows: NDArray[np.int64]
    targets: NDArray[np.int8]
    features: NDArray[np.float32]
    weights: NDArray[np.float32] | None
    inner_split: NDArray[np.int8] | None
    landmarks: int

    @classmethod
    def of(
        cls,
        loaded: FitJob,
        options: FitOptions,
        split: NDArray[np.int8],
        active: NDArray[np.int64],
    ) -> _TrainingPart:
        rows = np.flatnonzero(split == TRAIN)
        targets = loaded.targets[np.ix_(rows, active)]
        weights = None
        if loaded.confirmed is not None:
            confirmed = loaded.confirmed[np.ix_(rows, active)]
            weights = np.where(confirmed, options.confirmed_weight, 1.0).astype(np.float32)
        return cls(
            split=split,
            active=active,
            rows=rows,
            targets=targets,
            features=unit_rows(loaded.features[rows]),
            weights=weights,
            inner_split=split_for_validation(targets, options, loaded.settings.seed),
            landmarks=options.landmarks,
        )

    def solve(self, some: NDArray[np.bool_]) -> SolvedKernel:
        """The kernel part of ``some`` of the images, (T,)."""
        # For matrices of this size more threads hardly help on a quiet machine.
        with one_thread():
            return solve_kernel(
                self.features[some],
                self.targets[some],
                known=None if self.weights is None else self.weights[some],
                most=self.landmarks,
            )


@dataclass(frozen=True)
class _Kernels:
    """Wait for the kernel parts that a run needs, which are solved beside its other work: nothing
    of the prompts must be known for them.

    fitting: of the images that are fitted to in the pass that is validated.
    whole: of all training images; needed at the end.
    """

    fitting: Callable[[], SolvedKernel]
    whole: Callable[[], SolvedKernel]

    @classmethod
    def of(cls, part: _TrainingPart, background: Background) -> _Kernels:
        every = np.ones(len(part.rows), np.bool_)
        inner = every if part.inner_split is None else part.inner_split == TRAIN
        # In the order in which they are waited for.
        fitting = background.add(lambda: part.solve(inner))
        if part.inner_split is None:
            return cls(fitting, fitting)
        return cls(fitting, background.add(lambda: part.solve(every)))


class _Run:
    def __init__(
        self, folder: Path, emit: Emit, cancel: CancelToken, load: LoadBackbone, ranks: Ranks
    ) -> None:
        self._folder, self._emit, self._cancel, self._load = folder, emit, cancel, load
        self._ranks = ranks
        self._leads = ranks.rank == 0

    def execute(self, begun: float) -> FitFinished:
        loaded = job.load(self._folder)
        options = FitOptions.of(loaded.settings.options, loaded.settings.method)
        _check(loaded)
        torch.set_num_threads(max(1, (options.threads or cores()) // self._ranks.local_count))
        torch.manual_seed(loaded.settings.seed)
        split = dataset.split_images(
            loaded.targets,
            loaded.split,
            fraction=options.held_out_fraction,
            seed=loaded.settings.seed,
        )
        options = options.for_images(int((split == TRAIN).sum()))
        active = _active_classes(loaded, split)
        device = choose_device(device_of_rank(loaded.settings.device, self._ranks))
        self._cancel.check()
        part = _TrainingPart.of(loaded, options, split, active)
        background = Background()
        kernels = None
        # What only the first rank looks at is not computed by the others.
        if self._leads:
            kernels = _Kernels.of(part, background) if options.kernel else None
            background.add(metrics.load_library)
            background.start()
        try:
            return self._train(loaded, options, part, kernels, device=device, begun=begun)
        finally:
            background.close()

    def _train(
        self,
        loaded: FitJob,
        options: FitOptions,
        part: _TrainingPart,
        kernels: _Kernels | None,
        *,
        device: torch.device,
        begun: float,
    ) -> FitFinished:
        backbone = self._load(loaded.settings.backbone, device)
        self._cancel.check()
        if loaded.features.shape[1] != backbone.dim:
            raise JobError(
                f"The photos were encoded with another backbone ({loaded.features.shape[1]} "
                f"numbers each) than {loaded.settings.backbone} ({backbone.dim}). Encode them "
                "again before training."
            )
        context, task, refit = self._prepare(loaded, options, part, kernels, backbone)
        reporter = ProgressReporter(self._emit, _planned_steps(options, task))
        self._emit(
            FitStarted(
                protocol=PROTOCOL,
                backbone=loaded.settings.backbone,
                device=device_label(device),
                classes=len(part.active),
                train_images=len(part.rows),
                held_out_images=int((part.split == job.HELD_OUT).sum()),
                steps=reporter.steps,
            )
        )
        schedule = TrainingSchedule(
            task,
            refit,
            options=options,
            seed=loaded.settings.seed,
            reporter=reporter,
            cancel=self._cancel,
            checkpoint=self._folder / job.CHECKPOINT_NAME,
            fingerprint=fingerprint(self._folder),
            limits=loaded.settings.limits,
            on_snapshot=lambda snapshot: self._emit_scores(snapshot, context),
            ranks=self._ranks,
        )
        cancelled = False
        try:
            snapshot = schedule.run()
        except RunCancelledError:
            if schedule.best is None:
                raise
            snapshot, cancelled = schedule.best, True
        except NotFiniteError:
            if schedule.best is not None:
                self._write(schedule.best, context)
            raise
        path = self._write(snapshot, context)
        if self._leads:
            (self._folder / job.CHECKPOINT_NAME).unlink(missing_ok=True)
        return FitFinished(
            prompt_set=str(path),
            seconds=time.monotonic() - begun,
            stopped_early=schedule.stopped_early,
            cancelled=cancelled,
        )

    def _prepare(
        self,
        loaded: FitJob,
        options: FitOptions,
        part: _TrainingPart,
        kernels: _Kernels | None,
        backbone: Backbone,
    ) -> tuple[result.EvaluationContext, Task, Task | None]:
        """What evaluates snapshots, the task of the first pass and, if that has an inner
        validation, the task of the final pass.
        """
        backbone.model.requires_grad_(False).eval()
        tower = TextTower(backbone.model, backbone.tokenizer)
        texts = [loaded.classes[int(index)].prompt_texts for index in part.active]
        templates = list(backbone.templates)[:MAX_TEMPLATES]
        zero_shot = self._embedded(tower, texts, templates)
        rows, targets, features = part.rows, part.targets, part.features
        names = [item.name for item in loaded.classes]
        texts_of_images = captions.captions_for(
            [loaded.captions[int(row)] for row in rows], loaded.targets[rows], names
        )
        tokens = captions.tokenise(texts_of_images, tower)
        zero_shot_array = zero_shot.cpu().numpy()
        scale, bias = shared_scale_and_bias(
            features @ zero_shot_array.T,
            targets,
            min(max(loaded.baseline_scale, 1.0), 100.0),
            float(np.mean(loaded.baseline_biases)) if len(loaded.baseline_biases) else 0.0,
        )
        needs_features = options.classification_share < 1 and options.embedding_space == "feature"

        context = result.EvaluationContext(
            job=loaded,
            options=options,
            split=part.split,
            active=part.active,
            train_features=features,
            held_out_features=unit_rows(loaded.features[part.split == job.HELD_OUT]),
            zero_shot=zero_shot_array,
            fallback=self._fallback(loaded, tower, templates),
            solved=None if kernels is None else kernels.whole,
        )
        train = dataset.to_tensors(features, targets, tokens.index, tower.device, part.weights)
        whole = Task(
            tower=tower,
            texts=[alternatives[0] for alternatives in texts],
            zero_shot=zero_shot,
            train=train,
            validation=None,
            captions=tokens,
            caption_features=embed_captions(tokens, tower, self._cancel.check)
            if needs_features
            else torch.zeros(0, 0),
            start_scale=scale,
            start_bias=bias,
            autocast=_autocast(tower.device),
        )
        inner_split = part.inner_split
        if inner_split is None:
            return context, whole, None
        fitting = np.flatnonzero(inner_split == TRAIN)
        validated = replace(
            whole,
            train=train.rows(torch.from_numpy(fitting).to(tower.device)),
            validation=InnerValidation.of(
                features,
                targets,
                inner_split,
                zero_shot_array,
                kernel=None
                if kernels is None
                else kernels.fitting().beside(zero_shot_array, options.kernel).part,
                windows=loaded.windows[rows]
                if context.scores_windows and loaded.windows is not None
                else None,
                offset=loaded.window_offset,
            ),
        )
        return context, validated, whole if options.refit else None

    def _embedded(
        self, tower: TextTower, texts: Sequence[Sequence[str]], templates: list[str]
    ) -> torch.Tensor:
        """Embeddings of the classes (C, D), of which each rank computes its part if it has one."""
        part = self._ranks.part(len(texts))
        if len(texts) < self._ranks.count:
            return embed_classes(tower, texts, templates, self._cancel.check)
        own = embed_classes(tower, texts[part], templates, self._cancel.check)
        return self._ranks.whole(own, len(texts))

    def _fallback(
        self, loaded: FitJob, tower: TextTower, templates: list[str]
    ) -> NDArray[np.float32]:
        baseline = loaded.baseline_embeddings
        missing = np.linalg.norm(baseline, axis=1) < 1e-6
        fallback = unit_rows(baseline)
        if missing.any():
            texts = [loaded.classes[int(i)].prompt_texts for i in np.flatnonzero(missing)]
            embedded = embed_classes(tower, texts, templates, self._cancel.check)
            fallback[missing] = embedded.cpu().numpy()
        return fallback

    def _emit_scores(self, snapshot: Snapshot, context: result.EvaluationContext) -> None:
        if not self._leads:
            return
        scores = result.held_out_scores(snapshot, context).scores
        self._emit(FitValidated(snapshot.step, scores, FitPhase.SINGLE_PASS))

    def _write(self, snapshot: Snapshot, context: result.EvaluationContext) -> Path:
        path = self._folder / job.RESULT_NAME
        if not self._leads:
            return path
        prompt_set.save(result.build(snapshot, context), path)
        return path


def device_of_rank(name: str, ranks: Ranks) -> str:
    """The device called ``name``, or this rank's own GPU where several share the run."""
    if ranks.count == 1 or name.partition(":")[0] not in (AUTO, "cuda"):
        return name
    return f"cuda:{ranks.local_rank}" if torch.cuda.is_available() else name


def fingerprint(folder: Path) -> str:
    """Hash of the job's contents: a checkpoint belongs to exactly one job."""
    digest = hashlib.blake2b(digest_size=16)
    for name in (job.JSON_NAME, job.ARRAYS_NAME):
        with (folder / name).open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _planned_steps(options: FitOptions, task: Task) -> int:
    if task.validation is None:
        return options.steps_unvalidated
    return options.steps * (2 if options.refit else 1)


def _check(loaded: FitJob) -> None:
    values: Any = loaded.features
    if not np.isfinite(values).all():
        raise JobError("Some photos have features that are not numbers. Encode them again.")
    if not (loaded.targets == PRESENT).any():
        raise JobError(
            "No class is marked present on any photo, so there is nothing to learn from. Mark "
            "some classes as present, then train again."
        )
    if loaded.baseline_embeddings.shape[1:] != loaded.features.shape[1:]:
        raise JobError(
            "The class embeddings in use and the photos come from different backbones. Encode "
            "the photos again before training."
        )


def _active_classes(loaded: FitJob, split: NDArray[np.int8]) -> NDArray[np.int64]:
    counts = (loaded.targets[split == TRAIN] == PRESENT).sum(0)
    active = np.flatnonzero(counts > 0).astype(np.int64)
    if not len(active):
        raise JobError(
            "Every photo with a present class is held out for judging, so none is left to learn "
            "from. Annotate a few more photos, then train again."
        )
    return active


def _autocast(device: torch.device) -> torch.dtype | None:
    """bfloat16 has the range of float32, so nothing overflows; MPS is no faster at these sizes."""
    return torch.bfloat16 if device.type == "cuda" else None
