"""What an act on many images would change, counted from a snapshot."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from snapshots import make_snapshot

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.inference.confirmation import confirmation, same_predictions
from lmpt_desktop.inference.verdict_changes import next_verdict
from lmpt_desktop.inference.verdict_outcome import (
    Outcome,
    confirmation_outcome,
    review_outcome,
    verdict_outcome,
)

NAN = np.nan
SNAPSHOT = make_snapshot(
    [[-1, -1], [1, -1], [0, 0], [-1, -1]],
    [[0.9, 0.1], [0.2, 0.8], [0.9, 0.9], [NAN, NAN]],
    reviewed=[False, False, True, False],
)
IDS = SNAPSHOT.image_ids


def test_a_verdict_changes_what_is_not_so_already() -> None:
    assert verdict_outcome(SNAPSHOT, IDS, 10, Verdict.PRESENT) == Outcome(
        images=3, present=3, already=1, reversed=1
    )
    assert verdict_outcome(SNAPSHOT, IDS, 10, Verdict.UNKNOWN) == Outcome(
        images=2, unknown=2, already=2
    )
    assert verdict_outcome(SNAPSHOT, IDS, 99, Verdict.PRESENT) == Outcome()


def test_a_class_without_a_score_is_not_confirmed_absent() -> None:
    """Its name is not encoded yet: nobody has said that it is not there."""
    snapshot = make_snapshot([[-1, -1, -1]], [[0.9, NAN, 0.1]])
    outcome, found = confirmation_outcome(snapshot, snapshot.image_ids)
    assert (outcome.present, outcome.absent) == (1, 1)
    assert found.absent.tolist() == [[False, False, True]]


def test_confirmations_and_predictions_are_compared_cell_by_cell() -> None:
    shown = make_snapshot([[-1, -1], [1, -1]], [[0.9, 0.1], [0.1, 0.1]])
    other = make_snapshot([[-1, -1], [1, -1]], [[0.1, 0.9], [0.1, 0.1]])
    annotated = make_snapshot([[-1, 0], [1, -1]], [[0.9, 0.1], [0.1, 0.1]])
    ids = shown.image_ids
    (counts, one), (same, two) = confirmation_outcome(shown, ids), confirmation_outcome(other, ids)
    assert counts == same and not one.same_as(two)
    assert one.same_as(confirmation(shown, ids))
    assert not same_predictions(shown, other, ids)
    assert same_predictions(shown, other, ids[1:])
    assert same_predictions(shown, annotated, ids)


def test_a_confirmation_leaves_out_what_has_no_predictions() -> None:
    outcome, found = confirmation_outcome(SNAPSHOT, IDS)
    assert outcome == Outcome(images=2, present=2, absent=1, already=1, left_out=1)
    assert found.image_ids.tolist() == [1, 2, 3]


def test_a_review_makes_every_unknown_class_absent() -> None:
    assert review_outcome(SNAPSHOT, IDS, reviewed=True) == Outcome(images=3, absent=5, already=1)
    assert review_outcome(SNAPSHOT, IDS, reviewed=False) == Outcome(images=1, already=3)


def test_images_that_are_gone_are_not_counted() -> None:
    gone = np.array([1, 77], np.int64)
    assert verdict_outcome(SNAPSHOT, gone, 10, Verdict.ABSENT) == Outcome(images=1, absent=1)
    assert review_outcome(SNAPSHOT, gone, reviewed=True).images == 1


def test_a_digit_goes_through_the_verdicts_and_begins_where_images_differ() -> None:
    one = [make_snapshot([[verdict]]) for verdict in (-1, 1, 0)]
    assert [next_verdict(snapshot, snapshot.image_ids, 10) for snapshot in one] == [
        Verdict.PRESENT, Verdict.ABSENT, Verdict.UNKNOWN,
    ]  # fmt: skip
    assert next_verdict(SNAPSHOT, IDS, 10) is Verdict.PRESENT
    assert next_verdict(SNAPSHOT, np.array([77]), 10) is Verdict.PRESENT


@given(st.lists(st.lists(st.sampled_from((-1, 0, 1)), min_size=3, max_size=3), min_size=1))
def test_every_image_changes_or_is_so_already(verdicts: list[list[int]]) -> None:
    snapshot = make_snapshot(verdicts)
    for verdict in Verdict:
        outcome = verdict_outcome(snapshot, snapshot.image_ids, 20, verdict)
        assert outcome.images + outcome.already == len(verdicts)
        assert outcome.images == outcome.present + outcome.absent + outcome.unknown
