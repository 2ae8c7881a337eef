"""Fit prompts to a job folder: the run behind *Model > Retrain prompts...*.

Two descents where there are annotations enough: one on part of the training images, watched
on the rest of them to find when to stop and how far to trust the learned prompts, then one on
all of them up to that step.  The held-out images choose nothing; they calibrate and judge.
With few annotations there is one short descent, held close to the hand-written prompts.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from trainer import captions, dataset, job, prompt_set, result
from trainer.blending import Watch, discriminant, unit
from trainer.calibration import shared_scale_and_bias
from trainer.descent import Descents, Report
from trainer.device import choose_device, cores, device_label
from trainer.events import PROTOCOL, FitFailed, FitFinished, FitStarted, FitValidated, Message
from trainer.job import PRESENT, TRAIN, FitJob, JobError
from trainer.learner import (
    NotFiniteError,
    Snapshot,
    Task,
    embed_captions,
    embed_templates,
)
from trainer.memory import means_no_memory
from trainer.options import FitOptions
from trainer.stop import StopRequestedError, StopWatch
from trainer.text_tower import TextTower

__all__ = ["FitOptions", "failure_of", "fit", "split_inner"]

log = logging.getLogger(__name__)
Emit = Callable[[Message], None]


class Backbone(Protocol):
    """What a fit needs of :class:`trainer.backbone.Backbone`."""

    @property
    def model(self) -> torch.nn.Module: ...
    @property
    def tokenizer(self) -> Callable[[Sequence[str]], torch.Tensor]: ...
    @property
    def dim(self) -> int: ...
    @property
    def templates(self) -> Sequence[str]: ...


LoadBackbone = Callable[[str, torch.device], Backbone]

MIN_VALIDATION_PRESENT = 20
MIN_VALIDATION_CLASSES = 3
"""Below these an inner validation would choose by luck."""
MIN_VALIDATION_ABSENT = 5
"""Of a class, for it to be judged.  Fewer come from single answers, not from whole images: then
they are the images most like the class, and the present ones those that were already found."""
MAX_TEMPLATES = 8
"""Of the hand-written embedding; more change little and cost a text tower pass each."""


def fit(folder: Path, emit: Emit, stop: StopWatch, load: LoadBackbone | None = None) -> Message:
    """Run the job in ``folder``; its result goes to ``folder/prompt_set``.

    Every outcome is an event, the last one emitted and returned: :class:`FitFinished`, also
    when cancelled with something to keep, or :class:`FitFailed`.  Only KeyboardInterrupt and
    SystemExit pass through.  ``load`` stands in for :func:`trainer.backbone.load_backbone`.
    """
    begun = time.monotonic()
    try:
        outcome: Message = _Run(folder, emit, stop, load or _load_backbone).execute(begun)
    except StopRequestedError:
        outcome = FitFailed("cancelled", "The training was cancelled before it had a result.")
    except JobError as error:
        outcome = failure_of(error)
    except Exception as error:
        log.exception("the run failed")
        outcome = failure_of(error)
    emit(outcome)
    return outcome


def failure_of(error: BaseException) -> FitFailed:
    """The event that tells the user about ``error``."""
    text = str(error)
    kind = _kind_of(error, text)
    if kind == "error":
        text = f"The training stopped unexpectedly: {text or type(error).__name__}"
    return FitFailed(kind, _SENTENCES.get(kind, text))


_SENTENCES = {
    "disk-full": (
        "The disk is full, so the trained prompts could not be saved. Nothing was changed; "
        "free some space and train again."
    ),
    "no-memory": (
        "There is not enough memory for this training. Nothing was changed. Close other "
        "programs, train on the CPU, or choose a smaller backbone."
    ),
}


def _kind_of(error: BaseException, text: str) -> str:
    if isinstance(error, JobError):
        return "bad-job"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "disk-full"
    if means_no_memory(error):
        return "no-memory"
    own = str(getattr(error, "kind", ""))
    if own in ("no-network", "unknown-backbone"):
        # The protocol of a fit has one word for a backbone that cannot be had.
        return "bad-weights"
    known = ("no-device", "bad-weights", "no-memory", "disk-full", "not-finite")
    return own if own in known else "error"


def _load_backbone(name: str, device: torch.device) -> Backbone:
    # Only here: timm and open_clip take seconds to import, and a bad job needs neither.
    from trainer.backbone import load_backbone  # noqa: PLC0415

    return load_backbone(name, device)


class _Run:
    def __init__(self, folder: Path, emit: Emit, stop: StopWatch, load: LoadBackbone) -> None:
        self._folder, self._emit, self._stop, self._load = folder, emit, stop, load

    def execute(self, begun: float) -> FitFinished:
        loaded = job.load(self._folder)
        options = FitOptions.of(loaded.settings.options, loaded.settings.method)
        _check(loaded)
        torch.set_num_threads(options.threads or cores())
        torch.manual_seed(loaded.settings.seed)
        split = dataset.split_images(
            loaded.targets,
            loaded.split,
            fraction=options.held_out_fraction,
            seed=loaded.settings.seed,
        )
        active = _active_classes(loaded, split)
        device = choose_device(loaded.settings.device)
        self._stop.check()
        backbone = self._load(loaded.settings.backbone, device)
        self._stop.check()
        if loaded.features.shape[1] != backbone.dim:
            raise JobError(
                f"The photos were encoded with another backbone ({loaded.features.shape[1]} "
                f"numbers each) than {loaded.settings.backbone} ({backbone.dim}). Encode them "
                "again before training."
            )
        ground, task, whole = self._prepare(loaded, options, split, active, backbone)
        report = Report(self._emit, _planned(options, task))
        self._emit(
            FitStarted(
                protocol=PROTOCOL,
                backbone=loaded.settings.backbone,
                device=device_label(device),
                classes=len(active),
                train_images=int((split == TRAIN).sum()),
                held_out_images=int((split == job.HELD_OUT).sum()),
                steps=report.steps,
            )
        )
        descents = Descents(
            task,
            whole,
            options=options,
            seed=loaded.settings.seed,
            report=report,
            stop=self._stop,
            checkpoint=self._folder / job.CHECKPOINT_NAME,
            fingerprint=fingerprint(self._folder),
            limits=loaded.settings.limits,
            look=lambda snapshot: self._look(snapshot, ground),
        )
        cancelled = False
        try:
            snapshot = descents.run()
        except StopRequestedError:
            if descents.best is None:
                raise
            snapshot, cancelled = descents.best, True
        except NotFiniteError:
            if descents.best is not None:
                self._write(descents.best, ground)
            raise
        path = self._write(snapshot, ground)
        (self._folder / job.CHECKPOINT_NAME).unlink(missing_ok=True)
        return FitFinished(
            prompt_set=str(path),
            seconds=time.monotonic() - begun,
            stopped_early=descents.stopped_early,
            cancelled=cancelled,
        )

    def _prepare(
        self,
        loaded: FitJob,
        options: FitOptions,
        split: NDArray[np.int8],
        active: NDArray[np.int64],
        backbone: Backbone,
    ) -> tuple[result.Ground, Task, Task | None]:
        """The ground for results, the task to run first and, if that is watched on an inner
        validation, the one on all training images.
        """
        backbone.model.requires_grad_(False).eval()
        tower = TextTower(backbone.model, backbone.tokenizer)
        texts = [loaded.classes[int(index)].prompt_text for index in active]
        templates = list(backbone.templates)[:MAX_TEMPLATES]
        zero_shot = embed_templates(tower, texts, templates, self._stop.check)
        rows = np.flatnonzero(split == TRAIN)
        targets = loaded.targets[np.ix_(rows, active)]
        names = [item.name for item in loaded.classes]
        spoken = captions.captions_for(
            [loaded.captions[int(row)] for row in rows], loaded.targets[rows], names
        )
        tokens = captions.tokenise(spoken, tower)
        needs = options.classification_share < 1 and options.embedding_space == "feature"
        features = dataset.unit_features(loaded.features[rows])
        written = zero_shot.cpu().numpy()
        ground = result.Ground(
            job=loaded,
            options=options,
            split=split,
            active=active,
            zero_shot=written,
            directions=discriminant(features, targets == PRESENT, written),
            fallback=self._fallback(loaded, tower, templates),
        )
        everyone = dataset.to_tensors(features, targets, tokens.index, tower.device)
        scale, bias = shared_scale_and_bias(
            features @ ground.zero_shot.T,
            targets,
            min(max(loaded.baseline_scale, 1.0), 100.0),
            float(np.mean(loaded.baseline_biases)) if len(loaded.baseline_biases) else 0.0,
        )
        whole = Task(
            tower=tower,
            texts=texts,
            zero_shot=zero_shot,
            train=everyone,
            watch=None,
            captions=tokens,
            caption_features=embed_captions(tokens, tower, self._stop.check)
            if needs
            else torch.zeros(0, 0),
            start_scale=scale,
            start_bias=bias,
            autocast=_autocast(tower.device),
        )
        inner = split_inner(targets, options, loaded.settings.seed)
        if inner is None:
            return ground, whole, None
        fitting = np.flatnonzero(inner == TRAIN)
        watched = replace(
            whole,
            train=everyone.rows(torch.from_numpy(fitting).to(tower.device)),
            watch=_watch(features, targets, inner, written),
        )
        return ground, watched, whole if options.refit else None

    def _fallback(
        self, loaded: FitJob, tower: TextTower, templates: list[str]
    ) -> NDArray[np.float32]:
        given = loaded.baseline_embeddings
        missing = np.linalg.norm(given, axis=1) < 1e-6
        fallback = unit(given)
        if missing.any():
            texts = [loaded.classes[int(i)].prompt_text for i in np.flatnonzero(missing)]
            made = embed_templates(tower, texts, templates, self._stop.check)
            fallback[missing] = made.cpu().numpy()
        return fallback

    def _look(self, snapshot: Snapshot, ground: result.Ground) -> None:
        scores = result.held_out_scores(snapshot, ground).scores
        self._emit(FitValidated(step=snapshot.step, scores=scores))

    def _write(self, snapshot: Snapshot, ground: result.Ground) -> Path:
        path = self._folder / job.RESULT_NAME
        prompt_set.save(result.build(snapshot, ground), path)
        return path


def split_inner(
    targets: NDArray[np.int8], options: FitOptions, seed: int
) -> NDArray[np.int8] | None:
    """Divide the training images (N, A) into fitting (0) and watching (1); None where the
    watching part could not tell better from worse.
    """
    if options.validation_fraction <= 0:
        return None
    undecided = np.full(len(targets), job.UNASSIGNED, dtype=np.int8)
    inner = dataset.split_images(
        targets, undecided, fraction=options.validation_fraction, seed=seed + 1
    )
    watching = targets[inner == job.HELD_OUT]
    judged = _judged(watching)
    present = (watching[:, judged] == PRESENT).sum()
    if present < MIN_VALIDATION_PRESENT or judged.sum() < MIN_VALIDATION_CLASSES:
        return None
    return inner


def _judged(watching: NDArray[np.int8]) -> NDArray[np.bool_]:
    """(A,) classes that an inner validation (W, A) can judge."""
    present, absent = (watching == PRESENT).sum(0), (watching == job.ABSENT).sum(0)
    # Where all images are annotated, a small library or a common class may have fewer.
    known = (watching >= 0).all(0)
    return (present > 0) & ((absent >= MIN_VALIDATION_ABSENT) | (known & (absent > 0)))


def _watch(
    features: NDArray[np.float32],
    targets: NDArray[np.int8],
    inner: NDArray[np.int8],
    zero_shot: NDArray[np.float32],
) -> Watch:
    fitting, watching = inner == TRAIN, inner == job.HELD_OUT
    present = targets[fitting] == PRESENT
    # Unknown is taken for absent: that is nearly always so, wrong for every candidate alike, and
    # the known absent ones alone would be a list of the hardest.
    presumed = np.maximum(targets[watching], job.ABSENT)
    presumed[:, ~_judged(targets[watching])] = job.UNKNOWN
    return Watch(
        features=features[watching],
        targets=presumed,
        present=present.sum(0).astype(np.float64),
        zero_shot=zero_shot,
        directions=discriminant(features[fitting], present, zero_shot),
    )


def fingerprint(folder: Path) -> str:
    """Of the job's contents: a checkpoint belongs to exactly one job."""
    digest = hashlib.blake2b(digest_size=16)
    for name in (job.JSON_NAME, job.ARRAYS_NAME):
        with (folder / name).open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _planned(options: FitOptions, task: Task) -> int:
    if task.watch is None:
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
    """bfloat16 has float32's range, so nothing overflows; MPS gains nothing at these sizes."""
    return torch.bfloat16 if device.type == "cuda" else None
