"""Small libraries for the long-tail tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.bands import class_bands
from lmpt_desktop.domain.class_tally import class_tally
from lmpt_desktop.domain.predictions import has_scores
from lmpt_desktop.inference.gain_forecast import GainForecast
from lmpt_desktop.inference.long_tail import LongTail, long_tail
from trainer.bands import BandLimits
from trainer.prompt_set import ClassResult

LIMITS = BandLimits(medium=2, head=4)


def random_library(
    seed: int, images: int, classes: int
) -> tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.float32]]:
    """Annotations, scores (some rows NaN) and thresholds."""
    rng = np.random.default_rng(seed)
    annotations = rng.choice(np.array([-1, 0, 1], np.int8), (images, classes), p=[0.5, 0.2, 0.3])
    scores = rng.random((images, classes), np.float32)
    scores[rng.random(images) < 0.2] = np.nan
    return annotations, scores, rng.random(classes, np.float32)


def tail_of(
    annotations: NDArray[np.int8],
    scores: NDArray[np.float32] | None = None,
    *,
    names: Sequence[str] | None = None,
    judged: Mapping[str, float | ClassResult | None] | None = None,
    limits: BandLimits = LIMITS,
    thresholds: NDArray[np.float32] | None = None,
    reviewed: NDArray[np.bool_] | None = None,
    forecast: GainForecast | None = None,
) -> LongTail:
    """The figures of a library; without scores every photo is still to be looked at.  ``judged``:
    average precisions, or all that a training measured, by class name."""
    n, c = annotations.shape
    scores = np.full((n, c), np.nan, np.float32) if scores is None else scores
    thresholds = np.full(c, 0.5, np.float32) if thresholds is None else thresholds
    tally = class_tally(
        annotations, scores, thresholds, np.zeros(n, np.bool_) if reviewed is None else reviewed
    )
    results = None
    if judged is not None:
        results = {
            name: value if isinstance(value, ClassResult) else ClassResult(name, 0, 0, 0, value)
            for name, value in judged.items()
        }
    return long_tail(
        class_ids=np.arange(100, 100 + c),
        names=names or [f"class {number}" for number in range(c)],
        annotations=annotations,
        tally=tally,
        bands=class_bands(tally, limits),
        scored_images=int(has_scores(scores).sum()),
        results=results,
        forecast=forecast,
    )


def with_presents(*counts: int, images: int = 12) -> NDArray[np.int8]:
    """Annotations in which class i is present in the first ``counts[i]`` images."""
    return np.where(np.arange(images)[:, None] < np.array(counts), 1, 0).astype(np.int8)
