"""Snapshots made of a few arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lmpt_desktop.domain.records import NO_DATE, ClassEntry, ImageTable
from lmpt_desktop.domain.snapshot import Snapshot, no_scores
from lmpt_desktop.domain.texts import Texts
from trainer.bands import BandLimits


def make_snapshot(
    annotations: ArrayLike,
    scores: ArrayLike | None = None,
    *,
    thresholds: ArrayLike | None = None,
    image_ids: Sequence[int] | None = None,
    class_ids: Sequence[int] | None = None,
    class_names: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    folder_ids: ArrayLike | None = None,
    states: ArrayLike | None = None,
    taken: ArrayLike | None = None,
    reviewed: ArrayLike | None = None,
    limits: BandLimits | None = None,
    cameras: Sequence[str] = (),
) -> Snapshot:
    """N images with ids 1, 2, ... and C classes with ids 10, 20, ...; N and C are those of the
    annotations (N, C).  Thresholds are 0.5; ``cameras`` are names, "" for none.
    """
    verdicts = np.asarray(annotations, np.int8)
    n, c = verdicts.shape

    def column(values: ArrayLike | None, default: float, dtype: type) -> np.ndarray[Any, Any]:
        return np.full(n, default, dtype) if values is None else np.asarray(values, dtype)

    known = list(dict.fromkeys(("", *cameras)))
    ids = list(class_ids) if class_ids is not None else [10 * (i + 1) for i in range(c)]
    titles = list(class_names) if class_names is not None else [f"class {i}" for i in range(c)]
    return Snapshot(
        version=1,
        images=ImageTable(
            ids=np.arange(1, n + 1) if image_ids is None else np.asarray(image_ids, np.int64),
            folder_ids=column(folder_ids, 1, np.int64),
            states=column(states, 0, np.int8),
            sizes=column(None, 1000, np.int64),
            mtime=column(None, 0, np.int64),
            taken=column(taken, NO_DATE, np.int64),
            widths=column(None, 0, np.int32),
            heights=column(None, 0, np.int32),
            names=Texts.of(names if names is not None else [f"{i + 1}.jpg" for i in range(n)]),
            fingerprints=Texts.of([""] * n),
            edited=np.zeros(n, np.bool_),
            cameras=np.array([known.index(name) for name in cameras], np.int32),
            camera_names=dict(enumerate(known[1:], start=1)),
        ),
        classes=tuple(
            ClassEntry(class_id, name, position=i)
            for i, (class_id, name) in enumerate(zip(ids, titles, strict=True))
        ),
        scores=no_scores(n, c) if scores is None else np.asarray(scores, np.float32),
        thresholds=np.full(c, 0.5, np.float32)
        if thresholds is None
        else np.asarray(thresholds, np.float32),
        trained=np.zeros(c, np.bool_),
        annotations=verdicts,
        reviewed=column(reviewed, False, np.bool_),
        limits=limits or BandLimits(2, 5),
    )
