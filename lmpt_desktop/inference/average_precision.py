"""Average precision per class over the available annotations (Qt-free numpy).

The trainer's own (:mod:`trainer.metrics`) uses scikit-learn, which the window's process does not
load; a test checks that both give the same numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trainer.bands import Band
from trainer.events import BandScores
from trainer.prompt_set import ClassResult, Evaluation


def average_precision(scores: NDArray[np.float32], present: NDArray[np.bool_]) -> float | None:
    """Of one class: the mean precision at every present image, with tied scores as one step.

    Args:
        scores: (n,) finite.
        present: (n,).

    Returns:
        None if there is no present or no absent image.
    """
    count = int(present.sum())
    if not count or count == len(present):
        return None
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], np.cumsum(present[order])
    # The last of every run of equal scores: where a threshold can be.
    ends = np.flatnonzero(np.append(np.diff(ranked) != 0, True))
    precision = hits[ends] / (ends + 1)
    gained = np.diff(hits[ends], prepend=0)
    return float((precision * gained).sum() / count)


def evaluate(
    scores: NDArray[np.float32],
    targets: NDArray[np.int8],
    names: list[str],
    bands: tuple[Band, ...] | list[Band],
    train_present: NDArray[np.int64],
) -> Evaluation:
    """Evaluate every class by its own annotations.

    Args:
        scores: (n, C); NaN where there is no score; such cells are left out.
        targets: (n, C): 1 present, 0 absent, -1 unknown (left out).
        names: C.
        bands: C, for the means.
        train_present: (C,) present annotations in training, copied into the result.
    """
    classes: list[ClassResult] = []
    for column, name in enumerate(names):
        known = (targets[:, column] >= 0) & ~np.isnan(scores[:, column])
        present = targets[known, column] == 1
        classes.append(
            ClassResult(
                name,
                int(train_present[column]),
                int(present.sum()),
                int((~present).sum()),
                average_precision(scores[known, column], present),
            )
        )

    def mean(band: Band | None) -> float | None:
        values = [
            item.average_precision
            for item, of in zip(classes, bands, strict=True)
            if item.average_precision is not None and band in (None, of)
        ]
        return float(np.mean(values)) if values else None

    return Evaluation(
        BandScores(mean(None), mean(Band.HEAD), mean(Band.MEDIUM), mean(Band.TAIL)), classes
    )
