"""Everything the page shows, computed from a session off the window's thread (Qt-free)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.inference.co_occurrence import (
    CoOccurrence,
    Evidence,
    co_occurrence,
    rows_with_all,
)
from lmpt_desktop.inference.long_tail import LongTail, long_tail
from lmpt_desktop.inference.tail_gaps import Gap, gaps


@dataclass(frozen=True, eq=False)
class Figures:
    """What the page shows of one snapshot of the library."""

    snapshot: Snapshot
    tail: LongTail
    gaps: tuple[Gap, ...]


def load_figures(session: LibrarySession) -> Figures:
    """Count everything; takes a fraction of a second for 100,000 images and 1,000 classes."""
    snapshot = session.snapshot()
    active = next((item for item in session.versions.all() if item.active), None)
    measured = None
    if active is not None and active.evaluation is not None:
        measured = {item.name: item for item in active.evaluation.classes}
    tail = long_tail(
        class_ids=snapshot.class_ids,
        names=[entry.name for entry in snapshot.classes],
        annotations=snapshot.annotations,
        tally=snapshot.tally,
        bands=snapshot.bands,
        scored_images=int(snapshot.scored.sum()),
        results=measured,
        forecast=session.gain_forecasts.of(snapshot),
    )
    return Figures(snapshot, tail, tuple(gaps(tail)))


def count_pairs(snapshot: Snapshot, columns: NDArray[np.int64], evidence: Evidence) -> CoOccurrence:
    """Count the images of every pair of the classes in ``columns`` (k,)."""
    return co_occurrence(
        snapshot.annotations, snapshot.scores, snapshot.thresholds, columns, evidence
    )


def images_with(snapshot: Snapshot, columns: list[int], evidence: Evidence) -> list[int]:
    """Ids of the images with all of these classes."""
    rows = rows_with_all(
        snapshot.annotations,
        snapshot.scores,
        snapshot.thresholds,
        np.array(columns, np.int64),
        evidence,
    )
    return snapshot.image_ids[rows].tolist()


def unjudged_images(snapshot: Snapshot, column: int) -> list[int]:
    """Ids of the images in which a class is predicted and has no verdict."""
    with np.errstate(invalid="ignore"):
        reached = snapshot.scores[:, column] >= snapshot.thresholds[column]
    return snapshot.image_ids[reached & (snapshot.annotations[:, column] < 0)].tolist()
