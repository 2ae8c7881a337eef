"""The class that the verdict keys apply to: what is predicted, chosen or pinned."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from snapshots import make_snapshot

from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.inference.class_in_focus import MOST_ROWS, ClassInFocus, top_prediction

DOG, BUS, KITE = 10, 20, 30
UNKNOWN = [-1, -1, -1]


def library(scores: list[list[float]], annotations: list[list[int]] | None = None) -> Snapshot:
    return make_snapshot(annotations or [UNKNOWN] * len(scores), scores)


def ids(*values: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(values, np.int64)


def test_of_one_image_it_is_the_best_class_without_a_verdict() -> None:
    snapshot = library([[0.9, 0.8, 0.1]], [[1, -1, -1]])
    assert top_prediction(snapshot, ids(1)) == BUS


def test_of_several_images_it_is_the_class_predicted_in_most() -> None:
    snapshot = library([[0.99, 0.6, 0.1], [0.1, 0.6, 0.2], [0.2, 0.7, 0.3]])
    assert top_prediction(snapshot, ids(1, 2, 3)) == BUS


def test_where_nothing_is_predicted_the_highest_mean_score_decides() -> None:
    snapshot = library([[0.1, 0.2, 0.4], [0.1, 0.45, 0.4]])
    assert top_prediction(snapshot, ids(1, 2)) == KITE


def test_where_everything_is_annotated_the_predictions_still_decide() -> None:
    snapshot = library([[0.1, 0.9, 0.4]], [[0, 1, 0]])
    assert top_prediction(snapshot, ids(1)) == BUS


@pytest.mark.parametrize("chosen", [ids(), ids(7), ids(1)])
def test_without_a_score_there_is_none(chosen: np.ndarray[tuple[int], np.dtype[np.int64]]) -> None:
    assert top_prediction(make_snapshot([UNKNOWN]), chosen) is None
    assert top_prediction(library([[np.nan] * 3, [0.9, 0.1, 0.1]]), ids(1)) is None


def test_of_very_many_images_some_from_everywhere_are_looked_at() -> None:
    count = 20 * MOST_ROWS
    scores = np.zeros((count, 3), np.float32)
    scores[: count // 4, 0] = 0.9
    scores[count // 4 :, 2] = 0.6
    snapshot = make_snapshot(np.full((count, 3), -1), scores)
    assert top_prediction(snapshot, snapshot.image_ids) == KITE


@given(
    st.lists(st.tuples(*[st.sampled_from((0.1, 0.4, 0.6, 0.9))] * 3), min_size=1, max_size=6).map(
        lambda rows: [list(row) for row in rows]
    )
)
def test_the_order_of_the_selection_does_not_matter(scores: list[list[float]]) -> None:
    snapshot = library(scores)
    forward, backward = snapshot.image_ids, snapshot.image_ids[::-1]
    assert top_prediction(snapshot, forward) == top_prediction(snapshot, backward)


SNAPSHOT = library([[0.9, 0.2, 0.1], [0.1, 0.9, 0.3]])
"""A dog, then a bus."""


def test_it_follows_the_selection() -> None:
    focus = ClassInFocus()
    focus.select(SNAPSHOT, ids(1))
    assert (focus.class_id, focus.pinned) == (DOG, False)
    focus.select(SNAPSHOT, ids(2))
    assert focus.class_id == BUS


def test_a_chosen_class_counts_until_other_images_are_selected() -> None:
    focus = ClassInFocus()
    focus.select(SNAPSHOT, ids(1))
    focus.choose(KITE)
    assert focus.class_id == KITE
    focus.select(SNAPSHOT, ids(2))
    assert focus.class_id == BUS


def test_a_pinned_class_stays_and_another_one_is_for_one_selection() -> None:
    focus = ClassInFocus()
    focus.pin(KITE)
    focus.select(SNAPSHOT, ids(2))
    assert (focus.class_id, focus.pinned) == (KITE, True)
    focus.choose(DOG)
    assert (focus.class_id, focus.pinned) == (DOG, False)
    focus.select(SNAPSHOT, ids(1))
    assert (focus.class_id, focus.pinned) == (KITE, True)
    focus.unpin()
    assert (focus.class_id, focus.pinned) == (KITE, False)
    focus.select(SNAPSHOT, ids(1))
    assert focus.class_id == DOG


def test_a_filter_pins_its_class_only_while_it_is_set() -> None:
    focus = ClassInFocus()
    focus.filter_by(DOG)
    focus.select(SNAPSHOT, ids(2))
    assert (focus.class_id, focus.pinned) == (DOG, True)
    focus.filter_by(None)
    focus.update(SNAPSHOT, ids(2))
    assert (focus.class_id, focus.pinned) == (BUS, False)


def test_clearing_a_filter_keeps_what_the_user_pinned() -> None:
    focus = ClassInFocus()
    focus.filter_by(DOG)
    focus.pin(KITE)
    focus.filter_by(None)
    assert (focus.class_id, focus.pinned) == (KITE, True)


def test_a_change_of_the_library_leaves_it_unless_the_class_is_gone() -> None:
    focus = ClassInFocus()
    focus.select(SNAPSHOT, ids(1))
    changed = library([[0.1, 0.9, 0.1], [0.1, 0.9, 0.3]])
    focus.update(changed, ids(1))
    assert focus.class_id == DOG
    without_dog = make_snapshot([[-1, -1]], [[0.2, 0.8]], class_ids=[BUS, KITE])
    focus.update(without_dog, ids(1))
    assert focus.class_id == KITE


def test_it_is_set_once_there_are_predictions() -> None:
    focus = ClassInFocus()
    focus.select(make_snapshot([UNKNOWN]), ids(1))
    assert focus.class_id is None
    focus.update(SNAPSHOT, ids(1))
    assert focus.class_id == DOG
