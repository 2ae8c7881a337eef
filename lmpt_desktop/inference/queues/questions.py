"""What the builder of a review queue is given and what it returns (Qt-free)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.conflicts import StoredConflicts
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.inference.queues.features import Features


def _no_rows() -> NDArray[np.int64]:
    return np.empty(0, np.int64)


@dataclass(frozen=True, eq=False)
class QueueInputs:
    """What questions are chosen from.

    Attributes:
        snapshot: the library, N images and C classes.
        rows: (n,) int64, rows of the images that may be asked about.
        columns: (c,) int64, columns of the classes that may be asked about.
        length: how many questions to choose at most.
        seed: of the random choices.
        features: of the library's images.
        held_out: (h,) int64, rows of the images that measure.
        learned: (l,) int64, rows of images that some version was trained on.
        rival_scores: (N, C) float32 by a version that waits to be compared with the one in use;
            None if there is none.
        conflicts: with merged libraries, that nobody has decided.
    """

    snapshot: Snapshot
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    length: int
    seed: int
    features: Features
    held_out: NDArray[np.int64] = field(default_factory=_no_rows)
    learned: NDArray[np.int64] = field(default_factory=_no_rows)
    rival_scores: NDArray[np.float32] | None = None
    conflicts: StoredConflicts = field(default_factory=StoredConflicts.none)


@dataclass(frozen=True)
class QueueItem:
    """One question.

    Attributes:
        image_id: the image to show.
        class_id: the class to ask about; None for all classes of the image.
        value: how urgent it is, by the measure of its queue; higher is more urgent.
        reason: why it is asked, a short sentence in the user's language.
    """

    image_id: int
    class_id: int | None
    value: float
    reason: str


@dataclass(frozen=True)
class Choice:
    """The questions a builder has chosen.

    Attributes:
        items: at most as many as requested, most urgent first.
        possible: how many there were to choose from.
        note: why there are none, a sentence in the user's language; "" for the usual one.
    """

    items: tuple[QueueItem, ...] = ()
    possible: int = 0
    note: str = ""
