"""Make it measurable: what is missing, on photos that can measure."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray
from queue_arrays import library
from snapshots import make_snapshot

from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.inference.measurement import MIN_SUPPORT
from lmpt_desktop.inference.queues import Queue, QueueKind, QueueRequest, build_queue
from lmpt_desktop.inference.queues.measurable import ANSWERS
from trainer.bands import BandLimits

REQUEST = QueueRequest(QueueKind.MEASURABLE)


@dataclass
class Simulated:
    """A library whose truth is known, annotated as tail first leaves it: examples, and hardly an
    absent class."""

    truth: NDArray[np.bool_]
    scores: NDArray[np.float32]
    rival: NDArray[np.float32]
    annotations: NDArray[np.int8]
    held_out: set[int]
    learned: set[int]

    @property
    def snapshot(self) -> Snapshot:
        c = self.truth.shape[1]
        made = make_snapshot(
            self.annotations,
            self.scores,
            thresholds=np.full(c, 0.5, np.float32),
            limits=BandLimits(2, 5),
        )
        return replace(made, trained=np.ones(c, np.bool_))

    def queue(self, request: QueueRequest = REQUEST) -> Queue:
        return build_queue(
            self.snapshot,
            request,
            None,
            self.held_out,
            learned=self.learned,
            rival_scores=self.rival,
        )

    def answer(self, queue: Queue) -> None:
        """Truthfully; what is answered is held out, as the session does."""
        for item in queue.items:
            assert item.class_id is not None
            row, column = item.image_id - 1, self.snapshot.column_of[item.class_id]
            self.annotations[row, column] = self.truth[row, column]
            self.held_out.add(item.image_id)

    @property
    def measurable(self) -> int:
        rows = np.array(sorted(self.held_out), np.int64) - 1
        support = [(self.annotations[rows] == verdict).sum(axis=0) for verdict in (0, 1)]
        return int((np.minimum(*support) >= MIN_SUPPORT).sum())


def simulated(seed: int, *, reviewed: float, answers: int = 150) -> Simulated:
    """600 photos, 20 classes from common to rare; a fifth of the annotated photos is held out, of
    which ``reviewed`` were reviewed completely."""
    rng = np.random.default_rng(seed)
    n, c = 600, 20
    share = np.clip(0.25 / np.arange(1, c + 1) ** 0.7, 0.01, 1)
    truth = rng.random((n, c)) < share
    logits = truth * 3.0 + rng.normal(size=(n, c)) + np.log(share / (1 - share)) - 0.75
    rival = logits + rng.normal(size=(n, c)) * 0.5
    annotations = np.full((n, c), -1, np.int8)
    best = np.argsort(-logits, axis=0)
    for question in range(answers):
        column = question % c
        row = best[question // c * 2, column]
        annotations[row, column] = truth[row, column]
    annotated = np.flatnonzero((annotations >= 0).any(axis=1))
    held = annotated[rng.random(len(annotated)) < 0.2]
    for row in held[: round(reviewed * len(held))]:
        annotations[row] = truth[row]
    held_out = {int(row) + 1 for row in held}
    return Simulated(
        truth,
        (1 / (1 + np.exp(-logits))).astype(np.float32),
        (1 / (1 + np.exp(-rival))).astype(np.float32),
        annotations,
        held_out,
        {int(row) + 1 for row in annotated} - held_out,
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("reviewed", "least"), [(0.0, 1), (0.5, 4)])
def test_about_30_answers_make_classes_measurable(seed: int, reviewed: float, least: int) -> None:
    """Two classes from nothing, since each needs ten answers; several where reviews have already
    declared what is absent."""
    made = simulated(seed, reviewed=reviewed)
    before = made.measurable
    queue = made.queue()
    assert 10 <= len(queue.items) <= ANSWERS
    made.answer(queue)
    assert made.measurable >= before + least


def test_further_rounds_make_further_classes_measurable() -> None:
    made = simulated(0, reviewed=0.0)
    for _round in range(3):
        made.answer(made.queue())
    assert made.measurable >= 4


def test_only_photos_that_can_measure_are_asked_about() -> None:
    made = simulated(1, reviewed=0.5)
    asked = {item.image_id for item in made.queue().items}
    assert not asked & made.learned
    annotated = set((np.flatnonzero((made.annotations >= 0).any(axis=1)) + 1).tolist())
    assert asked & annotated <= made.held_out
    # Learned from, although the annotation is gone.
    made.learned |= asked - made.held_out
    again = {item.image_id for item in made.queue().items}
    assert again and not again & made.learned


def test_measurable_classes_are_not_asked_about_and_the_reason_says_what_is_missing() -> None:
    made = simulated(2, reviewed=0.5)
    rows = np.array(sorted(made.held_out)) - 1
    known = [(made.annotations[rows] == verdict).sum(axis=0) for verdict in (1, 0)]
    for item in made.queue().items:
        assert item.class_id is not None
        column = made.snapshot.column_of[item.class_id]
        present, absent = (max(0, MIN_SUPPORT - int(count[column])) for count in known)
        assert present or absent
        name = made.snapshot.classes[column].name
        assert item.reason.startswith(f"Needed to measure {name}: ")
        assert (f"{present} more present" in item.reason) == bool(present)
        assert (f"{absent} more absent" in item.reason) == bool(absent)


def test_the_cheapest_classes_come_first() -> None:
    """One class lacks two absent photos only; the others lack everything."""
    made = simulated(3, reviewed=0.0, answers=0)
    rare = 7
    rows = np.r_[np.flatnonzero(made.truth[:, rare])[:5], np.flatnonzero(~made.truth[:, rare])[:3]]
    made.annotations[rows, rare] = made.truth[rows, rare]
    made.held_out |= {int(row) + 1 for row in rows}
    first = made.queue().items[0]
    assert first.class_id == made.snapshot.classes[rare].id
    assert first.reason.endswith(": 2 more absent.")


def test_both_versions_name_their_best_photos() -> None:
    """Photos that only the version in use has chosen would favour it."""
    made = simulated(0, reviewed=0.0, answers=0)
    one = QueueRequest(QueueKind.MEASURABLE, class_id=made.snapshot.classes[0].id)
    made.rival[:, 0] = 1 - made.scores[:, 0]
    snapshot, rival = made.snapshot, made.rival
    asked = [item.image_id - 1 for item in made.queue(one).items][:4]
    best, others = np.argsort(-snapshot.scores[:, 0])[:4], np.argsort(-rival[:, 0])[:4]
    assert {best[0], others[0]} <= set(asked)
    assert set(asked) <= {*best.tolist(), *others.tolist()}


def test_where_nothing_can_be_reached_it_says_so() -> None:
    arrays = library(3, 2)
    queue = build_queue(arrays.snapshot, REQUEST, None, frozenset())
    assert not queue.items
    assert "no further class measurable" in queue.note


def test_the_same_library_gives_the_same_queue_and_a_class_or_photos_limit_it() -> None:
    made = simulated(0, reviewed=0.5)
    queue = made.queue()
    assert queue.items == made.queue().items
    chosen = queue.items[-1].class_id
    one = made.queue(QueueRequest(QueueKind.MEASURABLE, class_id=chosen))
    assert {item.class_id for item in one.items} == {chosen}
    half = tuple(range(1, 301))
    some = made.queue(QueueRequest(QueueKind.MEASURABLE, image_ids=half))
    assert some.items and {item.image_id for item in some.items} <= set(half)
