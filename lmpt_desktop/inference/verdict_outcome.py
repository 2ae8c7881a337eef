"""What a verdict, a confirmation or a review of images would change, counted before it is done
(Qt-free)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.inference.confirmation import Confirmation, confirmation
from lmpt_desktop.inference.verdict_changes import BLOCK_ROWS, rows_of


@dataclass(frozen=True)
class Outcome:
    """Counts of what an act would change.

    Attributes:
        images: how many images change.
        present, absent, unknown: how many verdicts become so.
        already: how many images stay as they are, because they are so already.
        reversed: how many of the verdicts were the opposite.
        left_out: how many images are left out, not being encoded yet.
    """

    images: int = 0
    present: int = 0
    absent: int = 0
    unknown: int = 0
    already: int = 0
    reversed: int = 0
    left_out: int = 0


def verdict_outcome(
    snapshot: Snapshot, image_ids: NDArray[np.int64], class_id: int, verdict: Verdict
) -> Outcome:
    """What giving a class this verdict in ``image_ids`` changes."""
    column = snapshot.column_of.get(class_id)
    if column is None:
        return Outcome()
    before = snapshot.annotations[rows_of(snapshot, image_ids), column]
    changed = int(np.count_nonzero(before != verdict))
    opposite = 0
    if verdict is not Verdict.UNKNOWN:
        opposite = int(np.count_nonzero((before != verdict) & (before != Verdict.UNKNOWN)))
    return Outcome(
        images=changed,
        present=changed if verdict is Verdict.PRESENT else 0,
        absent=changed if verdict is Verdict.ABSENT else 0,
        unknown=changed if verdict is Verdict.UNKNOWN else 0,
        already=len(before) - changed,
        reversed=opposite,
    )


def confirmation_outcome(
    snapshot: Snapshot, image_ids: NDArray[np.int64]
) -> tuple[Outcome, Confirmation]:
    """What confirming ``image_ids`` changes, and the confirmation that does it."""
    found = confirmation(snapshot, image_ids)
    rows = snapshot.rows(found.image_ids)
    changes = found.present.any(axis=1) | found.absent.any(axis=1) | ~snapshot.reviewed[rows]
    images = int(np.count_nonzero(changes))
    outcome = Outcome(
        images=images,
        present=int(np.count_nonzero(found.present)),
        absent=int(np.count_nonzero(found.absent)),
        already=len(rows) - images,
        left_out=found.without_predictions,
    )
    return outcome, found


def review_outcome(snapshot: Snapshot, image_ids: NDArray[np.int64], *, reviewed: bool) -> Outcome:
    """What setting the reviewed mark of ``image_ids`` (unknown classes become absent), or removing
    it, changes."""
    rows = rows_of(snapshot, image_ids)
    marks = snapshot.reviewed[rows]
    if not reviewed:
        marked = int(np.count_nonzero(marks))
        return Outcome(images=marked, already=len(rows) - marked)
    absent = images = 0
    for start in range(0, len(rows), BLOCK_ROWS):
        block = snapshot.annotations[rows[start : start + BLOCK_ROWS]] == Verdict.UNKNOWN
        absent += int(np.count_nonzero(block))
        images += int(np.count_nonzero(block.any(axis=1) | ~marks[start : start + BLOCK_ROWS]))
    return Outcome(images=images, absent=absent, already=len(rows) - images)
