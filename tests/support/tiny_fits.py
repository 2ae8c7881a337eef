"""Fit runs on small made-up jobs over the tiny backbone, in this process and in one of their own.

As a program, ``tiny_fits.py JOB``, it is ``trainer fit JOB --events`` with that backbone.
``--die-at N`` kills it with SIGKILL before its Nth step; ``--save-always`` writes a checkpoint
after every step instead of every few seconds.  With ``--die-rank R`` only that rank of torchrun
is killed.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from tiny_backbone import DIM, tiny_backbone

from trainer import job, prompt_set
from trainer.cancel import CancelToken
from trainer.events import Message, parse_line
from trainer.kernel import KernelPart

NAMES = ["dog", "cat", "kite", "traffic light", "snowboard", "toaster", "zebra", "hair drier"]


def written_embeddings(names: Sequence[str]) -> np.ndarray:
    """(C, D) zero-shot embeddings."""
    from trainer.learner import embed_templates
    from trainer.text_tower import TextTower

    backbone = tiny_backbone()
    tower = TextTower(backbone.model, backbone.tokenizer)
    return embed_templates(tower, list(names), list(backbone.templates)).detach().numpy()


def make_job(
    zero_shot: np.ndarray,
    *,
    images: int = 160,
    known: float = 1.0,
    seed: int = 0,
    method: str = job.LMPT_PLUS,
    **options: Any,
) -> job.FitJob:
    """Images that mix hidden class centres, far from what the random tower believes.

    The first class is in half of the images, the last in 6 %; ``known`` of the annotations are.
    """
    r = np.random.default_rng(seed)
    count = len(NAMES)
    centres = r.normal(size=(count, DIM))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    present = r.random((images, count)) < np.linspace(0.5, 0.06, count)
    features = present @ centres + 0.15 * r.normal(size=(images, DIM))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    targets = present.astype(np.int8)
    targets[r.random(targets.shape) >= known] = -1
    return job.FitJob(
        settings=job.JobSettings(
            backbone="tiny",
            method=method,
            device="cpu",
            options={"steps": 60, "threads": 1} | options,
        ),
        classes=[job.JobClass(name) for name in NAMES],
        image_ids=np.arange(1000, 1000 + images),
        features=features.astype(np.float16),
        targets=targets,
        split=np.full(images, -1, dtype=np.int8),
        captions=[""] * images,
        baseline_embeddings=zero_shot,
        baseline_biases=np.full(count, -4, dtype=np.float32),
        baseline_scale=20.0,
    )


class Events(list[Message]):
    """Collects what a run emits."""

    def __call__(self, event: Message) -> None:
        self.append(event)

    def of(self, kind: type[Message]) -> list[Any]:
        return [event for event in self if isinstance(event, kind)]


def run(
    folder: Path, made: job.FitJob | None, stop: CancelToken | None = None
) -> tuple[Message, Events]:
    """Write the job (None: it is there already) and fit it."""
    from trainer.fit import fit

    if made is not None:
        job.save(made, folder)
    events = Events()
    outcome = fit(folder, events, stop or CancelToken(), tiny_backbone)
    return outcome, events


def assert_identical(
    one: prompt_set.PromptSet | KernelPart, other: prompt_set.PromptSet | KernelPart
) -> None:
    """To the last bit, apart from when they were made."""
    for field in fields(one):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        if isinstance(mine, np.ndarray):
            assert np.array_equal(mine, theirs), field.name
        elif isinstance(mine, KernelPart):
            assert_identical(mine, theirs)
        elif field.name != "created":
            assert mine == theirs, field.name


# ------------------------------------------------------------------- as a process


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """This module as a program, its events on stdout."""
    return subprocess.Popen(
        [sys.executable, __file__, str(folder), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def wait_for(child: subprocess.Popen[str], kind: type[Message]) -> Message:
    """Its next event of that kind."""
    assert child.stdout is not None
    for line in child.stdout:
        event = parse_line(line)
        if isinstance(event, kind):
            return event
    raise AssertionError(f"the run ended without {kind.__name__}")


def _die_at(step: int) -> None:
    from trainer import learner

    plain, done = learner.TrainingPass.advance, 0

    def advance(self: learner.TrainingPass, total: int) -> Any:
        nonlocal done
        done += 1
        if done == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return plain(self, total)

    learner.TrainingPass.advance = advance


def _main() -> None:
    import types

    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--die-at", type=int, default=0)
    parser.add_argument("--die-rank", default="")
    parser.add_argument("--save-always", action="store_true")
    arguments = parser.parse_args()
    fake: Any = types.ModuleType("trainer.backbone")
    fake.load_backbone = tiny_backbone
    sys.modules["trainer.backbone"] = fake

    from trainer import schedule
    from trainer.__main__ import run_as_program

    if arguments.die_at and arguments.die_rank == os.environ.get("RANK", ""):
        _die_at(arguments.die_at)
    if arguments.save_always:
        schedule.CHECKPOINT_SECONDS = 0.0
    sys.argv[1:] = ["fit", arguments.folder, "--events"]
    run_as_program()


if __name__ == "__main__":
    _main()
