"""Bursts and look-alikes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from snapshots import make_snapshot

from lmpt_desktop.domain.records import NO_DATE
from lmpt_desktop.inference.queues import Features
from lmpt_desktop.inference.stacks import (
    ALIKE,
    GAP_SECONDS,
    MOST,
    Stacks,
    group,
    library_stacks,
    usual_cosine,
)

NOON = 1_600_000_000
DIM = 8


def looks(*scenes: int, noise: float = 0.05) -> NDArray[np.float16]:
    """(n, DIM) features: those of one scene are alike, and of others at right angles."""
    rng = np.random.default_rng(0)
    matrix = np.eye(DIM)[list(scenes)] + rng.normal(0, noise, (len(scenes), DIM)) / DIM
    return (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(np.float16)


def stacks_of(
    seconds: list[int], scenes: list[int], *, places: list[int] | None = None, usual: float = 0.0
) -> list[list[int]]:
    """The stacks of photos 0, 1, ... taken so many seconds after noon; -1 for no date."""
    ids = np.arange(len(seconds), dtype=np.int64)
    taken = np.array([NO_DATE if s < 0 else NOON + s for s in seconds], np.int64)
    where = np.array(places or [0] * len(seconds), np.int64)
    found = group(ids, taken, where, Features(ids, looks(*scenes)), usual=usual)
    return listed(found)


def listed(found: Stacks) -> list[list[int]]:
    return [found.members(number).tolist() for number in range(found.count)]


def test_photos_within_seconds_and_alike_are_one_stack() -> None:
    assert stacks_of([0, 2, 4, 60, 61], [0, 0, 0, 1, 1]) == [[0, 1, 2], [3, 4]]


def test_neither_time_alone_nor_likeness_alone_makes_a_stack() -> None:
    assert stacks_of([0, 1, 2], [0, 1, 2]) == []
    assert stacks_of([0, GAP_SECONDS + 1, 100], [0, 0, 0]) == []


def test_photos_without_a_date_or_with_a_day_only_join_nothing() -> None:
    assert stacks_of([-1, -1, 0], [0, 0, 0]) == []
    ids = np.arange(2, dtype=np.int64)
    midnight = np.full(2, NOON // 86_400 * 86_400, np.int64)
    assert not group(ids, midnight, ids * 0, Features(ids, looks(0, 0)), usual=0.0).count


def test_photos_of_other_folders_and_without_a_feature_join_nothing() -> None:
    assert stacks_of([0, 1, 2, 3], [0, 0, 0, 0], places=[0, 1, 0, 1]) == [[0, 2], [1, 3]]
    ids = np.arange(3, dtype=np.int64)
    some = Features(ids[[0, 2]], looks(0, 0))
    assert listed(group(ids, ids + NOON, ids * 0, some, usual=0.0)) == [[0, 2]]


def test_a_camera_that_pans_begins_another_stack_once_nothing_is_left_of_the_first_photo() -> None:
    angles = np.linspace(0, np.pi / 2, 10)  # neighbours 10 degrees apart
    matrix = np.zeros((10, DIM))
    matrix[:, 0], matrix[:, 1] = np.cos(angles), np.sin(angles)
    ids = np.arange(10, dtype=np.int64)
    found = group(ids, ids + NOON, ids * 0, Features(ids, matrix.astype(np.float16)), usual=0.0)
    assert found.count > 1
    for members in listed(found):
        assert (matrix[members] @ matrix[members[0]] >= ALIKE - 0.01).all()


def test_exposures_that_differ_more_from_each_other_than_from_the_first_are_one_stack() -> None:
    matrix = np.zeros((3, DIM))
    matrix[0, 0] = 1
    matrix[1, :2] = np.cos(0.7), np.sin(0.7)
    matrix[2, :2] = np.cos(0.7), -np.sin(0.7)
    assert matrix[1] @ matrix[2] < ALIKE < matrix[0] @ matrix[1]
    ids = np.arange(3, dtype=np.int64)
    found = group(ids, ids + NOON, ids * 0, Features(ids, matrix.astype(np.float16)), usual=0.0)
    assert listed(found) == [[0, 1, 2]]


@pytest.mark.parametrize("count", [3, 5, 6, 13, 40, MOST, MOST + 1, MOST + 7, 2 * MOST])
def test_long_series_are_whole_up_to_a_limit(count: int) -> None:
    sizes = [len(members) for members in stacks_of([n % 3000 for n in range(count)], [0] * count)]
    rest = count % MOST if count > MOST else 0
    expected = [MOST] * (count // MOST) + ([rest] if rest > 1 else []) if count > MOST else [count]
    assert sizes == expected


def test_the_order_of_one_second_is_that_of_the_file_names() -> None:
    names = ["trip/IMG_10.jpg", "trip/IMG_9.jpg", "trip/IMG_11.jpg", "IMG_12.jpg"]
    snapshot = make_snapshot(np.zeros((4, 1)), names=names, taken=[NOON + 1] * 4)
    found = library_stacks(snapshot, Features(snapshot.image_ids, looks(0, 0, 0, 0)))
    assert listed(found) == [[2, 1, 3]]


def test_what_is_usual_is_measured_in_steps_and_never_taken_from_look_alikes_alone() -> None:
    assert usual_cosine(np.zeros((0, DIM), np.float16)) == 0.5
    assert usual_cosine(looks(0, 0, 0, 0)) == 0.5
    assert usual_cosine(looks(*range(8))) == 0.0
    found = usual_cosine(looks(*range(8)) + np.float16(0.2))
    assert found == pytest.approx(round(found / 0.05) * 0.05)


@st.composite
def libraries(draw: st.DrawFn) -> tuple[list[int], list[int], list[int]]:
    count = draw(st.integers(0, 24))
    numbers = st.lists(st.integers(0, 40), min_size=count, max_size=count)
    scenes = st.lists(st.integers(0, 2), min_size=count, max_size=count)
    return draw(numbers), draw(scenes), draw(scenes)


def one_by_one(seconds: list[int], scenes: list[int], places: list[int]) -> list[list[int]]:
    """What the rule says, photo by photo."""
    looked = looks(*scenes).astype(np.float64)
    order = sorted(range(len(seconds)), key=lambda at: (places[at], seconds[at], at))
    found: list[list[int]] = []
    before = -1
    for at in order:
        joins = (
            before >= 0
            and places[at] == places[before]
            and seconds[at] - seconds[before] <= GAP_SECONDS
            and looked[at] @ looked[found[-1][0]] >= ALIKE
            and len(found[-1]) < MOST
        )
        if joins:
            found[-1].append(at)
        else:
            found.append([at])
        before = at
    return [members for members in found if len(members) > 1]


@given(libraries())
def test_every_photo_is_where_the_rule_puts_it(
    library: tuple[list[int], list[int], list[int]],
) -> None:
    seconds, scenes, places = library
    assert stacks_of(seconds, scenes, places=places) == one_by_one(seconds, scenes, places)


@given(libraries(), st.integers(0, 1000))
def test_other_orders_and_photos_of_other_times_change_nothing(
    library: tuple[list[int], list[int], list[int]], seed: int
) -> None:
    seconds, scenes, places = library
    if not seconds:
        return
    ids = np.arange(len(seconds), dtype=np.int64)
    taken, where = np.array(seconds, np.int64) + NOON, np.array(places, np.int64)
    features = Features(ids, looks(*scenes))
    before = listed(group(ids, taken, where, features, usual=0.0))
    order = np.random.default_rng(seed).permutation(len(ids))
    shuffled = group(ids[order], taken[order], where[order], features, usual=0.0)
    assert listed(shuffled) == before
    more = Features(np.append(ids, 1000 + ids), np.concatenate([features.matrix, features.matrix]))
    later = group(
        np.append(ids, 1000 + ids),
        np.append(taken, taken + 1000),
        np.append(where, where),
        more,
        usual=0.0,
    )
    assert [members for members in listed(later) if members[0] < 1000] == before


def test_a_photo_finds_its_stack_and_a_stack_its_first_photo() -> None:
    found = Stacks(np.array([7, 3, 9, 4], np.int64), np.array([0, 0, 1, 1], np.int64))
    assert found.of(np.array([3, 4, 5, 9, 100], np.int64)).tolist() == [0, 1, -1, 1, -1]
    assert found.number_of(4) == 1
    assert found.key(0) == 7
    assert found.members(-1).tolist() == []
    assert Stacks.none().of(np.array([1], np.int64)).tolist() == [-1]
    assert Stacks.none().members(-1).tolist() == []
