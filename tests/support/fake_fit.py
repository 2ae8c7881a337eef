"""Speaks a fit run's protocol without learning anything, for tests of the app.

``FAKE_FIT`` (JSON) controls the run: ``steps``, ``seconds_per_step``, and ``end``: finish,
fail, fail_after_result, die (no final event), or die_after_result.  It obeys the ``cancel`` file.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import numpy as np

from trainer import job as jobs
from trainer import prompt_set as prompt_sets
from trainer.events import (
    PROTOCOL,
    BandScores,
    FitFailed,
    FitFinished,
    FitProgress,
    FitStarted,
    FitValidated,
    Message,
    to_line,
)


def say(message: Message) -> None:
    sys.stdout.write(to_line(message))
    sys.stdout.flush()


def result(job: jobs.FitJob, folder: Path) -> None:
    """A prompt set whose biases are 3 lower than the baseline's, the first image held out."""
    scores = BandScores(0.5, None, None, 0.5)
    classes = [prompt_sets.ClassResult(item.name, 3, 1, 1, 0.5) for item in job.classes]
    prompt_sets.save(
        prompt_sets.PromptSet(
            backbone=job.settings.backbone,
            classes=[item.name for item in job.classes],
            class_embeddings=job.baseline_embeddings,
            window_embeddings=job.baseline_window_embeddings,
            window_offset=job.window_offset,
            scale=job.baseline_scale,
            biases=job.baseline_biases - 3,
            thresholds=np.full(len(job.classes), 0.4, np.float32),
            train_present=(job.targets == jobs.PRESENT).sum(axis=0),
            calibrated=np.ones(len(job.classes), np.bool_),
            evaluation=prompt_sets.Evaluation(scores, classes),
            baseline=prompt_sets.Evaluation(scores, classes),
            held_out=[int(job.image_ids[0])],
        ),
        folder / jobs.RESULT_NAME,
    )


def main() -> None:
    folder = Path(sys.argv[1])
    assert sys.argv[2:] == ["--events"]
    options = json.loads(os.environ.get("FAKE_FIT", "{}"))
    job = jobs.load(folder)
    steps = options.get("steps", 3)
    print("a line of the log", file=sys.stderr, flush=True)
    n, c = job.targets.shape
    say(FitStarted(PROTOCOL, job.settings.backbone, "CPU", c, n - 1, 1, steps))
    cancelled = False
    for step in range(1, steps + 1):
        time.sleep(options.get("seconds_per_step", 0.01))
        if (folder / jobs.CANCEL_NAME).exists():
            cancelled = True
            break
        say(FitProgress(step, steps, 1 / step, 1 / step, 1 / step, 0.1))
    say(FitValidated(steps, BandScores(0.5, None, None, 0.5)))
    match options.get("end", "finish"):
        case "finish":
            result(job, folder)
            say(FitFinished(str(folder / jobs.RESULT_NAME), 1.0, False, cancelled))
        case "fail" | "fail_after_result" as end:
            if end == "fail_after_result":
                result(job, folder)
            say(FitFailed("not-finite", "The loss is not a number any more."))
            sys.exit(1)
        case "die_after_result":
            result(job, folder)
            os._exit(9)
        case "die":
            os._exit(9)


if __name__ == "__main__":
    main()
