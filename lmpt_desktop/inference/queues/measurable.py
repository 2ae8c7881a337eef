"""Make it measurable: the few answers that let a class be measured.

Tail first finds mostly examples, so a class that it has helped may still lack held-out photos
without it; a class that reviews declared absent lacks photos with it.  This queue asks for what is
missing: about photos that are held out already, and about ones without any annotation that no
version was trained on, which are held out once they are answered.  Both help the comparison that
waits now.  See docs/adr/0018-comparison.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.inference.measurement import MIN_SUPPORT
from lmpt_desktop.inference.queues.entries import Entries, Rows, best_of_each_class
from lmpt_desktop.inference.queues.questions import Choice, QueueInputs, QueueItem
from lmpt_desktop.inference.queues.random_sample import random_keys
from lmpt_desktop.inference.queues.tail_first import chance
from lmpt_desktop.translation import _

ANSWERS = 30
"""Questions at most: what one is willing to answer before a decision."""
TRIES = 12
"""Photos of a class that may show it, at most."""
SPARE = 1.25
"""So many more answers of each kind than needed are planned for: which they are is a guess."""
NEAREST = 0.25
"""Photos that probably do not show a class are drawn at random from this share of those below its
threshold, the nearest ones: just below it every second photo shows the class, and far below it the
answer says little."""


@dataclass(frozen=True)
class _Plan:
    """Questions about one class: photos that may show it, then photos that probably do not."""

    column: int
    likely: Rows
    unlikely: Rows
    missing_present: int
    missing_absent: int

    @property
    def cost(self) -> int:
        return len(self.likely) + len(self.unlikely)


def measurable(inputs: QueueInputs) -> Choice:
    """The classes that need the fewest answers, whole classes at a time."""
    snapshot = inputs.snapshot
    rows = _usable(inputs)
    held_out = snapshot.annotations[inputs.held_out]
    present, absent = (held_out == 1).sum(axis=0), (held_out == 0).sum(axis=0)
    missing = np.maximum(MIN_SUPPORT - np.stack([present, absent]), 0)
    columns = inputs.columns[missing[:, inputs.columns].any(axis=0)]
    if not len(columns) or not len(rows):
        return Choice()
    plans = _plans(inputs, rows, columns, missing)
    limit = min(inputs.length, ANSWERS)
    chosen: list[_Plan] = []
    for plan in plans:
        if sum(item.cost for item in chosen) + plan.cost <= limit:
            chosen.append(plan)
    items = tuple(item for plan in chosen for item in _questions(snapshot, plan))
    possible = sum(plan.cost for plan in plans)
    return Choice(items, possible)


def _usable(inputs: QueueInputs) -> Rows:
    """Rows of the photos whose answers can measure: held out, or free to be."""
    annotations = inputs.snapshot.annotations
    rows = inputs.rows
    held = np.isin(rows, inputs.held_out)
    # Nearly always whole rows are unknown, and few images have an annotation.
    free = ~(annotations[rows] >= 0).any(axis=1) & ~np.isin(rows, inputs.learned)
    return rows[held | free]


def _plans(
    inputs: QueueInputs, rows: Rows, columns: Rows, missing: NDArray[np.int64]
) -> list[_Plan]:
    """A plan for every class that can be reached, cheapest first; of equal ones the rarer first."""
    snapshot = inputs.snapshot
    likely = _likely(inputs, rows, columns)
    plans: list[_Plan] = []
    for column in columns.tolist():
        wanted, unwanted = int(missing[0, column]), int(missing[1, column])
        asked, chances = likely[column]
        count = _enough(chances, wanted)
        if count is None:
            continue
        asked = asked[:count]
        unlikely = _unlikely(inputs, rows, column, asked, math.ceil(unwanted * SPARE))
        # A photo that does not show the class after all is one of those that are needed.
        surprises = int(count - chances[:count].sum())
        if len(unlikely) >= unwanted - surprises:
            plans.append(_Plan(column, asked, unlikely, wanted, unwanted))
    examples = snapshot.bands.present
    return sorted(plans, key=lambda plan: (plan.cost, int(examples[plan.column])))


def _enough(chances: NDArray[np.float64], wanted: int) -> int | None:
    """How many of the candidates to ask about for so many yes; None if they are too few."""
    if not wanted:
        return 0
    reached = np.flatnonzero(np.cumsum(chances) >= wanted * SPARE)
    if len(reached):
        return int(reached[0]) + 1
    # All of them may just do.
    return len(chances) if chances.sum() >= wanted else None


def _likely(
    inputs: QueueInputs, rows: Rows, columns: Rows
) -> dict[int, tuple[Rows, NDArray[np.float64]]]:
    """For every class the photos most likely to show it, and their chances.

    Where a new version waits to be compared, each of the two names its best in turn, as in pooling
    (Voorhees & Harman 2005): photos that only one of them has chosen would favour it.
    """
    snapshot = inputs.snapshot
    versions = [snapshot]
    if inputs.rival_scores is not None:
        versions.append(replace(snapshot, scores=inputs.rival_scores))
    rankings: list[dict[int, list[tuple[int, float]]]] = []
    for version in versions:
        found = best_of_each_class(version, rows, columns, TRIES)
        chances = chance(version, found, rows)
        # Scores that a training has calibrated are better estimates.
        trained = snapshot.trained[found.columns]
        rankings.append(_by_class(found, np.where(trained, found.values, chances)))
    merged: dict[int, tuple[Rows, NDArray[np.float64]]] = {}
    for column in columns.tolist():
        ranked = [ranking.get(column, []) for ranking in rankings]
        chosen: dict[int, float] = {}
        for place in range(TRIES):
            for ranking in ranked:
                if place < len(ranking):
                    row, likely = ranking[place]
                    chosen.setdefault(row, likely)
        taken = list(chosen.items())[:TRIES]
        merged[column] = (
            np.array([row for row, _likely in taken], np.int64),
            np.array([likely for _row, likely in taken], np.float64),
        )
    return merged


def _by_class(found: Entries, chances: NDArray[np.float64]) -> dict[int, list[tuple[int, float]]]:
    answer: dict[int, list[tuple[int, float]]] = {}
    for row, column, likely in zip(
        found.rows.tolist(), found.columns.tolist(), chances.tolist(), strict=True
    ):
        answer.setdefault(column, []).append((row, likely))
    return answer


def _unlikely(inputs: QueueInputs, rows: Rows, column: int, asked: Rows, count: int) -> Rows:
    """Photos that probably do not show the class but come near it; held-out ones first."""
    if not count:
        return np.empty(0, np.int64)
    snapshot = inputs.snapshot
    scores = snapshot.scores[rows, column]
    open_ = (snapshot.annotations[rows, column] < 0) & ~np.isin(rows, asked)
    below = open_ & (scores < snapshot.thresholds[column])  # False for NaN
    found = np.flatnonzero(below)
    most = max(count, round(NEAREST * len(found)))
    nearest = rows[found[np.argsort(-scores[found], kind="stable")][:most]]
    keys = random_keys(snapshot.image_ids[nearest], inputs.seed)
    held = np.isin(nearest, inputs.held_out)
    return nearest[np.lexsort((keys, ~held))][:count]


def _questions(snapshot: Snapshot, plan: _Plan) -> list[QueueItem]:
    entry = snapshot.classes[plan.column]
    if plan.missing_present and plan.missing_absent:
        text = _("Needed to measure {name}: {present} more present and {absent} more absent.")
    elif plan.missing_present:
        text = _("Needed to measure {name}: {present} more present.")
    else:
        text = _("Needed to measure {name}: {absent} more absent.")
    reason = text.format(name=entry.name, present=plan.missing_present, absent=plan.missing_absent)
    value = 1.0 / max(plan.cost, 1)
    return [
        QueueItem(int(snapshot.image_ids[row]), entry.id, value, reason)
        for row in (*plan.likely.tolist(), *plan.unlikely.tolist())
    ]
