"""Photos of one stack do not follow each other in a queue."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from queue_arrays import library

from lmpt_desktop.inference.queues import QueueKind, QueueRequest, build_queue
from lmpt_desktop.inference.queues.spacing import DISTANCE, one_of_each, spaced

Item = tuple[int, int]
"""A photo and the number of the question."""


def stack_of(photo: int) -> int:
    """Photos 0 to 9 are stack 0, 10 to 19 stack 1, ...; from 100 on there are none."""
    return photo // 10 if photo < 100 else -1


def photo_of(item: Item) -> int:
    return item[0]


def arranged(photos: list[int], before: tuple[int, ...] = ()) -> list[int]:
    items = list(zip(photos, range(len(photos)), strict=True))
    return [photo for photo, _ in spaced(items, photo_of, stack_of, before)]


def meet(one: int, other: int) -> bool:
    return one != other and stack_of(one) >= 0 and stack_of(one) == stack_of(other)


def test_a_sibling_waits_until_enough_others_have_been_asked_about() -> None:
    others = list(range(100, 110))
    found = arranged([1, 2, *others])
    assert found == [1, *others[: DISTANCE - 1], 2, *others[DISTANCE - 1 :]]


def test_where_there_are_few_others_siblings_are_as_far_apart_as_can_be() -> None:
    assert arranged([1, 2, 3, 100, 101]) == [1, 100, 2, 101, 3]
    assert arranged([1, 2, 3, 100]) in ([1, 100, 2, 3], [1, 2, 100, 3])


def test_questions_about_the_same_photo_may_follow_each_other() -> None:
    assert arranged([1, 1, 100, 2]) == [1, 1, 100, 2]


def test_what_was_asked_before_counts() -> None:
    assert arranged([2, 100, 101], before=(1,)) == [100, 101, 2]
    assert arranged([2, 3], before=(1,)) == [2, 3]


photo_lists = st.lists(st.one_of(st.integers(0, 39), st.integers(100, 105)), max_size=40)


@settings(deadline=None)
@given(photo_lists, st.lists(st.integers(0, 39), max_size=3))
def test_nothing_is_lost_and_the_rest_keeps_its_order(photos: list[int], before: list[int]) -> None:
    items = list(zip(photos, range(len(photos)), strict=True))
    found = spaced(items, photo_of, stack_of, before)
    assert Counter(found) == Counter(items)
    assert [i for i in found if i[0] >= 100] == [i for i in items if i[0] >= 100]


@settings(deadline=None)
@given(photo_lists)
def test_siblings_follow_each_other_only_where_no_order_avoids_it(photos: list[int]) -> None:
    most = max(Counter(s for p in photos if (s := stack_of(p)) >= 0).values(), default=0)
    if 2 * most <= len(photos) + 1:
        assert not any(meet(one, other) for one, other in pairwise(arranged(photos)))


@given(st.lists(st.integers(100, 120), max_size=30))
def test_without_stacks_nothing_moves(photos: list[int]) -> None:
    assert arranged(photos) == photos


@given(photo_lists)
def test_one_of_each_keeps_the_first_photo_of_every_stack(photos: list[int]) -> None:
    items = list(zip(photos, range(len(photos)), strict=True))
    kept = one_of_each(items, photo_of, stack_of)
    assert not any(meet(a[0], b[0]) for a in kept for b in kept)
    assert {stack_of(p) for p in photos} == {stack_of(p) for p, _ in kept}
    assert [i for i in kept if i[0] >= 100] == [i for i in items if i[0] >= 100]


# ------------------------------------------------------------------------- whole queues

kinds = pytest.mark.parametrize("kind", [kind for kind in QueueKind if not kind.row.measures])
choosy = pytest.mark.parametrize("kind", [kind for kind in QueueKind if kind.row.one_of_a_stack])


def request(kind: QueueKind, length: int) -> QueueRequest:
    return QueueRequest(kind, class_id=10 if kind.needs_class else None, length=length)


@kinds
@pytest.mark.parametrize("length", [0, 5, 40, 500])
def test_stacks_make_no_queue_shorter_and_change_none_at_all_where_there_are_none(
    kind: QueueKind, length: int
) -> None:
    arrays = library(60, annotated=0.3)
    asked = request(kind, length)
    plain = build_queue(arrays.snapshot, asked, arrays.features)
    none = np.full(60, -1, np.int64)
    alone = build_queue(arrays.snapshot, asked, arrays.features, stacks=none)
    assert alone.items == plain.items
    stacks = np.arange(60) // 4
    found = build_queue(arrays.snapshot, asked, arrays.features, stacks=stacks)
    assert len(plain.items) <= len(found.items) <= length
    assert len({(item.image_id, item.class_id) for item in found.items}) == len(found.items)
    assert found.possible == plain.possible


@kinds
@pytest.mark.parametrize("seed", range(4))
def test_no_queue_asks_about_siblings_in_a_row(kind: QueueKind, seed: int) -> None:
    arrays = library(120, annotated=0.4, seed=seed)
    stacks = np.where(np.arange(120) % 3 == 0, -1, np.arange(120) // 8)
    found = build_queue(arrays.snapshot, request(kind, 60), arrays.features, stacks=stacks)
    for one, other in pairwise(item.image_id for item in found.items):
        assert one == other or stacks[one - 1] < 0 or stacks[one - 1] != stacks[other - 1]


@choosy
def test_a_burst_that_scores_high_takes_one_question_while_there_are_others(
    kind: QueueKind,
) -> None:
    arrays = library(80, classes=2, dim=8)
    arrays.annotations[79] = 1  # the example of the queue that needs one
    arrays.scores[:20] = 0.5 if kind is QueueKind("uncertain") else 0.97
    arrays.matrix[:20] = arrays.matrix[79]
    stacks = np.where(np.arange(80) < 20, 0, -1)
    found = build_queue(arrays.snapshot, request(kind, 30), arrays.features, stacks=stacks)
    asked = {item.image_id for item in found.items}
    assert len(found.items) == 30
    assert len([image_id for image_id in asked if image_id <= 20]) == 1
